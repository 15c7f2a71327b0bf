//! Small JSON objects, written field by field.

use std::fmt::{Display, Write};

use kindex::json::write_string;

/// An object in the making.
#[derive(Debug)]
pub(crate) struct Report {
    json: String,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { json: String::from("{") }
    }

    /// A field with a string.
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        write_string(&mut self.json, value);
        self
    }

    /// A field with what is valid JSON as it is printed: a whole number, a boolean, an object.
    pub(crate) fn raw(mut self, name: &str, value: impl Display) -> Self {
        self.name(name);
        // Writing to a string does not fail.
        let _ = write!(self.json, "{value}");
        self
    }

    pub(crate) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }

    fn name(&mut self, name: &str) {
        if self.json.len() > 1 {
            self.json.push(',');
        }
        write_string(&mut self.json, name);
        self.json.push(':');
    }
}
