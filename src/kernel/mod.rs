//! Distances, and the only unsafe code of the crate.
//!
//! `scalar` is the specification. Every other file is one instruction set held to it by one suite
//! (`tests`): integers exactly, and floats exactly too, because all of them add in the same order
//! (`float`) and none fuses a multiplication with an addition. WebAssembly chooses its instruction
//! set when it is compiled, x86 once when it first computes.

#![allow(
    unsafe_code,
    reason = "vectors and the bytes under them need it; each block says why it holds"
)]

mod float;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128"))]
mod products;
mod shift;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128"))]
mod table;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_feature = "relaxed-simd")]
mod relaxed;
#[cfg(not(any(target_arch = "aarch64", target_feature = "simd128")))]
mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
use neon as active;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128")))]
use scalar as active;
#[cfg(target_feature = "simd128")]
use simd128 as active;
#[cfg(target_arch = "x86_64")]
use x86 as active;

pub(crate) use shift::insert_shift;

use crate::quantize::{CODE_BLOCK, CODE_OFFSET};

/// One number of a prepared row: its signed code, or for `simd128` what stands for it there.
pub(super) type Left = active::Left;

/// Bytes of a sketch for each block of codes.
pub(crate) const SKETCH_BLOCK: usize = CODE_BLOCK / 4;

pub(super) type Tile = fn([&[Left]; 4], [i32; 4], &[u8], usize, [&mut [i32]; 4]);

/// One instruction set. Every function checks the lengths that it relies on.
pub(super) struct Kernels {
    pub(super) name: &'static str,
    /// Products of a prepared query with the stored (offset) codes of a row.
    pub(super) dot7: fn(&[Left], &[u8]) -> i32,
    pub(super) dot7x4: fn(&[Left], &[&[u8]; 4]) -> [i32; 4],
    /// Products of a prepared query with the stored (0 to 3) levels of four sketches.
    pub(super) sketch_x4: fn(&[Left], &[&[u8]; 4]) -> [i32; 4],
    /// Products of four prepared rows, less their biases, with as many rows of a buffer (at this
    /// stride) as the outputs are long.
    pub(super) dot7_tile: Tile,
    pub(super) dot_f32: fn(&[f32], &[f32]) -> f32,
    pub(super) dot_f32x4: fn(&[f32], &[&[f32]; 4]) -> [f32; 4],
    pub(super) l2_f32: fn(&[f32], &[f32]) -> f32,
    pub(super) l2_f32x4: fn(&[f32], &[&[f32]; 4]) -> [f32; 4],
    pub(super) hamming: fn(&[u64], &[u64]) -> u32,
    pub(super) hamming_x4: fn(&[u64], &[&[u64]; 4]) -> [u32; 4],
}

/// The instruction set in use: `"scalar"`, `"simd128"`, `"relaxed-simd"`, `"avx2"`, `"avx-vnni"`,
/// `"avx512-vnni"` or `"neon"`.
pub fn simd_level() -> &'static str {
    active::kernels().name
}

/// All that this machine (or this build, for WebAssembly) has, slowest first.
#[allow(dead_code, reason = "for the suite and the benchmark, which go through all")]
pub(super) fn backends() -> Vec<&'static Kernels> {
    #[cfg(target_arch = "x86_64")]
    return x86::available();
    #[cfg(not(target_arch = "x86_64"))]
    vec![active::kernels()]
}

/// A row of codes prepared as the left side of products. Its memory is reused by `set`.
#[derive(Clone, Debug)]
pub(crate) struct Query7 {
    pub(super) left: Vec<Left>,
    /// What the rows' offset adds to every product sum.
    pub(super) bias: i32,
}

impl Query7 {
    /// For rows of `padded` codes, and all zero until `set`.
    ///
    /// # Panics
    /// If `padded` is not a multiple of the code block.
    pub(crate) fn new(padded: usize) -> Self {
        assert_eq!(padded % CODE_BLOCK, 0, "codes come in blocks of {CODE_BLOCK}");
        Self { left: vec![0; padded], bias: 0 }
    }

    /// Takes the codes of a row (what follows them is not read).
    pub(crate) fn set(&mut self, codes: &[u8]) {
        let codes = &codes[..self.left.len()];
        active::prepare(codes, &mut self.left);
        // In 16 bits, which have room for a block: twice as many at once as in 32.
        let blocks = codes.chunks_exact(CODE_BLOCK);
        let sum: i32 = blocks
            .map(|block| i32::from(block.iter().map(|&code| u16::from(code)).sum::<u16>()))
            .sum();
        self.bias = CODE_OFFSET * (sum - CODE_OFFSET * codes.len() as i32);
    }
}

