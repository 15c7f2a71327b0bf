//! instant-distance: built once; M is 32 and the beam of its searches is set before the build.

use instant_distance::{Builder, Hnsw, Point, Search};
use kindex::Metric;

use super::{EF_CONSTRUCTION, Library, Task};
use crate::failure::Failure;
use crate::truth::distance;

/// The one beam that its searches have.
const EF: usize = 64;

pub(super) struct InstantDistance;

/// A row with the SIMD distance that hnsw_rs has too, so that the graphs are what is compared.
#[derive(Clone)]
pub(super) struct Row {
    values: Vec<f32>,
    metric: Metric,
}

impl Point for Row {
    fn distance(&self, other: &Self) -> f32 {
        distance(self.metric, &self.values, &other.values)
    }
}

pub(super) struct Built {
    graph: Hnsw<Row>,
    /// The row of every point, since the build reorders them.
    rows: Vec<u32>,
    metric: Metric,
}

impl Library for InstantDistance {
    type Prepared<'a> = Vec<Row>;
    type Built = Built;

    fn name(&self) -> String {
        "instant-distance".into()
    }

    fn beams(&self, _wanted: &[usize]) -> Vec<usize> {
        vec![EF]
    }

    fn prepare<'a>(&self, task: &Task<'a>) -> Vec<Row> {
        let row = |values: &[f32]| Row { values: values.to_vec(), metric: task.metric };
        task.vectors.chunks_exact(task.dimension).map(row).collect()
    }

    fn build(&self, task: &Task<'_>, rows: Vec<Row>) -> Result<Built, Failure> {
        let builder = Builder::default().ef_construction(EF_CONSTRUCTION).ef_search(EF).seed(1);
        let (graph, points) = builder.build_hnsw(rows);
        let mut rows = vec![0; points.len()];
        for (row, point) in (0..).zip(points) {
            rows[point.into_inner() as usize] = row;
        }
        Ok(Built { graph, rows, metric: task.metric })
    }

    fn insert_one_by_one(&self, _task: &Task<'_>) -> Option<Result<Built, Failure>> {
        None
    }

    fn search(built: &Built, query: &[f32], k: usize, _ef: usize) -> Vec<u32> {
        thread_local!(static SCRATCH: std::cell::RefCell<Search> = Default::default());
        let query = Row { values: query.to_vec(), metric: built.metric };
        SCRATCH.with_borrow_mut(|scratch| {
            let found = built.graph.search(&query, scratch).take(k);
            found.map(|item| built.rows[item.pid.into_inner() as usize]).collect()
        })
    }
}
