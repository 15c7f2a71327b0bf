//! Binary codes: what their walks find, and that they hold whatever the other codes hold.

mod support;

use kindex::{Code, Config, Importer, Index, Metric, NodeId, Part, Quantization, SearchOptions};
use support::{
    Random, builds_the_same_for_any_threads, bytes_of, holds_recall, index_of, mixture, recall,
};

const SEED: u64 = 30_303;

fn config(dimension: usize, metric: Metric) -> Config {
    Config { metric, quantization: Quantization::Binary, ..Config::new(dimension) }
}

fn imported(config: &Config, parts: &[(Part, Vec<u8>)]) -> Result<Index, kindex::Error> {
    let mut importer: Importer = Index::importer(config.clone())?;
    parts.iter().try_for_each(|(part, bytes)| importer.push(*part, bytes))?;
    importer.finish()
}

#[test]
fn real_vectors_are_found_again() {
    let wordnet = kindex_dataset::wordnet().expect("the repository's vectors");
    let (rows, dimension) = (12_000, wordnet.dimension);
    let queries = &wordnet.queries()[..200 * dimension];
    let config = config(dimension, Metric::Cosine);
    let at_once = index_of(&config, wordnet.base(rows), rows);
    let grown = index_of(&config, wordnet.base(rows), 1500);
    for (name, index) in [("at once", &at_once), ("grown", &grown)] {
        index.check().unwrap();
        assert!(index.has_graph());
        let [usual, wide] = [0, 200].map(|ef| recall(index, queries, 10, ef, None));
        println!("{name}: recall@10 {usual:.4} by default, {wide:.4} with a beam of 200");
        assert!(usual >= 0.97 && wide >= 0.98, "{name}: {usual:.4}, {wide:.4}");
    }

    // Without floats an answer is an estimate: most of it is right, and what it says is near.
    let alone = Config { keep_vectors: false, ..config };
    let alone = index_of(&alone, wordnet.base(rows), rows);
    let stats = alone.stats();
    assert_eq!(stats.vector_bytes, 0);
    assert_eq!(stats.code_bytes, 12 * 1024 * (dimension / 8 + 4));
    let (mut right, mut off) = (0, 0.0);
    for query in queries.chunks_exact(dimension) {
        let exact = SearchOptions { exact: true, ..Default::default() };
        let truth = at_once.search(query, &exact, None).0;
        for hit in alone.search(query, &SearchOptions::default(), None).0 {
            right += usize::from(truth.iter().any(|near| near.slot == hit.slot));
            let row = wordnet.row(hit.slot.index());
            let cosine: f32 = row.iter().zip(query).map(|(a, b)| a * b).sum();
            off += (1.0 - cosine - hit.distance).abs();
        }
    }
    let (right, off) = (right as f32 / 2000.0, off / 2000.0);
    println!("without floats: recall@10 {right:.4}, distances off by {off:.4}");
    assert!(right >= 0.55 && off <= 0.08, "{right:.4}, {off:.4}");
}

fn holds(name: &str, config: &Config, vectors: &[f32], least: f64) {
    holds_recall(name, config, vectors, 200, SEED, least);
}

#[test]
fn clusters_that_come_one_after_the_other() {
    let vectors = mixture(8000, 128, 80, 0.4, true, SEED);
    holds("sorted clusters", &config(128, Metric::Cosine), &vectors, 0.99);
}

#[test]
fn euclidean_data_far_from_the_origin() {
    let mut vectors = mixture(8000, 128, 80, 0.4, false, SEED);
    vectors.iter_mut().for_each(|x| *x += 500.0);
    holds("far away", &config(128, Metric::Euclidean), &vectors, 0.98);
}

#[test]
fn inner_products_of_vectors_of_all_lengths() {
    let mut random = Random::new(SEED);
    let mut vectors = mixture(8000, 128, 80, 0.6, false, SEED);
    for vector in vectors.chunks_mut(128) {
        let length = 0.5 + random.signed().abs();
        vector.iter_mut().for_each(|x| *x *= length);
    }
    holds("inner products", &config(128, Metric::Dot), &vectors, 0.98);
}

#[test]
fn equal_and_nearly_equal_vectors() {
    let index = index_of(&config(130, Metric::Cosine), &[0.25; 130 * 7000], 3500);
    index.check().unwrap();
    let hits = index.search(&[0.25; 130], &SearchOptions::default(), None).0;
    assert_eq!(hits.len(), 10);
    assert!(hits.iter().all(|hit| hit.distance < 1e-6));

    let mut vectors = mixture(8000, 128, 80, 0.4, false, SEED);
    let twin = vectors[..128].to_vec();
    for at in 0..3000 {
        vectors[(at * 2 + 1) * 128..][..128].copy_from_slice(&twin);
    }
    holds("duplicates", &config(128, Metric::Euclidean), &vectors, 0.97);
}

