//! `kindex build`: vectors and records to a snapshot or a store.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kindex::collection::{Batch, ItemError, Operation, Row};
use kindex::{Code, Collection, Config, Metric, Quantization};
use kindex_store::Store;
use lexopt::Arg::{Long, Short};

use crate::arguments::{self, choice, format, number, path, required, text};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::records::{Fields, Record, RecordFile};
use crate::snapshot_file::{self, Documents};
use crate::vectors::{Format, VectorFile};

const HELP: &str = "\
Makes a snapshot or a store of vectors, with ids, metadata and documents if there are records.

USAGE
    kindex build --vectors FILE [--records FILE] --out FILE [OPTIONS]
    kindex build --records FILE --out FILE [OPTIONS]

INPUT
    --vectors FILE         .npy (float32 or float16, rows x components), .fvecs,
                           or bare little-endian floats: .f32, .f16
    --format NAME          f32, f16, npy or fvecs, where the file's ending does not say it
    --dimension N          components of a vector; needed by f32 and f16, checked for the others
    --records FILE         JSON lines, one object a vector and in the same order:
                               {\"id\": \"n02084071\", \"document\": \"a dog\", \"pos\": \"noun\"}
                           \"id\" is a text or whole number; without it, the row's number is the id.
                           \"document\" is a text that hits can bring along. \"metadata\" is an object;
                           without it, all the other fields are the metadata. Without --vectors each
                           line has a \"vector\": an array of numbers.
    --id-field NAME        the field that holds the id          [default: id]
    --document-field NAME  the field that holds the document    [default: document]

INDEX
    --metric NAME          cosine, dot or euclidean             [default: cosine]
    --quantization NAME    none, int8 or binary                 [default: int8]
    --no-float-vectors     keep the codes only: a quarter of the memory, results scored on codes
    --m N                  links of a node; it keeps up to twice as many     [default: 16]
    --ef-construction N    the beam while building              [default: 64]
    --threads N            threads                              [default: all cores]

OUTPUT
    --out FILE             a snapshot; it appears whole or not at all
    --out FOLDER/          a store, which must not be there yet; each batch is durable when it is
                           written

EXAMPLES
    kindex build --vectors words.npy --records words.jsonl --out words.kindex
    kindex build --vectors sift.fvecs --metric euclidean --out sift.kindex
    kindex build --vectors rows.f16 --dimension 384 --out rows.kindex
    kindex build --records words.jsonl --out words/
";

/// Rows that are read at a time.
const SLICE_ROWS: usize = 4_096;
/// Rows of a batch: as many as fit, since one large batch is built fastest, but not so many that
/// it and the index exceed a small machine.
const SNAPSHOT_ROWS: usize = 1 << 20;
/// Rows of a batch that is made durable.
const STORE_ROWS: usize = 1 << 16;

struct Options {
    vectors: Option<PathBuf>,
    format: Option<Format>,
    dimension: Option<usize>,
    records: Option<PathBuf>,
    fields: Fields,
    config: Config,
    threads: Option<usize>,
    out: Option<PathBuf>,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut options = Options {
        vectors: None,
        format: None,
        dimension: None,
        records: None,
        fields: Fields::default(),
        config: Config::new(1),
        threads: None,
        out: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return arguments::print(HELP),
            Long("vectors") => options.vectors = Some(path(&mut parser)?),
            Long("format") => options.format = Some(format(&mut parser)?),
            Long("dimension") => options.dimension = Some(number(&mut parser, "--dimension")?),
            Long("records") => options.records = Some(path(&mut parser)?),
            Long("id-field") => options.fields.id = text(&mut parser)?,
            Long("document-field") => options.fields.document = text(&mut parser)?,
            Long("metric") => {
                let names = "cosine, dot or euclidean";
                options.config.metric = choice(&mut parser, "--metric", names, Metric::from_name)?;
            }
            Long("quantization") => {
                let names = "none, int8 or binary";
                options.config.quantization =
                    choice(&mut parser, "--quantization", names, Quantization::from_name)?;
            }
            Long("no-float-vectors") => options.config.keep_vectors = false,
            Long("m") => options.config.m = number(&mut parser, "--m")?,
            Long("ef-construction") => {
                options.config.ef_construction = number(&mut parser, "--ef-construction")?;
            }
            Long("threads") => options.threads = Some(number(&mut parser, "--threads")?),
            Long("out") => options.out = Some(path(&mut parser)?),
            other => return Err(other.unexpected().into()),
        }
    }
    arguments::with_threads(options.threads, || build(options))?
}

