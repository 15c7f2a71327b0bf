//! The numbers of a field, by slot.

use hashbrown::{HashMap, HashSet};

use super::set::Set;
use crate::bitset::Bitset;
use crate::ids::NodeId;

/// Below this many numbers a field is never kept dense.
const LEAST_DENSE: usize = 64;

/// Numbers by slot: as a plain array where many slots have one, as a map where few do.
///
/// A scan of the plain array tests a slot in well under a nanosecond, so that it needs no order
/// and no index that changes would have to keep up.
#[derive(Debug)]
enum Scalars {
    Sparse {
        values: HashMap<u32, f64>,
        /// One past the largest slot that came.
        end: usize,
    },
    /// NaN, which JSON does not have, marks the slots without a number.
    Dense { values: Vec<f64>, count: usize },
}

/// The numbers of a field: one for a slot, or a list.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    scalars: Scalars,
    lists: HashMap<u32, Box<[f64]>>,
}

impl Default for Scalars {
    fn default() -> Self {
        Self::Sparse { values: HashMap::new(), end: 0 }
    }
}

impl Numbers {
    pub(crate) fn set(&mut self, slot: NodeId, number: f64) {
        self.scalars.set(slot, number);
    }

    pub(crate) fn set_list(&mut self, slot: NodeId, numbers: impl Iterator<Item = f64>) {
        let numbers: Box<[f64]> = numbers.collect();
        if !numbers.is_empty() {
            self.lists.insert(slot.0, numbers);
        }
    }

    pub(crate) fn remove(&mut self, slot: NodeId) {
        self.scalars.remove(slot);
        self.lists.remove(&slot.0);
    }

    /// Adds the slots with a number from `low` to `high`.
    pub(crate) fn select(&self, low: f64, high: f64, set: &mut Set) {
        self.select_where(|number| low <= number && number <= high, set);
    }

    /// Adds the slots with one of these numbers, given as their bits; no negative zero is among
    /// numbers.
    pub(crate) fn select_any(&self, wanted: &HashSet<u64>, set: &mut Set) {
        self.select_where(|number| wanted.contains(&number.to_bits()), set);
    }

    fn select_where(&self, test: impl Fn(f64) -> bool, set: &mut Set) {
        match &self.scalars {
            Scalars::Sparse { values, .. } => values
                .iter()
                .filter(|&(_, &number)| test(number))
                .for_each(|(&slot, _)| set.insert(slot)),
            // Every test is false for NaN.
            Scalars::Dense { values, .. } => {
                for (at, chunk) in values.chunks(64).enumerate() {
                    let bit = |(at, &number): (usize, &f64)| u64::from(test(number)) << at;
                    let word = chunk.iter().enumerate().map(bit).fold(0, |word, bit| word | bit);
                    set.insert_word(at, word);
                }
            }
        }
        for (&slot, numbers) in &self.lists {
            if numbers.iter().any(|&number| test(number)) {
                set.insert(slot);
            }
        }
    }

    /// The number of a slot that has one of its own.
    pub(crate) fn get(&self, slot: NodeId) -> Option<f64> {
        match &self.scalars {
            Scalars::Sparse { values, .. } => values.get(&slot.0).copied(),
            Scalars::Dense { values, .. } => {
                values.get(slot.index()).copied().filter(|number| !number.is_nan())
            }
        }
    }

    /// Calls `visit` with each slot of `set` that has a number of its own, and the number.
    pub(crate) fn each(&self, set: &Bitset, visit: &mut dyn FnMut(NodeId, f64)) {
        match &self.scalars {
            Scalars::Sparse { values, .. } => values
                .iter()
                .map(|(&slot, &number)| (NodeId(slot), number))
                .filter(|&(slot, _)| set.contains(slot))
                .for_each(|(slot, number)| visit(slot, number)),
            Scalars::Dense { values, .. } => {
                for slot in set.iter().take_while(|slot| slot.index() < values.len()) {
                    let number = values[slot.index()];
                    if !number.is_nan() {
                        visit(slot, number);
                    }
                }
            }
        }
    }

