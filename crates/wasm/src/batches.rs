//! The writing half of the engine: one staged batch at a time.

use js_sys::{Float32Array, Function};
use kindex::NodeId;
use kindex::codec;
use kindex::collection::{Batch, Columns, ItemError, Operation, Prepared, Texts};
use wasm_bindgen::prelude::*;

use crate::engine::{Engine, triples};
use crate::errors::{invalid, to_js};
use crate::options;
use crate::report::Report;

/// How far the batch is.
#[derive(Debug, Default)]
pub(crate) enum Stage {
    #[default]
    None,
    Staged(Box<Batch>),
    Prepared(Box<Prepared>),
}

impl Engine {
    fn staged(&mut self) -> Result<&mut Batch, JsValue> {
        match &mut self.batch {
            Stage::Staged(batch) => Ok(batch),
            _ => Err(invalid("no batch is being staged")),
        }
    }

    fn prepared(&mut self) -> Result<&mut Prepared, JsValue> {
        match &mut self.batch {
            Stage::Prepared(prepared) => Ok(prepared),
            _ => Err(invalid("no batch is validated")),
        }
    }
}

/// What a batch comes to in storage.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub struct EncodedBatch {
    /// How many document chunks there are.
    #[wasm_bindgen(js_name = documentChunks, readonly)]
    pub document_chunks: u32,
    /// The number of the first.
    #[wasm_bindgen(js_name = firstDocumentChunk, readonly)]
    pub first_document_chunk: u32,
    /// How many log parts there are; none if no row is left to write.
    #[wasm_bindgen(js_name = logParts, readonly)]
    pub log_parts: u32,
}

#[wasm_bindgen]
impl Engine {
    /// The outcome of the batch with that `batchId`, as JSON `{op, generation, written, failed}`,
    /// if it is among the last ones that had a `batchId`.
    pub fn outcome(&self, batch_id: &str) -> Option<String> {
        self.collection.outcome(batch_id).map(|outcome| {
            Report::new()
                .text("op", outcome.operation.name())
                .raw("generation", outcome.generation)
                .raw("written", outcome.written)
                .raw("failed", outcome.failed)
                .finish()
        })
    }

    /// Begins a batch, in place of one that was not applied.
    pub fn begin(
        &mut self,
        op: &str,
        atomic: bool,
        batch_id: Option<String>,
        rows: u32,
    ) -> Result<(), JsValue> {
        let operation = Operation::from_name(op).ok_or_else(|| {
            invalid("op must be 'insert', 'upsert', 'update', 'delete' or 'view'")
        })?;
        let batch = Batch::new(operation, self.collection.config().dimension, atomic);
        let batch = match batch_id {
            Some(id) => batch.named(&id).map_err(to_js)?,
            None => batch,
        };
        let batch = batch.expecting(rows as usize).map_err(to_js)?;
        self.batch = Stage::Staged(Box::new(batch));
        Ok(())
    }

    /// Adds rows by column: see `Columns` of the core.
    #[expect(clippy::too_many_arguments, reason = "a row has that many columns")]
    pub fn stage(
        &mut self,
        ids: &[u8],
        id_ends: &[u32],
        vectors: &Float32Array,
        has_vector: &[u8],
        metadata: &[u8],
        metadata_ends: &[u32],
        metadata_present: &[u8],
        documents: &[u8],
        document_ends: &[u32],
        document_present: &[u8],
    ) -> Result<(), JsValue> {
        let vectors = vectors.to_vec();
        self.staged()?
            .extend(&Columns {
                ids: Texts { bytes: ids, ends: id_ends, present: &[] },
                vectors: &vectors,
                has_vector,
                metadata: Texts { bytes: metadata, ends: metadata_ends, present: metadata_present },
                documents: Texts {
                    bytes: documents,
                    ends: document_ends,
                    present: document_present,
                },
            })
            .map_err(to_js)
    }

    /// Adds the ids of the records that are selected now, to a batch that deletes; `documents` as in
    /// `search`.
    #[wasm_bindgen(js_name = stageWhere)]
    pub fn stage_where(
        &mut self,
        filter_json: Option<String>,
        documents: Option<Vec<u32>>,
    ) -> Result<(), JsValue> {
        let set = self.selection(filter_json, documents)?;
        let Self { collection, batch, .. } = self;
        let Stage::Staged(batch) = batch else { return Err(invalid("no batch is being staged")) };
        collection.stage_set(set.as_ref(), batch).map_err(to_js)
    }

