//! Codes by slot, and the sketches that are made of them.

use crate::error::Error;
use crate::ids::NodeId;
use crate::quantize::{CodeLayout, CodeTrailer};
use crate::rows::Rows;
use crate::sketch::{sketch_bytes, write_sketch};

/// Rows of codes (see [`quantize`](crate::quantize)). What trails them is kept apart: a row of codes is
/// then whole cache lines and none more, and what walks wait for is cache lines.
#[derive(Debug)]
pub(crate) struct Codes {
    layout: CodeLayout,
    rows: Rows<u8>,
    scales: Rows<f32>,
    /// Only where distances need them: they follow from codes and scale.
    square_norms: Option<Rows<f32>>,
    /// None where there are too few components.
    sketches: Option<Sketches>,
}

#[derive(Debug)]
struct Sketches {
    rows: Rows<u8>,
    /// What a sketch is multiplied with.
    scales: Rows<f32>,
}

impl Codes {
    pub(crate) fn new(dimension: usize, with_norms: bool) -> Self {
        let layout = CodeLayout::new(dimension);
        let bytes = sketch_bytes(dimension);
        Self {
            layout,
            rows: Rows::new(layout.padded()),
            scales: Rows::new(1),
            square_norms: with_norms.then(|| Rows::new(1)),
            sketches: (bytes > 0)
                .then(|| Sketches { rows: Rows::new(bytes), scales: Rows::new(1) }),
        }
    }

    pub(crate) fn layout(&self) -> &CodeLayout {
        &self.layout
    }

    pub(crate) fn has_sketches(&self) -> bool {
        self.sketches.is_some()
    }

    /// One past the largest slot.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that are allocated.
    pub(crate) fn bytes(&self) -> usize {
        let sketches = self
            .sketches
            .as_ref()
            .map_or(0, |sketches| sketches.rows.bytes() + sketches.scales.bytes());
        let norms = self.square_norms.as_ref().map_or(0, Rows::bytes);
        self.rows.bytes() + self.scales.bytes() + norms + sketches
    }

    /// See [`Rows::reserve`].
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub(crate) fn reserve(&mut self, len: usize) -> Result<(), Error> {
        self.rows.reserve(len)?;
        self.scales.reserve(len)?;
        if let Some(norms) = &mut self.square_norms {
            norms.reserve(len)?;
        }
        if let Some(sketches) = &mut self.sketches {
            sketches.rows.reserve(len)?;
            sketches.scales.reserve(len)?;
        }
        Ok(())
    }

    /// See [`Rows::grow`].
    pub(crate) fn grow(&mut self, len: usize) {
        self.rows.grow(len);
        self.scales.grow(len);
        if let Some(norms) = &mut self.square_norms {
            norms.grow(len);
        }
        if let Some(sketches) = &mut self.sketches {
            sketches.rows.grow(len);
            sketches.scales.grow(len);
        }
    }

    /// The codes of `slot`, padding included.
    #[inline(always)]
    pub(crate) fn codes(&self, slot: NodeId) -> &[u8] {
        self.rows.row(slot)
    }

    /// What distances need besides the codes of `slot`; the squared norm is 0 where none is kept.
    #[inline(always)]
    pub(crate) fn trailer(&self, slot: NodeId) -> CodeTrailer {
        let square_norm = self.square_norms.as_ref().map_or(0.0, |norms| norms.row(slot)[0]);
        CodeTrailer { scale: self.scales.row(slot)[0], square_norm }
    }

    /// The sketch of `slot` and its scale.
    ///
    /// # Panics
    /// Where there are none.
    #[inline(always)]
    pub(crate) fn sketch(&self, slot: NodeId) -> (&[u8], f32) {
        let sketches = self.sketches.as_ref().expect("the caller asked for sketches");
        (sketches.rows.row(slot), sketches.scales.row(slot)[0])
    }

    /// Bytes of what [`Codes::complete`] completes.
    pub(crate) fn packed_bytes(&self) -> usize {
        let sketch = self.sketches.as_ref().map_or(0, |sketches| sketches.rows.stride() + 4);
        self.layout.stride() + sketch
    }

    /// Appends the sketch to a row in the layout's form that `packed` begins with.
    pub(crate) fn complete(&self, packed: &mut [u8]) {
        let (row, sketch) = packed.split_at_mut(self.layout.stride());
        let Some((levels, scale)) = sketch.split_last_chunk_mut::<4>() else { return };
        let codes = &row[..self.layout.padded()];
        let factor = write_sketch(codes, self.layout.dimension(), levels);
        *scale = (factor * self.layout.trailer(row).scale).to_le_bytes();
    }

    /// Takes what [`Codes::complete`] completed.
    pub(crate) fn set(&mut self, slot: NodeId, packed: &[u8]) {
        self.rows.row_mut(slot).copy_from_slice(&packed[..self.layout.padded()]);
        let trailer = self.layout.trailer(packed);
        self.scales.row_mut(slot)[0] = trailer.scale;
        if let Some(norms) = &mut self.square_norms {
            norms.row_mut(slot)[0] = trailer.square_norm;
        }
        let sketch = packed[self.layout.stride()..].split_last_chunk::<4>();
        if let (Some(sketches), Some((levels, scale))) = (&mut self.sketches, sketch) {
            sketches.rows.row_mut(slot).copy_from_slice(levels);
            sketches.scales.row_mut(slot)[0] = f32::from_le_bytes(*scale);
        }
    }

    /// Appends a row in the layout's form; one that was never set is all zeros.
    pub(crate) fn write(&self, slot: NodeId, out: &mut Vec<u8>) {
        out.extend_from_slice(self.codes(slot));
        self.layout.write_trailer(self.codes(slot), self.scales.row(slot)[0], out);
    }
}