/// The dot product of the signed codes of `q` and `row`.
#[inline]
pub(crate) fn dot7(q: &Query7, row: &[u8]) -> i32 {
    (active::kernels().dot7)(&q.left, row) - q.bias
}

/// [`dot7`] with four rows, which hides the latency of fetching them.
#[inline]
pub(crate) fn dot7x4(q: &Query7, rows: [&[u8]; 4]) -> [i32; 4] {
    (active::kernels().dot7x4)(&q.left, &rows).map(|sum| sum - q.bias)
}

/// The products of the signed codes of `q` with four sketches, whose stored levels 0 to 3 stand for
/// -3, -1, 1 and 3.
#[inline]
pub(crate) fn sketch_x4(q: &Query7, sketches: [&[u8]; 4]) -> [i32; 4] {
    let codes = q.bias / CODE_OFFSET;
    (active::kernels().sketch_x4)(&q.left, &sketches).map(|sum| 2 * sum - 3 * codes)
}

/// Products of rows `first..first + count` with all `n` rows of a contiguous buffer:
/// `out[(i - first) * n + j]` is the dot product of the signed codes of `i` and `j`.
///
/// # Panics
/// If a buffer is too short for its shape.
pub(crate) fn dot7_block(
    rows: &[u8],
    stride: usize,
    padded: usize,
    n: usize,
    first: usize,
    count: usize,
    out: &mut [i32],
) {
    assert!(padded <= stride && first + count <= n && rows.len() >= n * stride);
    assert!(out.len() >= count * n);
    if count == 0 {
        return;
    }
    block(active::kernels(), &rows[..n * stride], stride, padded, first, &mut out[..count * n]);
}

pub(super) fn block(
    kernels: &Kernels,
    rows: &[u8],
    stride: usize,
    padded: usize,
    first: usize,
    out: &mut [i32],
) {
    let n = rows.len() / stride;
    let mut queries: [Query7; 4] = std::array::from_fn(|_| Query7::new(padded));
    // Rows past the last group of four: the group is filled up, and the surplus goes nowhere.
    let mut surplus = Vec::new();
    for (group, out) in out.chunks_mut(4 * n).enumerate() {
        let height = out.len() / n;
        for (at, query) in queries[..height].iter_mut().enumerate() {
            query.set(&rows[(first + 4 * group + at) * stride..]);
        }
        surplus.resize((4 - height) * n, 0);
        let mut lines = out.chunks_exact_mut(n).chain(surplus.chunks_exact_mut(n));
        (kernels.dot7_tile)(
            queries.each_ref().map(|query| &query.left[..]),
            queries.each_ref().map(|query| query.bias),
            rows,
            stride,
            std::array::from_fn(|_| lines.next().expect("four lines of n")),
        );
    }
}

/// The dot product.
///
/// # Panics
/// Like all float kernels, if the lengths differ.
#[inline]
pub(crate) fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    (active::kernels().dot_f32)(a, b)
}

/// [`dot_f32`] with four rows.
#[inline]
pub(crate) fn dot_f32x4(q: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
    (active::kernels().dot_f32x4)(q, &rows)
}

/// The squared L2 distance.
#[inline]
pub(crate) fn l2_f32(a: &[f32], b: &[f32]) -> f32 {
    (active::kernels().l2_f32)(a, b)
}

/// [`l2_f32`] to four rows.
#[inline]
pub(crate) fn l2_f32x4(q: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
    (active::kernels().l2_f32x4)(q, &rows)
}

/// Asks for a row that is read soon, so that its cache lines come together rather than one after
/// the other.
#[inline(always)]
pub(crate) fn prefetch<T>(row: &[T]) {
    active::prefetch(row);
}

/// How many bits differ.
///
/// # Panics
/// If the lengths differ.
#[inline]
pub(crate) fn hamming(a: &[u64], b: &[u64]) -> u32 {
    (active::kernels().hamming)(a, b)
}

/// [`hamming`] to four rows.
#[inline]
pub(crate) fn hamming_x4(q: &[u64], rows: [&[u64]; 4]) -> [u32; 4] {
    (active::kernels().hamming_x4)(q, &rows)
}
