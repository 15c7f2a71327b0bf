//! Codes by slot.

use crate::error::Error;
use crate::ids::NodeId;
use crate::quantize::{CodeLayout, CodeTrailer};
use crate::rows::Rows;

/// Rows of codes (see [`quantize`](crate::quantize)). The trailers are kept apart from the codes: a
/// row of codes is then whole cache lines and none more, and what walks wait for is cache lines.
#[derive(Debug)]
pub(crate) struct Codes {
    layout: CodeLayout,
    rows: Rows<u8>,
    trailers: Rows<CodeTrailer>,
}

impl Codes {
    pub(crate) fn new(layout: CodeLayout) -> Self {
        Self { layout, rows: Rows::new(layout.padded()), trailers: Rows::new(1) }
    }

    pub(crate) fn layout(&self) -> &CodeLayout {
        &self.layout
    }

    /// One past the largest slot.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that are allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes() + self.trailers.bytes()
    }

    /// See [`Rows::reserve`].
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), Error> {
        self.rows.reserve(len)?;
        self.trailers.reserve(len)
    }

    /// See [`Rows::grow`].
    pub(crate) fn grow(&mut self, len: usize) {
        self.rows.grow(len);
        self.trailers.grow(len);
    }

    /// The codes of `slot`, padding included.
    #[inline(always)]
    pub(crate) fn codes(&self, slot: NodeId) -> &[u8] {
        self.rows.row(slot)
    }

    #[inline(always)]
    pub(crate) fn trailer(&self, slot: NodeId) -> CodeTrailer {
        self.trailers.row(slot)[0]
    }

    /// Takes a row in the layout's form.
    pub(crate) fn set(&mut self, slot: NodeId, row: &[u8]) {
        self.rows.row_mut(slot).copy_from_slice(&row[..self.layout.padded()]);
        self.trailers.row_mut(slot)[0] = self.layout.trailer(row);
    }

    /// Appends a row in the layout's form; one that was never set is all zeros.
    pub(crate) fn write(&self, slot: NodeId, out: &mut Vec<u8>) {
        out.extend_from_slice(self.codes(slot));
        self.layout.write_trailer(self.trailer(slot), out);
    }
}
