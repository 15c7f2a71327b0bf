//! The byte products, once for all instruction sets.

use super::{Left, SKETCH_BLOCK};
use crate::quantize::CODE_BLOCK;

/// Sums of products, spread over the lanes of one register.
///
/// # Safety
/// Every function may be called only where its instruction set is present, and belongs inlined in
/// a function that enables it. (So no closures around them: what a closure calls is not inlined
/// where the instruction set is not enabled, and a call costs more than the product.)
pub(super) trait Lanes: Copy {
    /// Constants of a product, made once before its loop.
    type Constants: Copy;

    /// See [`Lanes::Constants`].
    unsafe fn constants() -> Self::Constants;

    /// Codes that `add` takes: a divisor of `CODE_BLOCK`.
    const STEP: usize;

    /// No products yet.
    unsafe fn zero() -> Self;

    /// Adds the products of the next codes.
    ///
    /// # Safety
    /// `STEP` elements are readable at both pointers.
    unsafe fn add(self, constants: Self::Constants, row: *const u8, left: *const Left) -> Self;

    /// Adds the products of a block of codes with a block of a sketch, to both sums in turn.
    ///
    /// # Safety
    /// `SKETCH_BLOCK` bytes are readable at `sketch`, `CODE_BLOCK` elements at `left`.
    unsafe fn add_sketch(
        sums: [Self; 2],
        constants: Self::Constants,
        sketch: *const u8,
        left: *const Left,
    ) -> [Self; 2];

    /// Both together.
    unsafe fn plus(self, other: Self) -> Self;

    /// The sums of four.
    unsafe fn sums(four: [Self; 4]) -> [i32; 4];

    /// The sum of one.
    unsafe fn sum(self) -> i32;
}

/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn dot7<L: Lanes>(left: &[Left], row: &[u8]) -> i32 {
    check(left, row);
    // SAFETY: `check` holds every block inside both slices; the caller has the instruction set.
    unsafe {
        let constants = L::constants();
        let mut sums = [L::zero(); 2];
        for at in (0..left.len()).step_by(CODE_BLOCK) {
            sums = add_block(sums, constants, row.as_ptr().add(at), left.as_ptr().add(at));
        }
        sums[0].plus(sums[1]).sum()
    }
}

/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn dot7x4<L: Lanes>(left: &[Left], rows: &[&[u8]; 4]) -> [i32; 4] {
    for row in rows {
        check(left, row);
    }
    // SAFETY: `check` holds every block inside all slices; the caller has the instruction set.
    unsafe {
        let constants = L::constants();
        let mut sums = [[L::zero(); 2]; 4];
        for at in (0..left.len()).step_by(CODE_BLOCK) {
            for (sums, row) in sums.iter_mut().zip(rows) {
                *sums = add_block(*sums, constants, row.as_ptr().add(at), left.as_ptr().add(at));
            }
        }
        let [[a, b], [c, d], [e, f], [g, h]] = sums;
        L::sums([a.plus(b), c.plus(d), e.plus(f), g.plus(h)])
    }
}

/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn sketch_x4<L: Lanes>(left: &[Left], sketches: &[&[u8]; 4]) -> [i32; 4] {
    let blocks = left.len() / CODE_BLOCK;
    assert!(left.len().is_multiple_of(CODE_BLOCK), "a row of codes");
    assert!(sketches.iter().all(|sketch| sketch.len() >= blocks * SKETCH_BLOCK), "its sketches");
    // SAFETY: every block lies inside all slices; the caller has the instruction set.
    unsafe {
        let constants = L::constants();
        let mut sums = [[L::zero(); 2]; 4];
        for block in 0..blocks {
            let left = left.as_ptr().add(block * CODE_BLOCK);
            for (sums, sketch) in sums.iter_mut().zip(sketches) {
                let sketch = sketch.as_ptr().add(block * SKETCH_BLOCK);
                *sums = L::add_sketch(*sums, constants, sketch, left);
            }
        }
        let [[a, b], [c, d], [e, f], [g, h]] = sums;
        L::sums([a.plus(b), c.plus(d), e.plus(f), g.plus(h)])
    }
}

