//! A collection in a folder.

use std::path::Path;

use kindex::collection::{Batch, ItemError, Outcome};
use kindex::{Code, Collection, Config, Error, NodeId, codec};

use crate::checkpoint_file::{ChunkPlace, load, snapshot};
use crate::disk::{Disk, Sharing};
use crate::documents::{Documents, Source};
use crate::failure::failed;
use crate::files::Files;
use crate::log_file::{self, CHUNK_HEAD, Log};
use crate::names::{self, Current};

/// The log is left to grow to this length before a checkpoint replaces it, and further if the last
/// checkpoint is large: to half of that.
const LOG_BYTES: u64 = 16 << 20;

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// What it did: nothing, if it is atomic and has errors.
    pub outcome: Outcome,
    /// What is wrong with which rows.
    pub errors: Vec<ItemError>,
}

/// A collection in a folder. Each batch is one durable commit: once [`Store::write`] has returned,
/// the batch is there whatever happens; until then, it is there whole or not at all.
pub struct Store {
    files: Box<dyn Files>,
    collection: Collection,
    documents: Documents,
    /// None in a store that only reads.
    log: Option<Log>,
    checkpoint_bytes: u64,
    /// The length of the log at which the next checkpoint is tried.
    checkpoint_at: u64,
    /// Memory and disk differ, and nothing can be written any more.
    failed: bool,
}

