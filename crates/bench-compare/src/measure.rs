//! Builds, searches, and the clock around them.

use std::fmt;
use std::time::Instant;

use kindex::{Config, Index, SearchOptions};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::data::DataSet;
use crate::failure::Failure;
use crate::options::Options;
use crate::rivals::{Library, Rival, Task};
use crate::truth::Truth;

/// Results of a search.
pub(crate) const K: usize = 10;
/// A build that takes longer, in seconds, is not repeated.
pub(crate) const PATIENCE: f64 = 30.0;
/// The most vectors that are inserted one by one.
pub(crate) const SINGLE: usize = 10_000;
/// Times that a set of queries is answered, at least.
const SEARCH_ROUNDS: usize = 3;
/// Vectors of a batch while a collection grows.
const GROWTH_BATCH: usize = 1_000;

/// One cell of the benchmark: this much of a data set with this many threads.
pub(crate) struct Plan<'a> {
    pub(crate) set: &'a DataSet,
    pub(crate) size: usize,
    pub(crate) threads: usize,
    pub(crate) options: &'a Options,
    pub(crate) truth: &'a Truth<'a>,
}

impl Plan<'_> {
    /// How many vectors to insert one by one; nothing where a batch says the same or it takes long.
    pub(crate) fn single(&self) -> Option<usize> {
        (self.threads == 1 && self.size <= SINGLE).then_some(self.size)
    }

    fn task(&self) -> Task<'_> {
        Task {
            vectors: self.set.first(self.size),
            dimension: self.set.dimension,
            metric: self.set.metric,
            threads: self.threads,
        }
    }
}

/// What one library did in one cell.
pub(crate) struct Row {
    pub(crate) data: &'static str,
    pub(crate) size: usize,
    pub(crate) library: String,
    pub(crate) threads: usize,
    /// Seconds of every build.
    pub(crate) builds: Vec<f64>,
    /// Vectors a second, by the median build.
    pub(crate) inserts: f64,
    /// Vectors a second, one call each.
    pub(crate) single_inserts: Option<f64>,
    pub(crate) searches: Vec<Search>,
}

/// What one beam found, and how fast.
pub(crate) struct Search {
    pub(crate) ef: usize,
    pub(crate) recall: f64,
    /// Queries a second, by the median round.
    pub(crate) queries: f64,
}

/// Kindex growing by batches.
pub(crate) struct Growth {
    pub(crate) data: &'static str,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) threads: usize,
    pub(crate) inserts: f64,
    /// Milliseconds of the batch that only one in twenty exceeds.
    pub(crate) p95: f64,
    pub(crate) ef: usize,
    pub(crate) recall: f64,
}

/// Measures one library in one cell.
pub(crate) fn run(rival: &dyn Rival, plan: &Plan<'_>) -> Result<Row, Failure> {
    rival.measure(plan)
}

/// Measures a library that is linked into this program.
pub(crate) fn in_process<L: Library>(library: &L, plan: &Plan<'_>) -> Result<Row, Failure> {
    let task = plan.task();
    pool(plan.threads)?.install(|| {
        let mut builds = Vec::new();
        let mut built = None;
        while builds.len() < plan.options.rounds {
            drop(built.take());
            let prepared = library.prepare(&task);
            let (seconds, index) = timed(|| library.build(&task, prepared));
            builds.push(seconds);
            built = Some(index?);
            if seconds > PATIENCE {
                break;
            }
        }
        let built = built.ok_or_else(|| Failure::new("no round was asked for"))?;
        let single_inserts = match plan.single() {
            Some(count) => {
                let (seconds, done) = timed(|| library.insert_one_by_one(&task));
                done.transpose()?.map(|_| count as f64 / seconds)
            }
            None => None,
        };
        let searches = library.beams(&plan.options.efs);
        let searches = searches.iter().map(|&ef| search::<L>(&built, plan, ef)).collect();
        Ok(finish(plan, &library.name(), builds, single_inserts, searches))
    })
}

/// Puts the parts of a row together.
pub(crate) fn finish(
    plan: &Plan<'_>,
    library: &str,
    builds: Vec<f64>,
    single_inserts: Option<f64>,
    searches: Vec<Search>,
) -> Row {
    Row {
        data: plan.set.name,
        size: plan.size,
        library: library.to_owned(),
        threads: plan.threads,
        inserts: plan.size as f64 / median(&builds),
        builds,
        single_inserts,
        searches,
    }
}

fn search<L: Library>(built: &L::Built, plan: &Plan<'_>, ef: usize) -> Search {
    let (queries, dimension) = (&plan.set.queries, plan.set.dimension);
    let mut times = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..plan.options.rounds.max(SEARCH_ROUNDS) {
        let (seconds, found) = timed(|| match plan.threads {
            1 => queries.chunks_exact(dimension).map(|q| L::search(built, q, K, ef)).collect(),
            _ => L::search_all(built, queries, dimension, K, ef),
        });
        times.push(seconds);
        answers = found;
    }
    Search {
        ef,
        recall: plan.truth.recall(&answers),
        queries: plan.set.query_count() as f64 / median(&times),
    }
}

/// Inserts `from` vectors at once, then up to `to` by batches, and measures these.
pub(crate) fn growth(
    set: &DataSet,
    from: usize,
    to: usize,
    threads: usize,
) -> Result<Growth, Failure> {
    let ef = 80;
    let (batches, answers) = pool(threads)?.install(|| -> Result<_, Failure> {
        let config = Config { metric: set.metric, ..Config::new(set.dimension) };
        let mut index = Index::new(config)?;
        index.insert(set.first(from), &mut |_| {})?;
        let mut batches = Vec::new();
        for batch in set.first(to)[from * set.dimension..].chunks(GROWTH_BATCH * set.dimension) {
            let (seconds, slots) = timed(|| index.insert(batch, &mut |_| {}));
            slots?;
            batches.push(seconds);
        }
        let options = SearchOptions { k: K, ef, ..SearchOptions::default() };
        Ok((batches, index.search_batch(&set.queries, &options, None)))
    })?;
    let answers: Vec<Vec<u32>> =
        answers.iter().map(|hits| hits.iter().map(|hit| hit.slot.0).collect()).collect();
    let mut sorted = batches.clone();
    sorted.sort_by(f64::total_cmp);
    Ok(Growth {
        data: set.name,
        from,
        to,
        threads,
        inserts: (to - from) as f64 / batches.iter().sum::<f64>(),
        p95: sorted[sorted.len() * 95 / 100] * 1e3,
        ef,
        recall: Truth::scan(set, to, K).recall(&answers),
    })
}

/// The middle of the values; the upper one of two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let result = work();
    (began.elapsed().as_secs_f64(), result)
}

fn pool(threads: usize) -> Result<ThreadPool, Failure> {
    Ok(ThreadPoolBuilder::new().num_threads(threads).build()?)
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} of {}, {}, {} threads: {:.0} inserts/s",
            self.size, self.data, self.library, self.threads, self.inserts
        )?;
        match self.searches.iter().find(|search| search.recall >= 0.98) {
            Some(s) => write!(out, ", {:.0} queries/s at {:.4} (ef {})", s.queries, s.recall, s.ef),
            None => Ok(()),
        }
    }
}
