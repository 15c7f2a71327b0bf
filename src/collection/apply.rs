//! Making a checked batch so.

use super::{Batch, Collection, Operation, Outcome, Prepared};
use crate::batch_rows::{DOCUMENT, METADATA, VECTOR};
use crate::error::{Code, Error};
use crate::ids::NodeId;

impl Collection {
    /// Applies a batch that was prepared against this very state. `progress` hears how many
    /// vectors are indexed.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the batch was rejected or the collection has changed since it was
    /// prepared; `OUT_OF_MEMORY` from the index. Nothing has changed then.
    pub fn apply(
        &mut self,
        mut prepared: Prepared,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Outcome, Error> {
        if prepared.is_rejected() {
            return Err(Error::new(Code::InvalidArgument, "the batch was rejected"));
        }
        if prepared.generation != self.generation + 1 {
            return Err(Error::new(
                Code::InvalidArgument,
                "the collection has changed since the batch was prepared",
            ));
        }
        let outcome = prepared.outcome();
        if prepared.is_empty() {
            return Ok(Outcome { generation: self.generation, ..outcome });
        }
        let next_document_chunk = prepared.next_document_chunk;
        let mut batch = prepared.take_batch();
        if batch.operation == Operation::View {
            self.apply_views(&batch, progress)?;
        } else {
            self.apply_records(&mut batch, progress)?;
        }
        self.generation += 1;
        self.next_document_chunk = next_document_chunk;
        if !batch.id.is_empty() {
            self.known.insert(&batch.id, outcome);
        }
        Ok(outcome)
    }

    fn apply_records(
        &mut self,
        batch: &mut Batch,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), Error> {
        // A record that is given the vector it has stays where it is.
        batch.rows.drop_known_vectors(|id, vector| {
            self.keys.slot(id).is_some_and(|slot| self.index.holds(slot, vector))
        });
        let plans = self.plan_views(batch)?;
        let rows = &batch.rows;
        let goes = |row| rows.has(row, VECTOR) || batch.operation_of(row) == Operation::Delete;
        let ids = rows.ids.iter().enumerate();
        let dead: Vec<NodeId> =
            ids.filter(|&(row, _)| goes(row)).filter_map(|(_, id)| self.keys.slot(id)).collect();
        let slots = self.index.replace(&dead, &rows.vectors, progress)?;

        // From here on nothing can fail.
        let mut slots = slots.into_iter();
        let mut places = Vec::new();
        for (row, id) in rows.ids.iter().enumerate() {
            let old = self.keys.slot(id);
            let new = if rows.has(row, VECTOR) { slots.next() } else { None };
            let slot = match (old, new) {
                (None, None) => unreachable!("a record without vector was refused"),
                (None, Some(new)) => {
                    self.keys.insert(id, new);
                    new
                }
                (Some(old), None) if batch.operation_of(row) == Operation::Delete => {
                    self.forget(old);
                    places.push(None);
                    continue;
                }
                (Some(old), None) => old,
                (Some(old), Some(new)) => {
                    self.relocate(old, new);
                    new
                }
            };
            places.push(Some(slot));
            // An upsert replaces the whole record; an update what it brings.
            let replace = batch.operation != Operation::Update;
            if replace || rows.has(row, METADATA) {
                self.set_metadata(slot, rows.metadata(row)).expect("metadata was checked");
            }
            if replace || rows.has(row, DOCUMENT) {
                self.set_document(slot, rows.place(row));
                self.note_document(batch, row, slot);
            }
            if rows.has(row, VECTOR) {
                self.fingerprint_vector(slot);
            }
        }
        self.follow_views(&plans, &places, &dead);
        Ok(())
    }

    fn forget(&mut self, slot: NodeId) {
        self.clear_metadata(slot);
        self.set_document(slot, None);
        self.move_fingerprint(slot, None);
        self.keys.remove(slot);
    }

    /// Keeps the fingerprints up to date, if there are any. A batch from the log brings places, not
    /// texts: what is not known is found out anew.
    fn note_document(&mut self, batch: &Batch, row: usize, slot: NodeId) {
        let has = batch.rows.has(row, DOCUMENT);
        if has && batch.documents.len() == 0 {
            self.forget_fingerprints();
        } else if let Some(fingerprints) = &mut self.fingerprints {
            fingerprints.set_document(slot, has.then(|| batch.documents.get(row)));
        }
    }

    /// Moves a record, all but its vector, to another slot.
    fn relocate(&mut self, from: NodeId, to: NodeId) {
        if let Some(text) = self.metadata.get(from).map(str::to_owned) {
            self.clear_metadata(from);
            self.set_metadata(to, Some(&text)).expect("metadata was checked when it came in");
        }
        let place = self.document(from);
        self.set_document(from, None);
        self.set_document(to, place);
        self.move_fingerprint(from, Some(to));
        self.keys.relocate(from, to);
    }
}
