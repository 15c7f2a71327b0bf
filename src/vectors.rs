//! The vectors of an index by slot, and the distances between them.
//!
//! Two distances are told apart. The *walk distance* orders candidates while a graph is built or
//! walked: it comes from codes where there are any. The *exact distance* is what a search reports:
//! it comes from the float vectors where they are kept.

use crate::codes::Codes;
use crate::config::{Config, Quantization};
use crate::error::Error;
use crate::ids::NodeId;
use crate::kernel::{self, Query7};
use crate::metric::Metric;
use crate::parallel;
use crate::quantize::{self, CodeTrailer};
use crate::rotation::Rotation;
use crate::rows::Rows;

/// Rows that are encoded before they are copied to their slots: bounds the scratch of a batch.
const ENCODE_ROWS: usize = 4096;
/// Rows of one parallel piece of encoding.
const ENCODE_GRAIN: usize = 128;

/// A vector made ready as the left side of distances. Reused, it allocates once.
#[derive(Debug)]
pub(crate) struct Query {
    row: Vec<u8>,
    left: Query7,
    trailer: CodeTrailer,
    floats: Vec<f32>,
    rotated: Vec<f32>,
}

/// Codes and floats by slot.
#[derive(Debug)]
pub(crate) struct Vectors {
    metric: Metric,
    quantization: Quantization,
    dimension: usize,
    codes: Codes,
    /// Codes are of rotated vectors.
    rotation: Rotation,
    floats: Option<Rows<f32>>,
    /// Taken off before encoding under the Euclidean metric, which no translation changes: codes
    /// of vectors far from the origin would spend their seven bits on the distance to it.
    center: Vec<f32>,
}

