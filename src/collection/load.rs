//! A stream of bytes that nobody vouches for, to a collection.

use std::collections::VecDeque;
use std::mem;

use hashbrown::HashSet;

use super::Collection;
use super::check::check_id_length;
use super::known::KnownBatches;
use super::views::ViewLoader;
use crate::codec::frame::{self, FRAME_HEAD, Frame, Stream, Tag};
use crate::codec::snapshot::{End, Head, Records};
use crate::error::Error;
use crate::ids::NodeId;
use crate::index::{Importer, Index, Part};
use crate::metadata;

/// Builds a collection from a snapshot that comes in pieces of any size.
#[derive(Debug, Default)]
pub struct SnapshotLoader {
    /// Bytes of a frame that is not there whole.
    partial: Vec<u8>,
    stage: Stage,
    head: Option<Head>,
    /// The part of the index that comes, and how many of its blocks came.
    blocks: Option<(Part, u32)>,
    seen: End,
    /// Bytes of float vectors that came.
    vector_bytes: usize,
    documents: VecDeque<DocumentChunk>,
    /// Bytes of the frames that were taken.
    position: u64,
}

/// A document chunk that came in a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentChunk {
    /// Its number.
    pub number: u32,
    /// Where in the stream its bytes begin.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Header,
    Config,
    Index(Box<Importer>),
    Records(Box<Collection>, Option<u32>),
    Views(Box<Collection>, ViewLoader),
    End(Box<Collection>),
    /// After an error, for good.
    Failed,
}

