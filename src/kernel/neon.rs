//! 64-bit ARM. Stored codes are at most 127, so both sides multiply as signed bytes.

use std::arch::aarch64::*;

use super::{
    Kernels, float,
    products::{self, Products, Register},
    table::{entry, table},
};
use crate::quantize::CODE_OFFSET;

pub(super) type Left = i8;

// NEON belongs to every machine of this architecture that Rust's std supports. 4 x 4 sums leave 16
// of its 32 registers.
static KERNELS: Kernels = table!(
    "neon", Neon, 4,
    [#[target_feature(enable = "neon")]],
    [#[target_feature(enable = "neon")]]
);

#[inline(always)]
pub(super) fn kernels() -> &'static Kernels {
    &KERNELS
}

/// The signed codes of a row.
pub(super) fn prepare(codes: &[u8], left: &mut [Left]) {
    for (left, &code) in left.iter_mut().zip(codes) {
        *left = code.wrapping_sub(CODE_OFFSET as u8) as i8;
    }
}

struct Neon;

impl Products for Neon {
    type Sums = int32x4_t;
    type Codes = [int8x16_t; 2];
    type Constants = ();
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn codes(row: *const u8) -> [int8x16_t; 2] {
        // SAFETY: 32 bytes are readable.
        unsafe { [vld1q_s8(row.cast()), vld1q_s8(row.add(16).cast())] }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn levels((): (), block: *const u8, step: usize) -> [int8x16_t; 2] {
        // SAFETY: 16 bytes are readable.
        let packed = unsafe { vld1q_u8(block) };
        let packed = if step == 0 { packed } else { vshrq_n_u8::<4>(packed) };
        [packed, vshrq_n_u8::<2>(packed)]
            .map(|levels| vreinterpretq_s8_u8(vandq_u8(levels, vdupq_n_u8(3))))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn add(sums: int32x4_t, (): (), [a, b]: [int8x16_t; 2], left: *const Left) -> int32x4_t {
        // SAFETY: 32 codes are readable.
        let (p, q) = unsafe { (vld1q_s8(left), vld1q_s8(left.add(16))) };
        // Four products of at most 63 * 127 fit 16 bits.
        let fours = vmull_s8(vget_low_s8(a), vget_low_s8(p));
        let fours = vmlal_high_s8(fours, a, p);
        let fours = vmlal_s8(fours, vget_low_s8(b), vget_low_s8(q));
        vpadalq_s16(sums, vmlal_high_s8(fours, b, q))
    }
}

impl Register for int32x4_t {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn zero() -> Self {
        vdupq_n_s32(0)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn plus(self, other: Self) -> Self {
        vaddq_s32(self, other)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn sum(self) -> i32 {
        vaddvq_s32(self)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn sums(four: [Self; 4]) -> [i32; 4] {
        four.map(|lanes| vaddvq_s32(lanes))
    }
}

/// Left to the machine.
#[inline(always)]
pub(super) fn prefetch<T>(_: &[T]) {}
