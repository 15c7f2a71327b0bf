//! Inputs that get far: what the core itself writes, in the fuzzer's form.

use kindex::collection::{Batch, Operation, Row};
use kindex::{Collection, Config};

use crate::frames::unframe;
use crate::targets::log::config;

fn write(
    collection: &mut Collection,
    operation: Operation,
    rows: std::ops::Range<u32>,
    target: usize,
    chunks: &mut Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let dimension = collection.config().dimension;
    let name = format!("rows {rows:?}");
    let mut batch = Batch::new(operation, dimension, true).named(&name).expect("a good name");
    for row in rows {
        let vector: Vec<f32> =
            (0..dimension as u32).map(|at| (row * 3 + at) as f32 - 7.0).collect();
        let metadata = format!(r#"{{"n":{row},"tags":["a","b{}"],"deep":{{"x":null}}}}"#, row % 3);
        let row = Row {
            id: &format!("id{row}"),
            vector: Some(&vector),
            metadata: (row % 2 == 0).then_some(&metadata),
            document: (row % 3 == 0).then_some("text of a document"),
        };
        batch.push(row).expect("the row is good");
    }
    let mut prepared = collection.prepare(batch).expect("there is room");
    chunks.extend((0..prepared.document_chunks()).map(|at| prepared.document_chunk(at)));
    let parts = prepared.plan_log(target);
    let parts = (0..parts).map(|at| prepared.log_part(at).expect("in order")).collect();
    collection.apply(prepared, &mut |_| {}).expect("the batch is good");
    parts
}

fn write_view(collection: &mut Collection) -> Vec<u8> {
    let mut batch = Batch::new(Operation::View, collection.config().dimension, true);
    let metadata = Some(r#"{"where":{"tags":"a"}}"#);
    let row = Row { id: "a view", metadata, ..Row::default() };
    batch.push(row).expect("the row is good");
    let mut prepared = collection.prepare(batch).expect("there is room");
    prepared.plan_log(0);
    let part = prepared.log_part(0).expect("there is one");
    collection.apply(prepared, &mut |_| {}).expect("the batch is good");
    part
}

struct Sample {
    collection: Collection,
    log: Vec<Vec<u8>>,
    chunks: Vec<Vec<u8>>,
}

fn sample(config: Config) -> Sample {
    let mut collection = Collection::new(config).expect("the options are good");
    let mut chunks = Vec::new();
    let mut log = write(&mut collection, Operation::Insert, 0..9, 0, &mut chunks);
    log.extend(write(&mut collection, Operation::Upsert, 4..12, 1 << 20, &mut chunks));
    log.push(write_view(&mut collection));
    log.extend(write(&mut collection, Operation::Delete, 0..2, 0, &mut chunks));
    Sample { collection, log, chunks }
}

/// Options of every kind: the first bytes of [`config`]'s input.
const KINDS: [u8; 6] = [2, 7, 13, 0x42, 0x84, 0x8e];

pub(crate) fn snapshots() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for kind in KINDS {
        let Sample { collection, chunks, .. } = sample(config(kind));
        let mut writer = collection.snapshot();
        let mut bytes = writer.next(&collection, 0).expect("unchanged").expect("a head");
        for (number, chunk) in (0..).zip(&chunks) {
            bytes.extend(writer.document_chunk(number, chunk).expect("in time"));
        }
        while let Some(piece) = writer.next(&collection, 1).expect("unchanged") {
            bytes.extend(piece);
        }
        seeds.push([&[0xff][..], &unframe(&bytes)].concat());
        seeds.push([&[0xff][..], &with_graph(&unframe(&bytes))].concat());
    }
    let raw = sample(config(2)).collection.to_bytes().expect("unchanged");
    seeds.push([&[0xfe][..], &raw].concat());
    seeds
}

/// Gives a small snapshot the graph that only large ones have: nodes and links behind the other
/// parts, and a state that says so.
fn with_graph(form: &[u8]) -> Vec<u8> {
    const INDEX: u8 = 3;
    let mut frames = Vec::new();
    let mut rest = form;
    while let [tag, low, high, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(usize::from(u16::from_le_bytes([*low, *high])));
        frames.push((*tag, payload.to_vec()));
        rest = tail;
    }
    let part =
        |number: u8| frames.iter().position(|(tag, part)| (*tag, part[0]) == (INDEX, number));
    let (state, alive) = (part(0).expect("a state"), part(1).expect("a set"));
    let nodes = frames[alive].1[5..].to_vec();
    let bits = u64::from_le_bytes(nodes[..8].try_into().expect("a word"));
    let slots: Vec<u32> = (0..64).filter(|slot| bits >> slot & 1 == 1).collect();
    let all = u32::from(frames[state].1[5]);

    let center = frames[state].1[22..].to_vec();
    frames[state].1.truncate(9);
    frames[state].1.push(1);
    for number in [slots.len() as u32, 0, 2, slots[0], slots[4]] {
        frames[state].1.extend(number.to_le_bytes());
    }
    frames[state].1.extend(center);
    let mut links = vec![6, 0, 0, 0, 0];
    for slot in 0..all {
        let at = slots.iter().position(|&node| node == slot);
        let next = |at: usize, by: usize| slots[(at + by) % slots.len()];
        let neighbors = at.map_or(vec![], |at| vec![next(at, 1), next(at, 3), next(at, 5)]);
        links.push(neighbors.len() as u8);
        links.extend(neighbors.iter().flat_map(|to| to.to_le_bytes()));
    }
    let last = frames.iter().rposition(|(tag, _)| *tag == INDEX).expect("parts of the index");
    frames.insert(last + 1, (INDEX, links));
    let free = frames.iter().rposition(|(tag, part)| *tag == INDEX && part[0] < 3).expect("sets");
    frames.insert(free + 1, (INDEX, [&[3, 0, 0, 0, 0][..], &nodes].concat()));
    let mut out = Vec::new();
    for (tag, payload) in frames {
        out.push(tag);
        out.extend((payload.len() as u16).to_le_bytes());
        out.extend(payload);
    }
    out
}

/// A snapshot, and behind it the log of batches that came before and after it.
pub(crate) fn damaged() -> Vec<Vec<u8>> {
    snapshots()
        .into_iter()
        .zip(logs().into_iter().cycle())
        .map(|(mut snapshot, log)| {
            if snapshot[0] & 1 == 1 {
                snapshot.extend(&log[1..]);
            }
            snapshot
        })
        .collect()
}

pub(crate) fn logs() -> Vec<Vec<u8>> {
    KINDS
        .into_iter()
        .map(|kind| [&[kind][..], &unframe(&sample(config(kind)).log.concat())].concat())
        .collect()
}

pub(crate) fn filters() -> Vec<Vec<u8>> {
    [
        "{}",
        r#"{"n":1}"#,
        r#"{"n":{"$gt":0,"$lte":2.5e1},"tags":"a"}"#,
        r#"{"$or":[{"n":{"$in":[1,"1",null]}},{"deep.x":{"$exists":true}}]}"#,
        r#"{"$and":[{"$not":{"tags":{"$contains":"b"}}},{"on":{"$ne":true}}]}"#,
        r#"{"deep.y":{"$startsWith":"te"},"n":{"$nin":[2,3]}}"#,
        r#"{"\u00e9":{"$gte":"a","$lt":"\ud83e\udd80"}}"#,
        r#"{"$not":{"$not":{"$not":{"n":{"$eq":-2.5}}}}}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub(crate) fn batches() -> Vec<Vec<u8>> {
    let column = |how: u8, texts: &[&str]| {
        let mut out = vec![how];
        out.extend(texts.iter().map(|text| text.len() as u8));
        out.extend(texts.concat().as_bytes());
        out
    };
    let batch = |how: u8, ids: &[&str], dimension: u8| {
        let rows = ids.len();
        let metadata = vec![r#"{"n":3,"tags":["a"]}"#; rows];
        let documents = vec!["a document"; rows];
        let vectors: Vec<u8> = (0..rows as u8 * dimension).map(|at| at.wrapping_mul(29)).collect();
        let mut out = vec![how, 0, rows as u8];
        out.extend(column(2, ids));
        out.extend(column(2, &metadata));
        out.extend(column(2, &documents));
        out.push((dimension - 1) << 1);
        out.extend(vectors);
        out
    };
    KINDS
        .into_iter()
        .map(|kind| {
            let dimension = config(kind).dimension as u8;
            let mut out = vec![kind];
            out.extend(batch(0, &["a", "b", "c"], dimension));
            out.extend(batch(13, &["b", "d"], dimension));
            out.extend(batch(2, &["a"], dimension));
            out.extend(batch(3, &["c", "d"], dimension));
            out
        })
        .collect()
}
