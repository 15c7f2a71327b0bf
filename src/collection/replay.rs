//! Recovery: the log's batches again, through the ordinary steps.

use super::{Batch, Collection, ItemError, MAX_BATCH_ID_BYTES, MAX_BATCH_ROWS, Operation, Outcome};
use crate::batch_rows::{BatchRows, DOCUMENT, METADATA};
use crate::codec::log::{self, Commit, Part, PartHead};
use crate::codec::snapshot::MAX_GENERATION;
use crate::error::Error;
use crate::text_column::TextColumn;

/// Reads log parts in their order and applies each batch that is complete.
///
/// A part is as untrusted as any bytes. Batches that the collection already contains are passed
/// over, so that a log may begin before its snapshot.
#[derive(Debug, Default)]
pub struct Replay {
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    head: PartHead,
    rows: BatchRows,
    crcs: Vec<u32>,
}

impl Replay {
    /// A replay at the start of a log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next part. Returns what the batch did once it is complete and applied.
    ///
    /// The first part of a batch drops one before it that was never completed.
    ///
    /// # Errors
    /// `CORRUPT`, `NEWER_VERSION`, with the collection unchanged; `OUT_OF_MEMORY`.
    pub fn feed(
        &mut self,
        collection: &mut Collection,
        part: &[u8],
    ) -> Result<Option<Outcome>, Error> {
        let Part { head, rows, crc, commit } =
            log::decode_part(part, collection.config().dimension)?;
        if head.generation <= collection.generation() {
            return Ok(None);
        }
        if head.generation != collection.generation() + 1 {
            return Err(Error::corrupt(format!(
                "the log goes from batch {} to batch {}",
                collection.generation(),
                head.generation
            )));
        }
        let pending = self.join(head, rows, crc)?;
        let Some(commit) = commit else {
            self.pending = Some(pending);
            return Ok(None);
        };
        let applied = apply(collection, pending, &commit, true)?;
        Ok(Some(applied.outcome))
    }

    /// As [`Replay::feed`] of a log with damaged places: batches behind one are applied all the
    /// same, without the rows that no longer fit. `newest` learns of every batch that is there.
    pub(super) fn salvage(
        &mut self,
        collection: &mut Collection,
        part: &[u8],
        newest: &mut u64,
    ) -> Result<Option<Applied>, Error> {
        let Part { head, rows, crc, commit } =
            log::decode_part(part, collection.config().dimension)?;
        if head.generation <= collection.generation() {
            return Ok(None);
        }
        if head.generation > MAX_GENERATION {
            return Err(Error::corrupt("there are more batches than there can be"));
        }
        *newest = head.generation.max(*newest);
        let pending = self.join(head, rows, crc)?;
        let Some(commit) = commit else {
            self.pending = Some(pending);
            return Ok(None);
        };
        let before = std::mem::replace(&mut collection.generation, head.generation - 1);
        let applied = apply(collection, pending, &commit, false);
        if applied.is_err() {
            collection.generation = before;
        }
        applied.map(Some)
    }

    /// Ends the log. Returns how many of its last parts belong to no complete batch.
    pub fn finish(&mut self) -> usize {
        self.pending.take().map_or(0, |pending| pending.crcs.len())
    }

    fn join(&mut self, head: PartHead, rows: BatchRows, crc: u32) -> Result<Pending, Error> {
        if head.part == 0 {
            self.pending = None;
            return Ok(Pending { head, rows, crcs: vec![crc] });
        }
        let wrong = |before: usize| {
            Error::corrupt(format!(
                "part {} of batch {} follows {before} parts",
                head.part, head.generation
            ))
        };
        let mut pending = self.pending.take().ok_or_else(|| wrong(0))?;
        let expected = PartHead { part: pending.crcs.len() as u32, ..pending.head };
        if head != expected {
            return Err(wrong(pending.crcs.len()));
        }
        if pending.rows.len() + rows.len() > MAX_BATCH_ROWS {
            return Err(Error::corrupt(format!("batch {} has too many rows", head.generation)));
        }
        pending.rows.append(&rows)?;
        pending.crcs.push(crc);
        Ok(pending)
    }
}

/// What a batch of the log did.
pub(super) struct Applied {
    pub(super) outcome: Outcome,
    /// Rows that no longer fit.
    pub(super) errors: Vec<ItemError>,
}

/// Applies a batch that is there with its commit mark: whole, or as far as it fits.
fn apply(
    collection: &mut Collection,
    pending: Pending,
    commit: &Commit,
    whole: bool,
) -> Result<Applied, Error> {
    let generation = pending.head.generation;
    let corrupt = |message: String| Error::corrupt(format!("batch {generation}: {message}"));
    if commit.parts as usize != pending.crcs.len()
        || commit.rows as usize != pending.rows.len()
        || commit.chain != log::chain(&pending.crcs)
    {
        return Err(corrupt(format!(
            "the commit mark is for {} rows in {} parts, {} rows in {} parts are there, or others",
            commit.rows,
            commit.parts,
            pending.rows.len(),
            pending.crcs.len()
        )));
    }
    if pending.rows.len() == 0 || commit.batch_id.len() > MAX_BATCH_ID_BYTES {
        return Err(corrupt("no such batch is ever written".to_owned()));
    }
    check_places(collection, &pending.rows, commit).map_err(corrupt)?;
    let operation = Operation::from_number(pending.head.operation)?;
    let may_bring = match operation {
        Operation::Delete => 0,
        Operation::View => METADATA,
        _ => u8::MAX,
    };
    if pending.rows.given.iter().any(|given| given & !may_bring != 0) {
        return Err(corrupt(format!(
            "a batch that does {} brings what it can't",
            operation.name()
        )));
    }
    let batch = Batch {
        operation,
        atomic: whole,
        id: commit.batch_id.clone(),
        rows: pending.rows,
        documents: TextColumn::default(),
    };
    let mut prepared = collection.prepare(batch)?;
    if let Some(item) = prepared.errors().first().filter(|_| whole) {
        return Err(corrupt(format!("row {}: {}", item.index, item.error)));
    }
    let errors = prepared.errors().to_vec();
    prepared.set_committed(commit);
    let outcome = collection.apply(prepared, &mut |_| {})?;
    // A batch of which nothing fits has been all the same.
    collection.generation = generation;
    Ok(Applied { outcome: Outcome { generation, ..outcome }, errors })
}

fn check_places(collection: &Collection, rows: &BatchRows, commit: &Commit) -> Result<(), String> {
    let (first, end) = (collection.next_document_chunk, commit.next_document_chunk);
    if end < first || end == u32::MAX {
        return Err(format!("its document chunks end at {end}, before they begin at {first}"));
    }
    let outside = (0..rows.len()).find(|&row| {
        rows.has(row, DOCUMENT)
            && rows.place(row).is_none_or(|at| !(first..end).contains(&at.chunk))
    });
    match outside {
        Some(row) => Err(format!("row {row} has its document outside of chunks {first} to {end}")),
        None => Ok(()),
    }
}
