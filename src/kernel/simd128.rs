//! WebAssembly with 128-bit vectors.
//!
//! Without byte products (`relaxed` has them), codes would have to be widened first. They are not:
//! two neighboring codes read as one 16-bit number are `w = low + 256 * high`, and
//! `256 * (even * low + odd * high) = odd * w + (256 * even - odd) * low`: two 16-bit products a
//! pair, one on the bytes as they lie and one on the masked low bytes. A query is prepared as those
//! two factors, 8 and 8 in turn. The 256-fold sums of up to 1,024 products fit a lane (256 * 63 *
//! 127 * 1,024 < 2^31), so 4,096 dimensions do; on the way there they may wrap, which adds up.

use std::arch::wasm32::*;

use super::lanes;
#[cfg(target_feature = "relaxed-simd")]
pub(super) use super::relaxed::{Left, Products, prepare};
use super::{Kernels, float};

static KERNELS: Kernels = Kernels {
    name: if cfg!(target_feature = "relaxed-simd") { "relaxed-simd" } else { "simd128" },
    dot7,
    dot7x4,
    sketch_x4,
    dot7_tile,
    dot_f32,
    dot_f32x4: |q, rows| rows.map(|row| dot_f32(q, row)),
    l2_f32,
    l2_f32x4: |q, rows| rows.map(|row| l2_f32(q, row)),
    hamming: |a, b| float::hamming(a, b),
    hamming_x4: |q, rows| rows.map(|row| float::hamming(q, row)),
};

#[inline(always)]
pub(super) fn kernels() -> &'static Kernels {
    &KERNELS
}

// Small functions that are called often and stay functions: engines replace their first, slow
// version at a call, never in the middle of a loop.

#[inline(never)]
fn dot7(left: &[Left], row: &[u8]) -> i32 {
    // SAFETY: this file is compiled only where the vectors are enabled.
    unsafe { lanes::dot7::<Products>(left, row) }
}

#[inline(never)]
fn dot7x4(left: &[Left], rows: &[&[u8]; 4]) -> [i32; 4] {
    // SAFETY: this file is compiled only where the vectors are enabled.
    unsafe { lanes::dot7x4::<Products>(left, rows) }
}

#[inline(never)]
fn sketch_x4(left: &[Left], sketches: &[&[u8]; 4]) -> [i32; 4] {
    // SAFETY: this file is compiled only where the vectors are enabled.
    unsafe { lanes::sketch_x4::<Products>(left, sketches) }
}

#[inline(never)]
fn dot7_tile(left: [&[Left]; 4], bias: [i32; 4], rows: &[u8], stride: usize, out: [&mut [i32]; 4]) {
    // SAFETY: this file is compiled only where the vectors are enabled.
    unsafe { lanes::tile::<Products, 2>(left, bias, rows, stride, out) }
}

#[inline(never)]
fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    float::dot(a, b)
}

#[inline(never)]
fn l2_f32(a: &[f32], b: &[f32]) -> f32 {
    float::l2(a, b)
}

#[cfg(not(target_feature = "relaxed-simd"))]
pub(super) use widened::{Left, Products, prepare};

#[cfg(not(target_feature = "relaxed-simd"))]
mod widened {
    use super::*;
    use crate::kernel::lanes::Lanes;
    use crate::quantize::CODE_OFFSET;

    pub(in super::super) type Left = i16;

    /// The two factors of each pair of codes.
    pub(in super::super) fn prepare(codes: &[u8], left: &mut [Left]) {
        let (codes, _) = codes.as_chunks::<16>();
        let (left, _) = left.as_chunks_mut::<16>();
        for (codes, left) in codes.iter().zip(left) {
            for pair in 0..8 {
                let even = i16::from(codes[2 * pair]) - CODE_OFFSET as i16;
                let odd = i16::from(codes[2 * pair + 1]) - CODE_OFFSET as i16;
                left[pair] = odd;
                left[8 + pair] = 256 * even - odd;
            }
        }
    }

    /// 256-fold sums.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Products(v128);

    impl Products {
        /// # Safety
        /// 16 factors are readable at `left`.
        #[inline(always)]
        unsafe fn add_bytes(self, constants: Constants, pairs: v128, left: *const Left) -> Self {
            // SAFETY: the caller lets 16 factors be read.
            let (odd, mixed) = unsafe { (v128_load(left.cast()), v128_load(left.add(8).cast())) };
            let low = v128_and(pairs, constants.low_bytes);
            let products = i32x4_add(i32x4_dot_i16x8(pairs, odd), i32x4_dot_i16x8(low, mixed));
            Self(i32x4_add(self.0, products))
        }
    }

