//! Texts of many rows, joined.

use crate::codec::bytes::{Put, Reader};
use crate::error::{Code, Error};

/// The texts of many rows in one piece, with the byte offset after each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextColumn {
    text: String,
    ends: Vec<u32>,
}

impl TextColumn {
    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a row.
    pub(crate) fn get(&self, row: usize) -> &str {
        &self.text[self.start(row)..self.ends[row] as usize]
    }

    /// Bytes of the text of a row.
    pub(crate) fn size(&self, row: usize) -> usize {
        self.ends[row] as usize - self.start(row)
    }

    /// The texts in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Appends a row.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY` beyond 4 GiB.
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Error> {
        let end = end_of(self.text.len() + text.len())?;
        self.text.push_str(text);
        self.ends.push(end);
        Ok(())
    }

    /// Appends rows that are given joined, with the offset after each.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the bytes are not UTF-8 or the offsets do not fit them, with nothing
    /// changed.
    pub(crate) fn extend(&mut self, name: &str, bytes: &[u8], ends: &[u32]) -> Result<(), Error> {
        let invalid = |message| Error::new(Code::InvalidArgument, format!("{name}: {message}"));
        let text = str::from_utf8(bytes)
            .map_err(|error| invalid(format!("text is not UTF-8: {error}")))?;
        check_ends(text, ends).map_err(invalid)?;
        let base = end_of(self.text.len())?;
        end_of(self.text.len() + text.len())?;
        self.text.push_str(text);
        self.ends.extend(ends.iter().map(|end| base + end));
        Ok(())
    }

    /// Keeps the rows that `keep` is true for.
    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let kept = self.iter().zip(keep).filter(|(_, keep)| **keep);
        let mut column = Self::default();
        for (text, _) in kept {
            column.text.push_str(text);
            column.ends.push(column.text.len() as u32);
        }
        *self = column;
    }

    /// Writes rows as `[ends u32 x n][bytes]`, the offsets counted from the first of them.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, rows: impl Iterator<Item = usize> + Clone) {
        let mut end = 0;
        for row in rows.clone() {
            end += self.size(row);
            out.put_length(end);
        }
        rows.for_each(|row| out.extend_from_slice(self.get(row).as_bytes()));
    }

    /// Reads `rows` rows.
    pub(crate) fn decode(fields: &mut Reader<'_>, rows: usize) -> Result<Self, Error> {
        let ends = fields.u32s(rows)?;
        let text = fields.text(ends.last().map_or(0, |&end| end as usize))?;
        check_ends(text, &ends).map_err(Error::corrupt)?;
        Ok(Self { text: text.to_owned(), ends })
    }

    /// Appends the rows of another column.
    pub(crate) fn append(&mut self, other: &Self) -> Result<(), Error> {
        let base = end_of(self.text.len())?;
        end_of(self.text.len() + other.text.len())?;
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| base + end));
        Ok(())
    }

    fn start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }
}

fn end_of(length: usize) -> Result<u32, Error> {
    u32::try_from(length)
        .map_err(|_| Error::new(Code::OutOfMemory, "the texts of a batch are over 4 GiB"))
}

fn check_ends(text: &str, ends: &[u32]) -> Result<(), String> {
    let mut start = 0;
    for (row, &end) in ends.iter().enumerate() {
        let end = end as usize;
        if end < start || !text.is_char_boundary(end) {
            return Err(format!("the offset {end} after row {row} does not fit the text"));
        }
        start = end;
    }
    if start != text.len() {
        return Err(format!("the offsets end at {start}, the text at {}", text.len()));
    }
    Ok(())
}
