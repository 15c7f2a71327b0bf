//! A checkpoint's bytes: a snapshot, in which the documents are read where they lie.

use kindex::collection::SnapshotLoader;
use kindex::{Collection, Error};

use crate::documents::{Documents, Source};
use crate::failure::within;
use crate::log_file::{CHUNK_HEAD, PIECE_BYTES, pieces};

/// Where a document chunk is: its number, where its bytes begin, and how many.
pub(crate) type ChunkPlace = (u32, u64, usize);

/// Writes a snapshot with the documents that records still have, and says where these are.
pub(crate) fn snapshot(
    collection: &Collection,
    documents: &Documents,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Vec<ChunkPlace>, Error> {
    let mut writer = collection.snapshot();
    let mut offset = 0;
    if let Some(head) = writer.next(collection, PIECE_BYTES)? {
        sink(&head)?;
        offset = head.len() as u64;
    }
    let mut numbers: Vec<u32> = collection
        .find(None, usize::MAX, 0)
        .into_iter()
        .filter_map(|slot| Some(collection.document(slot)?.chunk))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut places = Vec::with_capacity(numbers.len());
    for number in numbers {
        let chunk = documents.chunk(number)?;
        let frame = writer.document_chunk(number, &chunk)?;
        sink(&frame)?;
        places.push((number, offset + CHUNK_HEAD, chunk.len()));
        offset += frame.len() as u64;
    }
    while let Some(piece) = writer.next(collection, PIECE_BYTES)? {
        sink(&piece)?;
    }
    Ok(places)
}

/// Loads a snapshot, and notes where its documents are. Returns its length too.
pub(crate) fn load(source: &Source, documents: &mut Documents) -> Result<(Collection, u64), Error> {
    documents.add_source(source.clone());
    let mut loader = SnapshotLoader::new();
    let bytes = pieces(source, &mut |piece| {
        loader.push(piece)?;
        while let Some(chunk) = loader.take_document_chunk() {
            documents.insert(chunk.number, chunk.offset, chunk.bytes.len());
        }
        Ok(())
    });
    let loaded = bytes.and_then(|bytes| Ok((loader.finish()?, bytes)));
    loaded.map_err(|error| within(&source.name, &error))
}
