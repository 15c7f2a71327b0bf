//! Rows of a batch that are already there, or nearly.

use hashbrown::HashMap;

use super::{Batch, Collection, Operation};
use crate::batch_rows::{DELETED, DOCUMENT};
use crate::bitset::Bitset;
use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::index::SearchOptions;

/// Neighbors of a record that are looked at for duplicates; itself is one of them.
const NEIGHBORS: usize = 9;

/// When a row counts as a duplicate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Likeness {
    /// The same vector, in the form in which it is kept, or the same document.
    Exact,
    /// A vector at this distance at most. Of records that are stored, the nearest that a search
    /// finds is compared.
    Within(f32),
}

/// What becomes of a duplicate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnDuplicate {
    /// It is not written.
    Skip,
    /// It is written, and what it duplicates is deleted in the same batch; of several rows that are
    /// alike the last is written.
    Replace,
    /// It is written and reported.
    Report,
}

impl OnDuplicate {
    /// The action that JavaScript names so.
    pub fn from_name(name: &str) -> Option<Self> {
        let names = [("skip", Self::Skip), ("replace", Self::Replace), ("report", Self::Report)];
        names.into_iter().find(|(known, _)| *known == name).map(|(_, action)| action)
    }
}

/// How a batch deals with duplicates.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Dedupe {
    /// What is a duplicate.
    pub likeness: Likeness,
    /// What becomes of it.
    pub action: OnDuplicate,
}

/// A row that duplicates a stored record or an earlier row.
#[derive(Clone, PartialEq, Debug)]
pub struct Duplicate {
    /// The row, counted from 0 over the whole batch.
    pub index: usize,
    /// Its id.
    pub id: String,
    /// The id of the other.
    pub of: String,
    /// The distance of the two vectors; 0 for exact duplicates.
    pub distance: f32,
}

/// What each row of a batch is like: a stored record, or an earlier row.
struct Found {
    stored: Vec<Option<(NodeId, f32)>>,
    earlier: Vec<Option<(usize, f32)>>,
}

impl Collection {
    /// Finds the duplicates in a checked batch whose rows were once at `places`, and does with them
    /// as told.
    pub(super) fn settle_duplicates(
        &self,
        batch: &mut Batch,
        places: &[usize],
        dedupe: &Dedupe,
    ) -> Result<Vec<Duplicate>, Error> {
        let invalid = |message| Err(Error::new(Code::InvalidArgument, message));
        if !matches!(batch.operation, Operation::Insert | Operation::Upsert) {
            return invalid("dedupe is for insert and upsert");
        }
        let found = match dedupe.likeness {
            Likeness::Exact => self.equal_rows(batch)?,
            Likeness::Within(threshold) if threshold >= 0.0 && threshold.is_finite() => {
                self.near_rows(batch, threshold, dedupe.action)?
            }
            Likeness::Within(_) => {
                return invalid("dedupe.threshold must be a finite number of at least 0");
            }
        };
        let duplicates = (0..batch.len())
            .filter_map(|row| {
                let stored = found.stored[row]
                    .map(|(slot, distance)| (self.id(slot).unwrap_or_default(), distance));
                let earlier =
                    found.earlier[row].map(|(row, distance)| (batch.rows.ids.get(row), distance));
                let (of, distance) = stored.or(earlier)?;
                let id = batch.rows.ids.get(row).to_owned();
                Some(Duplicate { index: places[row], id, of: of.to_owned(), distance })
            })
            .collect();
        match dedupe.action {
            OnDuplicate::Report => {}
            OnDuplicate::Skip => {
                let alone =
                    |row: usize| found.stored[row].is_none() && found.earlier[row].is_none();
                batch.retain(&(0..batch.len()).map(alone).collect::<Vec<_>>());
            }
            OnDuplicate::Replace => self.replace(batch, &found)?,
        }
        Ok(duplicates)
    }

