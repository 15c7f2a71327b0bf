//! Metadata text to fields: one pass, no tree.

use hashbrown::HashSet;

use super::filter::Scalar;
use super::{MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_METADATA_KEYS};
use crate::error::{Code, Error};
use crate::json::{Fault, Reader};

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    One(Scalar),
    List(Vec<Scalar>),
    /// Its values are fields of their own.
    Object,
}

/// A dotted path and what is there.
pub(crate) type Field = (String, Value);

/// The fields of a metadata text. No path comes twice.
///
/// # Errors
/// `INVALID_ARGUMENT` if the text is not a JSON object within the limits of this module.
pub(crate) fn parse(text: &str) -> Result<Vec<Field>, Error> {
    let invalid = |message| Error::new(Code::InvalidArgument, format!("metadata: {message}"));
    if text.len() > MAX_METADATA_BYTES {
        return Err(invalid(format!(
            "{} bytes are over the limit of {MAX_METADATA_BYTES}",
            text.len()
        )));
    }
    let mut fields = Fields::default();
    fields.read_all(text).map_err(invalid)?;
    if let Some(path) = fields.repeated() {
        return Err(invalid(format!("the path '{path}' is there twice")));
    }
    Ok(fields.list)
}

#[derive(Default)]
struct Fields {
    list: Vec<Field>,
    path: String,
}

impl Fields {
    fn read_all(&mut self, text: &str) -> Result<(), Fault> {
        let mut reader = Reader::new(text);
        if reader.peek()? != b'{' {
            return Err("an object was expected".to_owned());
        }
        self.object(&mut reader, 1)?;
        reader.finish()
    }

    /// Adds the fields of an object whose own path is the present one.
    fn object(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), Fault> {
        if depth > MAX_METADATA_DEPTH {
            return Err(
                reader.fault(&format!("objects nest deeper than {MAX_METADATA_DEPTH} levels"))
            );
        }
        let length = self.path.len();
        reader.object(|reader, key| {
            if depth > 1 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            // The field comes before those inside it, so that the count is always right.
            let at = self.list.len();
            if at >= MAX_METADATA_KEYS {
                return Err(reader.fault(&format!("there are over {MAX_METADATA_KEYS} keys")));
            }
            self.list.push((self.path.clone(), Value::Object));
            match reader.peek()? {
                b'{' => self.object(reader, depth + 1)?,
                b'[' => self.list[at].1 = Value::List(list(reader)?),
                _ => self.list[at].1 = Value::One(scalar(reader)?),
            }
            self.path.truncate(length);
            Ok(())
        })
    }

    fn repeated(&self) -> Option<&str> {
        let mut seen = HashSet::with_capacity(self.list.len());
        self.list.iter().map(|(path, _)| path.as_str()).find(|path| !seen.insert(*path))
    }
}

fn list(reader: &mut Reader<'_>) -> Result<Vec<Scalar>, Fault> {
    let mut items = Vec::new();
    reader.array(|reader| {
        if !matches!(reader.peek()?, b'"' | b'-' | b'0'..=b'9') {
            return Err(reader.fault("an array holds strings and numbers only; others come"));
        }
        items.push(scalar(reader)?);
        Ok(())
    })?;
    Ok(items)
}

fn scalar(reader: &mut Reader<'_>) -> Result<Scalar, Fault> {
    Ok(match reader.peek()? {
        b'"' => Scalar::Text(reader.string()?.into()),
        b'-' | b'0'..=b'9' => Scalar::number(reader.number()?),
        _ => reader.word()?.map_or(Scalar::Null, Scalar::Bool),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let error = parse(text).expect_err(text);
        assert_eq!(error.code(), Code::InvalidArgument);
        error.message().to_owned()
    }

    #[test]
    fn nested_values_get_dotted_paths() {
        let fields = parse(r#"{"a":{"b":[1,"x"],"c":null},"d":true,"__proto__":2.5}"#).unwrap();
        let paths: Vec<_> = fields.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["a", "a.b", "a.c", "d", "__proto__"]);
        assert_eq!(fields[0].1, Value::Object);
        assert_eq!(fields[1].1, Value::List(vec![Scalar::Number(1.0), Scalar::Text("x".into())]));
        assert_eq!(fields[2].1, Value::One(Scalar::Null));
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        assert!(message("[1]").contains("an object was expected"));
        assert!(message("").contains("the text ends"));
        assert!(message(r#"{"a":1"#).contains("the text ends at byte 6"));
        assert!(message(r#"{"a":1} x"#).contains("more follows"));
        assert!(message(r#"{"a":[[1]]}"#).contains("strings and numbers only"));
        assert!(message(r#"{"a":[true]}"#).contains("strings and numbers only"));
        assert!(message(r#"{"a":1e999}"#).contains("out of range"));
        assert!(message(r#"{"a":1,"a":2}"#).contains("'a' is there twice"));
        assert!(message(r#"{"a.b":1,"a":{"b":2}}"#).contains("'a.b' is there twice"));
        assert!(message(r#"{"a":"\ud800"}"#).contains("surrogate"));
    }

    #[test]
    fn limits_hold_at_the_edge_and_not_one_past_it() {
        let nested = |depth: usize| format!("{}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let deep = nested(MAX_METADATA_DEPTH).replacen("}", "1}", 1);
        assert!(parse(&deep).is_ok());
        let deeper = nested(MAX_METADATA_DEPTH + 1).replacen("}", "1}", 1);
        assert!(message(&deeper).contains("deeper"));
        let keys = |count: usize| {
            let keys: Vec<_> = (0..count).map(|at| format!("\"k{at}\":1")).collect();
            format!("{{{}}}", keys.join(","))
        };
        assert!(parse(&keys(MAX_METADATA_KEYS)).is_ok());
        assert!(message(&keys(MAX_METADATA_KEYS + 1)).contains("keys"));
        let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        assert_eq!(sized(MAX_METADATA_BYTES).len(), MAX_METADATA_BYTES);
        assert!(parse(&sized(MAX_METADATA_BYTES)).is_ok());
        assert!(message(&sized(MAX_METADATA_BYTES + 1)).contains("over the limit"));
        assert!(message(&"{\"a\":".repeat(20_000)).contains("over"));
    }
}
