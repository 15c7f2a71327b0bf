//! What to measure, from the command line.

use std::path::PathBuf;

use lexopt::Arg::Long;
use lexopt::ValueExt;

use crate::data::NAMES;
use crate::failure::Failure;

const HELP: &str = "\
Measures Kindex beside instant-distance, hnsw_rs, usearch (f32 and i8) and hnswlib.

USAGE
    cargo run --release -p kindex-bench-compare -- [OPTIONS]

OPTIONS
    --quick            1,000 and 10,000 vectors, one round: about two minutes
    --sizes N,N,..     vectors inserted      [default: 1000,10000,50000,100000]
    --threads N,N,..   threads               [default: 1,2]
    --ef N,N,..        beams of the searches [default: 16,32,64,96,128,192,256]
    --rounds N         builds of which the median counts; a build of over 30 s is run once
                                             [default: 3]
    --data NAME,..     wordnet-384, wordnet-128, image-patches [default: all]
    --only NAME,..     measure only libraries whose name contains NAME
    --no-python        leave out what needs Python packages: hnswlib and image-patches
    --no-growth        leave out Kindex growing by batches of 1,000
    --out FOLDER       where native.md and native.json go      [default: bench-results]

hnswlib is measured through its Python package and the image patches come out of scikit-image's;
both are installed into a virtual environment of their own under target/, if python3 is there.
";

/// What to measure.
pub(crate) struct Options {
    pub(crate) sizes: Vec<usize>,
    pub(crate) threads: Vec<usize>,
    pub(crate) efs: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) data: Vec<String>,
    pub(crate) only: Vec<String>,
    pub(crate) python: bool,
    pub(crate) growth: bool,
    pub(crate) out: PathBuf,
}

impl Options {
    /// `None` when help was asked for and printed.
    pub(crate) fn from_arguments() -> Result<Option<Self>, Failure> {
        let mut options = Self {
            sizes: vec![1_000, 10_000, 50_000, 100_000],
            threads: vec![1, 2],
            efs: vec![16, 32, 64, 96, 128, 192, 256],
            rounds: 3,
            data: NAMES.map(str::to_owned).to_vec(),
            only: Vec::new(),
            python: true,
            growth: true,
            out: PathBuf::from("bench-results"),
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") => {
                    print!("{HELP}");
                    return Ok(None);
                }
                Long("quick") => {
                    options.sizes = vec![1_000, 10_000];
                    options.rounds = 1;
                }
                Long("sizes") => options.sizes = numbers(&mut parser)?,
                Long("threads") => options.threads = numbers(&mut parser)?,
                Long("ef") => options.efs = numbers(&mut parser)?,
                Long("rounds") => options.rounds = numbers(&mut parser)?[0],
                Long("data") => options.data = names(&mut parser)?,
                Long("only") => options.only = names(&mut parser)?,
                Long("no-python") => options.python = false,
                Long("no-growth") => options.growth = false,
                Long("out") => options.out = parser.value()?.into(),
                other => return Err(other.unexpected().into()),
            }
        }
        if let Some(name) = options.data.iter().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(Failure::new(format!("--data knows {}, but not {name}", NAMES.join(", "))));
        }
        Ok(Some(options))
    }

    /// The size from which a growing collection doubles.
    pub(crate) fn growth_from(&self) -> usize {
        self.sizes.iter().copied().max().unwrap_or(0) / 2
    }

    /// Whether the library of that name is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

fn names(parser: &mut lexopt::Parser) -> Result<Vec<String>, Failure> {
    Ok(parser.value()?.string()?.split(',').map(str::to_owned).collect())
}

fn numbers(parser: &mut lexopt::Parser) -> Result<Vec<usize>, Failure> {
    names(parser)?
        .iter()
        .map(|text| match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(Failure::new(format!("expected a number above zero, got {text:?}"))),
        })
        .collect()
}
