//! Vectors that are nearly the same: among new ones, and of new ones with those that are here.

use crate::bitset::Bitset;
use crate::config::Quantization;
use crate::error::Error;
use crate::graph::close_pairs;
use crate::ids::NodeId;
use crate::index::{Index, SearchOptions};
use crate::metric::Metric;
use crate::vectors::Vectors;

/// By how much a walk distance may be off, as a part of the largest squared norm.
const CODE_ERROR: f32 = 0.03;
/// Vectors are looked at again while the last look found more than this part of them.
const SETTLED_PART: usize = 100;
/// And no oftener than this.
const MOST_LOOKS: usize = 8;

/// A new vector that is nearly one that came before it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Alike {
    /// Its row among the new ones.
    pub(crate) row: NodeId,
    /// The slot or the row of the other.
    pub(crate) original: NodeId,
    pub(crate) distance: f32,
}

impl Index {
    /// New vectors (row-major, checked) in the form in which they will be kept, by row; but with codes
    /// of seven bits instead of one, which would not tell what is nearly the same.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub(crate) fn stage(&self, vectors: &[f32]) -> Result<Vectors, Error> {
        let rows = vectors.len() / self.config.dimension;
        let mut config = self.config.clone();
        if config.quantization == Quantization::Binary {
            config.quantization = Quantization::Int8;
        }
        let mut staged = Vectors::new(&config);
        staged.set_center(self.vectors.center().to_vec());
        staged.reserve(rows)?;
        let slots: Vec<NodeId> = (0..rows).map(NodeId::from_index).collect();
        staged.store(vectors, &slots, rows);
        Ok(staged)
    }

    /// The new vectors that are within `threshold` of one in the index: of the nearest that is not
    /// in the slot which `own` names for the row.
    pub(crate) fn alike_stored(
        &self,
        vectors: &[f32],
        own: &[Option<NodeId>],
        threshold: f32,
    ) -> Vec<Alike> {
        let k = if own.iter().any(Option::is_some) { 2 } else { 1 };
        let options = SearchOptions { k, ..SearchOptions::default() };
        let found = self.search_batch(vectors, &options, None);
        let rows = (0..).map(NodeId::from_index).zip(found).zip(own);
        rows.filter_map(|((row, hits), own)| {
            let other = hits.into_iter().find(|hit| Some(hit.slot) != *own)?;
            (other.distance <= threshold).then_some(Alike {
                row,
                original: other.slot,
                distance: other.distance,
            })
        })
        .collect()
    }

    /// The vectors among `rows` of [`Index::stage`], which ascend, that are within `threshold` of
    /// an earlier one which is itself of no other: that one is called the original.
    pub(crate) fn alike_staged(
        &self,
        staged: &Vectors,
        rows: &[NodeId],
        threshold: f32,
    ) -> Vec<Alike> {
        let limit = self.walk_limit(staged, rows, threshold);
        let mut original: Vec<Option<NodeId>> = vec![None; staged.len()];
        let mut originals = Bitset::with_capacity(staged.len());
        let mut found: Vec<Alike> = Vec::new();
        let mut left = rows.to_vec();
        for _ in 0..MOST_LOOKS {
            let before = left.len();
            let pairs = close_pairs(staged, &left, limit, self.config.seed);
            for group in pairs.chunk_by(|left, right| left.0 == right.0) {
                let row = group[0].0;
                let earlier: Vec<NodeId> = group
                    .iter()
                    .map(|&(_, earlier)| original[earlier.index()].unwrap_or(earlier))
                    .collect();
                let Some(alike) = nearest(staged, row, &earlier, threshold) else { continue };
                if originals.remove(row) {
                    // What was like it is compared with what it is like itself.
                    found.retain_mut(|other| {
                        if other.original == row {
                            let moved = nearest(staged, other.row, &[alike.original], threshold);
                            original[other.row.index()] = moved.map(|moved| moved.original);
                            *other = moved.unwrap_or(*other);
                            return moved.is_some();
                        }
                        true
                    });
                }
                original[row.index()] = Some(alike.original);
                originals.insert(alike.original);
                found.push(alike);
            }
            left = rows.iter().copied().filter(|row| original[row.index()].is_none()).collect();
            if before.saturating_sub(left.len()) * SETTLED_PART <= left.len() {
                break;
            }
        }
        found
    }

    /// A walk distance that no pair within the threshold passes.
    fn walk_limit(&self, staged: &Vectors, rows: &[NodeId], threshold: f32) -> f32 {
        let size = |row: &NodeId| {
            let mut vector = staged.vector(*row);
            vector.iter_mut().zip(staged.center()).for_each(|(x, c)| *x -= c);
            crate::quantize::square_norm(&vector)
        };
        let largest = rows.iter().map(size).fold(0.0, f32::max);
        let error = if staged.has_codes() { CODE_ERROR * largest } else { 1e-5 * largest };
        match self.config.metric {
            Metric::Euclidean => threshold * threshold + 2.0 * error,
            _ => threshold + error,
        }
    }
}

/// The nearest of `others` to a row, if it is within the threshold.
fn nearest(staged: &Vectors, row: NodeId, others: &[NodeId], threshold: f32) -> Option<Alike> {
    let mut query = staged.query();
    staged.prepare(&staged.vector(row), &mut query);
    let mut best: Option<Alike> = None;
    for &original in others {
        let [distance, ..] = staged.distances(&query, [original; 4]);
        if distance <= threshold && best.is_none_or(|best| distance < best.distance) {
            best = Some(Alike { row, original, distance });
        }
    }
    best
}
