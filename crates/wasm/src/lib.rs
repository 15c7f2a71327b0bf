//! What JavaScript sees of Kindex. Conversions only: typed arrays and text columns in, typed
//! arrays and JSON out.
//!
//! A panic is an abort: the instance traps, and its owner starts another.

mod batches;
mod core_index;
mod engine;
mod errors;
mod loader;
mod options;
mod reading;
mod report;
mod results;
#[cfg(feature = "salvage")]
mod salvage;

use kindex::codec;
use wasm_bindgen::prelude::*;

pub use batches::EncodedBatch;
pub use core_index::{Index, IndexHits};
pub use engine::Engine;
pub use loader::Loader;
pub use results::Results;
#[cfg(feature = "salvage")]
pub use salvage::Salvage;
#[cfg(feature = "threads")]
pub use wasm_bindgen_rayon::init_thread_pool;

/// Called once the pool is there. Until then everything runs on the thread that calls.
#[cfg(feature = "threads")]
#[wasm_bindgen(js_name = poolHasStarted)]
pub fn pool_has_started() {
    kindex::pool_has_started();
}

/// What this build can do, as JSON: `version`, `simd`, `threads`.
#[wasm_bindgen]
pub fn capabilities() -> String {
    let simd = if cfg!(target_feature = "relaxed-simd") {
        "relaxed-simd"
    } else if cfg!(target_feature = "simd128") {
        "simd128"
    } else {
        "scalar"
    };
    report::Report::new()
        .text("version", env!("CARGO_PKG_VERSION"))
        .text("simd", simd)
        .raw("threads", cfg!(feature = "threads"))
        .finish()
}

/// The document in a row of a document chunk. Throws `CORRUPT` or `NEWER_VERSION`.
#[wasm_bindgen(js_name = readDocument)]
pub fn read_document(chunk: &[u8], row: u32) -> Result<String, JsValue> {
    codec::read_document(chunk, row).map(str::to_owned).map_err(errors::to_js)
}

/// Those of the rows of a document chunk whose documents have `part` in them. Throws as
/// `readDocument`.
#[wasm_bindgen(js_name = matchDocuments)]
pub fn match_documents(chunk: &[u8], rows: Vec<u32>, part: &str) -> Result<Vec<u32>, JsValue> {
    let mut found = rows;
    let mut failed = Ok(());
    found.retain(|&row| match codec::read_document(chunk, row) {
        Ok(text) => text.contains(part),
        Err(error) => {
            failed = Err(errors::to_js(error));
            false
        }
    });
    failed.map(|()| found)
}

/// The CRC-32 (IEEE) of bytes.
#[wasm_bindgen]
pub fn crc32(bytes: &[u8]) -> u32 {
    codec::crc32(bytes)
}
