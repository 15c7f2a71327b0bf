//! Insertion into a short sorted array.

/// Writes `value` at `at` and moves what was there one place up; the last element drops out.
///
/// # Panics
/// If `at` is not in `pool`.
#[inline]
pub(crate) fn insert_shift(pool: &mut [u64], at: usize, value: u64) {
    assert!(at < pool.len(), "a place in the pool");
    #[cfg(target_feature = "simd128")]
    shift_up(pool, at);
    #[cfg(not(target_feature = "simd128"))]
    pool.copy_within(at..pool.len() - 1, at + 1);
    pool[at] = value;
}

/// `memory.copy` costs engines a call; a beam's worth of elements moves faster by hand.
#[cfg(target_feature = "simd128")]
#[inline(always)]
fn shift_up(pool: &mut [u64], at: usize) {
    use std::arch::wasm32::{v128_load, v128_store};

    let base = pool.as_mut_ptr();
    let mut end = pool.len() - 1;
    // Descending, and each pair is read before it is written.
    while end >= at + 4 {
        // SAFETY: at <= end - 4, and end + 1 <= pool.len().
        unsafe {
            let high = v128_load(base.add(end - 2).cast());
            let low = v128_load(base.add(end - 4).cast());
            v128_store(base.add(end - 1).cast(), high);
            v128_store(base.add(end - 3).cast(), low);
        }
        end -= 4;
    }
    while end > at {
        pool[end] = pool[end - 1];
        end -= 1;
    }
}
