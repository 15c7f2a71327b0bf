//! A dense set of slots.

use crate::ids::NodeId;

/// A set of slots, one bit each. Bits past the end read as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitset {
    words: Vec<u64>,
    count: usize,
}

impl Bitset {
    /// An empty set with room for slots below `slots`.
    pub fn with_capacity(slots: usize) -> Self {
        Self { words: vec![0; slots.div_ceil(64)], count: 0 }
    }

    /// How many slots are in the set.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether the set has no slot.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether `slot` is in the set.
    #[inline(always)]
    pub fn contains(&self, slot: NodeId) -> bool {
        self.words.get(slot.index() >> 6).is_some_and(|word| word >> (slot.0 & 63) & 1 == 1)
    }

    /// Adds `slot`, growing as needed. Returns whether it was absent.
    pub fn insert(&mut self, slot: NodeId) -> bool {
        let at = slot.index() >> 6;
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let bit = 1u64 << (slot.0 & 63);
        let absent = self.words[at] & bit == 0;
        self.words[at] |= bit;
        self.count += usize::from(absent);
        absent
    }

    /// Takes `slot` out. Returns whether it was present.
    pub fn remove(&mut self, slot: NodeId) -> bool {
        let Some(word) = self.words.get_mut(slot.index() >> 6) else { return false };
        let bit = 1u64 << (slot.0 & 63);
        let present = *word & bit != 0;
        *word &= !bit;
        self.count -= usize::from(present);
        present
    }

    /// The slots in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors((word != 0).then_some(word), |rest| {
                let rest = rest & (rest - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |rest| NodeId::from_index(at * 64 + rest.trailing_zeros() as usize))
        })
    }

    /// Keeps only the slots that are also in `other`.
    pub fn intersect(&mut self, other: &Self) {
        for (at, word) in self.words.iter_mut().enumerate() {
            *word &= other.words.get(at).copied().unwrap_or(0);
        }
        self.recount();
    }

    /// Adds the slots of `other`.
    pub fn union(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, &more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
        self.recount();
    }

    /// Takes out the slots of `other`.
    pub fn subtract(&mut self, other: &Self) {
        for (word, &less) in self.words.iter_mut().zip(&other.words) {
            *word &= !less;
        }
        self.recount();
    }

    /// Whether a slot is in both sets.
    pub fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(word, other)| word & other != 0)
    }

    /// The bits, 64 slots a word, lowest slot in the lowest bit.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The set of the given bits.
    pub fn from_words(words: Vec<u64>) -> Self {
        let mut set = Self { words, count: 0 };
        set.recount();
        set
    }

    fn recount(&mut self) {
        self.count = self.words.iter().map(|word| word.count_ones() as usize).sum();
    }
}

impl FromIterator<NodeId> for Bitset {
    fn from_iter<I: IntoIterator<Item = NodeId>>(slots: I) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_back_in_order_and_counted() {
        let set: Bitset = [130, 0, 63, 64, 63].map(NodeId).into_iter().collect();
        assert_eq!(set.len(), 4);
        assert_eq!(set.iter().map(|slot| slot.0).collect::<Vec<_>>(), [0, 63, 64, 130]);
        assert!(!set.contains(NodeId(100_000)));
    }

    #[test]
    fn set_algebra_keeps_the_count() {
        let mut left: Bitset = [1, 2, 3, 200].map(NodeId).into_iter().collect();
        let right: Bitset = [2, 3, 70].map(NodeId).into_iter().collect();
        let mut both = left.clone();
        both.intersect(&right);
        assert_eq!(both.iter().map(|slot| slot.0).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(both.len(), 2);
        left.subtract(&right);
        assert_eq!(left.iter().map(|slot| slot.0).collect::<Vec<_>>(), [1, 200]);
        left.union(&right);
        assert_eq!(left.len(), 5);
        assert!(left.meets(&right) && !Bitset::default().meets(&left));
        assert!(left.remove(NodeId(70)) && !left.remove(NodeId(70)));
    }
}
