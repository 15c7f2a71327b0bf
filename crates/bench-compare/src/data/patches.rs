//! A Euclidean set that is not text: squares cut out of photographs.

use std::fs;

use kindex::Metric;

use super::DataSet;
use crate::failure::Failure;
use crate::python::Python;

/// Queries asked for.
const QUERIES: usize = 1_000;
/// 16 by 16 gray values.
const DIMENSION: usize = 256;

/// Patches of 16 x 16 gray values from scikit-image's sample photographs, cut by the script.
pub(crate) fn load(rows: usize, python: Option<&Python>) -> Result<DataSet, Failure> {
    let python = python.ok_or_else(|| Failure::new("it needs Python packages"))?;
    let file = python.folder().join(format!("image-patches-{rows}.f32"));
    let said = python
        .run("image_patches.py", &[&file.to_string_lossy(), &(rows + QUERIES).to_string()])?;
    let bytes = fs::read(&file)?;
    let values: Vec<f32> =
        bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    if values.len() != (rows + QUERIES) * DIMENSION {
        return Err(Failure::new(format!(
            "expected {} patches of {DIMENSION} values, got {} values",
            rows + QUERIES,
            values.len()
        )));
    }
    let (base, queries) = values.split_at(rows * DIMENSION);
    Ok(DataSet {
        name: "image-patches",
        description: said.trim().to_owned(),
        dimension: DIMENSION,
        metric: Metric::Euclidean,
        base: base.to_vec(),
        queries: queries.to_vec(),
    })
}
