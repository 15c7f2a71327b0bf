//! Filters: JSON text to a tree that is known to be good. What they mean is said in the module
//! above.

use super::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH, MAX_FILTER_NODES, MAX_FILTER_OPERANDS};
use crate::error::{Code, Error};
use crate::json::Json;

/// A single value, as a field or as an operand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    /// Finite, and never the negative zero.
    Number(f64),
    Text(Box<str>),
}

impl Scalar {
    /// A number; the negative zero becomes zero, so that equal numbers have equal bits.
    pub(crate) fn number(value: f64) -> Self {
        Self::Number(value + 0.0)
    }
}

/// How a range operator orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// What one field must satisfy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Equals(Scalar),
    In(Vec<Scalar>),
    Number(Order, f64),
    Text(Order, Box<str>),
    Exists,
    Contains(Scalar),
    StartsWith(Box<str>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Field(Box<str>, Test),
}

/// A filter over metadata, parsed and within its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub(crate) root: Node,
}

impl Filter {
    /// Parses the JSON of a filter.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the place: unknown operators, operands of the wrong kind,
    /// paths through `__proto__`, `constructor` or `prototype`, and filters over the limits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_FILTER_BYTES {
            return Err(invalid(
                "",
                &format!("{} bytes are over the limit of {MAX_FILTER_BYTES}", text.len()),
            ));
        }
        Self::of(&Json::parse(text).map_err(|fault| invalid("", &fault))?)
    }

    /// As [`Filter::parse`], of what was parsed already.
    pub(crate) fn of(json: &Json) -> Result<Self, Error> {
        let root = Parser { nodes: 0, operands: 0 }.filter(json, "where", 0)?;
        Ok(Self { root })
    }
}

fn invalid(place: &str, message: &str) -> Error {
    let place = if place.is_empty() { "where" } else { place };
    Error::new(Code::InvalidArgument, format!("filter at {place}: {message}"))
}

struct Parser {
    nodes: usize,
    operands: usize,
}

