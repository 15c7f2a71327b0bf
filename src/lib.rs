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

mod batch_rows;
mod bitset;
pub mod codec;
mod codes;
pub mod collection;
mod config;
mod error;
mod flat;
mod graph;
mod ids;
mod index;
pub mod json;
#[allow(dead_code, reason = "the sign kernels wait for binary codes")]
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
pub use parallel::with_threads;
