//! `cargo fuzz run salvage`: see `kindex_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    kindex_fuzz::run("salvage", input);
});
