//! Checking everything that is stored, and making what is damaged anew.

use std::collections::BTreeMap;

use super::report::StoredPart as Part;
use super::{Collection, Replay, Report};
use crate::codec::documents::read_document;
use crate::codec::snapshot::MAX_GENERATION;
use crate::error::{Code, Error};
use crate::ids::NodeId;

/// A collection under repair: from a snapshot that opened ([`Repair::of`]) or did not
/// ([`Salvage`](super::Salvage)). The log's parts come next, then the document chunks.
#[derive(Debug)]
pub struct Repair {
    collection: Collection,
    report: Report,
    /// Whether it is known that no later Kindex wrote this.
    versioned: bool,
    replay: Replay,
    /// The newest batch of which the log had a part.
    newest: u64,
    /// Log parts that could not be read since the last batch that was applied.
    unread: usize,
    batches: usize,
    /// The records with a document by chunk, once the log is through.
    documents: Option<BTreeMap<u32, Vec<NodeId>>>,
}

impl Repair {
    pub(super) fn new(collection: Collection, mut report: Report, versioned: bool) -> Self {
        report.set_whole(Part::Batches, collection.known.len());
        Self {
            newest: collection.generation,
            collection,
            report,
            versioned,
            replay: Replay::new(),
            unread: 0,
            batches: 0,
            documents: None,
        }
    }

