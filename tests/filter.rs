//! Filters over the columns against a naive evaluator over the JSON itself, while records come,
//! change and go.

use std::collections::{BTreeMap, BTreeSet};

use kindex::collection::{Batch, Operation, Row};
use kindex::metadata::{FacetValue, Filter, OrderBy};
use kindex::{Collection, Config};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The value under a dotted path.
fn at<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(record, |value, key| value.as_object()?.get(key))
}

fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

/// Whether the value, or an element of it, satisfies `test`.
fn any(value: Option<&Value>, test: impl Fn(&Value) -> bool) -> bool {
    match value {
        Some(Value::Array(items)) => items.iter().any(test),
        Some(value) => test(value),
        None => false,
    }
}

fn ordered(value: &Value, bound: &Value, test: fn(std::cmp::Ordering) -> bool) -> bool {
    let order = match (value, bound) {
        (Value::Number(left), Value::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    };
    order.is_some_and(test)
}

fn holds(record: &Value, filter: &Value) -> bool {
    filter.as_object().unwrap().iter().all(|(key, value)| match key.as_str() {
        "$and" => value.as_array().unwrap().iter().all(|inside| holds(record, inside)),
        "$or" => value.as_array().unwrap().iter().any(|inside| holds(record, inside)),
        "$not" => !holds(record, value),
        path => field_holds(at(record, path), value),
    })
}

fn field_holds(found: Option<&Value>, test: &Value) -> bool {
    let Value::Object(operators) = test else { return any(found, |value| same(value, test)) };
    operators.iter().all(|(operator, operand)| {
        let equals = || any(found, |value| same(value, operand));
        let within = || {
            let operands = operand.as_array().unwrap();
            operands.iter().any(|operand| any(found, |value| same(value, operand)))
        };
        match operator.as_str() {
            "$eq" => equals(),
            "$ne" => !equals(),
            "$in" => within(),
            "$nin" => !within(),
            "$gt" => any(found, |value| ordered(value, operand, |order| order.is_gt())),
            "$gte" => any(found, |value| ordered(value, operand, |order| order.is_ge())),
            "$lt" => any(found, |value| ordered(value, operand, |order| order.is_lt())),
            "$lte" => any(found, |value| ordered(value, operand, |order| order.is_le())),
            "$exists" => found.is_some() == operand.as_bool().unwrap(),
            "$contains" => match found {
                Some(Value::Array(items)) => items.iter().any(|item| same(item, operand)),
                Some(Value::String(text)) => {
                    operand.as_str().is_some_and(|part| text.contains(part))
                }
                _ => false,
            },
            "$startsWith" => any(found, |value| {
                value.as_str().is_some_and(|text| text.starts_with(operand.as_str().unwrap()))
            }),
            "$not" => !field_holds(found, operand),
            other => panic!("{other}"),
        }
    })
}

fn text() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["", "a", "ab", "abc", "b", "ba", "é", "1"]).prop_map(Value::from)
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3i64..4).prop_map(Value::from),
        prop::sample::select(vec![-0.0, 0.5, 1.0, 1e300]).prop_map(Value::from),
    ]
}

fn operand() -> impl Strategy<Value = Value> {
    prop_oneof![4 => text(), 4 => number(), 1 => any_bool(), 1 => Just(Value::Null)]
}

fn any_bool() -> impl Strategy<Value = Value> {
    proptest::bool::ANY.prop_map(Value::from)
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => operand(),
        1 => prop::collection::vec(prop_oneof![text(), number()], 0..4).prop_map(Value::from),
    ]
}

fn record() -> impl Strategy<Value = Value> {
    let inner = prop::collection::btree_map("[xy]", leaf(), 0..3).prop_map(object);
    let value = prop_oneof![5 => leaf(), 1 => inner];
    prop::collection::btree_map("[abc]", value, 0..4).prop_map(object)
}

fn object(entries: BTreeMap<String, Value>) -> Value {
    Value::Object(entries.into_iter().collect::<Map<_, _>>())
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[abc]", 1 => "[abc]\\.[xy]", 1 => Just("missing".to_owned())]
}

fn operators() -> impl Strategy<Value = Value> {
    let range = (prop::sample::select(vec!["$gt", "$gte", "$lt", "$lte"]), {
        prop_oneof![text(), number()]
    });
    let one = prop_oneof![
        (prop::sample::select(vec!["$eq", "$ne", "$contains"]), operand()),
        range,
        (
            prop::sample::select(vec!["$in", "$nin"]),
            prop::collection::vec(operand(), 0..4).prop_map(Value::from)
        ),
        (Just("$exists"), any_bool()),
        (Just("$startsWith"), text()),
    ];
    prop::collection::vec(one, 1..3).prop_map(|operators| {
        Value::Object(operators.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    })
}

fn filter() -> impl Strategy<Value = Value> {
    let test = prop_oneof![
        1 => operand(),
        4 => operators(),
        1 => operators().prop_map(|operators| json!({ "$not": operators })),
    ];
    let field = prop::collection::btree_map(path(), test, 0..3).prop_map(object);
    field.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({ "$and": all })),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|any| json!({ "$or": any })),
            inner.prop_map(|inside| json!({ "$not": inside })),
        ]
    })
}

