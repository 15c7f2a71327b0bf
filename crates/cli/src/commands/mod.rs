//! One file a command: its help, its options, its work.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod inspect;
pub(crate) mod query;
pub(crate) mod repair;
pub(crate) mod verify;
