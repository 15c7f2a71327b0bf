//! `kindex bench`: how fast a snapshot answers, and how rightly.

use std::path::PathBuf;
use std::time::Instant;

use kindex::{Neighbor, SearchOptions};
use lexopt::Arg::{Long, Short};

use crate::arguments::{self, format, number, numbers, only_file, path, required};
use crate::failure::Failure;
use crate::source::Source;
use crate::vectors::{Format, VectorFile};

const HELP: &str = "\
Measures the searches of a snapshot file or a store's folder: queries a second and recall against the exact answer.

USAGE
    kindex bench PATH [OPTIONS]

OPTIONS
    --vectors FILE    the queries: .npy, .fvecs, .f32 or .f16. Without it the snapshot's own
                      vectors are asked for, which are easier to find than new ones
    --format NAME     f32, f16, npy or fvecs, where the file's ending does not say it
    --queries N       how many of them                  [default: 1000]
    -k N              hits wanted                       [default: 10]
    --ef N,N,..       the beams                         [default: 16,32,64,128,256]
    --rounds N        rounds, of which the median counts  [default: 5]
    --threads N       threads of the batched searches   [default: all cores]

EXAMPLE
    kindex bench words.kindex --vectors queries.npy --ef 32,64,96
";

struct Options {
    file: Option<PathBuf>,
    vectors: Option<PathBuf>,
    format: Option<Format>,
    queries: usize,
    k: usize,
    efs: Vec<usize>,
    rounds: usize,
    threads: Option<usize>,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut options = Options {
        file: None,
        vectors: None,
        format: None,
        queries: 1_000,
        k: 10,
        efs: vec![16, 32, 64, 128, 256],
        rounds: 5,
        threads: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return arguments::print(HELP),
            Long("vectors") => options.vectors = Some(path(&mut parser)?),
            Long("format") => options.format = Some(format(&mut parser)?),
            Long("queries") => options.queries = number(&mut parser, "--queries")?,
            Short('k') => options.k = number(&mut parser, "-k")?,
            Long("ef") => options.efs = numbers(&mut parser, "--ef")?,
            Long("rounds") => options.rounds = number(&mut parser, "--rounds")?,
            Long("threads") => options.threads = Some(number(&mut parser, "--threads")?),
            other => only_file(&mut options.file, other)?,
        }
    }
    arguments::with_threads(options.threads, || bench(&options))?
}

fn bench(options: &Options) -> Result<(), Failure> {
    let file = required(options.file.as_deref(), "a snapshot", "bench")?;
    let began = Instant::now();
    let snapshot = Source::open(file)?;
    let opened = began.elapsed();
    let collection = snapshot.collection();
    let queries = queries(options, &snapshot)?;
    let dimension = collection.config().dimension;
    let count = queries.len() / dimension;
    let search = SearchOptions { k: options.k, ..SearchOptions::default() };
    let exact = SearchOptions { exact: true, ..search.clone() };
    let truth = collection.search(&queries, &exact, None)?;
    arguments::print(&format!(
        "{} records of {dimension} components, opened in {:.0} ms; {count} queries, k {}\n\n\
         | ef | recall | queries/s, one by one | queries/s, batched on {} threads |\n|--:|--:|--:|--:|\n",
        collection.len(),
        opened.as_secs_f64() * 1e3,
        options.k,
        rayon::current_num_threads(),
    ))?;
    for &ef in &options.efs {
        let search = SearchOptions { ef, ..search.clone() };
        let mut found = Vec::new();
        let batched = rate(options.rounds, count, || {
            found = collection.search(&queries, &search, None)?;
            Ok(())
        })?;
        let single = rate(options.rounds, count, || {
            queries
                .chunks_exact(dimension)
                .try_for_each(|query| collection.search(query, &search, None).map(drop))
                .map_err(Failure::from)
        })?;
        arguments::print(&format!(
            "| {ef} | {:.4} | {single:.0} | {batched:.0} |\n",
            recall(&truth, &found)
        ))?;
    }
    Ok(())
}

fn queries(options: &Options, snapshot: &Source) -> Result<Vec<f32>, Failure> {
    let collection = snapshot.collection();
    if collection.is_empty() {
        return Err(Failure::data("there is nothing to search: the snapshot holds no records"));
    }
    if let Some(path) = &options.vectors {
        let mut file = VectorFile::open(path, options.format, Some(collection.config().dimension))?;
        let mut vectors = Vec::new();
        file.read(options.queries, &mut vectors)?;
        return Ok(vectors);
    }
    let slots = collection.find(None, usize::MAX, 0);
    let step = slots.len().div_ceil(options.queries);
    Ok(slots.iter().step_by(step).filter_map(|&slot| collection.vector(slot)).flatten().collect())
}

/// Work items a second, by the median round.
fn rate(
    rounds: usize,
    count: usize,
    mut work: impl FnMut() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = Instant::now();
        work()?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(count as f64 / times[rounds / 2])
}

/// The share of the true neighbors that were found; one as near as the farthest true one counts.
fn recall(truth: &[Vec<Neighbor>], found: &[Vec<Neighbor>]) -> f64 {
    let mut near = 0;
    for (truth, found) in truth.iter().zip(found) {
        let Some(farthest) = truth.last() else { continue };
        near += found.iter().filter(|hit| hit.distance <= farthest.distance).count();
    }
    near as f64 / truth.iter().map(Vec::len).sum::<usize>().max(1) as f64
}
