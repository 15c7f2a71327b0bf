//! The options of an index as JSON, both ways.

use kindex::{Code, Config, Error, Metric, Quantization};
use serde_json::{Map, Value, json};

/// Reads options. What is left out has its default; what is not known is an error.
pub(crate) fn parse(text: &str) -> Result<Config, Error> {
    let json: Value = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
    let Value::Object(fields) = json else { return Err(invalid("an object was expected")) };
    let known =
        ["dimension", "metric", "quantization", "m", "efConstruction", "keepVectors", "seed"];
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid(&format!("'{name}' is unknown")));
    }
    let dimension = whole(&fields, "dimension")?.ok_or_else(|| invalid("dimension is missing"))?;
    let mut config = Config::new(dimension as usize);
    if let Some(name) = text_of(&fields, "metric")? {
        config.metric = Metric::from_name(name)
            .ok_or_else(|| invalid("metric must be 'cosine', 'dot' or 'euclidean'"))?;
    }
    if let Some(name) = text_of(&fields, "quantization")? {
        config.quantization = Quantization::from_name(name)
            .ok_or_else(|| invalid("quantization must be 'none', 'int8' or 'binary'"))?;
    }
    if let Some(m) = whole(&fields, "m")? {
        config.m = m as usize;
    }
    if let Some(beam) = whole(&fields, "efConstruction")? {
        config.ef_construction = beam as usize;
    }
    match fields.get("keepVectors") {
        None | Some(Value::Null) => {}
        Some(Value::Bool(keep)) => config.keep_vectors = *keep,
        Some(_) => return Err(invalid("keepVectors must be a boolean")),
    }
    if let Some(seed) = whole(&fields, "seed")? {
        config.seed = seed;
    }
    config.validate()?;
    Ok(config)
}

/// Writes options out in full.
pub(crate) fn to_json(config: &Config) -> String {
    json!({
        "dimension": config.dimension,
        "metric": config.metric.name(),
        "quantization": config.quantization.name(),
        "m": config.m,
        "efConstruction": config.ef_construction,
        "keepVectors": config.keep_vectors,
        "seed": config.seed,
    })
    .to_string()
}

fn invalid(message: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("options: {message}"))
}

fn whole(fields: &Map<String, Value>, name: &str) -> Result<Option<u64>, Error> {
    // The largest whole number that JavaScript keeps exactly, and that fits a wasm32 size.
    let most = if name == "seed" { (1 << 53) - 1 } else { u64::from(u32::MAX) };
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .filter(|number| *number <= most)
            .map(Some)
            .ok_or_else(|| invalid(&format!("{name} must be a whole number, but is {value}"))),
    }
}

fn text_of<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(value) => Err(invalid(&format!("{name} must be a string, but is {value}"))),
    }
}
