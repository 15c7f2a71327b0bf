//! The log: reading it at opening, and appending to it.

use kindex::codec::{self, LogItem, LogSalvage, next_log_item};
use kindex::collection::{Prepared, Replay};
use kindex::{Collection, Error};

use crate::documents::{Documents, Source};
use crate::failure::{failed, within};
use crate::files::{Files, WriteFile};
use crate::names;

/// Bytes that are read at a time.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// About how many bytes go into a log part.
const PART_BYTES: usize = 4 << 20;

/// What a frame has in front of a document chunk: tag, length, checksum, and the chunk's number.
pub(crate) const CHUNK_HEAD: u64 = 16;

/// Reads a file piece by piece.
pub(crate) fn pieces(
    source: &Source,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let unreadable = |error| failed(&source.name, "read", &error);
    let length = source.file.length().map_err(unreadable)?;
    let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(length).unwrap_or(PIECE_BYTES))];
    let mut at = 0;
    while at < length {
        let size = usize::try_from(length - at).unwrap_or(PIECE_BYTES).min(piece.len());
        source.file.read_at(at, &mut piece[..size]).map_err(unreadable)?;
        sink(&piece[..size])?;
        at += size as u64;
    }
    Ok(length)
}

/// Applies the batches of a log. Returns the length of it that holds whole batches; what is behind
/// was never acknowledged.
///
/// # Errors
/// `CORRUPT` if a batch is damaged that was: something follows it.
pub(crate) fn recover(
    source: &Source,
    collection: &mut Collection,
    documents: &mut Documents,
) -> Result<u64, Error> {
    documents.add_source(source.clone());
    let mut reader = Reader::default();
    let mut buffer = Vec::new();
    let mut damage = None;
    let length = pieces(source, &mut |piece| {
        if damage.is_some() {
            return Ok(());
        }
        buffer.extend_from_slice(piece);
        match reader.take(&buffer, false, collection, documents) {
            Ok(taken) => drop(buffer.drain(..taken)),
            Err(error) if error.code() == kindex::Code::Corrupt => damage = Some(error),
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    if damage.is_none() {
        match reader.take(&buffer, true, collection, documents) {
            Ok(_) => {}
            Err(error) if error.code() == kindex::Code::Corrupt => damage = Some(error),
            Err(error) => return Err(within(&source.name, &error)),
        }
    }
    if reader.whole < length && goes_on(source, reader.whole, collection.generation())? {
        let broken = collection.generation() + 1;
        let what = damage.map_or_else(String::new, |error| format!(": {}", error.message()));
        return Err(within(
            &source.name,
            &Error::corrupt(format!("batch {broken} is damaged, and others follow it{what}")),
        ));
    }
    Ok(reader.whole)
}

#[derive(Default)]
struct Reader {
    replay: Replay,
    /// Where the next item begins.
    offset: u64,
    /// Where the last whole batch ends.
    whole: u64,
    /// The document chunks of a batch that is not committed yet.
    chunks: Vec<(u32, u64, usize)>,
}

impl Reader {
    /// Takes the items at the front of `bytes`. Returns how many bytes they are.
    fn take(
        &mut self,
        bytes: &[u8],
        ended: bool,
        collection: &mut Collection,
        documents: &mut Documents,
    ) -> Result<usize, Error> {
        let mut taken = 0;
        while let Some((item, length)) = next_log_item(&bytes[taken..], ended)? {
            match item {
                LogItem::Documents(number, chunk) => {
                    self.chunks.push((number, self.offset + CHUNK_HEAD, chunk.len()));
                }
                LogItem::Part(part) => {
                    let before = collection.generation();
                    let applied = self.replay.feed(collection, part)?.is_some();
                    // A batch that the checkpoint has already is whole too: its parts are passed over.
                    if applied || self.is_known(part, before) {
                        for (number, offset, length) in self.chunks.drain(..) {
                            documents.insert(number, offset, length);
                        }
                        self.whole = self.offset + length as u64;
                    }
                }
                LogItem::Seal(generation) => {
                    if generation > collection.generation() {
                        return Err(Error::corrupt("the log was closed after more batches"));
                    }
                    self.whole = self.offset + length as u64;
                }
            }
            self.offset += length as u64;
            taken += length;
        }
        Ok(taken)
    }

    /// Whether a part belongs to one of the first `generation` batches.
    fn is_known(&self, part: &[u8], generation: u64) -> bool {
        part_generation(part).is_some_and(|of| of <= generation)
    }
}

/// Which batch a whole part belongs to: the first field of its second frame.
fn part_generation(part: &[u8]) -> Option<u64> {
    const HEAD: usize = 12;
    let header = u32::from_le_bytes(*part.get(4..)?.first_chunk()?) as usize;
    Some(u64::from_le_bytes(*part.get(HEAD + header + HEAD..)?.first_chunk()?))
}

/// Whether, from `offset` on, there is anything that can only have been written once the batch after
/// `generation` was acknowledged: a part of a later one, or the mark of closing.
fn goes_on(source: &Source, offset: u64, generation: u64) -> Result<bool, Error> {
    let mut salvage = LogSalvage::default();
    let (mut at, mut later) = (0u64, false);
    let mut sink = |item: Option<LogItem<'_>>| {
        later |= match item {
            Some(LogItem::Part(part)) => part_generation(part) > Some(generation + 1),
            Some(LogItem::Seal(of)) => of > generation,
            Some(LogItem::Documents(..)) | None => false,
        };
        Ok(())
    };
    pieces(source, &mut |piece| {
        let skip = offset.saturating_sub(at).min(piece.len() as u64);
        at += piece.len() as u64;
        salvage.push(&piece[skip as usize..], &mut sink)
    })?;
    salvage.end(&mut sink)?;
    Ok(later)
}

/// A log that batches are appended to.
pub(crate) struct Log {
    pub(crate) name: String,
    file: Box<dyn WriteFile>,
    /// The length up to which it holds acknowledged batches.
    whole: u64,
    /// What lies behind that length is not known: nothing may be appended any more.
    pub(crate) broken: bool,
}

impl Log {
    pub(crate) fn new(name: String, file: Box<dyn WriteFile>, whole: u64) -> Self {
        Self { name, file, whole, broken: false }
    }

    /// Bytes of acknowledged batches.
    pub(crate) fn length(&self) -> u64 {
        self.whole
    }

    /// Cuts off what was never acknowledged.
    pub(crate) fn cut(&mut self) -> Result<(), Error> {
        let cut = self.file.cut(self.whole).and_then(|()| self.file.sync());
        cut.map_err(|error| {
            self.broken = true;
            failed(&self.name, "cut", &error)
        })
    }

    /// Appends pieces and makes them durable, or leaves the log as it was.
    pub(crate) fn append(
        &mut self,
        pieces: &mut dyn Iterator<Item = Result<Vec<u8>, Error>>,
    ) -> Result<u64, Error> {
        let mut length = 0;
        for piece in pieces {
            let written = piece.and_then(|piece| {
                length += piece.len() as u64;
                self.file.write(&piece).map_err(|error| failed(&self.name, "written", &error))
            });
            if let Err(error) = written {
                // If even that fails, the log is given up, and the next checkpoint begins another.
                let _ = self.cut();
                return Err(error);
            }
        }
        // After a failed sync nobody can say what is on disk, not even a second one.
        self.file.sync().map_err(|error| {
            self.broken = true;
            failed(&self.name, "synced", &error)
        })?;
        self.whole += length;
        Ok(length)
    }

    /// Takes back what was appended last.
    pub(crate) fn take_back(&mut self, length: u64) -> Result<(), Error> {
        self.whole -= length;
        self.cut()
    }
}

/// Writes a log into a new file in its place. The process that wrote it may have
/// ended because a sync failed: what is read now may then not be on disk, and no later sync would
/// bring it there.
pub(crate) fn write_anew(files: &dyn Files, log: &Source, length: u64) -> std::io::Result<()> {
    let mut copy = files.create(names::UNFINISHED_LOG)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < length {
        let size = usize::try_from(length - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        log.file.read_at(at, &mut piece[..size])?;
        copy.write(&piece[..size])?;
        at += size as u64;
    }
    copy.sync()?;
    drop(copy);
    files.rename(names::UNFINISHED_LOG, &log.name)?;
    files.sync_names()
}

/// What a batch comes to in the log: its document chunks, then its parts. `note` hears of each
/// piece: which chunk it is, if it is one, and its length.
pub(crate) fn frames<'a>(
    prepared: &'a mut Prepared,
    note: &'a mut dyn FnMut(Option<u32>, usize),
) -> impl Iterator<Item = Result<Vec<u8>, Error>> + 'a {
    let (chunks, parts) = (prepared.document_chunks(), prepared.plan_log(PART_BYTES));
    let number = prepared.first_document_chunk();
    (0..chunks + parts).map(move |at| {
        let mut piece = Vec::new();
        if at < chunks {
            codec::write_documents(&mut piece, number + at as u32, &prepared.document_chunk(at));
        } else {
            piece = prepared.log_part(at - chunks)?;
        }
        note((at < chunks).then_some(at as u32), piece.len());
        Ok(piece)
    })
}
