//! Seeded choices: the same on every machine.

use crate::bitset::Bitset;
use crate::ids::NodeId;

/// SplitMix64: a counter through a mixer, so that any state is as good as another.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// `count` different numbers below `bound` (all, if there are fewer), ascending.
    pub(crate) fn sample(&mut self, count: usize, bound: usize) -> Vec<usize> {
        if count >= bound {
            return (0..bound).collect();
        }
        // Floyd's algorithm: one draw a number.
        let mut chosen = Bitset::with_capacity(bound);
        for top in bound - count..bound {
            let draw = self.below(top + 1);
            if !chosen.insert(NodeId::from_index(draw)) {
                chosen.insert(NodeId::from_index(top));
            }
        }
        chosen.iter().map(NodeId::index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_distinct_and_repeatable() {
        let sample = Random::new(7).sample(32, 1000);
        assert_eq!(sample, Random::new(7).sample(32, 1000));
        assert_ne!(sample, Random::new(8).sample(32, 1000));
        assert!(sample.windows(2).all(|pair| pair[0] < pair[1]) && sample.len() == 32);
        assert_eq!(Random::new(1).sample(9, 3), [0, 1, 2]);
    }
}
