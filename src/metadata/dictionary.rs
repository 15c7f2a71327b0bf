//! The distinct strings of a field, each with the slots that hold it.

use roaring::RoaringBitmap;

use super::set::Set;
use crate::ids::NodeId;
use crate::slot_text::SlotText;

/// The most entries of a block.
const BLOCK: usize = 64;
/// Fewer free entries than this are never worth numbering the others anew.
const LEAST_FREE: usize = 256;

/// The slots that hold one string. Many strings of a field like a title occur once.
#[derive(Debug)]
pub(crate) enum Posting {
    One(u32),
    Many(RoaringBitmap),
}

impl Posting {
    /// No slot: what a free entry has.
    fn none() -> Self {
        Self::Many(RoaringBitmap::new())
    }

    fn insert(&mut self, slot: u32) {
        match self {
            Self::One(other) if *other == slot => {}
            Self::One(other) => {
                let mut slots = RoaringBitmap::new();
                slots.insert(*other);
                slots.insert(slot);
                *self = Self::Many(slots);
            }
            Self::Many(slots) => {
                slots.insert(slot);
            }
        }
    }

    /// Takes a slot out. Returns whether none is left.
    fn remove(&mut self, slot: u32) -> bool {
        match self {
            Self::One(other) => *other == slot,
            Self::Many(slots) => {
                slots.remove(slot);
                slots.is_empty()
            }
        }
    }

    /// Whether one of the slots is in the set.
    fn meets(&self, set: &Set) -> bool {
        match self {
            Self::One(slot) => set.contains(*slot),
            Self::Many(slots) => slots.iter().any(|slot| set.contains(slot)),
        }
    }

    pub(crate) fn add_to(&self, set: &mut Set) {
        match self {
            Self::One(slot) => set.insert(*slot),
            Self::Many(slots) => set.insert_all(slots),
        }
    }
}

/// A place in the order of the strings: a block, and how many of its entries come before.
type Place = (usize, usize);

/// The strings are in one piece of memory, by entry, so that looking through all of them reads it
/// from end to end; their order is kept beside it, in blocks, so that a new one moves few.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    texts: SlotText,
    /// By entry.
    postings: Vec<Posting>,
    /// Entries in the ascending order of their strings; no block is empty.
    order: Vec<Vec<NodeId>>,
    /// Entries without a string.
    free: Vec<NodeId>,
}

impl Dictionary {
    pub(crate) fn insert(&mut self, slot: NodeId, text: &str) {
        let (block, at) = self.place(&|other| other < text);
        match self.at((block, at)).filter(|&entry| self.text(entry) == text) {
            Some(entry) => self.postings[entry.index()].insert(slot.0),
            None => self.add((block, at), text, Posting::One(slot.0)),
        }
    }

    pub(crate) fn remove(&mut self, slot: NodeId, text: &str) {
        let (block, at) = self.place(&|other| other < text);
        let Some(entry) = self.at((block, at)).filter(|&entry| self.text(entry) == text) else {
            return;
        };
        if !self.postings[entry.index()].remove(slot.0) {
            return;
        }
        self.postings[entry.index()] = Posting::none();
        self.texts.remove(entry);
        self.free.push(entry);
        self.order[block].remove(at);
        if self.order[block].is_empty() {
            self.order.remove(block);
        }
        if self.free.len() > LEAST_FREE.max(self.postings.len() / 4 * 3) {
            self.renumber();
        }
    }

    pub(crate) fn get(&self, text: &str) -> Option<&Posting> {
        let entry = self.at(self.place(&|other| other < text))?;
        (self.text(entry) == text).then(|| &self.postings[entry.index()])
    }

