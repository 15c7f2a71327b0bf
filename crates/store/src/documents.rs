//! Where document chunks are, and the last ones read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use kindex::Error;
use kindex::codec::read_document;
use kindex::collection::DocumentAt;

use crate::failure::failed;
use crate::files::{Files, ReadFile};

/// Bytes of chunks that stay in memory.
const CACHE_BYTES: usize = 8 << 20;

/// A file that documents are read from, with its name for errors.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn ReadFile>,
}

impl Source {
    pub(crate) fn open(files: &dyn Files, name: String) -> Result<Self, Error> {
        let file = files.read(&name).map_err(|error| failed(&name, "opened", &error))?;
        Ok(Self { name, file: Arc::from(file) })
    }
}

#[derive(Clone)]
struct Place {
    source: usize,
    offset: u64,
    length: usize,
}

/// Document chunks by number, in the files that hold them.
#[derive(Default)]
pub(crate) struct Documents {
    sources: Vec<Source>,
    places: BTreeMap<u32, Place>,
    /// The newest last.
    cache: Mutex<VecDeque<(u32, Arc<[u8]>)>>,
}

impl Documents {
    /// Adds a file; chunks of it follow.
    pub(crate) fn add_source(&mut self, source: Source) {
        self.sources.push(source);
    }

    /// The file that was added last is another now, with the same content.
    pub(crate) fn replace_source(&mut self, source: Source) {
        if let Some(last) = self.sources.last_mut() {
            *last = source;
        }
    }

    /// Says where in the file that was added last a chunk is.
    pub(crate) fn insert(&mut self, number: u32, offset: u64, length: usize) {
        let source = self.sources.len() - 1;
        self.places.insert(number, Place { source, offset, length });
    }

    /// The numbers of all chunks.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.keys().copied()
    }

    /// The bytes of a chunk, past the cache.
    pub(crate) fn chunk(&self, number: u32) -> Result<Vec<u8>, Error> {
        let place = self
            .places
            .get(&number)
            .ok_or_else(|| Error::corrupt(format!("document chunk {number} is missing")))?;
        let source = &self.sources[place.source];
        let mut bytes = vec![0; place.length];
        source
            .file
            .read_at(place.offset, &mut bytes)
            .map_err(|error| failed(&source.name, "read", &error))?;
        Ok(bytes)
    }

    /// A document.
    pub(crate) fn read(&self, at: DocumentAt) -> Result<String, Error> {
        let chunk = self.cached(at.chunk)?;
        read_document(&chunk, at.row).map(str::to_owned)
    }

    fn cached(&self, number: u32) -> Result<Arc<[u8]>, Error> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = cache.iter().position(|(known, _)| *known == number) {
            let found = cache.remove(at).expect("it was just found");
            let chunk = found.1.clone();
            cache.push_back(found);
            return Ok(chunk);
        }
        let chunk: Arc<[u8]> = self.chunk(number)?.into();
        cache.push_back((number, chunk.clone()));
        let mut held: usize = cache.iter().map(|(_, chunk)| chunk.len()).sum();
        while held > CACHE_BYTES && cache.len() > 1 {
            held -= cache.pop_front().map_or(0, |(_, chunk)| chunk.len());
        }
        Ok(chunk)
    }
}
