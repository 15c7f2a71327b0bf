//! Frames: the container that every durable byte sits in.
//!
//! `[tag u32][length u32][crc u32][payload]`, the CRC over tag, length and payload. The first
//! frame of a stream is the header: a magic that tells what the stream is, and the version of its
//! format. The layout of frames and of the header never changes, so that any version can say of
//! any other's bytes which they are.

use crate::codec::bytes::{Put, Reader};
use crate::error::{Code, Error};

/// The newest version of the log and snapshot formats: this build reads it and all earlier ones. It
/// writes the first version that has room for what is written.
pub const FORMAT_VERSION: u32 = VIEWS_VERSION;
/// The version of everything without views.
pub(crate) const FIRST_VERSION: u32 = 1;
/// The version that brought views.
pub(crate) const VIEWS_VERSION: u32 = 2;
/// The longest payload of a frame. Longer ones are refused before they are buffered.
pub const MAX_FRAME_BYTES: usize = 64 << 20;
/// Bytes of a frame in front of its payload.
pub(crate) const FRAME_HEAD: usize = 12;

/// What a frame holds: four letters, readable in a hex dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag(pub(crate) u32);

impl Tag {
    const fn letters(letters: &[u8; 4]) -> Self {
        Self(u32::from_le_bytes(*letters))
    }

    pub(crate) const HEADER: Self = Self::letters(b"HEAD");
    pub(crate) const PART: Self = Self::letters(b"PART");
    pub(crate) const COMMIT: Self = Self::letters(b"DONE");
    pub(crate) const CONFIG: Self = Self::letters(b"CONF");
    pub(crate) const DOCUMENTS: Self = Self::letters(b"DOCS");
    pub(crate) const INDEX: Self = Self::letters(b"INDX");
    pub(crate) const RECORDS: Self = Self::letters(b"RECS");
    pub(crate) const BATCHES: Self = Self::letters(b"BIDS");
    pub(crate) const VIEW: Self = Self::letters(b"VIEW");
    pub(crate) const END: Self = Self::letters(b"ENDS");
    pub(crate) const SEAL: Self = Self::letters(b"SEAL");

    /// Whether any stream has such frames.
    pub(crate) fn is_known(self) -> bool {
        [
            Self::HEADER,
            Self::PART,
            Self::COMMIT,
            Self::CONFIG,
            Self::DOCUMENTS,
            Self::INDEX,
            Self::RECORDS,
            Self::BATCHES,
            Self::VIEW,
            Self::END,
            Self::SEAL,
        ]
        .contains(&self)
    }

    fn name(self) -> String {
        self.0.to_le_bytes().escape_ascii().to_string()
    }
}

/// Which kind of stream the header announces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stream {
    Log,
    Snapshot,
}

impl Stream {
    const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Log => b"KINDEX-L",
            Self::Snapshot => b"KINDEX-S",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Log => "log part",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A frame whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) tag: Tag,
    pub(crate) payload: &'a [u8],
    pub(crate) crc: u32,
}

impl<'a> Frame<'a> {
    /// Checks that the frame is of that kind, and reads its payload.
    pub(crate) fn expect(&self, tag: Tag, what: &'static str) -> Result<Reader<'a>, Error> {
        if self.tag == tag {
            return Ok(Reader::new(self.payload, what));
        }
        Err(Error::corrupt(format!(
            "a frame '{}' was expected, '{}' came",
            tag.name(),
            self.tag.name()
        )))
    }

    /// The error for a frame that has no place here.
    pub(crate) fn misplaced(&self) -> Error {
        Error::corrupt(format!("a frame '{}' has no place here", self.tag.name()))
    }
}

/// Appends a frame whose payload `fill` writes. Returns its CRC.
pub(crate) fn write_frame(out: &mut Vec<u8>, tag: Tag, fill: impl FnOnce(&mut Vec<u8>)) -> u32 {
    let start = out.len();
    out.put_u32(tag.0);
    out.extend_from_slice(&[0; 8]);
    fill(out);
    let length = out.len() - start - FRAME_HEAD;
    assert!(length <= MAX_FRAME_BYTES, "writers keep payloads below the limit");
    out[start + 4..start + 8].copy_from_slice(&(length as u32).to_le_bytes());
    let crc = frame_crc(&out[start..start + 8], &out[start + FRAME_HEAD..]);
    out[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Appends the header of a stream.
pub(crate) fn write_header(out: &mut Vec<u8>, stream: Stream, version: u32) {
    write_frame(out, Tag::HEADER, |payload| {
        payload.extend_from_slice(stream.magic());
        payload.put_u32(version);
    });
}

/// Checks the header of a stream.
///
/// # Errors
/// `NEWER_VERSION` if a later Kindex wrote it; `CORRUPT` if it is not such a stream.
pub(crate) fn check_header(frame: &Frame<'_>, stream: Stream) -> Result<(), Error> {
    let mut fields = frame.expect(Tag::HEADER, "header")?;
    if fields.take(8)? != stream.magic() {
        return Err(Error::corrupt(format!("these bytes are no {} of Kindex", stream.name())));
    }
    let version = fields.u32()?;
    if version > FORMAT_VERSION {
        return Err(Error::new(
            Code::NewerVersion,
            format!(
                "the {} has format version {version}; this build reads up to {FORMAT_VERSION}",
                stream.name()
            ),
        ));
    }
    if version == 0 {
        return Err(Error::corrupt("format version 0 never existed"));
    }
    fields.finish()
}

/// Takes the frame at the front of `bytes`, once it is there whole. `None` asks for more bytes.
pub(crate) fn next_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, &[u8])>, Error> {
    if bytes.len() < FRAME_HEAD {
        return Ok(None);
    }
    let Some((whole, rest)) = bytes.split_at_checked(whole_length(bytes)?) else {
        return Ok(None);
    };
    let (head, payload) = whole.split_at(FRAME_HEAD);
    let mut fields = Reader::new(head, "frame");
    let (tag, _, crc) = (Tag(fields.u32()?), fields.u32()?, fields.u32()?);
    if frame_crc(&head[..8], payload) != crc {
        return Err(Error::corrupt(format!("the checksum of frame '{}' is wrong", tag.name())));
    }
    Ok(Some((Frame { tag, payload, crc }, rest)))
}

/// How long the frame at the front of `bytes` is, of which the head is there.
pub(crate) fn whole_length(bytes: &[u8]) -> Result<usize, Error> {
    let mut fields = Reader::new(bytes, "frame");
    fields.u32()?;
    let length = fields.length()?;
    if length > MAX_FRAME_BYTES {
        return Err(Error::corrupt(format!(
            "a frame of {length} bytes is over the limit of {MAX_FRAME_BYTES}"
        )));
    }
    Ok(FRAME_HEAD + length)
}

/// Takes the frame at the front of bytes that are whole.
pub(crate) fn take_frame<'a>(bytes: &mut &'a [u8]) -> Result<Frame<'a>, Error> {
    let (frame, rest) = next_frame(bytes)?
        .ok_or_else(|| Error::corrupt(format!("a frame is cut off after {} bytes", bytes.len())))?;
    *bytes = rest;
    Ok(frame)
}

fn frame_crc(head: &[u8], payload: &[u8]) -> u32 {
    super::checksum_of(&[head, payload])
}
