//! A collection out of a snapshot that is damaged: everything that is whole, and a report of what
//! is not.

use std::collections::{BTreeMap, VecDeque};

use super::check::check_id_length;
use super::known::KnownBatches;
use super::load::index_block;
use super::report::StoredPart as Part;
use super::views::{read_definition, view_frame};
use super::{Collection, Repair, Report};
use crate::codec::frame::{self, Frame, Stream, Tag};
use crate::codec::salvage::FrameFinder;
use crate::codec::snapshot::{End, Head, Records};
use crate::error::{Code, Error};
use crate::ids::NodeId;
use crate::index::{self, Source, WholeBlocks};
use crate::metadata;

/// Takes a snapshot that [`SnapshotLoader`](super::SnapshotLoader) refused, and keeps what is whole.
///
/// Checksums say what is whole; everything is validated all the same. The graph, the codes and the
/// columns are made anew. A record is kept if its id and its vector are; a vector whose floats are
/// gone is taken from its code.
#[derive(Debug, Default)]
pub struct Salvage {
    finder: FrameFinder,
    found: Found,
}

#[derive(Debug, Default)]
struct Found {
    report: Report,
    headers: usize,
    head: Option<Head>,
    blocks: Option<WholeBlocks>,
    records: Vec<Records>,
    known: Option<KnownBatches>,
    /// By number: name and definition, where the first frame of the view is whole.
    views: BTreeMap<u32, Option<(String, String)>>,
    end: Option<End>,
    seen: End,
    documents: VecDeque<(u32, Vec<u8>)>,
}

impl Salvage {
    /// A salvage at the start of a snapshot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// `NEWER_VERSION`: what a later Kindex wrote is not damaged.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Self { finder, found } = self;
        finder.push(bytes, &mut |frame| found.take(frame))
    }

    /// Bytes are missing here.
    ///
    /// # Errors
    /// As [`Salvage::push`].
    pub fn gap(&mut self) -> Result<(), Error> {
        self.end()?;
        self.found.take(None)
    }

    /// Nothing more comes. [`Salvage::finish`] does that too; before it, the last document chunks can
    /// be taken.
    ///
    /// # Errors
    /// As [`Salvage::push`].
    pub fn end(&mut self) -> Result<(), Error> {
        let Self { finder, found } = self;
        finder.end(&mut |frame| found.take(frame))
    }

    /// A whole document chunk that came, to be stored: its number and bytes.
    pub fn take_document_chunk(&mut self) -> Option<(u32, Vec<u8>)> {
        self.found.documents.pop_front()
    }

    /// The collection of what is whole, to which the log comes next.
    ///
    /// # Errors
    /// `CORRUPT` if not even the options are whole; `OUT_OF_MEMORY`.
    pub fn finish(mut self) -> Result<Repair, Error> {
        self.end()?;
        self.found.finish()
    }
}