fn build(options: Options) -> Result<(), Failure> {
    let began = Instant::now();
    let out = required(options.out.clone(), "--out FILE", "build")?;
    let mut source = Source::open(&options)?;
    let config = Config { dimension: source.dimension, ..options.config };
    let dimension = config.dimension;
    let (records, bytes) = if is_folder(&out) {
        into_store(&out, config, &mut source)?
    } else {
        into_snapshot(&out, config, &mut source)?
    };
    eprintln!(
        "{}: {records} records of {dimension} components, {bytes} bytes, in {:.1} s",
        out.display(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A store is asked for by a folder that is there, or by a name that can only be a folder's.
fn is_folder(path: &Path) -> bool {
    let text = path.as_os_str().to_string_lossy();
    path.is_dir() || text.ends_with(std::path::is_separator)
}

/// Returns records and bytes.
fn into_snapshot(out: &Path, config: Config, source: &mut Source) -> Result<(usize, u64), Failure> {
    let mut collection = Collection::new(config)?;
    let mut documents = Documents::new();
    let mut next_row = 0;
    loop {
        let batch = source.batch(SNAPSHOT_ROWS)?;
        if batch.is_empty() {
            break;
        }
        let rows = batch.len();
        insert(&mut collection, batch, next_row, &mut documents)?;
        next_row += rows;
    }
    let bytes = snapshot_file::write(out, &collection, &documents)?;
    Ok((collection.len(), bytes))
}

/// Returns records and bytes.
fn into_store(out: &Path, config: Config, source: &mut Source) -> Result<(usize, u64), Failure> {
    let failed = |error: kindex::Error| match error.code() {
        Code::InvalidArgument => Failure::from(error),
        _ => Failure::storage(out, &error),
    };
    let mut store = Store::create(out, config).map_err(failed)?;
    let mut next_row = 0;
    loop {
        let batch = source.batch(STORE_ROWS)?;
        if batch.is_empty() {
            break;
        }
        let rows = batch.len();
        let mut progress = Progress::new("building", rows);
        let written = store.write(batch, &mut |done| progress.at(done)).map_err(failed)?;
        refuse(&written.errors, next_row)?;
        progress.finish();
        next_row += rows;
    }
    let (records, (checkpoint, log)) = (store.collection().len(), store.bytes());
    store.close().map_err(failed)?;
    Ok((records, checkpoint + log))
}

/// Fails if a row has an error, and names the first.
fn refuse(errors: &[ItemError], first_row: usize) -> Result<(), Failure> {
    let Some(first) = errors.first() else { return Ok(()) };
    let more = errors.len() - 1;
    let others = if more > 0 { format!(" (and {more} more rows)") } else { String::new() };
    Err(Failure::data(format!(
        "row {}, id {:?}: {}{others}",
        first_row + first.index,
        first.id,
        first.error
    )))
}

fn insert(
    collection: &mut Collection,
    batch: Batch,
    first_row: usize,
    documents: &mut Documents,
) -> Result<(), Failure> {
    let prepared = collection.prepare(batch)?;
    refuse(prepared.errors(), first_row)?;
    for i in 0..prepared.document_chunks() {
        documents.insert(prepared.first_document_chunk() + i as u32, prepared.document_chunk(i));
    }
    let mut progress = Progress::new("building", prepared.len());
    collection.apply(prepared, &mut |done| progress.at(done))?;
    progress.finish();
    Ok(())
}

/// Rows out of a file of vectors, of records, or of both side by side.
struct Source {
    dimension: usize,
    vectors: Option<VectorFile>,
    records: Option<RecordFile>,
    /// The record that was read to learn the dimension.
    first: Option<Record>,
    next_row: usize,
    slice: Vec<f32>,
}

impl Source {
    fn open(options: &Options) -> Result<Self, Failure> {
        let vectors = options
            .vectors
            .as_deref()
            .map(|path| VectorFile::open(path, options.format, options.dimension))
            .transpose()?;
        let mut records = options
            .records
            .as_deref()
            .map(|path| RecordFile::open(path, options.fields.clone()))
            .transpose()?;
        let mut first = None;
        let dimension = match (&vectors, &mut records) {
            (Some(vectors), _) => Some(vectors.dimension()),
            (None, Some(records)) => {
                first = records.next()?;
                let of_first = first.as_ref().and_then(|record| record.vector.as_ref());
                options.dimension.or(of_first.map(Vec::len))
            }
            (None, None) => None,
        };
        let what = "--vectors FILE, or --records FILE whose lines have a \"vector\"";
        let dimension = required(dimension, what, "build")?;
        let slice = Vec::new();
        Ok(Self { dimension, vectors, records, first, next_row: 0, slice })
    }

    /// The next rows, about that many at most; an empty batch at the end.
    fn batch(&mut self, most: usize) -> Result<Batch, Failure> {
        let mut batch = Batch::new(Operation::Insert, self.dimension, true);
        let total = self.vectors.as_ref().map_or(0, VectorFile::rows);
        let mut progress = Progress::new("reading", total);
        while batch.len() < most {
            let pushed = match self.vectors {
                Some(_) => self.slice_into(&mut batch)?,
                None => self.record_into(&mut batch)?,
            };
            if pushed == 0 {
                break;
            }
            self.next_row += pushed;
            if total > 0 {
                progress.at(self.next_row);
            }
        }
        Ok(batch)
    }

    /// A slice of the file of vectors, and as many records.
    fn slice_into(&mut self, batch: &mut Batch) -> Result<usize, Failure> {
        let Some(vectors) = &mut self.vectors else { return Ok(0) };
        vectors.read(SLICE_ROWS, &mut self.slice)?;
        let rows = self.slice.len() / self.dimension;
        for (i, vector) in self.slice.chunks_exact(self.dimension).enumerate() {
            let row = self.next_row + i;
            let record = match &mut self.records {
                None => Record::default(),
                Some(records) => records.next()?.ok_or_else(|| {
                    Failure::data(format!(
                        "expected {} records, one a vector, but they end after {row}",
                        vectors.rows()
                    ))
                })?,
            };
            if record.vector.is_some() {
                return Err(Failure::data(format!(
                    "row {row} has a vector in both files; leave out --vectors or the field"
                )));
            }
            push(batch, row, vector, &record)?;
        }
        if rows == 0
            && let Some(records) = &mut self.records
            && records.next()?.is_some()
        {
            return Err(Failure::data(format!(
                "expected {} records, one a vector, but there are more",
                vectors.rows()
            )));
        }
        Ok(rows)
    }

    /// A record that brings its vector.
    fn record_into(&mut self, batch: &mut Batch) -> Result<usize, Failure> {
        let next = match (self.first.take(), &mut self.records) {
            (Some(first), _) => Some(first),
            (None, Some(records)) => records.next()?,
            (None, None) => None,
        };
        let Some(record) = next else { return Ok(0) };
        let vector = record.vector.as_deref().ok_or_else(|| {
            Failure::data(format!("expected a \"vector\" in row {}, there is none", self.next_row))
        })?;
        push(batch, self.next_row, vector, &record)?;
        Ok(1)
    }
}

fn push(batch: &mut Batch, row: usize, vector: &[f32], record: &Record) -> Result<(), Failure> {
    let id = record.id.clone().unwrap_or_else(|| row.to_string());
    let pushed = batch.push(Row {
        id: &id,
        vector: Some(vector),
        metadata: record.metadata.as_deref(),
        document: record.document.as_deref(),
    });
    pushed.map_err(|error| Failure::data(format!("row {row}, id {id:?}: {error}")))
}
