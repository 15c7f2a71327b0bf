//! Ordinals as newtypes; every integer cast between widths sits here.

/// The slot of a vector: its ordinal in every array of the index.
///
/// Slots are dense, start at 0 and are reused only after the graph holds no link to them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// One past the largest slot. The candidate pool keeps a flag in the top bit.
    pub const LIMIT: usize = 1 << 31;

    /// The slot as an array index.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The slot for an array index.
    ///
    /// # Panics
    /// If `index` is not below [`NodeId::LIMIT`]; capacity checks come before.
    #[inline(always)]
    pub const fn from_index(index: usize) -> Self {
        assert!(index < Self::LIMIT, "slot beyond the limit");
        Self(index as u32)
    }
}
