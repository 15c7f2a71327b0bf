//! `cargo fuzz run load_then_search`: see `kindex_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    kindex_fuzz::run("load_then_search", input);
});
