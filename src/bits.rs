//! Binary codes: of each component of a rotated vector its sign, and the vector's length.
//!
//! The share of the signs in which two vectors differ is about the share of a half-turn that lies
//! between them (Charikar's SimHash): exact on average over random rotations, and off by about
//! `0.5 / sqrt(dimension)` half-turns for one. So binary codes are for many components; a row of
//! 384 takes 52 bytes.
//!
//! As bytes a row is its words, `u64` each, a bit a component from the lowest on, set where it is
//! negative, and clear past the last; then the length, `f32`. Little-endian.

use std::f64::consts::PI;

use crate::error::Error;
use crate::ids::NodeId;
use crate::quantize::square_norm;
use crate::rows::Rows;

const WORD_BITS: usize = u64::BITS as usize;
/// The longest that a vector may be: distances between longer ones could overflow.
const LONGEST: f32 = 9e18;

/// Signs and lengths by slot.
#[derive(Debug)]
pub(crate) struct Bits {
    dimension: usize,
    rows: Rows<u64>,
    norms: Rows<f32>,
    /// The cosine of the angle that so many different signs stand for.
    cosines: Vec<f32>,
}

impl Bits {
    pub(crate) fn new(dimension: usize) -> Self {
        Self {
            dimension,
            rows: Rows::new(words(dimension)),
            norms: Rows::new(1),
            cosines: (0..=dimension).map(|differ| cosine(differ, dimension)).collect(),
        }
    }

    /// One past the largest slot.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that are allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes() + self.norms.bytes()
    }

    /// See [`Rows::reserve`].
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), Error> {
        self.rows.reserve(len)?;
        self.norms.reserve(len)
    }

    /// See [`Rows::grow`].
    pub(crate) fn grow(&mut self, len: usize) {
        self.rows.grow(len);
        self.norms.grow(len);
    }

    /// The signs of `slot`.
    #[inline(always)]
    pub(crate) fn signs(&self, slot: NodeId) -> &[u64] {
        self.rows.row(slot)
    }

    /// The length of the vector of `slot`.
    #[inline(always)]
    pub(crate) fn norm(&self, slot: NodeId) -> f32 {
        self.norms.row(slot)[0]
    }

    /// The cosine of the angle between vectors of which `differ` signs differ.
    #[inline(always)]
    pub(crate) fn cosine(&self, differ: u32) -> f32 {
        self.cosines[differ as usize]
    }

    /// Words of a row.
    pub(crate) fn words(&self) -> usize {
        self.rows.stride()
    }

    /// See [`row_bytes`].
    pub(crate) fn row_bytes(&self) -> usize {
        row_bytes(self.dimension)
    }

    /// Writes the row of a (rotated) vector, `unit` if its length is 1 whatever rounding says.
    pub(crate) fn encode(&self, vector: &[f32], unit: bool, row: &mut [u8]) {
        let (words, norm) = row.split_at_mut(self.words() * 8);
        for (word, signs) in words.as_chunks_mut::<8>().0.iter_mut().zip(vector.chunks(WORD_BITS)) {
            let bit = |at: usize, x: f32| u64::from(x < 0.0) << at;
            let bits = signs.iter().enumerate().fold(0, |bits, (at, &x)| bits | bit(at, x));
            *word = bits.to_le_bytes();
        }
        let length = if unit { 1.0 } else { square_norm(vector).sqrt() };
        norm.copy_from_slice(&length.to_le_bytes());
    }

    /// Takes a row.
    pub(crate) fn set(&mut self, slot: NodeId, row: &[u8]) {
        read_signs(row, self.rows.row_mut(slot));
        self.norms.row_mut(slot)[0] = norm_of(row);
    }

    /// Appends a row; one that was never set is all zeros.
    pub(crate) fn write(&self, slot: NodeId, out: &mut Vec<u8>) {
        out.extend(self.signs(slot).iter().flat_map(|word| word.to_le_bytes()));
        out.extend(self.norm(slot).to_le_bytes());
    }
}

fn words(dimension: usize) -> usize {
    dimension.div_ceil(WORD_BITS)
}

/// Bytes of a row, as bytes, of vectors of this dimension.
pub(crate) fn row_bytes(dimension: usize) -> usize {
    words(dimension) * 8 + 4
}

/// Whether bytes from outside can be a row, `unit` if the length has to be 1.
pub(crate) fn validate(dimension: usize, row: &[u8], unit: bool) -> bool {
    let (norm, last) = (norm_of(row), dimension % WORD_BITS);
    let is_dirty = |word: u64| last != 0 && word >> last != 0;
    let is_length = norm.is_sign_positive() && norm <= LONGEST;
    row.len() == row_bytes(dimension)
        && !words_of(row).last().is_some_and(is_dirty)
        && if unit { norm == 1.0 } else { is_length }
}

