//! Bytes a vector, all in: what a page can plan with, and vectors that are given up while they are read.

mod support;

use kindex::collection::{Batch, Operation, Row, SnapshotLoader};
use kindex::{Collection, Config, Metric, Quantization, SearchOptions};
use support::{index_of, mixture};

const ROWS: usize = 20_480;
const DIMENSION: usize = 384;

fn bytes_a_vector(keep_vectors: bool) -> f64 {
    let mut config = Config::new(DIMENSION);
    config.keep_vectors = keep_vectors;
    let vectors = mixture(ROWS, DIMENSION, 300, 0.4, false, 7);
    let index = index_of(&config, &vectors, ROWS / 4);
    index.search(&vectors[..DIMENSION], &SearchOptions::default(), None);
    let stats = index.stats();
    assert!(index.has_graph() && stats.live == ROWS);
    let bytes = stats.code_bytes + stats.vector_bytes + stats.graph_bytes + stats.scratch_bytes;
    // A bit each for what is alive, free and in the graph.
    bytes as f64 / ROWS as f64 + 3.0 / 8.0
}

#[test]
fn codes_and_graph_take_at_most_620_bytes() {
    let bytes = bytes_a_vector(false);
    assert!(bytes <= 620.0, "{bytes} bytes a vector");
}

#[test]
fn with_floats_it_is_at_most_2200_bytes() {
    let bytes = bytes_a_vector(true);
    assert!(bytes <= 2200.0, "{bytes} bytes a vector");
}

fn sample(quantization: Quantization) -> Collection {
    let (rows, dimension) = (6000, 32);
    let mut config = Config { metric: Metric::Euclidean, ..Config::new(dimension) };
    config.quantization = quantization;
    let mut collection = Collection::new(config).unwrap();
    let mut batch = Batch::new(Operation::Insert, dimension, true);
    for (at, vector) in mixture(rows, dimension, 40, 0.4, false, 3).chunks(dimension).enumerate() {
        let (id, metadata) = (at.to_string(), Some("{\"n\":1}"));
        batch.push(Row { id: &id, vector: Some(vector), metadata, document: None }).unwrap();
    }
    let prepared = collection.prepare(batch).unwrap();
    collection.apply(prepared, &mut |_| {}).unwrap();
    collection
}

#[test]
fn a_snapshot_gives_its_vectors_up_whenever_it_is_asked() {
    let mut collection = sample(Quantization::Int8);
    let whole = collection.to_bytes().unwrap();
    assert!(collection.drop_vectors());
    let lean = collection.to_bytes().unwrap();
    let step = whole.len() / 60 + 1;
    let mut given_up = Vec::new();
    for asked in 0..60 {
        let mut loader = SnapshotLoader::new();
        for (at, bytes) in whole.chunks(step).enumerate() {
            loader.push(bytes).unwrap();
            if at >= asked {
                loader.drop_vectors();
            }
        }
        given_up.push(loader.drop_vectors());
        assert!(loader.finish().unwrap().to_bytes().unwrap() == lean, "asked at {asked}");
    }
    assert_eq!(given_up, [6000 * 32 * 4; 60]);

    let floats = sample(Quantization::None).to_bytes().unwrap();
    let mut loader = SnapshotLoader::new();
    for bytes in floats.chunks(step) {
        loader.push(bytes).unwrap();
        assert_eq!(loader.drop_vectors(), 0);
    }
    assert!(loader.finish().unwrap().to_bytes().unwrap() == floats);
}
