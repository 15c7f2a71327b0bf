//! Opening a snapshot that comes in pieces.

use js_sys::{Object, Reflect, Uint8Array};
use kindex::collection::{DocumentChunk, SnapshotLoader};
use wasm_bindgen::prelude::*;

use crate::engine::Engine;
use crate::errors::{invalid, to_js};

/// Takes a snapshot in pieces of any size.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Loader {
    loader: Option<SnapshotLoader>,
}

impl Loader {
    pub(crate) fn new() -> Self {
        Self { loader: Some(SnapshotLoader::new()) }
    }

    fn open(&mut self) -> Result<&mut SnapshotLoader, JsValue> {
        self.loader.as_mut().ok_or_else(|| invalid("the loader has finished"))
    }
}

#[wasm_bindgen]
impl Loader {
    /// Takes the next bytes. Throws `CORRUPT` or `NEWER_VERSION`.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.open()?.push(bytes).map_err(to_js)
    }

    /// Gives up the float vectors that came and those that come, where there are codes. Returns how many bytes
    /// of what came are given up.
    #[wasm_bindgen(js_name = dropVectors)]
    pub fn drop_vectors(&mut self) -> Result<usize, JsValue> {
        self.open().map(SnapshotLoader::drop_vectors)
    }

    /// The engine, once everything came. Throws `CORRUPT` if something is missing.
    pub fn finish(&mut self) -> Result<Engine, JsValue> {
        let loader = self.loader.take().ok_or_else(|| invalid("the loader has finished"))?;
        loader.finish().map(Engine::of).map_err(to_js)
    }

    /// A document chunk that came, `{ number, bytes }`, to be stored; `undefined` if none waits.
    #[wasm_bindgen(js_name = takeDocumentChunk, unchecked_return_type = "{ number: number, bytes: Uint8Array } | undefined")]
    pub fn take_document_chunk(&mut self) -> Result<JsValue, JsValue> {
        let Some(DocumentChunk { number, bytes, .. }) = self.open()?.take_document_chunk() else {
            return Ok(JsValue::UNDEFINED);
        };
        let chunk = Object::new();
        Reflect::set(&chunk, &"number".into(), &number.into())?;
        Reflect::set(&chunk, &"bytes".into(), &Uint8Array::from(bytes.as_slice()))?;
        Ok(chunk.into())
    }
}
