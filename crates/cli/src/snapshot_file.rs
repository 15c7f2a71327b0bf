//! Snapshots in files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;

use kindex::collection::SnapshotLoader;
use kindex::{Collection, NodeId};

use crate::failure::Failure;
use crate::progress::Progress;

/// Bytes that are read or written at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Document chunks by number.
pub(crate) type Documents = BTreeMap<u32, Vec<u8>>;

/// A collection and its documents.
pub(crate) struct Snapshot {
    pub(crate) collection: Collection,
    pub(crate) documents: Documents,
    /// Bytes of the file.
    pub(crate) bytes: u64,
}

impl Snapshot {
    /// Reads a file and checks everything that the format promises.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::file(path, "read", &error);
        let mut file = File::open(path).map_err(failed)?;
        let total = file.metadata().map_err(failed)?.len();
        let mut progress = Progress::new("reading", total as usize);
        let mut loader = SnapshotLoader::new();
        let mut documents = Documents::new();
        let mut piece = vec![0; PIECE_BYTES];
        let mut bytes = 0;
        loop {
            let length = match file.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            loader
                .push(&piece[..length])
                .map_err(|error| Failure::data(error.to_string()).in_file(path))?;
            while let Some(chunk) = loader.take_document_chunk() {
                documents.insert(chunk.number, chunk.bytes);
            }
            bytes += length as u64;
            progress.at(bytes as usize);
        }
        progress.finish();
        let collection =
            loader.finish().map_err(|error| Failure::data(error.to_string()).in_file(path))?;
        Ok(Self { collection, documents, bytes })
    }

    /// The document of the record in a slot, if it has one.
    pub(crate) fn document(&self, slot: NodeId) -> Result<Option<&str>, Failure> {
        let Some(at) = self.collection.document(slot) else { return Ok(None) };
        let chunk = self.documents.get(&at.chunk).ok_or_else(|| {
            Failure::data(format!("document chunk {} is not in the snapshot", at.chunk))
        })?;
        Ok(Some(kindex::codec::read_document(chunk, at.row)?))
    }
}

/// Writes a snapshot so that the file is either the old one or the new one, whole, whatever
/// happens: into a file beside it, which is synced and then takes its name.
pub(crate) fn write(
    path: &Path,
    collection: &Collection,
    documents: &Documents,
) -> Result<u64, Failure> {
    let temporary = beside(path);
    let written = write_whole(&temporary, collection, documents).and_then(|bytes| {
        let failed = |error: io::Error| Failure::file(path, "written", &error);
        fs::rename(&temporary, path).map_err(failed)?;
        sync_folder(path).map_err(failed)?;
        Ok(bytes)
    });
    if written.is_err() {
        // Of the two failures, the first is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_whole(
    path: &Path,
    collection: &Collection,
    documents: &Documents,
) -> Result<u64, Failure> {
    let failed = |error: io::Error| Failure::file(path, "written", &error);
    let mut file = File::create_new(path).map_err(failed)?;
    let mut writer = collection.snapshot();
    let mut bytes = 0;
    let mut put = |piece: &[u8]| {
        bytes += piece.len() as u64;
        file.write_all(piece).map_err(failed)
    };
    if let Some(head) = writer.next(collection, PIECE_BYTES)? {
        put(&head)?;
    }
    for (&number, chunk) in documents {
        put(&writer.document_chunk(number, chunk)?)?;
    }
    while let Some(piece) = writer.next(collection, PIECE_BYTES)? {
        put(&piece)?;
    }
    file.sync_all().map_err(failed)?;
    Ok(bytes)
}

/// A name in the same folder, since only there a rename is one step.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", process::id()));
    path.with_file_name(name)
}

/// The new name is durable once the folder is. Windows syncs it with the rename and can't open it.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}
