//! Seven-bit codes: a vector as integers from -63 to 63 times a scale of its own.
//!
//! Seven bits, as then every instruction set that multiplies bytes does it exactly. A row is
//!
//! | bytes | what |
//! |---|---|
//! | `padded` | a component's code plus 64 (1 to 127); past the dimension 64, which is zero |
//! | 4 | scale, `f32` |
//! | 4 | squared norm of the decoded vector, `f32` |
//! | 8 | zero |
//!
//! little-endian throughout. Encoding gives the same bytes on every machine: its operations are
//! single IEEE ones in a fixed order.

use crate::kernel::dot_f32;

/// Codes come in blocks of as many bytes as the widest vector has.
pub(crate) const CODE_BLOCK: usize = 64;
/// What is added to a code before it is stored.
pub(crate) const CODE_OFFSET: i32 = 64;
/// The largest code.
const CODE_MAX: f32 = 63.0;
/// Bytes that follow the codes.
const TRAILER: usize = 16;

/// Factors that bring components to where their squares neither vanish nor overflow.
const TINY: f32 = 1e-15;
const HUGE: f32 = 1e15;
const LIFT: f32 = (1u128 << 100) as f32;

/// What a row has besides its codes.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct CodeTrailer {
    /// What the codes are multiplied with.
    pub(crate) scale: f32,
    /// The squared norm of the vector that the row stands for; finite (cut to the largest float).
    pub(crate) square_norm: f32,
}

/// The shape of a row of codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CodeLayout {
    dimension: usize,
    padded: usize,
    stride: usize,
}

impl CodeLayout {
    pub(crate) fn new(dimension: usize) -> Self {
        let padded = dimension.next_multiple_of(CODE_BLOCK);
        Self { dimension, padded, stride: padded + TRAILER }
    }

    /// Components of a vector.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Bytes of a row.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes of its codes.
    pub(crate) fn padded(&self) -> usize {
        self.padded
    }

    /// Writes the row of a finite vector.
    ///
    /// The largest component, in size, becomes 63 or -63. Where even that is too small to have a
    /// scale (below about 1e-43), the row is that of the zero vector.
    ///
    /// # Panics
    /// If `vector` or `row` does not have the layout's length.
    pub(crate) fn encode(&self, vector: &[f32], row: &mut [u8]) {
        assert_eq!(vector.len(), self.dimension, "the layout's dimension");
        assert_eq!(row.len(), self.stride, "the layout's stride");
        let max = max_abs(vector);
        let scale = max / CODE_MAX;
        let (codes, trailer) = row.split_at_mut(self.padded);
        if scale == 0.0 {
            codes.fill(CODE_OFFSET as u8);
        } else {
            let lift = if max < TINY { LIFT } else { 1.0 };
            let inverse = CODE_MAX / (max * lift);
            let (body, padding) = codes.split_at_mut(self.dimension);
            for (code, &x) in body.iter_mut().zip(vector) {
                *code = offset_code(x * lift * inverse);
            }
            padding.fill(CODE_OFFSET as u8);
        }
        trailer.fill(0);
        trailer[..4].copy_from_slice(&scale.to_le_bytes());
        let square_norm = decoded_square_norm(codes, scale);
        trailer[4..8].copy_from_slice(&square_norm.to_le_bytes());
    }

    /// Writes the vector that a row stands for.
    ///
    /// # Panics
    /// If `row` or `out` does not have the layout's length.
    pub(crate) fn decode(&self, row: &[u8], out: &mut [f32]) {
        assert_eq!(row.len(), self.stride, "the layout's stride");
        assert_eq!(out.len(), self.dimension, "the layout's dimension");
        let scale = self.trailer(row).scale;
        for (x, &code) in out.iter_mut().zip(row) {
            *x = (i32::from(code) - CODE_OFFSET) as f32 * scale;
        }
    }

    /// What follows a row's codes.
    pub(crate) fn trailer(&self, row: &[u8]) -> CodeTrailer {
        let (numbers, _) = row[self.padded..self.stride].as_chunks::<4>();
        let [scale, square_norm] = [numbers[0], numbers[1]].map(f32::from_le_bytes);
        CodeTrailer { scale, square_norm }
    }

