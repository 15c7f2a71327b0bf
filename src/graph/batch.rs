//! Growing a graph by a batch, without locks.
//!
//! A sub-batch is linked in three steps. (A) The graph is frozen: each new node looks for its
//! neighbors in it and among the new nodes of its sub-batch, and chooses. (B) The reverse links are
//! grouped by the node that they lead to, and each group is appended, or pruned with what is there.
//! (C) All rows are written. Steps A and B read only the frozen graph and write only rows of their
//! own, so the outcome is the same for any number of threads.

use crate::bitset::Bitset;
use crate::graph::adjacency::Adjacency;
use crate::graph::bulk::{alpha, target_degree};
use crate::graph::scratch::{Candidate, Scratch, ScratchPool};
use crate::graph::search::search_layer;
use crate::graph::select::{few_directions, select_neighbors};
use crate::graph::siblings::{SIBLINGS, siblings};
use crate::ids::NodeId;
use crate::parallel;
use crate::vectors::{Vectors, by_fours};

/// A sub-batch is at most this part of the graph: what its nodes can't see of each other stays small.
const PART_OF_GRAPH: usize = 50;
/// The most nodes of a sub-batch: all pairs among them are looked at.
const LARGEST_SUB_BATCH: usize = 1024;
/// The fewest, so that a small graph grows in steps that are worth one.
const SMALLEST_SUB_BATCH: usize = 32;
/// Nodes of one parallel piece: a piece must outweigh waking a thread.
const GRAIN: usize = 16;

/// Of the beam that `ef_construction` names, a node that chooses with an alpha needs this share, in tenths:
/// `docs/engine.md` has the figures.
const BEAM_TENTHS: usize = 7;
/// Such a node chooses at least so many; below that, the ways that differ most are worth more than near ones.
const FORWARD: usize = 16;

const NONE: NodeId = NodeId(u32::MAX);

/// What stays the same while a batch is linked.
pub(crate) struct Growth<'a> {
    pub(crate) vectors: &'a Vectors,
    pub(crate) entries: &'a [NodeId],
    pub(crate) alive: &'a Bitset,
    pub(crate) ef_construction: usize,
    pub(crate) scratch: &'a ScratchPool,
}

/// How a new node looks for its neighbors, and how all choose.
struct Choice {
    beam: usize,
    limit: usize,
    alpha: f32,
}

