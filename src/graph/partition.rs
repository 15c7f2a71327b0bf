//! Overlapping groups of near nodes: the partition in "partition and multiply".

use crate::graph::random::Random;
use crate::graph::scratch::{Candidate, Pool};
use crate::ids::NodeId;
use crate::parallel;
use crate::vectors::{Vectors, by_fours};

/// Nodes that a leaf holds on average.
const LEAF: usize = 700;
/// A leaf larger than this is split again: all pairs cost the square.
const LARGEST_LEAF: usize = 2 * LEAF;
/// Leaves that every node is put into.
pub(crate) const FAN: usize = 4;
/// Nodes up to which one level of leaders is enough.
const ONE_LEVEL: usize = 200_000;
/// Nodes of a group of the first of two levels, on average.
const GROUP: usize = 25_000;

/// Leaves of places (positions in the list of nodes); every place is in up to [`FAN`] of them.
pub(crate) fn partition(vectors: &Vectors, nodes: &[NodeId], seed: u64) -> Vec<Vec<u32>> {
    let mut random = Random::new(seed);
    let all: Vec<u32> = (0..nodes.len() as u32).collect();
    let mut leaves = Vec::new();
    if nodes.len() <= ONE_LEVEL {
        split(vectors, nodes, all, FAN, &mut random, &mut leaves);
    } else {
        // The fan is shared out between the levels: 2 groups, and 2 leaves in each.
        for group in assign(vectors, nodes, &all, 2 * nodes.len() / GROUP, 2, &mut random) {
            split(vectors, nodes, group, FAN / 2, &mut random, &mut leaves);
        }
    }
    leaves
}

/// Splits `places` into leaves of about [`LEAF`], `fan` for each place.
fn split(
    vectors: &Vectors,
    nodes: &[NodeId],
    places: Vec<u32>,
    fan: usize,
    random: &mut Random,
    leaves: &mut Vec<Vec<u32>>,
) {
    if places.len() <= LARGEST_LEAF {
        leaves.push(places);
        return;
    }
    let leaders = (fan * places.len()).div_ceil(LEAF).max(fan + 1);
    for group in assign(vectors, nodes, &places, leaders, fan, random) {
        if group.len() <= LARGEST_LEAF {
            if group.len() > 1 {
                leaves.push(group);
            }
        } else if group.len() * 2 > places.len() {
            // Equal vectors can't be told apart by leaders: cut them by position.
            leaves.extend(group.chunks(LEAF).map(<[u32]>::to_vec));
        } else {
            split(vectors, nodes, group, 1, random, leaves);
        }
    }
}

/// Puts every place with the `fan` nearest of `leaders` random ones.
fn assign(
    vectors: &Vectors,
    nodes: &[NodeId],
    places: &[u32],
    leaders: usize,
    fan: usize,
    random: &mut Random,
) -> Vec<Vec<u32>> {
    let leaders: Vec<NodeId> = random
        .sample(leaders, places.len())
        .into_iter()
        .map(|at| nodes[places[at] as usize])
        .collect();
    let mut nearest = vec![u32::MAX; places.len() * fan];
    parallel::fill(&mut nearest, 256 * fan, |first, part| {
        let mut query = vectors.query();
        let mut pool = Pool::default();
        for (at, row) in part.chunks_exact_mut(fan).enumerate() {
            let own = nodes[places[first / fan + at] as usize];
            vectors.prepare_slot(own, &mut query);
            pool.clear(fan);
            let mut group = NodeId(0);
            by_fours(
                &leaders,
                |four| vectors.walk_distances(&query, four),
                |_, distance| {
                    pool.insert(Candidate::new(distance, group));
                    group.0 += 1;
                },
            );
            row.iter_mut().zip(pool.iter()).for_each(|(group, near)| *group = near.slot().0);
        }
    });
    let mut groups = vec![Vec::new(); leaders.len()];
    for (row, &place) in nearest.chunks_exact(fan).zip(places) {
        for &group in row.iter().filter(|&&group| group != u32::MAX) {
            groups[group as usize].push(place);
        }
    }
    groups
}