/// Two sums in turn, as the latency of a product is several times its spacing.
///
/// # Safety
/// As for [`Lanes`], with `CODE_BLOCK` elements readable at both pointers.
#[inline(always)]
unsafe fn add_block<L: Lanes>(
    mut sums: [L; 2],
    constants: L::Constants,
    row: *const u8,
    left: *const Left,
) -> [L; 2] {
    for at in (0..CODE_BLOCK).step_by(L::STEP) {
        let sum = &mut sums[at / L::STEP % 2];
        // SAFETY: at + STEP <= CODE_BLOCK.
        *sum = unsafe { sum.add(constants, row.add(at), left.add(at)) };
    }
    sums
}

/// The products of four prepared rows with each of a contiguous buffer's `out[0].len()` rows, less
/// `bias`, `R` rows at a time (as many as keep their `R * 4` sums in registers).
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn tile<L: Lanes, const R: usize>(
    left: [&[Left]; 4],
    bias: [i32; 4],
    rows: &[u8],
    stride: usize,
    out: [&mut [i32]; 4],
) {
    let (codes, columns) = (left[0].len(), out[0].len());
    assert!(codes.is_multiple_of(CODE_BLOCK) && codes <= stride, "rows of codes");
    assert!(columns.checked_mul(stride).is_some_and(|bytes| bytes <= rows.len()), "all rows");
    assert!(left.iter().all(|left| left.len() == codes), "left sides of one length");
    assert!(out.iter().all(|out| out.len() == columns), "results of one length");
    let fours = columns - columns % 4;
    for column in (0..fours).step_by(4) {
        let rows: [&[u8]; 4] = std::array::from_fn(|at| &rows[(column + at) * stride..][..codes]);
        for first in (0..4).step_by(R) {
            let group: [&[Left]; R] = std::array::from_fn(|at| left[first + at]);
            // SAFETY: all of them have `codes` elements; the caller has the instruction set.
            let sums = unsafe { cell::<L, R>(group, rows, codes) };
            for (at, sums) in sums.into_iter().enumerate() {
                out[first + at][column..column + 4]
                    .copy_from_slice(&sums.map(|sum| sum - bias[first + at]));
            }
        }
    }
    for column in fours..columns {
        for at in 0..4 {
            // SAFETY: the caller has the instruction set.
            let sum = unsafe { dot7::<L>(left[at], &rows[column * stride..]) };
            out[at][column] = sum - bias[at];
        }
    }
}

/// # Safety
/// As for [`Lanes`], with slices of `codes` elements, a multiple of `CODE_BLOCK`.
#[inline(always)]
unsafe fn cell<L: Lanes, const R: usize>(
    left: [&[Left]; R],
    rows: [&[u8]; 4],
    codes: usize,
) -> [[i32; 4]; R] {
    // SAFETY: at + STEP <= codes, as STEP divides it.
    unsafe {
        let constants = L::constants();
        let mut sums = [[L::zero(); 4]; R];
        for at in (0..codes).step_by(L::STEP) {
            for (column, row) in rows.iter().enumerate() {
                for (sums, left) in sums.iter_mut().zip(left) {
                    let (row, left) = (row.as_ptr().add(at), left.as_ptr().add(at));
                    sums[column] = sums[column].add(constants, row, left);
                }
            }
        }
        let mut totals = [[0; 4]; R];
        for (totals, four) in totals.iter_mut().zip(sums) {
            *totals = L::sums(four);
        }
        totals
    }
}

#[inline(always)]
fn check(left: &[Left], row: &[u8]) {
    assert!(left.len().is_multiple_of(CODE_BLOCK) && left.len() <= row.len(), "a row of codes");
}
