//! What "near" means.

/// How two vectors are compared. Smaller distance is closer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Metric {
    /// 1 - cos of the angle; vectors are normalised when they come in.
    #[default]
    Cosine,
    /// The negated inner product.
    Dot,
    /// The (not squared) L2 distance.
    Euclidean,
}

impl Metric {
    /// The name that options and files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
        }
    }

    /// The metric of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cosine, Self::Dot, Self::Euclidean].into_iter().find(|metric| metric.name() == name)
    }

    /// The score that rises with similarity: cos, inner product, or `1 / (1 + distance)`.
    pub fn score(self, distance: f32) -> f32 {
        match self {
            Self::Cosine => 1.0 - distance,
            Self::Dot => -distance,
            Self::Euclidean => 1.0 / (1.0 + distance),
        }
    }
}
