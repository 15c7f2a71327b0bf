//! The exact scan: every vector, or every vector that matches.

use crate::bitset::Bitset;
use crate::graph::{Candidate, Pool};
use crate::ids::NodeId;
use crate::vectors::{Query, Vectors, by_fours};

/// The `k` nearest of `slots` by exact distance into `pool`, ties by slot. Returns how many
/// distances it took.
pub(crate) fn scan(
    vectors: &Vectors,
    query: &Query,
    slots: impl Iterator<Item = NodeId>,
    k: usize,
    pool: &mut Pool,
) -> usize {
    pool.clear(k);
    add(vectors, query, slots, pool)
}

/// Scores `slots` into a pool that has some already, each slot once.
pub(crate) fn add(
    vectors: &Vectors,
    query: &Query,
    slots: impl Iterator<Item = NodeId>,
    pool: &mut Pool,
) -> usize {
    let mut four = [NodeId(0); 4];
    let mut filled = 0;
    let mut count = 0;
    for slot in slots {
        four[filled] = slot;
        filled += 1;
        count += 1;
        if filled == 4 {
            filled = 0;
            score(vectors, query, &four, pool);
        }
    }
    score(vectors, query, &four[..filled], pool);
    count
}

#[inline(never)]
fn score(vectors: &Vectors, query: &Query, slots: &[NodeId], pool: &mut Pool) {
    by_fours(
        slots,
        |four| vectors.distances(query, four),
        |slot, distance| pool.insert(Candidate::new(distance, slot)),
    );
}

/// The live slots that match.
pub(crate) fn matching<'a>(
    alive: &'a Bitset,
    filter: Option<&'a Bitset>,
) -> Box<dyn Iterator<Item = NodeId> + 'a> {
    match filter {
        None => Box::new(alive.iter()),
        Some(filter) => Box::new(filter.iter().filter(|&slot| alive.contains(slot))),
    }
}
