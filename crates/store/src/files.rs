//! What a store needs of a folder, so that tests can put one in its place that fails.

use std::io;

/// A folder of files.
pub trait Files: Send {
    /// The names in it.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Opens a file for reading.
    fn read(&self, name: &str) -> io::Result<Box<dyn ReadFile>>;
    /// Makes an empty file, in place of one of that name.
    fn create(&self, name: &str) -> io::Result<Box<dyn WriteFile>>;
    /// Opens a file to go on at its end.
    fn append(&self, name: &str) -> io::Result<Box<dyn WriteFile>>;
    /// Gives a file another name, in place of the one that has it, in one step.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file away.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes names durable: of files that were made, renamed, removed.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file that is read at any place.
pub trait ReadFile: Send + Sync {
    /// Bytes of it.
    fn length(&self) -> io::Result<u64>;
    /// Fills `out` with the bytes from `offset` on, of which there must be enough.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

/// A file that grows at its end.
pub trait WriteFile: Send {
    /// Appends all of `bytes`. When it fails, some may have been.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes durable what was written.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to that length, and goes on there.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}
