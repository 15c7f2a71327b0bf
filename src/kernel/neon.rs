//! 64-bit ARM. Stored codes are at most 127, so both sides multiply as signed bytes.

use std::arch::aarch64::*;

use super::lanes::{self, Lanes};
use super::{Kernels, float};
use crate::quantize::CODE_OFFSET;

pub(super) type Left = i8;

static KERNELS: Kernels = Kernels {
    name: "neon",
    // SAFETY: NEON belongs to every machine of this architecture that Rust's std supports.
    dot7: |left, row| unsafe { lanes::dot7::<Products>(left, row) },
    // SAFETY: as above.
    dot7x4: |left, rows| unsafe { lanes::dot7x4::<Products>(left, rows) },
    // SAFETY: as above.
    sketch_x4: |left, sketches| unsafe { lanes::sketch_x4::<Products>(left, sketches) },
    // SAFETY: as above. 4 x 4 sums leave 16 of 32 registers.
    dot7_tile: |left, bias, rows, stride, out| unsafe {
        lanes::tile::<Products, 4>(left, bias, rows, stride, out)
    },
    dot_f32: |a, b| float::dot(a, b),
    dot_f32x4: |q, rows| rows.map(|row| float::dot(q, row)),
    l2_f32: |a, b| float::l2(a, b),
    l2_f32x4: |q, rows| rows.map(|row| float::l2(q, row)),
    hamming: |a, b| float::hamming(a, b),
    hamming_x4: |q, rows| rows.map(|row| float::hamming(q, row)),
};

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

#[derive(Clone, Copy)]
struct Products(int32x4_t);

impl Lanes for Products {
    type Constants = ();
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn constants() {}

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller has NEON.
        Self(unsafe { vdupq_n_s32(0) })
    }

    #[inline(always)]
    unsafe fn add(self, (): (), row: *const u8, left: *const Left) -> Self {
        // SAFETY: the caller has NEON and lets 32 codes be read at both. Four products of at most
        // 63 * 127 fit 16 bits.
        unsafe {
            let (a, p) = (vld1q_s8(left), vld1q_s8(row.cast()));
            let (b, q) = (vld1q_s8(left.add(16)), vld1q_s8(row.add(16).cast()));
            let low = vmull_s8(vget_low_s8(a), vget_low_s8(p));
            let fours = vmlal_high_s8(low, a, p);
            let fours = vmlal_s8(fours, vget_low_s8(b), vget_low_s8(q));
            Self(vpadalq_s16(self.0, vmlal_high_s8(fours, b, q)))
        }
    }

    #[inline(always)]
    unsafe fn add_sketch(
        [a, b]: [Self; 2],
        (): (),
        sketch: *const u8,
        left: *const Left,
    ) -> [Self; 2] {
        // SAFETY: the caller has NEON and lets 16 levels and 64 codes be read. Four products of at
        // most 63 * 3 fit 16 bits.
        unsafe {
            let packed = vld1q_u8(sketch);
            let three = vdupq_n_u8(3);
            let level = |packed| vreinterpretq_s8_u8(vandq_u8(packed, three));
            let levels = [
                level(packed),
                level(vshrq_n_u8::<2>(packed)),
                level(vshrq_n_u8::<4>(packed)),
                level(vshrq_n_u8::<6>(packed)),
            ];
            let two = |sum: int32x4_t, p: int8x16_t, left: *const Left| {
                let codes = vld1q_s8(left);
                let low = vmull_s8(vget_low_s8(codes), vget_low_s8(p));
                vpadalq_s16(sum, vmlal_high_s8(low, codes, p))
            };
            let a = two(two(a.0, levels[0], left), levels[1], left.add(16));
            let b = two(two(b.0, levels[2], left.add(32)), levels[3], left.add(48));
            [Self(a), Self(b)]
        }
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: the caller has NEON.
        Self(unsafe { vaddq_s32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sums([a, b, c, d]: [Self; 4]) -> [i32; 4] {
        // SAFETY: the caller has NEON.
        unsafe { [a.sum(), b.sum(), c.sum(), d.sum()] }
    }

    #[inline(always)]
    unsafe fn sum(self) -> i32 {
        // SAFETY: the caller has NEON.
        unsafe { vaddvq_s32(self.0) }
    }
}

/// Left to the machine.
#[inline(always)]
pub(super) fn prefetch<T>(_: &[T]) {}
