//! The engine of a collection: its options and facts, its log and snapshots. Batches are in
//! `batches`, reads in `reading`.

use kindex::Collection;
use kindex::collection::{DocumentOf, Replay, SnapshotWriter};
use wasm_bindgen::prelude::*;

use crate::batches::Stage;
use crate::errors::{invalid, to_js};
use crate::loader::Loader;
use crate::options;
use crate::report::Report;

/// A collection in wasm. See `kindex::collection` for the steps of a batch.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    pub(crate) collection: Collection,
    pub(crate) batch: Stage,
    replay: Replay,
    snapshot: Option<SnapshotWriter>,
}

impl Engine {
    pub(crate) fn of(collection: Collection) -> Self {
        Self { collection, batch: Stage::None, replay: Replay::new(), snapshot: None }
    }

    #[cfg(feature = "salvage")]
    pub(crate) fn into_collection(self) -> Collection {
        self.collection
    }
}

#[wasm_bindgen]
impl Engine {
    /// An empty collection; options as JSON.
    #[wasm_bindgen(constructor)]
    pub fn new(options_json: &str) -> Result<Self, JsValue> {
        options::parse(options_json).and_then(Collection::new).map(Self::of).map_err(to_js)
    }

    /// A loader for a snapshot.
    pub fn load() -> Loader {
        Loader::new()
    }

    /// The options in full, as JSON.
    pub fn options(&self) -> String {
        options::to_json(self.collection.config())
    }

    /// Records.
    #[wasm_bindgen(getter)]
    pub fn size(&self) -> u32 {
        self.collection.len() as u32
    }

    /// Batches committed so far.
    #[wasm_bindgen(getter)]
    pub fn generation(&self) -> f64 {
        self.collection.generation() as f64
    }

    /// Numbers, as JSON.
    pub fn stats(&self) -> String {
        let stats = self.collection.stats();
        let bytes = Report::new()
            .raw("codes", stats.index.code_bytes)
            .raw("vectors", stats.index.vector_bytes)
            .raw("graph", stats.index.graph_bytes)
            .raw("ids", stats.id_bytes)
            .raw("metadata", stats.metadata_bytes)
            .raw("columns", stats.column_bytes)
            .raw("views", stats.view_bytes);
        Report::new()
            .raw("live", stats.index.live)
            .raw("tombstones", stats.index.tombstones)
            .raw("slots", stats.slots)
            .raw("generation", stats.generation)
            .raw("fields", stats.fields)
            .raw("memory", bytes.finish())
            .raw("keepVectors", self.collection.config().keep_vectors)
            .raw("graph", self.collection.index().has_graph())
            .finish()
    }

    /// Checks ids, index and graph. Returns JSON; throws `CORRUPT`.
    pub fn check(&self) -> Result<String, JsValue> {
        self.collection.check().map_err(to_js)?;
        Ok(Report::new().raw("ok", true).raw("records", self.collection.len()).finish())
    }

    /// The views, as a JSON array of `{name, definition, records, bytes, graph}`.
    pub fn views(&self) -> String {
        let views = self.collection.views().map(|view| {
            Report::new()
                .text("name", view.name())
                .raw("definition", view.definition())
                .raw("records", view.members().len())
                .raw("bytes", view.bytes())
                .raw("graph", view.has_graph())
                .finish()
        });
        format!("[{}]", views.collect::<Vec<_>>().join(","))
    }

    /// Gives up the float vectors, where there are codes that can do without. Returns whether it did.
    #[wasm_bindgen(js_name = dropVectors)]
    pub fn drop_vectors(&mut self) -> bool {
        self.collection.drop_vectors()
    }

    /// Reclaims what deleted records still hold.
    pub fn compact(&mut self) {
        self.collection.compact();
    }

    /// Takes the next log part. Returns whether a batch is complete and applied with it.
    pub fn replay(&mut self, log_part: &[u8]) -> Result<bool, JsValue> {
        self.replay
            .feed(&mut self.collection, log_part)
            .map(|outcome| outcome.is_some())
            .map_err(to_js)
    }

    /// Ends the log. Returns how many of its last parts belong to no complete batch.
    #[wasm_bindgen(js_name = endReplay)]
    pub fn end_replay(&mut self) -> u32 {
        self.replay.finish() as u32
    }

    /// Begins a snapshot, in place of one that was not finished. With documents, their chunks are
    /// put in with `frameDocumentChunk`, right after the first part and before the second.
    #[wasm_bindgen(js_name = beginSnapshot)]
    pub fn begin_snapshot(&mut self) {
        self.snapshot = Some(self.collection.snapshot());
    }

    /// The next part of the snapshot, whole frames; `undefined` after the last.
    #[wasm_bindgen(js_name = nextSnapshotPart)]
    pub fn next_snapshot_part(&mut self, target_bytes: u32) -> Result<Option<Vec<u8>>, JsValue> {
        let Self { collection, snapshot, .. } = self;
        let writer = snapshot.as_mut().ok_or_else(|| invalid("no snapshot was begun"))?;
        let part = writer.next(collection, target_bytes as usize).map_err(to_js)?;
        if part.is_none() {
            *snapshot = None;
        }
        Ok(part)
    }

    /// Frames a document chunk for the snapshot.
    #[wasm_bindgen(js_name = frameDocumentChunk)]
    pub fn frame_document_chunk(&mut self, number: u32, bytes: &[u8]) -> Result<Vec<u8>, JsValue> {
        let writer = self.snapshot.as_mut().ok_or_else(|| invalid("no snapshot was begun"))?;
        writer.document_chunk(number, bytes).map_err(to_js)
    }
}

/// Slot, chunk and row of each.
pub(crate) fn triples(documents: &[DocumentOf]) -> Vec<u32> {
    let numbers = documents
        .iter()
        .flat_map(|document| [document.slot.0, document.place.chunk, document.place.row]);
    numbers.collect()
}
