//! Who is near whom among nodes that come together.

use crate::codes::Codes;
use crate::graph::nearest::Nearest;
use crate::graph::scratch::Candidate;
use crate::ids::NodeId;
use crate::kernel;
use crate::parallel;
use crate::quantize::CodeTrailer;
use crate::vectors::{Vectors, by_fours};

/// Neighbors that a node gets of its siblings.
pub(crate) const SIBLINGS: usize = 16;
/// Rows whose products are computed in one go: their results stay in the second cache.
const BAND: usize = 16;

/// For each of `nodes` its nearest among them, closest first, [`SIBLINGS`] places each. Nothing if
/// there is only one.
pub(crate) fn siblings(vectors: &Vectors, nodes: &[NodeId]) -> Vec<Option<Candidate>> {
    if nodes.len() == 1 {
        return Vec::new();
    }
    let group = vectors.codes().map(|codes| Group::gather(codes, nodes));
    let mut siblings = vec![None; nodes.len() * SIBLINGS];
    parallel::fill(&mut siblings, BAND * SIBLINGS, |first, rows| {
        let first = first / SIBLINGS;
        let count = rows.len() / SIBLINGS;
        let distances = match &group {
            Some(group) => group.band(vectors, first, count),
            None => band_of_each(vectors, nodes, first, count),
        };
        let mut nearest = Nearest::default();
        for (at, (row, distances)) in
            rows.chunks_exact_mut(SIBLINGS).zip(distances.chunks_exact(nodes.len())).enumerate()
        {
            let found = nearest.nearest(distances, first + at, SIBLINGS);
            for (sibling, (place, distance)) in row.iter_mut().zip(found) {
                *sibling = Some(Candidate::new(distance, nodes[place]));
            }
        }
    });
    siblings
}

/// Codes side by side, as the blocked product wants them.
struct Group {
    codes: Vec<u8>,
    padded: usize,
    trailers: Vec<CodeTrailer>,
}

impl Group {
    fn gather(codes: &Codes, nodes: &[NodeId]) -> Self {
        let padded = codes.layout().padded();
        let mut rows = Vec::with_capacity(nodes.len() * padded);
        nodes.iter().for_each(|&node| rows.extend_from_slice(codes.codes(node)));
        let trailers = nodes.iter().map(|&node| codes.trailer(node)).collect();
        Self { codes: rows, padded, trailers }
    }

    /// The walk distances from `rows` nodes, from the one at `first` on, to all.
    fn band(&self, vectors: &Vectors, first: usize, rows: usize) -> Vec<f32> {
        let (count, padded) = (self.trailers.len(), self.padded);
        let mut dots = vec![0; rows * count];
        kernel::dot7_block(&self.codes, padded, padded, count, first, rows, &mut dots);
        let mut distances = Vec::with_capacity(rows * count);
        for (at, dots) in dots.chunks_exact(count).enumerate() {
            let own = self.trailers[first + at];
            let pairs = dots.iter().zip(&self.trailers);
            distances.extend(pairs.map(|(&dot, &other)| vectors.pair_distance(dot, own, other)));
        }
        distances
    }
}

/// The same, one row after the other: of floats, and of signs.
fn band_of_each(vectors: &Vectors, nodes: &[NodeId], first: usize, rows: usize) -> Vec<f32> {
    let mut query = vectors.query();
    let mut distances = Vec::with_capacity(rows * nodes.len());
    for &node in &nodes[first..first + rows] {
        vectors.prepare_slot(node, &mut query);
        by_fours(
            nodes,
            |four| vectors.walk_distances(&query, four),
            |_, distance| distances.push(distance),
        );
    }
    distances
}
