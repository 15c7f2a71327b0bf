//! `kindex verify`: every byte and link of a snapshot.

use std::path::PathBuf;

use lexopt::Arg::{Long, Short};

use crate::arguments::{self, only_file, required};
use crate::failure::Failure;
use crate::snapshot_file::Snapshot;

const HELP: &str = "\
Checks every byte and link of a snapshot and reports part by part.

USAGE
    kindex verify FILE

Checked are the lengths, checksums and order of all parts; that ids are unique and every record has
its vector; that vectors are finite and links lead to vectors; that metadata is JSON within the
limits; and that every document can be read. Ends with code 0 if all is well and with 1 at the first
damage, which it names.
";

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut file: Option<PathBuf> = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return arguments::print(HELP),
            other => only_file(&mut file, other)?,
        }
    }
    let file = required(file, "a snapshot", "verify")?;
    let snapshot = Snapshot::open(&file)?;
    snapshot.collection.check().map_err(|error| Failure::from(error).in_file(&file))?;
    let stats = snapshot.collection.stats();
    let documents = documents(&snapshot).map_err(|failure| failure.in_file(&file))?;
    arguments::print(&format!(
        "\
file       ok  {} bytes, every part whole and in order
index      ok  {} vectors, {} tombstones, {} bytes of links
records    ok  {} ids, metadata with {} fields
documents  ok  {documents} in {} chunks
",
        snapshot.bytes,
        stats.index.live,
        stats.index.tombstones,
        stats.index.graph_bytes,
        snapshot.collection.len(),
        stats.fields,
        snapshot.documents.len(),
    ))
}

/// Reads the document of every record that has one.
fn documents(snapshot: &Snapshot) -> Result<usize, Failure> {
    let mut count = 0;
    for slot in snapshot.collection.find(None, usize::MAX, 0) {
        let id = snapshot.collection.id(slot).unwrap_or_default();
        let document = snapshot.document(slot);
        let document = document
            .map_err(|failure| Failure::data(format!("document of record {id:?}: {failure}")))?;
        count += usize::from(document.is_some());
    }
    Ok(count)
}
