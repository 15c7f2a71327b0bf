//! Who is linked to whom: up to `m0` neighbors for each slot.

use crate::error::Error;
use crate::ids::NodeId;
use crate::rows::Rows;

/// The links of a one-level graph (HNSW's layer 0), flat: `m0` places a node, and a degree.
#[derive(Debug, Clone)]
pub(crate) struct Adjacency {
    links: Rows<NodeId>,
    degrees: Rows<u8>,
}

impl Adjacency {
    pub(crate) fn new(m0: usize) -> Self {
        Self { links: Rows::new(m0), degrees: Rows::new(1) }
    }

    /// One past the largest slot.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// The most neighbors of a node.
    pub(crate) fn m0(&self) -> usize {
        self.links.stride()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.links.bytes() + self.degrees.bytes()
    }

    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), Error> {
        self.links.reserve(len)?;
        self.degrees.reserve(len)
    }

    pub(crate) fn grow(&mut self, len: usize) {
        self.links.grow(len);
        self.degrees.grow(len);
    }

    /// The neighbors of `slot`.
    #[inline(always)]
    pub(crate) fn neighbors(&self, slot: NodeId) -> &[NodeId] {
        &self.links.row(slot)[..usize::from(self.degrees.row(slot)[0])]
    }

    /// Asks for the neighbors of `slot`.
    #[inline(always)]
    pub(crate) fn prefetch(&self, slot: NodeId) {
        crate::kernel::prefetch(self.links.row(slot));
    }

    /// Replaces the neighbors of `slot`.
    pub(crate) fn set(&mut self, slot: NodeId, neighbors: &[NodeId]) {
        self.links.row_mut(slot)[..neighbors.len()].copy_from_slice(neighbors);
        self.degrees.row_mut(slot)[0] = neighbors.len() as u8;
    }

    /// Links `slot` to `neighbor` if there is a place left. Returns whether there was.
    pub(crate) fn push(&mut self, slot: NodeId, neighbor: NodeId) -> bool {
        let degree = self.degrees.row(slot)[0];
        if usize::from(degree) == self.m0() {
            return false;
        }
        self.links.row_mut(slot)[usize::from(degree)] = neighbor;
        self.degrees.row_mut(slot)[0] = degree + 1;
        true
    }
}
