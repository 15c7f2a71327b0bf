//! Checking and repairing what is stored.

use js_sys::{Object, Reflect, Uint8Array};
use kindex::collection::{Repair, Report as Findings, StoredPart};
use wasm_bindgen::prelude::*;

use crate::engine::Engine;
use crate::errors::{invalid, to_js};
use crate::report::Report;

/// Checks everything that is stored, and keeps what is whole: the snapshot in pieces, then the log's
/// parts, then the document chunks. Damage is reported, not thrown; what throws is `NEWER_VERSION`,
/// and `CORRUPT` if not even the options are whole.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Salvage {
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Snapshot(Box<kindex::collection::Salvage>),
    Log(Box<Repair>),
    Over,
}

impl Salvage {
    fn snapshot(&mut self) -> Result<&mut kindex::collection::Salvage, JsValue> {
        match &mut self.stage {
            Stage::Snapshot(salvage) => Ok(salvage),
            _ => Err(invalid("the snapshot has ended")),
        }
    }

    fn repair(&mut self) -> Result<&mut Repair, JsValue> {
        match &mut self.stage {
            Stage::Log(repair) => Ok(repair),
            _ => Err(invalid("the snapshot comes first")),
        }
    }
}

#[wasm_bindgen]
impl Salvage {
    /// For a snapshot that did not open.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript's constructor")]
    pub fn new() -> Self {
        Self { stage: Stage::Snapshot(Box::default()) }
    }

    /// For a snapshot that opened: checks the engine, and builds its graph anew if that is broken.
    pub fn of(engine: Engine) -> Result<Self, JsValue> {
        let repair = Repair::of(engine.into_collection()).map_err(to_js)?;
        Ok(Self { stage: Stage::Log(Box::new(repair)) })
    }

    /// Takes the next bytes of the snapshot.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.snapshot()?.push(bytes).map_err(to_js)
    }

    /// Bytes of the snapshot are missing here.
    pub fn gap(&mut self) -> Result<(), JsValue> {
        self.snapshot()?.gap().map_err(to_js)
    }

    /// A document chunk that came, `{ number, bytes }`; `undefined` if none waits.
    #[wasm_bindgen(js_name = takeDocumentChunk, unchecked_return_type = "{ number: number, bytes: Uint8Array } | undefined")]
    pub fn take_document_chunk(&mut self) -> Result<JsValue, JsValue> {
        let Some((number, bytes)) = self.snapshot()?.take_document_chunk() else {
            return Ok(JsValue::UNDEFINED);
        };
        let chunk = Object::new();
        Reflect::set(&chunk, &"number".into(), &number.into())?;
        Reflect::set(&chunk, &"bytes".into(), &Uint8Array::from(bytes.as_slice()))?;
        Ok(chunk.into())
    }

    /// Ends the snapshot: the collection is made of what is whole.
    #[wasm_bindgen(js_name = endSnapshot)]
    pub fn end_snapshot(&mut self) -> Result<(), JsValue> {
        self.snapshot()?;
        let Stage::Snapshot(salvage) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(invalid("the snapshot has ended"));
        };
        self.stage = Stage::Log(Box::new(salvage.finish().map_err(to_js)?));
        Ok(())
    }

    /// Takes the next part of the log, damaged or not.
    pub fn replay(&mut self, log_part: &[u8]) -> Result<(), JsValue> {
        self.repair()?.replay(log_part).map_err(to_js)
    }

    /// Ends the log. Returns the numbers of the document chunks that records need: each goes to
    /// `checkDocumentChunk`.
    #[wasm_bindgen(js_name = endLog)]
    pub fn end_log(&mut self) -> Result<Vec<u32>, JsValue> {
        Ok(self.repair()?.end_log())
    }

    /// Reads every document of a chunk; `undefined` says that the chunk is gone.
    #[wasm_bindgen(js_name = checkDocumentChunk)]
    pub fn check_document_chunk(
        &mut self,
        number: u32,
        bytes: Option<Vec<u8>>,
    ) -> Result<(), JsValue> {
        self.repair()?.check_document_chunk(number, bytes.as_deref()).map_err(to_js)
    }

    /// What was found, as JSON: `{state, parts: [{part, state, whole, lost, findings}]}`, where a
    /// state is `ok`, `damaged` (made anew without loss) or `lost`.
    pub fn report(&mut self) -> Result<String, JsValue> {
        Ok(to_json(self.repair()?.report()))
    }

    /// The repaired engine. A snapshot of it takes the place of the old one and of its log.
    pub fn finish(&mut self) -> Result<Engine, JsValue> {
        self.repair()?;
        let Stage::Log(repair) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(invalid("the snapshot comes first"));
        };
        repair.finish().map(Engine::of).map_err(to_js)
    }
}

fn to_json(report: &Findings) -> String {
    let parts: Vec<String> = StoredPart::ALL
        .iter()
        .map(|&part| {
            let found = report.part(part);
            let findings: Vec<String> =
                found.findings.iter().map(|finding| json_text(finding)).collect();
            Report::new()
                .text("part", part.name())
                .text("state", found.state.name())
                .raw("whole", found.whole)
                .raw("lost", found.lost)
                .raw("findings", format_args!("[{}]", findings.join(",")))
                .finish()
        })
        .collect();
    Report::new()
        .text("state", report.state().name())
        .raw("parts", format_args!("[{}]", parts.join(",")))
        .finish()
}

fn json_text(text: &str) -> String {
    let mut json = String::new();
    kindex::json::write_string(&mut json, text);
    json
}
