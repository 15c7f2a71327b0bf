//! Byte products of the relaxed extension, used where their result is not relaxed.
//!
//! What may differ between machines is a second factor with its highest bit set, and a pair of
//! products past 16 bits. Stored codes are 1 to 127 and the query's at most 63 in size, so a pair
//! comes to at most 16,002 and every machine gives the same.

use std::arch::wasm32::*;

use super::products::Products;
use super::simd128::{self, Constants};
use crate::quantize::CODE_OFFSET;

pub(super) type Left = i8;

/// The signed codes of a row.
pub(super) fn prepare(codes: &[u8], left: &mut [Left]) {
    for (left, &code) in left.iter_mut().zip(codes) {
        *left = code.wrapping_sub(CODE_OFFSET as u8) as i8;
    }
}

pub(super) struct Relaxed;

impl Products for Relaxed {
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
        unsafe { simd128::levels(constants, block, step) }
    }

    #[inline(always)]
    unsafe fn add(sums: v128, _: Constants, codes: v128, left: *const Left) -> v128 {
        // SAFETY: 16 codes are readable.
        i32x4_relaxed_dot_i8x16_i7x16_add(unsafe { v128_load(left.cast()) }, codes, sums)
    }
}
