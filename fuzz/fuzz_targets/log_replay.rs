//! `cargo fuzz run log_replay`: see `kindex_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    kindex_fuzz::run("log_replay", input);
});