impl Vectors {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            metric: config.metric,
            quantization: config.quantization,
            dimension: config.dimension,
            codes: Codes::new(config.dimension, config.metric == Metric::Euclidean),
            rotation: Rotation::new(config.dimension),
            floats: config.keep_vectors.then(|| Rows::new(config.dimension)),
            center: Vec::new(),
        }
    }

    /// One past the largest slot.
    pub(crate) fn len(&self) -> usize {
        self.floats.as_ref().map_or_else(|| self.codes.len(), Rows::len)
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn has_codes(&self) -> bool {
        self.quantization != Quantization::None
    }

    /// Whether walk distances can be negative, which a factor on them would turn around.
    pub(crate) fn has_negative_distances(&self) -> bool {
        self.metric == Metric::Dot
    }

    pub(crate) fn has_floats(&self) -> bool {
        self.floats.is_some()
    }

    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    pub(crate) fn floats(&self) -> Option<&Rows<f32>> {
        self.floats.as_ref()
    }

    pub(crate) fn center(&self) -> &[f32] {
        &self.center
    }

    /// For the importer, which has validated what it puts in.
    pub(crate) fn parts_mut(&mut self) -> (&mut Codes, Option<&mut Rows<f32>>, &mut Vec<f32>) {
        (&mut self.codes, self.floats.as_mut(), &mut self.center)
    }

    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), Error> {
        if self.has_codes() {
            self.codes.reserve(len)?;
        }
        if let Some(floats) = &mut self.floats {
            floats.reserve(len)?;
        }
        Ok(())
    }

    /// Puts vectors (row-major, checked) into `slots`, for which [`Vectors::reserve`] made room.
    pub(crate) fn store(&mut self, vectors: &[f32], slots: &[NodeId], len: usize) {
        if self.has_codes() {
            self.codes.grow(len);
        }
        if let Some(floats) = &mut self.floats {
            floats.grow(len);
        }
        if self.center.is_empty() && self.metric == Metric::Euclidean && self.has_codes() {
            self.center = mean(vectors, self.dimension);
        }
        let stride = self.codes.packed_bytes();
        let rows = slots.len().min(ENCODE_ROWS);
        let mut codes = vec![0u8; if self.has_codes() { rows * stride } else { 0 }];
        let mut unit =
            vec![0f32; if self.metric == Metric::Cosine { rows * self.dimension } else { 0 }];
        for (slots, vectors) in
            slots.chunks(ENCODE_ROWS).zip(vectors.chunks(ENCODE_ROWS * self.dimension))
        {
            let vectors = if self.metric == Metric::Cosine {
                let unit = &mut unit[..vectors.len()];
                parallel::fill(unit, ENCODE_GRAIN * self.dimension, |first, part| {
                    part.copy_from_slice(&vectors[first..first + part.len()]);
                    part.chunks_exact_mut(self.dimension).for_each(|vector| {
                        quantize::normalise(vector);
                    });
                });
                &*unit
            } else {
                vectors
            };
            if self.has_codes() {
                let codes = &mut codes[..slots.len() * stride];
                parallel::fill(codes, ENCODE_GRAIN * stride, |first, part| {
                    let mut rotated = Vec::with_capacity(self.dimension);
                    for (at, row) in part.chunks_exact_mut(stride).enumerate() {
                        let from = (first / stride + at) * self.dimension;
                        self.encode(&vectors[from..from + self.dimension], &mut rotated, row);
                    }
                });
                for (row, &slot) in codes.chunks_exact(stride).zip(slots) {
                    self.codes.set(slot, row);
                }
            }
            if let Some(floats) = &mut self.floats {
                for (vector, &slot) in vectors.chunks_exact(self.dimension).zip(slots) {
                    floats.row_mut(slot).copy_from_slice(vector);
                }
            }
        }
    }

    /// Writes the row of a vector, and its sketch if there is room for one.
    fn encode(&self, vector: &[f32], rotated: &mut Vec<f32>, row: &mut [u8]) {
        rotated.clear();
        rotated.extend_from_slice(vector);
        rotated.iter_mut().zip(&self.center).for_each(|(x, c)| *x -= c);
        self.rotation.apply(rotated);
        let stride = self.codes.layout().stride();
        self.codes.layout().encode(rotated, &mut row[..stride]);
        self.codes.complete(row);
    }

    /// The vector of `slot` as it is compared: the floats, or what its code stands for.
    pub(crate) fn vector(&self, slot: NodeId) -> Vec<f32> {
        if let Some(floats) = &self.floats {
            return floats.row(slot).to_vec();
        }
        let mut vector = vec![0.0; self.dimension];
        let mut row = Vec::new();
        self.codes.write(slot, &mut row);
        self.codes.layout().decode(&row, &mut vector);
        self.rotation.undo(&mut vector);
        vector.iter_mut().zip(&self.center).for_each(|(x, c)| *x += c);
        vector
    }

    pub(crate) fn query(&self) -> Query {
        Query {
            row: vec![0; self.codes.layout().stride()],
            left: Query7::new(self.codes.layout().padded()),
            trailer: CodeTrailer::default(),
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
            let mut row = std::mem::take(&mut query.row);
            let mut rotated = std::mem::take(&mut query.rotated);
            self.encode(&query.floats, &mut rotated, &mut row);
            query.rotated = rotated;
            query.left.set(&row);
            query.trailer = self.codes.layout().trailer(&row);
            query.row = row;
        }
    }

    /// Makes a stored vector ready for walk distances.
    #[inline]
    pub(crate) fn prepare_slot(&self, slot: NodeId, query: &mut Query) {
        if self.has_codes() {
            query.left.set(self.codes.codes(slot));
            query.trailer = self.codes.trailer(slot);
        } else {
            query.floats.clear();
            query.floats.extend_from_slice(self.float_row(slot));
        }
    }

    /// Whether [`Vectors::rough_distances`] are rough, and whoever keeps candidates by them should
    /// score them again.
    pub(crate) fn has_sketches(&self) -> bool {
        self.has_codes() && self.codes.has_sketches()
    }

    /// The distances that a walk finds its way by: from sketches where there are any, else the walk
    /// distances.
    #[inline]
    pub(crate) fn rough_distances(&self, query: &Query, slots: [NodeId; 4]) -> [f32; 4] {
        if !self.has_sketches() {
            return self.walk_distances(query, slots);
        }
        let sketches = slots.map(|slot| self.codes.sketch(slot));
        let dots = kernel::sketch_x4(&query.left, sketches.map(|sketch| sketch.0));
        [0, 1, 2, 3].map(|at| {
            let dot = dots[at] as f32 * (query.trailer.scale * sketches[at].1);
            match self.metric {
                Metric::Cosine => 1.0 - dot,
                Metric::Dot => -dot,
                Metric::Euclidean => {
                    let square_norm = self.codes.trailer(slots[at]).square_norm;
                    query.trailer.square_norm + square_norm - 2.0 * dot
                }
            }
        })
    }

    /// Asks for what rough distances to these slots will read.
    #[inline(always)]
    pub(crate) fn prefetch_rough(&self, slots: &[NodeId]) {
        if self.has_sketches() {
            slots.iter().for_each(|&slot| kernel::prefetch(self.codes.sketch(slot).0));
        } else {
            self.prefetch(slots);
        }
    }

    /// Asks for what walk distances to these slots will read.
    #[inline(always)]
    pub(crate) fn prefetch(&self, slots: &[NodeId]) {
        if self.has_codes() {
            slots.iter().for_each(|&slot| kernel::prefetch(self.codes.codes(slot)));
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
        if self.has_codes() {
            let dot = kernel::dot7(&query.left, self.codes.codes(slot));
            return self.pair_distance(dot, query.trailer, self.codes.trailer(slot));
        }
        let row = self.float_row(slot);
        match self.metric {
            Metric::Cosine => 1.0 - kernel::dot_f32(&query.floats, row),
            Metric::Dot => -kernel::dot_f32(&query.floats, row),
            Metric::Euclidean => kernel::l2_f32(&query.floats, row),
        }
    }

    /// The walk distances from `query` to four slots at once.
    #[inline]
    pub(crate) fn walk_distances(&self, query: &Query, slots: [NodeId; 4]) -> [f32; 4] {
        if self.has_codes() {
            let dots = kernel::dot7x4(&query.left, slots.map(|slot| self.codes.codes(slot)));
            return [0, 1, 2, 3].map(|at| {
                self.pair_distance(dots[at], query.trailer, self.codes.trailer(slots[at]))
            });
        }
        let rows = slots.map(|slot| self.float_row(slot));
        match self.metric {
            Metric::Cosine => kernel::dot_f32x4(&query.floats, rows).map(|dot| 1.0 - dot),
            Metric::Dot => kernel::dot_f32x4(&query.floats, rows).map(|dot| -dot),
            Metric::Euclidean => kernel::l2_f32x4(&query.floats, rows),
        }
    }

    /// The walk distance of two rows of codes from their integer dot product.
    #[inline(always)]
    pub(crate) fn pair_distance(&self, dot: i32, a: CodeTrailer, b: CodeTrailer) -> f32 {
        let dot = dot as f32 * (a.scale * b.scale);
        match self.metric {
            Metric::Cosine => 1.0 - dot,
            Metric::Dot => -dot,
            Metric::Euclidean => a.square_norm + b.square_norm - 2.0 * dot,
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

/// Summed in 64 bits and in input order, so that it is the same everywhere.
fn mean(vectors: &[f32], dimension: usize) -> Vec<f32> {
    let rows = (vectors.len() / dimension).max(1) as f64;
    let mut sums = vec![0f64; dimension];
    for vector in vectors.chunks_exact(dimension) {
        sums.iter_mut().zip(vector).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    sums.into_iter().map(|sum| (sum / rows) as f32).collect()
}
