//! The bound on memory.

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What reading may take beside twice its input: the stores of vectors, codes and links grow by
/// 1,024 rows, which at 4,096 dimensions are 22 MB.
const CONSTANT: usize = 24 << 20;

/// Does the work, which is given `input` bytes.
///
/// # Panics
/// If it takes more memory than twice its input and [`CONSTANT`].
pub(crate) fn bounded<T>(input: usize, work: impl FnOnce() -> T) -> T {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let result = work();
    let taken = HEAP.peak_usage().saturating_sub(before);
    assert!(taken <= 2 * input + CONSTANT, "{taken} bytes of memory for {input} bytes of input");
    result
}
