//! Kindex beside other native vector indexes: the same data, the same run, the same recall.
//!
//! `cargo run --release -p kindex-bench-compare -- --help` says what can be chosen.

mod data;
mod failure;
mod measure;
mod options;
mod python;
mod report;
mod rivals;
mod truth;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use data::DataSet;
use failure::Failure;
use measure::Plan;
use options::Options;
use report::Report;

fn main() -> ExitCode {
    let options = match Options::from_arguments() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(failure) => return fail(&failure, 2),
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure, 1),
    }
}

fn fail(failure: &Failure, code: u8) -> ExitCode {
    eprintln!("error: {failure}");
    ExitCode::from(code)
}

fn run(options: &Options) -> Result<(), Failure> {
    fs::create_dir_all(&options.out)?;
    let mut report = Report::new(options);
    let python = python::prepare(options);
    if let Err(reason) = &python {
        report.note(format!("Without Python packages ({reason}): no hnswlib, no image patches."));
    }
    let python = python.ok();
    let largest = options.sizes.iter().copied().max().unwrap_or(0);
    for name in &options.data {
        let set = match DataSet::load(name, largest, python.as_ref()) {
            Ok(set) => set,
            Err(reason) => {
                report.note(format!("{name} is left out: {reason}."));
                continue;
            }
        };
        eprintln!("{}: {}", set.name, set.description);
        report.describe(&set);
        for &size in options.sizes.iter().filter(|&&size| size <= set.rows()) {
            measure_size(options, &set, size, python.as_ref(), &mut report)?;
            // After every size, so that a run that is cut short leaves what it measured.
            save(&report, &options.out)?;
        }
        if options.growth && set.rows() >= 2 * options.growth_from() {
            let from = options.growth_from();
            let to = 2 * from;
            for &threads in &options.threads {
                report.growth(measure::growth(&set, from, to, threads)?);
            }
            save(&report, &options.out)?;
        }
    }
    print!("{}", report.markdown());
    Ok(())
}

fn measure_size(
    options: &Options,
    set: &DataSet,
    size: usize,
    python: Option<&python::Python>,
    report: &mut Report,
) -> Result<(), Failure> {
    let truth = truth::Truth::scan(set, size, measure::K);
    for rival in rivals::all(options, python) {
        if !rival.serves(set.metric) {
            continue;
        }
        for &threads in &options.threads {
            let plan = Plan { set, size, threads, options, truth: &truth };
            match measure::run(rival.as_ref(), &plan) {
                Ok(row) => {
                    eprintln!("  {row}");
                    report.row(row);
                }
                Err(failure) => report.note(format!(
                    "{} failed on {} of {size}: {failure}",
                    rival.name(),
                    set.name
                )),
            }
        }
    }
    Ok(())
}

fn save(report: &Report, folder: &Path) -> Result<(), Failure> {
    fs::write(folder.join("native.md"), report.markdown())?;
    fs::write(folder.join("native.json"), report.json())?;
    Ok(())
}