impl SnapshotLoader {
    /// A loader at the start of a snapshot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// `CORRUPT`, `NEWER_VERSION`, `OUT_OF_MEMORY`; the loader is of no use afterwards.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let result = self.push_frames(&mut bytes);
        if result.is_err() {
            self.stage = Stage::Failed;
        }
        result
    }

    fn push_frames(&mut self, bytes: &mut &[u8]) -> Result<(), Error> {
        while !self.partial.is_empty() {
            // Only what the frame still lacks is copied, and only bytes that are there.
            let lacking = self.lacking()?.min(bytes.len());
            let (head, rest) = bytes.split_at(lacking);
            self.partial.extend_from_slice(head);
            *bytes = rest;
            if self.lacking()? > 0 {
                if bytes.is_empty() {
                    return Ok(());
                }
                continue;
            }
            let partial = mem::take(&mut self.partial);
            self.take(&frame::take_frame(&mut partial.as_slice())?)?;
            self.position += partial.len() as u64;
        }
        while let Some((frame, rest)) = frame::next_frame(bytes)? {
            self.take(&frame)?;
            self.position += (bytes.len() - rest.len()) as u64;
            *bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// How many bytes the frame at the front of `partial` lacks: first of its head, then of all.
    fn lacking(&self) -> Result<usize, Error> {
        let have = self.partial.len();
        if have < FRAME_HEAD {
            return Ok(FRAME_HEAD - have);
        }
        Ok(frame::whole_length(&self.partial)?.saturating_sub(have))
    }

    /// Gives up the float vectors that came and those that come, once it is known that there are codes that
    /// can do without. Returns how many bytes of what came are given up.
    pub fn drop_vectors(&mut self) -> usize {
        let without = match &mut self.stage {
            Stage::Index(importer) => importer.drop_vectors(),
            Stage::Records(collection, _)
            | Stage::Views(collection, _)
            | Stage::End(collection) => {
                collection.drop_vectors();
                !collection.config().keep_vectors
            }
            Stage::Header | Stage::Config | Stage::Failed => false,
        };
        if without { self.vector_bytes } else { 0 }
    }

    /// A document chunk that came, to be stored.
    pub fn take_document_chunk(&mut self) -> Option<DocumentChunk> {
        self.documents.pop_front()
    }

    /// The collection, if all of it came.
    ///
    /// # Errors
    /// `CORRUPT` if the stream is cut off or failed before.
    pub fn finish(self) -> Result<Collection, Error> {
        let Stage::End(collection) = self.stage else {
            return Err(Error::corrupt("the snapshot is cut off"));
        };
        if !self.partial.is_empty() {
            return Err(Error::corrupt("the snapshot goes on after its end"));
        }
        Ok(*collection)
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        if matches!(self.stage, Stage::Header) {
            frame::check_header(frame, Stream::Snapshot)?;
            self.stage = Stage::Config;
            return Ok(());
        }
        if frame.tag == Tag::END {
            return self.end(frame);
        }
        self.stage = match (mem::replace(&mut self.stage, Stage::Failed), frame.tag) {
            (Stage::Config, Tag::CONFIG) => {
                let head = Head::decode(frame.expect(Tag::CONFIG, "options")?)?;
                let importer = Index::importer(head.config.clone())?;
                self.head = Some(head);
                Stage::Index(Box::new(importer))
            }
            (stage @ Stage::Index(_), Tag::DOCUMENTS) if self.seen.frames == 1 => {
                self.documents.push_back(self.document_chunk(frame)?);
                self.seen.document_chunks += 1;
                self.stage = stage;
                return Ok(());
            }
            (Stage::Index(mut importer), Tag::INDEX) => {
                let (part, number, bytes) = index_block(frame)?;
                let before = self.blocks.filter(|(last, _)| *last == part).map_or(0, |last| last.1);
                if number != before {
                    return Err(Error::corrupt(format!(
                        "block {number} of {part:?} follows {before} blocks"
                    )));
                }
                self.blocks = Some((part, before + 1));
                importer.push(part, bytes)?;
                if part == Part::Vectors {
                    self.vector_bytes += bytes.len();
                }
                Stage::Index(importer)
            }
            (Stage::Index(importer), Tag::RECORDS | Tag::BATCHES) => {
                self.stage = Stage::Records(Box::new(self.begin(importer.finish()?)?), None);
                return self.take(frame);
            }
            (Stage::Records(mut collection, last), Tag::RECORDS) => {
                let records = Records::decode(frame.expect(Tag::RECORDS, "records")?)?;
                let last = collection.load_records(&records, last)?;
                Stage::Records(collection, last)
            }
            (Stage::Records(mut collection, _), Tag::BATCHES) => {
                let generation = collection.generation;
                let fields = frame.expect(Tag::BATCHES, "batch names")?;
                collection.known = KnownBatches::decode(fields, generation)?;
                Stage::Views(collection, ViewLoader::default())
            }
            (Stage::Views(mut collection, mut views), Tag::VIEW) => {
                views.push(&mut collection, frame.expect(Tag::VIEW, "view")?)?;
                Stage::Views(collection, views)
            }
            _ => return Err(frame.misplaced()),
        };
        self.seen.frames += 1;
        Ok(())
    }

    fn head(&self) -> Result<&Head, Error> {
        self.head.as_ref().ok_or_else(|| Error::corrupt("the options are missing"))
    }

    fn document_chunk(&self, frame: &Frame<'_>) -> Result<DocumentChunk, Error> {
        let mut fields = frame.expect(Tag::DOCUMENTS, "document chunk")?;
        let number = fields.u32()?;
        if number >= self.head()?.next_document_chunk {
            return Err(Error::corrupt(format!("document chunk {number} was never written")));
        }
        let offset = self.position + FRAME_HEAD as u64 + 4;
        Ok(DocumentChunk { number, offset, bytes: frame.payload[4..].to_vec() })
    }

    fn begin(&self, index: Index) -> Result<Collection, Error> {
        let head = self.head()?;
        let mut collection = Collection::of(index);
        collection.generation = head.generation;
        collection.next_document_chunk = head.next_document_chunk;
        Ok(collection)
    }

    fn end(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let stage = mem::replace(&mut self.stage, Stage::Failed);
        let Stage::Views(mut collection, mut views) = stage else {
            return Err(frame.misplaced());
        };
        views.finish(&mut collection)?;
        let end = End::decode(frame.expect(Tag::END, "end")?)?;
        if end != self.seen {
            return Err(Error::corrupt(format!(
                "the snapshot has {} frames and {} document chunks, {} and {} were written",
                self.seen.frames, self.seen.document_chunks, end.frames, end.document_chunks
            )));
        }
        let records = self.head()?.records as usize;
        if collection.len() != records || collection.index.len() != records {
            return Err(Error::corrupt(format!(
                "{records} records were written; {} records and {} vectors are there",
                collection.len(),
                collection.index.len()
            )));
        }
        self.stage = Stage::End(collection);
        Ok(())
    }
}

/// The part of the index that a frame belongs to, the number of its block, and the block.
pub(super) fn index_block<'a>(frame: &Frame<'a>) -> Result<(Part, u32, &'a [u8]), Error> {
    let mut fields = frame.expect(Tag::INDEX, "index")?;
    let (number, block) = (fields.u8()?, fields.u32()?);
    let part = Part::ALL
        .into_iter()
        .find(|part| *part as u8 == number)
        .ok_or_else(|| Error::corrupt(format!("unknown part {number} of the index")))?;
    Ok((part, block, &frame.payload[5..]))
}

impl Collection {
    /// Adds records that follow `last`. Returns the last slot now.
    fn load_records(
        &mut self,
        records: &Records,
        mut last: Option<u32>,
    ) -> Result<Option<u32>, Error> {
        let ids = records.ids.iter();
        let rows = records.slots.iter().zip(ids).zip(records.metadata.iter()).zip(&records.places);
        for (((&number, id), text), place) in rows {
            let corrupt =
                |what: &str| Error::corrupt(format!("the record in slot {number} {what}"));
            if last.is_some_and(|last| last >= number) {
                return Err(corrupt("is out of order"));
            }
            last = Some(number);
            let slot = NodeId(number);
            if !self.index.is_live(slot) {
                return Err(corrupt("has no vector"));
            }
            check_id_length(id).map_err(|error| corrupt(error.message()))?;
            if self.keys.slot(id).is_some() {
                return Err(corrupt("has the id of another"));
            }
            self.keys.insert(id, slot);
            if let Some(place) = place.some() {
                if place.chunk >= self.next_document_chunk {
                    return Err(corrupt("has a document that was never written"));
                }
                self.set_document(slot, Some(place));
            }
            if !text.is_empty() {
                let fields = metadata::parse(text).map_err(|error| corrupt(error.message()))?;
                self.check_fields(&fields, &mut HashSet::new())
                    .map_err(|error| corrupt(error.message()))?;
                self.add_metadata(slot, text, &fields);
            }
        }
        Ok(last)
    }
}
