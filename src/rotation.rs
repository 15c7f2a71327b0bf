//! A fixed random rotation, which spreads whatever a vector has over all of its components.
//!
//! Codes give every component the same bits. Vectors whose components differ much in size (principal
//! components, or one outlier that some models have) waste most of them; after a rotation all
//! components look alike, and distances are what they were.
//!
//! The rotation is random signs and a Walsh-Hadamard transform of the first `2^k` components, then
//! the same, with other signs, of the last `2^k`; they overlap. It is the same for all indexes, and gives the same bits on every
//! machine: single additions and multiplications in a fixed order.

/// Vectors with fewer components are left as they are: there is little to spread them over.
const LEAST_DIMENSION: usize = 64;

/// The rotation of vectors of one dimension.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    /// 1 or -1 for each of the first components; none where nothing is rotated.
    first: Vec<f32>,
    /// The same for the last ones; none if the first are all.
    last: Vec<f32>,
    /// Components that are transformed at once: the largest power of two that the dimension has.
    width: usize,
}

impl Rotation {
    pub(crate) fn new(dimension: usize) -> Self {
        let width = 1 << dimension.max(1).ilog2();
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut signs = |wanted: bool| -> Vec<f32> {
            let signs = (0..width).map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                if state >> 63 == 0 { 1.0 } else { -1.0 }
            });
            if wanted { signs.collect() } else { Vec::new() }
        };
        let first = signs(dimension >= LEAST_DIMENSION);
        let last = signs(dimension >= LEAST_DIMENSION && dimension > width);
        Self { first, last, width }
    }

    /// Rotates a vector in place.
    pub(crate) fn apply(&self, vector: &mut [f32]) {
        let rest = vector.len() - self.width;
        if !self.first.is_empty() {
            flip(&mut vector[..self.width], &self.first);
            transform(&mut vector[..self.width]);
        }
        if !self.last.is_empty() {
            flip(&mut vector[rest..], &self.last);
            transform(&mut vector[rest..]);
        }
    }

    /// Rotates a vector back.
    pub(crate) fn undo(&self, vector: &mut [f32]) {
        let rest = vector.len() - self.width;
        if !self.last.is_empty() {
            transform(&mut vector[rest..]);
            flip(&mut vector[rest..], &self.last);
        }
        if !self.first.is_empty() {
            transform(&mut vector[..self.width]);
            flip(&mut vector[..self.width], &self.first);
        }
    }
}

fn flip(vector: &mut [f32], signs: &[f32]) {
    vector.iter_mut().zip(signs).for_each(|(x, sign)| *x *= sign);
}

/// The Walsh-Hadamard transform that keeps lengths, and is its own inverse. The length is a power
/// of two, 4 at least.
fn transform(vector: &mut [f32]) {
    let scale = 1.0 / (vector.len() as f32).sqrt();
    for [a, b, c, d] in vector.as_chunks_mut::<4>().0 {
        let (sum, difference) = ((*a + *b, *c + *d), (*a - *b, *c - *d));
        *a = (sum.0 + sum.1) * scale;
        *b = (difference.0 + difference.1) * scale;
        *c = (sum.0 - sum.1) * scale;
        *d = (difference.0 - difference.1) * scale;
    }
    let mut half = 4;
    while half < vector.len() {
        for pair in vector.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(dimension: usize) -> Vec<f32> {
        (0..dimension).map(|i| (i as f32 * 0.7).sin() / (1 + i) as f32).collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    #[test]
    fn products_stay_and_there_is_a_way_back() {
        for dimension in [1, 2, 3, 63, 64, 65, 100, 128, 384, 768, 1000, 4096] {
            let rotation = Rotation::new(dimension);
            let (a, b) = (wave(dimension), vec![0.5; dimension]);
            let (mut ra, mut rb) = (a.clone(), b.clone());
            rotation.apply(&mut ra);
            rotation.apply(&mut rb);
            assert!((dot(&a, &b) - dot(&ra, &rb)).abs() < 1e-5, "{dimension}: the product");
            rotation.undo(&mut ra);
            let error = a.iter().zip(&ra).fold(0f32, |most, (x, y)| most.max((x - y).abs()));
            assert!(error < 1e-6, "{dimension}: back with an error of {error}");
        }
    }

    #[test]
    fn one_component_is_spread_over_many() {
        for dimension in [64, 128, 384, 768, 1000] {
            let mut vector = vec![0.0; dimension];
            vector[dimension / 3] = 1.0;
            Rotation::new(dimension).apply(&mut vector);
            let largest = vector.iter().fold(0f32, |most, x| most.max(x.abs()));
            assert!(largest < 0.2, "{dimension}: {largest} is left in one place");
        }
    }

    /// The bits themselves, as native and WebAssembly builds never meet in one test.
    #[test]
    fn rotated_vectors_have_the_same_bits_on_every_machine() {
        let mut vector: Vec<f32> = (0..384).map(|i| (i % 7) as f32 - 2.5).collect();
        Rotation::new(384).apply(&mut vector);
        let hash = vector.iter().flat_map(|x| x.to_le_bytes()).fold(0u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3).rotate_left(5)
        });
        assert_eq!(hash, 7_319_481_714_411_200_040);
    }
}
