//! The index: vectors by slot, exact while small, a graph once that pays.

mod parts;

use std::mem;

use crate::bitset::Bitset;
use crate::config::Config;
use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::metric::Metric;

pub use parts::{Importer, Part};

/// A found slot and its distance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Neighbor {
    /// Where the vector is.
    pub slot: NodeId,
    /// Its distance in the index's metric; see [`Metric`].
    pub distance: f32,
}

/// How to search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Results wanted.
    pub k: usize,
    /// The beam of the walk; 0 chooses by `k`.
    pub ef: usize,
    /// Scan every vector instead of walking.
    pub exact: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { k: 10, ef: 0, exact: false }
    }
}

/// How a search was answered, for `explain`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Explanation {
    /// `"exact"`, `"walk"`, `"filtered-walk"`, `"bridged-walk"` or `"exact-fallback"`.
    pub strategy: &'static str,
    /// Distances computed.
    pub distances: usize,
    /// Nodes whose links were followed.
    pub visited: usize,
}

/// What an index holds, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IndexStats {
    /// Vectors that a search can return.
    pub live: usize,
    /// Deleted vectors whose slots are not free yet.
    pub tombstones: usize,
    /// Bytes of codes.
    pub code_bytes: usize,
    /// Bytes of float vectors.
    pub vector_bytes: usize,
    /// Bytes of links.
    pub graph_bytes: usize,
}

/// Vectors by slot. See the crate's documentation.
#[derive(Debug)]
pub struct Index {
    config: Config,
    vectors: Vec<f32>,
    alive: Bitset,
}

impl Index {
    /// An empty index.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for options out of bounds.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self { config, vectors: Vec::new(), alive: Bitset::default() })
    }

    /// The options it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Vectors that a search can return.
    pub fn len(&self) -> usize {
        self.alive.len()
    }

    /// Whether no vector can be returned.
    pub fn is_empty(&self) -> bool {
        self.alive.is_empty()
    }

    /// One past the largest slot in use.
    pub fn slots(&self) -> usize {
        self.vectors.len() / self.config.dimension
    }

    /// Whether `slot` holds a vector that a search can return.
    pub fn is_live(&self, slot: NodeId) -> bool {
        self.alive.contains(slot)
    }

    /// What it holds.
    pub fn stats(&self) -> IndexStats {
        IndexStats {
            live: self.len(),
            tombstones: self.slots() - self.len(),
            vector_bytes: mem::size_of_val(self.vectors.as_slice()),
            ..IndexStats::default()
        }
    }

    /// Checks one vector against the index's options.
    ///
    /// # Errors
    /// `DIMENSION_MISMATCH`, `NOT_FINITE` (names the component), `ZERO_VECTOR` under cosine.
    pub fn check_vector(&self, vector: &[f32]) -> Result<(), Error> {
        if vector.len() != self.config.dimension {
            return Err(Error::new(
                Code::DimensionMismatch,
                format!("expected {} components, got {}", self.config.dimension, vector.len()),
            ));
        }
        if let Some(at) = vector.iter().position(|x| !x.is_finite()) {
            return Err(Error::new(Code::NotFinite, format!("component {at} is {}", vector[at])));
        }
        if self.config.metric == Metric::Cosine && vector.iter().all(|x| *x == 0.0) {
            return Err(Error::new(Code::ZeroVector, "a zero vector has no direction to compare"));
        }
        Ok(())
    }

    /// Inserts a batch of vectors (row-major, `n x dimension`), each already checked, and returns
    /// their slots in input order. `progress` hears how many are done.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`, with nothing changed.
    pub fn insert(
        &mut self,
        vectors: &[f32],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<NodeId>, Error> {
        let first = self.slots();
        self.vectors.extend_from_slice(vectors);
        let slots: Vec<_> = (first..self.slots()).map(NodeId::from_index).collect();
        slots.iter().for_each(|&slot| {
            self.alive.insert(slot);
        });
        progress(slots.len());
        Ok(slots)
    }

    /// Deletes the vectors of these slots; unknown or dead ones are passed over.
    pub fn remove(&mut self, slots: &[NodeId]) {
        for &slot in slots {
            self.alive.remove(slot);
        }
    }

    /// The vector of a live slot as it is compared (normalised under cosine; decoded from its code
    /// where floats are not kept).
    pub fn vector(&self, slot: NodeId) -> Option<Vec<f32>> {
        let at = slot.index() * self.config.dimension;
        self.is_live(slot).then(|| self.vectors[at..at + self.config.dimension].to_vec())
    }

    /// The nearest live slots that are in `filter` (all, if `None`), closest first, ties by slot.
    /// The query is checked already.
    pub fn search(
        &self,
        query: &[f32],
        options: &SearchOptions,
        filter: Option<&Bitset>,
    ) -> (Vec<Neighbor>, Explanation) {
        let mut found: Vec<Neighbor> = self
            .alive
            .iter()
            .filter(|&slot| filter.is_none_or(|set| set.contains(slot)))
            .map(|slot| {
                let at = slot.index() * self.config.dimension;
                let vector = &self.vectors[at..at + self.config.dimension];
                let sum = |f: fn(f32, f32) -> f32| {
                    vector.iter().zip(query).map(|(&a, &b)| f(a, b)).sum::<f32>()
                };
                let dot = sum(|a, b| a * b);
                let distance = match self.config.metric {
                    Metric::Cosine => 1.0 - dot / (sum(|_, b| b * b) * sum(|a, _| a * a)).sqrt(),
                    Metric::Dot => -dot,
                    Metric::Euclidean => sum(|a, b| (a - b) * (a - b)).sqrt(),
                };
                Neighbor { slot, distance }
            })
            .collect();
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.slot.cmp(&b.slot)));
        found.truncate(options.k);
        (found, Explanation { strategy: "exact", distances: self.len(), visited: 0 })
    }

    /// Many searches at once (`queries` row-major), in parallel where there are threads.
    pub fn search_batch(
        &self,
        queries: &[f32],
        options: &SearchOptions,
        filter: Option<&Bitset>,
    ) -> Vec<Vec<Neighbor>> {
        queries
            .chunks_exact(self.config.dimension)
            .map(|query| self.search(query, options, filter).0)
            .collect()
    }

    /// Frees the slots of deleted vectors and relinks around them.
    pub fn compact(&mut self) {}
}
