//! Choosing neighbors that lie in different directions.

use crate::graph::scratch::{Candidate, Scratch};
use crate::ids::NodeId;
use crate::vectors::{Query, Vectors};

/// With fewer chosen than this, the candidates lie in few of the directions that there are: all of
/// them in a cluster, perhaps. On a line or in a plane even well-spread nodes have few.
pub(crate) fn few_directions(dimension: usize) -> usize {
    dimension.min(4)
}

/// SELECT-NEIGHBORS-HEURISTIC (algorithm 4 of the HNSW paper, with DiskANN's `alpha`): of
/// `scratch.candidates`, closest first, those to which no chosen one is nearer than the node itself,
/// at most `limit`, into `scratch.chosen`.
///
/// Invariant: a candidate `c` is chosen exactly if for every `s` chosen before it
/// `alpha * d(s, c) > d(node, c)`, or the two distances are equal and `s` is nearer to the node: a
/// copy of the node is as near to everything as the node, and would be all that it links to. It is
/// worked out from the chosen side, because one prepared left side then serves all candidates that
/// are still open, four at once.
pub(crate) fn select_neighbors(vectors: &Vectors, limit: usize, alpha: f32, scratch: &mut Scratch) {
    let Scratch { candidates, chosen, pivot, .. } = scratch;
    chosen.clear();
    let mut open = candidates.len();
    let mut first = 0;
    while first < open && chosen.len() < limit {
        let nearest = candidates[first];
        chosen.push(nearest);
        first += 1;
        if chosen.len() == limit || first == open {
            break;
        }
        vectors.prepare_slot(nearest.slot(), pivot);
        open = first
            + keep_farther(vectors, pivot, alpha, nearest.distance(), &mut candidates[first..open]);
    }
}

/// As [`select_neighbors`] for a node that keeps its links to `kept`: what these cover is not chosen.
/// Worked out from the side of the candidates, because few are wanted, and most are covered by one of the
/// first that are asked.
pub(crate) fn select_beside(
    vectors: &Vectors,
    kept: &[NodeId],
    limit: usize,
    scratch: &mut Scratch,
) {
    let Scratch { candidates, chosen, pivot, .. } = scratch;
    chosen.clear();
    for &candidate in candidates.iter() {
        if chosen.len() == limit {
            return;
        }
        vectors.prepare_slot(candidate.slot(), pivot);
        if !is_covered(vectors, pivot, candidate.distance(), kept, chosen) {
            chosen.push(candidate);
        }
    }
}

/// Whether one of `kept` or `chosen` is nearer to the candidate `pivot`, which is `far` from the node,
/// than the node itself.
#[inline(never)]
fn is_covered(
    vectors: &Vectors,
    pivot: &Query,
    far: f32,
    kept: &[NodeId],
    chosen: &[Candidate],
) -> bool {
    let nearer = |four: &[NodeId]| {
        let mut padded = [four[0]; 4];
        padded[..four.len()].copy_from_slice(four);
        vectors.walk_distances(pivot, padded).into_iter().any(|distance| distance < far)
    };
    kept.chunks(4).any(nearer)
        || chosen.iter().any(|near| {
            let [distance, ..] = vectors.walk_distances(pivot, [near.slot(); 4]);
            distance < far || (distance == far && far <= near.distance())
        })
}

/// Moves the candidates that are not nearer to `pivot` than to the node to the front, in order, and
/// returns how many they are. `near` is the pivot's own distance to the node.
#[inline(never)]
fn keep_farther(
    vectors: &Vectors,
    pivot: &Query,
    alpha: f32,
    near: f32,
    candidates: &mut [Candidate],
) -> usize {
    let mut kept = 0;
    let mut at = 0;
    while at < candidates.len() {
        let count = (candidates.len() - at).min(4);
        let mut four = [candidates[at]; 4];
        four[..count].copy_from_slice(&candidates[at..at + count]);
        let distances = vectors.walk_distances(pivot, four.map(Candidate::slot));
        for (candidate, distance) in four.into_iter().zip(distances).take(count) {
            candidates[kept] = candidate;
            let far = candidate.distance();
            kept += usize::from(alpha * distance > far || (distance == far && far > near));
        }
        at += count;
    }
    kept
}
