//! Who is linked to whom: up to `m0` neighbors for each slot.

use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::rows::Rows;

/// The links of a one-level graph (HNSW's layer 0), flat: `m0` places a node, and a degree.
#[derive(Debug, Clone)]
pub(crate) struct Adjacency {
    links: Rows<NodeId>,
    degrees: Rows<u8>,
    /// Where a graph has few of the slots: which row each has. Else a slot's row is its own.
    places: Option<Places>,
}

/// The row of each slot that has links.
#[derive(Debug, Clone, Default)]
struct Places {
    /// By slot; [`NO_ROW`] where it has none.
    rows: Vec<NodeId>,
    /// Rows whose slots have given them back.
    free: Vec<NodeId>,
}

const NO_ROW: NodeId = NodeId(u32::MAX);

impl Adjacency {
    pub(crate) fn new(m0: usize) -> Self {
        Self { links: Rows::new(m0), degrees: Rows::new(1), places: None }
    }

    /// Links of a graph that has few of the slots: 4 bytes a slot, and rows for those that it has.
    pub(crate) fn sparse(m0: usize) -> Self {
        Self { places: Some(Places::default()), ..Self::new(m0) }
    }

    /// One past the largest slot.
    pub(crate) fn len(&self) -> usize {
        self.places.as_ref().map_or(self.links.len(), |places| places.rows.len())
    }

    /// The most neighbors of a node.
    pub(crate) fn m0(&self) -> usize {
        self.links.stride()
    }

    pub(crate) fn bytes(&self) -> usize {
        let places = self.places.as_ref().map_or(0, |places| 4 * places.rows.capacity());
        self.links.bytes() + self.degrees.bytes() + places
    }

    /// Makes room for slots below `slots`, of which `nodes` have links.
    pub(crate) fn reserve(&mut self, slots: usize, nodes: usize) -> Result<(), Error> {
        let mut rows = slots;
        if let Some(places) = &mut self.places {
            let more = slots.saturating_sub(places.rows.len());
            places.rows.try_reserve(more).map_err(|_| {
                Error::new(Code::OutOfMemory, format!("no memory for a table of {slots} slots"))
            })?;
            rows = nodes;
        }
        self.links.reserve(rows)?;
        self.degrees.reserve(rows)
    }

    /// Shows the slots below `slots`, for which [`Adjacency::reserve`] made room.
    pub(crate) fn grow(&mut self, slots: usize) {
        if let Some(places) = &mut self.places {
            let slots = slots.max(places.rows.len());
            places.rows.resize(slots, NO_ROW);
            return;
        }
        self.links.grow(slots);
        self.degrees.grow(slots);
    }

    /// The row of `slot`, or [`NO_ROW`].
    #[inline(always)]
    fn row(&self, slot: NodeId) -> NodeId {
        self.places.as_ref().map_or(slot, |places| places.rows[slot.index()])
    }

    /// The row of `slot`, which is given one if it has none.
    fn own_row(&mut self, slot: NodeId) -> NodeId {
        let Some(places) = &mut self.places else { return slot };
        let place = &mut places.rows[slot.index()];
        if *place == NO_ROW {
            *place = places.free.pop().unwrap_or(NodeId::from_index(self.links.len()));
            self.links.grow(place.index() + 1);
            self.degrees.grow(place.index() + 1);
        }
        *place
    }

    /// The neighbors of `slot`.
    #[inline(always)]
    pub(crate) fn neighbors(&self, slot: NodeId) -> &[NodeId] {
        let row = self.row(slot);
        if row == NO_ROW {
            return &[];
        }
        &self.links.row(row)[..usize::from(self.degrees.row(row)[0])]
    }

    /// Asks for the neighbors of `slot`.
    #[inline(always)]
    pub(crate) fn prefetch(&self, slot: NodeId) {
        let row = self.row(slot);
        if row != NO_ROW {
            crate::kernel::prefetch(self.links.row(row));
        }
    }

    /// Replaces the neighbors of `slot`.
    pub(crate) fn set(&mut self, slot: NodeId, neighbors: &[NodeId]) {
        if neighbors.is_empty() && self.give_back(slot) {
            return;
        }
        let row = self.own_row(slot);
        self.links.row_mut(row)[..neighbors.len()].copy_from_slice(neighbors);
        self.degrees.row_mut(row)[0] = neighbors.len() as u8;
    }

    /// A slot without links needs no row where rows are given out. Returns whether they are.
    fn give_back(&mut self, slot: NodeId) -> bool {
        let Some(places) = &mut self.places else { return false };
        let row = std::mem::replace(&mut places.rows[slot.index()], NO_ROW);
        if row != NO_ROW {
            self.degrees.row_mut(row)[0] = 0;
            places.free.push(row);
        }
        true
    }

    /// Links `slot` to `neighbor` if there is a place left. Returns whether there was.
    pub(crate) fn push(&mut self, slot: NodeId, neighbor: NodeId) -> bool {
        let row = self.own_row(slot);
        let degree = self.degrees.row(row)[0];
        if usize::from(degree) == self.m0() {
            return false;
        }
        self.links.row_mut(row)[usize::from(degree)] = neighbor;
        self.degrees.row_mut(row)[0] = degree + 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_rows_are_given_back_and_used_again() {
        let mut links = Adjacency::sparse(4);
        links.reserve(100_000, 2).unwrap();
        links.grow(100_000);
        links.set(NodeId(99_999), &[NodeId(7), NodeId(8)]);
        assert!(links.push(NodeId(7), NodeId(99_999)));
        assert_eq!(links.neighbors(NodeId(99_999)), [NodeId(7), NodeId(8)]);
        assert_eq!(links.neighbors(NodeId(8)), []);
        links.set(NodeId(7), &[]);
        assert_eq!(links.neighbors(NodeId(7)), []);
        // Room for two rows was made: a third slot has that of the one that gave it back.
        assert!(links.push(NodeId(8), NodeId(1)));
        assert_eq!(links.neighbors(NodeId(8)), [NodeId(1)]);
        assert_eq!(links.len(), 100_000);
    }
}