impl Growth<'_> {
    /// INSERT (algorithm 1 of the HNSW paper) for a batch: links `nodes`, which the graph has not.
    /// `linked` nodes are in it already. `progress` hears how many of the batch are done.
    pub(crate) fn insert(
        &self,
        links: &mut Adjacency,
        nodes: &[NodeId],
        mut linked: usize,
        progress: &mut dyn FnMut(usize),
    ) {
        let mut done = 0;
        while done < nodes.len() {
            let size = (linked / PART_OF_GRAPH).clamp(SMALLEST_SUB_BATCH, LARGEST_SUB_BATCH);
            let part = &nodes[done..nodes.len().min(done + size)];
            self.insert_part(links, part);
            done += part.len();
            linked += part.len();
            progress(done);
        }
    }

    fn insert_part(&self, links: &mut Adjacency, part: &[NodeId]) {
        let forward = self.choose(links, part);
        for (row, &node) in forward.chunks_exact(links.m0()).zip(part) {
            links.set(node, row_of(row));
        }
        let mut reverse: Vec<(NodeId, NodeId)> = forward
            .chunks_exact(links.m0())
            .zip(part)
            .flat_map(|(row, &node)| row_of(row).iter().map(move |&to| (to, node)))
            .collect();
        sort_by_target(&mut reverse);
        let groups: Vec<&[(NodeId, NodeId)]> = reverse.chunk_by(|a, b| a.0 == b.0).collect();
        let rows = self.reverse(links, &groups);
        for (row, group) in rows.chunks_exact(links.m0()).zip(&groups) {
            links.set(group[0].0, row_of(row));
        }
        self.keep_reachable(links, part);
    }

    fn choice(&self, m0: usize) -> Choice {
        let (alpha, degree) = (alpha(self.vectors), target_degree(m0));
        if alpha == 1.0 || degree < FORWARD {
            return Choice { beam: self.ef_construction, limit: degree, alpha: 1.0 };
        }
        // Reverse links fill the rest.
        let limit = FORWARD.max(m0 / 2);
        Choice { beam: (self.ef_construction * BEAM_TENTHS).div_ceil(10), limit, alpha }
    }

    /// Step A: rows of `m0` places, closed by [`NONE`].
    fn choose(&self, links: &Adjacency, part: &[NodeId]) -> Vec<NodeId> {
        let m0 = links.m0();
        let Choice { beam, limit, alpha } = self.choice(m0);
        let siblings = siblings(self.vectors, part);
        let mut rows = vec![NONE; part.len() * m0];
        parallel::fill(&mut rows, GRAIN * m0, |first, rows| {
            self.scratch.with(self.vectors, |scratch| {
                for (at, row) in rows.chunks_exact_mut(m0).enumerate() {
                    let own = first / m0 + at;
                    self.vectors.prepare_slot(part[own], &mut scratch.query);
                    search_layer(self.vectors, links, self.entries, beam, scratch);
                    let Scratch { candidates, pool, .. } = scratch;
                    candidates.clear();
                    candidates.extend(pool.iter().filter(|near| self.alive.contains(near.slot())));
                    if let Some(siblings) = siblings.get(own * SIBLINGS..(own + 1) * SIBLINGS) {
                        candidates.extend(siblings.iter().copied().flatten());
                        candidates.sort_unstable();
                    }
                    select_neighbors(self.vectors, limit, alpha, scratch);
                    // All candidates lie in one direction: take the way that led to them as well.
                    if scratch.chosen.len() < few_directions(self.vectors.dimension()) {
                        self.choose_along_the_way(m0, scratch);
                    }
                    row.iter_mut().zip(&scratch.chosen).for_each(|(to, near)| *to = near.slot());
                }
            });
        });
        rows
    }

    /// Adds diverse nodes from the way that the walk took to those that were chosen.
    fn choose_along_the_way(&self, m0: usize, scratch: &mut Scratch) {
        let Scratch { candidates, chosen, way, query, .. } = scratch;
        candidates.clear();
        candidates.extend_from_slice(chosen);
        let met = way.iter().map(|met| met.slot()).filter(|&met| self.alive.contains(met));
        candidates
            .extend(met.map(|met| Candidate::new(self.vectors.walk_distance(query, met), met)));
        candidates.sort_unstable();
        candidates.dedup();
        select_neighbors(self.vectors, target_degree(m0), 1.0, scratch);
    }

    /// Step B: the new rows of the nodes that are linked to, a group each.
    fn reverse(&self, links: &Adjacency, groups: &[&[(NodeId, NodeId)]]) -> Vec<NodeId> {
        let m0 = links.m0();
        let mut rows = vec![NONE; groups.len() * m0];
        let Choice { alpha, .. } = self.choice(m0);
        parallel::fill(&mut rows, 4 * GRAIN * m0, |first, rows| {
            self.scratch.with(self.vectors, |scratch| {
                for (at, row) in rows.chunks_exact_mut(m0).enumerate() {
                    let group = groups[first / m0 + at];
                    let target = group[0].0;
                    let there = links.neighbors(target);
                    let fresh =
                        || group.iter().map(|link| link.1).filter(|new| !there.contains(new));
                    if there.len() + fresh().count() <= m0 {
                        row.iter_mut()
                            .zip(there.iter().copied().chain(fresh()))
                            .for_each(|(to, from)| *to = from);
                        continue;
                    }
                    scratch.fresh.clear();
                    scratch
                        .fresh
                        .extend(there.iter().copied().filter(|&old| self.alive.contains(old)));
                    scratch.fresh.extend(fresh());
                    self.vectors.prepare_slot(target, &mut scratch.query);
                    rank_fresh(self.vectors, scratch);
                    select_neighbors(self.vectors, target_degree(m0), alpha, scratch);
                    row.iter_mut().zip(&scratch.chosen).for_each(|(to, near)| *to = near.slot());
                }
            });
        });
        rows
    }

    /// Pruning may have taken every link to a new node away again: its nearest neighbor takes it
    /// back, in the place of its own farthest one.
    fn keep_reachable(&self, links: &mut Adjacency, part: &[NodeId]) {
        let is_linked_to = |links: &Adjacency, node: NodeId| {
            links.neighbors(node).iter().any(|&to| links.neighbors(to).contains(&node))
        };
        let mut lost = vec![false; part.len()];
        let frozen = &*links;
        parallel::fill(&mut lost, 4 * GRAIN, |first, lost| {
            for (lost, &node) in lost.iter_mut().zip(&part[first..]) {
                *lost = !is_linked_to(frozen, node);
            }
        });
        for (at, &node) in part.iter().enumerate() {
            if !lost[at] || is_linked_to(links, node) {
                continue;
            }
            let Some(&nearest) = links.neighbors(node).first() else { continue };
            if !links.push(nearest, node) {
                let mut row = links.neighbors(nearest).to_vec();
                let gone = row.pop();
                row.push(node);
                links.set(nearest, &row);
                // The link that gave way may have been the last to another new node.
                part.iter().zip(&mut lost).for_each(|(&new, lost)| *lost |= Some(new) == gone);
            }
        }
    }
}

