//! Byte products of the relaxed extension, used where their result is not relaxed.
//!
//! What may differ between machines is a second factor with its highest bit set, and a pair of
//! products past 16 bits. Stored codes are 1 to 127 and the query's at most 63 in size, so a pair
//! comes to at most 16,002 and every machine gives the same.

use std::arch::wasm32::*;

use super::lanes::Lanes;
use super::simd128::{Constants, add_levels};
use crate::quantize::CODE_OFFSET;

pub(super) type Left = i8;

/// The signed codes of a row.
pub(super) fn prepare(codes: &[u8], left: &mut [Left]) {
    for (left, &code) in left.iter_mut().zip(codes) {
        *left = code.wrapping_sub(CODE_OFFSET as u8) as i8;
    }
}

#[derive(Clone, Copy)]
pub(super) struct Products(v128);

impl Products {
    /// # Safety
    /// 16 codes are readable at `left`.
    #[inline(always)]
    unsafe fn add_bytes(self, row: v128, left: *const Left) -> Self {
        // SAFETY: the caller lets 16 codes be read.
        let left = unsafe { v128_load(left.cast()) };
        Self(i32x4_relaxed_dot_i8x16_i7x16_add(left, row, self.0))
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
    unsafe fn add(self, _: Constants, row: *const u8, left: *const Left) -> Self {
        // SAFETY: the caller lets 16 codes be read at both.
        unsafe { self.add_bytes(v128_load(row.cast()), left) }
    }

    #[inline(always)]
    unsafe fn add_sketch(
        sums: [Self; 2],
        constants: Constants,
        sketch: *const u8,
        left: *const Left,
    ) -> [Self; 2] {
        // SAFETY: the caller lets 16 bytes of levels and 64 codes be read.
        unsafe {
            add_levels(sums, constants, sketch, left, |sum, row, left| sum.add_bytes(row, left))
        }
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
        super::simd128::sums([a.0, b.0, c.0, d.0])
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        super::simd128::sum(self.0)
    }
}
