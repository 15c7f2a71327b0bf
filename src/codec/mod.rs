//! The byte formats: log parts, snapshots and document chunks.
//!
//! Everything is little-endian and of fixed width; `docs/format.md` describes it byte by byte.
//! What comes in is untrusted: lengths are compared with the bytes that are really there before
//! anything is allocated, and whatever does not fit is an error with a code. `CORRUPT` says that
//! the bytes are damaged or not ours, `NEWER_VERSION` that a later Kindex wrote them.
//! Checksums find accidents; validation is what stands against an attacker.

pub(crate) mod bytes;
mod checksum;
pub(crate) mod documents;
pub(crate) mod frame;
pub(crate) mod log;
mod log_file;
pub(crate) mod salvage;
pub(crate) mod snapshot;

pub use documents::read_document;
pub use frame::{FORMAT_VERSION, MAX_FRAME_BYTES};
pub use log_file::{LogItem, LogSalvage, next_log_item, write_documents, write_seal};

/// The CRC-32 (IEEE) of `bytes`, as every format here uses it.
pub fn crc32(bytes: &[u8]) -> u32 {
    checksum_of(&[bytes])
}

/// The CRC-32 of bytes in pieces.
pub(crate) fn checksum_of(pieces: &[&[u8]]) -> u32 {
    let mut checksum = checksum::Checksum::new();
    pieces.iter().for_each(|piece| checksum.update(piece));
    checksum.finalize()
}
