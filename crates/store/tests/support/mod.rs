//! A disk that forgets what was not synced, and fails when it is told to.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use kindex_store::{Files, ReadFile, WriteFile};

#[path = "../../src/bin/kindex-torture/records.rs"]
pub mod records;

pub use records::Random;

/// What a file holds for those who read it, and what of it a power cut leaves.
#[derive(Clone, Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Written before a sync that failed: no later sync makes these durable.
    forgotten: Vec<Range<usize>>,
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What names were after each change since they were last synced.
    name_changes: Vec<BTreeMap<String, usize>>,
    operations: usize,
    faults: Option<Faults>,
    /// Programs that opened files before the power was cut have nothing to write to any more.
    boots: usize,
}

/// Which operations fail, counted from now on.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub from: usize,
    pub count: usize,
    pub kind: io::ErrorKind,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Operations that change something, so far.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Lets operations fail, `None` none.
    pub fn fail(&self, faults: Option<Faults>) {
        let mut state = self.state();
        let now = state.operations;
        state.faults = faults.map(|faults| Faults { from: faults.from + now, ..faults });
    }

    /// A store's folder.
    pub fn folder(&self) -> Box<dyn Files> {
        let boot = self.state().boots;
        Box::new(Folder { disk: self.clone(), boot })
    }

    /// Cuts the power: of what was not synced, a random part is there.
    pub fn cut_power(&self, random: &mut Random) {
        let mut state = self.state();
        state.faults = None;
        state.boots += 1;
        let changes = random.below(state.name_changes.len() as u64 + 1) as usize;
        let names = match changes {
            0 => state.durable_names.clone(),
            some => state.name_changes[some - 1].clone(),
        };
        state.name_changes.clear();
        (state.names, state.durable_names) = (names.clone(), names);
        for inode in &mut state.inodes {
            inode.cut_power(random);
        }
    }

    /// Flips a bit of a file.
    pub fn flip(&self, name: &str, at: usize, bit: u8) {
        let mut state = self.state();
        let inode = state.names[name];
        state.inodes[inode].bytes[at] ^= 1 << bit;
        state.inodes[inode].durable = state.inodes[inode].bytes.clone();
    }

    /// The bytes of a file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.inodes[state.names[name]].bytes.clone()
    }

    /// The names that there are.
    pub fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }
}

impl Inode {
    /// Sectors that were not synced are there or not, each for itself; the length is any in between.
    fn cut_power(&mut self, random: &mut Random) {
        const SECTOR: usize = 64;
        let (from, to) = (self.durable.len(), self.bytes.len());
        let length = if to >= from {
            from + random.below((to - from) as u64 + 1) as usize
        } else if random.below(2) == 0 {
            to
        } else {
            from
        };
        let mut left = self.durable.clone();
        left.resize(length, 0);
        for start in (from.min(length)..length).step_by(SECTOR) {
            if random.below(3) > 0 {
                let end = (start + SECTOR).min(length);
                left[start..end].copy_from_slice(&self.bytes[start..end]);
            }
        }
        for range in std::mem::take(&mut self.forgotten) {
            if random.below(2) == 0 {
                let end = range.end.min(left.len());
                left[range.start.min(end)..end].fill(0);
            }
        }
        (self.bytes, self.durable) = (left.clone(), left);
    }
}

impl State {
    /// Counts an operation; fails if it is its turn.
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        let Some(faults) = self.faults else { return Ok(()) };
        let end = faults.from.saturating_add(faults.count);
        if (faults.from..end).contains(&(self.operations - 1)) {
            return Err(faults.kind.into());
        }
        Ok(())
    }

    fn renamed(&mut self) {
        self.name_changes.push(self.names.clone());
    }
}

struct Folder {
    disk: Disk,
    boot: usize,
}

impl Folder {
    fn open(&self, inode: usize) -> OpenFile {
        OpenFile { disk: self.disk.clone(), inode, boot: self.boot }
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Files for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.disk.names())
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn ReadFile>> {
        let inode = *self.disk.state().names.get(name).ok_or_else(missing)?;
        Ok(Box::new(self.open(inode)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.disk.state();
        state.operate()?;
        state.inodes.push(Inode::default());
        let inode = state.inodes.len() - 1;
        state.names.insert(name.to_owned(), inode);
        state.renamed();
        drop(state);
        Ok(Box::new(self.open(inode)))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.disk.state();
        state.operate()?;
        let inode = *state.names.get(name).ok_or_else(missing)?;
        drop(state);
        Ok(Box::new(self.open(inode)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate()?;
        let inode = state.names.remove(from).ok_or_else(missing)?;
        state.names.insert(to.to_owned(), inode);
        state.renamed();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate()?;
        state.names.remove(name).ok_or_else(missing)?;
        state.renamed();
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate()?;
        state.durable_names = state.names.clone();
        state.name_changes.clear();
        Ok(())
    }
}

struct OpenFile {
    disk: Disk,
    inode: usize,
    boot: usize,
}

impl ReadFile for OpenFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.inode].bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        let from = offset as usize;
        let bytes = state.inodes[self.inode].bytes.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl WriteFile for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        assert_eq!(state.boots, self.boot, "a write after the power was cut");
        let done = state.operate();
        // What fails has done half of its work.
        let length = if done.is_ok() { bytes.len() } else { bytes.len() / 2 };
        state.inodes[self.inode].bytes.extend_from_slice(&bytes[..length]);
        done
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let done = state.operate();
        let inode = &mut state.inodes[self.inode];
        let (durable, length) = (inode.durable.len(), inode.bytes.len());
        if done.is_err() && durable < length {
            inode.forgotten.push(durable..length);
        }
        inode.durable = inode.bytes.clone();
        done
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operate()?;
        let inode = &mut state.inodes[self.inode];
        inode.bytes.truncate(length as usize);
        inode.forgotten.retain(|range| range.start < length as usize);
        Ok(())
    }
}
