//! One writer, from its start to its end.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::records::Random;
use crate::writer::Keeps;
use crate::{End, Options};

/// A writer that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a store needs of a disk to be made at all, and some.
const ROOM_KIB: u64 = 150;

/// What the writer said.
pub(crate) struct Heard {
    /// The last batch that it acknowledged; 0 if none.
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
}

/// Starts a writer and lets it come to its end.
pub(crate) fn run(options: &Options, keeps: Keeps, random: &mut Random) -> Result<Heard, String> {
    let ballast = options.folder.with_file_name("ballast");
    if let End::FullDisk(kib) = options.end {
        // Mostly little room, so that it is often a batch that finds none, and not a checkpoint.
        let most = random.below(kib.saturating_sub(ROOM_KIB).max(1)) + 1;
        let taken = kib.saturating_sub(ROOM_KIB + random.below(most)) * 1024;
        std::fs::write(&ballast, vec![1; taken as usize]).map_err(|error| error.to_string())?;
    }
    let mut child = command(options, random)?
        .args(["--most", &options.most.to_string(), "--keeps", keeps.name(), "--write"])
        .arg(&options.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("no writer: {error}"))?;
    let mut input = child.stdin.take().ok_or("the writer hears nothing")?;
    let out = child.stdout.take().ok_or("the writer says nothing")?;
    let (sender, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        lines.all(|line| sender.send(line).is_ok())
    });
    let mut heard = Heard { acknowledged: 0, refused: 0 };
    let listened = match options.end {
        End::Killed => until_killed(&lines, random, &mut heard),
        End::LongFiles(_) | End::FullDisk(_) => {
            until_it_ends(&lines, &mut input, &ballast, &mut heard)
        }
    };
    child.kill().map_err(|error| error.to_string())?;
    let status = child.wait().map_err(|error| error.to_string())?;
    reader.join().map_err(|_| "the reader failed")?;
    listened?;
    // What it had said before it was killed counts too.
    for line in lines.try_iter() {
        heard.take(&line)?;
    }
    if status.code().is_some_and(|code| code != 0) {
        return Err(format!("the writer ended with {status}"));
    }
    Ok(heard)
}

fn command(options: &Options, random: &mut Random) -> Result<Command, String> {
    let program: PathBuf = std::env::current_exe().map_err(|error| error.to_string())?;
    let End::LongFiles(kib) = options.end else { return Ok(Command::new(program)) };
    // The shell's unit is 512 bytes; without the trap the limit kills.
    let blocks = kib + random.below(kib);
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    shell.arg("-c").arg(script).arg(program);
    Ok(shell)
}

/// Counted in batches, since what a batch takes depends on the machine: the kill comes after some of
/// them and a little while. Sometimes it comes while the store is opened.
fn until_killed(
    lines: &Receiver<String>,
    random: &mut Random,
    heard: &mut Heard,
) -> Result<(), String> {
    let batches = if random.below(8) == 0 { 0 } else { 1 + random.below(40) };
    for _ in 0..batches {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => heard.take(&line)?,
            // It has written as many as it may.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => return Err(hangs()),
        }
    }
    std::thread::sleep(Duration::from_micros(random.below(if batches == 0 {
        30_000
    } else {
        4000
    })));
    Ok(())
}

/// Makes room on the disk once, after the first batch that found none.
fn until_it_ends(
    lines: &Receiver<String>,
    input: &mut ChildStdin,
    ballast: &Path,
    heard: &mut Heard,
) -> Result<(), String> {
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let refused = heard.refused;
                heard.take(&line)?;
                if heard.refused > refused {
                    std::fs::remove_file(ballast).ok();
                    // A writer that has seen enough has ended.
                    input.write_all(b"\n").ok();
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => return Err(hangs()),
        }
    }
}

fn hangs() -> String {
    format!("the writer has said nothing for {} s", PATIENCE.as_secs())
}

impl Heard {
    fn take(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with("refused") {
            self.refused += 1;
        } else {
            self.acknowledged = line.parse().map_err(|_| format!("the writer said {line:?}"))?;
        }
        Ok(())
    }
}
