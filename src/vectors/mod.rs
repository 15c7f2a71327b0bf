//! The vectors of an index by slot.
//!
//! Two distances between them are told apart (`distance`). The *walk distance* orders candidates
//! while a graph is built or walked: it comes from codes where there are any. The *exact distance*
//! is what a search reports: it comes from the float vectors where they are kept.

mod distance;

pub(crate) use distance::{Query, by_fours};

use crate::bits::{self, Bits};
use crate::codes::Codes;
use crate::config::{Config, Quantization};
use crate::error::Error;
use crate::ids::NodeId;
use crate::metric::Metric;
use crate::parallel;
use crate::quantize::{self, CodeLayout};
use crate::rotation::Rotation;
use crate::rows::Rows;

/// Rows that are encoded before they are copied to their slots: bounds the scratch of a batch.
const ENCODE_ROWS: usize = 4096;
/// Rows of one parallel piece of encoding.
const ENCODE_GRAIN: usize = 128;

/// Codes and floats by slot.
#[derive(Debug)]
pub(crate) struct Vectors {
    metric: Metric,
    dimension: usize,
    walked: Walked,
    /// Codes are of rotated vectors.
    rotation: Rotation,
    floats: Option<Rows<f32>>,
    /// Taken off before encoding under the Euclidean metric, which no translation changes: codes
    /// of vectors far from the origin would spend their few bits on the distance to it.
    center: Vec<f32>,
}

/// What walk distances come from.
#[derive(Debug)]
enum Walked {
    /// The float vectors.
    Floats,
    /// Seven bits a component.
    Codes(Codes),
    /// One bit a component.
    Bits(Bits),
}