/// Makes candidates of `scratch.fresh`, by their distance to `scratch.query`, closest first.
pub(crate) fn rank_fresh(vectors: &Vectors, scratch: &mut Scratch) {
    let Scratch { candidates, fresh, query, .. } = scratch;
    candidates.clear();
    by_fours(
        fresh,
        |four| vectors.walk_distances(query, four),
        |slot, distance| candidates.push(Candidate::new(distance, slot)),
    );
    candidates.sort_unstable();
}

/// Sorts links by the node that they lead to, and keeps the order of those that lead to the same: a
/// radix sort, quicker on so many small numbers than a general one, and a fraction of its code.
pub(crate) fn sort_by_target(links: &mut Vec<(NodeId, NodeId)>) {
    const BITS: u32 = 11;
    let mut sorted = vec![(NONE, NONE); links.len()];
    for shift in [0, BITS, 2 * BITS] {
        let digit = |link: &(NodeId, NodeId)| (link.0.0 >> shift) as usize & ((1 << BITS) - 1);
        let mut starts = [0u32; 1 << BITS];
        links.iter().for_each(|link| starts[digit(link)] += 1);
        let mut next = 0;
        for start in &mut starts {
            (*start, next) = (next, next + *start);
        }
        for link in &*links {
            let at = &mut starts[digit(link)];
            sorted[*at as usize] = *link;
            *at += 1;
        }
        std::mem::swap(links, &mut sorted);
    }
}

fn row_of(row: &[NodeId]) -> &[NodeId] {
    &row[..row.iter().position(|&to| to == NONE).unwrap_or(row.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_sorted_by_target_in_the_order_they_came() {
        let mut state = 7u32;
        let links: Vec<(NodeId, NodeId)> = (0..5000)
            .map(|from| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Some targets come often, and some have all the bits that slots have.
                (NodeId((state >> 1) >> (from % 31)), NodeId(from))
            })
            .collect();
        let mut expected = links.clone();
        expected.sort_by_key(|link| link.0);
        let mut sorted = links;
        sort_by_target(&mut sorted);
        assert_eq!(sorted, expected);
    }
}
