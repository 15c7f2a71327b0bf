//! Errors with a stable code, the same in Rust and in JavaScript.

use std::fmt;

/// What went wrong, as a name that never changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Code {
    /// An option or argument is of the wrong kind or out of bounds.
    InvalidArgument,
    /// A vector has another number of components than the index.
    DimensionMismatch,
    /// A component is NaN, infinite, or so large that its square is.
    NotFinite,
    /// A vector without direction, where the metric needs one.
    ZeroVector,
    /// The id is already there, or twice in the batch.
    DuplicateId,
    /// The id is not there.
    NotFound,
    /// Memory did not suffice; nothing changed.
    OutOfMemory,
    /// Something changed that must not, meanwhile.
    Conflict,
    /// Another process has it open.
    Locked,
    /// The disk is full, or what may be used of it.
    QuotaExceeded,
    /// Storage failed.
    StorageUnavailable,
    /// The bytes come from a newer version of Kindex.
    NewerVersion,
    /// The bytes are damaged, or not Kindex's.
    Corrupt,
    /// This build or runtime can't do it.
    Unsupported,
}

impl Code {
    /// The name that JavaScript sees as `error.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DimensionMismatch => "DIMENSION_MISMATCH",
            Self::NotFinite => "NOT_FINITE",
            Self::ZeroVector => "ZERO_VECTOR",
            Self::DuplicateId => "DUPLICATE_ID",
            Self::NotFound => "NOT_FOUND",
            Self::OutOfMemory => "OUT_OF_MEMORY",
            Self::Conflict => "CONFLICT",
            Self::Locked => "LOCKED",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::StorageUnavailable => "STORAGE_UNAVAILABLE",
            Self::NewerVersion => "NEWER_VERSION",
            Self::Corrupt => "CORRUPT",
            Self::Unsupported => "UNSUPPORTED",
        }
    }
}

/// An error: its code, and a sentence that says what was expected and what came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    code: Code,
    message: String,
}

impl Error {
    /// An error of that code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The bytes are damaged: shorthand for the codecs.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Code::Corrupt, message)
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Error {}
