//! Fingerprints of vectors and documents, by which equal ones are found. They are made when they
//! are first asked for, kept up to date from then on, and never written.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Collection, DocumentOf};
use crate::ids::NodeId;

/// Entries that nothing refers to any more may be as many as the records and so many more.
const SPARE: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    hasher: DefaultHashBuilder,
    vectors: HashTable<(u64, NodeId)>,
    documents: HashTable<(u64, NodeId)>,
    /// Of the document in each slot; 0 where there is none.
    of_document: Vec<u64>,
}

impl Fingerprints {
    fn of_text(&self, text: &str) -> u64 {
        self.hasher.hash_one(text) | 1
    }

    fn of_vector(&self, vector: &[f32]) -> u64 {
        let bits: Vec<u32> = vector.iter().map(|x| x.to_bits()).collect();
        self.hasher.hash_one(bits)
    }

    fn add_vector(&mut self, slot: NodeId, vector: &[f32]) {
        let entry = (self.of_vector(vector), slot);
        self.vectors.insert_unique(entry.0, entry, |entry| entry.0);
    }

    /// Notes the document of a slot: its text, or that it has none.
    pub(crate) fn set_document(&mut self, slot: NodeId, text: Option<&str>) {
        let fingerprint = text.map_or(0, |text| self.of_text(text));
        self.set_fingerprint(slot, fingerprint);
    }

    fn set_fingerprint(&mut self, slot: NodeId, fingerprint: u64) {
        if slot.index() >= self.of_document.len() {
            if fingerprint == 0 {
                return;
            }
            self.of_document.resize(slot.index() + 1, 0);
        }
        self.of_document[slot.index()] = fingerprint;
        if fingerprint != 0 {
            self.documents.insert_unique(fingerprint, (fingerprint, slot), |entry| entry.0);
        }
    }

    fn document(&self, slot: NodeId) -> u64 {
        self.of_document.get(slot.index()).copied().unwrap_or(0)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.vectors.allocation_size()
            + self.documents.allocation_size()
            + self.of_document.capacity() * 8
    }
}

impl Collection {
    /// Makes fingerprints of the vectors, if there are none yet. Returns the documents that are to
    /// be read and handed to [`Collection::fingerprint_document`], with no batch in between.
    pub fn fingerprint(&mut self) -> Vec<DocumentOf> {
        if self.fingerprints.is_some() {
            return Vec::new();
        }
        let mut fingerprints = Fingerprints::default();
        for slot in self.keys.live().iter() {
            fingerprints.add_vector(slot, &self.index.vector(slot).unwrap_or_default());
        }
        self.fingerprints = Some(fingerprints);
        self.documents_of(None, 0)
    }

    /// Takes the fingerprint of a document.
    pub fn fingerprint_document(&mut self, slot: NodeId, text: &str) {
        if let Some(fingerprints) = &mut self.fingerprints {
            fingerprints.set_document(slot, Some(text));
        }
    }

    /// Forgets all fingerprints: the next [`Collection::fingerprint`] makes them anew.
    pub fn forget_fingerprints(&mut self) {
        self.fingerprints = None;
    }

    /// A record with the very same vector in the form in which it is kept, or with a document of
    /// the same fingerprint; not the one in the slot `own`.
    pub(super) fn equal_record(
        &self,
        fingerprints: &Fingerprints,
        vector: &[f32],
        document: Option<&str>,
        own: Option<NodeId>,
    ) -> Option<NodeId> {
        let bits = |x: &f32| x.to_bits();
        let by_vector = fingerprints.of_vector(vector);
        let same_vector = |&(fingerprint, slot): &(u64, NodeId)| {
            fingerprint == by_vector
                && Some(slot) != own
                && self
                    .index
                    .vector(slot)
                    .is_some_and(|kept| kept.iter().map(bits).eq(vector.iter().map(bits)))
        };
        if let Some(&(_, slot)) = fingerprints.vectors.find(by_vector, same_vector) {
            return Some(slot);
        }
        let by_document = fingerprints.of_text(document?);
        let same_document = |&(fingerprint, slot): &(u64, NodeId)| {
            fingerprint == by_document
                && Some(slot) != own
                && fingerprints.document(slot) == by_document
        };
        fingerprints.documents.find(by_document, same_document).map(|&(_, slot)| slot)
    }

    /// Notes the vector that has come to a slot.
    pub(super) fn fingerprint_vector(&mut self, slot: NodeId) {
        let Some(fingerprints) = &mut self.fingerprints else { return };
        fingerprints.add_vector(slot, &self.index.vector(slot).unwrap_or_default());
        // What is out of date is told by comparing, but must not pile up.
        let most = 2 * self.keys.len() + SPARE;
        if fingerprints.vectors.len() > most || fingerprints.documents.len() > most {
            self.fingerprints = None;
        }
    }

    /// Moves what is known of a document along with its record, or forgets it.
    pub(super) fn move_fingerprint(&mut self, from: NodeId, to: Option<NodeId>) {
        if let Some(fingerprints) = &mut self.fingerprints {
            let fingerprint = fingerprints.document(from);
            fingerprints.set_fingerprint(from, 0);
            if let Some(to) = to {
                fingerprints.set_fingerprint(to, fingerprint);
            }
        }
    }
}
