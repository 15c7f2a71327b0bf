//! The options of an index as JSON, both ways.

use kindex::collection::{Decay, Dedupe, Likeness, OnDuplicate};
use kindex::json::Json;
use kindex::{Code, Config, Error, Metric, Quantization};

use crate::report::Report;

/// From here on codes tell vectors apart.
const FEW_DIMENSIONS: usize = 16;

/// Reads options. What is left out has its default; what is not known is an error.
pub(crate) fn parse(text: &str) -> Result<Config, Error> {
    let Json::Object(fields) = Json::parse(text).map_err(|fault| invalid(&fault))? else {
        return Err(invalid("an object was expected"));
    };
    // The dimension is checked with the rest, and 0 is no dimension.
    let mut config = Config::new(0);
    let mut quantization = None;
    for (name, value) in &fields {
        match (name.as_str(), value) {
            (_, Json::Null) => {}
            ("dimension", value) => config.dimension = whole(name, value)?,
            ("metric", value) => {
                config.metric = named(value, Metric::from_name)
                    .ok_or_else(|| invalid("metric must be 'cosine', 'dot' or 'euclidean'"))?;
            }
            ("quantization", value) => {
                let known = named(value, Quantization::from_name);
                let message = "quantization must be 'none', 'int8' or 'binary'";
                quantization = Some(known.ok_or_else(|| invalid(message))?);
            }
            ("m", value) => config.m = whole(name, value)?,
            ("efConstruction", value) => config.ef_construction = whole(name, value)?,
            ("keepVectors", Json::Bool(keep)) => config.keep_vectors = *keep,
            ("keepVectors", _) => return Err(invalid("keepVectors must be a boolean")),
            ("seed", value) => config.seed = whole::<u64>(name, value)?,
            _ => return Err(invalid(&format!("'{name}' is unknown"))),
        }
    }
    config.quantization = quantization.unwrap_or_else(|| default_quantization(&config));
    config.validate()?;
    Ok(config)
}

/// Of few components too many vectors share a code to be told apart, and a row of codes takes more room
/// than the floats.
fn default_quantization(config: &Config) -> Quantization {
    if config.keep_vectors && config.dimension < FEW_DIMENSIONS {
        Quantization::None
    } else {
        Quantization::Int8
    }
}

/// Writes options out in full.
pub(crate) fn to_json(config: &Config) -> String {
    Report::new()
        .raw("dimension", config.dimension)
        .text("metric", config.metric.name())
        .text("quantization", config.quantization.name())
        .raw("m", config.m)
        .raw("efConstruction", config.ef_construction)
        .raw("keepVectors", config.keep_vectors)
        .raw("seed", config.seed)
        .finish()
}

/// Reads how recency counts: `field`, `halfLife`, `weight`, `now`.
pub(crate) fn decay(text: &str) -> Result<Decay, Error> {
    let json = Json::parse(text).map_err(|fault| invalid(&fault))?;
    let Json::Object(fields) = &json else { return Err(invalid("an object was expected")) };
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let number = |name: &str| match field(name) {
        Some(Json::Number(number)) => Ok(*number),
        _ => Err(invalid(&format!("decay.{name} must be a number"))),
    };
    let Some(Json::Text(path)) = field("field") else {
        return Err(invalid("decay.field must be a string"));
    };
    Ok(Decay {
        field: path.clone(),
        half_life: number("halfLife")?,
        weight: number("weight")?,
        now: number("now")?,
    })
}

/// Reads how a batch deals with duplicates: `threshold` (left out: exact ones) and `action`.
pub(crate) fn dedupe(text: &str) -> Result<Dedupe, Error> {
    let json = Json::parse(text).map_err(|fault| invalid(&fault))?;
    let Json::Object(fields) = &json else { return Err(invalid("an object was expected")) };
    let mut dedupe = Dedupe { likeness: Likeness::Exact, action: OnDuplicate::Skip };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("threshold", Json::Number(threshold)) => {
                dedupe.likeness = Likeness::Within(*threshold as f32);
            }
            ("action", value) => {
                dedupe.action = named(value, OnDuplicate::from_name)
                    .ok_or_else(|| invalid("onDuplicate must be 'skip', 'replace' or 'report'"))?;
            }
            _ => return Err(invalid(&format!("dedupe.{name} is wrong or unknown"))),
        }
    }
    Ok(dedupe)
}

fn invalid(message: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("options: {message}"))
}

fn named<T>(value: &Json, from_name: impl Fn(&str) -> Option<T>) -> Option<T> {
    if let Json::Text(name) = value { from_name(name) } else { None }
}

/// A whole number that JavaScript keeps exactly.
fn whole<T: TryFrom<u64>>(name: &str, value: &Json) -> Result<T, Error> {
    let most = ((1u64 << 53) - 1) as f64;
    let number = match value {
        Json::Number(number) if (0.0..=most).contains(number) && number.fract() == 0.0 => {
            T::try_from(*number as u64).ok()
        }
        _ => None,
    };
    number.ok_or_else(|| invalid(&format!("{name} must be a whole number within its bounds")))
}