    impl Lanes for Products {
        type Constants = Constants;
        const STEP: usize = 16;

        #[inline(always)]
        unsafe fn constants() -> Constants {
            Constants::new()
        }

        #[inline(always)]
        unsafe fn zero() -> Self {
            Self(i32x4_splat(0))
        }

        #[inline(always)]
        unsafe fn add(self, constants: Constants, row: *const u8, left: *const Left) -> Self {
            // SAFETY: the caller lets 16 codes and their factors be read.
            unsafe { self.add_bytes(constants, v128_load(row.cast()), left) }
        }

        #[inline(always)]
        unsafe fn add_sketch(
            sums: [Self; 2],
            constants: Constants,
            sketch: *const u8,
            left: *const Left,
        ) -> [Self; 2] {
            // SAFETY: the caller lets 16 bytes of levels and 64 factors be read.
            unsafe {
                super::add_levels(sums, constants, sketch, left, |sum, row, left| {
                    sum.add_bytes(constants, row, left)
                })
            }
        }

        #[inline(always)]
        unsafe fn plus(self, other: Self) -> Self {
            Self(i32x4_add(self.0, other.0))
        }

        #[inline(always)]
        unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
            super::sums([a, b, c, d].map(|lanes| i32x4_shr(lanes.0, 8)))
        }

        #[inline(always)]
        unsafe fn sum(self) -> i32 {
            super::sum(i32x4_shr(self.0, 8))
        }
    }
}

/// Masks that stay in registers. V8 makes a constant anew, in three instructions, wherever it is
/// used; it can't where it does not know that it is one.
#[derive(Clone, Copy)]
pub(super) struct Constants {
    #[cfg(not(target_feature = "relaxed-simd"))]
    low_bytes: v128,
    level: v128,
}

impl Constants {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self {
            #[cfg(not(target_feature = "relaxed-simd"))]
            low_bytes: std::hint::black_box(u16x8_splat(0xff)),
            level: std::hint::black_box(u8x16_splat(3)),
        }
    }
}

/// Unpacks a block of a sketch, and adds its parts to two sums in turn.
///
/// # Safety
/// 16 bytes are readable at `sketch`, `CODE_BLOCK` elements at `left`, and `add` may be called with
/// 16 of them.
#[inline(always)]
pub(super) unsafe fn add_levels<L>(
    [a, b]: [L; 2],
    constants: Constants,
    sketch: *const u8,
    left: *const Left,
    add: impl Fn(L, v128, *const Left) -> L,
) -> [L; 2] {
    let three = constants.level;
    // SAFETY: the caller lets all of it be read.
    unsafe {
        let packed = v128_load(sketch.cast());
        let a = add(a, v128_and(packed, three), left);
        let b = add(b, v128_and(u16x8_shr(packed, 2), three), left.add(16));
        let a = add(a, v128_and(u16x8_shr(packed, 4), three), left.add(32));
        let b = add(b, v128_and(u16x8_shr(packed, 6), three), left.add(48));
        [a, b]
    }
}

/// WebAssembly has no prefetch, and reading a byte of each line instead costs more than it gains.
#[inline(always)]
pub(super) fn prefetch<T>(_: &[T]) {}

/// The sum of each of four vectors.
#[inline(always)]
pub(super) fn sums([a, b, c, d]: [v128; 4]) -> [i32; 4] {
    let halves =
        |a, b| i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (ab, cd) = (halves(a, b), halves(c, d));
    let four = i32x4_add(i64x2_shuffle::<0, 2>(ab, cd), i64x2_shuffle::<1, 3>(ab, cd));
    [
        i32x4_extract_lane::<0>(four),
        i32x4_extract_lane::<1>(four),
        i32x4_extract_lane::<2>(four),
        i32x4_extract_lane::<3>(four),
    ]
}

/// The sum of one vector.
#[inline(always)]
pub(super) fn sum(lanes: v128) -> i32 {
    let two = i32x4_add(lanes, i64x2_shuffle::<1, 0>(lanes, lanes));
    i32x4_extract_lane::<0>(two) + i32x4_extract_lane::<1>(two)
}
