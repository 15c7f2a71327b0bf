//! Verifying and repairing a store's folder, or a snapshot file.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kindex::codec::{LogItem, LogSalvage};
use kindex::collection::{Repair, Report, Salvage, SnapshotLoader};
use kindex::{Code, Collection, Error};

use crate::checkpoint_file::snapshot;
use crate::disk::{self, Disk, Opened, Sharing};
use crate::documents::{Documents, Source};
use crate::failure::{at, failed};
use crate::files::{Files, WriteFile};
use crate::log_file::pieces;
use crate::names;
use crate::store::Store;

/// So many unfinished files of one process are passed over.
const MOST_LEFT: u32 = 1000;

/// Checks everything in a store's folder or a snapshot file, and reports by part. Damage is in the
/// report; nothing is changed.
///
/// # Errors
/// `CORRUPT` if not even the options are whole; `NOT_FOUND`, `NEWER_VERSION`, `LOCKED`,
/// `OUT_OF_MEMORY`, `STORAGE_UNAVAILABLE`.
pub fn verify(path: impl AsRef<Path>) -> Result<Report, Error> {
    Ok(Checked::of(path.as_ref())?.report)
}

/// Writes what is whole of a store's folder or a snapshot file to another place, which must not be
/// there yet: a folder from a folder, a file from a file. The original is not touched.
///
/// # Errors
/// As [`verify`], `QUOTA_EXCEEDED`, and `CONFLICT` if there is something at `out`.
pub fn repair(path: impl AsRef<Path>, out: impl AsRef<Path>) -> Result<Report, Error> {
    let (path, out) = (path.as_ref(), out.as_ref());
    if out.try_exists().map_err(|error| at(out, "made", &error))? {
        return Err(Error::new(Code::Conflict, format!("{} is there already", out.display())));
    }
    let checked = Checked::of(path)?;
    let collection = checked.repair.finish()?;
    if path.is_dir() {
        let files = Box::new(Disk::open(out, true, Sharing::Alone)?);
        Store::of(files, collection, checked.documents)?;
    } else {
        write_snapshot(out, &collection, &checked.documents)?;
    }
    Ok(checked.report)
}

