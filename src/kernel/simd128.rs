//! WebAssembly with 128-bit vectors.
//!
//! Without byte products (`relaxed` has them), codes would have to be widened first. They are not:
//! two neighboring codes read as one 16-bit number are `w = low + 256 * high`, and
//! `256 * (even * low + odd * high) = odd * w + (256 * even - odd) * low`: two 16-bit products a
//! pair, one on the bytes as they lie and one on the masked low bytes. A query is prepared as those
//! two factors, 8 and 8 in turn. The 256-fold sums of up to 1,024 products fit a lane (256 * 63 *
//! 127 * 1,024 < 2^31), so 4,096 dimensions do; on the way there they may wrap, which adds up.

use std::arch::wasm32::*;

#[cfg(target_feature = "relaxed-simd")]
pub(super) use super::relaxed::{Left, Relaxed as Active, prepare};
use super::{
    Kernels, float,
    products::{self, Register},
    table::{entry, table},
};

// Small functions that are called often and stay functions: engines replace their first, slow
// version at a call, never in the middle of a loop.
static KERNELS: Kernels = Kernels {
    // Calls, as four copies of the loop are no faster.
    dot_f32x4: |q, rows| rows.map(|row| (KERNELS.dot_f32)(q, row)),
    l2_f32x4: |q, rows| rows.map(|row| (KERNELS.l2_f32)(q, row)),
    ..table!(
        if cfg!(target_feature = "relaxed-simd") { "relaxed-simd" } else { "simd128" },
        Active, 2, [#[inline(never)]], [#[inline]]
    )
};

#[inline(always)]
pub(super) fn kernels() -> &'static Kernels {
    &KERNELS
}

#[cfg(not(target_feature = "relaxed-simd"))]
pub(super) use widened::{Left, Widened as Active, prepare};

#[cfg(not(target_feature = "relaxed-simd"))]
mod widened {
    use super::*;
    use crate::kernel::products::Products;
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

    /// Its sums are 256-fold.
    pub(in super::super) struct Widened;

    impl Products for Widened {
        type Sums = v128;
        type Codes = v128;
        type Constants = Constants;
        const STEP: usize = 16;

        #[inline(always)]
        unsafe fn constants() -> Constants {
            Constants::new()
        }

        #[inline(always)]
        unsafe fn codes(row: *const u8) -> v128 {
            // SAFETY: 16 bytes are readable.
            unsafe { v128_load(row.cast()) }
        }

        #[inline(always)]
        unsafe fn levels(constants: Constants, block: *const u8, step: usize) -> v128 {
            // SAFETY: 16 bytes are readable.
            unsafe { super::levels(constants, block, step) }
        }

        #[inline(always)]
        unsafe fn add(sums: v128, constants: Constants, codes: v128, left: *const Left) -> v128 {
            // SAFETY: 16 factors are readable.
            let (odd, mixed) = unsafe { (v128_load(left.cast()), v128_load(left.add(8).cast())) };
            let low = v128_and(codes, constants.low_bytes);
            let products = i32x4_add(i32x4_dot_i16x8(codes, odd), i32x4_dot_i16x8(low, mixed));
            i32x4_add(sums, products)
        }

        #[inline(always)]
        unsafe fn finished(sums: v128) -> v128 {
            i32x4_shr(sums, 8)
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

/// The levels of a quarter of a sketch's block.
///
/// # Safety
/// 16 bytes are readable.
#[inline(always)]
pub(super) unsafe fn levels(constants: Constants, block: *const u8, quarter: usize) -> v128 {
    // SAFETY: as the caller says.
    let packed = unsafe { v128_load(block.cast()) };
    v128_and(u16x8_shr(packed, 2 * quarter as u32), constants.level)
}

/// WebAssembly has no prefetch, and reading a byte of each line instead costs more than it gains.
#[inline(always)]
pub(super) fn prefetch<T>(_: &[T]) {}

impl Register for v128 {
    #[inline(always)]
    unsafe fn zero() -> Self {
        i32x4_splat(0)
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        i32x4_add(self, other)
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        let two = i32x4_add(self, i64x2_shuffle::<1, 0>(self, self));
        i32x4_extract_lane::<0>(two) + i32x4_extract_lane::<1>(two)
    }

    #[inline(always)]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
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
}
