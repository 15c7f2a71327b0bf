//! The exact answers, and how near an answer comes to them.

use anndists::dist::{DistDot, DistL2, Distance};
use kindex::Metric;
use rayon::prelude::*;

use crate::data::DataSet;

/// Rows that are compared with a group of queries while they are in cache.
const BLOCK: usize = 256;
/// Queries of a group.
const GROUP: usize = 16;
/// How much farther than the k-th a row may be and still count: rounding, and exact duplicates.
const TOLERANCE: f32 = 1e-6;

/// What an exact scan of the first `size` rows finds.
pub(crate) struct Truth<'a> {
    set: &'a DataSet,
    size: usize,
    k: usize,
    /// The distance of the k-th neighbor, by query.
    farthest: Vec<f32>,
}

/// The distance that the data set's metric orders by, on rows of unit length for cosine.
pub(crate) fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
    match metric {
        Metric::Euclidean => DistL2.eval(a, b),
        _ => DistDot.eval(a, b),
    }
}

impl<'a> Truth<'a> {
    /// Scans on all cores.
    pub(crate) fn scan(set: &'a DataSet, size: usize, k: usize) -> Self {
        let dimension = set.dimension;
        let farthest = set
            .queries
            .par_chunks(GROUP * dimension)
            .flat_map_iter(|group| {
                let mut best = vec![Vec::with_capacity(k + 1); group.len() / dimension];
                for block in set.first(size).chunks(BLOCK * dimension) {
                    for (query, best) in group.chunks_exact(dimension).zip(&mut best) {
                        for row in block.chunks_exact(dimension) {
                            keep(best, distance(set.metric, query, row), k);
                        }
                    }
                }
                best.into_iter().map(|best| best.last().copied().unwrap_or(f32::INFINITY))
            })
            .collect();
        Self { set, size, k, farthest }
    }

    /// The share of the true neighbors that the answers, one per query, hold.
    pub(crate) fn recall(&self, answers: &[Vec<u32>]) -> f64 {
        let dimension = self.set.dimension;
        let queries = self.set.queries.chunks_exact(dimension);
        let found: usize = queries
            .zip(answers)
            .zip(&self.farthest)
            .map(|((query, answer), &farthest)| {
                let mut rows = answer.clone();
                rows.sort_unstable();
                rows.dedup();
                let near = |&&row: &&u32| {
                    let at = row as usize * dimension;
                    let row = &self.set.first(self.size)[at..at + dimension];
                    distance(self.set.metric, query, row)
                        <= farthest * (1.0 + TOLERANCE) + TOLERANCE
                };
                rows.iter().filter(near).count().min(self.k)
            })
            .sum();
        found as f64 / (self.farthest.len() * self.k.min(self.size)) as f64
    }
}

/// Puts `distance` into `best`, which holds the `k` smallest in order.
fn keep(best: &mut Vec<f32>, distance: f32, k: usize) {
    if best.len() == k && best.last().is_some_and(|&last| distance >= last) {
        return;
    }
    let at = best.partition_point(|&other| other <= distance);
    best.insert(at, distance);
    best.truncate(k);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(metric: Metric) -> DataSet {
        DataSet {
            name: "wordnet-384",
            description: String::new(),
            dimension: 1,
            metric,
            base: vec![0.0, 1.0, 2.0, 2.0, 9.0],
            queries: vec![2.1, 0.2],
        }
    }

    #[test]
    fn duplicates_of_the_last_neighbor_count_and_repetitions_do_not() {
        let set = line(Metric::Euclidean);
        let truth = Truth::scan(&set, 5, 1);
        assert_eq!(truth.recall(&[vec![2], vec![0]]), 1.0);
        assert_eq!(truth.recall(&[vec![3], vec![1]]), 0.5);
        let truth = Truth::scan(&set, 5, 2);
        assert_eq!(truth.recall(&[vec![2, 2], vec![0, 1]]), 0.75);
        assert_eq!(truth.recall(&[vec![2, 3], vec![4]]), 0.5);
    }

    #[test]
    fn rows_beyond_the_size_are_not_there() {
        let set = line(Metric::Euclidean);
        assert_eq!(Truth::scan(&set, 1, 1).recall(&[vec![0], vec![0]]), 1.0);
    }
}