#[test]
fn churn_costs_no_recall() {
    const N: usize = 7000;
    let all = mixture(2 * N, 128, 100, 0.5, false, SEED);
    let queries = mixture(100, 128, 100, 0.5, false, SEED);
    let row = |at: usize| &all[at * 128..(at + 1) * 128];
    let config = config(128, Metric::Cosine);
    let mut index = index_of(&config, &all[..N * 128], N);
    let mut held: Vec<(NodeId, usize)> = (0..N).map(|at| (NodeId(at as u32), at)).collect();
    let mut random = Random::new(SEED);
    for round in 0..8 {
        let gone: Vec<NodeId> =
            (0..N / 10).map(|_| held.swap_remove(random.below(held.len())).0).collect();
        index.remove(&gone);
        index.check().unwrap_or_else(|error| panic!("round {round} (seed {SEED}): {error}"));
        let fresh: Vec<usize> = (0..N / 10).map(|at| N + round * N / 10 + at).collect();
        let vectors: Vec<f32> = fresh.iter().flat_map(|&at| row(at)).copied().collect();
        held.extend(index.insert(&vectors, &mut |_| {}).unwrap().into_iter().zip(fresh));
        index.check().unwrap_or_else(|error| panic!("round {round} (seed {SEED}): {error}"));
    }
    held.sort_unstable();
    let live: Vec<f32> = held.iter().flat_map(|&(_, at)| row(at)).copied().collect();
    let fresh = index_of(&config, &live, N);
    let [churned, fresh] = [&index, &fresh].map(|index| recall(index, &queries, 10, 200, None));
    println!("recall@10 after churn {churned:.4}, of a fresh build {fresh:.4} (seed {SEED})");
    assert!(churned >= fresh - 0.02);
}

#[test]
fn the_same_bytes_for_one_two_and_four_threads() {
    let vectors = mixture(8000, 70, 70, 0.4, false, SEED);
    builds_the_same_for_any_threads(&config(70, Metric::Euclidean), &vectors);
}

#[test]
fn every_dimension_is_answered_and_comes_back_from_bytes() {
    for dimension in (1..=70).chain([127, 128, 1000, 4096]) {
        for metric in [Metric::Cosine, Metric::Dot, Metric::Euclidean] {
            for keep_vectors in [true, false] {
                let config = Config { keep_vectors, ..config(dimension, metric) };
                let vectors = mixture(60, dimension, 5, 0.4, false, dimension as u64);
                let index = index_of(&config, &vectors, 25);
                let search = |index: &Index| {
                    index.search(&vectors[..dimension], &SearchOptions::default(), None).0
                };
                let hits = search(&index);
                assert_eq!(hits.len(), 10, "{dimension} {metric:?}");
                assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance));
                // By signs a vector is nearest to itself as well, but perhaps not alone.
                if metric != Metric::Dot {
                    let own = hits[0].distance;
                    assert!(own < 1e-3 || metric == Metric::Euclidean && !keep_vectors, "{own}");
                }
                let parts = bytes_of(&index);
                let back = imported(&config, &parts).unwrap();
                assert!(bytes_of(&back) == parts, "{dimension} {metric:?}: other bytes");
                assert_eq!(search(&back), hits, "{dimension} {metric:?}");
            }
        }
    }
}

#[test]
fn codes_that_no_vector_has_are_corrupt() {
    let vectors = mixture(60, 70, 5, 0.4, false, SEED);
    for metric in [Metric::Cosine, Metric::Dot] {
        let config = config(70, metric);
        let parts = bytes_of(&index_of(&config, &vectors, 60));
        let place = parts.iter().position(|(part, _)| *part == Part::Codes).unwrap();
        let row = 2 * 8 + 4;
        assert_eq!(parts[place].1.len(), 60 * row);
        let refused = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut damaged = parts.clone();
            change(&mut damaged[place].1);
            let refused = imported(&config, &damaged).err();
            refused.is_some_and(|error| error.code() == Code::Corrupt)
        };
        let number = |x: f32| {
            move |bytes: &mut Vec<u8>| {
                bytes[3 * row + 16..4 * row].copy_from_slice(&x.to_le_bytes())
            }
        };
        assert!(refused(&|bytes| bytes[3 * row + 15] |= 128), "a sign past the last component");
        assert!(refused(&number(f32::NAN)) && refused(&number(f32::INFINITY)));
        assert!(refused(&number(-1.0)) && refused(&number(1e30)));
        assert_eq!(refused(&number(0.5)), metric == Metric::Cosine, "a length other than 1");
        assert!(refused(&|bytes| _ = bytes.pop()), "a row that is cut off");
        assert!(refused(&|bytes| bytes.truncate(59 * row)), "a row too few");
        let zeros = |bytes: &mut Vec<u8>| bytes[3 * row..4 * row].fill(0);
        assert_eq!(refused(&zeros), metric == Metric::Cosine, "a live slot without a code");
    }
}
