//! Failures of storage as errors with a code.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;

use kindex::{Code, Error};

/// What could not be done to which file.
pub(crate) fn failed(name: impl Display, doing: &str, error: &io::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Code::QuotaExceeded
        }
        ErrorKind::UnexpectedEof => Code::Corrupt,
        ErrorKind::NotFound => Code::NotFound,
        _ => Code::StorageUnavailable,
    };
    Error::new(code, format!("{name} can't be {doing}: {error}"))
}

pub(crate) fn at(path: &Path, doing: &str, error: &io::Error) -> Error {
    failed(path.display(), doing, error)
}

/// Says which file an error is about.
pub(crate) fn within(name: impl Display, error: &Error) -> Error {
    Error::new(error.code(), format!("{name}: {}", error.message()))
}
