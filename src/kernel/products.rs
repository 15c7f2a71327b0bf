//! The byte products: the shape of each kernel once, for all instruction sets.

use super::{Left, SKETCH_BLOCK};
use crate::quantize::CODE_BLOCK;

/// A vector register of 32-bit numbers.
///
/// # Safety
/// Every function may be called only where its instruction set is present, and belongs inlined in
/// a function that enables it. (So no closures around them: what a closure calls is not inlined
/// where the instruction set is not enabled, and a call costs more than the product.)
pub(super) trait Register: Copy {
    /// All lanes 0.
    unsafe fn zero() -> Self;

    /// Both, lane by lane.
    unsafe fn plus(self, other: Self) -> Self;

    /// The sum of the lanes.
    unsafe fn sum(self) -> i32;

    /// The sums of the lanes of four.
    unsafe fn sums(four: [Self; 4]) -> [i32; 4];
}

/// How an instruction set multiplies bytes.
///
/// # Safety
/// As for [`Register`].
pub(super) trait Products {
    /// Sums of products, spread over the lanes of a register.
    type Sums: Register;
    /// The codes of a step.
    type Codes: Copy;
    /// Made once before a loop.
    type Constants: Copy;

    /// Codes that `add` takes: a divisor of `CODE_BLOCK`.
    const STEP: usize;

    /// See [`Products::Constants`].
    unsafe fn constants() -> Self::Constants;

    /// The codes of a row's next step.
    ///
    /// # Safety
    /// `STEP` bytes are readable.
    unsafe fn codes(row: *const u8) -> Self::Codes;

    /// The levels, in place of codes, of a step of a sketch's block.
    ///
    /// # Safety
    /// `SKETCH_BLOCK` bytes are readable.
    unsafe fn levels(constants: Self::Constants, block: *const u8, step: usize) -> Self::Codes;

    /// Adds the products of a step's codes with as many of a prepared row.
    ///
    /// # Safety
    /// `STEP` elements are readable at `left`.
    unsafe fn add(
        sums: Self::Sums,
        constants: Self::Constants,
        codes: Self::Codes,
        left: *const Left,
    ) -> Self::Sums;

    /// The sums of the products themselves, where lanes hold multiples of them.
    #[inline(always)]
    unsafe fn finished(sums: Self::Sums) -> Self::Sums {
        sums
    }
}

/// # Safety
/// As for [`Register`].
#[inline(always)]
pub(super) unsafe fn dot7<P: Products>(left: &[Left], row: &[u8]) -> i32 {
    check(left, row, CODE_BLOCK);
    // SAFETY: `check` holds every block inside both slices; the caller has the instruction set.
    unsafe {
        let constants = P::constants();
        let mut sums = [P::Sums::zero(); 2];
        for block in 0..left.len() / CODE_BLOCK {
            sums = add_block::<P, Whole>(sums, constants, left, row, block);
        }
        P::finished(sums[0].plus(sums[1])).sum()
    }
}

/// # Safety
/// As for [`Register`].
#[inline(always)]
pub(super) unsafe fn dot7x4<P: Products>(left: &[Left], rows: &[&[u8]; 4]) -> [i32; 4] {
    // SAFETY: as the caller says.
    unsafe { four::<P, Whole>(left, rows) }
}

/// # Safety
/// As for [`Register`].
#[inline(always)]
pub(super) unsafe fn sketch_x4<P: Products>(left: &[Left], sketches: &[&[u8]; 4]) -> [i32; 4] {
    // SAFETY: as the caller says.
    unsafe { four::<P, Sketched>(left, sketches) }
}

/// What rows hold.
trait Kind<P: Products> {
    /// Bytes of a block of codes.
    const BLOCK: usize;

    /// # Safety
    /// As for [`Register`], with `BLOCK` bytes readable and a step of the block.
    unsafe fn step(constants: P::Constants, block: *const u8, step: usize) -> P::Codes;
}

/// Codes.
struct Whole;

impl<P: Products> Kind<P> for Whole {
    const BLOCK: usize = CODE_BLOCK;

    #[inline(always)]
    unsafe fn step(_: P::Constants, block: *const u8, step: usize) -> P::Codes {
        // SAFETY: the step lies in the block; the caller has the instruction set.
        unsafe { P::codes(block.add(step * P::STEP)) }
    }
}

/// Sketches of them.
struct Sketched;

