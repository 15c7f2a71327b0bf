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
/// Nodes of one parallel piece of consolidation.
const GRAIN: usize = 64;
/// Neighbors of neighbors that may fill the gap of a deletion.
const STAND_INS: usize = 128;
/// Of these the nearest that are weighed for each link that is gone: half as many lose recall on
/// tight clusters, more gain nothing.
const WEIGHED: usize = 8;

const NONE: NodeId = NodeId(u32::MAX);

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

/// By which link each node is reached: the node that has it, itself for entry points, [`NONE`] where no walk
/// comes. All other links can be taken away, and as much is reached as before.
struct Ways {
    from: Vec<NodeId>,
    open: Vec<NodeId>,
}

impl Ways {
    fn new(links: &Adjacency, entries: &[NodeId]) -> Self {
        let mut ways = Self { from: vec![NONE; links.len()], open: entries.to_vec() };
        entries.iter().for_each(|&entry| ways.from[entry.index()] = entry);
        ways.follow(links);
        ways
    }

    fn leads_to(&self, slot: NodeId) -> bool {
        self.from[slot.index()] != NONE
    }

    /// A new link of `host` leads to `slot`, and to what that links to.
    fn add(&mut self, links: &Adjacency, host: NodeId, slot: NodeId) {
        self.from[slot.index()] = host;
        self.open.push(slot);
        self.follow(links);
    }

    fn follow(&mut self, links: &Adjacency) {
        while let Some(slot) = self.open.pop() {
            for &next in links.neighbors(slot) {
                if self.from[next.index()] == NONE {
                    self.from[next.index()] = slot;
                    self.open.push(next);
                }
            }
        }
    }

    /// The links of `host` with one more to `slot`; if there is no room, in the place of the farthest that can be
    /// taken away, but for the first `kept`. `None` if there is no such either.
    fn with_link(
        &self,
        links: &Adjacency,
        host: NodeId,
        slot: NodeId,
        kept: usize,
    ) -> Option<Vec<NodeId>> {
        let mut row = links.neighbors(host).to_vec();
        if row.len() == links.m0() {
            let taken = row[kept..].iter().rposition(|to| self.from[to.index()] != host)?;
            row.remove(kept + taken);
        }
        row.push(slot);
        Some(row)
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
    let mut orphans = nodes.clone();
    orphans.subtract(&reachable(links, entries));
    if orphans.is_empty() {
        return;
    }
    let mut ways = Ways::new(links, entries);
    let mut last = None;
    for orphan in orphans.iter() {
        // What an orphan links to is reached with it.
        if ways.leads_to(orphan) {
            continue;
        }
        let found = scratch.with(vectors, |scratch| {
            vectors.prepare_slot(orphan, &mut scratch.query);
            search_layer(vectors, links, entries, ATTACH_EF, scratch);
            // Where thousands share a code, the walk sees no others: they make a chain.
            let hosts = || scratch.pool.iter().map(|host| host.slot()).chain(last);
            let roomy = hosts().find(|&host| links.neighbors(host).len() < links.m0());
            // Where all orphans come to the same few nodes, these must go on leading to each other: of a full row
            // the nearer half stays, if that is possible at all.
            [links.m0() / 2, 0].into_iter().find_map(|kept| {
                let take = |host| Some((host, ways.with_link(links, host, orphan, kept)?));
                roomy.into_iter().chain(hosts()).find_map(take)
            })
        });
        if let Some((host, row)) = found {
            links.set(host, &row);
            ways.add(links, host, orphan);
            last = Some(orphan);
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
