//! Sets of slots while a filter is evaluated.

use roaring::RoaringBitmap;

use crate::bitset::Bitset;

/// A set of slots below a limit that all sets of one evaluation share. Counting is left to the
/// end.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    words: Vec<u64>,
}

impl Set {
    /// No slot, with room for those of `live`.
    pub(crate) fn empty(live: &Bitset) -> Self {
        Self { words: vec![0; live.words().len()] }
    }

    /// All of `live`.
    pub(crate) fn all(live: &Bitset) -> Self {
        Self { words: live.words().to_vec() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Adds a slot, which is a live one.
    pub(crate) fn insert(&mut self, slot: u32) {
        self.words[slot as usize >> 6] |= 1 << (slot & 63);
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.words[slot as usize >> 6] >> (slot & 63) & 1 == 1
    }

    pub(crate) fn insert_all(&mut self, slots: &RoaringBitmap) {
        slots.iter().for_each(|slot| self.insert(slot));
    }

    /// Adds 64 slots, of which the first is `64 * at`.
    pub(crate) fn insert_word(&mut self, at: usize, word: u64) {
        if word != 0 {
            self.words[at] |= word;
        }
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    pub(crate) fn union(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    pub(crate) fn into_bitset(self) -> Bitset {
        Bitset::from_words(self.words)
    }

    /// The slots in ascending order.
    #[cfg(test)]
    pub(crate) fn slots(self) -> Vec<u32> {
        self.into_bitset().iter().map(|slot| slot.0).collect()
    }
}
