//! A collection: records with string ids, vectors, metadata and documents, changed by batches.
//!
//! A batch goes three steps. [`Collection::prepare`] checks every row and changes nothing; what it
//! returns can be written out ([`Prepared::log_part`]) for storage to commit; and
//! [`Collection::apply`] makes it so in memory. [`Replay`] takes what was written through the same
//! steps again, and ends with the same collection.
//!
//! Documents are not kept here: a collection knows the chunk and row of each, and storage reads
//! them on demand.

mod apply;
mod batch;
mod check;
mod decay;
mod dedupe;
mod documents;
mod fingerprints;
mod known;
mod load;
mod prepare;
mod read;
mod repair;
mod replay;
mod report;
mod salvage;
mod snapshot;
mod views;

use crate::batch_rows;
use crate::config::Config;
use crate::error::Error;
use crate::ids::NodeId;
use crate::index::Index;
use crate::key_map::KeyMap;
use crate::metadata;
use crate::slot_text::SlotText;

pub use batch::{Batch, Columns, Operation, Row, Texts};
pub use batch_rows::DocumentAt;
pub use check::ItemError;
pub use decay::{Decay, Scored};
pub use dedupe::{Dedupe, Duplicate, Likeness, OnDuplicate};
pub use documents::DocumentOf;
pub use known::Outcome;
pub use load::{DocumentChunk, SnapshotLoader};
pub use prepare::Prepared;
pub use read::CollectionStats;
pub use repair::Repair;
pub use replay::Replay;
pub use report::{MAX_FINDINGS, PartReport, PartState, Report, StoredPart};
pub use salvage::Salvage;
pub use snapshot::SnapshotWriter;
pub use views::{MAX_VIEW_NAME_BYTES, MAX_VIEWS, View};

/// The longest id, in bytes of UTF-8. The shortest has one.
pub const MAX_ID_BYTES: usize = 512;
/// The longest document, in bytes of UTF-8.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;
/// The longest name of a batch.
pub const MAX_BATCH_ID_BYTES: usize = 512;
/// The most rows of a batch.
pub const MAX_BATCH_ROWS: usize = 1 << 21;
/// How many named batches' outcomes are remembered.
pub const KNOWN_BATCHES: usize = 1024;

/// See the module's documentation.
#[derive(Debug)]
pub struct Collection {
    index: Index,
    keys: KeyMap,
    metadata: SlotText,
    columns: metadata::Columns,
    /// By slot; shorter than the index while the last slots have no document.
    documents: Vec<DocumentAt>,
    next_document_chunk: u32,
    generation: u64,
    known: known::KnownBatches,
    fingerprints: Option<fingerprints::Fingerprints>,
    /// In the order in which they were made.
    views: Vec<views::Stored>,
}

impl Collection {
    /// An empty collection.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for options out of bounds.
    pub fn new(config: Config) -> Result<Self, Error> {
        Ok(Self::of(Index::new(config)?))
    }

    fn of(index: Index) -> Self {
        Self {
            index,
            keys: KeyMap::default(),
            metadata: SlotText::default(),
            columns: metadata::Columns::default(),
            documents: Vec::new(),
            next_document_chunk: 0,
            generation: 0,
            known: known::KnownBatches::default(),
            fingerprints: None,
            views: Vec::new(),
        }
    }

    /// The options it was made with.
    pub fn config(&self) -> &Config {
        self.index.config()
    }

    /// The vectors.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Records.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many batches were applied since the collection was new.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What became of a batch of that name, if it is among the last [`KNOWN_BATCHES`] named ones.
    /// A caller who tries again asks first.
    pub fn outcome(&self, batch_id: &str) -> Option<&Outcome> {
        self.known.get(batch_id)
    }

    /// Reclaims what deleted records still hold in the index.
    pub fn compact(&mut self) {
        self.index.compact();
        self.compact_views();
    }

    /// Gives up the float vectors; see [`Index::drop_vectors`].
    pub fn drop_vectors(&mut self) -> bool {
        let dropped = self.index.drop_vectors();
        if dropped {
            // They were of floats.
            self.forget_fingerprints();
        }
        dropped
    }

    /// Checks everything that can be checked without storage.
    ///
    /// # Errors
    /// `CORRUPT`, saying what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        self.index.check()?;
        if self.index.len() != self.len() {
            return Err(Error::corrupt(format!(
                "there are {} vectors and {} ids",
                self.index.len(),
                self.len()
            )));
        }
        for slot in self.keys.live().iter() {
            let id = self.id(slot);
            if !self.index.is_live(slot) || id.and_then(|id| self.slot(id)) != Some(slot) {
                return Err(Error::corrupt(format!("slot {} and its id disagree", slot.0)));
            }
        }
        self.check_views()
    }

    /// Gives a record its metadata: none for `None` and for the text `null`.
    fn set_metadata(&mut self, slot: NodeId, text: Option<&str>) -> Result<(), Error> {
        self.clear_metadata(slot);
        let Some(text) = text.filter(|text| *text != "null") else { return Ok(()) };
        self.add_metadata(slot, text, &metadata::parse(text)?);
        Ok(())
    }

    fn add_metadata(&mut self, slot: NodeId, text: &str, fields: &[metadata::Field]) {
        self.columns.insert(slot, fields);
        self.metadata.set(slot, text);
    }

    fn clear_metadata(&mut self, slot: NodeId) {
        if let Some(text) = self.metadata.get(slot) {
            let fields = metadata::parse(text).expect("metadata was checked when it came in");
            self.columns.remove(slot, &fields);
            self.metadata.remove(slot);
        }
    }

    fn set_document(&mut self, slot: NodeId, place: Option<DocumentAt>) {
        if let Some(current) = self.documents.get_mut(slot.index()) {
            *current = place.unwrap_or(DocumentAt::NONE);
        } else if let Some(place) = place {
            self.documents.resize(slot.index(), DocumentAt::NONE);
            self.documents.push(place);
        }
    }
}
