//! Document chunks: texts that stay in storage and are read one at a time.
//!
//! `[magic 8][version u32][rows u32]`, then per row `[end u32][crc u32]`, then the texts one after
//! the other. Each text has its own checksum, so that reading one costs its own length and not
//! that of the chunk.

use crate::codec::bytes::{Put, Reader};
use crate::codec::frame::{FIRST_VERSION, FORMAT_VERSION};
use crate::error::{Code, Error};

/// About how many bytes of text go into a chunk: few enough that reading one document is cheap,
/// enough that storage does not drown in records.
pub(crate) const DOCUMENT_CHUNK_BYTES: usize = 128 << 10;

const MAGIC: &[u8; 8] = b"KINDEX-D";

/// A chunk of these texts.
pub(crate) fn encode_chunk<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Vec<u8> {
    let (rows, size) =
        texts.clone().fold((0, 0), |(rows, size), text| (rows + 1, size + text.len()));
    let mut out = Vec::with_capacity(16 + rows * 8 + size);
    out.extend_from_slice(MAGIC);
    out.put_u32(FIRST_VERSION);
    out.put_length(rows);
    let mut end = 0;
    for text in texts.clone() {
        end += text.len();
        out.put_length(end);
        out.put_u32(super::crc32(text.as_bytes()));
    }
    texts.for_each(|text| out.extend_from_slice(text.as_bytes()));
    out
}

/// The document in `row` of a chunk.
///
/// # Errors
/// `CORRUPT` if the chunk is damaged or has no such row; `NEWER_VERSION`.
pub fn read_document(chunk: &[u8], row: u32) -> Result<&str, Error> {
    let mut fields = Reader::new(chunk, "document chunk");
    if fields.take(8)? != MAGIC {
        return Err(Error::corrupt("these bytes are no document chunk of Kindex"));
    }
    let version = fields.u32()?;
    if version > FORMAT_VERSION {
        return Err(Error::new(
            Code::NewerVersion,
            format!("the document chunk has format version {version}"),
        ));
    }
    let rows = fields.length()?;
    let row = row as usize;
    if row >= rows {
        return Err(Error::corrupt(format!("a document chunk of {rows} rows has no row {row}")));
    }
    // The offsets are only trusted as far as the checksum of the text that they lead to.
    let table = Reader::new(
        fields.take(rows.checked_mul(8).ok_or_else(|| Error::corrupt("rows overflow"))?)?,
        "document offsets",
    );
    let (start, end, crc) = offsets(table, row)?;
    fields.take(start)?;
    let length = end
        .checked_sub(start)
        .ok_or_else(|| Error::corrupt(format!("document {row} ends before it begins")))?;
    let text = fields.text(length)?;
    if super::crc32(text.as_bytes()) != crc {
        return Err(Error::corrupt(format!("the checksum of document {row} is wrong")));
    }
    Ok(text)
}

fn offsets(mut table: Reader<'_>, row: usize) -> Result<(usize, usize, u32), Error> {
    let mut start = 0;
    if row > 0 {
        table.take((row - 1) * 8)?;
        start = table.length()?;
        table.u32()?;
    }
    Ok((start, table.length()?, table.u32()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_and_damage_is_named() {
        let texts = ["", "one", "zwölf", "three"];
        let chunk = encode_chunk(texts.into_iter());
        for (row, text) in texts.iter().enumerate() {
            assert_eq!(read_document(&chunk, row as u32).unwrap(), *text);
        }
        assert_eq!(read_document(&chunk, 4).unwrap_err().code(), Code::Corrupt);
        for length in 0..chunk.len() {
            assert!(read_document(&chunk[..length], 3).is_err(), "cut at {length}");
        }
        for at in 0..chunk.len() {
            for bit in 0..8 {
                let mut flipped = chunk.clone();
                flipped[at] ^= 1 << bit;
                // Another document's bytes may be damaged; this one is right or refused.
                if let Ok(text) = read_document(&flipped, 2) {
                    assert_eq!(text, texts[2], "bit {bit} of byte {at}");
                }
            }
        }
    }
}
