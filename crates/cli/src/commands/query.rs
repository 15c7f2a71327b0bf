//! `kindex query`: the nearest records.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use kindex::metadata::Filter;
use kindex::{Neighbor, SearchOptions};
use lexopt::Arg::{Long, Short};
use serde_json::{Value, json};

use crate::arguments::{self, format, number, only_file, path, required, text};
use crate::failure::Failure;
use crate::ignore_closed_pipe;
use crate::source::Source;
use crate::vectors::{Format, VectorFile};

const HELP: &str = "\
Finds the nearest records in a snapshot file or a store's folder.

USAGE
    kindex query PATH --vector JSON | --id ID | --vectors FILE [OPTIONS]

QUERY
    --vector JSON      an array of numbers
    --id ID            the vector of that record, which itself is left out of the hits
    --vectors FILE     many queries at once, on all cores: .npy, .fvecs, .f32 or .f16
    --format NAME      f32, f16, npy or fvecs, where the file's ending does not say it

SEARCH
    -k N               hits wanted                                  [default: 10]
    --ef N             the beam: wider finds more, in more time     [default: chosen by k]
    --exact            compare with every record
    --where JSON       only records whose metadata match, for example
                           '{\"pos\": \"noun\", \"frequency\": {\"$gte\": 5}}'
    --view NAME        only the records of that view
    --threads N        threads                                      [default: all cores]

OUTPUT
    --json             a line a query: an array of {id, distance, score, metadata, document}
                       Otherwise a line a hit: score, id, document or metadata, with tabs between;
                       and a blank line between queries.

EXAMPLES
    kindex query words.kindex --id n02084071 -k 5
    kindex query words.kindex --vectors queries.npy --json > hits.jsonl
";

#[derive(Default)]
struct Options {
    file: Option<PathBuf>,
    vector: Option<String>,
    id: Option<String>,
    vectors: Option<PathBuf>,
    format: Option<Format>,
    search: SearchOptions,
    filter: Option<String>,
    view: Option<String>,
    threads: Option<usize>,
    json: bool,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return arguments::print(HELP),
            Long("vector") => options.vector = Some(text(&mut parser)?),
            Long("id") => options.id = Some(text(&mut parser)?),
            Long("vectors") => options.vectors = Some(path(&mut parser)?),
            Long("format") => options.format = Some(format(&mut parser)?),
            Short('k') => options.search.k = number(&mut parser, "-k")?,
            Long("ef") => options.search.ef = number(&mut parser, "--ef")?,
            Long("exact") => options.search.exact = true,
            Long("where") => options.filter = Some(text(&mut parser)?),
            Long("view") => options.view = Some(text(&mut parser)?),
            Long("threads") => options.threads = Some(number(&mut parser, "--threads")?),
            Long("json") => options.json = true,
            other => only_file(&mut options.file, other)?,
        }
    }
    arguments::with_threads(options.threads, || query(options))?
}

fn query(options: Options) -> Result<(), Failure> {
    let file = required(options.file.as_deref(), "a snapshot", "query")?;
    let filter = options.filter.as_deref().map(Filter::parse).transpose()?;
    let snapshot = Source::open(file)?;
    let queries = queries(&options, &snapshot)?;
    let collection = snapshot.collection();
    let set = filter.as_ref().map(|filter| collection.select(filter));
    let view = options.view.as_deref().map(|name| collection.view(name)).transpose()?;
    let search = |how: &SearchOptions| match view {
        Some(view) => view.search(&queries, how, set.as_ref()),
        None => collection.search_in(&queries, how, set.as_ref()),
    };
    let hits = match options.id.as_deref().and_then(|id| collection.slot(id)) {
        None => search(&options.search)?,
        Some(own) => {
            let one_more = SearchOptions { k: options.search.k + 1, ..options.search.clone() };
            let mut hits = search(&one_more)?;
            for hits in &mut hits {
                hits.retain(|hit| hit.slot != own);
                hits.truncate(options.search.k);
            }
            hits
        }
    };
    let mut out = BufWriter::new(stdout().lock());
    for (i, hits) in hits.iter().enumerate() {
        let text = if options.json { as_json(&snapshot, hits)? } else { as_text(&snapshot, hits)? };
        let gap = if i > 0 && !options.json { "\n" } else { "" };
        let written = write!(out, "{gap}{text}");
        if written.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
            return Ok(());
        }
        ignore_closed_pipe(written)?;
    }
    ignore_closed_pipe(out.flush())
}

/// The queries' vectors, row-major.
fn queries(options: &Options, snapshot: &Source) -> Result<Vec<f32>, Failure> {
    match (&options.vector, &options.id, &options.vectors) {
        (Some(json), None, None) => serde_json::from_str(json).map_err(|error| {
            Failure::usage(format!("--vector expects an array of numbers: {error}"))
        }),
        (None, Some(id), None) => {
            let collection = snapshot.collection();
            let vector = collection.slot(id).and_then(|slot| collection.vector(slot));
            vector.ok_or_else(|| Failure::data(format!("there is no record with id {id:?}")))
        }
        (None, None, Some(path)) => {
            let dimension = snapshot.collection().config().dimension;
            let mut file = VectorFile::open(path, options.format, Some(dimension))?;
            let mut vectors = Vec::new();
            file.read(file.rows(), &mut vectors)?;
            Ok(vectors)
        }
        _ => Err(Failure::usage(
            "expected one of --vector, --id and --vectors; see kindex query --help",
        )),
    }
}

fn as_text(snapshot: &Source, hits: &[Neighbor]) -> Result<String, Failure> {
    let mut out = String::new();
    for hit in hits {
        let score = snapshot.collection().config().metric.score(hit.distance);
        let id = snapshot.collection().id(hit.slot).unwrap_or_default();
        let more = match snapshot.document(hit.slot)? {
            Some(document) => document,
            None => snapshot.collection().metadata(hit.slot).unwrap_or_default().to_owned(),
        };
        // Whatever a text holds, a hit stays one line of three columns.
        let [id, more] = [id, &more].map(|text| text.replace(char::is_control, " "));
        out += &format!("{score:.6}\t{id}\t{more}\n");
    }
    Ok(out)
}

fn as_json(snapshot: &Source, hits: &[Neighbor]) -> Result<String, Failure> {
    let hits = hits
        .iter()
        .map(|hit| {
            let metadata = snapshot.collection().metadata(hit.slot);
            let metadata: Option<Value> = metadata
                .map(serde_json::from_str)
                .transpose()
                .map_err(|error| Failure::data(format!("metadata of a record: {error}")))?;
            Ok(json!({
                "id": snapshot.collection().id(hit.slot),
                "distance": hit.distance,
                "score": snapshot.collection().config().metric.score(hit.distance),
                "metadata": metadata,
                "document": snapshot.document(hit.slot)?,
            }))
        })
        .collect::<Result<Value, Failure>>()?;
    Ok(format!("{hits}\n"))
}
