//! Why a command ends without having done its work, and the exit code that says so.

use std::fmt;
use std::io;
use std::path::Path;

use kindex::Code;

/// What a script can tell from the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The data was refused: malformed input, a damaged snapshot, an unknown id.
    Data = 1,
    /// The command line was not understood.
    Usage = 2,
    /// A file can't be read or written, or another process has it.
    File = 3,
}

/// One sentence for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    sentence: String,
}

impl Failure {
    pub(crate) fn data(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Data, sentence: sentence.into() }
    }

    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, sentence: sentence.into() }
    }

    pub(crate) fn file(path: &Path, doing: &str, error: &io::Error) -> Self {
        let sentence = format!("{} can't be {doing}: {error}", path.display());
        Self { kind: Kind::File, sentence }
    }

    pub(crate) fn unavailable(sentence: impl Into<String>) -> Self {
        Self { kind: Kind::File, sentence: sentence.into() }
    }

    /// Says which file a refusal is about.
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        if self.kind == Kind::Data {
            self.sentence = format!("{}: {}", path.display(), self.sentence);
        }
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.kind as u8
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sentence)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<kindex::Error> for Failure {
    fn from(error: kindex::Error) -> Self {
        match error.code() {
            Code::InvalidArgument => Self::usage(error.message()),
            _ => Self::data(error.to_string()),
        }
    }
}