    /// The slots of the strings, in order, from the first that `before` is false for up to the
    /// first that `within` is false for. Both are true for the strings up to some point and false
    /// from there on.
    pub(crate) fn range(
        &self,
        before: &dyn Fn(&str) -> bool,
        within: &dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = &Posting> {
        let ((first, start), (last, end)) = (self.place(before), self.place(within));
        let blocks = self.order.iter().enumerate().take(last + 1).skip(first);
        blocks
            .flat_map(move |(at, block)| {
                let start = if at == first { start } else { 0 };
                let end = if at == last { end } else { block.len() };
                &block[start..end]
            })
            .map(|entry| &self.postings[entry.index()])
    }

    /// The entries in the ascending order of their strings. Nothing reads the strings meanwhile.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Posting)> {
        let entries = self.order.iter().flatten();
        entries.map(|&entry| (entry, &self.postings[entry.index()]))
    }

    /// The string of an entry.
    pub(crate) fn text(&self, entry: NodeId) -> &str {
        self.texts.get(entry).unwrap_or_default()
    }

    /// Adds the slots of the strings that `test` holds for, where one of the slots is in `within`.
    pub(crate) fn look_through(
        &self,
        within: Option<&Set>,
        test: impl Fn(&str) -> bool,
        set: &mut Set,
    ) {
        for (at, posting) in self.postings.iter().enumerate() {
            if within.is_none_or(|within| posting.meets(within))
                && self.texts.get(NodeId::from_index(at)).is_some_and(&test)
            {
                posting.add_to(set);
            }
        }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let slots = self.postings.iter().map(|posting| match posting {
            Posting::One(_) => 0,
            Posting::Many(slots) => slots.serialized_size(),
        });
        let order = self.order.iter().map(Vec::capacity).sum::<usize>() + self.free.capacity();
        self.texts.bytes()
            + self.postings.capacity() * size_of::<Posting>()
            + slots.sum::<usize>()
            + order * size_of::<NodeId>()
    }

    /// Where the first string is that `before` is false for.
    fn place(&self, before: &dyn Fn(&str) -> bool) -> Place {
        let before = |entry: &NodeId| before(self.text(*entry));
        let block = self.order.partition_point(|block| block.last().is_some_and(before));
        let at = self.order.get(block).map_or(0, |block| block.partition_point(before));
        (block, at)
    }

    fn at(&self, (block, at): Place) -> Option<NodeId> {
        self.order.get(block)?.get(at).copied()
    }

    /// Adds a string that is not there at its place.
    fn add(&mut self, (mut block, mut at): Place, text: &str, posting: Posting) {
        let entry = self.free.pop().unwrap_or_else(|| {
            self.postings.push(Posting::none());
            NodeId::from_index(self.postings.len() - 1)
        });
        self.texts.set(entry, text);
        self.postings[entry.index()] = posting;
        if block == self.order.len() {
            // After all others is the end of the last block.
            match self.order.last() {
                Some(last) => (block, at) = (block - 1, last.len()),
                None => self.order.push(Vec::new()),
            }
        }
        let entries = &mut self.order[block];
        entries.insert(at, entry);
        if entries.len() > BLOCK {
            // Strings that come in ascending order leave full blocks behind.
            let upper = entries.split_off(if at == BLOCK { BLOCK } else { BLOCK / 2 });
            self.order.insert(block + 1, upper);
        }
    }