impl Vectors {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            metric: config.metric,
            dimension: config.dimension,
            walked: match config.quantization {
                Quantization::None => Walked::Floats,
                Quantization::Int8 => {
                    let with_norms = config.metric == Metric::Euclidean;
                    Walked::Codes(Codes::new(config.dimension, with_norms))
                }
                Quantization::Binary => Walked::Bits(Bits::new(config.dimension)),
            },
            rotation: Rotation::new(config.dimension),
            floats: config.keep_vectors.then(|| Rows::new(config.dimension)),
            center: Vec::new(),
        }
    }

    /// One past the largest slot.
    pub(crate) fn len(&self) -> usize {
        match &self.walked {
            Walked::Floats => self.floats.as_ref().map_or(0, Rows::len),
            Walked::Codes(codes) => codes.len(),
            Walked::Bits(bits) => bits.len(),
        }
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Whether there are codes, of either kind.
    pub(crate) fn has_codes(&self) -> bool {
        !matches!(self.walked, Walked::Floats)
    }

    /// Whether walk distances are so coarse that every candidate is worth an exact one.
    pub(crate) fn has_coarse_codes(&self) -> bool {
        matches!(self.walked, Walked::Bits(_))
    }

    /// Whether walk distances can be negative, which a factor on them would turn around.
    pub(crate) fn has_negative_distances(&self) -> bool {
        self.metric == Metric::Dot
    }

    pub(crate) fn has_floats(&self) -> bool {
        self.floats.is_some()
    }

    /// The codes of seven bits, if they are what there is: their products come in blocks.
    pub(crate) fn codes(&self) -> Option<&Codes> {
        match &self.walked {
            Walked::Codes(codes) => Some(codes),
            Walked::Floats | Walked::Bits(_) => None,
        }
    }

    pub(crate) fn floats(&self) -> Option<&Rows<f32>> {
        self.floats.as_ref()
    }

    /// Gives up the floats where there are codes. Returns whether it did.
    pub(crate) fn drop_floats(&mut self) -> bool {
        self.has_codes() && self.floats.take().is_some()
    }

    pub(crate) fn center(&self) -> &[f32] {
        &self.center
    }

    /// For the importer, which has validated what it puts in.
    pub(crate) fn set_center(&mut self, center: Vec<f32>) {
        self.center = center;
    }

    /// For the importer, which validates what it puts in.
    pub(crate) fn floats_mut(&mut self) -> Option<&mut Rows<f32>> {
        self.floats.as_mut()
    }

    /// Bytes that are allocated for codes.
    pub(crate) fn code_bytes(&self) -> usize {
        match &self.walked {
            Walked::Floats => 0,
            Walked::Codes(codes) => codes.bytes(),
            Walked::Bits(bits) => bits.bytes(),
        }
    }

    /// Bytes of a code as it is written; 0 where there are none.
    pub(crate) fn code_stride(&self) -> usize {
        match &self.walked {
            Walked::Floats => 0,
            Walked::Codes(codes) => codes.layout().stride(),
            Walked::Bits(bits) => bits.row_bytes(),
        }
    }

    /// Appends the code of `slot`; one that was never set is all zeros.
    pub(crate) fn write_code(&self, slot: NodeId, out: &mut Vec<u8>) {
        match &self.walked {
            Walked::Floats => {}
            Walked::Codes(codes) => codes.write(slot, out),
            Walked::Bits(bits) => bits.write(slot, out),
        }
    }

    /// Takes rows of codes from outside into the slots from `first` on.
    ///
    /// # Errors
    /// `CORRUPT` for a row that no vector has, `OUT_OF_MEMORY`.
    pub(crate) fn read_codes(&mut self, first: usize, bytes: &[u8]) -> Result<(), Error> {
        let stride = self.code_stride().max(1);
        let len = first + bytes.len() / stride;
        self.reserve_codes(len)?;
        self.grow_codes(len);
        let mut packed = vec![0; self.packed_bytes()];
        for (slot, row) in (first..).zip(bytes.chunks_exact(stride)) {
            // A slot that was never used since it was freed has a row of zeros or an old one.
            if row.iter().any(|&byte| byte != 0) && !self.is_code(row) {
                return Err(Error::corrupt(format!("the code of slot {slot} is none")));
            }
            packed[..stride].copy_from_slice(row);
            if let Walked::Codes(codes) = &self.walked {
                codes.complete(&mut packed);
            }
            self.set_code(NodeId::from_index(slot), &packed);
        }
        Ok(())
    }

    /// Whether bytes from outside are a code as it is written.
    pub(crate) fn is_code(&self, row: &[u8]) -> bool {
        match &self.walked {
            Walked::Floats => false,
            Walked::Codes(codes) => codes.layout().validate(row),
            Walked::Bits(_) => bits::validate(self.dimension, row, self.metric == Metric::Cosine),
        }
    }

    /// The vector that a code, as it is written, stands for.
    pub(crate) fn decode(&self, row: &[u8]) -> Vec<f32> {
        let mut vector = vec![0.0; self.dimension];
        match &self.walked {
            Walked::Floats => {}
            Walked::Codes(codes) => codes.layout().decode(row, &mut vector),
            Walked::Bits(_) => bits::decode(row, &mut vector),
        }
        self.rotation.undo(&mut vector);
        vector.iter_mut().zip(&self.center).for_each(|(x, c)| *x += c);
        vector
    }

    /// Whether `slot` holds more than the zeros of a slot that was never used, as far as one can
    /// tell: by signs, a vector of zeros under another metric than cosine is the same.
    pub(crate) fn has_code(&self, slot: NodeId) -> bool {
        match &self.walked {
            Walked::Floats => false,
            Walked::Codes(codes) => codes.codes(slot)[0] != 0,
            Walked::Bits(bits) => bits.norm(slot) > 0.0 || self.metric != Metric::Cosine,
        }
    }

    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), Error> {
        self.reserve_codes(len)?;
        if let Some(floats) = &mut self.floats {
            floats.reserve(len)?;
        }
        Ok(())
    }

    fn reserve_codes(&mut self, len: usize) -> Result<(), Error> {
        match &mut self.walked {
            Walked::Floats => Ok(()),
            Walked::Codes(codes) => codes.reserve(len),
            Walked::Bits(bits) => bits.reserve(len),
        }
    }

    fn grow_codes(&mut self, len: usize) {
        match &mut self.walked {
            Walked::Floats => {}
            Walked::Codes(codes) => codes.grow(len),
            Walked::Bits(bits) => bits.grow(len),
        }
    }

    /// Puts vectors (row-major, checked) into `slots`, for which [`Vectors::reserve`] made room.
    pub(crate) fn store(&mut self, vectors: &[f32], slots: &[NodeId], len: usize) {
        self.grow_codes(len);
        if let Some(floats) = &mut self.floats {
            floats.grow(len);
        }
        if self.center.is_empty() && self.metric == Metric::Euclidean && self.has_codes() {
            self.center = mean(vectors, self.dimension);
        }
        let stride = self.packed_bytes();
        let rows = slots.len().min(ENCODE_ROWS);
        let mut codes = vec![0u8; rows * stride];
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
                    self.set_code(slot, row);
                }
            }
            if let Some(floats) = &mut self.floats {
                for (vector, &slot) in vectors.chunks_exact(self.dimension).zip(slots) {
                    floats.row_mut(slot).copy_from_slice(vector);
                }
            }
        }
    }

    /// Bytes of what [`Vectors::encode`] writes for a slot: the code, and its sketch if it has one.
    fn packed_bytes(&self) -> usize {
        match &self.walked {
            Walked::Floats => 0,
            Walked::Codes(codes) => codes.packed_bytes(),
            Walked::Bits(bits) => bits.row_bytes(),
        }
    }

    /// Writes the code of a vector, and its sketch if there is room for one.
    fn encode(&self, vector: &[f32], rotated: &mut Vec<f32>, row: &mut [u8]) {
        rotated.clear();
        rotated.extend_from_slice(vector);
        rotated.iter_mut().zip(&self.center).for_each(|(x, c)| *x -= c);
        self.rotation.apply(rotated);
        match &self.walked {
            Walked::Floats => {}
            Walked::Codes(codes) => {
                let stride = codes.layout().stride();
                codes.layout().encode(rotated, &mut row[..stride]);
                codes.complete(row);
            }
            Walked::Bits(bits) => bits.encode(rotated, self.metric == Metric::Cosine, row),
        }
    }

    fn set_code(&mut self, slot: NodeId, packed: &[u8]) {
        match &mut self.walked {
            Walked::Floats => {}
            Walked::Codes(codes) => codes.set(slot, packed),
            Walked::Bits(bits) => bits.set(slot, packed),
        }
    }

    /// The vector of `slot` as it is compared: the floats, or what its code stands for.
    pub(crate) fn vector(&self, slot: NodeId) -> Vec<f32> {
        if let Some(floats) = &self.floats {
            return floats.row(slot).to_vec();
        }
        let mut row = Vec::new();
        self.write_code(slot, &mut row);
        self.decode(&row)
    }
}

/// Bytes of a code under these options, as it is written.
pub(crate) fn code_stride(config: &Config) -> usize {
    match config.quantization {
        Quantization::None => 0,
        Quantization::Int8 => CodeLayout::new(config.dimension).stride(),
        Quantization::Binary => bits::row_bytes(config.dimension),
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
