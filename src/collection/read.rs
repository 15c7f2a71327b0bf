//! Reading: searches, records, counts.

use super::fingerprints::Fingerprints;
use super::{Batch, Collection, DocumentAt, Operation, Row};
use crate::bitset::Bitset;
use crate::config::MAX_EF;
use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::index::{Explanation, IndexStats, Neighbor, SearchOptions};
use crate::metadata::{Facet, Filter, OrderBy};
use crate::text_column::TextColumn;

/// What a collection holds, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CollectionStats {
    /// The index.
    pub index: IndexStats,
    /// Slots in use, tombstones included.
    pub slots: usize,
    /// Batches applied.
    pub generation: u64,
    /// Bytes of ids, and of fingerprints if they were made.
    pub id_bytes: usize,
    /// Bytes of the text of metadata.
    pub metadata_bytes: usize,
    /// About the bytes of the columns of metadata.
    pub column_bytes: usize,
    /// Distinct fields of metadata.
    pub fields: usize,
    /// Bytes of views.
    pub view_bytes: usize,
}

impl Collection {
    /// The nearest records for each query (`queries` row-major), closest first.
    ///
    /// # Errors
    /// `DIMENSION_MISMATCH`, `NOT_FINITE`, `ZERO_VECTOR` that name the query; `INVALID_ARGUMENT`
    /// if `k` is 0 or `ef` over [`MAX_EF`].
    pub fn search(
        &self,
        queries: &[f32],
        options: &SearchOptions,
        filter: Option<&Filter>,
    ) -> Result<Vec<Vec<Neighbor>>, Error> {
        let set = filter.map(|filter| self.select(filter));
        self.search_in(queries, options, set.as_ref())
    }

    /// As [`Collection::search`], among the slots of a set: one that [`Collection::select`] gave,
    /// with no batch in between, or part of it.
    ///
    /// # Errors
    /// As [`Collection::search`].
    pub fn search_in(
        &self,
        queries: &[f32],
        options: &SearchOptions,
        set: Option<&Bitset>,
    ) -> Result<Vec<Vec<Neighbor>>, Error> {
        let options = self.checked(queries, options)?;
        Ok(self.index.search_batch(queries, &options, set))
    }

    /// The nearest records for one query among the slots of a set, and how they were found.
    ///
    /// # Errors
    /// As [`Collection::search`].
    pub fn explain_in(
        &self,
        query: &[f32],
        options: &SearchOptions,
        set: Option<&Bitset>,
    ) -> Result<(Vec<Neighbor>, Explanation), Error> {
        self.index.check_vector(query)?;
        let options = self.checked(query, options)?;
        Ok(self.index.search(query, &options, set))
    }

