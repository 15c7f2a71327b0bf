//! The one place that knows whether there are threads.
//!
//! Work is cut by position, never by thread, so what comes out does not depend on how many threads
//! ran. A single grain runs where it is called: in wasm even asking rayon for its thread count
//! starts a pool, and a small batch is done before a worker wakes up.

use std::cell::Cell;
#[cfg(feature = "threads")]
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Most threads that work begun on this thread may take; 0 is no cap.
    static CAP: Cell<usize> = const { Cell::new(0) };
}

/// Whether there is a pool to ask. Natively rayon makes one when it is first asked; in wasm that fails
/// for good, and somebody else has to start one.
#[cfg(feature = "threads")]
static POOL: AtomicBool = AtomicBool::new(cfg!(not(target_family = "wasm")));

/// From now on there is a pool. Until this is called, wasm does everything on the thread that calls.
#[cfg(feature = "threads")]
pub fn pool_has_started() {
    POOL.store(true, Ordering::Relaxed);
}

/// Most threads that may be taken here and now; 0 is no cap.
#[cfg(feature = "threads")]
fn cap() -> usize {
    if POOL.load(Ordering::Relaxed) { CAP.get() } else { 1 }
}

/// Runs `work`, whose parallel parts take at most that many threads; 0 is no cap. What comes out is
/// the same.
pub fn with_threads<R>(most: usize, work: impl FnOnce() -> R) -> R {
    /// Puts the cap back, also when `work` panics.
    struct Before(usize);
    impl Drop for Before {
        fn drop(&mut self) {
            CAP.set(self.0);
        }
    }
    let _before = Before(CAP.replace(most));
    work()
}

/// Fills `out` in grains of `grain` elements: `work(first, grain)` gets a grain and the position of
/// its first element.
#[cfg(feature = "threads")]
pub(crate) fn fill<T: Send>(out: &mut [T], grain: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    use rayon::prelude::*;

    if out.len() <= grain {
        if !out.is_empty() {
            work(0, out);
        }
        return;
    }
    let cap = cap();
    if cap == 1 {
        return sequentially(out, grain, work);
    }
    // Rayon halves down to that many grains: never into more pieces than the cap, and never so few that one
    // thread waits long for the last of another.
    let least = if cap == 0 { 1 } else { out.len().div_ceil(grain).div_ceil(cap) };
    out.par_chunks_mut(grain)
        .enumerate()
        .with_min_len(least)
        .with_max_len(least)
        .for_each(|(at, part)| work(at * grain, part));
}

/// Fills `out` in grains of `grain` elements: `work(first, grain)` gets a grain and the position of
/// its first element.
#[cfg(not(feature = "threads"))]
pub(crate) fn fill<T>(out: &mut [T], grain: usize, work: impl Fn(usize, &mut [T])) {
    sequentially(out, grain, work);
}

fn sequentially<T>(out: &mut [T], grain: usize, work: impl Fn(usize, &mut [T])) {
    for (at, part) in out.chunks_mut(grain).enumerate() {
        work(at * grain, part);
    }
}

/// How many pieces can run at once.
#[cfg(feature = "threads")]
pub(crate) fn workers() -> usize {
    match cap() {
        0 => rayon::current_num_threads(),
        // Without asking rayon, which would start a pool.
        1 => 1,
        cap => rayon::current_num_threads().min(cap),
    }
}

/// How many pieces can run at once.
#[cfg(not(feature = "threads"))]
pub(crate) fn workers() -> usize {
    1
}

#[cfg(all(test, feature = "threads"))]
mod tests;
