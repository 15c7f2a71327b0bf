//! Sketches: two bits a component, which walks look at first.
//!
//! A walk waits for memory more than for anything else, and it looks at twenty vectors for each one
//! that it keeps. So it reads a quarter of a code: of each component whether it is large or small
//! and of which sign, standing for 3, 1, -1 or -3 times a scale. What it keeps is scored again on
//! the codes. This needs components that look alike (see [`rotation`](crate::rotation)), and many.
//!
//! Sixteen bytes hold 64 components: byte `j` has components `j`, `j + 16`, `j + 32` and `j + 48`,
//! lowest bits first, so that four shifts unpack a vector in order.

use crate::kernel::SKETCH_BLOCK;
use crate::quantize::{CODE_BLOCK, CODE_OFFSET};

/// Vectors with fewer components are walked on their codes: a sketch of few components is mostly
/// noise, and a code of few is small enough.
const LEAST_DIMENSION: usize = 96;
/// Where a component counts as large, as a multiple of the root mean square: of all pairs of levels
/// 1 to 3, those with this border between them stand for a normal distribution best.
const LARGE: f32 = 0.996;

/// Bytes of a sketch of vectors of this dimension; 0 if they have none.
pub(crate) fn sketch_bytes(dimension: usize) -> usize {
    if dimension < LEAST_DIMENSION { 0 } else { dimension.div_ceil(CODE_BLOCK) * SKETCH_BLOCK }
}

/// Writes the sketch of a row of codes, and returns its scale as a multiple of the codes'.
///
/// The scale makes the product of a vector with its own sketch right (as RaBitQ's does), and with
/// that the products with others right on average.
pub(crate) fn write_sketch(codes: &[u8], dimension: usize, sketch: &mut [u8]) -> f32 {
    let signed = |code: u8| i32::from(code) - CODE_OFFSET;
    let squares: i32 = codes.iter().map(|&code| signed(code) * signed(code)).sum();
    // Padding is zero and adds nothing to the squares.
    let border = ((squares as f32 / dimension as f32).sqrt() * LARGE).round_ties_even() as i32;
    let (high, low) = ((CODE_OFFSET + border).min(255) as u8, (CODE_OFFSET - border).max(0) as u8);
    let level = |code: u8| {
        u8::from(code >= low) + u8::from(code >= CODE_OFFSET as u8) + u8::from(code >= high)
    };
    let (blocks, _) = codes.as_chunks::<CODE_BLOCK>();
    let (sketches, _) = sketch.as_chunks_mut::<SKETCH_BLOCK>();
    let mut product = 0;
    for (codes, sketch) in blocks.iter().zip(sketches) {
        let (parts, _) = codes.as_chunks::<SKETCH_BLOCK>();
        for at in 0..SKETCH_BLOCK {
            let levels = [0, 1, 2, 3].map(|part: usize| level(parts[part][at]));
            sketch[at] = levels[0] | levels[1] << 2 | levels[2] << 4 | levels[3] << 6;
        }
        product +=
            codes.iter().map(|&code| signed(code) * (2 * i32::from(level(code)) - 3)).sum::<i32>();
    }
    if product > 0 { squares as f32 / product as f32 } else { 0.0 }
}
