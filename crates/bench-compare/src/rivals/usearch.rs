//! usearch, on floats and on its 8-bit codes (which it doesn't rescore).

use kindex::Metric;
use rayon::prelude::*;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use super::{EF_CONSTRUCTION, Library, M, Task};
use crate::failure::Failure;

pub(super) enum Usearch {
    F32,
    I8,
}

impl Library for Usearch {
    type Prepared<'a> = ();
    type Built = Index;

    fn name(&self) -> String {
        match self {
            Self::F32 => "usearch f32".into(),
            Self::I8 => "usearch i8".into(),
        }
    }

    /// Its conversion to i8 brings every vector to unit length, which only cosine survives.
    fn serves(&self, metric: Metric) -> bool {
        matches!(self, Self::F32) || metric == Metric::Cosine
    }

    fn prepare<'a>(&self, _task: &Task<'a>) {}

    fn build(&self, task: &Task<'_>, _rows: ()) -> Result<Index, Failure> {
        let index = self.empty(task)?;
        task.vectors
            .par_chunks_exact(task.dimension)
            .enumerate()
            .try_for_each(|(i, row)| index.add(i as u64, row))?;
        Ok(index)
    }

    fn insert_one_by_one(&self, task: &Task<'_>) -> Option<Result<Index, Failure>> {
        Some(self.empty(task).and_then(|index| {
            for (i, row) in task.vectors.chunks_exact(task.dimension).enumerate() {
                index.add(i as u64, row)?;
            }
            Ok(index)
        }))
    }

    fn search(index: &Index, query: &[f32], k: usize, ef: usize) -> Vec<u32> {
        // Its beam is a setting of the index: cheap to set, and the same for all threads here.
        index.change_expansion_search(ef);
        let found = index.search(query, k).expect("a query of the index's dimension");
        found.keys.iter().map(|&key| key as u32).collect()
    }
}

impl Usearch {
    fn empty(&self, task: &Task<'_>) -> Result<Index, Failure> {
        let index = Index::new(&IndexOptions {
            dimensions: task.dimension,
            metric: match task.metric {
                Metric::Euclidean => MetricKind::L2sq,
                Metric::Dot => MetricKind::IP,
                _ => MetricKind::Cos,
            },
            quantization: match self {
                Self::F32 => ScalarKind::F32,
                Self::I8 => ScalarKind::I8,
            },
            connectivity: M,
            expansion_add: EF_CONSTRUCTION,
            ..IndexOptions::default()
        })?;
        index.reserve_capacity_and_threads(task.rows(), task.threads)?;
        Ok(index)
    }
}
