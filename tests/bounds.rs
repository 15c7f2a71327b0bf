//! The edges of what an index takes.

mod support;

use kindex::{Bitset, Code, Config, Index, Metric, NodeId, Quantization, SearchOptions};
use support::{index_of, mixture, recall};

#[test]
fn dimensions_from_1_to_4096() {
    for dimension in [1, 2, 15, 16, 17, 63, 65, 100, 384, 1000, 4096] {
        for metric in [Metric::Cosine, Metric::Dot, Metric::Euclidean] {
            let mut config = Config::new(dimension);
            config.metric = metric;
            let vectors = mixture(60, dimension, 5, 0.4, false, dimension as u64);
            let index = index_of(&config, &vectors, 25);
            let hits = index.search(&vectors[..dimension], &SearchOptions::default(), None).0;
            assert_eq!(hits.len(), 10, "{dimension} {metric:?}");
            assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance));
            if metric != Metric::Dot {
                assert!(hits[0].distance < 1e-3, "{dimension} {metric:?} {}", hits[0].distance);
            }
        }
    }
}

#[test]
fn options_out_of_bounds_name_the_field() {
    let wrong = |change: fn(&mut Config), field: &str| {
        let mut config = Config::new(8);
        change(&mut config);
        let error = Index::new(config).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains(field), "{error}");
    };
    wrong(|c| c.dimension = 0, "dimension");
    wrong(|c| c.dimension = 4097, "dimension");
    wrong(|c| c.m = 3, "graph.m");
    wrong(|c| c.m = 65, "graph.m");
    wrong(|c| c.ef_construction = 4097, "graph.efConstruction");
    wrong(
        |c| {
            c.keep_vectors = false;
            c.quantization = Quantization::None;
        },
        "keepVectors",
    );
}

#[test]
fn vectors_that_would_poison_distances_are_refused() {
    let index = Index::new(Config::new(3)).unwrap();
    let code = |vector: &[f32]| index.check_vector(vector).unwrap_err().code();
    assert_eq!(code(&[1.0, 2.0]), Code::DimensionMismatch);
    assert_eq!(code(&[1.0, f32::NAN, 0.0]), Code::NotFinite);
    assert_eq!(code(&[1.0, f32::INFINITY, 0.0]), Code::NotFinite);
    assert_eq!(code(&[1e30, 0.0, 0.0]), Code::NotFinite);
    assert_eq!(code(&[0.0, -0.0, 0.0]), Code::ZeroVector);
    index.check_vector(&[1e-30, 0.0, 0.0]).unwrap();
}

#[test]
fn an_empty_index_answers_with_nothing() {
    let index = Index::new(Config::new(4)).unwrap();
    assert!(index.search(&[1.0; 4], &SearchOptions::default(), None).0.is_empty());
    assert!(
        index.search_batch(&[1.0; 8], &SearchOptions::default(), None).iter().all(Vec::is_empty)
    );
    index.check().unwrap();
}

#[test]
fn k_beyond_the_collection_and_ef_below_k() {
    let vectors = mixture(6000, 8, 40, 0.5, false, 3);
    let index = index_of(&Config::new(8), &vectors, 6000);
    let search =
        |k, ef| index.search(&vectors[..8], &SearchOptions { k, ef, exact: false }, None).0;
    assert_eq!(search(10_000, 10).len(), 6000);
    assert_eq!(search(50, 1).len(), 50);
    assert_eq!(search(0, 10).len(), 0);
    assert_eq!(search(1, 1)[0].slot, NodeId(0));
}

#[test]
fn vectors_that_are_all_equal() {
    for metric in [Metric::Cosine, Metric::Dot, Metric::Euclidean] {
        let mut config = Config::new(16);
        config.metric = metric;
        let index = index_of(&config, &[0.25f32; 16 * 7000], 3500);
        index.check().unwrap();
        let hits = index.search(&[0.25; 16], &SearchOptions::default(), None).0;
        assert_eq!(hits.len(), 10, "{metric:?}");
        assert!(hits.iter().all(|hit| hit.distance == hits[0].distance));
    }
}

#[test]
fn filters_of_every_selectivity_keep_recall_and_never_leak() {
    let vectors = mixture(12_000, 32, 200, 0.6, false, 5);
    let index = index_of(&Config::new(32), &vectors, 12_000);
    let queries = &vectors[..60 * 32];
    for every in [1, 2, 3, 5, 10, 100, 1000] {
        let filter: Bitset = (0..12_000u32).step_by(every).map(NodeId).collect();
        let recall = recall(&index, queries, 10, 80, Some(&filter));
        println!("one in {every}: recall@10 {recall:.4}");
        assert!(recall >= 0.97, "one in {every}: recall@10 {recall:.4}");
        for query in queries.chunks(32).take(10) {
            let (hits, how) = index.search(query, &SearchOptions::default(), Some(&filter));
            assert_eq!(hits.len(), 10, "{how:?}");
            assert!(hits.iter().all(|hit| filter.contains(hit.slot)), "{how:?}");
        }
    }
    let none = Bitset::default();
    assert!(index.search(&vectors[..32], &SearchOptions::default(), Some(&none)).0.is_empty());
}

#[test]
fn a_filter_that_lies_in_one_corner_is_found_too() {
    // All matches are in clusters far from most queries: the walk has to bridge, or give up.
    let vectors = mixture(12_000, 24, 120, 0.2, true, 9);
    let index = index_of(&Config::new(24), &vectors, 12_000);
    let filter: Bitset = (9000..12_000u32).map(NodeId).collect();
    let recall = recall(&index, &vectors[..80 * 24], 10, 80, Some(&filter));
    assert!(recall >= 0.97, "recall@10 {recall:.4}");
}