    /// Checks a collection whose snapshot opened, and builds its graph anew if that is broken.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub fn of(mut collection: Collection) -> Result<Self, Error> {
        let mut report = Report::default();
        if let Err(error) = collection.check() {
            report.damaged(Part::Graph, error.message());
            collection = collection.rebuilt()?;
        }
        Ok(Self::new(collection, report, true))
    }

    /// Takes the next part of the log. What is damaged is left out; batches behind it are applied
    /// as far as they still can be.
    ///
    /// # Errors
    /// `NEWER_VERSION`, `OUT_OF_MEMORY`.
    pub fn replay(&mut self, part: &[u8]) -> Result<(), Error> {
        let before = self.collection.generation;
        match self.replay.salvage(&mut self.collection, part, &mut self.newest) {
            Ok(None) => {}
            Ok(Some(batch)) => {
                let missing = batch.outcome.generation - before - 1;
                if missing > 0 {
                    let to = batch.outcome.generation - 1;
                    let finding = format!("batches {} to {to} are gone", before + 1);
                    self.report.lost(Part::Log, missing as usize, finding);
                }
                for item in &batch.errors {
                    let generation = batch.outcome.generation;
                    let finding = format!("batch {generation}, '{}': {}", item.id, item.error);
                    self.report.lost(Part::Log, 1, finding);
                }
                self.batches += 1;
                self.unread = 0;
            }
            Err(error) if matches!(error.code(), Code::NewerVersion | Code::OutOfMemory) => {
                return Err(error);
            }
            Err(error) => {
                self.unread += 1;
                let finding = format!("behind batch {before}: {}", error.message());
                self.report.damaged(Part::Log, finding);
            }
        }
        Ok(())
    }

    /// The log has bytes here that are nothing.
    pub fn damaged_log(&mut self) {
        self.unread += 1;
        let finding = format!("behind batch {}: bytes are damaged", self.collection.generation);
        self.report.damaged(Part::Log, finding);
    }

    /// The log was closed after that batch: it must have been there.
    pub fn sealed(&mut self, generation: u64) {
        if generation > MAX_GENERATION {
            return self.damaged_log();
        }
        let missing = generation.saturating_sub(self.collection.generation);
        if missing > 0 {
            let finding = format!("the log was closed after batch {generation}");
            self.report.lost(Part::Log, usize::try_from(missing).unwrap_or(usize::MAX), finding);
            self.newest = self.newest.max(generation);
        }
        self.unread = 0;
    }

    /// Ends the log. Returns the chunks that documents are in: each is to be handed to
    /// [`Repair::check_document_chunk`].
    pub fn end_log(&mut self) -> Vec<u32> {
        // Parts of a batch that was never committed are no damage.
        self.replay.finish();
        if self.unread > 0 {
            let finding = "what came behind the last whole batch can't be read";
            self.report.lost(Part::Log, self.unread, finding);
        }
        self.collection.generation = self.collection.generation.max(self.newest);
        self.report.set_whole(Part::Log, self.batches);
        let mut documents = BTreeMap::<u32, Vec<NodeId>>::new();
        for slot in self.collection.find(None, usize::MAX, 0) {
            if let Some(place) = self.collection.document(slot) {
                documents.entry(place.chunk).or_default().push(slot);
            }
        }
        let chunks = documents.keys().copied().collect();
        self.documents = Some(documents);
        chunks
    }

    /// Reads every document that is in a chunk; `None` says that the chunk is gone. Records lose
    /// the documents that can't be read.
    ///
    /// No chunk is of a later version than what refers to it: one that says so is damaged.
    ///
    /// # Errors
    /// `NEWER_VERSION` of a chunk where the snapshot's own version was damaged.
    pub fn check_document_chunk(&mut self, chunk: u32, bytes: Option<&[u8]>) -> Result<(), Error> {
        let slots = self.documents.as_mut().and_then(|documents| documents.remove(&chunk));
        for slot in slots.unwrap_or_default() {
            let Some(place) = self.collection.document(slot) else { continue };
            let read = match bytes {
                Some(bytes) => read_document(bytes, place.row).map(drop),
                None => Err(Error::corrupt(format!("chunk {chunk} is missing"))),
            };
            match read {
                Ok(()) => {
                    let whole = self.report.part(Part::Documents).whole as usize;
                    self.report.set_whole(Part::Documents, whole + 1);
                }
                Err(error) if error.code() == Code::NewerVersion && !self.versioned => {
                    return Err(error);
                }
                Err(error) => {
                    let id = self.collection.id(slot).unwrap_or_default();
                    let finding = format!("that of '{id}' is gone: {}", error.message());
                    self.report.lost(Part::Documents, 1, finding);
                    self.collection.set_document(slot, None);
                }
            }
        }
        Ok(())
    }

    /// What was found so far, and how much of each part is whole.
    pub fn report(&mut self) -> &Report {
        let stats = self.collection.stats();
        let (records, has_codes) = (stats.index.live, stats.index.code_bytes > 0);
        let floats = if stats.index.vector_bytes > 0 { records } else { 0 };
        let gone = self.report.part(Part::Vectors).lost as usize;
        self.report.set_whole(Part::Vectors, floats.saturating_sub(gone));
        self.report.set_whole(Part::Codes, if has_codes { records } else { 0 });
        self.report.set_whole(Part::Graph, records);
        self.report.set_whole(Part::Records, records);
        self.report.set_whole(Part::Metadata, self.collection.metadata_count());
        self.report.set_whole(Part::Views, self.collection.views().len());
        &self.report
    }

    /// The repaired collection. A new snapshot of it takes the place of the damaged one and of its
    /// log.
    ///
    /// # Errors
    /// `CORRUPT` if it is not sound, which would be an error of this library.
    pub fn finish(self) -> Result<Collection, Error> {
        self.collection.check()?;
        Ok(self.collection)
    }
}

impl Collection {
    /// The same records in a new index, whose graph is built anew.
    fn rebuilt(self) -> Result<Self, Error> {
        let mut new = Self::new(self.config().clone())?;
        let old: Vec<NodeId> = self.find(None, usize::MAX, 0);
        let vectors: Vec<f32> =
            old.iter().filter_map(|&slot| self.vector(slot)).flatten().collect();
        let slots = new.index.insert(&vectors, &mut |_| {})?;
        for (&from, to) in old.iter().zip(slots) {
            new.keys.insert(self.id(from).unwrap_or_default(), to);
            new.set_metadata(to, self.metadata(from))?;
            new.set_document(to, self.document(from));
        }
        new.next_document_chunk = self.next_document_chunk;
        new.generation = self.generation;
        let views: Vec<_> = self
            .views()
            .map(|view| (view.name().to_owned(), view.definition().to_owned()))
            .collect();
        new.remake_views(&views)?;
        new.known = self.known;
        Ok(new)
    }

    fn metadata_count(&self) -> usize {
        self.keys.live().iter().filter(|&slot| self.metadata(slot).is_some()).count()
    }
}