    /// Appends what follows these codes in a row; after codes that were never set, zeros.
    pub(crate) fn write_trailer(&self, codes: &[u8], scale: f32, out: &mut Vec<u8>) {
        let set = codes.first().is_some_and(|&code| code != 0);
        let square_norm = if set { decoded_square_norm(codes, scale) } else { 0.0 };
        out.extend(scale.to_le_bytes());
        out.extend(square_norm.to_le_bytes());
        out.extend([0; TRAILER - 8]);
    }

    /// Whether bytes from outside are a row as `encode` writes it.
    pub(crate) fn validate(&self, row: &[u8]) -> bool {
        if row.len() != self.stride {
            return false;
        }
        let (codes, trailer) = row.split_at(self.padded);
        let (body, padding) = codes.split_at(self.dimension);
        let CodeTrailer { scale, square_norm } = self.trailer(row);
        body.iter().all(|code| (1..=127).contains(code))
            && padding.iter().all(|&code| i32::from(code) == CODE_OFFSET)
            && scale.is_finite()
            && scale.is_sign_positive()
            && square_norm.to_bits() == decoded_square_norm(codes, scale).to_bits()
            && trailer[8..].iter().all(|&byte| byte == 0)
    }
}

/// Rounds to the nearest integer, ties to even, and adds the offset. Adding 1.5 * 2^23 leaves the
/// integer in the low bits of the float: the same everywhere, and a single addition in any vector
/// unit.
#[inline(always)]
fn offset_code(x: f32) -> u8 {
    const SHIFT: f32 = (3 << 22) as f32 + CODE_OFFSET as f32;
    (x + SHIFT).to_bits() as u8
}

/// The sum of squared codes is an integer below 2^24 (4,096 * 63 * 63), so exact as a float.
fn decoded_square_norm(codes: &[u8], scale: f32) -> f32 {
    let squares: i32 = codes
        .iter()
        .map(|&code| {
            let code = i32::from(code) - CODE_OFFSET;
            code * code
        })
        .sum();
    (squares as f32 * scale * scale).min(f32::MAX)
}

/// The largest component in size; 0 for an empty vector.
fn max_abs(v: &[f32]) -> f32 {
    const LANES: usize = 16;
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [0f32; LANES];
    let (blocks, rest) = v.as_chunks::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane = larger(*lane, x.abs());
        }
    }
    lanes.into_iter().chain(rest.iter().map(|x| x.abs())).fold(0.0, larger)
}

/// The squared L2 norm, summed in the kernels' fixed order.
pub(crate) fn square_norm(v: &[f32]) -> f32 {
    dot_f32(v, v)
}

