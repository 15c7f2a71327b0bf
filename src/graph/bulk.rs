//! Building a graph over many nodes at once: partition and multiply.
//!
//! 1. Every node joins the leaves of its nearest leaders ([`partition`]).
//! 2. Inside a leaf all distances come from one blocked product; each node keeps a few diverse
//!    neighbors ([`nearest`](super::nearest)).
//! 3. What a node kept in its leaves is merged and pruned.
//! 4. Every link gets its reverse, the nearest ones first, as far as there are places: weighing them
//!    against each other cost a tenth of the build and found fewer neighbors.
//!
//! No step walks a graph, none takes a lock, and each one writes only rows of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::graph::adjacency::Adjacency;
use crate::graph::leaf::Leaf;
use crate::graph::nearest::Nearest;
use crate::graph::partition::partition;
use crate::graph::scratch::{Candidate, Scratch, ScratchPool};
use crate::graph::select::select_neighbors;
use crate::ids::NodeId;
use crate::parallel;
use crate::rank;
use crate::vectors::Vectors;

/// Neighbors that a node keeps of one leaf.
const KEPT_IN_LEAF: usize = 12;
/// DiskANN's alpha: a little above 1 keeps a few longer links.
const ALPHA: f32 = 1.05;
/// Nodes of one parallel piece of merging.
const GRAIN: usize = 64;

/// A neighbor and its distance.
type Edge = (NodeId, f32);

/// Links `nodes`, and only these, anew. `links` has room for all of them.
pub(crate) fn build(
    vectors: &Vectors,
    links: &mut Adjacency,
    nodes: &[NodeId],
    seed: u64,
    scratch: &ScratchPool,
    progress: &mut dyn FnMut(usize),
) {
    let alpha = alpha(vectors);
    let degree = target_degree(links.m0());
    let leaves = partition(vectors, nodes, seed);
    progress(nodes.len() / 10);
    let chosen = choose_in_leaves(vectors, nodes, &leaves, alpha);
    progress(nodes.len() * 7 / 10);
    let forward = merge(vectors, nodes, &leaves, &chosen, degree, alpha, scratch);
    drop((leaves, chosen));
    progress(nodes.len() * 8 / 10);
    link(vectors, links, nodes, &forward, scratch);
    progress(nodes.len());
}

/// What choosing works with: a factor on distances that can be negative would turn them around.
pub(crate) fn alpha(vectors: &Vectors) -> f32 {
    if vectors.has_negative_distances() { 1.0 } else { ALPHA }
}

/// Pruned lists leave a quarter of the places for links that come later.
pub(crate) const fn target_degree(m0: usize) -> usize {
    m0 * 3 / 4
}

/// What the nodes of one leaf chose, in the order of the leaf.
struct Chosen {
    ends: Vec<u32>,
    edges: Vec<(u32, f32)>,
}

impl Chosen {
    fn of_node(&self, own: usize) -> &[(u32, f32)] {
        let start = own.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.edges[start as usize..self.ends[own] as usize]
    }
}

fn choose_in_leaves(
    vectors: &Vectors,
    nodes: &[NodeId],
    leaves: &[Vec<u32>],
    alpha: f32,
) -> Vec<Chosen> {
    // The largest first, or the last thread would be left with one.
    let by_size = (0u32..).zip(leaves).map(|(at, leaf)| rank::ranked(!(leaf.len() as u64), at));
    let mut order: Vec<_> = by_size.collect();
    rank::keep_least(&mut order, leaves.len());
    let mut chosen: Vec<Option<Chosen>> = Vec::new();
    chosen.resize_with(leaves.len(), || None);
    let workers = parallel::workers().min(leaves.len()).max(1);
    let next = AtomicUsize::new(0);
    let mut done: Vec<Vec<(u32, Chosen)>> = Vec::new();
    done.resize_with(workers, Vec::new);
    // Each worker takes the next leaf when it is free; which one it gets changes nothing.
    parallel::fill(&mut done, 1, |_, part| {
        let mut leaf = Leaf::new(vectors);
        let mut nearest = Nearest::default();
        while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let at = rank::payload(at);
            let places = &leaves[at as usize];
            part[0]
                .push((at, choose_in_leaf(vectors, nodes, places, alpha, &mut leaf, &mut nearest)));
        }
    });
    for (at, of_leaf) in done.into_iter().flatten() {
        chosen[at as usize] = Some(of_leaf);
    }
    chosen.into_iter().flatten().collect()
}

fn choose_in_leaf(
    vectors: &Vectors,
    nodes: &[NodeId],
    places: &[u32],
    alpha: f32,
    leaf: &mut Leaf,
    nearest: &mut Nearest,
) -> Chosen {
    let members: Vec<NodeId> = places.iter().map(|&place| nodes[place as usize]).collect();
    leaf.load(vectors, &members);
    let mut chosen = Chosen {
        ends: Vec::with_capacity(places.len()),
        edges: Vec::with_capacity(places.len() * KEPT_IN_LEAF * 2 / 3),
    };
    let mut of_node = Vec::with_capacity(KEPT_IN_LEAF);
    for own in 0..places.len() {
        nearest.choose(leaf, own, KEPT_IN_LEAF, alpha, &mut of_node);
        chosen.edges.extend(of_node.iter().map(|&(at, distance)| (places[at as usize], distance)));
        chosen.ends.push(chosen.edges.len() as u32);
    }
    chosen
}

/// Rows of up to `width` edges, closed by [`NONE`] where they are shorter.
struct EdgeRows {
    width: usize,
    edges: Vec<Edge>,
}

const NONE: Edge = (NodeId(u32::MAX), f32::INFINITY);

