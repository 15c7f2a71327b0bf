//! The data sets: real vectors, in memory, and the queries that are kept out of them.

mod mixtures;
mod patches;
mod principal_axes;

use kindex::Metric;
use kindex_dataset::{BASE_ROWS, wordnet};

use crate::failure::Failure;
use crate::python::Python;

/// The names that `--data` knows.
pub(crate) const NAMES: [&str; 3] = ["wordnet-384", "wordnet-128", "image-patches"];

/// Vectors and queries, row-major.
pub(crate) struct DataSet {
    pub(crate) name: &'static str,
    pub(crate) description: String,
    pub(crate) dimension: usize,
    pub(crate) metric: Metric,
    pub(crate) base: Vec<f32>,
    pub(crate) queries: Vec<f32>,
}

impl DataSet {
    /// The data set of that name, with `rows` rows if it can have so many.
    pub(crate) fn load(name: &str, rows: usize, python: Option<&Python>) -> Result<Self, Failure> {
        match name {
            "wordnet-384" => wordnet_384(rows),
            "wordnet-128" => Ok(project(&wordnet_384(rows)?, 128)),
            "image-patches" => patches::load(rows, python),
            _ => Err(Failure::new("there is no such data set")),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.base.len() / self.dimension
    }

    pub(crate) fn query_count(&self) -> usize {
        self.queries.len() / self.dimension
    }

    /// The first `rows` vectors, row-major.
    pub(crate) fn first(&self, rows: usize) -> &[f32] {
        &self.base[..rows * self.dimension]
    }
}

fn wordnet_384(rows: usize) -> Result<DataSet, Failure> {
    let real = wordnet()?;
    let mut base = real.base(rows.min(BASE_ROWS)).to_vec();
    let mut description = format!(
        "{} WordNet synsets embedded by all-MiniLM-L6-v2, unit length",
        base.len() / real.dimension
    );
    if rows > BASE_ROWS {
        mixtures::extend(&mut base, real.dimension, rows);
        description += &format!(
            ", then {} generated rows: weighted means of three real ones, with noise",
            rows - BASE_ROWS
        );
    }
    Ok(DataSet {
        name: "wordnet-384",
        description,
        dimension: real.dimension,
        metric: Metric::Cosine,
        base,
        queries: real.queries().to_vec(),
    })
}

fn project(set: &DataSet, dimension: usize) -> DataSet {
    let real = set.rows().min(BASE_ROWS);
    let axes = principal_axes::find(set.first(real), set.dimension, dimension);
    DataSet {
        name: "wordnet-128",
        description: format!(
            "wordnet-384 on its {dimension} principal axes about the origin, brought back to unit length"
        ),
        dimension,
        metric: set.metric,
        base: unit_rows(axes.project(&set.base), dimension),
        queries: unit_rows(axes.project(&set.queries), dimension),
    }
}

fn unit_rows(mut rows: Vec<f32>, dimension: usize) -> Vec<f32> {
    for row in rows.chunks_exact_mut(dimension) {
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
    }
    rows
}
