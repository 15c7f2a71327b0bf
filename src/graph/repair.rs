//! What keeps a graph whole: attaching what no walk reaches, and closing the gaps of deletions.

use crate::bitset::Bitset;
use crate::graph::adjacency::Adjacency;
use crate::graph::batch::{rank_fresh, sort_by_target};
use crate::graph::scratch::{Scratch, ScratchPool};
use crate::graph::search::search_layer;
use crate::graph::select::select_beside;
use crate::ids::NodeId;
use crate::parallel;
use crate::vectors::Vectors;

/// The beam with which an orphan looks for somebody to take it.
const ATTACH_EF: usize = 48;
/// Taking a link from a full node can orphan another one; after so many rounds none was ever left.
const ROUNDS: usize = 8;
/// Nodes of one parallel piece of consolidation.
const GRAIN: usize = 64;
/// Neighbors of neighbors that may fill the gap of a deletion.
const STAND_INS: usize = 128;
/// Of these the nearest that are weighed for each link that is gone: half as many lose recall on
/// tight clusters, more gain nothing.
const WEIGHED: usize = 8;

/// The nodes that walks from `entries` can reach. Each round follows all that the last one met in the
/// order of their rows: what takes the time is fetching rows, and in order they come before they are read.
pub(crate) fn reachable(links: &Adjacency, entries: &[NodeId]) -> Bitset {
    let mut met: Bitset = entries.iter().copied().collect();
    let mut followed = Bitset::default();
    loop {
        let mut fresh = met.clone();
        fresh.subtract(&followed);
        if fresh.is_empty() {
            return met;
        }
        for slot in fresh.iter() {
            links.neighbors(slot).iter().for_each(|&neighbor| {
                met.insert(neighbor);
            });
        }
        followed.union(&fresh);
    }
}

/// Adds what is reached from `slot`, which is little.
fn reach(links: &Adjacency, slot: NodeId, met: &mut Bitset, open: &mut Vec<NodeId>) {
    met.insert(slot);
    open.push(slot);
    while let Some(slot) = open.pop() {
        open.extend(links.neighbors(slot).iter().copied().filter(|&next| met.insert(next)));
    }
}

/// Links every node of `nodes` that walks don't reach to the nearest one that they do.
pub(crate) fn attach_orphans(
    vectors: &Vectors,
    links: &mut Adjacency,
    entries: &[NodeId],
    nodes: &Bitset,
    scratch: &ScratchPool,
) {
    let mut open = Vec::new();
    for _ in 0..ROUNDS {
        let mut met = reachable(links, entries);
        let mut orphans = nodes.clone();
        orphans.subtract(&met);
        let mut taken = false;
        for orphan in orphans.iter() {
            if met.contains(orphan) {
                continue;
            }
            let host = scratch.with(vectors, |scratch| {
                vectors.prepare_slot(orphan, &mut scratch.query);
                search_layer(vectors, links, entries, ATTACH_EF, scratch);
                let hosts = || scratch.pool.iter().map(|host| host.slot());
                hosts()
                    .find(|&host| links.neighbors(host).len() < links.m0())
                    .or_else(|| hosts().find(|host| !entries.contains(host)))
                    .or_else(|| hosts().next())
            });
            let Some(host) = host else { continue };
            if !links.push(host, orphan) {
                let mut row = links.neighbors(host).to_vec();
                row.pop();
                row.push(orphan);
                links.set(host, &row);
                taken = true;
            }
            // What the orphan links to is reached with it.
            reach(links, orphan, &mut met, &mut open);
        }
        // Only a link that was taken away can have left another node behind.
        if !taken {
            return;
        }
    }
}

/// Takes `dead` nodes out of the graph: whoever linked to one takes neighbors of it instead
/// (FreshDiskANN's consolidation), in parallel on the graph as it was. The links to live nodes stay,
/// also the long ones that pruning all of them anew would lose, and with them recall. No link to a
/// dead node is left, so that its slot can be used again.
pub(crate) fn consolidate(
    vectors: &Vectors,
    links: &mut Adjacency,
    live: &[NodeId],
    dead: &Bitset,
    scratch: &ScratchPool,
) {
    const NONE: NodeId = NodeId(u32::MAX);
    let m0 = links.m0();
    // By the dead node that they linked to: those that look at the same stand-ins follow each other.
    let mut touched: Vec<(NodeId, NodeId)> = live
        .iter()
        .filter_map(|&slot| {
            let gone = links.neighbors(slot).iter().find(|&&to| dead.contains(to))?;
            Some((*gone, slot))
        })
        .collect();
    sort_by_target(&mut touched);
    let mut rows = vec![NONE; touched.len() * m0];
    let frozen = &*links;
    parallel::fill(&mut rows, GRAIN * m0, |first, rows| {
        scratch.with(vectors, |scratch| {
            for (at, row) in rows.chunks_exact_mut(m0).enumerate() {
                let slot = touched[first / m0 + at].1;
                let linked = frozen.neighbors(slot);
                let mut kept = 0;
                for &neighbor in linked.iter().filter(|&&neighbor| !dead.contains(neighbor)) {
                    row[kept] = neighbor;
                    kept += 1;
                }
                gather_stand_ins(frozen, slot, dead, scratch);
                vectors.prepare_slot(slot, &mut scratch.query);
                rank_fresh(vectors, scratch);
                scratch.candidates.truncate(WEIGHED * (linked.len() - kept));
                select_beside(vectors, &row[..kept], linked.len() - kept, scratch);
                row[kept..]
                    .iter_mut()
                    .zip(&scratch.chosen)
                    .for_each(|(to, near)| *to = near.slot());
            }
        });
    });
    for (row, &(_, slot)) in rows.chunks_exact(m0).zip(&touched) {
        links.set(slot, &row[..row.iter().position(|&to| to == NONE).unwrap_or(m0)]);
    }
    for slot in dead.iter() {
        links.set(slot, &[]);
    }
}

/// What `slot` could link to in place of its dead neighbors: their live neighbors.
fn gather_stand_ins(links: &Adjacency, slot: NodeId, dead: &Bitset, scratch: &mut Scratch) {
    let Scratch { visited, fresh, .. } = scratch;
    visited.clear(links.len());
    visited.insert(slot);
    fresh.clear();
    for &neighbor in links.neighbors(slot) {
        visited.insert(neighbor);
    }
    for &neighbor in links.neighbors(slot).iter().filter(|&&neighbor| dead.contains(neighbor)) {
        for &beyond in links.neighbors(neighbor) {
            if fresh.len() < STAND_INS && !dead.contains(beyond) && visited.insert(beyond) {
                fresh.push(beyond);
            }
        }
    }
}
