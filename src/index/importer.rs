//! An index out of the runs of bytes that [`Index::export`] hands out.

use super::parts::Part;
use crate::bitset::Bitset;
use crate::codec::bytes::Reader;
use crate::config::Config;
use crate::error::Error;
use crate::graph::{Adjacency, Graph, ScratchPool};
use crate::ids::NodeId;
use crate::index::Index;
use crate::rows::Rows;
use crate::vectors::Vectors;

/// The most entry points that are read.
pub(super) const MAX_ENTRIES: usize = 4096;

impl Index {
    /// Takes an index in again, block by block.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for options out of bounds.
    pub fn importer(config: Config) -> Result<Importer, Error> {
        config.validate()?;
        Ok(Importer {
            vectors: Vectors::new(&config),
            links: Adjacency::new(config.m0()),
            sets: [Vec::new(), Vec::new(), Vec::new()],
            rows: [0; 3],
            state: None,
            last: Part::State,
            config,
        })
    }
}

/// What the first part says of the others.
#[derive(Debug)]
pub(super) struct State {
    pub(super) slots: usize,
    pub(super) graph: bool,
    counters: [usize; 2],
    entries: Vec<NodeId>,
}

/// The state, and the center.
pub(super) fn read_state(bytes: &[u8], dimension: usize) -> Result<(State, Vec<f32>), Error> {
    let mut fields = Reader::new(bytes, "state of the index");
    let (slots, graph) = (fields.length()?, fields.u8()?);
    let counters = [fields.length()?, fields.length()?];
    let count = fields.length()?;
    if slots >= NodeId::LIMIT || graph > 1 || count > MAX_ENTRIES {
        return Err(Error::corrupt("the state names impossible numbers"));
    }
    let entries = fields.u32s(count)?.into_iter().map(NodeId).collect();
    let components = fields.length()?;
    if components != 0 && components != dimension {
        return Err(Error::corrupt(format!("the center has {components} components")));
    }
    let center = fields.f32s(components)?;
    fields.finish()?;
    if center.iter().any(|x| !x.is_finite()) {
        return Err(Error::corrupt("the center is not finite"));
    }
    Ok((State { slots, graph: graph == 1, counters, entries }, center))
}

/// Builds an [`Index`] from blocks of bytes that nobody vouches for. It allocates for what it was
/// given, never for what it was told.
#[derive(Debug)]
pub struct Importer {
    /// As the bytes have it.
    config: Config,
    vectors: Vectors,
    links: Adjacency,
    sets: [Vec<u64>; 3],
    /// Rows that came: codes, vectors, links.
    rows: [usize; 3],
    state: Option<State>,
    last: Part,
}

