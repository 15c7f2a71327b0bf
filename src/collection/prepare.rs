//! Checking a batch as a whole, and writing it out.

use std::mem;
use std::ops::Range;

use super::{Batch, Collection, Dedupe, DocumentAt, Duplicate, ItemError, Operation, Outcome};
use crate::batch_rows::DOCUMENT;
use crate::codec::documents::{self, DOCUMENT_CHUNK_BYTES};
use crate::codec::log::{self, Commit, PartHead};
use crate::codec::snapshot::MAX_GENERATION;
use crate::error::{Code, Error};
use crate::ids::NodeId;

/// The smallest and the largest target for the bytes of a log part.
const PART_BYTES: (usize, usize) = (1 << 10, 16 << 20);

/// A checked batch: its good rows, what was wrong with the others, and how it is written out.
#[derive(Debug)]
pub struct Prepared {
    pub(super) batch: Batch,
    pub(super) generation: u64,
    pub(super) next_document_chunk: u32,
    errors: Vec<ItemError>,
    duplicates: Vec<Duplicate>,
    /// Rows that were left out, now or before the batch was logged.
    failed: u32,
    /// What [`Collection::apply`] counts up to.
    total: usize,
    first_document_chunk: u32,
    /// The rows whose documents share a chunk.
    chunks: Vec<Range<usize>>,
    parts: Vec<Range<usize>>,
    crcs: Vec<u32>,
}

impl Collection {
    /// Checks every row of a batch against the collection and the others. Nothing changes. Bad
    /// rows are left out; if the batch is atomic and has one, it is rejected and stays empty.
    ///
    /// A row has at most one error: the first of id, vector, metadata, document.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY` if the collection could not hold the batch.
    pub fn prepare(&self, batch: Batch) -> Result<Prepared, Error> {
        self.prepare_rows(batch, None)
    }

    /// As [`Collection::prepare`], and deals with the rows that duplicate stored records or earlier
    /// rows; see [`Prepared::duplicates`]. For exact duplicates, [`Collection::fingerprint`] comes
    /// first.
    ///
    /// # Errors
    /// As [`Collection::prepare`]; `INVALID_ARGUMENT` for a threshold out of bounds, and for batches
    /// that do not add.
    pub fn prepare_unlike(&self, batch: Batch, dedupe: &Dedupe) -> Result<Prepared, Error> {
        self.prepare_rows(batch, Some(dedupe))
    }

    fn prepare_rows(&self, mut batch: Batch, dedupe: Option<&Dedupe>) -> Result<Prepared, Error> {
        let errors = self.check_rows(&batch);
        let mut keep = vec![errors.is_empty() || !batch.atomic; batch.len()];
        errors.iter().for_each(|error| keep[error.index] = false);
        if !errors.is_empty() {
            batch.retain(&keep);
        }
        let mut duplicates = Vec::new();
        if let Some(dedupe) = dedupe {
            let places: Vec<usize> = (0..keep.len()).filter(|&row| keep[row]).collect();
            duplicates = self.settle_duplicates(&mut batch, &places, dedupe)?;
        }
        if self.generation >= MAX_GENERATION {
            return Err(Error::new(Code::OutOfMemory, "the collection has no batches left"));
        }
        if batch.rows.len() > NodeId::LIMIT - self.index.slots() {
            return Err(Error::new(Code::OutOfMemory, "the collection has no slots left"));
        }
        let total = match batch.operation {
            Operation::View => self.count_for_views(&batch),
            _ => batch.len(),
        };
        let mut prepared = Prepared {
            total,
            batch,
            generation: self.generation + 1,
            failed: errors.len() as u32,
            errors,
            duplicates,
            first_document_chunk: self.next_document_chunk,
            next_document_chunk: self.next_document_chunk,
            chunks: Vec::new(),
            parts: Vec::new(),
            crcs: Vec::new(),
        };
        if prepared.batch.rows.places.is_empty() {
            prepared.place_documents()?;
        }
        Ok(prepared)
    }
}

impl Prepared {
    /// What is wrong, in the order of the rows.
    pub fn errors(&self) -> &[ItemError] {
        &self.errors
    }

    /// The rows that are like a stored record or an earlier row, in order, where they were looked for.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// Whether the batch must not be written: it is atomic and has errors.
    pub fn is_rejected(&self) -> bool {
        self.batch.atomic && !self.errors.is_empty()
    }

    /// Rows that will be written.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// How many vectors are indexed when it is applied: what its progress counts up to.
    pub fn total(&self) -> usize {
        self.total
    }

