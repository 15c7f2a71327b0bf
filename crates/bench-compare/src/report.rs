//! What was measured, as Markdown for people and as JSON for programs.

use std::fmt::Write;
use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::data::DataSet;
use crate::measure::{Growth, Row, Search};
use crate::options::Options;

/// The recall at which libraries are compared.
const RECALL: f64 = 0.98;

/// Everything that a run has found so far.
pub(crate) struct Report {
    machine: String,
    rounds: usize,
    sets: Vec<(String, String)>,
    rows: Vec<Row>,
    growths: Vec<Growth>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            machine: machine(),
            rounds: options.rounds,
            sets: Vec::new(),
            rows: Vec::new(),
            growths: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn describe(&mut self, set: &DataSet) {
        let text = format!(
            "{}; {} components, {}, {} queries",
            set.description,
            set.dimension,
            set.metric.name(),
            set.query_count()
        );
        self.sets.push((set.name.to_owned(), text));
    }

    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn growth(&mut self, growth: Growth) {
        self.growths.push(growth);
    }

    /// Something that a reader has to know.
    pub(crate) fn note(&mut self, note: String) {
        eprintln!("note: {note}");
        self.notes.push(note);
    }

    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        self.write_markdown(&mut out).expect("a String takes everything");
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# Kindex beside other native libraries\n")?;
        writeln!(out, "{}. Medians of {} rounds; recall@10.", self.machine, self.rounds)?;
        writeln!(
            out,
            "The beam is the narrowest measured one with a recall of {RECALL} or more; in brackets, a library's best where it reaches none.\n"
        )?;
        for (name, text) in &self.sets {
            writeln!(out, "- **{name}**: {text}")?;
        }
        for note in &self.notes {
            writeln!(out, "- {note}")?;
        }
        for (name, _) in &self.sets {
            self.write_set(out, name)?;
        }
        if !self.growths.is_empty() {
            writeln!(out, "\n## Kindex growing by batches of 1,000\n")?;
            writeln!(
                out,
                "| data | from | to | threads | inserts/s | p95 of a batch, ms | recall@10 |"
            )?;
            writeln!(out, "|---|--:|--:|--:|--:|--:|--:|")?;
        }
        for g in &self.growths {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {:.1} | {:.4} (ef {}) |",
                g.data,
                grouped(g.from as f64),
                grouped(g.to as f64),
                g.threads,
                grouped(g.inserts),
                g.p95,
                g.recall,
                g.ef
            )?;
        }
        Ok(())
    }

    fn write_set(&self, out: &mut String, name: &str) -> std::fmt::Result {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| row.data == name).collect();
        let mut sizes: Vec<usize> = rows.iter().map(|row| row.size).collect();
        sizes.dedup();
        for size in sizes {
            writeln!(out, "\n## {name}, {} vectors\n", grouped(size as f64))?;
            writeln!(
                out,
                "| library | threads | inserts/s | one by one | ef | recall@10 | queries/s |"
            )?;
            writeln!(out, "|---|--:|--:|--:|--:|--:|--:|")?;
            for row in rows.iter().filter(|row| row.size == size) {
                let single = row.single_inserts.map_or_else(String::new, grouped);
                let (reached, search) = row.compared();
                let found = search.map_or_else(
                    || " |  | ".to_owned(),
                    |s| format!("{} | {:.4} | {}", s.ef, s.recall, grouped(s.queries)),
                );
                let found = if reached { found } else { found.replace(" | ", ") | (") };
                let found = if reached { found } else { format!("({found})") };
                writeln!(
                    out,
                    "| {} | {} | {} | {single} | {found} |",
                    row.library,
                    row.threads,
                    grouped(row.inserts)
                )?;
            }
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let growths: Vec<Value> = self
            .growths
            .iter()
            .map(|g| {
                json!({ "data": g.data, "from": g.from, "to": g.to, "threads": g.threads,
                    "insertsPerSecond": g.inserts, "batchP95Ms": g.p95, "ef": g.ef,
                    "recall": g.recall })
            })
            .collect();
        let sets: Value = self.sets.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let report = json!({ "machine": self.machine, "rounds": self.rounds, "k": 10,
            "data": sets, "rows": rows, "growth": growths, "notes": self.notes });
        format!("{report:#}\n")
    }
}

impl Row {
    /// The narrowest beam that reaches the recall, or else the best one.
    fn compared(&self) -> (bool, Option<&Search>) {
        match self.searches.iter().find(|search| search.recall >= RECALL) {
            Some(search) => (true, Some(search)),
            None => (false, self.searches.iter().max_by(|a, b| a.recall.total_cmp(&b.recall))),
        }
    }

    fn json(&self) -> Value {
        let searches: Vec<Value> = self
            .searches
            .iter()
            .map(|s| json!({ "ef": s.ef, "recall": s.recall, "queriesPerSecond": s.queries }))
            .collect();
        json!({ "data": self.data, "size": self.size, "library": self.library,
            "threads": self.threads, "insertsPerSecond": self.inserts,
            "buildSeconds": self.builds, "singleInsertsPerSecond": self.single_inserts,
            "searches": searches })
    }
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The processor, its cores, and how busy it was: a figure from a busy machine is a low one.
fn machine() -> String {
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").ok();
    let load = load.as_deref().and_then(|text| text.split(' ').next()).unwrap_or("unknown");
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{model}, {cores} cores, load at the start {load}")
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_grouped() {
        let words = [0.0, 999.4, 1000.0, 1234567.0].map(grouped);
        assert_eq!(words, ["0", "999", "1,000", "1,234,567"]);
    }
}