/// Writes a snapshot so that the file is the old one or the new one, whole, whatever happens: into a
/// file beside it, which is synced and then takes its name. Returns its length.
pub(crate) fn write_snapshot(
    path: &Path,
    collection: &Collection,
    documents: &Documents,
) -> Result<u64, Error> {
    let (unfinished, file) = beside(path)?;
    let written = write_whole(file, path, collection, documents).and_then(|bytes| {
        let renamed = std::fs::rename(&unfinished, path).and_then(|()| disk::sync_name(path));
        renamed.map_err(|error| at(path, "written", &error))?;
        Ok(bytes)
    });
    if written.is_err() {
        // Of the two failures, the first is the one to report.
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}

fn write_whole(
    mut file: Opened,
    path: &Path,
    collection: &Collection,
    documents: &Documents,
) -> Result<u64, Error> {
    let failing = |error| at(path, "written", &error);
    let mut bytes = 0;
    snapshot(collection, documents, &mut |piece| {
        bytes += piece.len() as u64;
        file.write(piece).map_err(failing)
    })?;
    file.sync().map_err(failing)?;
    Ok(bytes)
}

/// A new file in the same folder, since only there a rename is one step. A process of this number may
/// have ended before, and left some.
fn beside(path: &Path) -> Result<(PathBuf, Opened), Error> {
    let mut attempt = 0;
    loop {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.{attempt}.part", std::process::id()));
        let unfinished = path.with_file_name(name);
        match File::create_new(&unfinished) {
            Ok(file) => return Ok((unfinished, Opened(file))),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < MOST_LEFT => {
                attempt += 1;
            }
            Err(error) => return Err(at(path, "written", &error)),
        }
    }
}

/// Everything that was read, and what was found.
struct Checked {
    repair: Repair,
    report: Report,
    documents: Documents,
    /// Holds the lock.
    _files: Option<Box<dyn Files>>,
}

impl Checked {
    fn of(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() {
            let file = File::open(path).map_err(|error| at(path, "opened", &error))?;
            let snapshot =
                Source { name: path.display().to_string(), file: Arc::new(Opened(file)) };
            return Self::read(&snapshot, None, None);
        }
        let files: Box<dyn Files> = Box::new(Disk::open(path, false, Sharing::Readers)?);
        let names = files.names().map_err(|error| failed(path.display(), "read", &error))?;
        let current = names::current(&names).ok_or_else(|| {
            Error::new(Code::NotFound, format!("there is no checkpoint in {}", path.display()))
        })?;
        let checkpoint = Source::open(&*files, names::checkpoint(current.checkpoint))?;
        let log = current.log.map(|log| Source::open(&*files, names::log(log))).transpose()?;
        Self::read(&checkpoint, log.as_ref(), Some(files))
    }

    fn read(
        checkpoint: &Source,
        log: Option<&Source>,
        files: Option<Box<dyn Files>>,
    ) -> Result<Self, Error> {
        // Chunks are held as they came: of a damaged file nobody knows yet where they begin.
        let mut chunks = Chunks::default();
        let mut repair = match open(checkpoint, &mut chunks) {
            Ok(collection) => Repair::of(collection)?,
            Err(error) if error.code() == Code::Corrupt => {
                chunks = Chunks::default();
                salvage(checkpoint, &mut chunks)?
            }
            Err(error) => return Err(error),
        };
        if let Some(log) = log {
            read_log(log, &mut repair, &mut chunks)?;
        }
        for number in repair.end_log() {
            let bytes = chunks.0.iter().rev().find(|(known, _)| *known == number);
            repair.check_document_chunk(number, bytes.map(|(_, bytes)| bytes.as_slice()))?;
        }
        let report = repair.report().clone();
        Ok(Self { repair, report, documents: chunks.into_documents(), _files: files })
    }
}

/// Document chunks in memory, in the order in which they came.
#[derive(Default)]
struct Chunks(Vec<(u32, Vec<u8>)>);

impl Chunks {
    fn into_documents(self) -> Documents {
        let mut documents = Documents::default();
        let mut all = Vec::new();
        let mut places = Vec::new();
        for (number, bytes) in self.0 {
            places.push((number, all.len() as u64, bytes.len()));
            all.extend(bytes);
        }
        documents.add_source(Source { name: "documents".to_owned(), file: Arc::new(Memory(all)) });
        for (number, offset, length) in places {
            documents.insert(number, offset, length);
        }
        documents
    }
}

/// A file in memory.
struct Memory(Vec<u8>);

impl crate::files::ReadFile for Memory {
    fn length(&self) -> std::io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.0.get(from..).and_then(|bytes| bytes.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn open(checkpoint: &Source, chunks: &mut Chunks) -> Result<Collection, Error> {
    let mut loader = SnapshotLoader::new();
    pieces(checkpoint, &mut |piece| {
        loader.push(piece)?;
        while let Some(chunk) = loader.take_document_chunk() {
            chunks.0.push((chunk.number, chunk.bytes));
        }
        Ok(())
    })?;
    loader.finish()
}

fn salvage(checkpoint: &Source, chunks: &mut Chunks) -> Result<Repair, Error> {
    let mut salvage = Salvage::new();
    let mut drain = |salvage: &mut Salvage| {
        while let Some(chunk) = salvage.take_document_chunk() {
            chunks.0.push(chunk);
        }
    };
    pieces(checkpoint, &mut |piece| {
        salvage.push(piece)?;
        drain(&mut salvage);
        Ok(())
    })?;
    salvage.end()?;
    drain(&mut salvage);
    salvage.finish()
}

fn read_log(log: &Source, repair: &mut Repair, chunks: &mut Chunks) -> Result<(), Error> {
    let mut finder = LogSalvage::default();
    let mut sink = |item: Option<LogItem<'_>>| {
        match item {
            Some(LogItem::Documents(number, bytes)) => chunks.0.push((number, bytes.to_vec())),
            Some(LogItem::Part(part)) => repair.replay(part)?,
            Some(LogItem::Seal(generation)) => repair.sealed(generation),
            None => repair.damaged_log(),
        }
        Ok(())
    };
    pieces(log, &mut |piece| finder.push(piece, &mut sink))?;
    finder.end(&mut sink)
}