impl Importer {
    /// Gives up the float vectors that came and those that come, where there are codes. Returns whether the
    /// index will be without them though its bytes have them.
    pub(crate) fn drop_vectors(&mut self) -> bool {
        self.vectors.drop_floats();
        self.config.keep_vectors && !self.vectors.has_floats()
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// `CORRUPT` if it can't be what it says, `OUT_OF_MEMORY`.
    pub fn push(&mut self, part: Part, bytes: &[u8]) -> Result<(), Error> {
        if part < self.last {
            return Err(Error::corrupt(format!("{part:?} comes after {:?}", self.last)));
        }
        self.last = part;
        let Some(state) = &self.state else {
            if part != Part::State {
                return Err(Error::corrupt(format!("{part:?} comes before the state")));
            }
            return self.read_state(bytes);
        };
        let slots = state.slots;
        match part {
            Part::State => Err(Error::corrupt("the state comes twice")),
            Part::Alive | Part::Free | Part::Nodes => {
                let words = &mut self.sets[part as usize - Part::Alive as usize];
                push_words(words, bytes, slots.div_ceil(64), part)
            }
            Part::Codes if !self.vectors.has_codes() => Err(unexpected(part)),
            Part::Vectors if !self.config.keep_vectors => Err(unexpected(part)),
            Part::Links if !state.graph => Err(unexpected(part)),
            Part::Codes => self.push_codes(bytes, slots),
            Part::Vectors => self.push_vectors(bytes, slots),
            Part::Links => self.push_links(bytes, slots),
        }
    }

    fn read_state(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (state, center) = read_state(bytes, self.config.dimension)?;
        self.vectors.set_center(center);
        self.state = Some(state);
        Ok(())
    }

    fn push_codes(&mut self, bytes: &[u8], slots: usize) -> Result<(), Error> {
        let (stride, first) = (self.vectors.code_stride(), self.rows[0]);
        let count = whole_rows(bytes.len(), stride, first, slots, Part::Codes)?;
        self.vectors.read_codes(first, bytes)?;
        self.rows[0] += count;
        Ok(())
    }

    fn push_vectors(&mut self, bytes: &[u8], slots: usize) -> Result<(), Error> {
        let (dimension, first) = (self.config.dimension, self.rows[1]);
        let count = whole_rows(bytes.len(), dimension * 4, first, slots, Part::Vectors)?;
        self.rows[1] += count;
        let Some(floats) = self.vectors.floats_mut() else { return Ok(()) };
        grow(floats, first + count)?;
        for (at, row) in bytes.chunks_exact(dimension * 4).enumerate() {
            let out = floats.row_mut(NodeId::from_index(first + at));
            let (numbers, _) = row.as_chunks::<4>();
            out.iter_mut().zip(numbers).for_each(|(x, &bytes)| *x = f32::from_le_bytes(bytes));
            if !crate::quantize::square_norm(out).is_finite() {
                return Err(Error::corrupt(format!(
                    "the vector of slot {} is not finite",
                    first + at
                )));
            }
        }
        Ok(())
    }

    fn push_links(&mut self, bytes: &[u8], slots: usize) -> Result<(), Error> {
        let mut rest = bytes;
        let mut neighbors = Vec::new();
        while let Some((&degree, tail)) = rest.split_first() {
            let (row, tail) = tail
                .split_at_checked(usize::from(degree) * 4)
                .ok_or_else(|| Error::corrupt("a row of links is cut off"))?;
            rest = tail;
            let at = self.rows[2];
            if at == slots || usize::from(degree) > self.links.m0() {
                return Err(Error::corrupt(format!(
                    "slot {at} has too many links, or is too many"
                )));
            }
            self.links.reserve(at + 1, at + 1)?;
            self.links.grow(at + 1);
            neighbors.clear();
            neighbors
                .extend(row.as_chunks::<4>().0.iter().map(|&to| NodeId(u32::from_le_bytes(to))));
            self.links.set(NodeId::from_index(at), &neighbors);
            self.rows[2] += 1;
        }
        Ok(())
    }

    /// The index, if everything came and fits together.
    ///
    /// # Errors
    /// `CORRUPT`, saying what does not.
    pub fn finish(mut self) -> Result<Index, Error> {
        let state = self.state.ok_or_else(|| Error::corrupt("the state is missing"))?;
        let wanted = |there: bool| if there { state.slots } else { 0 };
        let expected = [
            (Part::Codes, wanted(self.vectors.has_codes())),
            (Part::Vectors, wanted(self.config.keep_vectors)),
            (Part::Links, wanted(state.graph)),
        ];
        for ((part, expected), rows) in expected.into_iter().zip(self.rows) {
            if rows != expected {
                return Err(Error::corrupt(format!("{part:?} has {rows} rows, not {expected}")));
            }
        }
        let [alive, free, nodes] = self.sets.map(Bitset::from_words);
        for set in [&alive, &free, &nodes] {
            if set.iter().last().is_some_and(|last| last.index() >= state.slots) {
                return Err(Error::corrupt("a set names slots that are not there"));
            }
        }
        for slot in alive.iter() {
            if self.vectors.has_codes() && !self.vectors.has_code(slot) {
                return Err(Error::corrupt(format!("slot {} is alive without a code", slot.0)));
            }
        }
        let graph = if state.graph {
            let parts = (state.entries, nodes, state.counters);
            Some(Graph::from_parts(&self.config, self.links, parts.0, parts.1, parts.2)?)
        } else {
            None
        };
        self.config.keep_vectors = self.vectors.has_floats();
        let index = Index {
            config: self.config,
            vectors: self.vectors,
            alive,
            free,
            graph,
            scratch: ScratchPool::default(),
        };
        index.check_slots()?;
        Ok(index)
    }
}

fn unexpected(part: Part) -> Error {
    Error::corrupt(format!("{part:?} should not be there"))
}

fn whole_rows(
    bytes: usize,
    row: usize,
    first: usize,
    slots: usize,
    part: Part,
) -> Result<usize, Error> {
    let count = bytes / row;
    if !bytes.is_multiple_of(row) || first + count > slots {
        return Err(Error::corrupt(format!(
            "{part:?} has {bytes} bytes where {slots} rows of {row} are"
        )));
    }
    Ok(count)
}

fn grow<T: Copy + Default>(rows: &mut Rows<T>, len: usize) -> Result<(), Error> {
    rows.reserve(len)?;
    rows.grow(len);
    Ok(())
}

fn push_words(words: &mut Vec<u64>, bytes: &[u8], most: usize, part: Part) -> Result<(), Error> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() || words.len() + chunks.len() > most {
        return Err(Error::corrupt(format!("{part:?} has {} bytes too many", bytes.len())));
    }
    words.extend(chunks.iter().map(|&word| u64::from_le_bytes(word)));
    Ok(())
}
