//! The libraries, each behind the same few calls.

mod hnsw_rs;
mod hnswlib;
mod instant_distance;
mod kindex;
mod usearch;

use ::kindex::Metric;
use rayon::prelude::*;

use crate::failure::Failure;
use crate::measure::{self, Plan, Row};
use crate::options::Options;
use crate::python::Python;

/// Links of a node above the base, which has twice as many: every library that lets one choose.
const M: usize = 16;
/// The beam while building, for the rivals; Kindex builds with its own default.
const EF_CONSTRUCTION: usize = 100;

/// Something to measure.
pub(crate) trait Rival {
    fn name(&self) -> String;
    /// Whether it answers this metric rightly.
    fn serves(&self, metric: Metric) -> bool;
    fn measure(&self, plan: &Plan<'_>) -> Result<Row, Failure>;
}

/// What to build from. Cosine rows are of unit length already.
pub(crate) struct Task<'a> {
    pub(crate) vectors: &'a [f32],
    pub(crate) dimension: usize,
    pub(crate) metric: Metric,
    pub(crate) threads: usize,
}

impl Task<'_> {
    fn rows(&self) -> usize {
        self.vectors.len() / self.dimension
    }
}

/// A library that is linked into this program. Runs inside a rayon pool of the wanted size.
pub(crate) trait Library: Sync {
    /// The rows in the shape that the library takes them; made outside the measured time.
    type Prepared<'a>;
    type Built: Sync;

    fn name(&self) -> String;
    fn serves(&self, _metric: Metric) -> bool {
        true
    }
    /// The beams it can be asked for.
    fn beams(&self, wanted: &[usize]) -> Vec<usize> {
        wanted.to_vec()
    }
    fn prepare<'a>(&self, task: &Task<'a>) -> Self::Prepared<'a>;
    /// All rows at once, with the threads of the pool.
    fn build(&self, task: &Task<'_>, rows: Self::Prepared<'_>) -> Result<Self::Built, Failure>;
    /// A call per row; `None` where the library can't.
    fn insert_one_by_one(&self, task: &Task<'_>) -> Option<Result<Self::Built, Failure>>;
    /// Row numbers, closest first.
    fn search(built: &Self::Built, query: &[f32], k: usize, ef: usize) -> Vec<u32>;
    /// Many searches, with the threads of the pool.
    fn search_all(
        built: &Self::Built,
        queries: &[f32],
        dimension: usize,
        k: usize,
        ef: usize,
    ) -> Vec<Vec<u32>> {
        queries.par_chunks_exact(dimension).map(|query| Self::search(built, query, k, ef)).collect()
    }
}

struct InProcess<L>(L);

impl<L: Library> Rival for InProcess<L> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn serves(&self, metric: Metric) -> bool {
        self.0.serves(metric)
    }

    fn measure(&self, plan: &Plan<'_>) -> Result<Row, Failure> {
        measure::in_process(&self.0, plan)
    }
}

/// Every library that was asked for and is there.
pub(crate) fn all<'a>(options: &Options, python: Option<&'a Python>) -> Vec<Box<dyn Rival + 'a>> {
    let mut all: Vec<Box<dyn Rival + 'a>> = vec![
        Box::new(InProcess(kindex::Kindex)),
        Box::new(InProcess(usearch::Usearch::F32)),
        Box::new(InProcess(usearch::Usearch::I8)),
        Box::new(InProcess(hnsw_rs::HnswRs)),
        Box::new(InProcess(instant_distance::InstantDistance)),
    ];
    if let Some(python) = python {
        all.push(Box::new(hnswlib::Hnswlib(python)));
    }
    all.retain(|rival| options.wants(&rival.name()));
    all
}
