//! Files of every format version that there has been, and what they answered when they were made.
//!
//! `tests/golden/vN` holds a snapshot with documents, a log file that goes on from it, and the answers. A
//! change of the format that these tests notice needs a new version, and the old files stay.
//! `cargo test --test golden -- --ignored` writes those of the present version, once.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use kindex::codec::{self, LogItem, next_log_item};
use kindex::collection::{Batch, Operation, Replay, Row, SnapshotLoader};
use kindex::metadata::Filter;
use kindex::{Code, Collection, Config, Metric, SearchOptions};
use support::mixture;

const DIMENSION: usize = 6;
const FRAME_HEAD: usize = 12;

fn folder(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}"))
}

type Chunks = Vec<(u32, Vec<u8>)>;

fn load(bytes: &[u8]) -> Result<(Collection, Chunks), kindex::Error> {
    let mut loader = SnapshotLoader::new();
    let mut chunks = Vec::new();
    for piece in bytes.chunks(1000) {
        loader.push(piece)?;
        while let Some(chunk) = loader.take_document_chunk() {
            chunks.push((chunk.number, chunk.bytes));
        }
    }
    Ok((loader.finish()?, chunks))
}

/// Applies a log file.
fn replay(collection: &mut Collection, chunks: &mut Chunks, mut log: &[u8]) {
    let mut replay = Replay::new();
    while let Some((item, length)) = next_log_item(log, true).unwrap() {
        match item {
            LogItem::Documents(number, bytes) => chunks.push((number, bytes.to_vec())),
            LogItem::Part(part) => drop(replay.feed(collection, part).unwrap()),
            LogItem::Seal(generation) => assert_eq!(generation, collection.generation()),
        }
        log = &log[length..];
    }
    assert!(log.is_empty() && replay.finish() == 0);
}

/// Everything that the collection says, as text.
fn answers(collection: &Collection, chunks: &Chunks) -> String {
    collection.check().unwrap();
    let mut out = format!("generation {} records {}\n", collection.generation(), collection.len());
    for slot in collection.find(None, usize::MAX, 0) {
        let document = collection.document(slot).map(|at| {
            let chunk = &chunks.iter().find(|(number, _)| *number == at.chunk).unwrap().1;
            codec::read_document(chunk, at.row).unwrap()
        });
        let (id, metadata) = (collection.id(slot).unwrap(), collection.metadata(slot));
        writeln!(out, "{id} {metadata:?} {document:?} {:?}", collection.vector(slot)).unwrap();
    }
    let queries = mixture(4, DIMENSION, 3, 0.5, false, 99);
    let filter = Filter::parse(r#"{"n":{"$lt":20},"tags":"even"}"#).unwrap();
    for filter in [None, Some(&filter)] {
        let options = SearchOptions { k: 5, ..SearchOptions::default() };
        for hits in collection.search(&queries, &options, filter).unwrap() {
            for hit in hits {
                write!(out, "{} {:.5}, ", collection.id(hit.slot).unwrap(), hit.distance).unwrap();
            }
            out.push('\n');
        }
    }
    for view in collection.views() {
        write!(out, "{} {}: ", view.name(), view.definition()).unwrap();
        let options = SearchOptions { k: 5, ..SearchOptions::default() };
        for hit in &view.search(&queries[..DIMENSION], &options, None).unwrap()[0] {
            write!(out, "{} {:.5}, ", collection.id(hit.slot).unwrap(), hit.distance).unwrap();
        }
        out.push('\n');
    }
    writeln!(out, "{:?}", collection.outcome("first")).unwrap();
    out
}

#[test]
fn files_of_every_version_open_and_answer_as_they_did() {
    for version in 1..=codec::FORMAT_VERSION {
        let read = |name: &str| fs::read(folder(version).join(name)).unwrap();
        let text = |name: &str| String::from_utf8(read(name)).unwrap();
        let (mut collection, mut chunks) = load(&read("snapshot.kindex")).unwrap();
        assert_eq!(answers(&collection, &chunks), text("snapshot.txt"), "version {version}");
        replay(&mut collection, &mut chunks, &read("log.kindex"));
        assert_eq!(answers(&collection, &chunks), text("log.txt"), "version {version}");
    }
}

#[test]
fn what_each_version_has_room_for_is_still_written_as_the_same_bytes() {
    for version in 1..=codec::FORMAT_VERSION {
        let (snapshot, log) = make(version);
        let read = |name: &str| fs::read(folder(version).join(name)).unwrap();
        assert!(snapshot == read("snapshot.kindex"), "snapshots have changed: a new version?");
        assert!(log == read("log.kindex"), "logs have changed: a new version?");
    }
}

#[test]
fn files_of_the_next_version_are_refused_as_newer() {
    let newer = |mut bytes: Vec<u8>| {
        bytes[FRAME_HEAD + 8..FRAME_HEAD + 12]
            .copy_from_slice(&(codec::FORMAT_VERSION + 1).to_le_bytes());
        let crc = codec::crc32(&[&bytes[..8], &bytes[FRAME_HEAD..2 * FRAME_HEAD]].concat());
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        bytes
    };
    let (snapshot, log) = make(codec::FORMAT_VERSION);
    let error = load(&newer(snapshot.clone())).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), Code::NewerVersion);
    let (mut collection, _) = load(&snapshot).unwrap();
    // The documents come first; the part behind them has the header.
    let (_, documents) = next_log_item(&log, true).unwrap().unwrap();
    let error = Replay::new().feed(&mut collection, &newer(log[documents..].to_vec()));
    assert_eq!(error.unwrap_err().code(), Code::NewerVersion);
    let mut chunk = load(&snapshot).unwrap().1.remove(0).1;
    chunk[8..12].copy_from_slice(&(codec::FORMAT_VERSION + 1).to_le_bytes());
    assert_eq!(codec::read_document(&chunk, 0).unwrap_err().code(), Code::NewerVersion);
}