impl Parser {
    fn filter(&mut self, json: &Json, place: &str, depth: usize) -> Result<Node, Error> {
        if depth > MAX_FILTER_DEPTH {
            return Err(invalid(place, &format!("nested deeper than {MAX_FILTER_DEPTH} levels")));
        }
        let Json::Object(entries) = json else {
            return Err(invalid(place, &format!("an object was expected, {} came", json.kind())));
        };
        let mut all = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let place = format!("{place}.{key}");
            all.push(match key.as_str() {
                "$and" => Node::All(self.filters(value, &place, depth)?),
                "$or" => Node::Any(self.filters(value, &place, depth)?),
                "$not" => {
                    self.count(&place)?;
                    Node::Not(Box::new(self.filter(value, &place, depth + 1)?))
                }
                _ if key.starts_with('$') => {
                    let message =
                        "unknown operator; '$and', '$or', '$not' or a field's name stand here";
                    return Err(invalid(&place, message));
                }
                _ => {
                    check_path(key, &place)?;
                    self.field(key, value, &place, depth)?
                }
            });
        }
        Ok(one_or(Node::All, all))
    }

    fn filters(&mut self, json: &Json, place: &str, depth: usize) -> Result<Vec<Node>, Error> {
        self.count(place)?;
        let Json::Array(items) = json else {
            return Err(invalid(place, &format!("an array was expected, {} came", json.kind())));
        };
        if items.is_empty() {
            return Err(invalid(place, "the array has no filter"));
        }
        let parse = |(at, item)| self.filter(item, &format!("{place}[{at}]"), depth + 1);
        items.iter().enumerate().map(parse).collect()
    }

    fn field(&mut self, path: &str, json: &Json, place: &str, depth: usize) -> Result<Node, Error> {
        match json {
            Json::Object(operators) => self.operators(path, operators, place, depth),
            Json::Array(_) => {
                Err(invalid(place, "an array is no operand of '$eq'; '$in' takes one"))
            }
            value => self.test(path, "$eq", value, place, depth),
        }
    }

    fn operators(
        &mut self,
        path: &str,
        operators: &[(String, Json)],
        place: &str,
        depth: usize,
    ) -> Result<Node, Error> {
        if operators.is_empty() {
            return Err(invalid(place, "an operator was expected, an empty object came"));
        }
        if depth > MAX_FILTER_DEPTH {
            return Err(invalid(place, &format!("nested deeper than {MAX_FILTER_DEPTH} levels")));
        }
        let mut all = Vec::with_capacity(operators.len());
        for (operator, operand) in operators {
            if !operator.starts_with('$') {
                let message = format!("no operator; a nested field is written '{path}.{operator}'");
                return Err(invalid(&format!("{place}.{operator}"), &message));
            }
            all.push(self.test(path, operator, operand, &format!("{place}.{operator}"), depth)?);
        }
        Ok(one_or(Node::All, all))
    }

    fn test(
        &mut self,
        path: &str,
        operator: &str,
        operand: &Json,
        place: &str,
        depth: usize,
    ) -> Result<Node, Error> {
        self.count(place)?;
        let field = |test| Node::Field(path.into(), test);
        let not = |node| Node::Not(Box::new(node));
        Ok(match operator {
            "$eq" => field(Test::Equals(scalar(operand, place)?)),
            "$ne" => not(field(Test::Equals(scalar(operand, place)?))),
            "$in" => field(Test::In(self.scalars(operand, place)?)),
            "$nin" => not(field(Test::In(self.scalars(operand, place)?))),
            "$gt" => field(range(Order::Above, operand, place)?),
            "$gte" => field(range(Order::AtLeast, operand, place)?),
            "$lt" => field(range(Order::Below, operand, place)?),
            "$lte" => field(range(Order::AtMost, operand, place)?),
            "$contains" => field(Test::Contains(scalar(operand, place)?)),
            "$startsWith" => match operand {
                Json::Text(text) => field(Test::StartsWith(text.as_str().into())),
                other => return Err(unexpected("a string", other, place)),
            },
            "$exists" => match operand {
                Json::Bool(true) => field(Test::Exists),
                Json::Bool(false) => not(field(Test::Exists)),
                other => return Err(unexpected("a boolean", other, place)),
            },
            "$not" => match operand {
                Json::Object(operators) => {
                    not(self.operators(path, operators, place, depth + 1)?)
                }
                other => return Err(unexpected("an object of operators", other, place)),
            },
            _ => return Err(invalid(place, "unknown operator")),
        })
    }

    fn scalars(&mut self, json: &Json, place: &str) -> Result<Vec<Scalar>, Error> {
        let Json::Array(items) = json else { return Err(unexpected("an array", json, place)) };
        self.operands += items.len();
        if self.operands > MAX_FILTER_OPERANDS {
            let message = format!("over {MAX_FILTER_OPERANDS} operands in lists");
            return Err(invalid(place, &message));
        }
        items.iter().enumerate().map(|(at, item)| scalar(item, &format!("{place}[{at}]"))).collect()
    }

    fn count(&mut self, place: &str) -> Result<(), Error> {
        self.nodes += 1;
        if self.nodes > MAX_FILTER_NODES {
            return Err(invalid(place, &format!("over {MAX_FILTER_NODES} operators")));
        }
        Ok(())
    }
}

fn one_or(many: fn(Vec<Node>) -> Node, mut nodes: Vec<Node>) -> Node {
    if nodes.len() == 1 { nodes.remove(0) } else { many(nodes) }
}

fn unexpected(wanted: &str, json: &Json, place: &str) -> Error {
    invalid(place, &format!("{wanted} was expected, {} came", json.kind()))
}

fn scalar(json: &Json, place: &str) -> Result<Scalar, Error> {
    Ok(match json {
        Json::Null => Scalar::Null,
        Json::Bool(value) => Scalar::Bool(*value),
        Json::Number(value) => Scalar::number(*value),
        Json::Text(text) => Scalar::Text(text.as_str().into()),
        other => return Err(unexpected("a string, number, boolean or null", other, place)),
    })
}

