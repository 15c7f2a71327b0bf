//! Kills a process that writes to a store, again and again, and compares what is left with what it
//! had acknowledged.
//!
//! ```text
//! cargo run --release -p kindex-store --bin kindex-torture -- --rounds 1000
//! cargo run --release -p kindex-store --bin kindex-torture -- --rounds 20 --full 3000
//! ```
//!
//! `--rounds N`: how often. `--seed N`: where the random moments come from. `--folder PATH`: where
//! the store is, for a small file system of its own. `--full KIB`: instead of being killed, the
//! writer may make no file longer than that, and goes on until nothing fits any more. `--most N`: how
//! many batches until the store is made anew.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kindex::collection::{Batch, Operation, Row};
use kindex::{Code, Config};
use kindex_store::Store;

const DIMENSION: usize = 8;
const IDS: u64 = 7000;
/// After so many batches the store is made anew, so that each round costs about the same: `--most`.
const GENERATIONS: u64 = 600;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

#[derive(Clone, PartialEq, Debug)]
struct Record {
    vector: Vec<f32>,
    metadata: Option<String>,
    document: Option<String>,
}

type Model = BTreeMap<String, Record>;

/// What batch `generation` is: the same for writer and judge.
fn plan(generation: u64) -> (Operation, Vec<(String, Record)>) {
    let mut random = Random(generation);
    let operation = match random.below(8) {
        0..4 => Operation::Upsert,
        4 | 5 => Operation::Insert,
        6 => Operation::Update,
        _ => Operation::Delete,
    };
    let most = if generation.is_multiple_of(25) { 5500 } else { 40 };
    let mut rows = BTreeMap::new();
    for _ in 0..1 + random.below(most) {
        let vector = (0..DIMENSION).map(|_| random.below(2001) as f32 / 1000.0 - 1.0001).collect();
        let n = random.below(9);
        let document = (random.below(4) == 0).then(|| "wörd ".repeat(random.below(300) as usize));
        let metadata = (n > 3).then(|| format!(r#"{{"n":{n},"of":{generation}}}"#));
        rows.insert(format!("id-{}", random.below(IDS)), Record { vector, metadata, document });
    }
    (operation, rows.into_iter().collect())
}

/// Does to the model what the batch does to the store: rows that do not fit are left out.
fn apply(model: &mut Model, generation: u64) {
    let (operation, rows) = plan(generation);
    for (id, record) in rows {
        match operation {
            Operation::Insert => drop(model.entry(id).or_insert(record)),
            Operation::Upsert => drop(model.insert(id, record)),
            Operation::Delete => drop(model.remove(&id)),
            Operation::Update => {
                let Some(old) = model.get_mut(&id) else { continue };
                old.vector = record.vector;
                old.metadata = record.metadata.or_else(|| old.metadata.take());
                old.document = record.document.or_else(|| old.document.take());
            }
        }
    }
}

fn batch(generation: u64) -> Batch {
    let (operation, rows) = plan(generation);
    let mut batch = Batch::new(operation, DIMENSION, false);
    for (id, record) in &rows {
        let row = Row {
            id,
            vector: Some(&record.vector),
            metadata: record.metadata.as_deref(),
            document: record.document.as_deref(),
        };
        batch.push(row).expect("the row is good");
    }
    batch
}

fn open(folder: &Path) -> Result<Store, kindex::Error> {
    let mut config = Config::new(DIMENSION);
    config.metric = kindex::Metric::Euclidean;
    match Store::open(folder) {
        Err(error) if error.code() == Code::NotFound => Store::create(folder, config),
        other => other,
    }
}

/// Writes until it is killed, or nothing fits any more; says each batch that was acknowledged.
fn write(folder: &Path, most: u64) -> Result<(), kindex::Error> {
    let mut store = open(folder)?;
    let mut number = store.collection().generation();
    let mut refused = 0;
    let say = |line: String| writeln!(std::io::stdout(), "{line}").is_ok();
    while refused < 6 && store.collection().generation() < most {
        let generation = store.collection().generation();
        let result = match generation % 40 {
            17 if number == generation => store.checkpoint(),
            33 if number == generation => store.compact(),
            _ => store.write(batch(generation + 1), &mut |_| {}).map(drop),
        };
        number = generation + 1;
        match result {
            Ok(()) => {
                if !say(format!("{}", store.collection().generation())) {
                    break;
                }
            }
            Err(error) => {
                refused += 1;
                assert_eq!(store.collection().generation(), generation, "{error}");
                say(format!("refused {}", error.code().as_str()));
            }
        }
    }
    Ok(())
}

struct Judge {
    model: Model,
    generation: u64,
}

impl Judge {
    /// Compares the store with what the batches make of nothing. `acknowledged` must be there.
    fn judge(&mut self, folder: &Path, acknowledged: u64) -> Result<(u64, usize), String> {
        let store = open(folder).map_err(|error| error.to_string())?;
        let collection = store.collection();
        let generation = collection.generation();
        if generation < acknowledged {
            return Err(format!("batch {acknowledged} was acknowledged, {generation} are there"));
        }
        if generation > acknowledged + 1 {
            return Err(format!(
                "{generation} batches are there, {acknowledged} were acknowledged"
            ));
        }
        collection.check().map_err(|error| error.to_string())?;
        while self.generation < generation {
            self.generation += 1;
            apply(&mut self.model, self.generation);
        }
        if collection.len() != self.model.len() {
            let (is, should) = (collection.len(), self.model.len());
            return Err(format!("{is} records, not {should}, after batch {generation}"));
        }
        for (id, record) in &self.model {
            let slot = collection.slot(id).ok_or_else(|| format!("{id} is gone"))?;
            let found = Record {
                vector: collection.vector(slot).unwrap_or_default(),
                metadata: collection.metadata(slot).map(str::to_owned),
                document: store.document(slot).map_err(|error| error.to_string())?,
            };
            if found != *record {
                return Err(format!("{id} is {found:?}, not {record:?}, after batch {generation}"));
            }
        }
        Ok((generation, collection.len()))
    }
}

struct Options {
    rounds: usize,
    seed: u64,
    folder: PathBuf,
    full: Option<u64>,
    most: u64,
}

/// Starts a writer and ends it at a random moment. Returns the last batch that it acknowledged, and
/// how many were refused.
fn round(options: &Options, random: &mut Random) -> Result<(u64, usize), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = match options.full {
        None => Command::new(&program),
        Some(kib) => {
            // The shell's unit is 512 bytes; without the trap the limit kills.
            let mut shell = Command::new("sh");
            let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
            shell.arg("-c").arg(script).arg(&program);
            shell
        }
    };
    let most = options.most.to_string();
    let child = command
        .args(["--most", &most])
        .arg("--write")
        .arg(&options.folder)
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("no writer: {error}"))?;
    let out = child.stdout.take().ok_or("the writer says nothing")?;
    let (sender, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        lines.all(|line| sender.send(line).is_ok())
    });
    let end = Instant::now() + Duration::from_micros(2000 + random.below(120_000));
    let (mut acknowledged, mut refused) = (0, 0);
    loop {
        let left = match options.full {
            None => end.saturating_duration_since(Instant::now()),
            Some(_) => Duration::from_secs(120),
        };
        match lines.recv_timeout(left) {
            Ok(line) if line.starts_with("refused") => refused += 1,
            Ok(line) => acknowledged = line.parse().map_err(|_| format!("said {line:?}"))?,
            Err(_) => break,
        }
        if options.full.is_none() && Instant::now() >= end {
            break;
        }
    }
    child.kill().map_err(|error| error.to_string())?;
    child.wait().map_err(|error| error.to_string())?;
    reader.join().map_err(|_| "the reader failed")?;
    // What it had said before it was killed counts too.
    for line in lines.try_iter() {
        if let Ok(number) = line.parse() {
            acknowledged = number;
        }
    }
    Ok((acknowledged, refused))
}