impl<P: Products> Kind<P> for Sketched {
    const BLOCK: usize = SKETCH_BLOCK;

    #[inline(always)]
    unsafe fn step(constants: P::Constants, block: *const u8, step: usize) -> P::Codes {
        // SAFETY: as the caller says.
        unsafe { P::levels(constants, block, step) }
    }
}

/// # Safety
/// As for [`Register`].
#[inline(always)]
unsafe fn four<P: Products, K: Kind<P>>(left: &[Left], rows: &[&[u8]; 4]) -> [i32; 4] {
    for row in rows {
        check(left, row, K::BLOCK);
    }
    // SAFETY: `check` holds every block inside all slices; the caller has the instruction set.
    unsafe {
        let constants = P::constants();
        let mut sums = [[P::Sums::zero(); 2]; 4];
        for block in 0..left.len() / CODE_BLOCK {
            for (sums, row) in sums.iter_mut().zip(rows) {
                *sums = add_block::<P, K>(*sums, constants, left, row, block);
            }
        }
        let [[a, b], [c, d], [e, f], [g, h]] = sums;
        let [a, c, e, g] = [a.plus(b), c.plus(d), e.plus(f), g.plus(h)];
        P::Sums::sums([P::finished(a), P::finished(c), P::finished(e), P::finished(g)])
    }
}

/// Adds to two sums in turn, as the latency of a product is several times its spacing.
///
/// # Safety
/// As for [`Register`], and both slices have this block.
#[inline(always)]
unsafe fn add_block<P: Products, K: Kind<P>>(
    mut sums: [P::Sums; 2],
    constants: P::Constants,
    left: &[Left],
    row: &[u8],
    block: usize,
) -> [P::Sums; 2] {
    for step in 0..CODE_BLOCK / P::STEP {
        let sum = &mut sums[step % 2];
        // SAFETY: the steps are those of the block.
        unsafe {
            let left = left.as_ptr().add(block * CODE_BLOCK + step * P::STEP);
            let codes = K::step(constants, row.as_ptr().add(block * K::BLOCK), step);
            *sum = P::add(*sum, constants, codes, left);
        }
    }
    sums
}

/// The products of four prepared rows with each of a contiguous buffer's `out[0].len()` rows, less
/// `bias`, `R` rows at a time (as many as keep their `R * 4` sums in registers).
///
/// # Safety
/// As for [`Register`].
#[inline(always)]
pub(super) unsafe fn tile<P: Products, const R: usize>(
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
            let sums = unsafe { cell::<P, R>(group, rows, codes) };
            for (at, sums) in sums.into_iter().enumerate() {
                out[first + at][column..column + 4]
                    .copy_from_slice(&sums.map(|sum| sum - bias[first + at]));
            }
        }
    }
    for column in fours..columns {
        for at in 0..4 {
            // SAFETY: the caller has the instruction set.
            let sum = unsafe { dot7::<P>(left[at], &rows[column * stride..]) };
            out[at][column] = sum - bias[at];
        }
    }
}

/// # Safety
/// As for [`Register`], with slices of `codes` elements, a multiple of `CODE_BLOCK`.
#[inline(always)]
unsafe fn cell<P: Products, const R: usize>(
    left: [&[Left]; R],
    rows: [&[u8]; 4],
    codes: usize,
) -> [[i32; 4]; R] {
    // SAFETY: at + STEP <= codes, as STEP divides it.
    unsafe {
        let constants = P::constants();
        let mut sums = [[P::Sums::zero(); 4]; R];
        for at in (0..codes).step_by(P::STEP) {
            for (column, row) in rows.iter().enumerate() {
                let codes = P::codes(row.as_ptr().add(at));
                for (sums, left) in sums.iter_mut().zip(left) {
                    let left = left.as_ptr().add(at);
                    sums[column] = P::add(sums[column], constants, codes, left);
                }
            }
        }
        let mut totals = [[0; 4]; R];
        for (totals, [a, b, c, d]) in totals.iter_mut().zip(sums) {
            let four = [P::finished(a), P::finished(b), P::finished(c), P::finished(d)];
            *totals = P::Sums::sums(four);
        }
        totals
    }
}

/// A row has `block` bytes for each block of codes.
#[inline(always)]
fn check(left: &[Left], row: &[u8], block: usize) {
    let whole = left.len().is_multiple_of(CODE_BLOCK);
    assert!(whole && left.len() / (CODE_BLOCK / block) <= row.len(), "a row of codes");
}
