//! hnswlib, through its own Python package in a process of its own.

use std::fs;

use kindex::Metric;
use serde_json::{Value, json};

use super::{EF_CONSTRUCTION, M, Rival};
use crate::failure::Failure;
use crate::measure::{self, K, PATIENCE, Plan, Row, Search, median};
use crate::python::Python;

pub(super) struct Hnswlib<'a>(pub(super) &'a Python);

impl Rival for Hnswlib<'_> {
    fn name(&self) -> String {
        "hnswlib".into()
    }

    fn serves(&self, _metric: Metric) -> bool {
        true
    }

    fn measure(&self, plan: &Plan<'_>) -> Result<Row, Failure> {
        let folder = self.0.folder();
        write(&folder.join("base.f32"), plan.set.first(plan.size))?;
        write(&folder.join("queries.f32"), &plan.set.queries)?;
        let task = json!({
            "dimension": plan.set.dimension,
            "space": match plan.set.metric {
                Metric::Euclidean => "l2",
                Metric::Dot => "ip",
                _ => "cosine",
            },
            "size": plan.size,
            "threads": plan.threads,
            "m": M,
            "ef_construction": EF_CONSTRUCTION,
            "k": K,
            "efs": plan.options.efs,
            "rounds": plan.options.rounds,
            "patience": PATIENCE,
            "single": plan.single(),
        });
        let said = self.0.run_with_input(
            "hnswlib_rival.py",
            &[&folder.to_string_lossy()],
            &task.to_string(),
        )?;
        let said: Value = serde_json::from_str(&said)?;
        let single = said["single"].as_f64().zip(plan.single());
        let labels = fs::read(folder.join("labels.u32"))?;
        let searches = self.searches(plan, &said, &labels)?;
        Ok(measure::finish(
            plan,
            &self.name(),
            seconds(&said["builds"])?,
            single.map(|(seconds, count)| count as f64 / seconds),
            searches,
        ))
    }
}

impl Hnswlib<'_> {
    /// The answers of all beams stand behind each other in `labels`.
    fn searches(
        &self,
        plan: &Plan<'_>,
        said: &Value,
        labels: &[u8],
    ) -> Result<Vec<Search>, Failure> {
        let efs = &plan.options.efs;
        let labels: Vec<u32> =
            labels.as_chunks().0.iter().map(|&label| u32::from_le_bytes(label)).collect();
        let queries = plan.set.query_count();
        if labels.len() != efs.len() * queries * K {
            return Err(Failure::new(format!("expected answers to {queries} queries a beam")));
        }
        let answers = labels.chunks_exact(queries * K);
        efs.iter()
            .zip(answers)
            .enumerate()
            .map(|(i, (&ef, answers))| {
                let answers: Vec<_> = answers.chunks_exact(K).map(<[u32]>::to_vec).collect();
                Ok(Search {
                    ef,
                    recall: plan.truth.recall(&answers),
                    queries: queries as f64 / median(&seconds(&said["searches"][i])?),
                })
            })
            .collect()
    }
}

fn seconds(values: &Value) -> Result<Vec<f64>, Failure> {
    let times: Vec<f64> =
        values.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    if times.is_empty() {
        return Err(Failure::new("the script printed no times"));
    }
    Ok(times)
}

fn write(path: &std::path::Path, values: &[f32]) -> Result<(), Failure> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(fs::write(path, bytes)?)
}