    /// Calls `visit` with each slot of `set` that has a list, and each number of it.
    pub(crate) fn each_of_lists(&self, set: &Bitset, visit: &mut dyn FnMut(NodeId, f64)) {
        for (&slot, numbers) in &self.lists {
            if set.contains(NodeId(slot)) {
                numbers.iter().for_each(|&number| visit(NodeId(slot), number));
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let scalars = match &self.scalars {
            Scalars::Sparse { values, .. } => values.capacity() * 17,
            Scalars::Dense { values, .. } => values.capacity() * 8,
        };
        scalars + self.lists.values().map(|list| 24 + list.len() * 8).sum::<usize>()
    }
}

impl Scalars {
    fn set(&mut self, slot: NodeId, number: f64) {
        match self {
            Self::Sparse { values, end } => {
                values.insert(slot.0, number);
                *end = (*end).max(slot.index() + 1);
                self.make_dense_if_full();
            }
            Self::Dense { values, count } => {
                if slot.index() >= values.len() {
                    // A far slot must not make a plain array of few numbers large.
                    if slot.index() >= (*count + LEAST_DENSE) * 16 {
                        self.make_sparse();
                        return self.set(slot, number);
                    }
                    values.resize(slot.index() + 1, f64::NAN);
                }
                let place = &mut values[slot.index()];
                *count += usize::from(place.is_nan());
                *place = number;
            }
        }
    }

    fn remove(&mut self, slot: NodeId) {
        match self {
            Self::Sparse { values, .. } => {
                values.remove(&slot.0);
            }
            Self::Dense { values, count } => {
                let Some(place) = values.get_mut(slot.index()) else { return };
                *count -= usize::from(!place.is_nan());
                *place = f64::NAN;
                if *count * 16 < values.len() {
                    self.make_sparse();
                }
            }
        }
    }

    fn make_dense_if_full(&mut self) {
        let Self::Sparse { values: sparse, end } = self else { return };
        if sparse.len() < LEAST_DENSE || *end > sparse.len() * 4 {
            return;
        }
        let mut values = vec![f64::NAN; *end];
        sparse.iter().for_each(|(&slot, &number)| values[slot as usize] = number);
        *self = Self::Dense { count: sparse.len(), values };
    }

    fn make_sparse(&mut self) {
        let Self::Dense { values, .. } = self else { return };
        let numbers = (0u32..).zip(values.iter().copied());
        let end = values.len();
        let values = numbers.filter(|(_, number)| !number.is_nan()).collect();
        *self = Self::Sparse { values, end };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn dense_and_sparse_hold_the_same() {
        let mut numbers = Numbers::default();
        let mut model = BTreeMap::new();
        let live = Bitset::from_words(vec![0; 2_000_000 / 64 + 1]);
        // Fills, empties, then reaches far out: through both layouts and back.
        let steps = (0..500)
            .map(|slot| (slot, true))
            .chain((0..490).map(|slot| (slot, false)))
            .chain([(1_000_000, true), (3, true), (1_000_000, false)])
            .chain((500..900).map(|slot| (slot, true)))
            .chain([(2_000_000, true)]);
        for (slot, put) in steps {
            if put {
                numbers.set(NodeId(slot), f64::from(slot % 7));
                model.insert(slot, slot % 7);
            } else {
                numbers.remove(NodeId(slot));
                model.remove(&slot);
            }
            if slot % 37 == 0 || slot > 800 {
                let mut found = Set::empty(&live);
                numbers.select(3.5, f64::INFINITY, &mut found);
                let wanted: Vec<u32> =
                    model.iter().filter(|(_, v)| **v > 3).map(|(slot, _)| *slot).collect();
                assert_eq!(found.slots(), wanted, "after slot {slot}");
            }
        }
        assert!(numbers.bytes() < 64 * 1024, "{}", numbers.bytes());
    }
}
