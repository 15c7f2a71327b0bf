//! Hits and records, by column.

use std::mem;

use kindex::{Collection, NodeId};
use wasm_bindgen::prelude::*;

/// What to bring along with each hit: bits of `include`.
const METADATA: u32 = 1;
const DOCUMENTS: u32 = 2;
const VECTORS: u32 = 4;

/// Stands for "no document" in both numbers of a place.
const NO_DOCUMENT: u32 = u32::MAX;

/// All hits of one call, by column. Each getter hands its column over and may be read once.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Results {
    total: usize,
    counts: Vec<u32>,
    ids: String,
    id_ends: Vec<u32>,
    distances: Vec<f32>,
    scores: Vec<f32>,
    metadata: String,
    documents: Vec<u32>,
    vectors: Vec<f32>,
    explanation: String,
}

impl Results {
    /// The records in these slots, with what `include` asks for.
    pub(crate) fn of(
        collection: &Collection,
        counts: Vec<u32>,
        slots: impl ExactSizeIterator<Item = NodeId>,
        include: u32,
    ) -> Self {
        let mut results = Self { total: slots.len(), counts, ..Self::default() };
        results.id_ends.reserve(slots.len());
        let mut id_end = 0;
        if include & METADATA != 0 {
            results.metadata.push('[');
        }
        for slot in slots {
            let id = collection.id(slot).unwrap_or_default();
            id_end += id.encode_utf16().count() as u32;
            results.ids.push_str(id);
            results.id_ends.push(id_end);
            if include & METADATA != 0 {
                if results.metadata.len() > 1 {
                    results.metadata.push(',');
                }
                results.metadata.push_str(collection.metadata(slot).unwrap_or("null"));
            }
            if include & DOCUMENTS != 0 {
                let place = collection.document(slot);
                results.documents.extend(
                    place.map_or([NO_DOCUMENT, NO_DOCUMENT], |place| [place.chunk, place.row]),
                );
            }
            if include & VECTORS != 0 {
                results.vectors.extend(collection.vector(slot).unwrap_or_default());
            }
        }
        if include & METADATA != 0 {
            results.metadata.push(']');
        }
        results
    }

    pub(crate) fn with_distances(mut self, distances: Vec<f32>) -> Self {
        self.distances = distances;
        self
    }

    pub(crate) fn with_scores(mut self, scores: Vec<f32>) -> Self {
        self.scores = scores;
        self
    }

    pub(crate) fn with_explanation(mut self, explanation: String) -> Self {
        self.explanation = explanation;
        self
    }
}

#[wasm_bindgen]
impl Results {
    /// Hits in all.
    #[wasm_bindgen(getter)]
    pub fn total(&self) -> u32 {
        self.total as u32
    }

    /// Hits per query; one entry where there is no query.
    pub fn counts(&mut self) -> Vec<u32> {
        mem::take(&mut self.counts)
    }

    /// The ids, one after the other.
    pub fn ids(&mut self) -> String {
        mem::take(&mut self.ids)
    }

    /// Where each id ends, in UTF-16 units.
    #[wasm_bindgen(js_name = idEnds)]
    pub fn id_ends(&mut self) -> Vec<u32> {
        mem::take(&mut self.id_ends)
    }

    /// The distances, if this is a search.
    pub fn distances(&mut self) -> Vec<f32> {
        mem::take(&mut self.distances)
    }

    /// The scores, if something else than the distance counts too.
    pub fn scores(&mut self) -> Vec<f32> {
        mem::take(&mut self.scores)
    }

    /// A JSON array with the metadata of each hit, `null` where there is none.
    pub fn metadata(&mut self) -> String {
        mem::take(&mut self.metadata)
    }

    /// Chunk and row of each hit's document; twice 0xffffffff where there is none.
    pub fn documents(&mut self) -> Vec<u32> {
        mem::take(&mut self.documents)
    }

    /// The vectors of the hits.
    pub fn vectors(&mut self) -> Vec<f32> {
        mem::take(&mut self.vectors)
    }

    /// How the search went, as JSON, if that was asked for.
    pub fn explanation(&mut self) -> String {
        mem::take(&mut self.explanation)
    }
}
