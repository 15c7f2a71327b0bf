//! Kindex collections in folders: every batch one durable commit.
//!
//! A [`Store`] is a [`Collection`](kindex::Collection) in memory and two files: the newest
//! checkpoint, which is a snapshot like any other, and the log of the batches since. `write` appends
//! the batch to the log, syncs it, and only then changes memory. `docs/storage-native.md` says what
//! is promised, in which order things are written, and why that keeps the promise.
//!
//! ```
//! use kindex::collection::{Batch, Operation, Row};
//! use kindex::{Config, SearchOptions};
//! use kindex_store::Store;
//!
//! # let folder = std::env::temp_dir().join(format!("kindex-doc-{}", std::process::id()));
//! # let _ = std::fs::remove_dir_all(&folder);
//! let mut store = Store::create(&folder, Config::new(3))?;
//! let mut batch = Batch::new(Operation::Insert, 3, true);
//! batch.push(Row { id: "a", vector: Some(&[1.0, 0.0, 0.0]), document: Some("first"), ..Row::default() })?;
//! batch.push(Row { id: "b", vector: Some(&[0.0, 1.0, 0.0]), ..Row::default() })?;
//! assert_eq!(store.write(batch, &mut |_| {})?.outcome.written, 2);
//! drop(store); // or a crash: what was written is there
//!
//! let store = Store::open(&folder)?;
//! let hits = store.collection().search(&[0.9, 0.1, 0.0], &SearchOptions::default(), None)?;
//! assert_eq!(store.collection().id(hits[0][0].slot), Some("a"));
//! assert_eq!(store.document(hits[0][0].slot)?.as_deref(), Some("first"));
//! # drop(store);
//! # std::fs::remove_dir_all(&folder).ok();
//! # Ok::<(), kindex::Error>(())
//! ```

mod check;
mod checkpoint_file;
mod disk;
mod documents;
mod failure;
mod files;
mod log_file;
mod names;
mod snapshot_file;
mod store;

pub use check::{repair, verify};
pub use files::{Files, ReadFile, WriteFile};
pub use snapshot_file::SnapshotFile;
pub use store::{Store, Written};
