//! `kindex`: builds, searches, checks and measures snapshots from the command line.

mod arguments;
mod commands;
mod failure;
mod progress;
mod records;
mod snapshot_file;
mod vectors;

use std::io;
use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "\
kindex: a vector index whose every operation is a batch

USAGE
    kindex COMMAND [OPTIONS]

COMMANDS
    build      make a snapshot of vectors, ids, metadata and documents
    query      find the nearest records in a snapshot
    verify     check every byte and link of a snapshot
    inspect    say what a snapshot holds
    bench      measure the searches of a snapshot, with their recall

A snapshot is one file. The browser's Collection.load, edge workers and this command read the same.

    kindex build --vectors words.npy --records words.jsonl --out words.kindex
    kindex query words.kindex --id n02084071 -k 5

`kindex COMMAND --help` explains a command's options with examples.

EXIT CODES
    0  done
    1  the data was refused: malformed input, a damaged snapshot, an unknown id
    2  the command line was not understood
    3  a file can't be read or written
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run() -> Result<(), Failure> {
    use lexopt::Arg::{Long, Short, Value};

    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        None => Err(Failure::usage("expected a command; see kindex --help")),
        Some(Short('h') | Long("help")) => arguments::print(HELP),
        Some(Short('V') | Long("version")) => {
            arguments::print(concat!("kindex ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        Some(Value(name)) => match name.to_str() {
            Some("build") => commands::build::run(parser),
            Some("query") => commands::query::run(parser),
            Some("verify") => commands::verify::run(parser),
            Some("inspect") => commands::inspect::run(parser),
            Some("bench") => commands::bench::run(parser),
            _ => Err(Failure::usage(format!(
                "there is no command {}; kindex --help lists them",
                name.display()
            ))),
        },
        Some(other) => Err(other.unexpected().into()),
    }
}

/// Standard output that a reader may have closed (`| head`): that ends the work, not in error.
fn ignore_closed_pipe(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::file("standard output".as_ref(), "written", &error))
        }
        _ => Ok(()),
    }
}
