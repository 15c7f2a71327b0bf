//! An index as runs of bytes; `importer` takes them in again. Framing, checksums and files are the codec's business.
//!
//! All numbers are little-endian. The parts come in the order of [`Part`], each in blocks of whole
//! rows of at most about a MiB:
//!
//! | part | content |
//! |---|---|
//! | `State` | slots `u32`, graph `u8` (0 or 1), entry points chosen at `u32`, unchecked `u32`, number of entry points `u32`, the entry points `u32`, components of the center `u32`, the center `f32` |
//! | `Alive`, `Free`, `Nodes` | a bit a slot, 64 to a `u64`, lowest first |
//! | `Codes` | a row a slot: see [`quantize`](crate::quantize), and [`bits`](crate::bits) for binary |
//! | `Vectors` | a row a slot, `f32` |
//! | `Links` | a row a slot: degree `u8`, then that many neighbors `u32` |

use crate::bitset::Bitset;
use crate::codec::bytes::Put;
use crate::config::Config;
use crate::graph::Graph;
use crate::ids::NodeId;
use crate::index::Index;
use crate::vectors::code_stride;

/// A block has about this many bytes at most, and at least one row.
const BLOCK_BYTES: usize = 1 << 20;

/// The parts of an index in the order in which they are written and read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Part {
    /// Counts, entry points, center.
    State = 0,
    /// Slots that a search can return.
    Alive = 1,
    /// Slots that can be used again.
    Free = 2,
    /// Slots that the graph has.
    Nodes = 3,
    /// Codes by slot.
    Codes = 4,
    /// Float vectors by slot.
    Vectors = 5,
    /// Neighbors by slot.
    Links = 6,
}

impl Part {
    /// All parts, in order.
    pub const ALL: [Self; 7] = [
        Self::State,
        Self::Alive,
        Self::Free,
        Self::Nodes,
        Self::Codes,
        Self::Vectors,
        Self::Links,
    ];
}

impl Index {
    /// Hands out the index as blocks of bytes, part by part. The same index always gives the same
    /// bytes.
    pub fn export(&self, sink: &mut dyn FnMut(Part, &[u8])) {
        for (part, block) in self.block_list() {
            sink(part, &self.block(part, block));
        }
    }

    /// The blocks that [`Index::block`] can be asked for, in order.
    pub fn block_list(&self) -> Vec<(Part, usize)> {
        Part::ALL
            .into_iter()
            .flat_map(|part| (0..self.block_count(part)).map(move |block| (part, block)))
            .collect()
    }

    fn block_count(&self, part: Part) -> usize {
        let rows = match part {
            Part::State => return 1,
            Part::Nodes | Part::Links if self.graph.is_none() => 0,
            Part::Alive | Part::Free | Part::Nodes => self.slots().div_ceil(64),
            Part::Codes if !self.vectors.has_codes() => 0,
            Part::Vectors if !self.vectors.has_floats() => 0,
            Part::Codes | Part::Vectors | Part::Links => self.slots(),
        };
        rows.div_ceil(rows_of_block(&self.config, part))
    }

    /// One block of a part.
    pub fn block(&self, part: Part, block: usize) -> Vec<u8> {
        let rows = rows_of_block(&self.config, part);
        let slots = || (block * rows..self.slots().min((block + 1) * rows)).map(NodeId::from_index);
        let bits = |set: &Bitset| -> Vec<u8> {
            let words = self.slots().div_ceil(64);
            let word = |at: usize| set.words().get(at).copied().unwrap_or(0);
            (block * rows..words.min((block + 1) * rows))
                .flat_map(|at| word(at).to_le_bytes())
                .collect()
        };
        match (part, &self.graph) {
            (Part::State, _) => self.state(),
            (Part::Alive, _) => bits(&self.alive),
            (Part::Free, _) => bits(&self.free),
            (Part::Nodes, Some(graph)) => bits(graph.nodes()),
            (Part::Codes, _) => {
                let mut bytes = Vec::with_capacity(slots().len() * self.vectors.code_stride());
                slots().for_each(|slot| self.vectors.write_code(slot, &mut bytes));
                bytes
            }
            (Part::Vectors, _) => self.vectors.floats().map_or_else(Vec::new, |floats| {
                let mut bytes = Vec::with_capacity(slots().len() * floats.stride() * 4);
                slots().for_each(|slot| bytes.put_f32s(floats.row(slot)));
                bytes
            }),
            (Part::Links, Some(graph)) => {
                let mut bytes = Vec::with_capacity(BLOCK_BYTES);
                for slot in slots() {
                    // A graph knows the slots that were in use when it last grew.
                    let neighbors = graph.links().neighbors(slot);
                    bytes.push(neighbors.len() as u8);
                    neighbors.iter().for_each(|to| bytes.put_u32(to.0));
                }
                bytes
            }
            (Part::Nodes | Part::Links, None) => Vec::new(),
        }
    }

    fn state(&self) -> Vec<u8> {
        let mut bytes = (self.slots() as u32).to_le_bytes().to_vec();
        let graph = self.graph.as_ref();
        bytes.push(u8::from(graph.is_some()));
        let [chosen_at, unchecked] = graph.map_or([0; 2], Graph::counters);
        let entries = graph.map_or(&[][..], Graph::entries);
        for number in [chosen_at, unchecked, entries.len()] {
            bytes.extend((number as u32).to_le_bytes());
        }
        bytes.extend(entries.iter().flat_map(|entry| entry.0.to_le_bytes()));
        bytes.extend((self.vectors.center().len() as u32).to_le_bytes());
        bytes.extend(self.vectors.center().iter().flat_map(|x| x.to_le_bytes()));
        bytes
    }
}

/// Rows of a full block.
pub(super) fn rows_of_block(config: &Config, part: Part) -> usize {
    let row = match part {
        Part::State | Part::Alive | Part::Free | Part::Nodes => 8,
        Part::Codes => code_stride(config),
        Part::Vectors => config.dimension * 4,
        Part::Links => config.m0() * 4 + 1,
    };
    (BLOCK_BYTES / row.max(1)).max(1)
}
