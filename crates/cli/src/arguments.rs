//! What the commands' options have in common.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::{Arg, Parser, ValueExt};

use crate::failure::Failure;
use crate::ignore_closed_pipe;
use crate::vectors::Format;

/// Prints a text on standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    ignore_closed_pipe(stdout().lock().write_all(text.as_bytes()))
}

/// The next value as a text.
pub(crate) fn text(parser: &mut Parser) -> Result<String, Failure> {
    Ok(parser.value()?.string()?)
}

/// The next value as a path.
pub(crate) fn path(parser: &mut Parser) -> Result<PathBuf, Failure> {
    Ok(parser.value()?.into())
}

/// The next value as a whole number of at least one.
pub(crate) fn number(parser: &mut Parser, option: &str) -> Result<usize, Failure> {
    parse_number(&text(parser)?, option)
}

/// The next value as several numbers with commas between.
pub(crate) fn numbers(parser: &mut Parser, option: &str) -> Result<Vec<usize>, Failure> {
    text(parser)?.split(',').map(|number| parse_number(number, option)).collect()
}

fn parse_number(text: &str, option: &str) -> Result<usize, Failure> {
    usize::from_str(text).ok().filter(|&number| number > 0).ok_or_else(|| {
        Failure::usage(format!("{option} expects a whole number of at least 1, got {text:?}"))
    })
}

/// The next value as one of several names.
pub(crate) fn choice<T>(
    parser: &mut Parser,
    option: &str,
    names: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<T, Failure> {
    let name = text(parser)?;
    from_name(&name)
        .ok_or_else(|| Failure::usage(format!("{option} expects {names}, got {name:?}")))
}

/// The next value as the format of a file of vectors.
pub(crate) fn format(parser: &mut Parser) -> Result<Format, Failure> {
    choice(parser, "--format", "f32, f16, npy or fvecs", Format::from_name)
}

/// The value that stands for a file, of which there is one.
pub(crate) fn only_file(file: &mut Option<PathBuf>, argument: Arg<'_>) -> Result<(), Failure> {
    match argument {
        Arg::Value(value) if file.is_none() => *file = Some(value.into()),
        Arg::Value(value) => {
            return Err(Failure::usage(format!("expected one file, got {} too", value.display())));
        }
        other => return Err(other.unexpected().into()),
    }
    Ok(())
}

/// What an option must have been given.
pub(crate) fn required<T>(value: Option<T>, what: &str, command: &str) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::usage(format!("expected {what}; see kindex {command} --help")))
}

/// Does the work with that many threads, or with one a core.
pub(crate) fn with_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.map_err(|error| Failure::usage(format!("no threads: {error}")))?;
    Ok(pool.install(work))
}
