//! Files of vectors, read a slice of rows at a time.
//!
//! | format | what is in the file |
//! |---|---|
//! | `f32`, `f16` | rows of little-endian floats and nothing else; the dimension comes from outside |
//! | `npy` | NumPy's format, versions 1 to 3: a two-dimensional C-ordered array of `<f4` or `<f2` |
//! | `fvecs` | each row: its dimension as a little-endian `i32`, then its `f32`s |
//!
//! The length of a file is compared with what it says of itself before anything is read.

mod half;
mod npy;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use kindex::MAX_DIMENSION;

use crate::failure::Failure;

/// How a file holds its vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    F32,
    F16,
    Npy,
    Fvecs,
}

impl Format {
    /// The names that `--format` knows; each is the ending of such files too.
    pub(crate) const NAMES: [(&str, Self); 4] =
        [("f32", Self::F32), ("f16", Self::F16), ("npy", Self::Npy), ("fvecs", Self::Fvecs)];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, format)| format)
    }

    fn of(path: &Path) -> Result<Self, Failure> {
        path.extension().and_then(|ending| Self::from_name(ending.to_str()?)).ok_or_else(|| {
            Failure::usage(format!(
                "{} does not end in .f32, .f16, .npy or .fvecs, so its format must be given with --format",
                path.display()
            ))
        })
    }
}

/// How a single value is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    F32,
    F16,
}

impl Value {
    const fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// An open file of vectors.
pub(crate) struct VectorFile {
    path: PathBuf,
    input: BufReader<File>,
    value: Value,
    /// Each row begins with its dimension.
    counted_rows: bool,
    dimension: usize,
    rows: usize,
    next_row: usize,
    bytes: Vec<u8>,
}

impl VectorFile {
    /// Opens a file and checks its length. `format`: by the file's ending if `None`. `dimension`:
    /// needed by raw formats; the others are held to it if it is given.
    pub(crate) fn open(
        path: &Path,
        format: Option<Format>,
        dimension: Option<usize>,
    ) -> Result<Self, Failure> {
        let format = format.map_or_else(|| Format::of(path), Ok)?;
        let failed = |error: std::io::Error| Failure::file(path, "read", &error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut input = BufReader::with_capacity(1 << 20, file);
        let shape = match format {
            Format::F32 => raw(path, Value::F32, dimension, length),
            Format::F16 => raw(path, Value::F16, dimension, length),
            Format::Npy => npy::read_header(&mut input, length),
            Format::Fvecs => fvecs(&mut input, length),
        };
        let shape = shape.map_err(|failure| failure.in_file(path))?;
        if !(1..=MAX_DIMENSION).contains(&shape.dimension) {
            return Err(Failure::data(format!(
                "expected vectors of 1 to {MAX_DIMENSION} components, got {}",
                shape.dimension
            ))
            .in_file(path));
        }
        if let Some(wanted) = dimension.filter(|&wanted| wanted != shape.dimension) {
            return Err(Failure::data(format!(
                "expected vectors of {wanted} components, got {}",
                shape.dimension
            ))
            .in_file(path));
        }
        Ok(Self {
            path: path.to_owned(),
            input,
            value: shape.value,
            counted_rows: format == Format::Fvecs,
            dimension: shape.dimension,
            rows: shape.rows,
            next_row: 0,
            bytes: Vec::new(),
        })
    }

    /// Components of every vector.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Vectors in the file.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Reads up to `most` rows into `out`, which it clears, row-major. None are left when `out`
    /// stays empty.
    pub(crate) fn read(&mut self, most: usize, out: &mut Vec<f32>) -> Result<(), Failure> {
        out.clear();
        let rows = most.min(self.rows - self.next_row);
        let head = if self.counted_rows { 4 } else { 0 };
        let row_bytes = head + self.dimension * self.value.bytes() as usize;
        self.bytes.resize(rows * row_bytes, 0);
        self.input
            .read_exact(&mut self.bytes)
            .map_err(|error| Failure::file(&self.path, "read", &error))?;
        for (i, row) in self.bytes.chunks_exact(row_bytes).enumerate() {
            let (count, values) = row.split_at(head);
            if let Some(count) = count.first_chunk() {
                let count = i32::from_le_bytes(*count);
                if usize::try_from(count) != Ok(self.dimension) {
                    return Err(Failure::data(format!(
                        "expected {} components in row {}, as in row 0, got {count}",
                        self.dimension,
                        self.next_row + i
                    ))
                    .in_file(&self.path));
                }
            }
            match self.value {
                Value::F32 => {
                    out.extend(values.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
                }
                Value::F16 => out.extend(
                    values
                        .as_chunks()
                        .0
                        .iter()
                        .map(|&bytes| half::widen(u16::from_le_bytes(bytes))),
                ),
            }
        }
        self.next_row += rows;
        Ok(())
    }
}

/// What a file's beginning and its length say.
#[derive(PartialEq, Eq, Debug)]
struct Shape {
    value: Value,
    rows: usize,
    dimension: usize,
}

fn raw(path: &Path, value: Value, dimension: Option<usize>, length: u64) -> Result<Shape, Failure> {
    let dimension = dimension.ok_or_else(|| {
        Failure::usage(format!(
            "{} holds bare floats, so how many make a vector must be given with --dimension",
            path.display()
        ))
    })?;
    let row = (dimension as u64).saturating_mul(value.bytes());
    if row == 0 || !length.is_multiple_of(row) {
        return Err(Failure::data(format!(
            "expected rows of {row} bytes ({dimension} components of {}), but {length} bytes are no whole number of them",
            value.bytes()
        )));
    }
    Ok(Shape { value, rows: whole(length / row)?, dimension })
}

fn fvecs(input: &mut (impl Read + Seek), length: u64) -> Result<Shape, Failure> {
    let mut count = [0; 4];
    let unreadable = |_| Failure::data("expected a row, got less than the four bytes of its count");
    input.read_exact(&mut count).and_then(|()| input.rewind()).map_err(unreadable)?;
    let count = i32::from_le_bytes(count);
    let dimension = usize::try_from(count)
        .ok()
        .filter(|dimension| (1..=MAX_DIMENSION).contains(dimension))
        .ok_or_else(|| {
            Failure::data(format!("expected 1 to {MAX_DIMENSION} components in row 0, got {count}"))
        })?;
    let row = 4 + dimension as u64 * 4;
    if !length.is_multiple_of(row) {
        return Err(Failure::data(format!(
            "expected rows of {row} bytes (a count and {dimension} floats), but {length} bytes are no whole number of them"
        )));
    }
    Ok(Shape { value: Value::F32, rows: whole(length / row)?, dimension })
}

fn whole(rows: u64) -> Result<usize, Failure> {
    usize::try_from(rows).map_err(|_| Failure::data(format!("{rows} rows are too many to count")))
}
