//! A record that is given the vector it has stays where it is, and one that is given another moves.

mod support;

use kindex::collection::{Batch, Operation, Row};
use kindex::{Collection, Config, NodeId, Quantization};
use support::mixture;

const DIMENSION: usize = 16;
const N: usize = 6000;
const SEED: u64 = 5;

fn write(collection: &mut Collection, operation: Operation, rows: &[(usize, &[f32])], note: &str) {
    let mut batch = Batch::new(operation, DIMENSION, true);
    for (id, vector) in rows {
        let id = format!("record-{id}");
        let metadata = format!(r#"{{"note":"{note}"}}"#);
        let row = Row { id: &id, vector: Some(vector), metadata: Some(&metadata), document: None };
        batch.push(row).unwrap();
    }
    let prepared = collection.prepare(batch).unwrap();
    assert!(prepared.errors().is_empty());
    collection.apply(prepared, &mut |_| {}).unwrap();
    collection.check().unwrap();
}

fn slot(collection: &Collection, id: usize) -> NodeId {
    collection.slot(&format!("record-{id}")).unwrap()
}

#[test]
fn the_same_vector_again_changes_neither_place_nor_graph() {
    let vectors = mixture(N, DIMENSION, 40, 0.5, false, SEED);
    let row = |at: usize| (at, &vectors[at * DIMENSION..(at + 1) * DIMENSION]);
    for (quantization, keep_vectors) in
        [(Quantization::Int8, true), (Quantization::Int8, false), (Quantization::None, true)]
    {
        let config = Config { quantization, keep_vectors, ..Config::new(DIMENSION) };
        let mut collection = Collection::new(config).unwrap();
        let all: Vec<_> = (0..N).map(row).collect();
        write(&mut collection, Operation::Insert, &all, "first");
        let before = support::bytes_of(collection.index());
        let some: Vec<_> = (0..N).step_by(7).map(row).collect();
        write(&mut collection, Operation::Upsert, &some, "again");
        let some: Vec<_> = (0..N).step_by(11).map(row).collect();
        write(&mut collection, Operation::Update, &some, "changed");
        assert!(before == support::bytes_of(collection.index()), "{}", quantization.name());
        let note = |id| collection.metadata(slot(&collection, id)).unwrap().to_owned();
        assert_eq!(
            [note(1), note(7), note(11)].map(|text| text[9..14].to_owned()),
            ["first", "again", "chang"]
        );

        // Among rows that stay one has another vector: it alone moves.
        let (old, stays) = (slot(&collection, 3), slot(&collection, 4));
        let mixed = [row(2), (3, row(2).1), row(4), (N, row(5).1)];
        write(&mut collection, Operation::Upsert, &mixed, "moved");
        assert_ne!(slot(&collection, 3), old);
        assert_eq!(slot(&collection, 4), stays);
        assert_eq!(
            collection.vector(slot(&collection, 3)),
            collection.vector(slot(&collection, 2))
        );
        assert_eq!(
            collection.vector(slot(&collection, N)),
            collection.vector(slot(&collection, 5))
        );
    }
}
