//! The repository's real data: 61,000 WordNet synsets embedded by all-MiniLM-L6-v2.
//!
//! They are kept as codes in two files, `www/data/vectors.bin` and `benches/data/vectors.bin`;
//! `www/data/README.md` has the layout. Tests and benchmarks read them through [`wordnet`].

mod vector_file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use vector_file::{DOMAINS, VectorFile};

/// Rows of the whole set that are inserted; the rest are queries.
pub const BASE_ROWS: usize = 60_000;

const PARTS: [&str; 2] = ["www/data/vectors.bin", "benches/data/vectors.bin"];

/// All rows of the data set, in its own order.
pub struct Wordnet {
    /// Components of every vector.
    pub dimension: usize,
    /// Row-major, every row of unit length.
    pub vectors: Vec<f32>,
    /// How often WordNet's tagged texts use the synset, by row.
    pub frequencies: Vec<u16>,
    /// Index into [`DOMAINS`], by row.
    pub domains: Vec<u8>,
}

impl Wordnet {
    /// Rows in all.
    pub fn len(&self) -> usize {
        self.frequencies.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.frequencies.is_empty()
    }

    /// The vector of a row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.dimension..][..self.dimension]
    }

    /// The first `rows` of the [`BASE_ROWS`], row-major.
    pub fn base(&self, rows: usize) -> &[f32] {
        assert!(rows <= BASE_ROWS, "{rows} rows asked for, {BASE_ROWS} are the base");
        &self.vectors[..rows * self.dimension]
    }

    /// The rows that are kept out of the base, row-major.
    pub fn queries(&self) -> &[f32] {
        &self.vectors[BASE_ROWS * self.dimension..]
    }
}

/// Reads both files and puts their rows back into the order of the whole set.
///
/// # Errors
/// What the file system says, or `InvalidData` with a sentence where a file breaks its layout.
pub fn wordnet() -> io::Result<Wordnet> {
    let parts =
        PARTS.iter().map(|part| read(&root().join(part))).collect::<io::Result<Vec<_>>>()?;
    join(&parts).map_err(|sentence| io::Error::new(io::ErrorKind::InvalidData, sentence))
}

/// Reads one file of codes.
///
/// # Errors
/// As [`wordnet`].
pub fn read(path: &Path) -> io::Result<VectorFile> {
    let named = |error: String| format!("{}: {error}", path.display());
    let bytes = fs::read(path).map_err(|e| io::Error::new(e.kind(), named(e.to_string())))?;
    VectorFile::parse(&bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, named(e)))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn join(parts: &[VectorFile]) -> Result<Wordnet, String> {
    let first = parts.first().ok_or("no file to join")?;
    let (total, dimension) = (first.total, first.dimension);
    let mut seen = vec![false; total];
    let mut whole = Wordnet {
        dimension,
        vectors: vec![0.0; total * dimension],
        frequencies: vec![0; total],
        domains: vec![0; total],
    };
    for part in parts {
        if (part.total, part.dimension) != (total, dimension) {
            return Err("the files belong to different data sets".into());
        }
        for (i, &row) in part.places.iter().enumerate() {
            if std::mem::replace(&mut seen[row], true) {
                return Err(format!("row {row} comes twice"));
            }
            part.write_unit_vector(i, &mut whole.vectors[row * dimension..][..dimension]);
            whole.frequencies[row] = part.frequencies[i];
            whole.domains[row] = part.domains[i];
        }
    }
    match seen.iter().position(|seen| !seen) {
        Some(row) => Err(format!("row {row} of {total} is in none of the files")),
        None => Ok(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_and_of_unit_length() {
        let whole = wordnet().expect("the files of the repository");
        assert_eq!((whole.len(), whole.dimension), (61_000, 384));
        for row in 0..whole.len() {
            let squares: f64 = whole.row(row).iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            assert!((squares - 1.0).abs() < 1e-5, "row {row} has squared length {squares}");
        }
        assert_eq!(whole.frequencies.iter().filter(|&&times| times > 0).count(), 27_210);
        assert_eq!(whole.queries().len(), 1_000 * 384);
    }

    #[test]
    fn rows_that_miss_or_repeat_are_named() {
        let part = |places: &[usize]| VectorFile {
            total: 3,
            dimension: 1,
            places: places.to_vec(),
            frequencies: vec![1; places.len()],
            domains: vec![0; places.len()],
            codes: vec![1; places.len()],
        };
        let error = |parts: &[VectorFile]| join(parts).err().expect("an error");
        assert_eq!(error(&[part(&[0, 1])]), "row 2 of 3 is in none of the files");
        assert_eq!(error(&[part(&[0, 1]), part(&[1, 2])]), "row 1 comes twice");
        assert!(join(&[part(&[2, 0]), part(&[1])]).is_ok());
    }
}
