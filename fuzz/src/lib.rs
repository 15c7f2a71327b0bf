//! Fuzz targets over everything that reads bytes from outside.
//!
//! A target is a function of bytes that panics if Kindex does not keep its word: an error with a
//! code or a result that is safe to use, and no more memory than `heap::bounded` allows. libFuzzer
//! drives them (`npm run fuzz`); `tests/smoke.rs` runs a fixed number of mutations of the seeds, and
//! every input that was ever found to break a target.

mod exercise;
pub mod frames;
mod heap;
mod input;
mod seeds;
mod targets;

/// A target: its name, what it does with an input, and inputs to begin with.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name that `npm run fuzz -- --target NAME` knows.
    pub name: &'static str,
    run: fn(&[u8]) -> bool,
    seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    /// Does with an input what the target does. Returns whether the input was taken, not refused.
    ///
    /// # Panics
    /// If Kindex does not keep its word.
    pub fn run(&self, input: &[u8]) -> bool {
        (self.run)(input)
    }

    /// Inputs that are taken.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }
}

/// All targets.
pub const TARGETS: [Target; 6] = [
    Target { name: "snapshot_load", run: targets::snapshot::load, seeds: seeds::snapshots },
    Target { name: "load_then_search", run: targets::snapshot::search, seeds: seeds::snapshots },
    Target { name: "log_replay", run: targets::log::replay, seeds: seeds::logs },
    Target { name: "filter_parse", run: targets::filter::parse, seeds: seeds::filters },
    Target { name: "batch_decode", run: targets::batch::decode, seeds: seeds::batches },
    Target { name: "salvage", run: targets::salvage::repair, seeds: seeds::damaged },
];

/// Runs the target of that name.
///
/// # Panics
/// As [`Target::run`], and if there is no such target.
pub fn run(name: &str, input: &[u8]) -> bool {
    TARGETS.iter().find(|target| target.name == name).expect("a target of that name").run(input)
}
