//! A batch as it is put together, before anything about it is decided.

use crate::batch_rows::{self, BatchRows, DELETED, DOCUMENT, METADATA, VECTOR};
use crate::error::{Code, Error};
use crate::text_column::TextColumn;

/// What a batch does with each of its rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Adds a record; its id must be new.
    Insert,
    /// Adds a record or replaces the whole of the one with its id.
    Upsert,
    /// Changes what is given of an existing record: vector, metadata (as a whole) or document.
    Update,
    /// Deletes an existing record.
    Delete,
    /// Makes views, whose names are the ids and whose definitions the metadata, or drops those that
    /// come without; see [`View`](super::View).
    View,
}

impl Operation {
    const ALL: [Self; 5] = [Self::Insert, Self::Upsert, Self::Update, Self::Delete, Self::View];

    /// The name that JavaScript uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Upsert => "upsert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::View => "view",
        }
    }

    /// The operation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The number that stands for it in files.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Insert => 1,
            Self::Upsert => 2,
            Self::Update => 3,
            Self::Delete => 4,
            Self::View => 5,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.number() == number)
            .ok_or_else(|| Error::corrupt(format!("a batch has the unknown verb {number}")))
    }
}

/// One row of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    /// The record's id.
    pub id: &'a str,
    /// Its vector: needed by insert and upsert, may change by update.
    pub vector: Option<&'a [f32]>,
    /// Its metadata as JSON: an object, or `null` for none.
    pub metadata: Option<&'a str>,
    /// Its document.
    pub document: Option<&'a str>,
}

/// A text of many rows: all texts joined, the byte offset after each, and for each whether it is
/// there (nothing given: all are, if there are offsets at all).
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    /// The texts, UTF-8, one after the other.
    pub bytes: &'a [u8],
    /// The byte offset after each row.
    pub ends: &'a [u32],
    /// Not 0 where the row has a text.
    pub present: &'a [u8],
}

/// Many rows, by column.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns<'a> {
    /// An id for each row.
    pub ids: Texts<'a>,
    /// How many rows have a vector is `has_vector`'s business; here is room for each row's, or
    /// nothing if none has one.
    pub vectors: &'a [f32],
    /// Not 0 where the row has a vector; nothing given: all have, if there are vectors at all.
    pub has_vector: &'a [u8],
    /// The metadata of each row, or nothing.
    pub metadata: Texts<'a>,
    /// The document of each row, or nothing.
    pub documents: Texts<'a>,
}

/// A batch as it is put together.
#[derive(Clone, Debug)]
pub struct Batch {
    pub(crate) operation: Operation,
    pub(crate) atomic: bool,
    pub(crate) id: String,
    pub(crate) rows: BatchRows,
    /// The document of each row; empty where it brings none.
    pub(crate) documents: TextColumn,
}

impl Batch {
    /// An empty batch for a collection of that dimension. `atomic`: anything wrong rejects the
    /// whole; otherwise bad rows are left out.
    pub fn new(operation: Operation, dimension: usize, atomic: bool) -> Self {
        let rows = BatchRows::new(dimension);
        Self { operation, atomic, id: String::new(), rows, documents: TextColumn::default() }
    }

    /// Gives the batch a name, under which its outcome can be asked for later.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if it is not 1 to [`MAX_BATCH_ID_BYTES`](super::MAX_BATCH_ID_BYTES) long.
    pub fn named(mut self, id: &str) -> Result<Self, Error> {
        let most = super::MAX_BATCH_ID_BYTES;
        if !(1..=most).contains(&id.len()) {
            let message = format!("batchId has {} bytes; 1 to {most} were expected", id.len());
            return Err(Error::new(Code::InvalidArgument, message));
        }
        self.id = id.to_owned();
        Ok(self)
    }

    /// Makes room for the vectors of so many rows at once: growing bit by bit would copy them, and hold
    /// them twice meanwhile.
    ///
    /// # Errors
    /// `OUT_OF_MEMORY`.
    pub fn expecting(mut self, rows: usize) -> Result<Self, Error> {
        if matches!(self.operation, Operation::Insert | Operation::Upsert) {
            let most = rows.min(super::MAX_BATCH_ROWS);
            batch_rows::reserve(&mut self.rows.vectors, most * self.rows.dimension)?;
        }
        Ok(self)
    }

    /// Rows but for those that only make room for others.
    pub(super) fn written(&self) -> usize {
        self.rows.given.iter().filter(|&&given| given != DELETED).count()
    }

    /// What is done with a row.
    pub(super) fn operation_of(&self, row: usize) -> Operation {
        if self.rows.has(row, DELETED) { Operation::Delete } else { self.operation }
    }