    /// What its outcome is once it is applied.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            operation: self.batch.operation,
            generation: self.generation,
            written: self.batch.written() as u32,
            failed: self.failed,
        }
    }

    /// How many document chunks there are to store.
    pub fn document_chunks(&self) -> usize {
        self.chunks.len()
    }

    /// The number of the first chunk; the others follow it.
    pub fn first_document_chunk(&self) -> u32 {
        self.first_document_chunk
    }

    /// The bytes of a chunk.
    ///
    /// # Panics
    /// If `at` is not below [`Prepared::document_chunks`].
    pub fn document_chunk(&self, at: usize) -> Vec<u8> {
        let rows = self.chunks[at].clone().filter(|&row| self.batch.rows.has(row, DOCUMENT));
        documents::encode_chunk(rows.map(|row| self.batch.documents.get(row)))
    }

    /// Divides the batch into parts of about that many bytes. Returns how many: none if there is
    /// nothing to write.
    pub fn plan_log(&mut self, target_bytes: usize) -> usize {
        let target = target_bytes.clamp(PART_BYTES.0, PART_BYTES.1);
        self.crcs.clear();
        self.parts = split(self.len(), target, |row| log::row_size(&self.batch.rows, row));
        self.parts.len()
    }

    /// The bytes of a part. The parts are asked for in order, since the last, which carries the
    /// commit mark, vouches for all before it; an earlier one may be asked for again.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the part is not planned or out of order.
    pub fn log_part(&mut self, at: usize) -> Result<Vec<u8>, Error> {
        if at >= self.parts.len() || at > self.crcs.len() {
            return Err(Error::new(
                Code::InvalidArgument,
                format!(
                    "log part {at} of {} was asked for after {} parts",
                    self.parts.len(),
                    self.crcs.len()
                ),
            ));
        }
        let range = self.parts[at].clone();
        let operation = self.batch.operation.number();
        let head = PartHead { generation: self.generation, part: at as u32, operation };
        let mut out = Vec::new();
        let crc = log::encode_part(&mut out, &head, &self.batch.rows, range);
        if at == self.crcs.len() {
            self.crcs.push(crc);
        }
        if at + 1 == self.parts.len() {
            log::encode_commit(
                &mut out,
                &Commit {
                    parts: self.parts.len() as u32,
                    rows: self.len() as u32,
                    failed: self.failed,
                    chain: log::chain(&self.crcs),
                    next_document_chunk: self.next_document_chunk,
                    batch_id: self.batch.id.clone(),
                },
            );
        }
        Ok(out)
    }

    /// Decides which chunk and row each document goes to.
    fn place_documents(&mut self) -> Result<(), Error> {
        let batch = &mut self.batch;
        if batch.documents.len() == 0 || !batch.rows.given.iter().any(|has| has & DOCUMENT != 0) {
            batch.rows.places = vec![DocumentAt::NONE; batch.rows.len()];
            return Ok(());
        }
        let documents = &batch.documents;
        self.chunks = split(batch.rows.len(), DOCUMENT_CHUNK_BYTES, |row| documents.size(row) + 8);
        self.chunks.retain(|chunk| chunk.clone().any(|row| batch.rows.has(row, DOCUMENT)));
        let next = u32::try_from(self.chunks.len())
            .ok()
            .and_then(|count| self.first_document_chunk.checked_add(count))
            .filter(|&next| next < u32::MAX);
        self.next_document_chunk =
            next.ok_or_else(|| Error::new(Code::OutOfMemory, "no document chunk is left"))?;
        let mut places = vec![DocumentAt::NONE; batch.rows.len()];
        for (chunk, rows) in (self.first_document_chunk..).zip(&self.chunks) {
            let with_document = rows.clone().filter(|&row| batch.rows.has(row, DOCUMENT));
            for (at, row) in (0..).zip(with_document) {
                places[row] = DocumentAt { chunk, row: at };
            }
        }
        batch.rows.places = places;
        Ok(())
    }

    /// A batch that was read from the log, where its documents have their places.
    pub(super) fn set_committed(&mut self, commit: &Commit) {
        self.next_document_chunk = commit.next_document_chunk;
        self.failed = commit.failed;
    }

    /// Takes the batch's rows out, to be applied.
    pub(super) fn take_batch(&mut self) -> Batch {
        let empty = Batch::new(self.batch.operation, self.batch.rows.dimension, self.batch.atomic);
        mem::replace(&mut self.batch, empty)
    }
}

/// Divides rows into runs of about `target` bytes, each of at least one row.
fn split(rows: usize, target: usize, size: impl Fn(usize) -> usize) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for row in 0..rows {
        let more = size(row);
        if row > start && bytes + more > target {
            runs.push(start..row);
            (start, bytes) = (row, 0);
        }
        bytes += more;
    }
    if start < rows {
        runs.push(start..rows);
    }
    runs
}
