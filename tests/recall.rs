//! Recall on real vectors: the index against an exact scan, and beside instant-distance.
//!
//! The scan is written here once more, plainly and in double precision, so that the index's own
//! exact search is checked too.

use std::sync::LazyLock;

use instant_distance::{Builder, Point, Search};
use kindex::{Config, Index, Quantization, SearchOptions};
use kindex_dataset::Wordnet;

/// Enough for a graph, few enough for a test.
const ROWS: usize = 12_000;
const QUERIES: usize = 200;
const K: usize = 10;
/// Distances this close count as equal: the scan has more digits than the index.
const TOLERANCE: f64 = 1e-6;

static WORDNET: LazyLock<Wordnet> =
    LazyLock::new(|| kindex_dataset::wordnet().expect("the repository's vectors"));

/// The distance of every query's k-th nearest row.
static FARTHEST: LazyLock<Vec<f64>> = LazyLock::new(|| {
    queries()
        .map(|query| {
            let mut all: Vec<f64> = (0..ROWS).map(|row| cosine_distance(query, row)).collect();
            all.sort_by(f64::total_cmp);
            all[K - 1]
        })
        .collect()
});

fn queries() -> impl Iterator<Item = &'static [f32]> {
    WORDNET.queries().chunks_exact(WORDNET.dimension).take(QUERIES)
}

fn cosine_distance(query: &[f32], row: usize) -> f64 {
    let (mut dot, mut a, mut b) = (0.0, 0.0, 0.0);
    for (&x, &y) in query.iter().zip(WORDNET.row(row)) {
        let (x, y) = (f64::from(x), f64::from(y));
        dot += x * y;
        a += x * x;
        b += y * y;
    }
    1.0 - dot / (a * b).sqrt()
}

/// The share of the true neighbors that an answer holds, over all queries. `answer` gives rows.
fn recall(mut answer: impl FnMut(&'static [f32]) -> Vec<usize>) -> f64 {
    let mut near = 0;
    for (query, &farthest) in queries().zip(FARTHEST.iter()) {
        let mut rows = answer(query);
        rows.sort_unstable();
        rows.dedup();
        assert!(rows.len() <= K, "{} rows where {K} were asked for", rows.len());
        near +=
            rows.iter().filter(|&&row| cosine_distance(query, row) <= farthest + TOLERANCE).count();
    }
    near as f64 / (QUERIES * K) as f64
}

fn index_recall(index: &Index, options: &SearchOptions) -> f64 {
    recall(|query| {
        let (found, _) = index.search(query, options, None);
        assert!(found.is_sorted_by(|a, b| a.distance <= b.distance), "closest first");
        // Nothing was deleted, so slots are rows.
        found.iter().map(|hit| hit.slot.index()).collect()
    })
}

fn walk(ef: usize) -> SearchOptions {
    SearchOptions { k: K, ef, exact: false }
}

fn built(config: Config, batches: impl IntoIterator<Item = usize>) -> Index {
    let mut index = Index::new(config).expect("options in bounds");
    let mut row = 0;
    for rows in batches {
        let vectors = &WORDNET.base(row + rows)[row * WORDNET.dimension..];
        let slots = index.insert(vectors, &mut |_| {}).expect("room for a batch");
        assert!(slots.iter().map(|slot| slot.index()).eq(row..row + rows), "slots are rows");
        row += rows;
    }
    assert_eq!(index.len(), ROWS);
    index
}

#[test]
fn the_exact_search_finds_what_a_plain_scan_finds() {
    for quantization in [Quantization::None, Quantization::Int8, Quantization::Binary] {
        let config = Config { quantization, ..Config::new(WORDNET.dimension) };
        let index = built(config, [ROWS]);
        let options = SearchOptions { exact: true, ..walk(0) };
        assert_eq!(index_recall(&index, &options), 1.0, "{}", quantization.name());
    }
}

#[test]
fn one_large_batch_is_found_again() {
    let recall = |quantization| {
        let config = Config { quantization, ..Config::new(WORDNET.dimension) };
        index_recall(&built(config, [ROWS]), &walk(80))
    };
    let (floats, codes) = (recall(Quantization::None), recall(Quantization::Int8));
    assert!(floats >= 0.98, "recall {floats} on floats");
    assert!(codes >= floats - 0.005, "recall {codes} on codes, {floats} on floats");
}

#[test]
fn growing_by_batches_costs_no_recall() {
    let large = index_recall(&built(Config::new(WORDNET.dimension), [ROWS]), &walk(80));
    let batches = std::iter::once(ROWS / 2).chain([500; ROWS / 2 / 500]);
    let grown = index_recall(&built(Config::new(WORDNET.dimension), batches), &walk(80));
    assert!(grown >= large - 0.01, "recall {grown} grown by batches, {large} at once");
}

#[test]
fn a_wider_beam_finds_no_less() {
    let index = built(Config::new(WORDNET.dimension), [ROWS]);
    let [narrow, middle, wide] = [16, 64, 256].map(|ef| index_recall(&index, &walk(ef)));
    // Beams differ in where they stop; a neighbor or two may be lost on the way.
    assert!(middle >= narrow - 0.002 && wide >= middle - 0.002, "{narrow}, {middle}, {wide}");
    assert!(wide >= 0.99, "recall {wide} with a beam of 256");
}

#[derive(Clone)]
struct Row(&'static [f32]);

impl Point for Row {
    fn distance(&self, other: &Self) -> f32 {
        // In lanes, so that the compiler can keep several sums at a time.
        let mut sums = [0.0; 8];
        for (a, b) in self.0.as_chunks::<8>().0.iter().zip(other.0.as_chunks::<8>().0) {
            (0..8).for_each(|i| sums[i] += a[i] * b[i]);
        }
        1.0 - sums.iter().sum::<f32>()
    }
}

#[test]
fn the_walk_keeps_up_with_instant_distance() {
    let rows: Vec<_> = (0..ROWS).map(|row| Row(WORDNET.row(row))).collect();
    let builder = Builder::default().ef_construction(64).ef_search(64).seed(1);
    let map = builder.build(rows, (0..ROWS).collect());
    let mut search = Search::default();
    let reference = recall(|query| {
        map.search(&Row(query), &mut search).take(K).map(|item| *item.value).collect()
    });
    let ours = index_recall(&built(Config::new(WORDNET.dimension), [ROWS]), &walk(64));
    assert!(reference >= 0.98, "the reference has {reference}: is the exact scan right?");
    assert!(ours >= reference - 0.02, "recall {ours}, instant-distance {reference}");
}
