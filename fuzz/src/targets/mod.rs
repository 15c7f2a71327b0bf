//! What each target does with its input.

pub(crate) mod batch;
pub(crate) mod filter;
pub(crate) mod log;
pub(crate) mod salvage;
pub(crate) mod snapshot;