    /// Numbers the entries anew, so that the memory of those that were removed is given back.
    fn renumber(&mut self) {
        let mut old = std::mem::take(self);
        for &entry in old.order.iter().flatten() {
            let posting = std::mem::replace(&mut old.postings[entry.index()], Posting::none());
            let text = old.texts.get(entry).unwrap_or_default();
            self.add((self.order.len(), 0), text, posting);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::bitset::Bitset;

    const SLOTS: u32 = 6000;

    fn slots(posting: &Posting) -> BTreeSet<u32> {
        match posting {
            Posting::One(slot) => BTreeSet::from([*slot]),
            Posting::Many(slots) => slots.iter().collect(),
        }
    }

    fn check(dictionary: &Dictionary, model: &BTreeMap<String, BTreeSet<u32>>) {
        let held: Vec<_> = dictionary
            .iter()
            .map(|(entry, posting)| (dictionary.text(entry), slots(posting)))
            .collect();
        let wanted: Vec<_> = model.iter().map(|(text, slots)| (&**text, slots.clone())).collect();
        assert_eq!(held, wanted);
        assert!(dictionary.order.iter().all(|block| (1..=BLOCK).contains(&block.len())));
        for bound in ["", "1", "34", "34x", "5", "a", "text 7", "text 70000", "z"] {
            assert_eq!(dictionary.get(bound).map(slots), model.get(bound).cloned(), "{bound:?}");
            let range = |before: &dyn Fn(&str) -> bool, within: &dyn Fn(&str) -> bool| {
                let found: Vec<_> = dictionary.range(before, within).map(slots).collect();
                let inside = model.iter().filter(|(text, _)| !before(text) && within(text));
                let wanted: Vec<_> = inside.map(|(_, slots)| slots.clone()).collect();
                assert_eq!(found, wanted, "at {bound:?}");
            };
            range(&|text| text < bound, &|_| true);
            range(&|text| text <= bound, &|_| true);
            range(&|_| false, &|text| text < bound);
            range(&|text| text < bound, &|text| text < bound || text.starts_with(bound));
        }
        let live = Bitset::from_words(vec![!0; SLOTS.div_ceil(64) as usize]);
        let mut thirds = Set::empty(&live);
        (0..SLOTS).step_by(3).for_each(|slot| thirds.insert(slot));
        for within in [None, Some(&thirds)] {
            let mut found = Set::empty(&live);
            dictionary.look_through(within, |text| text.contains('7'), &mut found);
            let wanted: BTreeSet<u32> = model
                .iter()
                .filter(|(text, _)| text.contains('7'))
                .filter(|(_, slots)| {
                    within.is_none_or(|within| slots.iter().any(|&slot| within.contains(slot)))
                })
                .flat_map(|(_, slots)| slots.iter().copied())
                .collect();
            assert_eq!(found.slots(), wanted.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn strings_come_and_go_and_stay_in_order() {
        let mut dictionary = Dictionary::default();
        let mut model = BTreeMap::<String, BTreeSet<u32>>::new();
        // Scattered and ascending strings, few and many slots each, and the empty one.
        let text = |slot: u32| match slot % 5 {
            0 => format!("text {slot}"),
            1 => (slot.wrapping_mul(0x9e37_79b1) >> 8).to_string(),
            2 => format!("{:06}", slot),
            3 => (slot % 40).to_string(),
            _ => if slot.is_multiple_of(2) { "" } else { "é" }.to_owned(),
        };
        for slot in 0..SLOTS {
            dictionary.insert(NodeId(slot), &text(slot));
            dictionary.insert(NodeId(slot), &text(slot));
            model.entry(text(slot)).or_default().insert(slot);
        }
        check(&dictionary, &model);
        let full = dictionary.bytes();
        for slot in (0..SLOTS).map(|slot| slot * 1237 % SLOTS) {
            if slot % 11 == 0 {
                continue;
            }
            dictionary.remove(NodeId(slot), &text(slot));
            dictionary.remove(NodeId(slot), "never there");
            let slots = model.get_mut(&text(slot)).expect("it was inserted");
            slots.remove(&slot);
            if slots.is_empty() {
                model.remove(&text(slot));
            }
            if slot % 500 == 1 {
                check(&dictionary, &model);
            }
        }
        check(&dictionary, &model);
        assert!(dictionary.bytes() < full / 2, "{} of {full} bytes", dictionary.bytes());
        for slot in (0..SLOTS).rev() {
            dictionary.insert(NodeId(slot), &text(slot));
            model.entry(text(slot)).or_default().insert(slot);
        }
        check(&dictionary, &model);
    }
}
