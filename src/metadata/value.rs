//! Metadata text to fields: one pass, no tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::filter::Scalar;
use super::{MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_METADATA_KEYS};
use crate::error::{Code, Error};

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
    if !text.trim_ascii_start().starts_with('{') {
        return Err(invalid("an object was expected".to_owned()));
    }
    let mut fields = Fields::default();
    let mut json = serde_json::Deserializer::from_str(text);
    Node { fields: &mut fields, depth: 0 }
        .deserialize(&mut json)
        .and_then(|_| json.end())
        .map_err(|error| invalid(error.to_string()))?;
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
    fn repeated(&self) -> Option<&str> {
        let mut paths: Vec<&str> = self.list.iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        paths.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

/// The value under the current path. Yields what it is; an object has added its own fields.
struct Node<'f> {
    fields: &'f mut Fields,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string, number, boolean, null, array of strings and numbers, or object")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::One(Scalar::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::One(Scalar::number(value as f64)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::One(Scalar::number(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::One(Scalar::number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::One(Scalar::Text(value.into())))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::One(Scalar::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Item)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        if self.depth >= MAX_METADATA_DEPTH {
            return Err(A::Error::custom(format!(
                "objects nest deeper than {MAX_METADATA_DEPTH} levels"
            )));
        }
        let fields = self.fields;
        let length = fields.path.len();
        while let Some(key) = entries.next_key::<String>()? {
            if self.depth > 0 {
                fields.path.push('.');
            }
            fields.path.push_str(&key);
            // The field keeps its place before those inside it, so that the count is always right.
            let at = fields.list.len();
            if at >= MAX_METADATA_KEYS {
                return Err(A::Error::custom(format!("there are over {MAX_METADATA_KEYS} keys")));
            }
            fields.list.push((fields.path.clone(), Value::Object));
            let value = entries.next_value_seed(Node { fields, depth: self.depth + 1 })?;
            fields.list[at].1 = value;
            fields.path.truncate(length);
        }
        Ok(Value::Object)
    }
}

/// An element of an array.
struct Item;

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Scalar, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = Scalar;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string or number: arrays hold nothing else")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.into()))
    }
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
        assert!(message("").contains("an object was expected"));
        assert!(message(r#"{"a":1"#).contains("EOF"));
        assert!(message(r#"{"a":1} x"#).contains("trailing"));
        assert!(message(r#"{"a":[[1]]}"#).contains("a string or number"));
        assert!(message(r#"{"a":[true]}"#).contains("a string or number"));
        assert!(message(r#"{"a":1e999}"#).contains("out of range"));
        assert!(message(r#"{"a":1,"a":2}"#).contains("'a' is there twice"));
        assert!(message(r#"{"a.b":1,"a":{"b":2}}"#).contains("'a.b' is there twice"));
        assert!(message(r#"{"a":"\ud800"}"#).contains("metadata: "));
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