/// Writes the (rotated) vector that a row stands for: of its length, in the middle of its signs.
pub(crate) fn decode(row: &[u8], out: &mut [f32]) {
    let size = norm_of(row) / (out.len() as f32).sqrt();
    for (signs, word) in out.chunks_mut(WORD_BITS).zip(words_of(row)) {
        for (at, x) in signs.iter_mut().enumerate() {
            *x = if word >> at & 1 == 1 { -size } else { size };
        }
    }
}

/// The signs of a row of bytes.
pub(crate) fn read_signs(row: &[u8], signs: &mut [u64]) {
    signs.iter_mut().zip(words_of(row)).for_each(|(to, word)| *to = word);
}

/// The length that a row of bytes ends in; not a number if it is too short for one.
pub(crate) fn norm_of(row: &[u8]) -> f32 {
    row.last_chunk::<4>().map_or(f32::NAN, |bytes| f32::from_le_bytes(*bytes))
}

fn words_of(row: &[u8]) -> impl Iterator<Item = u64> {
    row.as_chunks::<8>().0.iter().map(|&bytes| u64::from_le_bytes(bytes))
}

/// `cos(PI * differ / dimension)` by its power series, up to a quarter-turn, where that is exact to
/// the last digits of an `f64`. Graphs are built on these numbers and must come out the same on
/// every machine: the standard library's cosine is the platform's, this is single additions,
/// multiplications and divisions in a fixed order.
fn cosine(differ: usize, dimension: usize) -> f32 {
    if 2 * differ > dimension {
        return -cosine(dimension - differ, dimension);
    }
    let angle = PI * differ as f64 / dimension as f64;
    let series = (1..=11).rev().fold(1.0, |sum, term| {
        let factors = f64::from((2 * term - 1) * (2 * term));
        1.0 - sum * (angle * angle / factors)
    });
    if 2 * differ == dimension { 0.0 } else { series as f32 }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn wave(dimension: usize) -> Vec<f32> {
        (0..dimension).map(|i| ((i * i % 101) as f32 / 50.0 - 1.0) * 3.0).collect()
    }

    fn encoded(bits: &Bits, vector: &[f32]) -> Vec<u8> {
        let mut row = vec![0xaa; bits.row_bytes()];
        bits.encode(vector, false, &mut row);
        assert!(validate(bits.dimension, &row, false), "{} components", vector.len());
        row
    }

    #[test]
    fn cosines_are_right_and_symmetric() {
        for dimension in [1, 2, 3, 64, 100, 384, 4096] {
            let bits = Bits::new(dimension);
            assert_eq!(bits.cosine(0), 1.0);
            for differ in 0..=dimension {
                let exact = (PI * differ as f64 / dimension as f64).cos();
                let ours = bits.cosine(differ as u32);
                assert!((f64::from(ours) - exact).abs() < 1e-7, "{differ} of {dimension}: {ours}");
                assert_eq!(ours, -bits.cosine((dimension - differ) as u32));
            }
            assert!(bits.cosines.is_sorted_by(|a, b| a > b));
        }
    }

    /// The bits themselves, as native and WebAssembly builds never meet in one test.
    #[test]
    fn cosines_have_the_same_bits_on_every_machine() {
        let hash = Bits::new(384)
            .cosines
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            });
        assert_eq!(hash, 11_453_311_761_370_400_541);
    }

    #[test]
    fn rows_come_back_as_they_went() {
        for dimension in (1..=70).chain([128, 384, 1000, 4096]) {
            let (mut bits, vector) = (Bits::new(dimension), wave(dimension));
            bits.reserve(2).unwrap();
            bits.grow(2);
            let row = encoded(&bits, &vector);
            bits.set(NodeId(1), &row);
            let mut written = Vec::new();
            bits.write(NodeId(1), &mut written);
            assert_eq!(written, row);
            let mut decoded = vec![f32::NAN; dimension];
            decode(&written, &mut decoded);
            for (x, y) in vector.iter().zip(&decoded) {
                assert_eq!(*x < 0.0, *y < 0.0, "{dimension}");
            }
            let ratio = square_norm(&decoded) / square_norm(&vector);
            assert!((ratio - 1.0).abs() < 1e-4, "{dimension}: the length");
        }
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let bits = Bits::new(70);
        let row = encoded(&bits, &wave(70));
        let refused = |at: usize, byte: u8| {
            let mut row = row.clone();
            row[at] = byte;
            !validate(bits.dimension, &row, false)
        };
        assert!(refused(8, row[8] | 1 << 6) && refused(15, 128), "padding that is not zero");
        assert!(refused(19, 0x7f) && refused(19, 0xff), "a length that is none, or too large");
        assert!(
            !validate(bits.dimension, &row[1..], false) && !validate(bits.dimension, &[], false),
            "a wrong length"
        );
        let lengths =
            [(0.0, true), (LONGEST, true), (1e19, false), (-1.0, false), (f32::NAN, false)];
        for (norm, valid) in lengths {
            let mut row = row.clone();
            row[16..].copy_from_slice(&norm.to_le_bytes());
            assert_eq!(validate(bits.dimension, &row, false), valid, "{norm}");
            assert!(!validate(bits.dimension, &row, true), "{norm} is not 1");
        }
    }
}
