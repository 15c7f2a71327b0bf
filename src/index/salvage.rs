//! The vectors of an index, out of those of its blocks that are whole.

use super::parts::{self, Part, State};
use crate::config::{Config, Quantization};
use crate::ids::NodeId;
use crate::quantize::CodeLayout;
use crate::rotation::Rotation;

/// What a vector was taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// Its floats, as they were.
    Floats,
    /// Its code: to within a hundredth of its length or so.
    Code,
}

/// Blocks in any order, of which any may be missing.
#[derive(Debug)]
pub(crate) struct WholeBlocks {
    config: Config,
    layout: CodeLayout,
    rotation: Rotation,
    state: Option<(State, Vec<f32>)>,
    /// By number, ascending.
    codes: Vec<(u32, Vec<u8>)>,
    floats: Vec<(u32, Vec<u8>)>,
    /// Blocks that came, by part.
    came: [usize; Part::ALL.len()],
}

impl WholeBlocks {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            layout: CodeLayout::new(config.dimension),
            rotation: Rotation::new(config.dimension),
            config: config.clone(),
            state: None,
            codes: Vec::new(),
            floats: Vec::new(),
            came: [0; Part::ALL.len()],
        }
    }

    /// Takes a block whose checksum is right.
    pub(crate) fn push(&mut self, part: Part, number: u32, bytes: &[u8]) {
        self.came[part as usize] += 1;
        let blocks = match part {
            Part::State => {
                self.state = parts::read_state(bytes, self.config.dimension).ok();
                return;
            }
            Part::Codes => &mut self.codes,
            Part::Vectors => &mut self.floats,
            Part::Alive | Part::Free | Part::Nodes | Part::Links => return,
        };
        if let Err(at) = blocks.binary_search_by_key(&number, |block| block.0) {
            blocks.insert(at, (number, bytes.to_vec()));
        }
    }

    /// How many blocks of a part are missing, as far as the state says how many there were.
    pub(crate) fn missing(&self, part: Part) -> usize {
        let Some((state, _)) = &self.state else { return usize::from(part == Part::State) };
        let there = match part {
            Part::State | Part::Alive | Part::Free => true,
            Part::Nodes | Part::Links => state.graph,
            Part::Codes => self.has_codes(),
            Part::Vectors => self.config.keep_vectors,
        };
        let rows = match part {
            _ if !there => 0,
            Part::State => 1,
            Part::Alive | Part::Free | Part::Nodes => state.slots.div_ceil(64),
            Part::Codes | Part::Vectors | Part::Links => state.slots,
        };
        let blocks = rows.div_ceil(parts::rows_of_block(&self.config, part));
        blocks.saturating_sub(self.came[part as usize])
    }

    fn has_codes(&self) -> bool {
        self.config.quantization != Quantization::None
    }

    /// Appends the vector of a slot to `out`, if anything is left of it.
    pub(crate) fn vector(&self, slot: NodeId, out: &mut Vec<f32>) -> Option<Source> {
        if let Some(row) = self.row(&self.floats, Part::Vectors, slot) {
            out.extend(row.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
            return Some(Source::Floats);
        }
        let row =
            self.row(&self.codes, Part::Codes, slot).filter(|row| self.layout.validate(row))?;
        let center = match &self.state {
            Some((_, center)) => center.as_slice(),
            // Without the center, a code says nothing of where the vector is.
            None if self.config.metric == crate::metric::Metric::Euclidean => return None,
            None => &[],
        };
        let start = out.len();
        out.resize(start + self.config.dimension, 0.0);
        self.layout.decode(row, &mut out[start..]);
        self.rotation.undo(&mut out[start..]);
        out[start..].iter_mut().zip(center).for_each(|(x, c)| *x += c);
        Some(Source::Code)
    }

    fn row<'a>(&self, blocks: &'a [(u32, Vec<u8>)], part: Part, slot: NodeId) -> Option<&'a [u8]> {
        let rows = parts::rows_of_block(&self.config, part);
        let bytes = match part {
            Part::Vectors => self.config.dimension * 4,
            _ => self.layout.stride(),
        };
        let number = u32::try_from(slot.index() / rows).ok()?;
        let at = blocks.binary_search_by_key(&number, |block| block.0).ok()?;
        let first = slot.index() % rows * bytes;
        blocks[at].1.get(first..first + bytes)
    }
}