fn run(options: &Options) -> Result<(), String> {
    let mut random = Random(options.seed);
    let mut judge = Judge { model: Model::new(), generation: 0 };
    let (mut all_refused, mut at_least) = (0, 0);
    println!("seed {}", options.seed);
    for number in 0..options.rounds {
        if judge.generation >= options.most || options.full.is_some() {
            std::fs::remove_dir_all(&options.folder).ok();
            judge = Judge { model: Model::new(), generation: 0 };
            at_least = 0;
        }
        let (acknowledged, refused) = round(options, &mut random)?;
        at_least = acknowledged.max(at_least);
        let judged = judge.judge(&options.folder, at_least);
        let (generation, records) = judged.map_err(|why| format!("round {number}: {why}"))?;
        all_refused += refused;
        at_least = generation;
        if number % 50 == 49 || number + 1 == options.rounds {
            println!("{} rounds: batch {generation}, {records} records, all there", number + 1);
        }
    }
    println!("{} rounds, {all_refused} batches refused, 0 lost", options.rounds);
    Ok(())
}

fn options() -> Result<Options, String> {
    let name = format!("kindex-torture-{}", std::process::id());
    let mut options = Options {
        rounds: 20,
        seed: u64::from(std::process::id()),
        folder: std::env::temp_dir().join(name),
        full: None,
        most: GENERATIONS,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{argument} expects a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{value:?} is no number"));
        match argument.as_str() {
            "--write" => {
                write(Path::new(&value), options.most).map_err(|error| error.to_string())?;
                std::process::exit(0);
            }
            "--hold" => {
                let store = open(Path::new(&value)).map_err(|error| error.to_string())?;
                println!("open");
                // Until whoever started it goes away.
                let ended = std::io::stdin().read_line(&mut String::new());
                drop(store);
                std::process::exit(i32::from(ended.is_err()));
            }
            "--rounds" => options.rounds = number()? as usize,
            "--seed" => options.seed = number()?,
            "--folder" => options.folder = PathBuf::from(value).join("store"),
            "--most" => options.most = number()?,
            "--full" => options.full = Some(number()?),
            other => return Err(format!("there is no option {other}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let result = options().and_then(|options| {
        let result = run(&options);
        std::fs::remove_dir_all(&options.folder).ok();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
