//! `kindex repair`: what is whole of a damaged snapshot or store.

use std::path::PathBuf;

use lexopt::Arg::{Long, Short};

use super::verify::table;
use crate::arguments::{self, only_file, path, required};
use crate::failure::Failure;

const HELP: &str = "\
Writes what is whole of a damaged snapshot file or store's folder to another place, and says what is
gone. The damaged one is not touched.

USAGE
    kindex repair PATH --out NEW

A record is kept if its id and its vector are. A vector whose floats are gone is taken from its code.
Batches of a store's log behind a damaged one are applied as far as they still fit. The graph, the
codes and the columns of metadata are built anew.

OPTIONS
    --out NEW    a file from a file, a folder from a folder; it must not be there yet

EXAMPLE
    kindex repair words.kindex --out words-repaired.kindex
";

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let (mut file, mut out): (Option<PathBuf>, Option<PathBuf>) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return arguments::print(HELP),
            Long("out") => out = Some(path(&mut parser)?),
            other => only_file(&mut file, other)?,
        }
    }
    let file = required(file, "a snapshot or a store", "repair")?;
    let out = required(out, "--out NEW", "repair")?;
    let report =
        kindex_store::repair(&file, &out).map_err(|error| Failure::storage(&file, &error))?;
    arguments::print(&table(&report))
}
