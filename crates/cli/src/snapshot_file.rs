//! Writing a collection that was built in memory into a file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use kindex::Collection;

use crate::failure::Failure;

/// Bytes that are written at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Document chunks by number.
pub(crate) type Documents = BTreeMap<u32, Vec<u8>>;

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