/// Where a value stands in an order by its field: numbers, strings, booleans; `None` comes last.
fn position(value: Option<&Value>) -> Option<(u8, f64, String)> {
    match value? {
        Value::Number(number) => Some((0, number.as_f64()? + 0.0, String::new())),
        Value::String(text) => Some((1, 0.0, text.clone())),
        Value::Bool(value) => Some((2, f64::from(u8::from(*value)), String::new())),
        _ => None,
    }
}

fn in_order(records: &[(&str, &Value)], field: &str, descending: bool) -> Vec<String> {
    let mut list: Vec<_> =
        records.iter().map(|(id, record)| (position(at(record, field)), *id)).collect();
    // Stable: what is equal stays in the order of the slots.
    list.sort_by(|(left, _), (right, _)| match (left, right) {
        (Some(left), Some(right)) => {
            let order = left.partial_cmp(right).unwrap();
            if descending { order.reverse() } else { order }
        }
        (left, right) => left.is_none().cmp(&right.is_none()),
    });
    list.into_iter().map(|(_, id)| id.to_owned()).collect()
}

/// What facets should say: values as JSON texts.
fn counted(records: &[(&str, &Value)], field: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, record) in records {
        let values: BTreeSet<String> = match at(record, field) {
            None | Some(Value::Object(_)) => BTreeSet::new(),
            Some(Value::Array(items)) => items.iter().map(plain).collect(),
            Some(value) => [plain(value)].into(),
        };
        values.into_iter().for_each(|value| *counts.entry(value).or_insert(0) += 1);
    }
    counts
}

/// Numbers that are equal have the same text.
fn plain(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |number| (number + 0.0).to_string())
}

fn apply(collection: &mut Collection, operation: Operation, id: &str, metadata: Option<&str>) {
    let mut batch = Batch::new(operation, 1, true);
    let vector = (operation == Operation::Upsert).then_some(&[1.0f32][..]);
    batch.push(Row { id, vector, metadata, document: None }).unwrap();
    let prepared = collection.prepare(batch).unwrap();
    assert_eq!(prepared.errors(), []);
    collection.apply(prepared, &mut |_| {}).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn columns_agree_with_the_naive_evaluator(
        records in prop::collection::vec((0u8..30, record(), 0u8..4), 1..60),
        filters in prop::collection::vec(filter(), 1..8),
        field in path(),
        descending in proptest::bool::ANY,
        (offset, limit) in (0usize..20, 0usize..20),
    ) {
        let mut collection = Collection::new(Config::new(1)).unwrap();
        let mut model: BTreeMap<String, Value> = BTreeMap::new();
        for (number, record, action) in records {
            let id = format!("id{number}");
            let text = record.to_string();
            match (action, model.contains_key(&id)) {
                (0, true) => {
                    apply(&mut collection, Operation::Delete, &id, None);
                    model.remove(&id);
                }
                (1, true) => {
                    apply(&mut collection, Operation::Update, &id, Some(&text));
                    model.insert(id, record);
                }
                _ => {
                    apply(&mut collection, Operation::Upsert, &id, Some(&text));
                    model.insert(id, record);
                }
            }
        }
        for filter in filters {
            let parsed = Filter::parse(&filter.to_string()).unwrap();
            let mut found: Vec<&str> = collection
                .find(Some(&parsed), usize::MAX, 0)
                .into_iter()
                .map(|slot| collection.id(slot).unwrap())
                .collect();
            found.sort_unstable();
            let wanted: Vec<&str> = model
                .iter()
                .filter(|(_, record)| holds(record, &filter))
                .map(|(id, _)| id.as_str())
                .collect();
            prop_assert_eq!(collection.count(Some(&parsed)), wanted.len());
            prop_assert_eq!(found, wanted, "{}", filter);

            let set = collection.select(&parsed);
            let by_slot: Vec<(&str, &Value)> = collection
                .find_in(Some(&set), usize::MAX, 0)
                .into_iter()
                .map(|slot| collection.id(slot).unwrap())
                .map(|id| (id, &model[id]))
                .collect();
            let order = OrderBy { field: field.clone(), descending };
            let found: Vec<&str> = collection
                .find_ordered(Some(&set), &order, limit, offset)
                .into_iter()
                .map(|slot| collection.id(slot).unwrap())
                .collect();
            let wanted = in_order(&by_slot, &field, descending);
            let page: Vec<_> = wanted.iter().skip(offset).take(limit).collect();
            prop_assert_eq!(found, page, "{} {:?}", filter, order);

            let facets = collection.facets(&field, Some(&set), usize::MAX);
            prop_assert!(facets.is_sorted_by(|left, right| left.count >= right.count));
            prop_assert_eq!(&collection.facets(&field, Some(&set), 2), &facets[..facets.len().min(2)]);
            let found: BTreeMap<String, usize> = facets
                .iter()
                .map(|facet| {
                    let value = match facet.value {
                        FacetValue::Null => Value::Null.to_string(),
                        FacetValue::Bool(value) => value.to_string(),
                        FacetValue::Number(number) => number.to_string(),
                        FacetValue::Text(text) => Value::from(text).to_string(),
                    };
                    (value, facet.count)
                })
                .collect();
            prop_assert_eq!(found, counted(&by_slot, &field), "{} {}", filter, field);
        }
    }
}
