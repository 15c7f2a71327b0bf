//! `cargo fuzz run filter_parse`: see `kindex_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    kindex_fuzz::run("filter_parse", input);
});
