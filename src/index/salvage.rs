//! The vectors of an index, out of those of its blocks that are whole.

use super::importer::{State, read_state};
use super::parts::{self, Part};
use crate::config::Config;
use crate::ids::NodeId;
use crate::metric::Metric;
use crate::vectors::Vectors;

/// What a vector was taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// Its floats, as they were.
    Floats,
    /// Its code: to within a hundredth of its length or so; of binary codes, about its direction.
    Code,
}

/// Blocks in any order, of which any may be missing.
#[derive(Debug)]
pub(crate) struct WholeBlocks {
    config: Config,
    /// Empty: it reads codes.
    vectors: Vectors,
    state: Option<State>,
    /// By number, ascending.
    codes: Vec<(u32, Vec<u8>)>,
    floats: Vec<(u32, Vec<u8>)>,
    /// Blocks that came, by part.
    came: [usize; Part::ALL.len()],
}

impl WholeBlocks {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            vectors: Vectors::new(config),
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
                if let Ok((state, center)) = read_state(bytes, self.config.dimension) {
                    self.vectors.set_center(center);
                    self.state = Some(state);
                }
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
        let Some(state) = &self.state else { return usize::from(part == Part::State) };
        let there = match part {
            Part::State | Part::Alive | Part::Free => true,
            Part::Nodes | Part::Links => state.graph,
            Part::Codes => self.vectors.has_codes(),
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

    /// Appends the vector of a slot to `out`, if anything is left of it.
    pub(crate) fn vector(&self, slot: NodeId, out: &mut Vec<f32>) -> Option<Source> {
        if let Some(row) = self.row(&self.floats, Part::Vectors, slot) {
            out.extend(row.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
            return Some(Source::Floats);
        }
        let row =
            self.row(&self.codes, Part::Codes, slot).filter(|row| self.vectors.is_code(row))?;
        // Without the center, a code says nothing of where the vector is.
        if self.state.is_none() && self.config.metric == Metric::Euclidean {
            return None;
        }
        out.extend(self.vectors.decode(row));
        Some(Source::Code)
    }

    fn row<'a>(&self, blocks: &'a [(u32, Vec<u8>)], part: Part, slot: NodeId) -> Option<&'a [u8]> {
        let rows = parts::rows_of_block(&self.config, part);
        let bytes = match part {
            Part::Vectors => self.config.dimension * 4,
            _ => self.vectors.code_stride(),
        };
        let number = u32::try_from(slot.index() / rows).ok()?;
        let at = blocks.binary_search_by_key(&number, |block| block.0).ok()?;
        let first = slot.index() % rows * bytes;
        blocks[at].1.get(first..first + bytes)
    }
}
