//! What commands read: a snapshot file, or the folder of a store.

use std::path::Path;

use kindex::{Code, Collection, NodeId};
use kindex_store::{SnapshotFile, Store};

use crate::failure::Failure;

/// An open collection.
pub(crate) enum Source {
    File(SnapshotFile),
    Store(Store),
}

impl Source {
    /// Opens what is there, and checks everything that the format promises. A store is shared with
    /// others that read.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let opened = if path.is_dir() {
            Store::open_read_only(path).map(Self::Store)
        } else {
            SnapshotFile::open(path).map(Self::File)
        };
        opened.map_err(|error| Failure::storage(path, &error))
    }

    pub(crate) fn collection(&self) -> &Collection {
        match self {
            Self::File(file) => file.collection(),
            Self::Store(store) => store.collection(),
        }
    }

    /// The document of the record in a slot, if it has one.
    pub(crate) fn document(&self, slot: NodeId) -> Result<Option<String>, Failure> {
        let document = match self {
            Self::File(file) => file.document(slot),
            Self::Store(store) => store.document(slot),
        };
        document.map_err(Failure::from)
    }

    pub(crate) fn document_chunks(&self) -> usize {
        match self {
            Self::File(file) => file.document_chunks(),
            Self::Store(store) => store.document_chunks(),
        }
    }

    /// Bytes of its files.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::File(file) => file.bytes(),
            Self::Store(store) => store.bytes().0 + store.bytes().1,
        }
    }
}

impl Failure {
    /// A failure of what is stored at `path`.
    pub(crate) fn storage(path: &Path, error: &kindex::Error) -> Self {
        let file_trouble = [Code::NotFound, Code::Locked, Code::QuotaExceeded];
        if file_trouble.contains(&error.code()) || error.code() == Code::StorageUnavailable {
            return Self::unavailable(error.to_string());
        }
        let sentence = error.to_string();
        if sentence.contains(&path.display().to_string()) {
            return Self::data(sentence);
        }
        Self::data(sentence).in_file(path)
    }
}