fn range(order: Order, json: &Json, place: &str) -> Result<Test, Error> {
    match scalar(json, place)? {
        Scalar::Number(bound) => Ok(Test::Number(order, bound)),
        Scalar::Text(bound) => Ok(Test::Text(order, bound)),
        Scalar::Null | Scalar::Bool(_) => Err(unexpected("a number or a string", json, place)),
    }
}

/// Such a path can't be meant, and is what attacks on JavaScript objects go through.
fn check_path(path: &str, place: &str) -> Result<(), Error> {
    let forbidden = ["__proto__", "constructor", "prototype"];
    match path.split('.').find(|key| forbidden.contains(key)) {
        Some(key) => Err(invalid(place, &format!("a path must not go through '{key}'"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, part: &str) {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(error.code(), Code::InvalidArgument, "{text}");
        assert!(error.message().contains(part), "{text}: {error}");
    }

    #[test]
    fn a_bad_filter_is_refused_with_its_place() {
        refused("", "the text ends at byte 0");
        refused("[]", "at where: an object was expected, an array came");
        refused(r#"{"$xor":[]}"#, "at where.$xor: unknown operator");
        refused(r#"{"a":{"$near":1}}"#, "at where.a.$near: unknown operator");
        refused(r#"{"$or":[{"a":1},{"b":{"$gt":null}}]}"#, "at where.$or[1].b.$gt: a number");
        refused(r#"{"$and":[]}"#, "no filter");
        refused(r#"{"$or":{}}"#, "an array was expected, an object came");
        refused(r#"{"a":{}}"#, "an empty object came");
        refused(r#"{"a":{"b":1}}"#, "'a.b'");
        refused(r#"{"a":[1]}"#, "'$in' takes one");
        refused(r#"{"a":{"$in":1}}"#, "an array was expected, a number came");
        refused(r#"{"a":{"$in":[[1]]}}"#, "where.a.$in[0]");
        refused(r#"{"a":{"$exists":1}}"#, "a boolean was expected");
        refused(r#"{"a":{"$startsWith":1}}"#, "a string was expected");
        refused(r#"{"a":{"$not":1}}"#, "an object of operators");
        for path in ["__proto__", "a.constructor.b", "prototype"] {
            refused(&format!(r#"{{"{path}":1}}"#), "must not go through");
        }
        refused(r#"{"a":1e999}"#, "out of range");
    }

    #[test]
    fn limits_hold_at_the_edge_and_not_one_past_it() {
        let nested =
            |depth: usize| format!("{}{{}}{}", r#"{"$not":"#.repeat(depth), "}".repeat(depth));
        assert!(Filter::parse(&nested(MAX_FILTER_DEPTH)).is_ok());
        refused(&nested(MAX_FILTER_DEPTH + 1), "deeper");
        refused(&nested(5000), "too deep");
        let inside = |depth: usize| {
            format!(r#"{{"a":{}{{"$eq":1}}{}}}"#, r#"{"$not":"#.repeat(depth), "}".repeat(depth))
        };
        assert!(Filter::parse(&inside(MAX_FILTER_DEPTH)).is_ok());
        refused(&inside(MAX_FILTER_DEPTH + 1), "deeper");
        let wide = |count: usize| format!(r#"{{"$or":[{}]}}"#, vec![r#"{"a":1}"#; count].join(","));
        assert!(Filter::parse(&wide(MAX_FILTER_NODES - 1)).is_ok());
        refused(&wide(MAX_FILTER_NODES), "operators");
        let list = |count: usize| format!(r#"{{"a":{{"$in":[{}]}}}}"#, vec!["1"; count].join(","));
        assert!(Filter::parse(&list(MAX_FILTER_OPERANDS)).is_ok());
        refused(&list(MAX_FILTER_OPERANDS + 1), "operands");
        let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        assert!(Filter::parse(&sized(MAX_FILTER_BYTES)).is_ok());
        refused(&sized(MAX_FILTER_BYTES + 1), "over the limit");
    }
}
