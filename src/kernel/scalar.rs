//! The specification, and what machines without vectors use.

use super::{Kernels, SKETCH_BLOCK, float};
use crate::quantize::{CODE_BLOCK, CODE_OFFSET};

pub(super) type Left = i8;

pub(super) static KERNELS: Kernels = Kernels {
    name: "scalar",
    dot7,
    dot7x4: |left, rows| rows.map(|row| dot7(left, row)),
    sketch_x4: |left, sketches| sketches.map(|sketch| sketch_product(left, sketch)),
    dot7_tile,
    dot_f32: |a, b| float::dot(a, b),
    dot_f32x4: |q, rows| rows.map(|row| float::dot(q, row)),
    l2_f32: |a, b| float::l2(a, b),
    l2_f32x4: |q, rows| rows.map(|row| float::l2(q, row)),
    hamming: |a, b| float::hamming(a, b),
    hamming_x4: |q, rows| rows.map(|row| float::hamming(q, row)),
};

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn kernels() -> &'static Kernels {
    &KERNELS
}

/// The signed codes of a row.
pub(super) fn prepare(codes: &[u8], left: &mut [Left]) {
    for (left, &code) in left.iter_mut().zip(codes) {
        *left = code.wrapping_sub(CODE_OFFSET as u8) as i8;
    }
}

fn dot7(left: &[Left], row: &[u8]) -> i32 {
    let row = &row[..left.len()];
    left.iter().zip(row).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

fn sketch_product(left: &[Left], sketch: &[u8]) -> i32 {
    let mut sum = 0;
    for (block, left) in left.chunks_exact(CODE_BLOCK).enumerate() {
        let sketch = &sketch[block * SKETCH_BLOCK..][..SKETCH_BLOCK];
        for (at, &code) in left.iter().enumerate() {
            let level = sketch[at % SKETCH_BLOCK] >> (at / SKETCH_BLOCK * 2) & 3;
            sum += i32::from(code) * i32::from(level);
        }
    }
    sum
}

fn dot7_tile(left: [&[Left]; 4], bias: [i32; 4], rows: &[u8], stride: usize, out: [&mut [i32]; 4]) {
    for (at, out) in out.into_iter().enumerate() {
        for (column, out) in out.iter_mut().enumerate() {
            *out = dot7(left[at], &rows[column * stride..]) - bias[at];
        }
    }
}

/// Left to the machine.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn prefetch<T>(_: &[T]) {}