/// Divides a finite vector by its norm. Returns false, leaving it as it is, if all components are
/// zero: it has no direction.
pub(crate) fn normalise(v: &mut [f32]) -> bool {
    let max = max_abs(v);
    if max == 0.0 {
        return false;
    }
    // A power of two changes no digit.
    if max < TINY {
        v.iter_mut().for_each(|x| *x *= LIFT);
    } else if max > HUGE {
        v.iter_mut().for_each(|x| *x *= 1.0 / LIFT);
    }
    let inverse = 1.0 / square_norm(v).sqrt();
    v.iter_mut().for_each(|x| *x *= inverse);
    true
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn encoded(layout: CodeLayout, vector: &[f32]) -> Vec<u8> {
        let mut row = vec![0xaa; layout.stride()];
        layout.encode(vector, &mut row);
        assert!(layout.validate(&row), "{vector:?}");
        row
    }

    fn wave(dimension: usize, size: f32) -> Vec<f32> {
        (0..dimension).map(|i| ((i * i % 101) as f32 / 50.0 - 1.0) * size).collect()
    }

    #[test]
    fn decoding_is_off_by_half_a_step_at_most() {
        for dimension in [1, 2, 3, 63, 64, 65, 384, 4096] {
            for size in [1e-38, 1e-20, 1.0, 3.7, 1e19, f32::MAX] {
                let (layout, vector) = (CodeLayout::new(dimension), wave(dimension, size));
                let row = encoded(layout, &vector);
                let mut decoded = vec![f32::NAN; dimension];
                layout.decode(&row, &mut decoded);
                let step = layout.trailer(&row).scale;
                assert!(step > 0.0);
                for (x, y) in vector.iter().zip(&decoded) {
                    assert!(
                        f64::from(x - y).abs() / f64::from(step) < 0.501,
                        "{x} became {y}, step {step}"
                    );
                }
                assert!(layout.trailer(&row).square_norm.is_finite());
            }
        }
    }

    #[test]
    fn the_norm_is_that_of_the_decoded_vector() {
        let (layout, vector) = (CodeLayout::new(300), wave(300, 2.5));
        let row = encoded(layout, &vector);
        let mut decoded = vec![0.0; 300];
        layout.decode(&row, &mut decoded);
        let exact: f64 = decoded.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        assert!((f64::from(layout.trailer(&row).square_norm) / exact - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_vector_too_small_for_a_scale_is_zero() {
        let layout = CodeLayout::new(70);
        let zero = encoded(layout, &[0.0; 70]);
        assert!(zero[..layout.padded()].iter().all(|&code| code == 64));
        assert!(zero[layout.padded()..].iter().all(|&byte| byte == 0));
        assert_eq!(encoded(layout, &[-0.0; 70]), zero);
        assert_eq!(encoded(layout, &[f32::from_bits(1); 70]), zero);
    }

    #[test]
    fn extremes_reach_the_ends_of_the_codes() {
        let layout = CodeLayout::new(4);
        for size in [1e-40, 1e-30, 1.0, 1e30, f32::MAX] {
            let row = encoded(layout, &[size, -size, 0.0, size * 0.5]);
            assert_eq!(row[..3], [127, 1, 64], "{size}");
            assert!(row[3] == 95 || row[3] == 96, "{size}: {}", row[3]);
        }
    }

    /// The bytes themselves, as native and WebAssembly builds never meet in one test.
    #[test]
    fn rows_have_the_same_bytes_on_every_machine() {
        let mut vector = wave(384, 0.3);
        assert!(normalise(&mut vector));
        let row = encoded(CodeLayout::new(384), &vector);
        let hash = |bytes: &[u8]| {
            bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            })
        };
        let floats: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(
            (hash(&floats), hash(&row)),
            (9_835_240_684_240_905_007, 15_439_994_569_806_868_589)
        );
    }

    #[test]
    fn any_changed_byte_that_matters_is_refused() {
        let layout = CodeLayout::new(70);
        let row = encoded(layout, &wave(70, 1.0));
        let refused = |at: usize, byte: u8| {
            let mut row = row.clone();
            row[at] = byte;
            !layout.validate(&row)
        };
        assert!(refused(0, 0) && refused(69, 128) && refused(3, 255), "codes out of range");
        assert!(refused(70, 65) && refused(127, 0), "padding that is not zero");
        assert!(refused(5, row[5] ^ 2), "a norm that is not the codes'");
        assert!(refused(128, row[128] ^ 1), "a norm that is not the scale's");
        assert!(refused(131, 0x7f) && refused(131, 0xff), "a scale out of range");
        assert!(refused(136, 1) && refused(143, 1), "bytes that must be zero");
        assert!(!layout.validate(&row[1..]) && !layout.validate(&[]), "a wrong length");
    }

    #[test]
    fn normalised_vectors_have_length_one_whatever_their_size() {
        for size in [1e-44, 1e-38, 1e-20, 1.0, 1e19, 1e30, f32::MAX] {
            for dimension in [1, 2, 64, 384, 4096] {
                let mut vector = vec![0.0; dimension];
                vector[dimension / 2] = -size;
                vector[0] = size;
                assert!(normalise(&mut vector));
                let norm: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
                assert!((norm - 1.0).abs() < 1e-5, "{size} x {dimension}: {norm}");
            }
        }
        assert!(!normalise(&mut [0.0, -0.0]) && !normalise(&mut []));
    }
}
