//! Some of the slots of an index, searched by themselves: scanned while they are few, then with a
//! graph of their own over the vectors that the index has.

use crate::bitset::Bitset;
use crate::codec::bytes::{Put, Reader};
use crate::error::{Code, Error};
use crate::graph::{Adjacency, Graph};
use crate::ids::NodeId;
use crate::index::{BUILD_SCRATCH, Index, MAX_ENTRIES, TOMBSTONE_PART};

/// Up to so many members, every one is looked at.
const SCAN_MEMBERS: usize = 2000;
/// A block has about this many bytes at most, and at least one row.
const BLOCK_BYTES: usize = 1 << 20;

/// Live slots of an index. Nodes of its graph that are no members are walked through, and leave the
/// graph before the index gives their slots to others.
#[derive(Debug, Default)]
pub(crate) struct Subset {
    members: Bitset,
    graph: Option<Graph>,
}

impl Subset {
    pub(crate) fn members(&self) -> &Bitset {
        &self.members
    }

    pub(crate) fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    pub(crate) fn bytes(&self) -> usize {
        let bits = self.members.words().len() * 8;
        let graph = self.graph.as_ref();
        bits + graph.map_or(0, |graph| graph.links().bytes() + graph.nodes().words().len() * 8)
    }

    /// The graph as blocks: what says how many there are of what, then links. None without a graph.
    pub(crate) fn blocks(&self) -> usize {
        self.graph
            .as_ref()
            .map_or(0, |graph| 1 + graph.nodes().len().div_ceil(rows_of_block(graph.links().m0())))
    }

    /// Appends a block: first the counters, the number of nodes and the entry points; then for each
    /// node its slot, its degree and its neighbors.
    pub(crate) fn write_block(&self, block: usize, out: &mut Vec<u8>) {
        let Some(graph) = &self.graph else { return };
        let Some(rows) = block.checked_sub(1) else {
            let counts = [graph.nodes().len(), graph.entries().len()];
            graph.counters().into_iter().chain(counts).for_each(|number| out.put_length(number));
            graph.entries().iter().for_each(|entry| out.put_u32(entry.0));
            return;
        };
        let size = rows_of_block(graph.links().m0());
        for slot in graph.nodes().iter().skip(rows * size).take(size) {
            let neighbors = graph.links().neighbors(slot);
            out.put_u32(slot.0);
            out.push(neighbors.len() as u8);
            neighbors.iter().for_each(|neighbor| out.put_u32(neighbor.0));
        }
    }
}

fn rows_of_block(m0: usize) -> usize {
    BLOCK_BYTES / (m0 * 4 + 5)
}

impl Index {
    /// A subset of these live slots, linked `step` at a time (0: all at once).
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub(crate) fn subset(
        &self,
        members: Bitset,
        step: usize,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Subset, Error> {
        let count = members.len();
        if Vec::<u8>::new().try_reserve_exact(count * BUILD_SCRATCH).is_err() {
            let message = format!("no memory for a graph of {count} records");
            return Err(Error::new(Code::OutOfMemory, message));
        }
        let mut subset = Subset { members, graph: None };
        if !self.wants_graph(&subset) {
            progress(count);
            return Ok(subset);
        }
        let slots: Vec<NodeId> = subset.members.iter().collect();
        let step = if step == 0 { count } else { step.max(SCAN_MEMBERS) };
        let mut steps = slots.chunks(step);
        let first = steps.next().unwrap_or_default();
        subset.members = first.iter().copied().collect();
        subset.graph = Some(self.graph_of(&subset.members, progress)?);
        let mut done = first.len();
        for step in steps {
            self.reserve_in(&mut subset, step.len(), self.slots())?;
            self.update_subset(&mut subset, step, &[], &mut |linked| progress(done + linked));
            done += step.len();
        }
        Ok(subset)
    }

    /// Makes room in a subset for `more` members, in an index that will have `slots`.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub(crate) fn reserve_in(
        &self,
        subset: &mut Subset,
        more: usize,
        slots: usize,
    ) -> Result<(), Error> {
        subset.graph.as_mut().map_or(Ok(()), |graph| graph.reserve(slots, more))
    }

    /// Takes live slots into a subset that has room for them, and others out.
    #[inline(never)]
    pub(crate) fn update_subset(
        &self,
        subset: &mut Subset,
        added: &[NodeId],
        removed: &[NodeId],
        progress: &mut dyn FnMut(usize),
    ) {
        for &slot in removed {
            subset.members.remove(slot);
        }
        for &slot in added {
            subset.members.insert(slot);
        }
        if let Some(graph) = &mut subset.graph {
            // Who left and came back is still linked.
            let new: Vec<NodeId> =
                added.iter().copied().filter(|&slot| !graph.nodes().contains(slot)).collect();
            if new.len() <= graph.nodes().len() {
                let vectors = &self.vectors;
                graph.insert(vectors, &subset.members, &new, &self.scratch, progress);
            } else {
                subset.graph = None;
            }
        }
        if subset.graph.is_none() && self.wants_graph(subset) {
            // Without memory for it, the members are scanned: slower, and as right.
            subset.graph = self.graph_of(&subset.members, progress).ok();
        }
        self.settle_subset(subset, false);
    }

