//! The log: a batch as one or more parts, each a record in storage.
//!
//! A part is a header frame, a `PART` frame with rows, and in the last part of a batch a `DONE`
//! frame, the commit mark. Parts without it never happened. The mark counts parts and rows and
//! carries a checksum over the checksums of all parts, so that parts of different attempts at the
//! same batch can't be taken for one.

use std::ops::Range;

use crate::batch_rows::{BatchRows, DELETED, DOCUMENT, DocumentAt, METADATA, VECTOR};
use crate::codec::bytes::{Put, Reader};
use crate::codec::frame::{self, FIRST_VERSION, Stream, Tag, VIEWS_VERSION};
use crate::codec::snapshot::read_generation;
use crate::error::Error;
use crate::text_column::TextColumn;

/// What all parts of a batch say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PartHead {
    /// The number of the batch.
    pub(crate) generation: u64,
    /// The number of the part in its batch.
    pub(crate) part: u32,
    /// The batch's verb.
    pub(crate) operation: u8,
}

/// The verbs up to this one were there from the first version on.
const FIRST_VERBS: u8 = 4;

/// The mark that makes a batch count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Commit {
    pub(crate) parts: u32,
    pub(crate) rows: u32,
    /// Rows that were reported as bad and left out.
    pub(crate) failed: u32,
    /// Checksum over the checksums of the parts.
    pub(crate) chain: u32,
    /// The first document chunk number that is free after the batch.
    pub(crate) next_document_chunk: u32,
    /// The caller's name for the batch; empty if it has none.
    pub(crate) batch_id: String,
}

/// A part as read.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) head: PartHead,
    pub(crate) rows: BatchRows,
    pub(crate) crc: u32,
    pub(crate) commit: Option<Commit>,
}

/// About how many bytes a row takes in a part.
pub(crate) fn row_size(rows: &BatchRows, row: usize) -> usize {
    let vector = if rows.has(row, VECTOR) { rows.dimension * 4 } else { 0 };
    vector + rows.ids.size(row) + rows.metadata.size(row) + 17
}

/// Encodes the rows of a part. Returns the checksum that the chain takes.
pub(crate) fn encode_part(
    out: &mut Vec<u8>,
    head: &PartHead,
    rows: &BatchRows,
    range: Range<usize>,
) -> u32 {
    let version = if head.operation > FIRST_VERBS { VIEWS_VERSION } else { FIRST_VERSION };
    frame::write_header(out, Stream::Log, version);
    frame::write_frame(out, Tag::PART, |payload| {
        payload.put_u64(head.generation);
        payload.put_u32(head.part);
        payload.push(head.operation);
        payload.put_length(range.len());
        payload.extend_from_slice(&rows.given[range.clone()]);
        rows.ids.encode(payload, range.clone());
        let first = rows.vectors_before(range.start);
        let end = rows.vectors_before(range.end);
        payload.put_f32s(&rows.vectors[first * rows.dimension..end * rows.dimension]);
        let with_metadata = range.clone().filter(|&row| rows.has(row, METADATA));
        rows.metadata.encode(payload, with_metadata);
        for place in range.filter_map(|row| rows.place(row)) {
            payload.put_u32(place.chunk);
            payload.put_u32(place.row);
        }
    })
}

/// Encodes the commit mark.
pub(crate) fn encode_commit(out: &mut Vec<u8>, commit: &Commit) {
    frame::write_frame(out, Tag::COMMIT, |payload| {
        payload.put_u32(commit.parts);
        payload.put_u32(commit.rows);
        payload.put_u32(commit.failed);
        payload.put_u32(commit.chain);
        payload.put_u32(commit.next_document_chunk);
        payload.put_length(commit.batch_id.len());
        payload.extend_from_slice(commit.batch_id.as_bytes());
    });
}

/// The checksum over checksums.
pub(crate) fn chain(crcs: &[u32]) -> u32 {
    let bytes: Vec<u8> = crcs.iter().flat_map(|crc| crc.to_le_bytes()).collect();
    super::crc32(&bytes)
}

/// Reads a part of a collection with that dimension. What the rows say is not yet checked.
///
/// # Errors
/// `CORRUPT`, `NEWER_VERSION`.
pub(crate) fn decode_part(mut bytes: &[u8], dimension: usize) -> Result<Part, Error> {
    frame::check_header(&frame::take_frame(&mut bytes)?, Stream::Log)?;
    let frame = frame::take_frame(&mut bytes)?;
    let mut fields = frame.expect(Tag::PART, "log part")?;
    let generation = read_generation(&mut fields)?;
    let head = PartHead { generation, part: fields.u32()?, operation: fields.u8()? };
    let rows = decode_rows(&mut fields, dimension)?;
    fields.finish()?;
    let commit = if bytes.is_empty() { None } else { Some(decode_commit(&mut bytes)?) };
    Reader::new(bytes, "log part").finish()?;
    Ok(Part { head, rows, crc: frame.crc, commit })
}

fn decode_rows(fields: &mut Reader<'_>, dimension: usize) -> Result<BatchRows, Error> {
    let count = fields.length()?;
    let given = fields.take(count)?.to_vec();
    let known = |given: u8| given == DELETED || given & !(VECTOR | METADATA | DOCUMENT) == 0;
    if let Some(row) = given.iter().position(|&given| !known(given)) {
        return Err(Error::corrupt(format!("row {row} of a log part has unknown bits")));
    }
    let with = |what: u8| given.iter().filter(|&given| given & what != 0).count();
    let ids = TextColumn::decode(fields, count)?;
    let components = with(VECTOR)
        .checked_mul(dimension)
        .ok_or_else(|| Error::corrupt("the vectors of a log part overflow"))?;
    let vectors = fields.f32s(components)?;
    let packed = TextColumn::decode(fields, with(METADATA))?;
    let mut texts = packed.iter();
    let mut metadata = TextColumn::default();
    let mut places = Vec::with_capacity(count);
    for given in &given {
        let text = if given & METADATA != 0 { texts.next() } else { None };
        metadata.push(text.unwrap_or_default())?;
    }
    for given in &given {
        places.push(if given & DOCUMENT != 0 {
            let place = DocumentAt { chunk: fields.u32()?, row: fields.u32()? };
            place.some().ok_or_else(|| Error::corrupt("a document has no place"))?
        } else {
            DocumentAt::NONE
        });
    }
    Ok(BatchRows { dimension, ids, given, vectors, metadata, places })
}

fn decode_commit(bytes: &mut &[u8]) -> Result<Commit, Error> {
    let frame = frame::take_frame(bytes)?;
    let mut fields = frame.expect(Tag::COMMIT, "commit mark")?;
    let mut commit = Commit {
        parts: fields.u32()?,
        rows: fields.u32()?,
        failed: fields.u32()?,
        chain: fields.u32()?,
        next_document_chunk: fields.u32()?,
        batch_id: String::new(),
    };
    let length = fields.length()?;
    commit.batch_id = fields.text(length)?.to_owned();
    fields.finish()?;
    Ok(commit)
}
