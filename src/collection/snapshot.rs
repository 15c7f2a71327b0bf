//! A collection as a stream of bytes.

use super::{Collection, DocumentAt, Operation};
use crate::codec::bytes::Put;
use crate::codec::frame::{self, FIRST_VERSION, MAX_FRAME_BYTES, Stream, Tag, VIEWS_VERSION};
use crate::codec::snapshot::{End, Head, Records};
use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::index::Part;

/// About how many bytes of ids and metadata go into a frame.
const RECORDS_BYTES: usize = 1 << 20;

/// Writes a snapshot piece by piece, so that it is never whole in memory.
///
/// The first piece is the head. Right after it, and only there, document chunks may be put into
/// the stream with [`SnapshotWriter::document_chunk`].
#[derive(Debug)]
pub struct SnapshotWriter {
    generation: u64,
    stage: Stage,
    blocks: std::vec::IntoIter<(Part, usize)>,
    /// The first slot that no frame has yet.
    next_slot: usize,
    /// The next view, and the next of its frames.
    next_view: (usize, usize),
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Head,
    Index,
    Records,
    Batches,
    Views,
    End,
    Done,
}

impl Collection {
    /// Begins a snapshot of the present state. It ends early, with an error, if the collection
    /// changes before it is written.
    pub fn snapshot(&self) -> SnapshotWriter {
        SnapshotWriter {
            generation: self.generation,
            stage: Stage::Head,
            blocks: self.index.block_list().into_iter(),
            next_slot: 0,
            next_view: (0, 0),
            end: End::default(),
        }
    }

    /// The whole snapshot, without documents.
    ///
    /// # Errors
    /// As [`SnapshotWriter::next`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut writer = self.snapshot();
        let mut bytes = Vec::new();
        while let Some(piece) = writer.next(self, RECORDS_BYTES)? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

impl SnapshotWriter {
    /// The next piece: whole frames of about `target_bytes`, or more if one frame has more. `None`
    /// after the last.
    ///
    /// # Errors
    /// `CONFLICT` if the collection has changed since the snapshot began.
    pub fn next(
        &mut self,
        collection: &Collection,
        target_bytes: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        if collection.generation != self.generation {
            return Err(Error::new(
                Code::Conflict,
                "the collection changed while its snapshot was written",
            ));
        }
        if self.stage == Stage::Done {
            return Ok(None);
        }
        let mut out = Vec::new();
        if self.stage == Stage::Head {
            frame::write_header(&mut out, Stream::Snapshot, collection.format_version());
            self.write(&mut out, Tag::CONFIG, |out| collection.head().encode(out));
            self.stage = Stage::Index;
            return Ok(Some(out));
        }
        while out.len() < target_bytes.max(1) && self.stage != Stage::Done {
            self.frame(collection, &mut out);
        }
        Ok(Some(out))
    }

    /// Frames a document chunk, to be put into the stream right after the first piece.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if it is too large, or too early or late for it.
    pub fn document_chunk(&mut self, number: u32, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let in_time = self.stage == Stage::Index && self.end.frames == 1;
        if !in_time || bytes.len() > MAX_FRAME_BYTES - 4 {
            return Err(Error::new(
                Code::InvalidArgument,
                "document chunks, below 64 MB each, come right after the first piece of a snapshot",
            ));
        }
        let mut out = Vec::with_capacity(bytes.len() + 16);
        self.end.document_chunks += 1;
        frame::write_frame(&mut out, Tag::DOCUMENTS, |out| {
            out.put_u32(number);
            out.extend_from_slice(bytes);
        });
        Ok(out)
    }

    fn frame(&mut self, collection: &Collection, out: &mut Vec<u8>) {
        match self.stage {
            Stage::Head | Stage::Index => match self.blocks.next() {
                Some((part, block)) => {
                    let bytes = collection.index.block(part, block);
                    self.write(out, Tag::INDEX, |out| {
                        out.push(part as u8);
                        out.put_length(block);
                        out.extend_from_slice(&bytes);
                    });
                }
                None => self.stage = Stage::Records,
            },
            Stage::Records => match self.records(collection) {
                Some(records) => self.write(out, Tag::RECORDS, |out| records.encode(out)),
                None => self.stage = Stage::Batches,
            },
            Stage::Batches => {
                self.write(out, Tag::BATCHES, |out| collection.known.encode(out));
                self.stage = Stage::Views;
            }
            Stage::Views => match collection.views.get(self.next_view.0) {
                Some(view) => {
                    let (number, at) = self.next_view;
                    self.write(out, Tag::VIEW, |out| {
                        out.put_length(number);
                        out.put_length(at);
                        view.encode(at, out);
                    });
                    let last = at + 1 == view.frames();
                    self.next_view = if last { (number + 1, 0) } else { (number, at + 1) };
                }
                None => self.stage = Stage::End,
            },
            Stage::End => {
                let end = self.end;
                self.write(out, Tag::END, |out| end.encode(out));
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
    }

    fn write(&mut self, out: &mut Vec<u8>, tag: Tag, fill: impl FnOnce(&mut Vec<u8>)) {
        frame::write_frame(out, tag, fill);
        self.end.frames += 1;
    }

    fn records(&mut self, collection: &Collection) -> Option<Records> {
        let mut records = Records::default();
        let mut bytes = 0;
        while self.next_slot < collection.index.slots() && bytes < RECORDS_BYTES {
            let slot = NodeId::from_index(self.next_slot);
            self.next_slot += 1;
            let Some(id) = collection.id(slot) else { continue };
            let metadata = collection.metadata(slot).unwrap_or_default();
            records.slots.push(slot.0);
            let pushed = [records.ids.push(id), records.metadata.push(metadata)];
            debug_assert!(pushed.iter().all(Result::is_ok), "a frame is far below 4 GiB");
            records.places.push(collection.document(slot).unwrap_or(DocumentAt::NONE));
            bytes += id.len() + metadata.len() + 21;
        }
        (!records.slots.is_empty()).then_some(records)
    }
}

impl Collection {
    /// The first version of the format that has room for what the collection has.
    fn format_version(&self) -> u32 {
        let views = !self.views.is_empty() || self.known.has(Operation::View);
        if views { VIEWS_VERSION } else { FIRST_VERSION }
    }

    fn head(&self) -> Head {
        Head {
            config: self.config().clone(),
            generation: self.generation,
            next_document_chunk: self.next_document_chunk,
            records: self.len() as u32,
        }
    }
}
