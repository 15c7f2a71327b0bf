//! This project's own index.

use kindex::{Config, Index, Neighbor, SearchOptions};

use super::{Library, Task};
use crate::failure::Failure;

pub(super) struct Kindex;

impl Library for Kindex {
    type Prepared<'a> = ();
    type Built = Index;

    fn name(&self) -> String {
        "kindex".into()
    }

    fn prepare<'a>(&self, _task: &Task<'a>) {}

    fn build(&self, task: &Task<'_>, _rows: ()) -> Result<Index, Failure> {
        let mut index = empty(task)?;
        index.insert(task.vectors, &mut |_| {})?;
        Ok(index)
    }

    fn insert_one_by_one(&self, task: &Task<'_>) -> Option<Result<Index, Failure>> {
        Some(empty(task).and_then(|mut index| {
            for row in task.vectors.chunks_exact(task.dimension) {
                index.insert(row, &mut |_| {})?;
            }
            Ok(index)
        }))
    }

    fn search(index: &Index, query: &[f32], k: usize, ef: usize) -> Vec<u32> {
        slots(&index.search(query, &options(k, ef), None).0)
    }

    fn search_all(
        index: &Index,
        queries: &[f32],
        _dimension: usize,
        k: usize,
        ef: usize,
    ) -> Vec<Vec<u32>> {
        index.search_batch(queries, &options(k, ef), None).iter().map(|hits| slots(hits)).collect()
    }
}

fn empty(task: &Task<'_>) -> Result<Index, Failure> {
    Ok(Index::new(Config { metric: task.metric, ..Config::new(task.dimension) })?)
}

fn options(k: usize, ef: usize) -> SearchOptions {
    SearchOptions { k, ef, ..SearchOptions::default() }
}

fn slots(hits: &[Neighbor]) -> Vec<u32> {
    hits.iter().map(|hit| hit.slot.0).collect()
}
