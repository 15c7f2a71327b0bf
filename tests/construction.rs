//! What the builders promise: recall against the exact scan on data that is unkind to graphs, and
//! the same bytes for any number of threads.

mod support;

use kindex::{Config, FLAT_LIMIT, Metric, Quantization, SearchOptions};
use support::{Random, builds_the_same_for_any_threads, holds_recall, index_of, mixture, recall};

const SEED: u64 = 20_261;

fn holds(name: &str, config: &Config, vectors: &[f32], least: f64) {
    holds_recall(name, config, vectors, 80, SEED, least);
}

fn config(dimension: usize, metric: Metric) -> Config {
    let mut config = Config::new(dimension);
    config.metric = metric;
    config
}

#[test]
fn clusters_that_come_one_after_the_other() {
    let vectors = mixture(9000, 32, 60, 0.3, true, SEED);
    holds("sorted clusters", &config(32, Metric::Cosine), &vectors, 0.97);
}

#[test]
fn tight_clusters() {
    let vectors = mixture(9000, 24, 300, 0.01, false, SEED);
    holds("tight clusters", &config(24, Metric::Euclidean), &vectors, 0.97);
}

#[test]
fn vectors_in_sorted_order() {
    let mut rows: Vec<Vec<f32>> =
        mixture(8000, 16, 40, 0.5, false, SEED).chunks(16).map(<[f32]>::to_vec).collect();
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    holds("sorted", &config(16, Metric::Euclidean), &rows.concat(), 0.97);
}

#[test]
fn thousands_of_exact_duplicates() {
    let mut vectors = mixture(7000, 16, 50, 0.4, false, SEED);
    let twin = vectors[..16].to_vec();
    for at in 0..3000 {
        vectors[(at * 2 + 1) * 16..][..16].copy_from_slice(&twin);
    }
    holds("duplicates", &config(16, Metric::Cosine), &vectors, 0.97);
}

/// Every other vector of 3,000 is a copy of the first, moved by `noise`.
fn near_duplicates(noise: f32) -> Vec<f32> {
    let mut random = Random::new(SEED);
    let mut vectors = mixture(8000, 16, 50, 0.4, false, SEED);
    let twin = vectors[..16].to_vec();
    for at in 0..3000 {
        for (x, y) in vectors[(at * 2 + 1) * 16..][..16].iter_mut().zip(&twin) {
            *x = y + noise * random.normal();
        }
    }
    vectors
}

#[test]
fn thousands_of_near_duplicates() {
    holds("near duplicates", &config(16, Metric::Euclidean), &near_duplicates(0.05), 0.97);
}

#[test]
fn duplicates_too_near_for_codes_are_found_at_the_right_distance() {
    // Which of 3,000 vectors that differ in the last bits of a code is nearest, codes can't say; that
    // what is found is as near as the true ones, to a hundredth, they can.
    let vectors = near_duplicates(1e-3);
    let index = index_of(&config(16, Metric::Euclidean), &vectors, 1500);
    let mut random = Random::new(SEED);
    for at in (0..3000).step_by(100) {
        let query: Vec<f32> =
            vectors[at * 16..][..16].iter().map(|x| x + 0.1 * random.signed()).collect();
        let search = |exact| index.search(&query, &SearchOptions { k: 10, ef: 80, exact }, None).0;
        let (truth, found) = (search(true), search(false));
        assert_eq!(found.len(), 10);
        for (truth, found) in truth.iter().zip(&found) {
            assert!(
                found.distance <= 1.02 * truth.distance,
                "query {at}: {found:?}, not {truth:?}"
            );
        }
    }
}

#[test]
fn two_to_eight_dimensions() {
    for dimension in [2, 3, 8] {
        let vectors = mixture(7000, dimension, 30, 0.5, false, SEED);
        let name = format!("{dimension} dimensions");
        holds(&name, &config(dimension, Metric::Euclidean), &vectors, 0.97);
    }
}

/// The few longest vectors are nearly everybody's neighbors: what nothing leads to is attached to them, and they
/// must go on leading to each other.
#[test]
fn inner_products_of_few_components() {
    for (dimension, least) in [(2, 0.96), (3, 0.96)] {
        let vectors = mixture(9000, dimension, 60, 0.4, false, SEED);
        let name = format!("inner products, {dimension} dimensions");
        holds(&name, &config(dimension, Metric::Dot), &vectors, least);
    }
}

#[test]
fn inner_products_of_vectors_of_all_lengths() {
    let mut random = Random::new(SEED);
    let mut vectors = mixture(8000, 48, 100, 0.6, false, SEED);
    for vector in vectors.chunks_mut(48) {
        let length = 0.5 + random.signed().abs();
        vector.iter_mut().for_each(|x| *x *= length);
    }
    holds("inner products", &config(48, Metric::Dot), &vectors, 0.9);
}

#[test]
fn euclidean_data_far_from_the_origin() {
    let mut vectors = mixture(8000, 32, 80, 0.4, false, SEED);
    vectors.iter_mut().for_each(|x| *x += 500.0);
    holds("far away", &config(32, Metric::Euclidean), &vectors, 0.97);
}

#[test]
fn floats_alone() {
    let mut config = config(40, Metric::Cosine);
    config.quantization = Quantization::None;
    holds("floats", &config, &mixture(7000, 40, 80, 0.5, false, SEED), 0.97);
}

#[test]
fn the_same_bytes_for_one_two_and_four_threads() {
    let vectors = mixture(9000, 33, 70, 0.4, false, SEED);
    builds_the_same_for_any_threads(&Config::new(33), &vectors);
}

#[test]
fn a_small_collection_is_answered_exactly() {
    let vectors = mixture(FLAT_LIMIT, 20, 40, 0.4, false, SEED);
    let index = index_of(&Config::new(20), &vectors, 1000);
    assert!(!index.has_graph());
    assert!(recall(&index, &vectors[..50 * 20], 10, 10, None) >= 1.0);
}