    /// Takes nodes out of a subset's graph that are no members: all, once they are many or the index
    /// has freed the slot of one, or `now`. To be called when the index has changed.
    #[inline(never)]
    pub(crate) fn settle_subset(&self, subset: &mut Subset, now: bool) {
        let Some(graph) = &mut subset.graph else { return };
        let (nodes, members) = (graph.nodes().len(), subset.members.len());
        if self.graph.is_none() || members <= SCAN_MEMBERS / 2 {
            subset.graph = None;
            return;
        }
        let many = (nodes - members) * TOMBSTONE_PART >= nodes;
        if nodes > members && (now || many || graph.nodes().meets(&self.free)) {
            graph.consolidate(&self.vectors, &subset.members, &self.scratch);
        }
    }

    fn wants_graph(&self, subset: &Subset) -> bool {
        self.graph.is_some() && subset.members.len() > SCAN_MEMBERS
    }

    #[inline(never)]
    fn graph_of(&self, members: &Bitset, progress: &mut dyn FnMut(usize)) -> Result<Graph, Error> {
        let links = Adjacency::sparse(self.config.m0());
        Graph::build(&self.config, &self.vectors, members, links, &self.scratch, progress)
    }

    /// Proves what a subset relies on.
    ///
    /// # Errors
    /// `CORRUPT`, naming what is broken.
    pub(crate) fn check_subset(&self, subset: &Subset) -> Result<(), Error> {
        self.check_nodes(subset)?;
        subset.graph.as_ref().map_or(Ok(()), Graph::check)
    }

    /// Members are live and linked; nodes have vectors.
    fn check_nodes(&self, subset: &Subset) -> Result<(), Error> {
        let mut strange = subset.members.clone();
        strange.subtract(&self.alive);
        if let Some(graph) = &subset.graph {
            let mut unlinked = subset.members.clone();
            unlinked.subtract(graph.nodes());
            strange.union(&unlinked);
            let mut freed = graph.nodes().clone();
            freed.intersect(&self.free);
            strange.union(&freed);
        }
        match strange.iter().next() {
            None => Ok(()),
            Some(slot) => Err(Error::corrupt(format!("slot {} has no place in its view", slot.0))),
        }
    }

    /// Takes the graph of a subset with these members in again. Nothing is allocated for what is only
    /// announced.
    pub(crate) fn subset_importer(&self, members: Bitset) -> SubsetImporter {
        SubsetImporter {
            members,
            links: Adjacency::sparse(self.config.m0()),
            nodes: Bitset::default(),
            announced: None,
        }
    }
}

/// Builds a [`Subset`] from blocks of bytes that nobody vouches for.
#[derive(Debug)]
pub(crate) struct SubsetImporter {
    members: Bitset,
    links: Adjacency,
    nodes: Bitset,
    /// Counters, number of nodes, entry points: once the first block came.
    announced: Option<([usize; 2], usize, Vec<NodeId>)>,
}

impl SubsetImporter {
    /// Takes the next block.
    ///
    /// # Errors
    /// `CORRUPT` if it can't be what it says, `OUT_OF_MEMORY`.
    pub(crate) fn push(&mut self, index: &Index, mut block: Reader<'_>) -> Result<(), Error> {
        let Some((_, announced, _)) = self.announced else {
            let counters = [block.length()?, block.length()?];
            let (nodes, entries) = (block.length()?, block.length()?);
            if nodes > index.slots() || entries > MAX_ENTRIES {
                return Err(Error::corrupt("a view names impossible numbers"));
            }
            let entries = block.u32s(entries)?.into_iter().map(NodeId).collect();
            self.announced = Some((counters, nodes, entries));
            return block.finish();
        };
        let wrong = || Error::corrupt("the links of a view are out of order or too many");
        let mut last = self.nodes.iter().last();
        while !block.is_empty() {
            let (slot, degree) = (NodeId(block.u32()?), usize::from(block.u8()?));
            let in_order = last.is_none_or(|last| last < slot) && slot.index() < index.slots();
            if !in_order || self.nodes.len() == announced || degree > self.links.m0() {
                return Err(wrong());
            }
            last = Some(slot);
            let neighbors: Vec<NodeId> = block.u32s(degree)?.into_iter().map(NodeId).collect();
            self.nodes.insert(slot);
            self.links.reserve(index.slots(), self.nodes.len())?;
            self.links.grow(index.slots());
            self.links.set(slot, &neighbors);
        }
        Ok(())
    }

    /// The subset, if everything came and fits together.
    ///
    /// # Errors
    /// `CORRUPT`, saying what does not.
    pub(crate) fn finish(self, index: &Index) -> Result<Subset, Error> {
        let mut subset = Subset { members: self.members, graph: None };
        if let Some((counters, nodes, entries)) = self.announced {
            if nodes != self.nodes.len() {
                let message = format!("a view has {} nodes, not {nodes}", self.nodes.len());
                return Err(Error::corrupt(message));
            }
            let graph =
                Graph::from_parts(&index.config, self.links, entries, self.nodes, counters)?;
            subset.graph = Some(graph);
        }
        index.check_nodes(&subset)?;
        Ok(subset)
    }
}
