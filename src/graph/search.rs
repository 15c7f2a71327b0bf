//! Walks through the graph.

use crate::bitset::Bitset;
use crate::flat;
use crate::graph::adjacency::Adjacency;
use crate::graph::scratch::{Candidate, Scratch};
use crate::ids::NodeId;
use crate::vectors::{Vectors, by_fours};

/// What a walk cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) distances: usize,
    pub(crate) visited: usize,
}

/// SEARCH-LAYER (algorithm 2 of the HNSW paper): the `ef` nodes nearest to `scratch.query` end up
/// in `scratch.pool`, tombstones among them; `scratch.way` has the nodes that led there.
///
/// Invariant: `pool` holds the best `ef` of all nodes whose distance was computed, and the walk
/// ends when the links of each of them were followed.
pub(crate) fn search_layer(
    vectors: &Vectors,
    links: &Adjacency,
    entries: &[NodeId],
    ef: usize,
    scratch: &mut Scratch,
) -> Cost {
    let mut cost = start(vectors, links, entries, ef, scratch);
    scratch.way.clear();
    while let Some(nearest) = scratch.pool.expand_next() {
        scratch.way.push(nearest);
        gather(links.neighbors(nearest.slot()), scratch);
        if let Some(next) = scratch.pool.peek() {
            links.prefetch(next.slot());
        }
        cost.distances += scratch.fresh.len();
        cost.visited += 1;
        score(vectors, scratch);
    }
    cost.distances += settle(vectors, scratch);
    cost
}

/// Scores what a walk by rough distances kept again, by walk distance. Returns how many there were.
pub(crate) fn settle(vectors: &Vectors, scratch: &mut Scratch) -> usize {
    if !vectors.has_sketches() {
        return 0;
    }
    let Scratch { query, fresh, pool, .. } = scratch;
    fresh.clear();
    fresh.extend(pool.iter().map(Candidate::slot));
    pool.restart();
    vectors.prefetch(fresh);
    by_fours(
        fresh,
        |four| vectors.walk_distances(query, four),
        |slot, distance| pool.insert(Candidate::new(distance, slot)),
    );
    fresh.len()
}

/// SEARCH-LAYER on exact distances, from where a walk on codes ended (`scratch.fresh`): for vectors
/// that lie closer together than codes can tell.
pub(crate) fn search_layer_exact(
    vectors: &Vectors,
    links: &Adjacency,
    ef: usize,
    scratch: &mut Scratch,
) -> Cost {
    let mut cost = Cost::default();
    scratch.visited.clear(links.len());
    scratch.pool.clear(ef);
    let Scratch { visited, fresh, .. } = scratch;
    fresh.retain(|&slot| visited.insert(slot));
    loop {
        let Scratch { query, fresh, pool, .. } = scratch;
        cost.distances += flat::add(vectors, query, fresh.iter().copied(), pool);
        let Some(nearest) = scratch.pool.expand_next() else { return cost };
        cost.visited += 1;
        gather(links.neighbors(nearest.slot()), scratch);
    }
}

/// A walk that everybody guides and only `matching` nodes may answer: the nearest `ef` of these
/// end up in `scratch.matches`. Right where most nodes match.
pub(crate) fn search_layer_filtered(
    vectors: &Vectors,
    links: &Adjacency,
    entries: &[NodeId],
    ef: usize,
    matching: &Bitset,
    scratch: &mut Scratch,
) -> Cost {
    let room = (ef * links.len()).div_ceil(matching.len().max(1)).clamp(ef, 4 * ef);
    let cost = search_layer(vectors, links, entries, room, scratch);
    scratch.matches.clear(ef);
    for candidate in scratch.pool.iter().filter(|candidate| matching.contains(candidate.slot())) {
        scratch.matches.insert(candidate);
    }
    cost
}

