//! More rows than the real data has, without losing its structure.

/// Standard deviation of the noise, as a share of a unit vector's length.
const NOISE: f32 = 0.25;

/// Appends rows to `base` (row-major, unit length) until it has `rows`.
///
/// Each new one is a weighted mean of three real rows, the first of which weighs most, plus
/// Gaussian noise in every component, brought back to unit length. So it lies in a real
/// neighborhood without being a copy of a real row.
pub(crate) fn extend(base: &mut Vec<f32>, dimension: usize, rows: usize) {
    let real = base.len() / dimension;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    base.reserve(rows.saturating_sub(real) * dimension);
    for _ in real..rows {
        let parents = [(); 3].map(|()| random.below(real));
        let weights = [0.6, 0.4 * random.unit(), 0.4 * random.unit()];
        let scale = NOISE / (dimension as f32).sqrt();
        let mut row: Vec<f32> = (0..dimension)
            .map(|i| {
                let mean: f32 =
                    parents.iter().zip(weights).map(|(&p, w)| w * base[p * dimension + i]).sum();
                mean + scale * random.gaussian()
            })
            .collect();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
        base.extend(row);
    }
}

/// SplitMix64: enough for data, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0..1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    /// By the sum of twelve uniform numbers, whose variance is one.
    fn gaussian(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}
