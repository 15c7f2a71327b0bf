//! Which records have documents that say something. Storage reads the documents; a collection
//! knows where they are.

use super::{Collection, DocumentAt};
use crate::bitset::Bitset;
use crate::ids::NodeId;
use crate::rank;

/// Where the document of a record was when this was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocumentOf {
    /// The record.
    pub slot: NodeId,
    /// Where its document is.
    pub place: DocumentAt,
}

impl Collection {
    /// Where the documents of the records in a set (all, if `None`) are, in chunks from `first_chunk`
    /// on: by chunk and row, as storage is read best.
    pub fn documents_of(&self, set: Option<&Bitset>, first_chunk: u32) -> Vec<DocumentOf> {
        let slots = set.unwrap_or(self.keys.live()).iter();
        let mut list: Vec<_> = slots
            .filter_map(|slot| Some((slot, self.document(slot)?)))
            .filter(|(_, place)| place.chunk >= first_chunk)
            .map(|(slot, place)| {
                rank::ranked(u64::from(place.chunk) << 32 | u64::from(place.row), slot.0)
            })
            .collect();
        let all = list.len();
        rank::keep_least(&mut list, all);
        let found = list.into_iter().map(|entry| {
            let key = rank::key(entry);
            let place = DocumentAt { chunk: (key >> 32) as u32, row: key as u32 };
            DocumentOf { slot: NodeId(rank::payload(entry)), place }
        });
        found.collect()
    }

    /// The slots whose documents are still where they were. A place is given to one document, ever:
    /// what was read there holds for as long as the record has it.
    pub fn still_there(&self, documents: impl Iterator<Item = DocumentOf>) -> Bitset {
        documents
            .filter(|document| self.document(document.slot) == Some(document.place))
            .map(|document| document.slot)
            .collect()
    }
}
