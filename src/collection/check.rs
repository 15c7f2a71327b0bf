//! Checking the rows of a batch, one by one.

use hashbrown::{HashMap, HashSet};

use super::{Batch, Collection, MAX_DOCUMENT_BYTES, MAX_ID_BYTES, Operation};
use crate::error::{Code, Error};
use crate::metadata::{self, MAX_FIELDS};
use crate::text_column::TextColumn;

/// What is wrong with one row of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemError {
    /// The row, counted from 0 over the whole batch.
    pub index: usize,
    /// Its id.
    pub id: String,
    /// What is wrong.
    pub error: Error,
}

impl Collection {
    /// What is wrong with which rows, in their order.
    pub(super) fn check_rows(&self, batch: &Batch) -> Vec<ItemError> {
        let repeated = repeated_ids(&batch.rows.ids);
        let mut new_fields = HashSet::new();
        let vectors = batch.rows.vectors_by_row();
        vectors
            .enumerate()
            .filter_map(|(row, vector)| {
                if batch.operation == Operation::View {
                    check_once(row, &repeated).and_then(|()| self.check_view(batch, row))
                } else {
                    self.check_record(batch, row, vector, &repeated, &mut new_fields)
                }
                .err()
                .map(|error| ItemError {
                    index: row,
                    id: batch.rows.ids.get(row).to_owned(),
                    error,
                })
            })
            .collect()
    }

    fn check_record(
        &self,
        batch: &Batch,
        row: usize,
        vector: Option<&[f32]>,
        repeated: &HashSet<usize>,
        new_fields: &mut HashSet<String>,
    ) -> Result<(), Error> {
        self.check_id(batch, row, repeated)
            .and_then(|()| self.check_vector(batch.operation_of(row), vector))
            .and_then(|()| self.check_metadata(batch, row, new_fields))
            .and_then(|()| check_document(batch, row))
    }

    fn check_id(&self, batch: &Batch, row: usize, repeated: &HashSet<usize>) -> Result<(), Error> {
        let id = batch.rows.ids.get(row);
        check_id_length(id)?;
        check_once(row, repeated)?;
        match (batch.operation_of(row), self.keys.slot(id).is_some()) {
            (Operation::Insert, true) => {
                Err(Error::new(Code::DuplicateId, "a record with this id is there already"))
            }
            (Operation::Update | Operation::Delete, false) => {
                Err(Error::new(Code::NotFound, "there is no record with this id"))
            }
            _ => Ok(()),
        }
    }

    fn check_vector(&self, operation: Operation, vector: Option<&[f32]>) -> Result<(), Error> {
        match (vector, operation) {
            (Some(vector), _) => self.index.check_vector(vector),
            (None, Operation::Insert | Operation::Upsert) => Err(Error::new(
                Code::InvalidArgument,
                format!("{} needs a vector for every record", operation.name()),
            )),
            (None, _) => Ok(()),
        }
    }

    fn check_metadata(
        &self,
        batch: &Batch,
        row: usize,
        new_fields: &mut HashSet<String>,
    ) -> Result<(), Error> {
        let Some(text) = batch.rows.metadata(row).filter(|text| *text != "null") else {
            return Ok(());
        };
        self.check_fields(&metadata::parse(text)?, new_fields)
    }

    /// Checks that the collection can take the fields that it does not have yet.
    pub(super) fn check_fields(
        &self,
        fields: &[metadata::Field],
        new_fields: &mut HashSet<String>,
    ) -> Result<(), Error> {
        let unseen: Vec<String> = fields
            .iter()
            .map(|(path, _)| path)
            .filter(|path| self.columns.get(path).is_none() && !new_fields.contains(*path))
            .cloned()
            .collect();
        if unseen.is_empty() {
            return Ok(());
        }
        let total = self.columns.len() + new_fields.len() + unseen.len();
        if total > MAX_FIELDS {
            return Err(Error::new(
                Code::InvalidArgument,
                format!(
                    "metadata: with '{}' the collection would have {total} distinct fields; the limit is {MAX_FIELDS}",
                    unseen[0]
                ),
            ));
        }
        new_fields.extend(unseen);
        Ok(())
    }
}

/// Checks the length of an id.
pub(super) fn check_id_length(id: &str) -> Result<(), Error> {
    if (1..=MAX_ID_BYTES).contains(&id.len()) {
        return Ok(());
    }
    Err(Error::new(
        Code::InvalidArgument,
        format!("an id of 1 to {MAX_ID_BYTES} bytes was expected, one of {} came", id.len()),
    ))
}

fn check_once(row: usize, repeated: &HashSet<usize>) -> Result<(), Error> {
    if repeated.contains(&row) {
        return Err(Error::new(Code::DuplicateId, "the id is in the batch more than once"));
    }
    Ok(())
}

fn check_document(batch: &Batch, row: usize) -> Result<(), Error> {
    let size = if batch.documents.len() == 0 { 0 } else { batch.documents.size(row) };
    if size <= MAX_DOCUMENT_BYTES {
        return Ok(());
    }
    Err(Error::new(
        Code::InvalidArgument,
        format!("the document has {size} bytes; the limit is {MAX_DOCUMENT_BYTES}"),
    ))
}

fn repeated_ids(ids: &TextColumn) -> HashSet<usize> {
    let mut first = HashMap::with_capacity(ids.len());
    let mut repeated = HashSet::new();
    for (row, id) in ids.iter().enumerate() {
        if let Some(&before) = first.get(id) {
            repeated.extend([before, row]);
        } else {
            first.insert(id, row);
        }
    }
    repeated
}
