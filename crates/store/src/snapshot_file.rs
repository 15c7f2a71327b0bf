//! A snapshot in a file of its own.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use kindex::{Collection, Error, NodeId};

use crate::check::write_snapshot;
use crate::checkpoint_file::load;
use crate::disk::Opened;
use crate::documents::{Documents, Source};
use crate::failure::at;
use crate::store::Store;

/// A collection that was opened from a snapshot file; its documents are read from there.
pub struct SnapshotFile {
    collection: Collection,
    documents: Documents,
    bytes: u64,
}

impl SnapshotFile {
    /// Opens a file, and checks everything that the format promises.
    ///
    /// # Errors
    /// `NOT_FOUND`, `CORRUPT`, `NEWER_VERSION`, `OUT_OF_MEMORY`, `STORAGE_UNAVAILABLE`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| at(path, "opened", &error))?;
        let name = path.display().to_string();
        let mut documents = Documents::default();
        let (collection, bytes) =
            load(&Source { name, file: Arc::new(Opened(file)) }, &mut documents)?;
        Ok(Self { collection, documents, bytes })
    }

    /// The collection.
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

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl std::fmt::Debug for SnapshotFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SnapshotFile")
            .field("records", &self.collection.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Writes the present state into a snapshot file, whole or not at all. Returns its length.
    ///
    /// # Errors
    /// `QUOTA_EXCEEDED`, `STORAGE_UNAVAILABLE`; a file that was there stays.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        write_snapshot(path.as_ref(), self.collection(), self.documents())
    }
}
