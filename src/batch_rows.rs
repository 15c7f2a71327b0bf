//! The rows of a batch, by column.

use crate::error::{Code, Error};
use crate::text_column::TextColumn;

/// Where a document is: the number of its chunk, and the row in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocumentAt {
    /// The chunk's number, as storage keeps it.
    pub chunk: u32,
    /// The row in the chunk.
    pub row: u32,
}

impl DocumentAt {
    /// Stands for "no document" where places are kept in arrays.
    pub(crate) const NONE: Self = Self { chunk: u32::MAX, row: u32::MAX };

    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

/// What a row brings beside its id: bits of [`BatchRows::given`].
pub(crate) const VECTOR: u8 = 1;
pub(crate) const METADATA: u8 = 2;
pub(crate) const DOCUMENT: u8 = 4;
/// Alone: the row deletes its record, whatever the batch does with the others.
pub(crate) const DELETED: u8 = 8;

/// The rows of a batch, by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BatchRows {
    pub(crate) dimension: usize,
    pub(crate) ids: TextColumn,
    /// What each row brings.
    pub(crate) given: Vec<u8>,
    /// The vectors of the rows that bring one, without gaps.
    pub(crate) vectors: Vec<f32>,
    /// The metadata of each row; empty where it brings none.
    pub(crate) metadata: TextColumn,
    /// Where the document of each row is or will be; empty until that is decided.
    pub(crate) places: Vec<DocumentAt>,
}

impl BatchRows {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { dimension, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.given.len()
    }

    /// Whether `row` brings what the bit stands for.
    pub(crate) fn has(&self, row: usize, what: u8) -> bool {
        self.given[row] & what != 0
    }

    /// The metadata that `row` brings.
    pub(crate) fn metadata(&self, row: usize) -> Option<&str> {
        self.has(row, METADATA).then(|| self.metadata.get(row))
    }

    /// Where the document that `row` brings is.
    pub(crate) fn place(&self, row: usize) -> Option<DocumentAt> {
        self.places.get(row).copied().and_then(DocumentAt::some)
    }

    /// How many of the rows before `row` bring a vector.
    pub(crate) fn vectors_before(&self, row: usize) -> usize {
        self.given[..row].iter().filter(|&given| given & VECTOR != 0).count()
    }

    /// The vector of each row, where it brings one.
    pub(crate) fn vectors_by_row(&self) -> impl Iterator<Item = Option<&[f32]>> + '_ {
        let mut vectors = self.vectors.chunks_exact(self.dimension);
        self.given.iter().map(move |given| {
            (given & VECTOR != 0).then(|| vectors.next().expect("a vector for each row with one"))
        })
    }

    /// Takes the vector from every row that its record already has, as `holds(id, vector)` says.
    pub(crate) fn drop_known_vectors(&mut self, holds: impl Fn(&str, &[f32]) -> bool) {
        let (mut from, mut to) = (0, 0);
        for (given, id) in self.given.iter_mut().zip(self.ids.iter()) {
            if *given & VECTOR == 0 {
                continue;
            }
            let vector = from..from + self.dimension;
            from = vector.end;
            if holds(id, &self.vectors[vector.clone()]) {
                *given &= !VECTOR;
                continue;
            }
            if to < vector.start {
                self.vectors.copy_within(vector, to);
            }
            to += self.dimension;
        }
        self.vectors.truncate(to);
    }

    /// Keeps the rows that `keep` is true for.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let mut to = 0;
        let mut from = 0;
        for (given, &keep) in self.given.iter().zip(keep) {
            if given & VECTOR != 0 {
                if keep {
                    self.vectors.copy_within(from..from + self.dimension, to);
                    to += self.dimension;
                }
                from += self.dimension;
            }
        }
        self.vectors.truncate(to);
        self.ids.retain(keep);
        self.metadata.retain(keep);
        let mut kept = keep.iter();
        self.given.retain(|_| *kept.next().expect("a verdict for each row"));
        if !self.places.is_empty() {
            let mut kept = keep.iter();
            self.places.retain(|_| *kept.next().expect("a verdict for each row"));
        }
    }

    /// Appends the rows of another part of the same batch.
    pub(crate) fn append(&mut self, other: &Self) -> Result<(), Error> {
        reserve(&mut self.vectors, other.vectors.len())?;
        self.ids.append(&other.ids)?;
        self.metadata.append(&other.metadata)?;
        self.vectors.extend_from_slice(&other.vectors);
        self.given.extend_from_slice(&other.given);
        self.places.extend_from_slice(&other.places);
        Ok(())
    }
}

/// Makes room for that many more floats.
pub(crate) fn reserve(vectors: &mut Vec<f32>, more: usize) -> Result<(), Error> {
    vectors.try_reserve(more).map_err(|_| {
        Error::new(Code::OutOfMemory, format!("no memory for {more} more components of a batch"))
    })
}