impl EdgeRows {
    fn row(&self, at: usize) -> impl Iterator<Item = Edge> + '_ {
        self.edges[at * self.width..][..self.width]
            .iter()
            .copied()
            .take_while(|edge| edge.0 != NONE.0)
    }
}

/// Merges what each node chose in its leaves, and prunes it to `degree`.
fn merge(
    vectors: &Vectors,
    nodes: &[NodeId],
    leaves: &[Vec<u32>],
    chosen: &[Chosen],
    degree: usize,
    alpha: f32,
    scratch: &ScratchPool,
) -> EdgeRows {
    let homes = Homes::of(leaves, nodes.len());
    let mut edges = vec![NONE; nodes.len() * degree];
    parallel::fill(&mut edges, GRAIN * degree, |first, part| {
        scratch.with(vectors, |scratch| {
            for (at, row) in part.chunks_exact_mut(degree).enumerate() {
                scratch.candidates.clear();
                for &(leaf, own) in homes.of_place(first / degree + at) {
                    let kept = chosen[leaf as usize].of_node(own as usize);
                    scratch.candidates.extend(
                        kept.iter()
                            .map(|&(to, distance)| Candidate::new(distance, nodes[to as usize])),
                    );
                }
                settle(vectors, degree, alpha, scratch);
                for (edge, chosen) in row.iter_mut().zip(&scratch.chosen) {
                    *edge = (chosen.slot(), chosen.distance());
                }
            }
        });
    });
    EdgeRows { width: degree, edges }
}

/// Sorts and dedupes the candidates; more than `degree` are pruned to it.
fn settle(vectors: &Vectors, degree: usize, alpha: f32, scratch: &mut Scratch) {
    scratch.candidates.sort_unstable();
    scratch.candidates.dedup();
    if scratch.candidates.len() <= degree {
        let Scratch { candidates, chosen, .. } = scratch;
        chosen.clear();
        chosen.extend_from_slice(candidates);
    } else {
        select_neighbors(vectors, degree, alpha, scratch);
    }
}

/// Where each place stands in the leaves: (leaf, position in it).
struct Homes {
    starts: Vec<u32>,
    homes: Vec<(u32, u32)>,
}

impl Homes {
    fn of(leaves: &[Vec<u32>], places: usize) -> Self {
        let members = || leaves.iter().flatten().map(|&place| place as usize);
        let (starts, mut next) = starts_of(members(), places);
        let mut homes = vec![(0, 0); starts[places] as usize];
        for (leaf, members) in leaves.iter().enumerate() {
            for (own, &place) in members.iter().enumerate() {
                let at = &mut next[place as usize];
                homes[*at as usize] = (leaf as u32, own as u32);
                *at += 1;
            }
        }
        Self { starts, homes }
    }

    fn of_place(&self, place: usize) -> &[(u32, u32)] {
        &self.homes[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}

/// All links turned around, grouped by the node that they lead to.
struct Incoming {
    starts: Vec<u32>,
    edges: Vec<Edge>,
}

impl Incoming {
    fn of(forward: &EdgeRows, nodes: &[NodeId], slots: usize) -> Self {
        let rows = || nodes.iter().enumerate().map(|(place, &slot)| (slot, forward.row(place)));
        let targets = rows().flat_map(|(_, row)| row.map(|edge| edge.0.index()));
        let (starts, mut next) = starts_of(targets, slots);
        let mut edges = vec![NONE; starts[slots] as usize];
        for (from, row) in rows() {
            for (to, distance) in row {
                let at = &mut next[to.index()];
                edges[*at as usize] = (from, distance);
                *at += 1;
            }
        }
        Self { starts, edges }
    }

    fn of_slot(&self, slot: NodeId) -> &[Edge] {
        &self.edges[self.starts[slot.index()] as usize..self.starts[slot.index() + 1] as usize]
    }
}

/// Counting sort: where the items of each key start (one more at the end), twice.
fn starts_of(keys: impl Iterator<Item = usize>, count: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; count + 1];
    keys.for_each(|key| starts[key + 1] += 1);
    for at in 0..count {
        starts[at + 1] += starts[at];
    }
    let next = starts.clone();
    (starts, next)
}

/// Writes the links of all nodes: forward ones, then reverse ones while there are places.
fn link(
    vectors: &Vectors,
    links: &mut Adjacency,
    nodes: &[NodeId],
    forward: &EdgeRows,
    scratch: &ScratchPool,
) {
    let incoming = Incoming::of(forward, nodes, links.len());
    let m0 = links.m0();
    let mut rows = vec![NONE.0; nodes.len() * m0];
    parallel::fill(&mut rows, GRAIN * m0, |first, part| {
        scratch.with(vectors, |scratch| {
            for (at, row) in part.chunks_exact_mut(m0).enumerate() {
                let place = first / m0 + at;
                let Scratch { candidates, chosen, .. } = scratch;
                chosen.clear();
                chosen.extend(forward.row(place).map(|edge| Candidate::new(edge.1, edge.0)));
                candidates.clear();
                let reverse = incoming.of_slot(nodes[place]).iter();
                let reverse = reverse.map(|edge| Candidate::new(edge.1, edge.0));
                candidates.extend(reverse.filter(|edge| !chosen.contains(edge)));
                let room = m0 - chosen.len();
                if candidates.len() > room {
                    candidates.select_nth_unstable(room);
                    candidates.truncate(room);
                }
                candidates.sort_unstable();
                chosen.extend_from_slice(candidates);
                row.iter_mut()
                    .zip(&scratch.chosen)
                    .for_each(|(slot, chosen)| *slot = chosen.slot());
            }
        });
    });
    for (row, &node) in rows.chunks_exact(m0).zip(nodes) {
        let degree = row.iter().position(|&slot| slot == NONE.0).unwrap_or(m0);
        links.set(node, &row[..degree]);
    }
}
