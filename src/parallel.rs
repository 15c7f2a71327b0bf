//! The one place that knows whether there are threads.
//!
//! Work is cut by position, never by thread, so what comes out does not depend on how many threads
//! ran. A single grain runs where it is called: in wasm even asking rayon for its thread count
//! starts a pool, and a small batch is done before a worker wakes up.

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
    out.par_chunks_mut(grain).enumerate().for_each(|(at, part)| work(at * grain, part));
}

/// Fills `out` in grains of `grain` elements: `work(first, grain)` gets a grain and the position of
/// its first element.
#[cfg(not(feature = "threads"))]
pub(crate) fn fill<T>(out: &mut [T], grain: usize, work: impl Fn(usize, &mut [T])) {
    for (at, part) in out.chunks_mut(grain).enumerate() {
        work(at * grain, part);
    }
}

/// How many pieces can run at once.
#[cfg(feature = "threads")]
pub(crate) fn workers() -> usize {
    rayon::current_num_threads()
}

/// How many pieces can run at once.
#[cfg(not(feature = "threads"))]
pub(crate) fn workers() -> usize {
    1
}