/// A walk over `matching` nodes alone, with bridges: where a neighbor does not match, its own
/// neighbors stand in for it (ACORN-1's two hops). Ends early, with `None`, when more than `budget`
/// distances were computed or when it found fewer than `ef` nodes.
pub(crate) fn search_layer_bridged(
    vectors: &Vectors,
    links: &Adjacency,
    entries: &[NodeId],
    ef: usize,
    matching: &Bitset,
    budget: usize,
    scratch: &mut Scratch,
) -> Option<Cost> {
    let mut cost = start(vectors, links, entries, ef, scratch);
    scratch.matches.clear(ef);
    // Entries guide the walk even where they don't match; only the pool of matches answers.
    for at in 0..scratch.pool.len() {
        let candidate = scratch.pool.iter().nth(at)?;
        if matching.contains(candidate.slot()) {
            scratch.matches.insert(candidate);
        }
    }
    while let Some(nearest) = scratch.pool.expand_next() {
        scratch.fresh.clear();
        cost.visited += 1;
        for &neighbor in links.neighbors(nearest.slot()) {
            if !scratch.visited.insert(neighbor) {
                continue;
            }
            if matching.contains(neighbor) {
                scratch.fresh.push(neighbor);
                continue;
            }
            for &beyond in links.neighbors(neighbor) {
                if matching.contains(beyond) && scratch.visited.insert(beyond) {
                    scratch.fresh.push(beyond);
                }
            }
        }
        cost.distances += scratch.fresh.len();
        if cost.distances > budget {
            return None;
        }
        score_matches(vectors, scratch);
    }
    std::mem::swap(&mut scratch.pool, &mut scratch.matches);
    cost.distances += settle(vectors, scratch);
    std::mem::swap(&mut scratch.pool, &mut scratch.matches);
    (scratch.matches.len() >= ef.min(matching.len())).then_some(cost)
}

fn start(
    vectors: &Vectors,
    links: &Adjacency,
    entries: &[NodeId],
    ef: usize,
    scratch: &mut Scratch,
) -> Cost {
    scratch.visited.clear(links.len());
    scratch.pool.clear(ef);
    scratch.fresh.clear();
    scratch.fresh.extend_from_slice(entries);
    enter(vectors, scratch);
    Cost { distances: entries.len(), visited: 0 }
}

/// Only the best entry point starts the walk: the others are far away and would keep the beam busy. They
/// don't count as met, because the walk may come by one that is among the nearest all the same.
fn enter(vectors: &Vectors, scratch: &mut Scratch) {
    let Scratch { query, fresh, pool, visited, .. } = scratch;
    let mut best: Option<Candidate> = None;
    by_fours(
        fresh,
        |four| vectors.rough_distances(query, four),
        |slot, distance| {
            let entry = Candidate::new(distance, slot);
            best = Some(best.map_or(entry, |best| best.min(entry)));
        },
    );
    if let Some(best) = best {
        visited.insert(best.slot());
        pool.insert(best);
    }
}

/// The neighbors that this walk has not met, into `scratch.fresh`. Branchless: whether a neighbor
/// was met is a coin toss that no predictor wins.
#[inline(never)]
fn gather(neighbors: &[NodeId], scratch: &mut Scratch) {
    let Scratch { visited, fresh, .. } = scratch;
    if fresh.len() < neighbors.len() {
        fresh.resize(neighbors.len(), NodeId(0));
    }
    let mut count = 0;
    for &neighbor in neighbors {
        fresh[count] = neighbor;
        count += usize::from(visited.insert(neighbor));
    }
    fresh.truncate(count);
}

/// Scores `scratch.fresh` into the pool.
#[inline(never)]
fn score(vectors: &Vectors, scratch: &mut Scratch) {
    let Scratch { query, fresh, pool, .. } = scratch;
    vectors.prefetch_rough(fresh);
    by_fours(
        fresh,
        |four| vectors.rough_distances(query, four),
        |slot, distance| pool.insert(Candidate::new(distance, slot)),
    );
}

#[inline(never)]
fn score_matches(vectors: &Vectors, scratch: &mut Scratch) {
    let Scratch { query, fresh, pool, matches, .. } = scratch;
    vectors.prefetch_rough(fresh);
    by_fours(
        fresh,
        |four| vectors.rough_distances(query, four),
        |slot, distance| {
            pool.insert(Candidate::new(distance, slot));
            matches.insert(Candidate::new(distance, slot));
        },
    );
}
