//! Which id is in which slot, both ways.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::bitset::Bitset;
use crate::ids::NodeId;
use crate::slot_text::SlotText;

/// The ids of live records by slot, and the slots by id.
///
/// The table holds slots only and looks the ids up by slot, which keeps it to some 20 bytes a
/// record beside the ids themselves. Nothing ever depends on the order of the table.
#[derive(Debug, Default)]
pub(crate) struct KeyMap {
    table: HashTable<NodeId>,
    ids: SlotText,
    live: Bitset,
    hasher: DefaultHashBuilder,
}

impl KeyMap {
    /// Live records.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// The slots of live records.
    pub(crate) fn live(&self) -> &Bitset {
        &self.live
    }

    /// The slot of an id.
    pub(crate) fn slot(&self, id: &str) -> Option<NodeId> {
        let hash = self.hasher.hash_one(id);
        self.table.find(hash, |&slot| self.ids.get(slot) == Some(id)).copied()
    }

    /// The id in a slot.
    pub(crate) fn id(&self, slot: NodeId) -> Option<&str> {
        self.ids.get(slot)
    }

    /// Puts a new id into a free slot. The caller knows that the id is new.
    pub(crate) fn insert(&mut self, id: &str, slot: NodeId) {
        debug_assert!(self.slot(id).is_none() && self.id(slot).is_none());
        self.ids.set(slot, id);
        self.live.insert(slot);
        self.enter(self.hasher.hash_one(id), slot);
    }

    /// Takes the id out of a slot.
    pub(crate) fn remove(&mut self, slot: NodeId) {
        if self.leave(slot).is_some() {
            self.ids.remove(slot);
            self.live.remove(slot);
        }
    }

    /// Moves the id of one slot into another, free one.
    pub(crate) fn relocate(&mut self, from: NodeId, to: NodeId) {
        let Some(hash) = self.leave(from) else { return };
        self.ids.relocate(from, to);
        self.live.remove(from);
        self.live.insert(to);
        self.enter(hash, to);
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.table.allocation_size() + self.ids.bytes() + self.live.words().len() * 8
    }

    fn enter(&mut self, hash: u64, slot: NodeId) {
        let Self { table, ids, hasher, .. } = self;
        table.insert_unique(hash, slot, |&other| {
            hasher.hash_one(ids.get(other).expect("every slot in the table has its id"))
        });
    }

    fn leave(&mut self, slot: NodeId) -> Option<u64> {
        let hash = self.hasher.hash_one(self.ids.get(slot)?);
        self.table.find_entry(hash, |&other| other == slot).ok()?.remove();
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_moved_and_forgotten() {
        let mut map = KeyMap::default();
        for at in 0..1000 {
            map.insert(&format!("id-{at}"), NodeId(at));
        }
        map.relocate(NodeId(7), NodeId(2000));
        map.remove(NodeId(8));
        assert_eq!(map.slot("id-7"), Some(NodeId(2000)));
        assert_eq!(map.id(NodeId(7)), None);
        assert_eq!(map.slot("id-8"), None);
        assert_eq!(map.len(), 999);
        assert_eq!(map.live().len(), 999);
        map.insert("id-8", NodeId(7));
        assert_eq!(map.id(NodeId(7)), Some("id-8"));
        assert!(map.bytes() < 1000 * 40 + 64 * 1024, "{}", map.bytes());
    }
}
