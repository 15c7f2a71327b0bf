//! A log that lies in one stream, such as a file: batch after batch, and in front of each the
//! document chunks that it brings. Each batch is parts as [`log`](super::log) writes them.

use crate::codec::bytes::Put;
use crate::codec::frame::{self, FRAME_HEAD, Frame, Tag};
use crate::codec::salvage::FrameFinder;
use crate::codec::snapshot::read_generation;
use crate::error::Error;

/// One thing in a log file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogItem<'a> {
    /// A document chunk: its number and bytes.
    Documents(u32, &'a [u8]),
    /// A log part, with the commit mark if it has one.
    Part(&'a [u8]),
    /// The log was closed, whole, after the batch of that number.
    Seal(u64),
}

/// Appends the frame of a document chunk.
pub fn write_documents(out: &mut Vec<u8>, number: u32, chunk: &[u8]) {
    frame::write_frame(out, Tag::DOCUMENTS, |payload| {
        payload.put_u32(number);
        payload.extend_from_slice(chunk);
    });
}

/// Appends the mark that the log was closed after that batch.
pub fn write_seal(out: &mut Vec<u8>, generation: u64) {
    frame::write_frame(out, Tag::SEAL, |payload| payload.put_u64(generation));
}

/// What is at the front of `bytes`, and how long it is. `None` asks for more bytes, of which there
/// are none once the file has `ended`.
///
/// # Errors
/// `CORRUPT`.
pub fn next_log_item(bytes: &[u8], ended: bool) -> Result<Option<(LogItem<'_>, usize)>, Error> {
    let Some((first, rest)) = frame::next_frame(bytes)? else { return Ok(None) };
    let length = bytes.len() - rest.len();
    match first.tag {
        Tag::DOCUMENTS => {
            let number = first.expect(Tag::DOCUMENTS, "document chunk")?.u32()?;
            Ok(Some((LogItem::Documents(number, &first.payload[4..]), length)))
        }
        Tag::SEAL => Ok(Some((LogItem::Seal(seal(&first)?), length))),
        Tag::HEADER => {
            let Some((part, rest)) = frame::next_frame(rest)? else { return Ok(None) };
            part.expect(Tag::PART, "log part")?;
            let mut length = bytes.len() - rest.len();
            // The commit mark, if it has one, is part of the part.
            if rest.len() < FRAME_HEAD && !ended {
                return Ok(None);
            }
            if rest.starts_with(&Tag::COMMIT.0.to_le_bytes()) {
                let Some((_, behind)) = frame::next_frame(rest)? else { return Ok(None) };
                length = bytes.len() - behind.len();
            }
            Ok(Some((LogItem::Part(&bytes[..length]), length)))
        }
        _ => Err(first.misplaced()),
    }
}

fn seal(frame: &Frame<'_>) -> Result<u64, Error> {
    let mut fields = frame.expect(Tag::SEAL, "seal")?;
    let generation = read_generation(&mut fields)?;
    fields.finish()?;
    Ok(generation)
}

/// Takes a log file that is damaged, and finds what is whole.
#[derive(Debug, Default)]
pub struct LogSalvage {
    finder: FrameFinder,
    /// A part whose commit mark may come.
    part: Vec<u8>,
}

impl LogSalvage {
    /// Takes the next bytes; `sink` hears of what is whole, and of damaged places (`None`).
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Option<LogItem<'_>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { finder, part } = self;
        finder.push(bytes, &mut |frame| take(part, frame, sink))
    }

    /// Ends the log.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn end(
        &mut self,
        sink: &mut dyn FnMut(Option<LogItem<'_>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { finder, part } = self;
        finder.end(&mut |frame| take(part, frame, sink))?;
        flush(part, sink)
    }
}

type Sink<'a> = &'a mut dyn FnMut(Option<LogItem<'_>>) -> Result<(), Error>;

fn flush(part: &mut Vec<u8>, sink: Sink<'_>) -> Result<(), Error> {
    if part.is_empty() {
        return Ok(());
    }
    let whole = std::mem::take(part);
    sink(Some(LogItem::Part(&whole)))
}

fn take(part: &mut Vec<u8>, frame: Option<&Frame<'_>>, sink: Sink<'_>) -> Result<(), Error> {
    let Some(frame) = frame else {
        flush(part, sink)?;
        return sink(None);
    };
    let copy = |part: &mut Vec<u8>| {
        frame::write_frame(part, frame.tag, |out| out.extend_from_slice(frame.payload));
    };
    match frame.tag {
        Tag::HEADER => {
            flush(part, sink)?;
            copy(part);
        }
        Tag::PART => copy(part),
        Tag::COMMIT => {
            copy(part);
            flush(part, sink)?;
        }
        Tag::DOCUMENTS if frame.payload.len() >= 4 => {
            flush(part, sink)?;
            let number = frame.expect(Tag::DOCUMENTS, "document chunk")?.u32()?;
            sink(Some(LogItem::Documents(number, &frame.payload[4..])))?;
        }
        Tag::SEAL => {
            flush(part, sink)?;
            match seal(frame) {
                Ok(generation) => sink(Some(LogItem::Seal(generation)))?,
                Err(_) => sink(None)?,
            }
        }
        _ => sink(None)?,
    }
    Ok(())
}
