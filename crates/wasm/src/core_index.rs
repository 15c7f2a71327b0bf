//! The low-level index of `kindex/core`: vectors and numeric keys, nothing else.

use std::collections::HashMap;
use std::mem;

use kindex::{Code, Error, Neighbor, NodeId, SearchOptions};
use wasm_bindgen::prelude::*;

use crate::errors::to_js;
use crate::options;
use crate::report::Report;

/// A synchronous index of vectors with `u32` keys.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Index {
    index: kindex::Index,
    /// The key of each slot, and back.
    keys: Vec<u32>,
    slots: HashMap<u32, NodeId>,
    next_key: u32,
}

#[wasm_bindgen]
impl Index {
    /// An empty index; options as JSON.
    #[wasm_bindgen(constructor)]
    pub fn new(options_json: &str) -> Result<Self, JsValue> {
        let index = options::parse(options_json).and_then(kindex::Index::new).map_err(to_js)?;
        Ok(Self { index, keys: Vec::new(), slots: HashMap::new(), next_key: 0 })
    }

    /// Inserts vectors (n x dimension) under these keys, or under new ones, counted up from the
    /// largest so far. Returns the keys. Nothing changes if it throws.
    pub fn insert(&mut self, vectors: &[f32], keys: Option<Vec<u32>>) -> Result<Vec<u32>, JsValue> {
        self.insert_checked(vectors, keys).map_err(to_js)
    }

    /// Removes keys. Returns how many were there.
    pub fn remove(&mut self, keys: &[u32]) -> u32 {
        let slots: Vec<_> = keys.iter().filter_map(|key| self.slots.remove(key)).collect();
        self.index.remove(&slots);
        slots.len() as u32
    }

    /// The `k` nearest keys. `ef` 0 chooses the beam by `k`.
    pub fn search(&self, query: &[f32], k: u32, ef: u32) -> Result<IndexHits, JsValue> {
        self.index.check_vector(query).map_err(to_js)?;
        let options = self.search_options(k, ef).map_err(to_js)?;
        Ok(self.hits(&[self.index.search(query, &options, None).0]))
    }

    /// The `k` nearest keys of each query, one query's after the other's.
    #[wasm_bindgen(js_name = searchBatch)]
    pub fn search_batch(&self, queries: &[f32], k: u32, ef: u32) -> Result<IndexHits, JsValue> {
        self.check_rows(queries).map_err(to_js)?;
        let options = self.search_options(k, ef).map_err(to_js)?;
        Ok(self.hits(&self.index.search_batch(queries, &options, None)))
    }

    /// Vectors.
    #[wasm_bindgen(getter)]
    pub fn size(&self) -> u32 {
        self.index.len() as u32
    }

    /// Numbers, as JSON.
    pub fn stats(&self) -> String {
        let stats = self.index.stats();
        let bytes = Report::new()
            .raw("codes", stats.code_bytes)
            .raw("vectors", stats.vector_bytes)
            .raw("graph", stats.graph_bytes);
        Report::new()
            .raw("live", stats.live)
            .raw("tombstones", stats.tombstones)
            .raw("bytes", bytes.finish())
            .finish()
    }
}

impl Index {
    fn insert_checked(
        &mut self,
        vectors: &[f32],
        keys: Option<Vec<u32>>,
    ) -> Result<Vec<u32>, Error> {
        let count = self.check_rows(vectors)?;
        let keys = match keys {
            Some(keys) => keys,
            None => {
                let end = u32::try_from(count).ok().and_then(|n| self.next_key.checked_add(n));
                let end = end.ok_or_else(|| Error::new(Code::OutOfMemory, "no key is left"))?;
                (self.next_key..end).collect()
            }
        };
        self.check_keys(&keys, count)?;
        let slots = self.index.insert(vectors, &mut |_| {})?;
        for (&key, &slot) in keys.iter().zip(&slots) {
            if slot.index() >= self.keys.len() {
                self.keys.resize(slot.index() + 1, 0);
            }
            self.keys[slot.index()] = key;
            self.slots.insert(key, slot);
            self.next_key = self.next_key.max(key.saturating_add(1));
        }
        Ok(keys)
    }

    fn check_keys(&self, keys: &[u32], count: usize) -> Result<(), Error> {
        if keys.len() != count {
            let message = format!("{} keys came for {count} vectors", keys.len());
            return Err(Error::new(Code::InvalidArgument, message));
        }
        // A map of the kind that is there already: a set or a sort would be code of its own.
        let mut seen: HashMap<u32, NodeId> = HashMap::with_capacity(count);
        let mut taken =
            |key: &u32| self.slots.contains_key(key) || seen.insert(*key, NodeId(0)).is_some();
        match keys.iter().find(|key| taken(key)) {
            Some(key) => {
                Err(Error::new(Code::DuplicateId, format!("the key {key} is there already")))
            }
            None => Ok(()),
        }
    }

    fn check_rows(&self, vectors: &[f32]) -> Result<usize, Error> {
        let dimension = self.index.config().dimension;
        if !vectors.len().is_multiple_of(dimension) {
            return Err(Error::new(
                Code::DimensionMismatch,
                format!("{} components are no rows of {dimension}", vectors.len()),
            ));
        }
        for (at, row) in vectors.chunks_exact(dimension).enumerate() {
            self.index.check_vector(row).map_err(|error| {
                Error::new(error.code(), format!("vector {at}: {}", error.message()))
            })?;
        }
        Ok(vectors.len() / dimension)
    }

    fn search_options(&self, k: u32, ef: u32) -> Result<SearchOptions, Error> {
        if k == 0 || ef as usize > kindex::MAX_EF {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("k of at least 1 and ef of at most {} were expected", kindex::MAX_EF),
            ));
        }
        let k = (k as usize).min(self.index.len());
        Ok(SearchOptions { k, ef: ef as usize, exact: false })
    }

    fn hits(&self, found: &[Vec<Neighbor>]) -> IndexHits {
        IndexHits {
            counts: found.iter().map(|hits| hits.len() as u32).collect(),
            keys: found.iter().flatten().map(|hit| self.keys[hit.slot.index()]).collect(),
            distances: found.iter().flatten().map(|hit| hit.distance).collect(),
        }
    }
}

/// The hits of [`Index`], by column. Each getter may be read once.
#[wasm_bindgen]
#[derive(Debug)]
pub struct IndexHits {
    counts: Vec<u32>,
    keys: Vec<u32>,
    distances: Vec<f32>,
}

#[wasm_bindgen]
impl IndexHits {
    /// Hits per query.
    pub fn counts(&mut self) -> Vec<u32> {
        mem::take(&mut self.counts)
    }

    /// Their keys.
    pub fn keys(&mut self) -> Vec<u32> {
        mem::take(&mut self.keys)
    }

    /// Their distances.
    pub fn distances(&mut self) -> Vec<f32> {
        mem::take(&mut self.distances)
    }
}
