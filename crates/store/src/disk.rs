//! A real folder, locked against other processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kindex::{Code, Error};

use crate::failure::at;
use crate::files::{Files, ReadFile, WriteFile};

/// The file that is locked. It has no content, and is never removed: a lock on a removed file would
/// lock nobody out.
const LOCK: &str = "lock";

/// Who may have the folder open at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sharing {
    /// Nobody else.
    Alone,
    /// Others that only read.
    Readers,
}

/// A folder in the file system.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    /// Locked; the system lets go of it when the process ends, however it ends.
    lock: File,
}

impl Drop for Disk {
    /// Closing the file would not do while a process that another thread is just starting still has it, too.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Disk {
    /// Locks the folder, which is made if `make`.
    pub(crate) fn open(path: &Path, make: bool, sharing: Sharing) -> Result<Self, Error> {
        if make {
            make_folder(path).map_err(|error| at(path, "made", &error))?;
        }
        let lock = path.join(LOCK);
        let options = OpenOptions::new().read(true).write(true).create(make).clone();
        let file = match options.open(&lock) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!("there is no store in {}", path.display());
                return Err(Error::new(Code::NotFound, message));
            }
            // A store that may only be read has a lock file that may only be read.
            Err(error) if !make && may_be_read_only(error.kind()) => File::open(&lock),
            other => other,
        }
        .map_err(|error| at(&lock, "opened", &error))?;
        let locked = match sharing {
            Sharing::Alone => file.try_lock(),
            Sharing::Readers => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => Ok(Self { path: path.to_owned(), lock: file }),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                Code::Locked,
                format!("another process has the store in {} open", path.display()),
            )),
            Err(TryLockError::Error(error)) => Err(at(&lock, "locked", &error)),
        }
    }
}

fn may_be_read_only(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

impl Files for Disk {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is no text is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        names.retain(|name| name != LOCK);
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(Opened(File::open(self.path.join(name))?)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(Opened(File::create(self.path.join(name))?)))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut file = OpenOptions::new().write(true).open(self.path.join(name))?;
        file.seek(SeekFrom::End(0))?;
        Ok(Box::new(Opened(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        sync_folder(&self.path)
    }
}

/// Makes a folder, and those above it that are not there, and makes their names durable: without
/// that, a power cut may take the folder with all that was synced in it.
fn make_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    fs::create_dir_all(path)?;
    missing.into_iter().try_for_each(sync_name)
}

/// Makes the name of a file or folder durable.
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    sync_folder(above.unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable. Windows does that with each of them, and opens no folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(path)?.sync_all()
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Opened(pub(crate) File);

impl ReadFile for Opened {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, out, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(&self.0, out, offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            out = &mut out[read..];
            offset += read as u64;
        }
        Ok(())
    }
}

impl WriteFile for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)?;
        self.0.seek(SeekFrom::Start(length)).map(drop)
    }
}
