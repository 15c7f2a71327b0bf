//! The kernels' own suite, compiled for WebAssembly: without vectors, with them, and with the
//! relaxed ones, by the target features of the build.

#![cfg(target_arch = "wasm32")]
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the index, which uses it, is not here"
)]

mod config {
    pub(crate) use kindex::MAX_DIMENSION;
}
#[path = "../src/kernel/mod.rs"]
mod kernel;
#[path = "../src/quantize.rs"]
mod quantize;
