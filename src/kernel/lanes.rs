//! The byte products, once for all instruction sets.

use super::Left;
use crate::quantize::CODE_BLOCK;

/// Sums of products, spread over the lanes of one instruction set.
///
/// # Safety
/// Every function may be called only where its instruction set is present, and belongs inlined in
/// a function that enables it.
pub(super) trait Lanes: Copy {
    /// No products yet.
    unsafe fn zero() -> Self;

    /// Adds the products of one block of codes.
    ///
    /// # Safety
    /// `CODE_BLOCK` elements are readable at both pointers.
    unsafe fn add_block(self, row: *const u8, left: *const Left) -> Self;

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
        let mut lanes = L::zero();
        for at in (0..left.len()).step_by(CODE_BLOCK) {
            lanes = lanes.add_block(row.as_ptr().add(at), left.as_ptr().add(at));
        }
        lanes.sum()
    }
}

/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn dot7x4<L: Lanes>(left: &[Left], rows: [&[u8]; 4]) -> [i32; 4] {
    for row in rows {
        check(left, row);
    }
    // SAFETY: `check` holds every block inside all slices; the caller has the instruction set.
    unsafe {
        let mut lanes = [L::zero(); 4];
        for at in (0..left.len()).step_by(CODE_BLOCK) {
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                *lanes = lanes.add_block(row.as_ptr().add(at), left.as_ptr().add(at));
            }
        }
        L::sums(lanes)
    }
}

#[inline(always)]
fn check(left: &[Left], row: &[u8]) {
    assert!(left.len().is_multiple_of(CODE_BLOCK) && left.len() <= row.len(), "a row of codes");
}
