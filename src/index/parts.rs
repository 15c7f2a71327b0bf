//! An index as blocks of bytes, and back. Framing and checksums are the codec's business.

use super::Index;
use crate::bitset::Bitset;
use crate::config::Config;
use crate::error::Error;
use crate::ids::NodeId;

const BLOCK_BYTES: usize = 1 << 20;

/// The parts of an index, in the order in which they are written and read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Part {
    /// How many slots there are, `u32`.
    State = 0,
    /// Slots that a search can return: a bit a slot, 64 to a `u64`.
    Alive = 1,
    /// Float vectors by slot.
    Vectors = 5,
}

impl Part {
    /// All parts, in order.
    pub const ALL: [Self; 3] = [Self::State, Self::Alive, Self::Vectors];
}

impl Index {
    /// The blocks that [`Index::block`] can be asked for, in order.
    pub fn block_list(&self) -> Vec<(Part, usize)> {
        let rows = BLOCK_BYTES / (self.config.dimension * 4);
        let vectors = (0..self.slots().div_ceil(rows)).map(|block| (Part::Vectors, block));
        [(Part::State, 0), (Part::Alive, 0)].into_iter().chain(vectors).collect()
    }

    /// One block of a part.
    pub fn block(&self, part: Part, block: usize) -> Vec<u8> {
        match part {
            Part::State => (self.slots() as u32).to_le_bytes().to_vec(),
            Part::Alive => self.alive.words().iter().flat_map(|word| word.to_le_bytes()).collect(),
            Part::Vectors => {
                let floats = BLOCK_BYTES / (self.config.dimension * 4) * self.config.dimension;
                let end = self.vectors.len().min((block + 1) * floats);
                self.vectors[block * floats..end].iter().flat_map(|x| x.to_le_bytes()).collect()
            }
        }
    }

    /// Takes an index in again, block by block.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for options out of bounds.
    pub fn importer(config: Config) -> Result<Importer, Error> {
        Ok(Importer { index: Self::new(config)?, slots: 0 })
    }

    /// Checks the invariants.
    ///
    /// # Errors
    /// `CORRUPT`.
    pub fn check(&self) -> Result<(), Error> {
        match self.alive.iter().last() {
            Some(last) if last.index() >= self.slots() => {
                Err(Error::corrupt("a slot is alive without a vector"))
            }
            _ => Ok(()),
        }
    }

    /// Whether there is a graph.
    pub fn has_graph(&self) -> bool {
        false
    }
}

/// Builds an [`Index`] from blocks of bytes that nobody vouches for.
#[derive(Debug)]
pub struct Importer {
    index: Index,
    slots: usize,
}

impl Importer {
    /// Takes the next block.
    ///
    /// # Errors
    /// `CORRUPT` if it can't be what it says.
    pub fn push(&mut self, part: Part, bytes: &[u8]) -> Result<(), Error> {
        match part {
            Part::State => {
                let bytes = bytes.try_into().map_err(|_| Error::corrupt("no count of slots"))?;
                self.slots = u32::from_le_bytes(bytes) as usize;
                if self.slots >= NodeId::LIMIT {
                    return Err(Error::corrupt("too many slots"));
                }
            }
            Part::Alive => {
                let words = bytes.as_chunks::<8>().0;
                self.index.alive = Bitset::from_words(
                    words.iter().map(|&word| u64::from_le_bytes(word)).collect(),
                );
            }
            Part::Vectors => {
                let floats = bytes.as_chunks::<4>().0;
                self.index.vectors.extend(floats.iter().map(|&x| f32::from_le_bytes(x)));
                if self.index.vectors.iter().rev().take(floats.len()).any(|x| !x.is_finite()) {
                    return Err(Error::corrupt("a component is not finite"));
                }
            }
        }
        Ok(())
    }

    /// The index, if everything came and fits together.
    ///
    /// # Errors
    /// `CORRUPT`.
    pub fn finish(self) -> Result<Index, Error> {
        if self.index.vectors.len() != self.slots * self.index.config.dimension {
            return Err(Error::corrupt("there are more or fewer vectors than slots"));
        }
        self.index.check()?;
        Ok(self.index)
    }
}
