//! Rows of one length, by slot, in chunks: growth never moves what is there.

use crate::error::{Code, Error};
use crate::ids::NodeId;

const CHUNK_BITS: u32 = 10;
/// Rows of a chunk.
const CHUNK_ROWS: usize = 1 << CHUNK_BITS;
/// Bytes of a cache line: a chunk begins at one, so that rows of whole lines touch no other.
const LINE: usize = 64;

/// Rows of `stride` elements, one for each slot below [`Rows::len`].
#[derive(Debug, Clone)]
pub(crate) struct Rows<T> {
    stride: usize,
    len: usize,
    chunks: Vec<Chunk<T>>,
}

#[derive(Debug, Clone)]
struct Chunk<T> {
    /// The rows, after `first` elements that bring them to the start of a line.
    data: Box<[T]>,
    first: usize,
}

impl<T: Copy + Default> Rows<T> {
    /// No rows yet.
    pub(crate) fn new(stride: usize) -> Self {
        Self { stride, len: 0, chunks: Vec::new() }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Elements of a row.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes that are allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK_ROWS * self.stride * size_of::<T>()
    }

    /// Makes room for rows up to `len`, which stay invisible until [`Rows::grow`].
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`; rows and their number are as before.
    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), Error> {
        let wanted = len.div_ceil(CHUNK_ROWS);
        let elements = (CHUNK_ROWS * self.stride).saturating_add(LINE / size_of::<T>());
        while self.chunks.len() < wanted {
            let mut data = Vec::new();
            if self.chunks.try_reserve(1).is_err() || data.try_reserve_exact(elements).is_err() {
                self.chunks.truncate(self.len.div_ceil(CHUNK_ROWS));
                return Err(Error::new(
                    Code::OutOfMemory,
                    format!("no memory for {len} rows of {} bytes", self.stride * size_of::<T>()),
                ));
            }
            data.resize(elements, T::default());
            let first = data.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
            self.chunks.push(Chunk { data: data.into_boxed_slice(), first });
        }
        Ok(())
    }

    /// Shows the rows below `len`, for which [`Rows::reserve`] made room; new ones are zero.
    pub(crate) fn grow(&mut self, len: usize) {
        assert!(
            len <= self.chunks.len() * CHUNK_ROWS,
            "grow() beyond what reserve() made room for"
        );
        self.len = self.len.max(len);
    }

    /// The row of `slot`.
    #[inline(always)]
    pub(crate) fn row(&self, slot: NodeId) -> &[T] {
        let chunk = &self.chunks[slot.index() >> CHUNK_BITS];
        let first = chunk.first + (slot.index() & (CHUNK_ROWS - 1)) * self.stride;
        &chunk.data[first..first + self.stride]
    }

    /// The row of `slot`, to change.
    #[inline(always)]
    pub(crate) fn row_mut(&mut self, slot: NodeId) -> &mut [T] {
        let chunk = &mut self.chunks[slot.index() >> CHUNK_BITS];
        let first = chunk.first + (slot.index() & (CHUNK_ROWS - 1)) * self.stride;
        &mut chunk.data[first..first + self.stride]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_place_while_the_store_grows() {
        let mut rows = Rows::<u32>::new(3);
        rows.reserve(CHUNK_ROWS + 1).unwrap();
        rows.grow(CHUNK_ROWS + 1);
        rows.row_mut(NodeId(1024)).copy_from_slice(&[7, 8, 9]);
        let before = rows.row(NodeId(1024)).as_ptr();
        rows.reserve(5 * CHUNK_ROWS).unwrap();
        rows.grow(5 * CHUNK_ROWS);
        assert_eq!(rows.row(NodeId(1024)), [7, 8, 9]);
        assert_eq!(rows.row(NodeId(1024)).as_ptr(), before);
        assert_eq!(rows.bytes(), 5 * CHUNK_ROWS * 3 * 4);
    }

    #[test]
    fn a_refused_reservation_changes_nothing() {
        let mut rows = Rows::<u64>::new(usize::MAX / CHUNK_ROWS / 16);
        assert_eq!(rows.reserve(1).unwrap_err().code(), Code::OutOfMemory);
        assert_eq!((rows.len(), rows.bytes()), (0, 0));
    }
}
