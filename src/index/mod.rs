//! The index: vectors by slot, exact while small, a graph once that pays.

mod duplicates;
mod importer;
mod parts;
mod read;
mod salvage;
mod subset;

pub use importer::Importer;
use importer::MAX_ENTRIES;
pub use parts::Part;
pub(crate) use salvage::{Source, WholeBlocks};
pub(crate) use subset::{Subset, SubsetImporter};

use crate::bitset::Bitset;
use crate::config::Config;
use crate::error::{Code, Error};
use crate::graph::{Adjacency, Graph, ScratchPool};
use crate::ids::NodeId;
use crate::metric::Metric;
use crate::quantize;
use crate::vectors::Vectors;

/// Up to so many vectors, every one is looked at: exact, and no slower than a walk.
pub const FLAT_LIMIT: usize = 5000;
/// Tombstones are cleared away when they are this part of the graph's nodes: so few that no batch
/// pays for more than its own deletions, enough to be worth looking through the links of all nodes.
const TOMBSTONE_PART: usize = 256;
/// Bytes of scratch that building takes for each vector.
const BUILD_SCRATCH: usize = 700;
/// The largest squared norm: above it, distances would overflow.
const MAX_SQUARE_NORM: f32 = 1e37;

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
    /// `"exact"`, `"walk"`, `"exact-walk"`, `"filtered-walk"`, `"bridged-walk"` or `"exact-fallback"`.
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
    /// Bytes of scratch that is kept for the next walk.
    pub scratch_bytes: usize,
}

/// Vectors by slot. See the crate's documentation.
#[derive(Debug)]
pub struct Index {
    config: Config,
    vectors: Vectors,
    /// Slots with a vector that a search can return.
    alive: Bitset,
    /// Slots below `slots()` that can be used again.
    free: Bitset,
    graph: Option<Graph>,
    scratch: ScratchPool,
}

