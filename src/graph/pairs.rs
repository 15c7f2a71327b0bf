//! Vectors that lie close together, among many: what the leaves of a partition show.

use crate::graph::leaf::Leaf;
use crate::graph::partition::partition;
use crate::graph::scratch::Candidate;
use crate::ids::NodeId;
use crate::parallel;
use crate::rank::{self, Ranked};
use crate::vectors::Vectors;

/// Neighbors that a node keeps of each leaf.
const MOST: usize = 16;

/// Pairs of `nodes`, which ascend, at a walk distance of at most `limit`: the later node, and the
/// earlier one; in the order of the later. Of a leaf each node keeps its nearest [`MOST`].
///
/// Up to the size of one leaf no pair is missed. Beyond, one is if no leaf has both, which happens
/// the less the closer they are.
pub(crate) fn close_pairs(
    vectors: &Vectors,
    nodes: &[NodeId],
    limit: f32,
    seed: u64,
) -> Vec<(NodeId, NodeId)> {
    let leaves = partition(vectors, nodes, seed);
    let mut found: Vec<Vec<Ranked>> = vec![Vec::new(); leaves.len()];
    parallel::fill(&mut found, 1, |at, part| {
        // Places ascend within a leaf, and so do the nodes.
        let members: Vec<NodeId> = leaves[at].iter().map(|&place| nodes[place as usize]).collect();
        debug_assert!(members.is_sorted());
        let mut leaf = Leaf::new(vectors);
        leaf.load(vectors, &members);
        for (own, &later) in members.iter().enumerate() {
            let earlier = leaf.row(own)[..own].iter().zip(&members);
            let near = earlier.filter(|(distance, _)| **distance <= limit);
            let mut near: Vec<Candidate> =
                near.map(|(&distance, &node)| Candidate::new(distance, node)).collect();
            near.sort_unstable();
            near.truncate(MOST);
            let pairs = near
                .iter()
                .map(|near| rank::ranked(u64::from(later.0) << 32 | u64::from(near.slot().0), 0));
            part[0].extend(pairs);
        }
    });
    let mut pairs = found.concat();
    let all = pairs.len();
    rank::keep_least(&mut pairs, all);
    pairs.dedup();
    let pair = |pair: Ranked| {
        let key = rank::key(pair);
        (NodeId((key >> 32) as u32), NodeId(key as u32))
    };
    pairs.into_iter().map(pair).collect()
}
