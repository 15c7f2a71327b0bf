//! What a walk needs and throws away, kept for the next walk.

use std::sync::Mutex;

use crate::ids::NodeId;
use crate::kernel;
use crate::vectors::{Query, Vectors};

/// Marks are made room for in steps of so many slots.
const MARKS_STEP: usize = 4096;

/// Which nodes a walk has met: a byte a node that holds the number of the walk.
#[derive(Debug, Default)]
pub(crate) struct Visited {
    epoch: u8,
    marks: Vec<u8>,
}

impl Visited {
    /// Forgets all marks; room for slots below `slots`.
    pub(crate) fn clear(&mut self, slots: usize) {
        if self.marks.len() < slots {
            self.marks.resize(slots.next_multiple_of(MARKS_STEP), 0);
        }
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.marks.fill(0);
            self.epoch = 1;
        }
    }

    /// Marks `slot`. Returns whether it was unmarked.
    #[inline(always)]
    pub(crate) fn insert(&mut self, slot: NodeId) -> bool {
        let mark = &mut self.marks[slot.index()];
        let fresh = *mark != self.epoch;
        *mark = self.epoch;
        fresh
    }
}

/// A candidate as one integer: the distance in an order-keeping form, the slot, and whether its
/// links were followed. Integers compare as (distance, slot), so ties break by slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Candidate(u64);

impl Candidate {
    #[inline(always)]
    pub(crate) fn new(distance: f32, slot: NodeId) -> Self {
        let bits = distance.to_bits();
        let ordered = bits ^ (((bits as i32 >> 31) as u32) | 0x8000_0000);
        Self(u64::from(ordered) << 32 | u64::from(slot.0) << 1)
    }

    #[inline(always)]
    pub(crate) fn slot(self) -> NodeId {
        NodeId((self.0 as u32) >> 1)
    }

    #[inline(always)]
    pub(crate) fn distance(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        let mask = (((ordered as i32) >> 31) as u32) ^ u32::MAX;
        f32::from_bits(ordered ^ (mask | 0x8000_0000))
    }

    #[inline(always)]
    fn is_expanded(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The best candidates of a walk, closest first, in a sorted array of fixed room: up to a few
/// hundred entries it beats a pair of heaps.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    room: usize,
    entries: Vec<u64>,
    /// No entry before this one is unexpanded.
    cursor: usize,
}

impl Pool {
    /// Empties the pool; it keeps the best `room`.
    pub(crate) fn clear(&mut self, room: usize) {
        self.entries.clear();
        self.room = room.max(1);
        self.cursor = 0;
    }

    /// Empties the pool, and keeps its room.
    pub(crate) fn restart(&mut self) {
        self.clear(self.room);
    }

    /// Whether a candidate at `distance` could be among the best.
    #[inline(always)]
    pub(crate) fn admits(&self, candidate: Candidate) -> bool {
        self.entries.len() < self.room || candidate.0 < self.entries[self.entries.len() - 1]
    }

    /// Adds a candidate if it is among the best. No slot may come twice.
    #[inline(always)]
    pub(crate) fn insert(&mut self, candidate: Candidate) {
        if self.admits(candidate) {
            self.place(candidate.0);
        }
    }

    #[inline(never)]
    fn place(&mut self, entry: u64) {
        let at = self.entries.partition_point(|&other| other < entry);
        if self.entries.len() < self.room {
            self.entries.push(entry);
        }
        kernel::insert_shift(&mut self.entries, at, entry);
        self.cursor = self.cursor.min(at);
    }

    /// The closest candidate whose links were not followed yet; now they count as followed.
    #[inline(always)]
    pub(crate) fn expand_next(&mut self) -> Option<Candidate> {
        while let Some(entry) = self.entries.get_mut(self.cursor) {
            let candidate = Candidate(*entry);
            self.cursor += 1;
            if !candidate.is_expanded() {
                *entry |= 1;
                return Some(candidate);
            }
        }
        None
    }