    pub(super) fn checked(
        &self,
        queries: &[f32],
        options: &SearchOptions,
    ) -> Result<SearchOptions, Error> {
        let dimension = self.config().dimension;
        if !queries.len().is_multiple_of(dimension) {
            return Err(Error::new(
                Code::DimensionMismatch,
                format!(
                    "queries of {dimension} components were expected, {} components came",
                    queries.len()
                ),
            ));
        }
        for (at, query) in queries.chunks_exact(dimension).enumerate() {
            self.index.check_vector(query).map_err(|error| {
                Error::new(error.code(), format!("query {at}: {}", error.message()))
            })?;
        }
        if options.k == 0 {
            return Err(Error::new(Code::InvalidArgument, "k must be at least 1, but is 0"));
        }
        if options.ef > MAX_EF {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("ef must be at most {MAX_EF}, but is {}", options.ef),
            ));
        }
        // No more can be found than there are: a huge k asks for no huge heap.
        Ok(SearchOptions { k: options.k.min(self.len()), ..options.clone() })
    }

    /// The slots of the records that a filter holds for.
    #[inline(never)]
    pub fn select(&self, filter: &Filter) -> Bitset {
        self.columns.evaluate(filter, self.keys.live())
    }

    /// How many records a filter holds for.
    pub fn count(&self, filter: Option<&Filter>) -> usize {
        filter.map_or(self.len(), |filter| self.select(filter).len())
    }

    /// The slots of the records that a filter holds for, in order, from `offset` on.
    pub fn find(&self, filter: Option<&Filter>, limit: usize, offset: usize) -> Vec<NodeId> {
        let set = filter.map(|filter| self.select(filter));
        self.find_in(set.as_ref(), limit, offset)
    }

    /// `limit` slots of a set (all, if `None`) from the `offset`th on, in order.
    pub fn find_in(&self, set: Option<&Bitset>, limit: usize, offset: usize) -> Vec<NodeId> {
        set.unwrap_or(self.keys.live()).iter().skip(offset).take(limit).collect()
    }

    /// `limit` slots of a set (all, if `None`) from the `offset`th on, in the order of a field.
    pub fn find_ordered(
        &self,
        set: Option<&Bitset>,
        by: &OrderBy,
        limit: usize,
        offset: usize,
    ) -> Vec<NodeId> {
        self.columns.ordered(set.unwrap_or(self.keys.live()), by, limit, offset)
    }

    /// The `limit` most frequent values of a field among the slots of a set (all, if `None`).
    pub fn facets(&self, field: &str, set: Option<&Bitset>, limit: usize) -> Vec<Facet<'_>> {
        self.columns.facets(field, set.unwrap_or(self.keys.live()), limit)
    }

    /// Adds the ids of the records in a set (all, if `None`) to a batch that deletes.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the batch does something else.
    pub fn stage_set(&self, set: Option<&Bitset>, batch: &mut Batch) -> Result<(), Error> {
        if batch.operation != Operation::Delete {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("{} takes no filter, only delete does", batch.operation.name()),
            ));
        }
        let mut ids = set.unwrap_or(self.keys.live()).iter().filter_map(|slot| self.id(slot));
        ids.try_for_each(|id| batch.push(Row { id, ..Row::default() }))
    }

    /// The slots of the records with these ids, given joined with the offset after each. Ids that
    /// are not there are passed over.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the offsets do not fit the bytes.
    pub fn slots_of(&self, ids: &[u8], ends: &[u32]) -> Result<Vec<NodeId>, Error> {
        let mut column = TextColumn::default();
        column.extend("ids", ids, ends)?;
        Ok(column.iter().filter_map(|id| self.slot(id)).collect())
    }

    /// The slot of the record with that id.
    pub fn slot(&self, id: &str) -> Option<NodeId> {
        self.keys.slot(id)
    }

    /// The id of the record in a slot.
    pub fn id(&self, slot: NodeId) -> Option<&str> {
        self.keys.id(slot)
    }

    /// The metadata of the record in a slot: JSON, as it came.
    pub fn metadata(&self, slot: NodeId) -> Option<&str> {
        self.metadata.get(slot)
    }

    /// Where the document of the record in a slot is.
    pub fn document(&self, slot: NodeId) -> Option<DocumentAt> {
        self.documents.get(slot.index()).copied().and_then(DocumentAt::some)
    }

    /// The vector of the record in a slot; see [`Index::vector`](crate::Index::vector).
    pub fn vector(&self, slot: NodeId) -> Option<Vec<f32>> {
        self.index.vector(slot)
    }

    /// What it holds, in numbers.
    pub fn stats(&self) -> CollectionStats {
        CollectionStats {
            index: self.index.stats(),
            slots: self.index.slots(),
            generation: self.generation,
            id_bytes: self.keys.bytes() + self.fingerprints.as_ref().map_or(0, Fingerprints::bytes),
            metadata_bytes: self.metadata.bytes(),
            column_bytes: self.columns.bytes(),
            fields: self.columns.len(),
            view_bytes: self.views().map(|view| view.bytes()).sum(),
        }
    }
}
