//! The options of an index, checked once.

use crate::error::{Code, Error};
use crate::metric::Metric;

/// The largest dimension of a vector.
pub const MAX_DIMENSION: usize = 4096;
/// The fewest links that `m` may ask for.
pub const MIN_M: usize = 4;
/// The most links that `m` may ask for.
pub const MAX_M: usize = 64;
/// The widest beam, while building or searching.
pub const MAX_EF: usize = 4096;

/// How vectors are kept for the walk through the graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Quantization {
    /// Floats only.
    None,
    /// Seven-bit codes with a scale per vector, rescored on the floats.
    #[default]
    Int8,
    /// The signs of the rotated vector and its length, rescored on the floats: for many components.
    Binary,
}

impl Quantization {
    /// The name that options and files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Int8 => "int8",
            Self::Binary => "binary",
        }
    }

    /// The quantisation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Int8, Self::Binary].into_iter().find(|kind| kind.name() == name)
    }
}

/// The options of an [`Index`](crate::Index). `m` and `ef_construction` are HNSW's terms.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Components of every vector, 1 to [`MAX_DIMENSION`].
    pub dimension: usize,
    /// How vectors are compared.
    pub metric: Metric,
    /// How vectors are kept for the walk.
    pub quantization: Quantization,
    /// Links of a node; it keeps up to `2 m`. [`MIN_M`] to [`MAX_M`].
    pub m: usize,
    /// How widely a new node looks for its neighbors, up to [`MAX_EF`]. It finds as good ones as with a beam
    /// of this many and HNSW's pruning; where a wider choice of links allows it, the beam is smaller.
    pub ef_construction: usize,
    /// Whether the float vectors stay in memory. Without them results are scored on codes.
    pub keep_vectors: bool,
    /// Seeds every choice that a builder makes.
    pub seed: u64,
}

impl Config {
    /// The defaults for a dimension: cosine, 7-bit codes, `m` 16, `ef_construction` 64.
    pub fn new(dimension: usize) -> Self {
        Self {
            dimension,
            metric: Metric::Cosine,
            quantization: Quantization::Int8,
            m: 16,
            ef_construction: 64,
            keep_vectors: true,
            seed: 0x6b69_6e64_6578,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the field, its bounds and its value.
    pub fn validate(&self) -> Result<(), Error> {
        in_bounds("dimension", self.dimension, 1, MAX_DIMENSION)?;
        in_bounds("graph.m", self.m, MIN_M, MAX_M)?;
        in_bounds("graph.efConstruction", self.ef_construction, 8, MAX_EF)?;
        if !self.keep_vectors && self.quantization == Quantization::None {
            return Err(Error::new(
                Code::InvalidArgument,
                "keepVectors: false needs quantization 'int8' or 'binary': with 'none' there would be nothing left",
            ));
        }
        Ok(())
    }

    /// The most links that a node keeps (the paper's `M_max0`).
    pub const fn m0(&self) -> usize {
        2 * self.m
    }
}

fn in_bounds(name: &str, value: usize, least: usize, most: usize) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::new(
        Code::InvalidArgument,
        format!("{name} must be a whole number from {least} to {most}, but is {value}"),
    ))
}
