//! The graph: HNSW's base layer, built and grown by batches.
//!
//! There are no upper layers. What they do, finding a good place to begin, a few random entry points
//! do as well at the dimensions that embeddings have; `docs/engine.md` has the measurements.

mod adjacency;
mod batch;
mod bulk;
mod check;
mod entry;
mod leaf;
mod nearest;
mod pairs;
mod partition;
mod random;
mod repair;
mod scratch;
mod search;
mod select;
mod siblings;

pub(crate) use adjacency::Adjacency;
pub(crate) use pairs::close_pairs;
pub(crate) use scratch::{Candidate, Pool, Scratch, ScratchPool};
pub(crate) use search::{
    Cost, search_layer, search_layer_bridged, search_layer_exact, search_layer_filtered,
};

use crate::bitset::Bitset;
use crate::config::Config;
use crate::error::Error;
use crate::ids::NodeId;
use crate::vectors::Vectors;
use batch::Growth;

/// Reachability is looked at again when the graph has grown by this part since it last was.
const UNCHECKED_PART: usize = 16;

/// Links between slots, and where walks begin.
#[derive(Debug)]
pub(crate) struct Graph {
    links: Adjacency,
    entries: Vec<NodeId>,
    /// Nodes in the graph, tombstones included.
    nodes: Bitset,
    ef_construction: usize,
    seed: u64,
    /// Nodes when the entry points were chosen.
    entries_chosen_at: usize,
    /// Nodes that came since reachability was last looked at.
    unchecked: usize,
}

impl Graph {
    /// A graph over the slots in `alive`, built at once. `links` are those of no graph yet.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    #[inline(never)]
    pub(crate) fn build(
        config: &Config,
        vectors: &Vectors,
        alive: &Bitset,
        mut links: Adjacency,
        scratch: &ScratchPool,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Self, Error> {
        links.reserve(vectors.len(), alive.len())?;
        links.grow(vectors.len());
        let nodes: Vec<NodeId> = alive.iter().collect();
        bulk::build(vectors, &mut links, &nodes, config.seed, scratch, progress);
        let mut graph = Self {
            links,
            entries: Vec::new(),
            nodes: alive.clone(),
            ef_construction: config.ef_construction,
            seed: config.seed,
            entries_chosen_at: 0,
            unchecked: 0,
        };
        graph.choose_entries(alive);
        graph.attach_orphans(vectors, scratch);
        Ok(graph)
    }

    /// A graph from its parts, as a snapshot has them.
    ///
    /// # Errors
    /// `CORRUPT` if they break an invariant.
    #[inline(never)]
    pub(crate) fn from_parts(
        config: &Config,
        links: Adjacency,
        entries: Vec<NodeId>,
        nodes: Bitset,
        counters: [usize; 2],
    ) -> Result<Self, Error> {
        check::check_links(&links, &entries, &nodes)?;
        let [entries_chosen_at, unchecked] = counters;
        Ok(Self {
            links,
            entries,
            nodes,
            ef_construction: config.ef_construction,
            seed: config.seed,
            entries_chosen_at,
            unchecked,
        })
    }

    pub(crate) fn links(&self) -> &Adjacency {
        &self.links
    }

    pub(crate) fn entries(&self) -> &[NodeId] {
        &self.entries
    }

    pub(crate) fn nodes(&self) -> &Bitset {
        &self.nodes
    }

    /// The counters that [`Graph::from_parts`] takes back.
    pub(crate) fn counters(&self) -> [usize; 2] {
        [self.entries_chosen_at, self.unchecked]
    }

    /// Makes room for `more` nodes, at slots below `slots`.
    pub(crate) fn reserve(&mut self, slots: usize, more: usize) -> Result<(), Error> {
        self.links.reserve(slots, self.nodes.len() + more)
    }

    /// Links the new slots of a batch, for which [`Graph::reserve`] made room.
    #[inline(never)]
    pub(crate) fn insert(
        &mut self,
        vectors: &Vectors,
        alive: &Bitset,
        slots: &[NodeId],
        scratch: &ScratchPool,
        progress: &mut dyn FnMut(usize),
    ) {
        self.links.grow(vectors.len());
        let growth = Growth {
            vectors,
            entries: &self.entries,
            alive,
            ef_construction: self.ef_construction,
            scratch,
        };
        growth.insert(&mut self.links, slots, self.nodes.len(), progress);
        slots.iter().for_each(|&slot| {
            self.nodes.insert(slot);
        });
        self.unchecked += slots.len();
        if self.nodes.len() >= 2 * self.entries_chosen_at {
            self.choose_entries(alive);
        } else if self.unchecked * UNCHECKED_PART < self.nodes.len() {
            return;
        }
        self.attach_orphans(vectors, scratch);
    }

    /// Takes the nodes that are not in `alive` out of the graph, and gives their slots back.
    #[inline(never)]
    pub(crate) fn consolidate(
        &mut self,
        vectors: &Vectors,
        alive: &Bitset,
        scratch: &ScratchPool,
    ) -> Vec<NodeId> {
        let mut dead = self.nodes.clone();
        dead.subtract(alive);
        let live: Vec<NodeId> = alive.iter().collect();
        repair::consolidate(vectors, &mut self.links, &live, &dead, scratch);
        self.nodes.subtract(&dead);
        if self.entries.iter().any(|&entry| dead.contains(entry)) {
            self.choose_entries(alive);
        }
        self.attach_orphans(vectors, scratch);
        dead.iter().collect()
    }

    /// Proves the invariants. Nodes that came since reachability was last looked at may have taken the last
    /// way to others, in tight clusters: that is no damage.
    ///
    /// # Errors
    /// `CORRUPT`, naming the first slot that breaks one.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.unchecked > 0 {
            return check::check_links(&self.links, &self.entries, &self.nodes);
        }
        check::check(&self.links, &self.entries, &self.nodes)
    }

    fn choose_entries(&mut self, alive: &Bitset) {
        self.entries = entry::choose_entries(alive, self.seed);
        self.entries_chosen_at = self.nodes.len();
    }

    #[inline(never)]
    fn attach_orphans(&mut self, vectors: &Vectors, scratch: &ScratchPool) {
        self.unchecked = 0;
        repair::attach_orphans(vectors, &mut self.links, &self.entries, &self.nodes, scratch);
    }
}
