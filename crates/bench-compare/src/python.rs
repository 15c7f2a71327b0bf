//! A virtual environment for what only Python packages carry.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::options::Options;

/// Read as files only, so what it depends on is not installed.
const SCIKIT_IMAGE: &str = "scikit-image==0.25.2";

/// An environment that has the packages.
pub(crate) struct Python {
    folder: PathBuf,
}

/// Makes the environment, or finds the one that an earlier run made.
pub(crate) fn prepare(options: &Options) -> Result<Python, Failure> {
    if !options.python {
        return Err(Failure::new("--no-python"));
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = manifest.join("../../target/bench-compare");
    let python = Python { folder };
    let ready = python.folder.join("ready");
    let requirements = fs::read_to_string(manifest.join("python/requirements.txt"))?;
    let wanted = format!("{requirements}{SCIKIT_IMAGE}\n");
    if fs::read_to_string(&ready).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    eprintln!("installing hnswlib and scikit-image's pictures into {}", python.folder.display());
    fs::create_dir_all(&python.folder)?;
    let environment = python.folder.join("venv");
    finish(Command::new("python3").args(["-m", "venv"]).arg(&environment), b"")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let file = manifest.join("python/requirements.txt");
    finish(Command::new(python.program()).args(pip).arg("-r").arg(file), b"")?;
    finish(Command::new(python.program()).args(pip).args(["--no-deps", SCIKIT_IMAGE]), b"")?;
    fs::write(ready, wanted)?;
    Ok(python)
}

impl Python {
    /// Where scripts find and leave files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs one of the committed scripts and returns what it printed.
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> Result<String, Failure> {
        self.run_with_input(script, arguments, "")
    }

    /// As [`run`](Self::run), with `input` on standard input.
    pub(crate) fn run_with_input(
        &self,
        script: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
        finish(Command::new(self.program()).arg(script).args(arguments), input.as_bytes())
    }

    fn program(&self) -> PathBuf {
        self.folder.join("venv/bin/python")
    }
}

fn finish(command: &mut Command, input: &[u8]) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new(format!("{name} can't be run: {error}")))?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input)?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("it said nothing");
    Err(Failure::new(format!("{name} ended with {}: {last}", output.status)))
}
