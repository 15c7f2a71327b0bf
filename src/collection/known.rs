//! The outcomes of named batches, so that a retry learns that it was done.

use std::collections::VecDeque;

use super::{KNOWN_BATCHES, MAX_BATCH_ID_BYTES, Operation};
use crate::codec::bytes::{Put, Reader};
use crate::error::Error;

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What it did.
    pub operation: Operation,
    /// The collection's generation that it made.
    pub generation: u64,
    /// Rows written.
    pub written: u32,
    /// Rows that were bad and left out. Which these were is not remembered.
    pub failed: u32,
}

/// The last [`KNOWN_BATCHES`] named batches, oldest first.
#[derive(Debug, Default)]
pub(crate) struct KnownBatches {
    batches: VecDeque<(Box<str>, Outcome)>,
}

impl KnownBatches {
    pub(crate) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether one of them did that.
    pub(crate) fn has(&self, operation: Operation) -> bool {
        self.batches.iter().any(|(_, outcome)| outcome.operation == operation)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Outcome> {
        self.batches.iter().rev().find(|(known, _)| &**known == id).map(|(_, outcome)| outcome)
    }

    pub(crate) fn insert(&mut self, id: &str, outcome: Outcome) {
        if self.batches.len() == KNOWN_BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back((id.into(), outcome));
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_length(self.batches.len());
        for (id, outcome) in &self.batches {
            out.put_length(id.len());
            out.extend_from_slice(id.as_bytes());
            out.push(outcome.operation.number());
            out.put_u64(outcome.generation);
            out.put_u32(outcome.written);
            out.put_u32(outcome.failed);
        }
    }

    pub(crate) fn decode(mut fields: Reader<'_>, newest: u64) -> Result<Self, Error> {
        let mut known = Self::default();
        let count = fields.length()?;
        if count > KNOWN_BATCHES {
            return Err(Error::corrupt(format!("{count} names of batches are too many")));
        }
        for _ in 0..count {
            let length = fields.length()?;
            let id = fields.text(length)?;
            let outcome = Outcome {
                operation: Operation::from_number(fields.u8()?)?,
                generation: fields.u64()?,
                written: fields.u32()?,
                failed: fields.u32()?,
            };
            if !(1..=MAX_BATCH_ID_BYTES).contains(&length) || outcome.generation > newest {
                return Err(Error::corrupt("the name of a batch is impossible"));
            }
            known.insert(id, outcome);
        }
        fields.finish()?;
        Ok(known)
    }
}
