//! Kills a process that writes to a store, again and again, and compares what is left with what it
//! had acknowledged.
//!
//! ```text
//! cargo run --release -p kindex-store --bin kindex-torture -- --rounds 1000
//! cargo run --release -p kindex-store --bin kindex-torture -- --rounds 20 --full 3000
//! ```
//!
//! `--rounds N`: how often. `--seed N`: where the random moments come from. `--most N`: how many
//! batches until the store is made anew. `--folder PATH`: where the store is, for a small file system
//! of its own. `--full KIB`: instead of being killed, the writer goes on until nothing fits any more:
//! no file may be longer than a random length up to that. `--disk KIB`: the same, but it is the disk
//! under the folder that has so much room, of which a random part is taken before each round. `--keeps
//! floats|int8|binary|codes`: what the stores keep of vectors (`codes`: those of `binary` alone); by
//! default another for each store.

mod judge;
mod records;
mod round;
mod writer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use judge::Judge;
use records::Random;
use writer::Keeps;

/// After so many batches the store is made anew, so that each round costs about the same: `--most`.
const GENERATIONS: u64 = 600;

struct Options {
    rounds: usize,
    seed: u64,
    folder: PathBuf,
    /// How the writer is ended.
    end: End,
    most: u64,
    /// What every store keeps of vectors; None: another each time.
    keeps: Option<Keeps>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Killed,
    /// By a limit on the length of files, in KiB.
    LongFiles(u64),
    /// By a disk of so many KiB.
    FullDisk(u64),
}

fn run(options: &Options) -> Result<(), String> {
    let mut random = Random(options.seed);
    let mut judge = Judge::of(options.keeps.unwrap_or_else(|| Keeps::any(&mut random)));
    let (mut all_acknowledged, mut all_refused) = (0, 0);
    println!("seed {}", options.seed);
    for number in 0..options.rounds {
        if judge.generation() >= options.most || options.end != End::Killed {
            std::fs::remove_dir_all(&options.folder).ok();
            judge = Judge::of(options.keeps.unwrap_or_else(|| Keeps::any(&mut random)));
        }
        let said = |why: String| format!("round {number}: {why}");
        let before = judge.generation();
        let heard = round::run(options, judge.keeps(), &mut random).map_err(said)?;
        let acknowledged = heard.acknowledged.max(before);
        judge.compare(&options.folder, acknowledged, options.end).map_err(said)?;
        if options.end != End::Killed && heard.refused == 0 {
            return Err(said(format!("all {acknowledged} batches fitted")));
        }
        all_acknowledged += judge.generation() - before;
        all_refused += heard.refused;
        if number % 50 == 49 || number + 1 == options.rounds {
            println!("{} rounds: {}, all there", number + 1, judge.state());
        }
    }
    println!(
        "{} rounds, {all_acknowledged} batches, {all_refused} refused, 0 lost",
        options.rounds
    );
    Ok(())
}

fn options() -> Result<Options, String> {
    let name = format!("kindex-torture-{}", std::process::id());
    let mut options = Options {
        rounds: 20,
        seed: u64::from(std::process::id()),
        folder: std::env::temp_dir().join(name),
        end: End::Killed,
        most: GENERATIONS,
        keeps: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{argument} expects a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{value:?} is no number"));
        match argument.as_str() {
            "--write" => {
                let keeps = options.keeps.unwrap_or_default();
                writer::write(Path::new(&value), keeps, options.most)
                    .map_err(|error| error.to_string())?;
                std::process::exit(0);
            }
            "--hold" => {
                let store = writer::open(Path::new(&value), Keeps::default())
                    .map_err(|error| error.to_string())?;
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
            "--keeps" => options.keeps = Some(Keeps::named(&value)?),
            "--full" => options.end = End::LongFiles(number()?),
            "--disk" => options.end = End::FullDisk(number()?),
            other => return Err(format!("there is no option {other}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let result = options().and_then(|options| {
        let result = run(&options);
        // What was lost is to be looked at.
        if result.is_ok() {
            std::fs::remove_dir_all(&options.folder).ok();
        }
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