impl Store {
    /// Makes a collection in a folder that is not there yet, or is empty.
    ///
    /// # Errors
    /// `CONFLICT` if the folder holds a store, `INVALID_ARGUMENT` if it holds something else or the
    /// options are out of bounds, `LOCKED`, `QUOTA_EXCEEDED`, `STORAGE_UNAVAILABLE`.
    pub fn create(path: impl AsRef<Path>, config: Config) -> Result<Self, Error> {
        config.validate()?;
        let path = path.as_ref();
        let files = Disk::open(path, true, Sharing::Alone)?;
        let names = files.names().map_err(|error| failed(path.display(), "read", &error))?;
        if names::current(&names).is_some() {
            let message = format!("there is a store in {} already", path.display());
            return Err(Error::new(Code::Conflict, message));
        }
        if let Some(other) = names.iter().find(|name| !names::is_ours(name)) {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("an empty folder was expected, {} holds {other:?}", path.display()),
            ));
        }
        Self::begin(Box::new(files), config)
    }

    /// Opens the collection in a folder.
    ///
    /// # Errors
    /// `NOT_FOUND`, `LOCKED`, `CORRUPT` (see [`repair`](crate::repair)), `NEWER_VERSION`,
    /// `OUT_OF_MEMORY`, `STORAGE_UNAVAILABLE`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let files = Disk::open(path.as_ref(), false, Sharing::Alone)?;
        Self::open_files(Box::new(files), true)?.ok_or_else(|| nothing_in(path.as_ref()))
    }

    /// Opens the collection in a folder to read it, beside others that do the same.
    ///
    /// # Errors
    /// As [`Store::open`]; `LOCKED` if another process has it open to write.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, Error> {
        let files = Disk::open(path.as_ref(), false, Sharing::Readers)?;
        Self::open_files(Box::new(files), false)?.ok_or_else(|| nothing_in(path.as_ref()))
    }

    /// Opens or makes the collection in `files`, which nobody else has open.
    ///
    /// # Errors
    /// As [`Store::create`] and [`Store::open`].
    pub fn in_files(files: Box<dyn Files>, config: Config) -> Result<Self, Error> {
        let names = files.names().map_err(|error| failed("the folder", "read", &error))?;
        if names::current(&names).is_none() {
            return Self::begin(files, config);
        }
        let store = Self::open_files(files, true)?;
        store.ok_or_else(|| Error::new(Code::NotFound, "the store went away"))
    }

    fn begin(files: Box<dyn Files>, config: Config) -> Result<Self, Error> {
        Self::of(files, Collection::new(config)?, Documents::default())
    }

    /// A store of what is in memory, in an empty folder.
    pub(crate) fn of(
        files: Box<dyn Files>,
        collection: Collection,
        documents: Documents,
    ) -> Result<Self, Error> {
        let mut store = Self {
            files,
            collection,
            documents,
            log: None,
            checkpoint_bytes: 0,
            checkpoint_at: LOG_BYTES,
            failed: false,
        };
        store.checkpoint()?;
        Ok(store)
    }

    fn open_files(files: Box<dyn Files>, writable: bool) -> Result<Option<Self>, Error> {
        let names = files.names().map_err(|error| failed("the folder", "read", &error))?;
        let Some(current) = names::current(&names) else { return Ok(None) };
        let checkpoint = Source::open(&*files, names::checkpoint(current.checkpoint))?;
        let mut documents = Documents::default();
        let (mut collection, checkpoint_bytes) = load(&checkpoint, &mut documents)?;
        let mut log = None;
        if let Some(number) = current.log {
            let name = names::log(number);
            let file = Source::open(&*files, name.clone())?;
            let whole = log_file::recover(&file, &mut collection, &mut documents)?;
            if writable {
                if whole > 0 {
                    // Otherwise a batch could be read now and be gone after a power cut. Whoever only
                    // wants to read can still do so, see [`Store::open_read_only`].
                    let written = log_file::write_anew(&*files, &file, whole);
                    if written.is_err() {
                        // On a full disk it would hold the room that is missing.
                        let _ = files.remove(names::UNFINISHED_LOG);
                    }
                    written.map_err(|error| failed(&name, "written anew", &error))?;
                    documents.replace_source(Source::open(&*files, name.clone())?);
                }
                // The process that made the log may have ended before its name was durable.
                let named = files.sync_names().is_ok();
                let end = files.append(&name).map_err(|error| failed(&name, "opened", &error))?;
                let mut opened = Log::new(name, end, whole);
                opened.cut()?;
                opened.broken |= !named;
                log = Some(opened);
            }
        }
        let mut store = Self {
            files,
            collection,
            documents,
            log,
            checkpoint_bytes,
            checkpoint_at: LOG_BYTES.max(checkpoint_bytes / 2),
            failed: false,
        };
        if writable {
            if current.log.is_none() {
                store.checkpoint()?;
            }
            store.sweep(&current);
        }
        Ok(Some(store))
    }

    /// The collection, to be read.
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// The document of the record in a slot.
    ///
    /// # Errors
    /// `CORRUPT`, `STORAGE_UNAVAILABLE`.
    pub fn document(&self, slot: NodeId) -> Result<Option<String>, Error> {
        self.collection.document(slot).map(|at| self.documents.read(at)).transpose()
    }

    /// How many document chunks there are.
    pub fn document_chunks(&self) -> usize {
        self.documents.numbers().count()
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Bytes of the last checkpoint, and of the log behind it.
    pub fn bytes(&self) -> (u64, u64) {
        (self.checkpoint_bytes, self.log.as_ref().map_or(0, Log::length))
    }

    /// Writes a batch: checked, committed, indexed. Rows with errors are left out, or if the batch
    /// is atomic, nothing is written. `progress` hears how many vectors are indexed.
    ///
    /// # Errors
    /// `QUOTA_EXCEEDED`, `STORAGE_UNAVAILABLE`, `OUT_OF_MEMORY`: the batch is not there, and the
    /// store is as it was. (After a crash in the same moment it may be there, whole.)
    pub fn write(
        &mut self,
        batch: Batch,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Written, Error> {
        self.make_writable()?;
        let mut prepared = self.collection.prepare(batch)?;
        let errors = prepared.errors().to_vec();
        if prepared.is_rejected() || prepared.is_empty() {
            return Ok(Written { outcome: prepared.outcome(), errors });
        }
        let Some(log) = &mut self.log else { return Err(read_only()) };
        let (start, mut offset) = (log.length(), 0);
        let mut places = Vec::new();
        let first = prepared.first_document_chunk();
        let length = log.append(&mut log_file::frames(&mut prepared, &mut |at, length| {
            if let Some(at) = at {
                places.push((
                    first + at,
                    start + offset + CHUNK_HEAD,
                    length - CHUNK_HEAD as usize,
                ));
            }
            offset += length as u64;
        }))?;
        let outcome = match self.collection.apply(prepared, progress) {
            Ok(outcome) => outcome,
            Err(error) => {
                // On disk, but not in memory: it is taken back, or the store is of no use any more.
                self.failed = log.take_back(length).is_err();
                return Err(error);
            }
        };
        for (number, offset, length) in places {
            self.documents.insert(number, offset, length);
        }
        self.checkpoint_if_due();
        Ok(Written { outcome, errors })
    }

    /// Replaces checkpoint and log by a new checkpoint.
    ///
    /// # Errors
    /// `QUOTA_EXCEEDED`, `STORAGE_UNAVAILABLE`: the store goes on with the old ones.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        if self.failed {
            return Err(gone());
        }
        let generation = self.collection.generation();
        let name = names::checkpoint(generation);
        let written = self.write_checkpoint(&name);
        if written.is_err() {
            // Of the two failures, the first is the one to report.
            let _ = self.files.remove(names::UNFINISHED);
        }
        let (bytes, places) = written?;
        self.checkpoint_bytes = bytes;
        // From here on the new checkpoint counts, and only a log of its own may go on from it.
        if let Some(log) = &mut self.log {
            log.broken = true;
        }
        let log = names::log(generation);
        let file = self.files.create(&log).map_err(|error| failed(&log, "made", &error))?;
        self.files.sync_names().map_err(|error| failed(&log, "made durable", &error))?;
        let mut documents = Documents::default();
        documents.add_source(Source::open(&*self.files, name)?);
        for (number, offset, length) in places {
            documents.insert(number, offset, length);
        }
        documents.add_source(Source::open(&*self.files, log.clone())?);
        self.documents = documents;
        self.log = Some(Log::new(log, file, 0));
        self.checkpoint_at = LOG_BYTES.max(self.checkpoint_bytes / 2);
        self.sweep(&Current { checkpoint: generation, log: Some(generation) });
        Ok(())
    }

    /// Takes what deleted records still hold out of the index and the files.
    ///
    /// # Errors
    /// As [`Store::checkpoint`].
    pub fn compact(&mut self) -> Result<(), Error> {
        self.make_writable()?;
        self.collection.compact();
        let compacted = self.checkpoint();
        // The log goes on from another arrangement of slots than memory has now.
        if compacted.is_err()
            && let Some(log) = &mut self.log
        {
            log.broken = true;
        }
        compacted
    }

    /// Closes the store, and marks the log as whole: damage to its last batch is then told from a
    /// batch that was never finished. A store that is only dropped loses nothing.
    ///
    /// # Errors
    /// `QUOTA_EXCEEDED`, `STORAGE_UNAVAILABLE`.
    pub fn close(mut self) -> Result<(), Error> {
        let Some(log) = self.log.as_mut().filter(|log| !log.broken && log.length() > 0) else {
            return Ok(());
        };
        let mut seal = Vec::new();
        codec::write_seal(&mut seal, self.collection.generation());
        log.append(&mut std::iter::once(Ok(seal))).map(drop)
    }

    /// After a failure that left the log unknown, everything goes into new files first.
    fn make_writable(&mut self) -> Result<(), Error> {
        match &self.log {
            _ if self.failed => Err(gone()),
            None => Err(read_only()),
            Some(log) if log.broken => self.checkpoint(),
            Some(_) => Ok(()),
        }
    }

    /// The batch is committed whatever becomes of this.
    fn checkpoint_if_due(&mut self) {
        let length = self.log.as_ref().map_or(0, Log::length);
        if length >= self.checkpoint_at && self.checkpoint().is_err() {
            self.checkpoint_at = length + length / 4;
        }
    }

    fn write_checkpoint(&self, name: &str) -> Result<(u64, Vec<ChunkPlace>), Error> {
        let failing = |doing: &'static str| move |error| failed(names::UNFINISHED, doing, &error);
        let mut file = self.files.create(names::UNFINISHED).map_err(failing("made"))?;
        let mut bytes = 0;
        let places = snapshot(&self.collection, &self.documents, &mut |piece| {
            bytes += piece.len() as u64;
            file.write(piece).map_err(failing("written"))
        })?;
        file.sync().map_err(failing("synced"))?;
        drop(file);
        self.files.rename(names::UNFINISHED, name).map_err(failing("renamed"))?;
        self.files.sync_names().map_err(failing("made durable"))?;
        Ok((bytes, places))
    }

    /// Removes files that no longer count. One that stays is swept another time.
    fn sweep(&self, current: &Current) {
        let keep = [names::checkpoint(current.checkpoint)]
            .into_iter()
            .chain(self.log.as_ref().map(|log| log.name.clone()))
            .collect::<Vec<_>>();
        for name in self.files.names().unwrap_or_default() {
            if names::is_ours(&name) && !keep.contains(&name) {
                let _ = self.files.remove(&name);
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Store")
            .field("records", &self.collection.len())
            .field("generation", &self.collection.generation())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

fn nothing_in(path: &Path) -> Error {
    Error::new(Code::NotFound, format!("there is no store in {}", path.display()))
}

fn read_only() -> Error {
    Error::new(Code::InvalidArgument, "the store was opened to be read only")
}

fn gone() -> Error {
    Error::new(
        Code::StorageUnavailable,
        "a batch is on disk that memory could not take: open the store again",
    )
}
