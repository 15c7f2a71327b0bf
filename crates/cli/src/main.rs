//! `kindex`: builds, searches, checks, repairs and measures snapshots and stores.

mod arguments;
mod commands;
mod failure;
mod progress;
mod records;
mod snapshot_file;
mod source;
mod vectors;

use std::io;
use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "\
kindex: a vector index whose every operation is a batch

USAGE
    kindex COMMAND [OPTIONS]

COMMANDS
    build      make a snapshot or a store of vectors, ids, metadata and documents
    query      find the nearest records
    verify     check every byte and link
    repair     keep what is whole of something damaged
    inspect    say what is there
    bench      measure searches, with their recall

A snapshot is one file. The browser's Collection.load, edge workers and this command read the same.
A store is a folder that a program goes on writing to, a durable batch at a time.

    kindex build --vectors words.npy --records words.jsonl --out words.kindex
    kindex query words.kindex --id n02084071 -k 5

`kindex COMMAND --help` explains a command's options with examples.

EXIT CODES
    0  done
    1  the data was refused: malformed input, a damaged snapshot or store, an unknown id
    2  the command line was not understood
    3  a file can't be read or written, or another process has it
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
            Some("repair") => commands::repair::run(parser),
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
