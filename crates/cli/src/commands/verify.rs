//! `kindex verify`: every byte and link of a snapshot or a store.

use std::path::PathBuf;

use kindex::collection::{PartState, Report, StoredPart};
use lexopt::Arg::{Long, Short};

use crate::arguments::{self, only_file, required};
use crate::failure::Failure;

const HELP: &str = "\
Checks every byte and link of a snapshot file or a store's folder, and reports part by part.

USAGE
    kindex verify PATH

Checked are the lengths, checksums and order of everything; that ids are unique and every record has
its vector; that vectors are finite and links lead to vectors; that metadata is JSON within the
limits; that the batches of a store's log are whole; and that every document can be read.

Ends with code 0 if all is well. Otherwise with 1, and each part is one of
    ok        nothing is wrong with it
    damaged   a repair makes it anew without loss
    lost      something of it is gone for good; the report says what

EXAMPLES
    kindex verify words.kindex
    kindex verify words/ && kindex query words/ --id n02084071
";

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut file: Option<PathBuf> = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return arguments::print(HELP),
            other => only_file(&mut file, other)?,
        }
    }
    let file = required(file, "a snapshot or a store", "verify")?;
    let report = kindex_store::verify(&file).map_err(|error| Failure::storage(&file, &error))?;
    arguments::print(&table(&report))?;
    if report.state() == PartState::Ok {
        return Ok(());
    }
    let damaged: Vec<&str> = StoredPart::ALL
        .into_iter()
        .filter(|&part| report.part(part).state != PartState::Ok)
        .map(StoredPart::name)
        .collect();
    Err(Failure::data(format!(
        "{}: CORRUPT: {}; kindex repair keeps what is whole",
        file.display(),
        damaged.join(", ")
    )))
}

/// A line a part, and under it what is wrong.
pub(super) fn table(report: &Report) -> String {
    let mut out = String::new();
    for part in StoredPart::ALL {
        let found = report.part(part);
        let (state, whole) = (found.state.name(), found.whole);
        let what = match part {
            StoredPart::File => "frames",
            StoredPart::Vectors => "float vectors",
            StoredPart::Codes => "codes",
            StoredPart::Graph => "nodes",
            StoredPart::Records => "records",
            StoredPart::Metadata => "records with metadata",
            StoredPart::Batches => "names of batches",
            StoredPart::Documents => "documents",
            StoredPart::Views => "views",
            _ => "batches",
        };
        let lost = if found.lost > 0 { format!(", {} lost", found.lost) } else { String::new() };
        out += &format!("{:<10} {state:<8} {whole} {what}{lost}\n", part.name());
        for finding in &found.findings {
            out += &format!("           - {finding}\n");
        }
    }
    out
}