/// Writes a batch; returns its document chunks and log parts.
fn write(
    collection: &mut Collection,
    operation: Operation,
    rows: std::ops::Range<usize>,
    name: &str,
) -> (Chunks, Vec<Vec<u8>>) {
    let vectors = mixture(rows.len(), DIMENSION, 4, 0.4, false, rows.end as u64);
    let mut batch = Batch::new(operation, DIMENSION, true).named(name).unwrap();
    for (row, vector) in rows.zip(vectors.chunks(DIMENSION)) {
        let parity = if row.is_multiple_of(2) { "even" } else { "odd" };
        let (id, text) = (format!("id{row}"), format!("dökument {row}"));
        let metadata = format!(r#"{{"n":{row},"tags":["{parity}","all"],"deep":{{"x":null}}}}"#);
        batch
            .push(Row {
                id: &id,
                vector: Some(vector),
                metadata: (!row.is_multiple_of(5)).then_some(&metadata),
                document: row.is_multiple_of(3).then_some(&text),
            })
            .unwrap();
    }
    write_batch(collection, batch)
}

fn write_batch(collection: &mut Collection, batch: Batch) -> (Chunks, Vec<Vec<u8>>) {
    let mut prepared = collection.prepare(batch).unwrap();
    let chunks = (prepared.first_document_chunk()..)
        .zip(0..prepared.document_chunks())
        .map(|(number, at)| (number, prepared.document_chunk(at)))
        .collect();
    let parts = prepared.plan_log(0);
    let parts = (0..parts).map(|at| prepared.log_part(at).unwrap()).collect();
    collection.apply(prepared, &mut |_| {}).unwrap();
    (chunks, parts)
}

/// Makes a view, and drops another.
fn write_views(collection: &mut Collection, made: &str, dropped: Option<&str>) -> Vec<Vec<u8>> {
    let mut batch = Batch::new(Operation::View, DIMENSION, true).named(made).unwrap();
    let metadata = Some(r#"{"where":{"tags":"even"},"batchSize":100}"#);
    batch.push(Row { id: made, metadata, ..Row::default() }).unwrap();
    dropped.into_iter().for_each(|id| batch.push(Row { id, ..Row::default() }).unwrap());
    write_batch(collection, batch).1
}

/// A snapshot after two batches, and a log file of two more; from version 2 on with views.
fn make(version: u32) -> (Vec<u8>, Vec<u8>) {
    let mut config = Config::new(DIMENSION);
    config.metric = Metric::Euclidean;
    let mut collection = Collection::new(config).unwrap();
    let (mut chunks, _) = write(&mut collection, Operation::Insert, 0..30, "first");
    write(&mut collection, Operation::Delete, 7..12, "second");
    if version >= 2 {
        write_views(&mut collection, "evens", None);
        write_views(&mut collection, "others", None);
    }
    let mut writer = collection.snapshot();
    let mut snapshot = writer.next(&collection, 1).unwrap().unwrap();
    for (number, chunk) in chunks.drain(..) {
        snapshot.extend(writer.document_chunk(number, &chunk).unwrap());
    }
    while let Some(piece) = writer.next(&collection, 1).unwrap() {
        snapshot.extend(piece);
    }
    let mut log = Vec::new();
    for (operation, rows, name) in
        [(Operation::Upsert, 25..45, "third"), (Operation::Update, 20..24, "fourth")]
    {
        let (chunks, parts) = write(&mut collection, operation, rows, name);
        chunks.iter().for_each(|(number, bytes)| codec::write_documents(&mut log, *number, bytes));
        log.extend(parts.concat());
    }
    if version >= 2 {
        log.extend(write_views(&mut collection, "third view", Some("others")).concat());
    }
    codec::write_seal(&mut log, collection.generation());
    (snapshot, log)
}

#[test]
#[ignore = "writes the files of the present version, which must not change afterwards"]
fn write_the_files_of_the_present_version() {
    let folder = folder(codec::FORMAT_VERSION);
    assert!(!folder.exists(), "{} is there already", folder.display());
    fs::create_dir_all(&folder).unwrap();
    let (snapshot, log) = make(codec::FORMAT_VERSION);
    let (mut collection, mut chunks) = load(&snapshot).unwrap();
    fs::write(folder.join("snapshot.txt"), answers(&collection, &chunks)).unwrap();
    replay(&mut collection, &mut chunks, &log);
    fs::write(folder.join("log.txt"), answers(&collection, &chunks)).unwrap();
    fs::write(folder.join("snapshot.kindex"), snapshot).unwrap();
    fs::write(folder.join("log.kindex"), log).unwrap();
}