    /// What [`Pool::expand_next`] would return.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<Candidate> {
        self.entries[self.cursor..].iter().map(|&entry| Candidate(entry)).find(|c| !c.is_expanded())
    }

    /// The farthest of a full pool.
    pub(crate) fn farthest(&self) -> Option<Candidate> {
        self.entries
            .last()
            .filter(|_| self.entries.len() == self.room)
            .map(|&entry| Candidate(entry))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The candidates, closest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Candidate> + '_ {
        self.entries.iter().map(|&entry| Candidate(entry & !1))
    }
}

/// All scratch of one walk or one pruning.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) visited: Visited,
    pub(crate) pool: Pool,
    /// Matches of a filter, where they are told apart from the way to them.
    pub(crate) matches: Pool,
    /// The left side of the walk.
    pub(crate) query: Query,
    /// The left side of pruning.
    pub(crate) pivot: Query,
    pub(crate) fresh: Vec<NodeId>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) chosen: Vec<Candidate>,
    /// The nodes whose links the last walk followed.
    pub(crate) way: Vec<Candidate>,
}

impl Scratch {
    pub(crate) fn new(vectors: &Vectors) -> Self {
        Self {
            visited: Visited::default(),
            pool: Pool::default(),
            matches: Pool::default(),
            query: vectors.query(),
            pivot: vectors.query(),
            fresh: Vec::new(),
            candidates: Vec::new(),
            chosen: Vec::new(),
            way: Vec::new(),
        }
    }
}

/// Scratch for as many walks as ever ran at once. The lock is held for a push or a pop.
#[derive(Debug, Default)]
pub(crate) struct ScratchPool {
    idle: Mutex<Vec<Scratch>>,
}

impl ScratchPool {
    /// Runs `work` with scratch of its own.
    pub(crate) fn with<R>(&self, vectors: &Vectors, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut scratch = idle.unwrap_or_else(|| Scratch::new(vectors));
        let result = work(&mut scratch);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(scratch);
        }
        result
    }

    /// Bytes that idle scratch holds.
    pub(crate) fn bytes(&self) -> usize {
        self.idle.lock().map_or(0, |idle| {
            idle.iter()
                .map(|scratch| scratch.visited.marks.len() + scratch.pool.entries.len() * 8)
                .sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_order_by_distance_then_slot() {
        let distances = [-3.5f32, -0.0, 0.0, 1e-30, 0.25, 7.0, f32::MAX];
        for pair in distances.windows(2) {
            let (near, far) =
                (Candidate::new(pair[0], NodeId(9)), Candidate::new(pair[1], NodeId(3)));
            assert!(near < far, "{pair:?}");
            assert_eq!((near.distance().to_bits(), near.slot()), (pair[0].to_bits(), NodeId(9)));
        }
        assert!(Candidate::new(1.0, NodeId(3)) < Candidate::new(1.0, NodeId(4)));
    }

    #[test]
    fn a_full_pool_keeps_the_closest_and_expands_in_order() {
        let mut pool = Pool::default();
        pool.clear(3);
        for (distance, slot) in [(5.0, 0), (1.0, 1), (4.0, 2), (2.0, 3), (9.0, 4)] {
            pool.insert(Candidate::new(distance, NodeId(slot)));
        }
        assert_eq!(pool.iter().map(|c| c.slot().0).collect::<Vec<_>>(), [1, 3, 2]);
        assert_eq!(pool.expand_next().unwrap().slot().0, 1);
        pool.insert(Candidate::new(0.5, NodeId(7)));
        assert_eq!(pool.expand_next().unwrap().slot().0, 7);
        assert_eq!(pool.expand_next().unwrap().slot().0, 3);
        assert!(pool.expand_next().is_none());
    }

    #[test]
    fn marks_survive_the_wrap_of_the_epoch() {
        let mut visited = Visited::default();
        for _ in 0..600 {
            visited.clear(100);
            assert!(visited.insert(NodeId(42)));
            assert!(!visited.insert(NodeId(42)));
        }
    }
}
