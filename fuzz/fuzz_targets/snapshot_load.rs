//! `cargo fuzz run snapshot_load`: see `kindex_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    kindex_fuzz::run("snapshot_load", input);
});