    fn replace(&self, batch: &mut Batch, found: &Found) -> Result<(), Error> {
        let mut keep = vec![true; batch.len()];
        // The row that is written of those that are alike, by the first of them.
        let mut last: Vec<usize> = (0..batch.len()).collect();
        for (row, earlier) in found.earlier.iter().enumerate() {
            if let Some((original, _)) = earlier {
                keep[last[*original]] = false;
                last[*original] = row;
            }
        }
        let mut replaced: Bitset = found.stored.iter().flatten().map(|(slot, _)| *slot).collect();
        for slot in batch.rows.ids.iter().filter_map(|id| self.slot(id)) {
            replaced.remove(slot);
        }
        batch.retain(&keep);
        for slot in replaced.iter() {
            batch.rows.ids.push(self.id(slot).unwrap_or_default())?;
            batch.rows.metadata.push("")?;
            batch.rows.given.push(DELETED);
            batch.documents.push("")?;
        }
        Ok(())
    }

    fn equal_rows(&self, batch: &Batch) -> Result<Found, Error> {
        let Some(fingerprints) = &self.fingerprints else {
            return Err(Error::new(
                Code::InvalidArgument,
                "exact duplicates are found by fingerprints, and none were made",
            ));
        };
        let staged = self.index.stage(&batch.rows.vectors)?;
        let mut found = Found { stored: Vec::new(), earlier: Vec::new() };
        let mut vectors: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut documents: HashMap<&str, usize> = HashMap::new();
        for (row, id) in batch.rows.ids.iter().enumerate() {
            let vector = staged.vector(NodeId::from_index(row));
            let document = batch.rows.has(row, DOCUMENT).then(|| batch.documents.get(row));
            let stored = self.equal_record(fingerprints, &vector, document, self.slot(id));
            found.stored.push(stored.map(|slot| (slot, 0.0)));
            let bits: Vec<u32> = vector.iter().map(|x| x.to_bits()).collect();
            let earlier = vectors.get(&bits).or_else(|| documents.get(document?)).copied();
            found.earlier.push(earlier.map(|row| (row, 0.0)));
            let original = earlier.unwrap_or(row);
            vectors.entry(bits).or_insert(original);
            if let Some(document) = document {
                documents.entry(document).or_insert(original);
            }
        }
        Ok(found)
    }

    fn near_rows(
        &self,
        batch: &Batch,
        threshold: f32,
        action: OnDuplicate,
    ) -> Result<Found, Error> {
        let mut found = Found { stored: vec![None; batch.len()], earlier: vec![None; batch.len()] };
        let vectors = &batch.rows.vectors;
        let own: Vec<_> = batch.rows.ids.iter().map(|id| self.slot(id)).collect();
        for alike in self.index.alike_stored(vectors, &own, threshold) {
            found.stored[alike.row.index()] = Some((alike.original, alike.distance));
        }
        // A row that is not written makes no other a duplicate; one that replaces does.
        let written =
            |row: &NodeId| action == OnDuplicate::Replace || found.stored[row.index()].is_none();
        let rows: Vec<NodeId> = (0..batch.len()).map(NodeId::from_index).filter(written).collect();
        let staged = self.index.stage(vectors)?;
        for alike in self.index.alike_staged(&staged, &rows, threshold) {
            found.earlier[alike.row.index()] = Some((alike.original.index(), alike.distance));
        }
        Ok(found)
    }

    /// Live records from the slot `first` on, `count` at most, that are within `threshold` of one in
    /// an earlier slot: the later slot, the earlier and the distance, nearest first. And the slot to
    /// go on from, if there is one.
    pub fn duplicates_from(
        &self,
        first: NodeId,
        count: usize,
        threshold: f32,
        set: Option<&Bitset>,
    ) -> (Vec<(NodeId, NodeId, f32)>, Option<NodeId>) {
        let live = set.unwrap_or(self.keys.live());
        let mut slots = live.iter().skip_while(|&slot| slot < first);
        let page: Vec<NodeId> = slots.by_ref().take(count).collect();
        let vectors: Vec<f32> =
            page.iter().flat_map(|&slot| self.index.vector(slot).unwrap_or_default()).collect();
        let options = SearchOptions { k: NEIGHBORS, ..SearchOptions::default() };
        let found = self.index.search_batch(&vectors, &options, set);
        let pairs = page.iter().zip(found).flat_map(|(&slot, hits)| {
            let near = hits.into_iter().filter(move |hit| hit.slot < slot);
            near.filter(|hit| hit.distance <= threshold)
                .map(move |hit| (slot, hit.slot, hit.distance))
        });
        (pairs.collect(), slots.next())
    }
}
