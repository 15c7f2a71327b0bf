//! JSON, as much of it as crosses the edges: metadata, filters, options in; reports out.
//!
//! A reader of its own, because a general one with all that it can do takes a fifth of the whole
//! WebAssembly file. It is strict (RFC 8259), reads every number to the nearest 64-bit float, and
//! its users bound the depth, so that no text makes it recurse without end.

use std::borrow::Cow;
use std::fmt::Write;

use crate::decimal;

/// What is wrong with a text, and at which byte.
pub type Fault = String;

/// The deepest tree that [`Json::parse`] reads.
pub const MAX_DEPTH: usize = 128;

/// Reads values from the front of a text.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// A fault at the present place.
    pub(crate) fn fault(&self, message: &str) -> Fault {
        format!("{message} at byte {}", self.at)
    }

    /// The next byte that is no white space; it stays.
    pub(crate) fn peek(&mut self) -> Result<u8, Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += rest.iter().take_while(|byte| blank(byte)).count();
        self.text.as_bytes().get(self.at).copied().ok_or_else(|| self.fault("the text ends"))
    }

    /// Checks that nothing but white space is left.
    pub(crate) fn finish(mut self) -> Result<(), Fault> {
        match self.peek() {
            Ok(_) => Err(self.fault("more follows after the value")),
            Err(_) => Ok(()),
        }
    }

    /// `true`, `false` or `null`, as the word that it is.
    pub(crate) fn word(&mut self) -> Result<Option<bool>, Fault> {
        let words = [("true", Some(true)), ("false", Some(false)), ("null", None)];
        let rest = &self.text[self.at..];
        let found = words.into_iter().find(|(word, _)| rest.starts_with(word));
        let (word, value) = found.ok_or_else(|| self.fault("a value was expected"))?;
        self.at += word.len();
        Ok(value)
    }

    /// Calls `item` at the beginning of each item of an array.
    pub(crate) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.items(b'[', b']', &mut item)
    }

    /// Calls `entry` with the key of each entry of an object, at the beginning of its value.
    pub(crate) fn object(
        &mut self,
        mut entry: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.items(b'{', b'}', &mut |reader| {
            let key = reader.string()?;
            reader.expect(b':')?;
            reader.peek()?;
            entry(reader, key)
        })
    }

    fn items(
        &mut self,
        open: u8,
        close: u8,
        item: &mut dyn FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.expect(open)?;
        if self.peek()? == close {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek()?;
            item(self)?;
            if self.peek()? == close {
                self.at += 1;
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek()? != byte {
            return Err(self.fault(&format!("'{}' was expected", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    /// A string, borrowed where nothing in it is escaped.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.expect(b'"')?;
        let mut owned = String::new();
        let mut start = self.at;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    let rest = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(if owned.is_empty() {
                        Cow::Borrowed(rest)
                    } else {
                        Cow::Owned(owned + rest)
                    });
                }
                Some(b'\\') => {
                    owned.push_str(&self.text[start..self.at]);
                    self.at += 1;
                    owned.push(self.escaped()?);
                    start = self.at;
                }
                Some(0..0x20) => return Err(self.fault("a control character is in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("the text ends in a string")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        Ok(match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.code_point()?,
            _ => {
                self.at -= 1;
                return Err(self.fault("an unknown escape is in a string"));
            }
        })
    }

    fn code_point(&mut self) -> Result<char, Fault> {
        let first = self.four_digits()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            }
        }
        char::from_u32(code).ok_or_else(|| self.fault("half a surrogate pair is in a string"))
    }

    fn four_digits(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let value = |code, &digit| Some(code * 16 + char::from(digit).to_digit(16)?);
        let code = (digits.len() == 4).then(|| digits.iter().try_fold(0, value)).flatten();
        let code = code.ok_or_else(|| self.fault("four hexadecimal digits were expected"))?;
        self.at += 4;
        Ok(code)
    }

    /// A number.
    pub(crate) fn number(&mut self) -> Result<f64, Fault> {
        let start = self.at;
        self.skip(b"-");
        let leading_zero = self.text[self.at..].starts_with('0');
        let whole = self.digits()?;
        if leading_zero && whole > 1 {
            return Err(self.fault("a number begins with a zero too many"));
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        let number = decimal::nearest(&self.text[start..self.at]);
        if number.is_finite() { Ok(number) } else { Err(self.fault("a number is out of range")) }
    }

    fn skip(&mut self, any: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at).is_some_and(|byte| any.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> Result<usize, Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(count) } else { Err(self.fault("a value was expected")) }
    }
}

/// A value as a tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object: its entries as they come; a key may come twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text that is one value, nested at most [`MAX_DEPTH`] deep.
    ///
    /// # Errors
    /// What is wrong, and at which byte.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut reader = Reader::new(text);
        let value = Self::read(&mut reader, 0)?;
        reader.finish()?;
        Ok(value)
    }

    fn read(reader: &mut Reader<'_>, depth: usize) -> Result<Self, Fault> {
        if depth > MAX_DEPTH {
            return Err(reader.fault("values nest too deep"));
        }
        Ok(match reader.peek()? {
            b'"' => Self::Text(reader.string()?.into_owned()),
            b'[' => {
                let mut items = Vec::new();
                reader.array(|reader| {
                    items.push(Self::read(reader, depth + 1)?);
                    Ok(())
                })?;
                Self::Array(items)
            }
            b'{' => {
                let mut entries = Vec::new();
                reader.object(|reader, key| {
                    entries.push((key.into_owned(), Self::read(reader, depth + 1)?));
                    Ok(())
                })?;
                Self::Object(entries)
            }
            b'-' | b'0'..=b'9' => Self::Number(reader.number()?),
            _ => reader.word()?.map_or(Self::Null, Self::Bool),
        })
    }

    /// What kind of value it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Appends a string in quotes, escaped.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{0}'..'\u{20}' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(value: &serde_json::Value) -> Json {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(value) => Json::Bool(*value),
            serde_json::Value::Number(value) => Json::Number(value.as_f64().unwrap()),
            serde_json::Value::String(text) => Json::Text(text.clone()),
            serde_json::Value::Array(items) => Json::Array(items.iter().map(of).collect()),
            serde_json::Value::Object(entries) => {
                Json::Object(entries.iter().map(|(key, value)| (key.clone(), of(value))).collect())
            }
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let texts = [
            "",
            " ",
            "nul",
            "tru",
            "01",
            "-",
            "-a",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "1e999",
            "NaN",
            "\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12é\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\n\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "1 1",
            "[]]",
            "\u{feff}1",
            "'a'",
            "/**/1",
        ];
        for text in texts {
            assert!(Json::parse(text).is_err(), "{text:?}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text:?}");
        }
        assert!(Json::parse(&"[".repeat(1_000_000)).unwrap_err().contains("too deep"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_text_is_read_as_another_reader_reads_it(
            text in r#"(\{|\}|\[|\]|,|:|"|\\|n|u00e9|ud83d|true|null|a|é|0|1|-|\.|e|E5| |"a":|"x",){0,14}"#,
        ) {
            let ours = Json::parse(&text).ok();
            let theirs = serde_json::from_str::<serde_json::Value>(&text).ok();
            prop_assert_eq!(ours.is_some(), theirs.is_some());
            // The other keeps one of two equal keys.
            if let (Some(ours), Some(theirs)) = (ours, theirs)
                && !matches!(ours, Json::Object(_))
            {
                prop_assert_eq!(ours, of(&theirs));
            }
        }

        #[test]
        fn numbers_are_read_to_the_last_bit(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            for text in [format!("{number:?}"), format!("{number:e}")] {
                prop_assert_eq!(Json::parse(&text).unwrap(), Json::Number(number));
            }
        }

        #[test]
        fn strings_come_back(text in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
            let mut json = String::new();
            write_string(&mut json, &text);
            prop_assert_eq!(Json::parse(&json).unwrap(), Json::Text(text.clone()));
            let other = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Json::parse(&other).unwrap(), Json::Text(text));
        }
    }
}
