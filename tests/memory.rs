//! Bytes a vector, all in: what a page can plan with.

mod support;

use kindex::{Config, SearchOptions};
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