    /// Checks the staged batch, and looks for duplicates as `dedupe_json` says. Returns a JSON array
    /// of `{index, id, code, message}`.
    pub fn validate(&mut self, dedupe_json: Option<String>) -> Result<String, JsValue> {
        let dedupe = dedupe_json.map(|json| options::dedupe(&json)).transpose().map_err(to_js)?;
        self.staged()?;
        let Stage::Staged(batch) = std::mem::take(&mut self.batch) else {
            return Err(invalid("no batch is being staged"));
        };
        let prepared = match dedupe {
            Some(dedupe) => self.collection.prepare_unlike(*batch, &dedupe),
            None => self.collection.prepare(*batch),
        };
        let prepared = prepared.map_err(to_js)?;
        let errors: Vec<_> = prepared.errors().iter().map(item_error).collect();
        self.batch = Stage::Prepared(Box::new(prepared));
        Ok(format!("[{}]", errors.join(",")))
    }

    /// The duplicates in the validated batch: a JSON array of `{index, id, duplicateOf}`.
    pub fn duplicates(&mut self) -> Result<String, JsValue> {
        let reports = self.prepared()?.duplicates().iter().map(|duplicate| {
            Report::new()
                .raw("index", duplicate.index)
                .text("id", &duplicate.id)
                .text("duplicateOf", &duplicate.of)
                .finish()
        });
        Ok(format!("[{}]", reports.collect::<Vec<_>>().join(",")))
    }

    /// How far each of them is from what it duplicates.
    #[wasm_bindgen(js_name = duplicateDistances)]
    pub fn duplicate_distances(&mut self) -> Result<Vec<f32>, JsValue> {
        Ok(self.prepared()?.duplicates().iter().map(|duplicate| duplicate.distance).collect())
    }

    /// Gets ready to find exact duplicates. Returns the documents to be read for it (slot, chunk, row
    /// each, by chunk and row): none if it is ready.
    pub fn fingerprint(&mut self) -> Vec<u32> {
        triples(&self.collection.fingerprint())
    }

    /// Takes the fingerprints of the documents in these rows of a chunk, which belong to these slots.
    #[wasm_bindgen(js_name = fingerprintDocuments)]
    pub fn fingerprint_documents(
        &mut self,
        chunk: &[u8],
        rows: &[u32],
        slots: &[u32],
    ) -> Result<(), JsValue> {
        for (&row, &slot) in rows.iter().zip(slots) {
            let text = codec::read_document(chunk, row).map_err(to_js)?;
            self.collection.fingerprint_document(NodeId(slot), text);
        }
        Ok(())
    }

    /// Forgets what `fingerprint` began.
    #[wasm_bindgen(js_name = forgetFingerprints)]
    pub fn forget_fingerprints(&mut self) {
        self.collection.forget_fingerprints();
    }

    /// Divides the validated batch into log parts of about that many bytes.
    pub fn encode(&mut self, target_part_bytes: u32) -> Result<EncodedBatch, JsValue> {
        let prepared = self.prepared()?;
        if prepared.is_rejected() {
            return Err(invalid("the batch is atomic and has errors"));
        }
        Ok(EncodedBatch {
            log_parts: prepared.plan_log(target_part_bytes as usize) as u32,
            document_chunks: prepared.document_chunks() as u32,
            first_document_chunk: prepared.first_document_chunk(),
        })
    }

    /// The bytes of a document chunk.
    #[wasm_bindgen(js_name = takeDocumentChunk)]
    pub fn take_document_chunk(&mut self, at: u32) -> Result<Vec<u8>, JsValue> {
        let prepared = self.prepared()?;
        if at as usize >= prepared.document_chunks() {
            return Err(invalid(&format!("the batch has no document chunk {at}")));
        }
        Ok(prepared.document_chunk(at as usize))
    }

    /// The bytes of a log part. They are taken in order; an earlier one may be taken again.
    #[wasm_bindgen(js_name = takeLogPart)]
    pub fn take_log_part(&mut self, at: u32) -> Result<Vec<u8>, JsValue> {
        self.prepared()?.log_part(at as usize).map_err(to_js)
    }

    /// Makes the batch so in memory, on at most `threads` threads (0 is no cap); `progress(done,
    /// total)` hears of vectors. Returns the rows written.
    pub fn apply(&mut self, progress: Option<Function>, threads: u32) -> Result<u32, JsValue> {
        self.prepared()?;
        let Stage::Prepared(prepared) = std::mem::take(&mut self.batch) else {
            return Err(invalid("no batch is validated"));
        };
        let total = prepared.total() as f64;
        let mut report = |done: usize| {
            if let Some(progress) = &progress {
                // What a listener throws is its own affair: the batch is committed already.
                let _ = progress.call2(&JsValue::NULL, &(done as f64).into(), &total.into());
            }
        };
        kindex::with_threads(threads as usize, || self.collection.apply(*prepared, &mut report))
            .map(|outcome| outcome.written)
            .map_err(to_js)
    }

    /// Drops the batch.
    pub fn discard(&mut self) {
        self.batch = Stage::None;
    }
}

fn item_error(item: &ItemError) -> String {
    Report::new()
        .raw("index", item.index)
        .text("id", &item.id)
        .text("code", item.error.code().as_str())
        .text("message", item.error.message())
        .finish()
}
