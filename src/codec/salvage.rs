//! Frames out of a stream that is damaged.

use crate::codec::frame::{self, FRAME_HEAD, Frame, MAX_FRAME_BYTES, Tag};
use crate::error::Error;

/// How many times its own length a stream may cost in checksums that turn out wrong. A stream made
/// to be expensive is not read to its end.
const PATIENCE: u64 = 8;

/// Finds the whole frames of a stream that comes in pieces, and where others are.
#[derive(Debug, Default)]
pub(crate) struct FrameFinder {
    buffer: Vec<u8>,
    /// Bytes that came.
    seen: u64,
    /// Bytes whose checksum was computed in vain.
    spent: u64,
    /// No whole frame has come since a damaged place was reported.
    damaged: bool,
}

/// Hears of whole frames, and of places (`None`) where something else is.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Option<&Frame<'_>>) -> Result<(), Error>;

impl FrameFinder {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Error> {
        self.seen += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        self.search(false, sink)
    }

    /// Nothing more comes, or what comes next does not follow.
    pub(crate) fn end(&mut self, sink: Sink<'_>) -> Result<(), Error> {
        self.search(true, sink)?;
        self.buffer.clear();
        self.damaged = false;
        Ok(())
    }

    fn search(&mut self, ended: bool, sink: Sink<'_>) -> Result<(), Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        while at < buffer.len() {
            let rest = &buffer[at..];
            match self.look(rest, ended) {
                Look::More => break,
                Look::Frame(frame) => {
                    self.damaged = false;
                    sink(Some(&frame))?;
                    at += FRAME_HEAD + frame.payload.len();
                }
                Look::Damage(skip) => {
                    if !self.damaged {
                        self.damaged = true;
                        sink(None)?;
                    }
                    at += skip;
                }
            }
        }
        buffer.drain(..at.min(buffer.len()));
        self.buffer = buffer;
        Ok(())
    }

    /// What is at the front of `bytes`.
    fn look<'a>(&mut self, bytes: &'a [u8], ended: bool) -> Look<'a> {
        if bytes.len() < FRAME_HEAD {
            return if ended { Look::Damage(bytes.len()) } else { Look::More };
        }
        let Some(length) = plausible(bytes).filter(|_| self.spent <= self.seen * PATIENCE) else {
            return Look::Damage(1 + next_tag(&bytes[1..]));
        };
        // What comes behind says whether the length can be believed, should the checksum be wrong.
        if bytes.len() < length + FRAME_HEAD && !ended {
            return Look::More;
        }
        if bytes.len() < length {
            return Look::Damage(1 + next_tag(&bytes[1..]));
        }
        if let Ok(Some((frame, _))) = frame::next_frame(bytes) {
            return Look::Frame(frame);
        }
        self.spent += length as u64;
        // Damage is mostly inside a payload; then the next frame is where this one ends.
        let behind = &bytes[length..];
        if behind.is_empty() || plausible(behind).is_some() {
            return Look::Damage(length);
        }
        Look::Damage(1 + next_tag(&bytes[1..]))
    }
}

enum Look<'a> {
    /// Too little to say.
    More,
    Frame(Frame<'a>),
    /// So many bytes are nothing.
    Damage(usize),
}

/// The length of a frame that could be at the front of `bytes`.
fn plausible(bytes: &[u8]) -> Option<usize> {
    let tag = Tag(u32::from_le_bytes(*bytes.first_chunk()?));
    let length = frame::whole_length(bytes).ok()?;
    (tag.is_known() && length <= FRAME_HEAD + MAX_FRAME_BYTES).then_some(length)
}

/// How many bytes there are in front of the next tag, or of the last three bytes, which may begin one.
fn next_tag(bytes: &[u8]) -> usize {
    let found = bytes.windows(4).position(|four| {
        let tag = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        four[0].is_ascii_uppercase() && Tag(tag).is_known()
    });
    found.unwrap_or(bytes.len().saturating_sub(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::bytes::Put;

    fn stream() -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in 0..6u32 {
            frame::write_frame(&mut bytes, Tag::INDEX, |payload| {
                payload.put_u32(number);
                payload.extend_from_slice(&[b'x'; 40]);
            });
        }
        bytes
    }

    /// The numbers of the frames that are found, and how many damaged places.
    fn find(bytes: &[u8], piece: usize) -> (Vec<u32>, usize) {
        let (mut numbers, mut damage) = (Vec::new(), 0);
        let mut finder = FrameFinder::default();
        let mut sink = |frame: Option<&Frame<'_>>| {
            match frame {
                Some(frame) => numbers.push(frame.expect(Tag::INDEX, "frame")?.u32()?),
                None => damage += 1,
            }
            Ok(())
        };
        for piece in bytes.chunks(piece) {
            finder.push(piece, &mut sink).unwrap();
        }
        finder.end(&mut sink).unwrap();
        (numbers, damage)
    }

    #[test]
    fn damage_anywhere_costs_the_frame_that_it_is_in() {
        let whole = stream();
        assert_eq!(find(&whole, 7), (vec![0, 1, 2, 3, 4, 5], 0));
        let each = whole.len() / 6;
        for at in 0..whole.len() {
            for bit in [0, 3, 7] {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                let hit = (at / each) as u32;
                let rest: Vec<u32> = (0..6).filter(|&number| number != hit).collect();
                for piece in [1, 13, bytes.len()] {
                    assert_eq!(find(&bytes, piece), (rest.clone(), 1), "bit {bit} of byte {at}");
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_cut_out_or_slipped_in_cost_no_more() {
        let whole = stream();
        let each = whole.len() / 6;
        for at in 0..whole.len() {
            let hit = (at / each) as u32;
            let mut cut = whole.clone();
            cut.remove(at);
            let (numbers, _) = find(&cut, 31);
            assert_eq!(numbers, (0..6).filter(|&number| number != hit).collect::<Vec<_>>(), "{at}");
            let numbers = find(&whole[..at], 31).0;
            assert_eq!(numbers, (0..hit).collect::<Vec<_>>(), "ends at {at}");
        }
    }

    #[test]
    fn a_stream_made_to_be_expensive_is_given_up() {
        // Every twelve bytes a frame that claims all the rest.
        let mut bytes = Vec::new();
        for at in 0..20_000u32 {
            bytes.put_u32(Tag::INDEX.0);
            bytes.put_u32((20_000 - at - 1) * 12);
            bytes.put_u32(0);
        }
        let mut finder = FrameFinder::default();
        finder.push(&bytes, &mut |_| Ok(())).unwrap();
        finder.end(&mut |_| Ok(())).unwrap();
        assert!(finder.spent <= (PATIENCE + 1) * bytes.len() as u64, "{}", finder.spent);
    }
}
