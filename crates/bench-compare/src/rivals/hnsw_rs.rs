//! hnsw_rs, with the SIMD distances of its companion crate.

use anndists::dist::{DistDot, DistL2};
use hnsw_rs::prelude::Hnsw;
use kindex::Metric;

use super::{EF_CONSTRUCTION, Library, M, Task};
use crate::failure::Failure;

/// Its own bound on levels.
const LEVELS: usize = 16;

pub(super) struct HnswRs;

/// The distance is part of its type.
pub(super) enum Built {
    Dot(Hnsw<'static, f32, DistDot>),
    Euclidean(Hnsw<'static, f32, DistL2>),
}

impl Library for HnswRs {
    type Prepared<'a> = Vec<(&'a [f32], usize)>;
    type Built = Built;

    fn name(&self) -> String {
        "hnsw_rs".into()
    }

    fn prepare<'a>(&self, task: &Task<'a>) -> Vec<(&'a [f32], usize)> {
        task.vectors.chunks_exact(task.dimension).enumerate().map(|(i, row)| (row, i)).collect()
    }

    fn build(&self, task: &Task<'_>, rows: Vec<(&[f32], usize)>) -> Result<Built, Failure> {
        let built = empty(task);
        match &built {
            Built::Dot(index) => index.parallel_insert_slice(&rows),
            Built::Euclidean(index) => index.parallel_insert_slice(&rows),
        }
        Ok(built)
    }

    fn insert_one_by_one(&self, task: &Task<'_>) -> Option<Result<Built, Failure>> {
        let built = empty(task);
        for row in self.prepare(task) {
            match &built {
                Built::Dot(index) => index.insert_slice(row),
                Built::Euclidean(index) => index.insert_slice(row),
            }
        }
        Some(Ok(built))
    }

    fn search(built: &Built, query: &[f32], k: usize, ef: usize) -> Vec<u32> {
        let found = match built {
            Built::Dot(index) => index.search(query, k, ef),
            Built::Euclidean(index) => index.search(query, k, ef),
        };
        found.iter().map(|neighbor| neighbor.d_id as u32).collect()
    }
}

fn empty(task: &Task<'_>) -> Built {
    let rows = task.rows();
    match task.metric {
        Metric::Euclidean => Built::Euclidean(Hnsw::new(M, rows, LEVELS, EF_CONSTRUCTION, DistL2)),
        _ => Built::Dot(Hnsw::new(M, rows, LEVELS, EF_CONSTRUCTION, DistDot)),
    }
}
