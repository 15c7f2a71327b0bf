//! Streams of frames in a form that survives mutation.
//!
//! A stream has checksums, which no mutation would keep, and lengths, which insertions break. The
//! fuzzer's form of a frame is `[tag u8][length u16][payload]`: the tag is a number, and a length past
//! the end means all that is left. [`frame`] computes the rest: checksums, the commit mark's checksum
//! over checksums, and the counts at the end of a snapshot.

use kindex::codec::crc32;

use crate::input::Input;

const TAGS: [&[u8; 4]; 11] = [
    b"HEAD", b"CONF", b"DOCS", b"INDX", b"RECS", b"BIDS", b"ENDS", b"PART", b"DONE", b"SEAL",
    b"VIEW",
];
const FRAME_HEAD: usize = 12;

/// A stream out of the fuzzer's form, cut into runs that each begin with a header: one run for a
/// snapshot, one for each part of a log.
pub fn frame(input: &[u8]) -> Vec<Vec<u8>> {
    let mut input = Input(input);
    let mut runs: Vec<Vec<u8>> = Vec::new();
    let mut parts: Vec<[u8; 4]> = Vec::new();
    let (mut frames, mut documents) = (0u32, 0u32);
    while !input.is_empty() {
        let tag = TAGS[usize::from(input.u8()) % TAGS.len()];
        let length = usize::from(input.u16());
        let mut payload = input.take(length).to_vec();
        match tag {
            b"DONE" if payload.len() >= 16 => {
                payload[12..16].copy_from_slice(&crc32(parts.as_flattened()).to_le_bytes());
                parts.clear();
            }
            b"ENDS" if payload.len() == 8 => {
                payload[..4].copy_from_slice(&frames.to_le_bytes());
                payload[4..].copy_from_slice(&documents.to_le_bytes());
            }
            b"DOCS" => documents += 1,
            b"HEAD" => {}
            _ => frames += 1,
        }
        if tag == b"HEAD" || runs.is_empty() {
            runs.push(Vec::new());
        }
        let run = runs.last_mut().expect("a run was begun");
        let crc = push(run, tag, &payload);
        if tag == b"PART" {
            parts.push(crc.to_le_bytes());
        }
    }
    runs
}

fn push(out: &mut Vec<u8>, tag: &[u8; 4], payload: &[u8]) -> u32 {
    let length = (payload.len() as u32).to_le_bytes();
    let crc = crc32(&[tag, &length[..], payload].concat());
    out.extend([&tag[..], &length, &crc.to_le_bytes(), payload].concat());
    crc
}

/// The fuzzer's form of a stream of short frames.
///
/// # Panics
/// If the stream is none, or a frame is too long for the form.
pub fn unframe(mut stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while !stream.is_empty() {
        let tag = TAGS.iter().position(|tag| stream.starts_with(*tag)).expect("a known tag");
        let length = u32::from_le_bytes(stream[4..8].try_into().expect("four bytes")) as usize;
        let short = u16::try_from(length).expect("a short frame");
        out.push(tag as u8);
        out.extend(short.to_le_bytes());
        out.extend(&stream[FRAME_HEAD..FRAME_HEAD + length]);
        stream = &stream[FRAME_HEAD + length..];
    }
    out
}
