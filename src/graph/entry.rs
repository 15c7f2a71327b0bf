//! Where walks begin.

use crate::bitset::Bitset;
use crate::graph::random::Random;
use crate::ids::NodeId;

/// Entry points of a graph. A walk starts at the nearest of them, which takes the place of HNSW's
/// upper layers: a few dozen distances instead of a descent.
const ENTRIES: usize = 32;

/// Random nodes among those in `alive`.
pub(crate) fn choose_entries(alive: &Bitset, seed: u64) -> Vec<NodeId> {
    let mut wanted = Random::new(seed).sample(ENTRIES, alive.len()).into_iter().peekable();
    alive.iter().enumerate().filter_map(|(at, slot)| wanted.next_if_eq(&at).map(|_| slot)).collect()
}