impl Found {
    fn take(&mut self, frame: Option<&Frame<'_>>) -> Result<(), Error> {
        let result = match frame {
            Some(frame) => self.take_whole(frame),
            None => Err(Error::corrupt("bytes are damaged or missing")),
        };
        match result {
            Err(error) if error.code() == Code::NewerVersion => Err(error),
            Err(error) => {
                let frames = self.seen.frames;
                let finding = format!("behind frame {frames}: {}", error.message());
                self.report.damaged(Part::File, finding);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn take_whole(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        match frame.tag {
            Tag::HEADER => {
                self.headers += 1;
                return frame::check_header(frame, Stream::Snapshot);
            }
            Tag::CONFIG if self.head.is_none() => {
                let head = Head::decode(frame.expect(Tag::CONFIG, "options")?)?;
                self.blocks = Some(WholeBlocks::new(&head.config));
                self.head = Some(head);
            }
            Tag::DOCUMENTS => {
                let number = frame.expect(Tag::DOCUMENTS, "document chunk")?.u32()?;
                self.documents.push_back((number, frame.payload[4..].to_vec()));
                self.seen.document_chunks += 1;
                return Ok(());
            }
            Tag::INDEX => {
                let (part, number, bytes) = index_block(frame)?;
                // Without options nothing is made of it.
                if let Some(blocks) = &mut self.blocks {
                    blocks.push(part, number, bytes);
                }
            }
            Tag::RECORDS => {
                self.records.push(Records::decode(frame.expect(Tag::RECORDS, "records")?)?);
            }
            Tag::BATCHES => {
                let newest = self.head.as_ref().map_or(u64::MAX, |head| head.generation);
                let fields = frame.expect(Tag::BATCHES, "batch names")?;
                self.known = Some(KnownBatches::decode(fields, newest)?);
            }
            Tag::VIEW => {
                let mut fields = frame.expect(Tag::VIEW, "view")?;
                let (number, at) = view_frame(&mut fields)?;
                let view = self.views.entry(number).or_default();
                if at == 0 {
                    *view = Some(read_definition(fields)?);
                }
            }
            Tag::END => {
                self.end = Some(End::decode(frame.expect(Tag::END, "end")?)?);
                return Ok(());
            }
            _ => return Err(frame.misplaced()),
        }
        self.seen.frames += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Repair, Error> {
        let (Some(head), Some(blocks)) = (self.head.take(), self.blocks.take()) else {
            return Err(Error::corrupt(
                "the options of the collection are damaged or missing: nothing can be rebuilt",
            ));
        };
        self.compare_counts();
        self.report_blocks(&blocks);
        let mut collection = Collection::new(head.config.clone())?;
        collection.generation = head.generation;
        collection.next_document_chunk = head.next_document_chunk;
        match self.known {
            Some(known) => collection.known = known,
            None => self.report.lost(Part::Batches, 0, "the names of earlier batches are gone"),
        }
        let salvaged = gather(&collection, &blocks, &self.records, &mut self.report);
        drop(blocks);
        let missing = (head.records as usize).saturating_sub(salvaged.came);
        if missing > 0 {
            let finding = format!("{missing} records are gone, with their ids and metadata");
            self.report.lost(Part::Records, missing, finding);
        }
        collection.fill(&self.records, &salvaged, &mut self.report)?;
        collection.salvage_views(self.views, &mut self.report)?;
        Ok(Repair::new(collection, self.report, self.headers > 0))
    }

    fn compare_counts(&mut self) {
        if self.headers != 1 {
            self.report.damaged(Part::File, "the header is damaged or missing");
        }
        match self.end {
            None => self.report.damaged(Part::File, "the end is damaged or missing"),
            Some(end) => {
                let frames = end.frames.saturating_sub(self.seen.frames);
                if frames > 0 {
                    let finding = format!("{frames} of {} frames are damaged", end.frames);
                    self.report.damaged(Part::File, finding);
                }
                let chunks = end.document_chunks.saturating_sub(self.seen.document_chunks);
                if chunks > 0 {
                    let finding = format!("{chunks} document chunks are damaged");
                    self.report.damaged(Part::Documents, finding);
                }
            }
        }
        self.report.set_whole(Part::File, self.seen.frames as usize);
    }

    fn report_blocks(&mut self, blocks: &WholeBlocks) {
        for part in index::Part::ALL {
            let missing = blocks.missing(part);
            if missing == 0 {
                continue;
            }
            let of = match part {
                index::Part::Codes => Part::Codes,
                index::Part::Vectors => Part::Vectors,
                _ => Part::Graph,
            };
            self.report.damaged(of, format!("{missing} blocks of {part:?} are damaged"));
        }
    }
}

/// What is known of the records that can be kept.
struct Gathered {
    /// Records that came, kept or not.
    came: usize,
    /// By slot as it was: which run of records, and which row of it.
    rows: Vec<(NodeId, usize, usize)>,
    /// The vectors of these rows.
    vectors: Vec<f32>,
}

/// Chooses the records that have an id of their own and a vector.
fn gather(
    collection: &Collection,
    blocks: &WholeBlocks,
    records: &[Records],
    report: &mut Report,
) -> Gathered {
    let mut all: Vec<(NodeId, usize, usize)> = records
        .iter()
        .enumerate()
        .flat_map(|(run, records)| {
            records.slots.iter().enumerate().map(move |(row, &slot)| (NodeId(slot), run, row))
        })
        .collect();
    all.sort_unstable();
    let mut gathered = Gathered { came: all.len(), rows: Vec::new(), vectors: Vec::new() };
    let mut seen = hashbrown::HashSet::with_capacity(all.len());
    let mut last = None;
    for (slot, run, row) in all {
        let id = records[run].ids.get(row);
        if last == Some(slot) || check_id_length(id).is_err() || !seen.insert(id) {
            report.lost(Part::Records, 1, format!("the id in slot {} is none of its own", slot.0));
            continue;
        }
        last = Some(slot);
        let start = gathered.vectors.len();
        let source = blocks.vector(slot, &mut gathered.vectors);
        let usable = collection.index.check_vector(&gathered.vectors[start..]).is_ok();
        match source.filter(|_| usable) {
            Some(Source::Code) if collection.config().keep_vectors => report.lost(
                Part::Vectors,
                1,
                format!("the vector of '{id}' is gone; its code stands for it"),
            ),
            Some(_) => {}
            None => {
                gathered.vectors.truncate(start);
                report.lost(Part::Vectors, 1, format!("the vector of '{id}' is gone"));
                report.lost(Part::Records, 1, format!("'{id}' has no vector"));
                continue;
            }
        }
        gathered.rows.push((slot, run, row));
    }
    gathered
}

impl Collection {
    /// Puts salvaged records into an empty collection.
    fn fill(
        &mut self,
        records: &[Records],
        salvaged: &Gathered,
        report: &mut Report,
    ) -> Result<(), Error> {
        if salvaged.rows.is_empty() {
            return Ok(());
        }
        let slots = self.index.insert(&salvaged.vectors, &mut |_| {})?;
        for (slot, &(_, run, row)) in slots.into_iter().zip(&salvaged.rows) {
            let records = &records[run];
            let id = records.ids.get(row);
            self.keys.insert(id, slot);
            let text = records.metadata.get(row);
            if !text.is_empty()
                && let Err(error) = self.salvage_metadata(slot, text)
            {
                let finding = format!("that of '{id}' is gone: {}", error.message());
                report.lost(Part::Metadata, 1, finding);
            }
            match records.places[row].some() {
                Some(place) if place.chunk >= self.next_document_chunk => {
                    report.lost(Part::Documents, 1, format!("that of '{id}' is gone"));
                }
                place => self.set_document(slot, place),
            }
        }
        Ok(())
    }

    /// Makes the views anew, of which the definition is whole.
    fn salvage_views(
        &mut self,
        views: BTreeMap<u32, Option<(String, String)>>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut next = 0;
        for (number, view) in views {
            let made = view.map(|view| self.remake_views(&[view]));
            let missing = (number - next) as usize + usize::from(!matches!(made, Some(Ok(()))));
            if missing > 0 {
                report.lost(Part::Views, missing, format!("{missing} views are gone"));
            }
            next = number + 1;
            match made {
                Some(Err(error)) if error.code() == Code::OutOfMemory => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn salvage_metadata(&mut self, slot: NodeId, text: &str) -> Result<(), Error> {
        let fields = metadata::parse(text)?;
        self.check_fields(&fields, &mut hashbrown::HashSet::new())?;
        self.add_metadata(slot, text, &fields);
        Ok(())
    }
}
