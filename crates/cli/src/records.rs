//! JSON lines: an object a line, with the id, metadata and document of a row, and maybe its vector.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use kindex::MAX_DIMENSION;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// The longest line, in bytes: a document of the largest size whose every byte is escaped, beside
/// a vector and metadata.
const MAX_LINE_BYTES: u64 = 32 << 20;

/// The fields that are no metadata.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) id: String,
    pub(crate) document: String,
}

impl Default for Fields {
    fn default() -> Self {
        Self { id: "id".into(), document: "document".into() }
    }
}

/// What a line says of its row.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Record {
    pub(crate) id: Option<String>,
    /// A JSON object.
    pub(crate) metadata: Option<String>,
    pub(crate) document: Option<String>,
    pub(crate) vector: Option<Vec<f32>>,
}

/// An open file of JSON lines.
pub(crate) struct RecordFile {
    path: PathBuf,
    fields: Fields,
    input: BufReader<File>,
    line: usize,
    buffer: Vec<u8>,
}

impl RecordFile {
    pub(crate) fn open(path: &Path, fields: Fields) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
        let input = BufReader::with_capacity(1 << 20, file);
        Ok(Self { path: path.to_owned(), fields, input, line: 0, buffer: Vec::new() })
    }

    /// The next record, or `None` at the end. Blank lines are passed over at the end only, so that
    /// line and row stay together.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Failure> {
        self.buffer.clear();
        let read = (&mut self.input).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|error| Failure::file(&self.path, "read", &error))?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        let line = self.buffer.trim_ascii();
        if line.is_empty() && self.input.fill_buf().is_ok_and(<[u8]>::is_empty) {
            return Ok(None);
        }
        let parsed = if read as u64 == MAX_LINE_BYTES {
            Err(format!("expected a line of less than {MAX_LINE_BYTES} bytes"))
        } else {
            parse(line, &self.fields)
        };
        parsed.map(Some).map_err(|reason| {
            Failure::data(format!("line {}: {reason}", self.line)).in_file(&self.path)
        })
    }
}

fn parse(line: &[u8], fields: &Fields) -> Result<Record, String> {
    let value: Value =
        serde_json::from_slice(line).map_err(|error| format!("no valid JSON: {error}"))?;
    let Value::Object(mut object) = value else {
        return Err(format!("expected a JSON object, got {}", kind(&value)));
    };
    let id = object.remove(&fields.id).map(|id| id_text(id, &fields.id)).transpose()?;
    let document = match object.remove(&fields.document) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(other) => {
            return Err(format!("expected a text in {:?}, got {}", fields.document, kind(&other)));
        }
    };
    let vector = object.remove("vector").map(components).transpose()?;
    Ok(Record { id, metadata: metadata(object)?, document, vector })
}

/// The `metadata` object, or else all the fields that are left.
fn metadata(mut object: Map<String, Value>) -> Result<Option<String>, String> {
    let Some(metadata) = object.remove("metadata") else {
        return Ok((!object.is_empty()).then(|| Value::Object(object).to_string()));
    };
    if let Some(name) = object.keys().next() {
        return Err(format!("expected {name:?} inside of \"metadata\", since that is given"));
    }
    match metadata {
        Value::Null => Ok(None),
        Value::Object(_) => Ok(Some(metadata.to_string())),
        other => Err(format!("expected an object in \"metadata\", got {}", kind(&other))),
    }
}

fn id_text(id: Value, field: &str) -> Result<String, String> {
    match id {
        Value::String(text) => Ok(text),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        other => Err(format!("expected a text or whole number in {field:?}, got {}", kind(&other))),
    }
}

fn components(vector: Value) -> Result<Vec<f32>, String> {
    let Value::Array(values) = vector else {
        return Err(format!("expected an array in \"vector\", got {}", kind(&vector)));
    };
    if values.len() > MAX_DIMENSION {
        return Err(format!(
            "expected at most {MAX_DIMENSION} components in \"vector\", got {}",
            values.len()
        ));
    }
    values
        .iter()
        .enumerate()
        .map(|(i, value)| match value.as_f64() {
            Some(number) => Ok(number as f32),
            None => Err(format!("expected a number at component {i}, got {}", kind(value))),
        })
        .collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Record, String> {
        parse(line.as_bytes(), &Fields::default())
    }

    #[test]
    fn fields_that_are_left_become_the_metadata() {
        let record = read(r#"{"id": 7, "document": "a shoe", "pos": "noun", "n": [1.5]}"#);
        assert_eq!(
            record,
            Ok(Record {
                id: Some("7".into()),
                metadata: Some(r#"{"n":[1.5],"pos":"noun"}"#.into()),
                document: Some("a shoe".into()),
                vector: None,
            })
        );
        assert_eq!(read("{}"), Ok(Record::default()));
        let nested = read(r#"{"metadata": {"pos": {"of": "speech"}}, "vector": [1, -0.5]}"#);
        let nested = nested.expect("a record");
        assert_eq!(nested.metadata.as_deref(), Some(r#"{"pos":{"of":"speech"}}"#));
        assert_eq!(nested.vector, Some(vec![1.0, -0.5]));
    }

    #[test]
    fn fields_of_other_names_can_be_asked_for() {
        let fields = Fields { id: "key".into(), document: "gloss".into() };
        let record = parse(br#"{"key": "a", "gloss": "b", "id": 3}"#, &fields).expect("a record");
        assert_eq!(record.id.as_deref(), Some("a"));
        assert_eq!(record.document.as_deref(), Some("b"));
        assert_eq!(record.metadata.as_deref(), Some(r#"{"id":3}"#));
    }

    #[test]
    fn wrong_lines_are_refused_with_the_reason() {
        for (line, reason) in [
            ("", "no valid JSON"),
            ("[1]", "expected a JSON object, got an array"),
            (r#"{"id": 1.5}"#, "whole number in \"id\", got a number"),
            (r#"{"id": null}"#, "got null"),
            (r#"{"document": 5}"#, "expected a text in \"document\", got a number"),
            (r#"{"metadata": 5}"#, "expected an object in \"metadata\""),
            (r#"{"metadata": {}, "pos": 1}"#, "expected \"pos\" inside of \"metadata\""),
            (r#"{"vector": "no"}"#, "expected an array in \"vector\", got a text"),
            (r#"{"vector": [1, null]}"#, "a number at component 1, got null"),
            (r#"{"id": "a"} {"id": "b"}"#, "no valid JSON"),
        ] {
            let error = read(line).expect_err(line);
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
