//! Walk distances and exact distances.

use super::{Vectors, Walked};
use crate::bits;
use crate::codes::Codes;
use crate::ids::NodeId;
use crate::kernel::{self, Query7};
use crate::metric::Metric;
use crate::quantize::{self, CodeTrailer};

/// A vector made ready as the left side of distances. Reused, it allocates once.
#[derive(Debug)]
pub(crate) struct Query {
    row: Vec<u8>,
    left: Query7,
    trailer: CodeTrailer,
    signs: Vec<u64>,
    norm: f32,
    floats: Vec<f32>,
    rotated: Vec<f32>,
}

/// Calls `found` with each of `slots` and its distance, which `distances` computes for four at once.
#[inline(always)]
pub(crate) fn by_fours(
    slots: &[NodeId],
    distances: impl Fn([NodeId; 4]) -> [f32; 4],
    mut found: impl FnMut(NodeId, f32),
) {
    for four in slots.chunks(4) {
        let mut padded = [four[0]; 4];
        padded[..four.len()].copy_from_slice(four);
        for (&slot, distance) in four.iter().zip(distances(padded)) {
            found(slot, distance);
        }
    }
}

impl Vectors {
    pub(crate) fn query(&self) -> Query {
        let (padded, words) = match &self.walked {
            Walked::Floats => (0, 0),
            Walked::Codes(codes) => (codes.layout().padded(), 0),
            Walked::Bits(bits) => (0, bits.words()),
        };
        Query {
            row: vec![0; self.code_stride()],
            left: Query7::new(padded),
            trailer: CodeTrailer::default(),
            signs: vec![0; words],
            norm: 0.0,
            floats: Vec::new(),
            rotated: Vec::new(),
        }
    }

    /// Makes a vector from outside ready: normalised under cosine, and encoded.
    pub(crate) fn prepare(&self, vector: &[f32], query: &mut Query) {
        query.floats.clear();
        query.floats.extend_from_slice(vector);
        if self.metric == Metric::Cosine {
            quantize::normalise(&mut query.floats);
        }
        if self.has_codes() {
            self.encode(&query.floats, &mut query.rotated, &mut query.row);
        }
        match &self.walked {
            Walked::Floats => {}
            Walked::Codes(codes) => {
                query.left.set(&query.row);
                query.trailer = codes.layout().trailer(&query.row);
            }
            Walked::Bits(_) => {
                bits::read_signs(&query.row, &mut query.signs);
                query.norm = bits::norm_of(&query.row);
            }
        }
    }

    /// Whether `slot` would hold the same if it were given this vector.
    pub(crate) fn holds(&self, slot: NodeId, vector: &[f32]) -> bool {
        if let Some(floats) = &self.floats {
            let mut own = vector.to_vec();
            if self.metric == Metric::Cosine {
                quantize::normalise(&mut own);
            }
            return floats.row(slot) == own;
        }
        let (mut query, mut row) = (self.query(), Vec::new());
        self.prepare(vector, &mut query);
        self.write_code(slot, &mut row);
        row == query.row
    }

    /// Makes a stored vector ready for walk distances.
    #[inline]
    pub(crate) fn prepare_slot(&self, slot: NodeId, query: &mut Query) {
        match &self.walked {
            Walked::Floats => {
                query.floats.clear();
                query.floats.extend_from_slice(self.float_row(slot));
            }
            Walked::Codes(codes) => {
                query.left.set(codes.codes(slot));
                query.trailer = codes.trailer(slot);
            }
            Walked::Bits(bits) => {
                query.signs.copy_from_slice(bits.signs(slot));
                query.norm = bits.norm(slot);
            }
        }
    }

    /// Whether [`Vectors::rough_distances`] are rough, and whoever keeps candidates by them should
    /// score them again.
    pub(crate) fn has_sketches(&self) -> bool {
        self.sketched().is_some()
    }

    #[inline(always)]
    fn sketched(&self) -> Option<&Codes> {
        self.codes().filter(|codes| codes.has_sketches())
    }

    /// The distances that a walk finds its way by: from sketches where there are any, else the walk
    /// distances.
    #[inline]
    pub(crate) fn rough_distances(&self, query: &Query, slots: [NodeId; 4]) -> [f32; 4] {
        let Some(codes) = self.sketched() else {
            return self.walk_distances(query, slots);
        };
        let sketches = slots.map(|slot| codes.sketch(slot));
        let dots = kernel::sketch_x4(&query.left, sketches.map(|sketch| sketch.0));
        [0, 1, 2, 3].map(|at| {
            let dot = dots[at] as f32 * (query.trailer.scale * sketches[at].1);
            self.distance_of(dot, || {
                query.trailer.square_norm + codes.trailer(slots[at]).square_norm
            })
        })
    }

    /// Asks for what rough distances to these slots will read.
    #[inline(always)]
    pub(crate) fn prefetch_rough(&self, slots: &[NodeId]) {
        match self.sketched() {
            Some(codes) => slots.iter().for_each(|&slot| kernel::prefetch(codes.sketch(slot).0)),
            None => self.prefetch(slots),
        }
    }

