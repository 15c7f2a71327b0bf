//! Batches by column, as the bindings hand them over: what is accepted is written, replayed, and the
//! same on both sides.

use kindex::collection::{Batch, Columns, Operation, Replay, Texts};
use kindex::{Code, Collection};

use super::log::config;
use crate::exercise;
use crate::heap::bounded;
use crate::input::Input;

/// A column of texts. Most offsets are good; now and then one is not.
struct Column<'a> {
    bytes: &'a [u8],
    ends: Vec<u32>,
    present: &'a [u8],
}

impl<'a> Column<'a> {
    fn read(input: &mut Input<'a>, rows: usize) -> Self {
        let how = input.u8();
        let mut end = 0;
        let mut ends: Vec<u32> = (0..rows)
            .map(|_| {
                end += u32::from(input.u8() % 48);
                end
            })
            .collect();
        let bytes = input.take(end as usize);
        match how % 8 {
            0 => ends.clear(),
            1 => ends = ends.iter().map(|&end| end.wrapping_mul(0x8000_0001)).collect(),
            // Input that ends early leaves offsets past the text: the last ones are made to fit.
            _ => ends.iter_mut().for_each(|end| *end = (*end).min(bytes.len() as u32)),
        }
        let bytes = if ends.is_empty() { &[][..] } else { bytes };
        let present = if how & 8 == 0 { &[][..] } else { input.take(rows) };
        Self { bytes, ends, present }
    }

    fn texts(&self) -> Texts<'_> {
        Texts { bytes: self.bytes, ends: &self.ends, present: self.present }
    }
}

const OPERATIONS: [Operation; 4] =
    [Operation::Insert, Operation::Upsert, Operation::Update, Operation::Delete];

/// Taken if it wrote a row.
pub(crate) fn decode(input: &[u8]) -> bool {
    let length = input.len();
    let mut input = Input(input);
    let config = config(input.u8());
    let mut collection = Collection::new(config.clone()).expect("the options are good");
    let mut twin = Collection::new(config).expect("the options are good");
    let mut replay = Replay::new();
    while !input.is_empty() {
        let how = input.u8();
        let operation = OPERATIONS[usize::from(how % 4)];
        let batch = Batch::new(operation, collection.config().dimension, how & 4 == 0);
        let batch = match how & 8 {
            0 => batch,
            _ => batch.named("named").expect("a good name"),
        };
        let batch = bounded(length, || columns(&mut input, batch));
        let mut prepared = collection.prepare(batch).expect("there is room");
        if prepared.is_rejected() {
            assert_eq!(prepared.plan_log(1024), 0);
            continue;
        }
        for at in 0..prepared.document_chunks() {
            let chunk = prepared.document_chunk(at);
            kindex::codec::read_document(&chunk, 0).expect("a chunk has a document");
        }
        let count = prepared.plan_log(0);
        let parts: Vec<_> = (0..count).map(|at| prepared.log_part(at).expect("in order")).collect();
        collection.apply(prepared, &mut |_| {}).expect("the batch was checked");
        for part in &parts {
            replay.feed(&mut twin, part).expect("its own log");
        }
        collection.check().expect("good batches");
        assert_eq!(replay.finish(), 0);
    }
    let bytes = |collection: &Collection| collection.to_bytes().expect("nothing changes");
    assert!(bytes(&collection) == bytes(&twin), "the log makes another collection");
    exercise::read(&collection);
    collection.generation() > 0
}

fn columns(input: &mut Input<'_>, mut batch: Batch) -> Batch {
    for _ in 0..1 + input.u8() % 3 {
        let rows = usize::from(input.u8() % 24);
        let ids = Column::read(input, rows);
        let metadata = Column::read(input, rows);
        let documents = Column::read(input, rows);
        let how = input.u8();
        let has_vector = if how & 1 == 0 { &[][..] } else { input.take(rows) };
        let dimension = 1 + usize::from(how >> 1 & 7);
        let components = if how & 16 == 0 { rows * dimension } else { usize::from(how) };
        let vectors: Vec<f32> = (0..components)
            .map(|_| if how & 32 == 0 { f32::from(input.u8()) - 100.0 } else { input.f32() })
            .collect();
        let before = batch.len();
        let added = batch.extend(&Columns {
            ids: ids.texts(),
            vectors: &vectors,
            has_vector,
            metadata: metadata.texts(),
            documents: documents.texts(),
        });
        if let Err(error) = added {
            let expected = matches!(error.code(), Code::InvalidArgument | Code::DimensionMismatch);
            assert!(expected && batch.len() == before, "{error}");
        }
    }
    batch
}
