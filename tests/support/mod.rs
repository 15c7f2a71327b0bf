//! Generated data with structure, and the measure of an answer.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use kindex::{Bitset, Config, Index, SearchOptions};

/// Xorshift: the seed is the test's to print.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 16) % bound as u64) as usize
    }

    /// Uniform in -1..1.
    pub fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// About normal: the sum of four uniforms.
    pub fn normal(&mut self) -> f32 {
        (0..4).map(|_| self.signed()).sum::<f32>() * 0.87
    }
}

/// `n` vectors around `clusters` centers, `spread` wide, cluster by cluster if `sorted`.
pub fn mixture(
    n: usize,
    dimension: usize,
    clusters: usize,
    spread: f32,
    sorted: bool,
    seed: u64,
) -> Vec<f32> {
    let mut random = Random::new(seed);
    let centers: Vec<f32> = (0..clusters * dimension).map(|_| random.normal()).collect();
    let mut vectors = Vec::with_capacity(n * dimension);
    for at in 0..n {
        let cluster = if sorted { at * clusters / n } else { random.below(clusters) };
        vectors.extend(
            centers[cluster * dimension..][..dimension]
                .iter()
                .map(|x| x + spread * random.normal()),
        );
    }
    vectors
}

/// An index over `vectors`, inserted in batches of `batch`.
pub fn index_of(config: &Config, vectors: &[f32], batch: usize) -> Index {
    let mut index = Index::new(config.clone()).unwrap();
    for part in vectors.chunks(batch * config.dimension) {
        index.insert(part, &mut |_| {}).unwrap();
    }
    index
}

/// The share of the `k` nearest that a search finds, against the exact scan. An answer as near as
/// the k-th true one counts: equal vectors are equally right.
pub fn recall(index: &Index, queries: &[f32], k: usize, ef: usize, filter: Option<&Bitset>) -> f64 {
    let exact = SearchOptions { k, ef, exact: true };
    let walk = SearchOptions { k, ef, exact: false };
    let (mut hits, mut wanted) = (0, 0);
    let truth = index.search_batch(queries, &exact, filter);
    let found = index.search_batch(queries, &walk, filter);
    for (truth, found) in truth.iter().zip(&found) {
        let Some(last) = truth.last() else { continue };
        let tolerance = 1e-5 * last.distance.abs().max(0.05);
        hits += found.iter().filter(|hit| hit.distance <= last.distance + tolerance).count();
        wanted += truth.len();
    }
    hits as f64 / wanted.max(1) as f64
}

/// Builds at once and by batches, checks the graphs, and holds their recall@10 with a beam of `ef` to
/// `least`. Queries lie where the data lies: noisy copies of its vectors.
pub fn holds_recall(
    name: &str,
    config: &Config,
    vectors: &[f32],
    ef: usize,
    seed: u64,
    least: f64,
) {
    let dimension = config.dimension;
    let n = vectors.len() / dimension;
    let mut random = Random::new(seed);
    let queries: Vec<f32> = (0..100)
        .flat_map(|_| {
            let at = random.below(n) * dimension;
            let mut noisy = |x: &f32| x + 0.05 * random.signed();
            vectors[at..at + dimension].iter().map(&mut noisy).collect::<Vec<f32>>()
        })
        .collect();
    for batch in [n, 1500] {
        let index = index_of(config, vectors, batch);
        assert!(index.has_graph(), "{name}: the test is about graphs");
        index.check().unwrap_or_else(|error| panic!("{name}, batches of {batch}: {error}"));
        let recall = recall(&index, &queries, 10, ef, None);
        println!("{name}, batches of {batch}: recall@10 {recall:.4} (seed {seed})");
        assert!(recall >= least, "{name}, batches of {batch}: recall@10 {recall:.4} < {least}");
    }
}

/// Builds with one, two and four threads: built at once, grown by batches, thinned out, slots reused. The
/// bytes must be the same.
#[cfg(not(target_arch = "wasm32"))]
pub fn builds_the_same_for_any_threads(config: &Config, vectors: &[f32]) {
    let (dimension, rows) = (config.dimension, vectors.len() / config.dimension);
    let build = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (first, later) = vectors.split_at(6000 * dimension);
            let mut index = index_of(config, first, 2000);
            for part in later.chunks(700 * dimension) {
                index.insert(part, &mut |_| {}).unwrap();
            }
            let dead: Vec<_> = (0..rows as u32).step_by(7).map(kindex::NodeId).collect();
            index.remove(&dead);
            index.insert(&vectors[..500 * dimension], &mut |_| {}).unwrap();
            index.check().unwrap();
            assert!(index.has_graph());
            bytes_of(&index)
        })
    };
    let one = build(1);
    assert!(one == build(2), "two threads built something else than one");
    assert!(one == build(4), "four threads built something else than one");
}

/// The bytes of an index, part by part.
pub fn bytes_of(index: &Index) -> Vec<(kindex::Part, Vec<u8>)> {
    let mut parts = Vec::new();
    index.export(&mut |part, bytes| parts.push((part, bytes.to_vec())));
    parts
}
