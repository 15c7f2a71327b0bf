//! The batches, and the process that writes them until it is killed.

use std::io::Write;
use std::path::Path;

use kindex::collection::{Batch, Operation, Row};
use kindex::{Code, Config, Error, Metric, Quantization};
use kindex_store::Store;

use crate::records::{self, Model, Random, Record};

const DIMENSION: usize = 8;
const IDS: u64 = 7000;
/// A batch is refused so many times before the writer takes the disk for full.
const REFUSALS: u32 = 6;

/// The view that comes and goes.
const VIEW: &str = "some";
/// What it has: three in five of the records with metadata.
const DEFINITION: &str = r#"{"where":{"n":{"$gte":6}}}"#;
/// After so many batches it is made anew, and dropped in between.
const VIEW_EVERY: u64 = 50;
const VIEW_MADE: u64 = 10;
const VIEW_DROPPED: u64 = 40;

/// What a store keeps of vectors.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Keeps {
    #[default]
    Floats,
    Int8,
    Binary,
    /// Those of `binary`, and no floats.
    Codes,
}

impl Keeps {
    const ALL: [Self; 4] = [Self::Floats, Self::Int8, Self::Binary, Self::Codes];

    pub(crate) fn any(random: &mut Random) -> Self {
        Self::ALL[random.below(Self::ALL.len() as u64) as usize]
    }

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|keeps| keeps.name() == name);
        found.ok_or_else(|| format!("--keeps knows no {name:?}"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floats => "floats",
            Self::Int8 => "int8",
            Self::Binary => "binary",
            Self::Codes => "codes",
        }
    }

    fn config(self) -> Config {
        let mut config = Config::new(DIMENSION);
        config.metric = Metric::Euclidean;
        config.keep_vectors = self != Self::Codes;
        config.quantization = match self {
            Self::Floats => Quantization::None,
            Self::Int8 => Quantization::Int8,
            Self::Binary | Self::Codes => Quantization::Binary,
        };
        config
    }
}

/// The view that is there after that batch.
pub(crate) fn view_after(generation: u64) -> Option<&'static str> {
    (VIEW_MADE..VIEW_DROPPED).contains(&(generation % VIEW_EVERY)).then_some(VIEW)
}

/// Batch `generation`, if it is the view's.
fn view_batch(generation: u64) -> Option<Batch> {
    let metadata = match generation % VIEW_EVERY {
        VIEW_MADE => Some(DEFINITION),
        VIEW_DROPPED => None,
        _ => return None,
    };
    let mut batch = Batch::new(Operation::View, DIMENSION, true);
    batch
        .push(Row { id: VIEW, metadata, ..Row::default() })
        .expect("a row without a vector has no wrong dimension");
    Some(batch)
}

/// What batch `generation` is, if it is not the view's: the same for writer and judge. Whatever was there before, it does
/// something: the rows include one that this batch adds, or one that the batch before has added.
fn plan(generation: u64) -> (Operation, Vec<(String, Record)>) {
    let mut random = Random(generation);
    let kinds = if generation % 2 == 1 { 5 } else { 8 };
    let (operation, fresh) = match random.below(kinds) {
        0..3 => (Operation::Upsert, generation),
        3 | 4 => (Operation::Insert, generation),
        5 | 6 => (Operation::Update, generation - 1),
        _ => (Operation::Delete, generation - 1),
    };
    let most = if generation.is_multiple_of(25) { 5500 } else { 40 };
    let mut rows = Model::new();
    rows.insert(format!("fresh-{fresh}"), record(generation, &mut random));
    for _ in 0..random.below(most) {
        let id = format!("id-{}", random.below(IDS));
        rows.insert(id, record(generation, &mut random));
    }
    (operation, rows.into_iter().collect())
}

fn record(generation: u64, random: &mut Random) -> Record {
    let vector = (0..DIMENSION).map(|_| random.below(2001) as f32 / 1000.0 - 1.0001).collect();
    let n = random.below(9);
    Record {
        vector,
        metadata: (n > 3).then(|| format!(r#"{{"n":{n},"of":{generation}}}"#)),
        document: (random.below(4) == 0).then(|| "wörd ".repeat(random.below(300) as usize)),
    }
}

/// Does to the model what the batch does to the store: rows that do not fit are left out.
pub(crate) fn apply(model: &mut Model, generation: u64) {
    if view_batch(generation).is_some() {
        return;
    }
    let (operation, rows) = plan(generation);
    for (id, record) in rows {
        if records::fits(model, operation, &id) {
            records::apply(model, operation, &id, &record);
        }
    }
}

/// Opens the store, or makes it where there is none.
pub(crate) fn open(folder: &Path, keeps: Keeps) -> Result<Store, Error> {
    match Store::open(folder) {
        Err(error) if error.code() == Code::NotFound => Store::create(folder, keeps.config()),
        other => other,
    }
}

/// Writes until it is killed, or nothing fits any more; says each batch that was acknowledged.
pub(crate) fn write(folder: &Path, keeps: Keeps, most: u64) -> Result<(), Error> {
    let mut store = open(folder, keeps)?;
    let mut written = None;
    let (mut refused, mut retried) = (0, 0);
    let say = |line: String| writeln!(std::io::stdout(), "{line}").is_ok();
    while refused < REFUSALS && store.collection().generation() < most {
        let generation = store.collection().generation();
        // Only between two batches that this process writes: else it would do nothing else.
        let result = match generation % 40 {
            17 if written == Some(generation) => store.checkpoint(),
            33 if written == Some(generation) => store.compact(),
            // A checkpoint may make room where the log was long.
            _ if refused % 2 == 0 && retried < refused => {
                retried = refused;
                store.checkpoint()
            }
            _ => {
                let batch = view_batch(generation + 1).unwrap_or_else(|| {
                    let (operation, rows) = plan(generation + 1);
                    records::batch(operation, &rows, false)
                });
                store.write(batch, &mut |_| {}).map(|_| {
                    written = Some(generation + 1);
                    assert_eq!(store.collection().generation(), generation + 1, "no effect");
                })
            }
        };
        if written == Some(generation) {
            written = None;
        }
        let is_refusal = result.is_err();
        let line = match result {
            Ok(()) => store.collection().generation().to_string(),
            Err(error) => {
                refused += 1;
                assert_eq!(store.collection().generation(), generation, "{error}");
                format!("refused {}", error.code().as_str())
            }
        };
        if !say(line) {
            break;
        }
        // Whoever hears of a refusal may make room before the next.
        if is_refusal {
            std::io::stdin().read_line(&mut String::new()).expect("input can be read");
        }
    }
    Ok(())
}