impl Index {
    /// An empty index.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for options out of bounds.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self {
            vectors: Vectors::new(&config),
            config,
            alive: Bitset::default(),
            free: Bitset::default(),
            graph: None,
            scratch: ScratchPool::default(),
        })
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

    /// One past the largest slot that was ever in use.
    pub fn slots(&self) -> usize {
        self.vectors.len()
    }

    /// Whether `slot` holds a vector that a search can return.
    pub fn is_live(&self, slot: NodeId) -> bool {
        self.alive.contains(slot)
    }

    /// Whether there is a graph, or searches scan.
    pub fn has_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// Gives up the float vectors, where codes can do without: results are scored on codes from now
    /// on. Returns whether it did; the graph does not depend on them.
    pub fn drop_vectors(&mut self) -> bool {
        let dropped = self.vectors.drop_floats();
        self.config.keep_vectors &= !dropped;
        dropped
    }

    /// What it holds.
    pub fn stats(&self) -> IndexStats {
        IndexStats {
            live: self.len(),
            tombstones: self.slots() - self.len() - self.free.len(),
            code_bytes: self.vectors.code_bytes(),
            vector_bytes: self.vectors.floats().map_or(0, |floats| floats.bytes()),
            graph_bytes: self.graph.as_ref().map_or(0, |graph| graph.links().bytes()),
            scratch_bytes: self.scratch.bytes(),
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
                format!(
                    "expected a vector of {} components, got {}",
                    self.config.dimension,
                    vector.len()
                ),
            ));
        }
        let square_norm = quantize::square_norm(vector);
        if square_norm < MAX_SQUARE_NORM {
            if self.config.metric == Metric::Cosine && vector.iter().all(|&x| x == 0.0) {
                return Err(Error::new(
                    Code::ZeroVector,
                    "the vector is all zeros: it has no direction that cosine could compare",
                ));
            }
            return Ok(());
        }
        // No float is printed here: that alone would bring 15 KB of code into WebAssembly.
        let kind = |x: f32| if x.is_nan() { "NaN" } else { "infinite" };
        Err(match vector.iter().position(|x| !x.is_finite()) {
            Some(at) => Error::new(
                Code::NotFinite,
                format!("component {at} is {}, expected a finite number", kind(vector[at])),
            ),
            None => Error::new(
                Code::NotFinite,
                "the vector is too long: its squared length would overflow",
            ),
        })
    }

    /// Inserts a batch of vectors (row-major, `n x dimension`), each already checked, and returns
    /// their slots in input order: free ones first, ascending, then new ones. `progress` hears how
    /// many are done.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`, with nothing changed.
    ///
    /// # Panics
    /// If the length of `vectors` is no multiple of the dimension.
    pub fn insert(
        &mut self,
        vectors: &[f32],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<NodeId>, Error> {
        self.replace(&[], vectors, progress)
    }

    /// [`Index::remove`] and [`Index::insert`] at once: the new vectors, which are often nearly those
    /// that they replace, are not linked by way of these.
    ///
    /// # Errors
    /// As [`Index::insert`].
    ///
    /// # Panics
    /// As [`Index::insert`].
    pub fn replace(
        &mut self,
        removed: &[NodeId],
        vectors: &[f32],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Vec<NodeId>, Error> {
        assert_eq!(vectors.len() % self.config.dimension, 0, "vectors must be whole rows");
        let count = vectors.len() / self.config.dimension;
        let slots = self.assign_slots(count)?;
        self.bury(removed);
        if count > 0 {
            self.add(vectors, &slots, progress)?;
        }
        self.clear_tombstones();
        Ok(slots)
    }

    /// Stores and links vectors in slots that [`Index::assign_slots`] gave.
    fn add(
        &mut self,
        vectors: &[f32],
        slots: &[NodeId],
        progress: &mut dyn FnMut(usize),
    ) -> Result<(), Error> {
        let len = slots.last().map_or(0, |last| last.index() + 1).max(self.slots());
        self.vectors.store(vectors, slots, len);
        for &slot in slots {
            self.free.remove(slot);
            self.alive.insert(slot);
        }
        match &mut self.graph {
            Some(graph) if slots.len() <= graph.nodes().len() => {
                graph.insert(&self.vectors, &self.alive, slots, &self.scratch, progress);
            }
            None if self.alive.len() <= FLAT_LIMIT => progress(slots.len()),
            _ => self.build(slots.len(), progress)?,
        }
        Ok(())
    }

    /// Builds the graph anew over all that is alive, which also clears tombstones away.
    fn build(&mut self, count: usize, progress: &mut dyn FnMut(usize)) -> Result<(), Error> {
        let all = self.alive.len();
        let mut scaled = |done: usize| progress(done * count / all.max(1));
        let links = Adjacency::new(self.config.m0());
        let (config, vectors, alive) = (&self.config, &self.vectors, &self.alive);
        let graph = Graph::build(config, vectors, alive, links, &self.scratch, &mut scaled)?;
        self.graph = Some(graph);
        self.free = (0..self.slots())
            .map(NodeId::from_index)
            .filter(|&slot| !self.alive.contains(slot))
            .collect();
        Ok(())
    }

    /// Slots for `count` vectors, with room for them everywhere.
    fn assign_slots(&mut self, count: usize) -> Result<Vec<NodeId>, Error> {
        let refused = |what: &str| {
            Error::new(Code::OutOfMemory, format!("no memory for {count} more vectors: {what}"))
        };
        let reused = self.free.len().min(count);
        let len = self.slots() + count - reused;
        if len >= NodeId::LIMIT {
            return Err(refused("the index would pass its limit of slots"));
        }
        self.vectors.reserve(len)?;
        if let Some(graph) = &mut self.graph {
            graph.reserve(len, count)?;
        }
        // What building needs on the way is asked for as well: later there is no way back.
        let scratch = count * BUILD_SCRATCH;
        if Vec::<u8>::new().try_reserve_exact(scratch).is_err() {
            return Err(refused("building needs more than there is"));
        }
        Ok(self
            .free
            .iter()
            .take(reused)
            .chain((self.slots()..len).map(NodeId::from_index))
            .collect())
    }

    /// Deletes the vectors of these slots; unknown or dead ones are passed over. They stay in the
    /// graph as tombstones, walked through and never returned, until they are a small part of it.
    pub fn remove(&mut self, slots: &[NodeId]) {
        self.bury(slots);
        self.clear_tombstones();
    }

    fn bury(&mut self, slots: &[NodeId]) {
        for &slot in slots {
            if self.alive.remove(slot) && self.graph.is_none() {
                self.free.insert(slot);
            }
        }
    }

    fn clear_tombstones(&mut self) {
        let Some(graph) = &self.graph else { return };
        let tombstones = graph.nodes().len() - self.alive.len();
        if tombstones * TOMBSTONE_PART >= graph.nodes().len() {
            self.compact();
        }
    }

    /// Whether `slot` would hold the same if it were given this vector.
    pub(crate) fn holds(&self, slot: NodeId, vector: &[f32]) -> bool {
        self.vectors.holds(slot, vector)
    }

    /// Takes tombstones out of the graph, relinks around them and frees their slots. An index that
    /// has become small goes back to scanning.
    pub fn compact(&mut self) {
        let Some(graph) = &mut self.graph else { return };
        if self.alive.len() <= FLAT_LIMIT / 2 {
            let nodes = graph.nodes().clone();
            self.graph = None;
            self.free.union(&nodes);
            self.free.subtract(&self.alive);
            return;
        }
        for slot in graph.consolidate(&self.vectors, &self.alive, &self.scratch) {
            self.free.insert(slot);
        }
    }

    /// Proves what the index relies on: slots are alive, free or tombstones; the graph has every
    /// live slot; and the graph's own invariants.
    ///
    /// # Errors
    /// `CORRUPT`, naming what is broken.
    pub fn check(&self) -> Result<(), Error> {
        self.check_slots()?;
        self.graph.as_ref().map_or(Ok(()), Graph::check)
    }

    /// Slots are alive, free or tombstones, and the graph has every live one.
    fn check_slots(&self) -> Result<(), Error> {
        let mut both = self.alive.clone();
        both.intersect(&self.free);
        if let Some(slot) = both.iter().next() {
            return Err(Error::corrupt(format!("slot {} is both alive and free", slot.0)));
        }
        let Some(graph) = &self.graph else { return Ok(()) };
        let mut missing = self.alive.clone();
        missing.subtract(graph.nodes());
        if let Some(slot) = missing.iter().next() {
            return Err(Error::corrupt(format!("slot {} is alive, but not in the graph", slot.0)));
        }
        Ok(())
    }
}
