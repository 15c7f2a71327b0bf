//! Records as a store must keep them: what the torture and the tests compare it with.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::BTreeMap;

use kindex::Error;
use kindex::collection::{Batch, Operation, Row};
use kindex_store::Store;

/// SplitMix64: the seed is its user's to print.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    pub vector: Vec<f32>,
    pub metadata: Option<String>,
    pub document: Option<String>,
}

/// Records by id.
pub type Model = BTreeMap<String, Record>;

/// The rows as a store takes them.
pub fn batch(operation: Operation, rows: &[(String, Record)], atomic: bool) -> Batch {
    let dimension = rows.first().map_or(1, |(_, record)| record.vector.len());
    let mut batch = Batch::new(operation, dimension, atomic);
    for (id, record) in rows {
        let row = Row {
            id,
            vector: Some(&record.vector),
            metadata: record.metadata.as_deref(),
            document: record.document.as_deref(),
        };
        batch.push(row).expect("the rows have one dimension");
    }
    batch
}

/// Whether a row can be applied to what is there.
pub fn fits(model: &Model, operation: Operation, id: &str) -> bool {
    match operation {
        Operation::Insert => !model.contains_key(id),
        Operation::Upsert => true,
        _ => model.contains_key(id),
    }
}

/// Does to the model what a row that fits does to a store.
pub fn apply(model: &mut Model, operation: Operation, id: &str, record: &Record) {
    let old = model.remove(id);
    let mut record = record.clone();
    match operation {
        Operation::Delete => return,
        Operation::Insert | Operation::Upsert | Operation::View => {}
        Operation::Update => {
            let old = old.expect("only what is there is updated");
            record.metadata = record.metadata.or(old.metadata);
            record.document = record.document.or(old.document);
        }
    }
    model.insert(id.to_owned(), record);
}

/// All that a store holds, once its index was checked.
pub fn found(store: &Store) -> Result<Model, Error> {
    let collection = store.collection();
    collection.check()?;
    let mut found = Model::new();
    for slot in collection.find(None, usize::MAX, 0) {
        let record = Record {
            vector: collection.vector(slot).unwrap_or_default(),
            metadata: collection.metadata(slot).map(str::to_owned),
            document: store.document(slot)?,
        };
        let id = collection.id(slot).expect("what was found has an id");
        found.insert(id.to_owned(), record);
    }
    Ok(found)
}
