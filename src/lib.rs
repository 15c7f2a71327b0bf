//! Kindex: a vector index whose every operation is a batch.
//!
//! The core knows no browser, no files and no clock, and it brings no randomness of its own: what
//! it builds is a function of the batches that it is given, on every machine and for any number of
//! threads.
//!
//! * [`Index`] holds vectors by slot: exact scan while small, a graph once that pays.
//! * [`Collection`] adds what an application needs: string ids, metadata, filters, documents, and
//!   batches that are validated as a whole and written as one log record.
//! * [`codec`] turns both into bytes and back; it trusts no byte that it reads.
//!
//! A collection, and a search with a filter:
//!
//! ```
//! use kindex::collection::{Batch, Operation, Row};
//! use kindex::metadata::Filter;
//! use kindex::{Collection, Config, SearchOptions};
//!
//! let mut words = Collection::new(Config::new(3))?;
//! let mut batch = Batch::new(Operation::Insert, 3, true);
//! for (id, vector, metadata) in [
//!     ("dog", [0.9, 0.1, 0.0], r#"{"pos":"noun","frequency":42}"#),
//!     ("bark", [0.8, 0.3, 0.1], r#"{"pos":"verb","frequency":7}"#),
//!     ("stone", [0.0, 0.2, 0.9], r#"{"pos":"noun","frequency":30}"#),
//! ] {
//!     let row = Row { id, vector: Some(&vector), metadata: Some(metadata), ..Row::default() };
//!     batch.push(row)?;
//! }
//! let prepared = words.prepare(batch)?; // checks every row, changes nothing
//! assert!(prepared.errors().is_empty());
//! words.apply(prepared, &mut |_done| {})?;
//!
//! let nouns = Filter::parse(r#"{"pos":"noun","frequency":{"$gte":10}}"#)?;
//! let options = SearchOptions { k: 2, ..SearchOptions::default() };
//! let hits = words.search(&[0.8, 0.3, 0.1], &options, Some(&nouns))?;
//! let ids: Vec<_> = hits[0].iter().filter_map(|hit| words.id(hit.slot)).collect();
//! assert_eq!(ids, ["dog", "stone"]);
//! # Ok::<(), kindex::Error>(())
//! ```
//!
//! Its bytes, and back:
//!
//! ```
//! use kindex::collection::SnapshotLoader;
//! use kindex::{Collection, Config};
//!
//! let bytes = Collection::new(Config::new(3))?.to_bytes()?;
//! let mut loader = SnapshotLoader::new();
//! for piece in bytes.chunks(1000) {
//!     loader.push(piece)?;
//! }
//! assert!(loader.finish()?.is_empty());
//! # Ok::<(), kindex::Error>(())
//! ```
//!
//! Vectors alone:
//!
//! ```
//! use kindex::{Config, Index, Metric, SearchOptions};
//!
//! let mut config = Config::new(2);
//! config.metric = Metric::Euclidean;
//! let mut index = Index::new(config)?;
//! let slots = index.insert(&[0.0, 0.0, 3.0, 4.0], &mut |_done| {})?;
//! let (hits, _how) = index.search(&[0.0, 0.0], &SearchOptions::default(), None);
//! assert_eq!((hits[1].slot, hits[1].distance), (slots[1], 5.0));
//! # Ok::<(), kindex::Error>(())
//! ```
//!
//! With `default-features = false` there are no threads. To keep a collection in files, see the crate
//! `kindex-store` of the same repository.

mod batch_rows;
mod bits;
mod bitset;
pub mod codec;
mod codes;
pub mod collection;
mod config;
mod decimal;
mod error;
mod flat;
mod graph;
mod ids;
mod index;
pub mod json;
mod kernel;
mod key_map;
pub mod metadata;
mod metric;
mod parallel;
mod quantize;
mod rank;
mod rotation;
mod rows;
mod sketch;
mod slot_text;
mod text_column;
mod vectors;

pub use bitset::Bitset;
pub use collection::Collection;
pub use config::{Config, MAX_DIMENSION, MAX_EF, MAX_M, MIN_M, Quantization};
pub use error::{Code, Error};
pub use ids::NodeId;
pub use index::{
    Explanation, FLAT_LIMIT, Importer, Index, IndexStats, Neighbor, Part, SearchOptions,
};
pub use kernel::simd_level;
pub use metric::Metric;
#[cfg(feature = "threads")]
pub use parallel::pool_has_started;
pub use parallel::with_threads;