    /// Keeps the rows that `keep` is true for.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        self.rows.retain(keep);
        self.documents.retain(keep);
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a row.
    ///
    /// # Errors
    /// `DIMENSION_MISMATCH`, or `OUT_OF_MEMORY` beyond 4 GiB of text; the batch is unchanged.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), Error> {
        let present = |text: Option<&str>| if text.is_some() { &[1u8] } else { &[0u8] };
        let end = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let texts = [Some(row.id), row.metadata, row.document].map(Option::unwrap_or_default);
        let ends = texts.map(|text| [end(text)]);
        let column =
            |at: usize| Texts { bytes: texts[at].as_bytes(), ends: &ends[at], present: &[] };
        self.extend(&Columns {
            ids: column(0),
            vectors: row.vector.unwrap_or_default(),
            has_vector: if row.vector.is_some() { &[1] } else { &[0] },
            metadata: Texts { present: present(row.metadata), ..column(1) },
            documents: Texts { present: present(row.document), ..column(2) },
        })
    }

    /// Appends rows given by column.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if columns differ in length, `DIMENSION_MISMATCH` if the vectors are not
    /// rows times dimension long, `OUT_OF_MEMORY`; the batch is unchanged.
    pub fn extend(&mut self, columns: &Columns<'_>) -> Result<(), Error> {
        let count = columns.ids.ends.len();
        let total = self.len() + count;
        if total > super::MAX_BATCH_ROWS {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("a batch of {total} rows is over the limit of {}", super::MAX_BATCH_ROWS),
            ));
        }
        let none = Texts::default();
        let (metadata, documents, vectors) = match self.operation {
            Operation::Delete => (none, none, &[][..]),
            Operation::View => (columns.metadata, none, &[][..]),
            _ => (columns.metadata, columns.documents, columns.vectors),
        };
        let has_vector = self.given_vectors(vectors, columns.has_vector, count)?;
        let has_metadata = given_texts("metadata", &metadata, count)?;
        let has_document = given_texts("documents", &documents, count)?;

        // Into columns of their own first, so that a bad column leaves the batch as it was.
        let mut added = BatchRows::new(self.rows.dimension);
        let mut added_documents = TextColumn::default();
        added.ids.extend("ids", columns.ids.bytes, columns.ids.ends)?;
        extend_or_blank(&mut added.metadata, "metadata", &metadata, count)?;
        extend_or_blank(&mut added_documents, "documents", &documents, count)?;
        added.given = (0..count)
            .map(|row| {
                let bit = |has: &dyn Fn(usize) -> bool, bit: u8| if has(row) { bit } else { 0 };
                bit(&has_vector, VECTOR)
                    | bit(&has_metadata, METADATA)
                    | bit(&has_document, DOCUMENT)
            })
            .collect();
        batch_rows::reserve(&mut self.rows.vectors, vectors.len())?;
        self.documents.append(&added_documents)?;
        self.rows.append(&added)?;
        if added.given.iter().all(|given| given & VECTOR != 0) {
            self.rows.vectors.extend_from_slice(vectors);
        } else if !vectors.is_empty() {
            for row in (0..count).filter(|&row| added.has(row, VECTOR)) {
                let at = row * self.rows.dimension;
                self.rows.vectors.extend_from_slice(&vectors[at..at + self.rows.dimension]);
            }
        }
        Ok(())
    }

    fn given_vectors<'a>(
        &self,
        vectors: &[f32],
        has_vector: &'a [u8],
        count: usize,
    ) -> Result<impl Fn(usize) -> bool + use<'a>, Error> {
        same_length("hasVector", has_vector.len(), count)?;
        let any = !vectors.is_empty();
        let none_wanted = has_vector.len() == count && has_vector.iter().all(|&has| has == 0);
        if any && vectors.len() != count * self.rows.dimension {
            return Err(Error::new(
                Code::DimensionMismatch,
                format!(
                    "{count} rows of {} components were expected, {} components came",
                    self.rows.dimension,
                    vectors.len()
                ),
            ));
        }
        let takes_vectors = !matches!(self.operation, Operation::Delete | Operation::View);
        if !any && !has_vector.is_empty() && !none_wanted && takes_vectors {
            return Err(Error::new(Code::DimensionMismatch, "vectors were announced, none came"));
        }
        Ok(move |row: usize| any && has_vector.get(row).is_none_or(|&has| has != 0))
    }
}

fn same_length(name: &str, length: usize, rows: usize) -> Result<(), Error> {
    if length == 0 || length == rows {
        return Ok(());
    }
    let message = format!("{name} has {length} entries for {rows} rows");
    Err(Error::new(Code::InvalidArgument, message))
}

fn given_texts<'a>(
    name: &str,
    texts: &Texts<'a>,
    count: usize,
) -> Result<impl Fn(usize) -> bool + use<'a>, Error> {
    same_length(name, texts.ends.len(), count)?;
    same_length(name, texts.present.len(), count)?;
    let (any, present) = (!texts.ends.is_empty(), texts.present);
    Ok(move |row: usize| any && present.get(row).is_none_or(|&has| has != 0))
}

fn extend_or_blank(
    column: &mut TextColumn,
    name: &str,
    texts: &Texts<'_>,
    count: usize,
) -> Result<(), Error> {
    if texts.ends.is_empty() {
        return (0..count).try_for_each(|_| column.push(""));
    }
    column.extend(name, texts.bytes, texts.ends)
}