    /// Asks for what walk distances to these slots will read.
    #[inline(always)]
    pub(crate) fn prefetch(&self, slots: &[NodeId]) {
        match &self.walked {
            Walked::Floats => {}
            Walked::Codes(codes) => {
                slots.iter().for_each(|&slot| kernel::prefetch(codes.codes(slot)));
            }
            Walked::Bits(bits) => {
                slots.iter().for_each(|&slot| kernel::prefetch(bits.signs(slot)));
            }
        }
    }

    /// Asks for what exact distances to these slots will read.
    #[inline(always)]
    pub(crate) fn prefetch_exact(&self, slots: impl Iterator<Item = NodeId>) {
        if let Some(floats) = &self.floats {
            slots.for_each(|slot| kernel::prefetch(floats.row(slot)));
        }
    }

    /// The walk distance from `query` to `slot`.
    #[inline]
    pub(crate) fn walk_distance(&self, query: &Query, slot: NodeId) -> f32 {
        match &self.walked {
            Walked::Floats => {
                let row = self.float_row(slot);
                match self.metric {
                    Metric::Cosine => 1.0 - kernel::dot_f32(&query.floats, row),
                    Metric::Dot => -kernel::dot_f32(&query.floats, row),
                    Metric::Euclidean => kernel::l2_f32(&query.floats, row),
                }
            }
            Walked::Codes(codes) => {
                let dot = kernel::dot7(&query.left, codes.codes(slot));
                self.pair_distance(dot, query.trailer, codes.trailer(slot))
            }
            Walked::Bits(bits) => {
                let differ = kernel::hamming(&query.signs, bits.signs(slot));
                self.sign_distance(bits.cosine(differ), query.norm, || bits.norm(slot))
            }
        }
    }

    /// The walk distances from `query` to four slots at once.
    #[inline]
    pub(crate) fn walk_distances(&self, query: &Query, slots: [NodeId; 4]) -> [f32; 4] {
        match &self.walked {
            Walked::Floats => {
                let rows = slots.map(|slot| self.float_row(slot));
                match self.metric {
                    Metric::Cosine => kernel::dot_f32x4(&query.floats, rows).map(|dot| 1.0 - dot),
                    Metric::Dot => kernel::dot_f32x4(&query.floats, rows).map(|dot| -dot),
                    Metric::Euclidean => kernel::l2_f32x4(&query.floats, rows),
                }
            }
            Walked::Codes(codes) => {
                let dots = kernel::dot7x4(&query.left, slots.map(|slot| codes.codes(slot)));
                [0, 1, 2, 3]
                    .map(|at| self.pair_distance(dots[at], query.trailer, codes.trailer(slots[at])))
            }
            Walked::Bits(bits) => {
                let differ = kernel::hamming_x4(&query.signs, slots.map(|slot| bits.signs(slot)));
                [0, 1, 2, 3].map(|at| {
                    let cosine = bits.cosine(differ[at]);
                    self.sign_distance(cosine, query.norm, || bits.norm(slots[at]))
                })
            }
        }
    }

    /// The walk distance of two rows of codes from their integer dot product.
    #[inline(always)]
    pub(crate) fn pair_distance(&self, dot: i32, a: CodeTrailer, b: CodeTrailer) -> f32 {
        self.distance_of(dot as f32 * (a.scale * b.scale), || a.square_norm + b.square_norm)
    }

    /// The walk distance of vectors of lengths `a` and `b` from the cosine between them. Under the
    /// cosine metric both are 1, and `b` is not fetched.
    #[inline(always)]
    fn sign_distance(&self, cosine: f32, a: f32, b: impl Fn() -> f32) -> f32 {
        let dot = if self.metric == Metric::Cosine { cosine } else { a * b() * cosine };
        self.distance_of(dot, || a * a + b() * b())
    }

    /// The walk distance of two vectors from their product and the sum of their squared norms.
    #[inline(always)]
    fn distance_of(&self, dot: f32, squares: impl FnOnce() -> f32) -> f32 {
        match self.metric {
            Metric::Cosine => 1.0 - dot,
            Metric::Dot => -dot,
            Metric::Euclidean => squares() - 2.0 * dot,
        }
    }

    /// The exact distances from a query made with [`Vectors::prepare`] to four slots, in the index's
    /// metric.
    #[inline]
    pub(crate) fn distances(&self, query: &Query, slots: [NodeId; 4]) -> [f32; 4] {
        let Some(floats) = &self.floats else {
            return self.walk_distances(query, slots).map(|distance| self.reported(distance));
        };
        let rows = slots.map(|slot| floats.row(slot));
        match self.metric {
            Metric::Cosine => {
                kernel::dot_f32x4(&query.floats, rows).map(|dot| self.reported(1.0 - dot))
            }
            Metric::Dot => kernel::dot_f32x4(&query.floats, rows).map(|dot| -dot),
            Metric::Euclidean => {
                kernel::l2_f32x4(&query.floats, rows).map(|square| self.reported(square))
            }
        }
    }

    /// Rounding can bring a walk distance below what the metric allows.
    #[inline(always)]
    fn reported(&self, walk: f32) -> f32 {
        match self.metric {
            Metric::Cosine => walk.clamp(0.0, 2.0),
            Metric::Dot => walk,
            Metric::Euclidean => walk.max(0.0).sqrt(),
        }
    }

    #[inline(always)]
    fn float_row(&self, slot: NodeId) -> &[f32] {
        self.floats.as_ref().expect("an index without codes keeps its floats").row(slot)
    }
}
