//! Typed columns: what the fields of live records hold, arranged for filters.

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::dictionary::Dictionary;
use super::filter::Scalar;
use super::numbers::Numbers;
use super::value::{Field, Value};
use crate::ids::NodeId;

/// One field. A slot has at most one value there.
#[derive(Debug, Default)]
pub(crate) struct Column {
    pub(crate) present: RoaringBitmap,
    pub(crate) nulls: RoaringBitmap,
    pub(crate) trues: RoaringBitmap,
    pub(crate) falses: RoaringBitmap,
    pub(crate) lists: RoaringBitmap,
    pub(crate) texts: Dictionary,
    pub(crate) numbers: Numbers,
}

impl Column {
    fn insert(&mut self, slot: NodeId, value: &Value) {
        self.present.insert(slot.0);
        match value {
            Value::Object => {}
            Value::One(Scalar::Null) => {
                self.nulls.insert(slot.0);
            }
            Value::One(Scalar::Bool(value)) => {
                self.bools(*value).insert(slot.0);
            }
            Value::One(Scalar::Number(number)) => self.numbers.set(slot, *number),
            Value::One(Scalar::Text(text)) => self.texts.insert(slot, text),
            Value::List(items) => {
                self.lists.insert(slot.0);
                self.numbers.set_list(slot, items.iter().filter_map(number_of));
                items.iter().filter_map(text_of).for_each(|text| self.texts.insert(slot, text));
            }
        }
    }

    fn remove(&mut self, slot: NodeId, value: &Value) {
        self.present.remove(slot.0);
        match value {
            Value::Object => {}
            Value::One(Scalar::Null) => {
                self.nulls.remove(slot.0);
            }
            Value::One(Scalar::Bool(value)) => {
                self.bools(*value).remove(slot.0);
            }
            Value::One(Scalar::Number(_)) => self.numbers.remove(slot),
            Value::One(Scalar::Text(text)) => self.texts.remove(slot, text),
            Value::List(items) => {
                self.lists.remove(slot.0);
                self.numbers.remove(slot);
                items.iter().filter_map(text_of).for_each(|text| self.texts.remove(slot, text));
            }
        }
    }

    fn bools(&mut self, value: bool) -> &mut RoaringBitmap {
        if value { &mut self.trues } else { &mut self.falses }
    }

    fn bytes(&self) -> usize {
        let bitmaps = [&self.present, &self.nulls, &self.trues, &self.falses, &self.lists];
        bitmaps.map(RoaringBitmap::serialized_size).iter().sum::<usize>()
            + self.texts.bytes()
            + self.numbers.bytes()
    }
}

fn number_of(item: &Scalar) -> Option<f64> {
    if let Scalar::Number(number) = item { Some(*number) } else { None }
}

fn text_of(item: &Scalar) -> Option<&str> {
    if let Scalar::Text(text) = item { Some(text) } else { None }
}

/// The columns of all fields, by dotted path.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    fields: HashMap<Box<str>, Column>,
}

impl Columns {
    /// Distinct fields.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Column> {
        self.fields.get(path)
    }

    /// Adds the fields of a slot, which has none.
    pub(crate) fn insert(&mut self, slot: NodeId, fields: &[Field]) {
        for (path, value) in fields {
            match self.fields.get_mut(path.as_str()) {
                Some(column) => column.insert(slot, value),
                None => {
                    let mut column = Column::default();
                    column.insert(slot, value);
                    self.fields.insert(path.as_str().into(), column);
                }
            }
        }
    }

    /// Takes out the fields that the slot was given.
    pub(crate) fn remove(&mut self, slot: NodeId, fields: &[Field]) {
        for (path, value) in fields {
            let Some(column) = self.fields.get_mut(path.as_str()) else { continue };
            column.remove(slot, value);
            if column.present.is_empty() {
                self.fields.remove(path.as_str());
            }
        }
    }

    /// About how many bytes of memory they take.
    pub(crate) fn bytes(&self) -> usize {
        self.fields
            .iter()
            .map(|(path, column)| path.len() + size_of::<Column>() + column.bytes())
            .sum()
    }
}
