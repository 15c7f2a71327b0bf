//! Views against the filtered search that they stand for: under random batches, from the log, from a
//! snapshot, and out of bytes that are damaged.

mod support;

use kindex::collection::{Batch, MAX_VIEW_NAME_BYTES, MAX_VIEWS, Operation, Replay, Row};
use kindex::collection::{Salvage, SnapshotLoader, StoredPart};
use kindex::metadata::Filter;
use kindex::{Code, Collection, Config, Error, NodeId, SearchOptions, codec, with_threads};
use support::{Random, mixture};

const DIMENSION: usize = 8;
const FRAME_HEAD: usize = 12;

/// Name and condition of the views; the first is large enough for a graph of its own.
const VIEWS: [(&str, &str); 3] = [
    ("many", r#"{"n":{"$lt":7}}"#),
    ("few", r#"{"n":9,"kind":{"$exists":true}}"#),
    ("others", r#"{"$not":{"n":{"$gte":1}}}"#),
];

fn definition(condition: &str) -> String {
    format!(r#"{{"where":{condition}}}"#)
}

/// Writes a batch; returns its log parts.
fn write(collection: &mut Collection, batch: Batch) -> Result<Vec<Vec<u8>>, Error> {
    let mut prepared = collection.prepare(batch)?;
    if let Some(item) = prepared.errors().first() {
        return Err(item.error.clone());
    }
    let parts = prepared.plan_log(0);
    let parts = (0..parts).map(|at| prepared.log_part(at).unwrap()).collect();
    let total = prepared.total();
    let mut done = 0;
    collection.apply(prepared, &mut |now| done = now)?;
    assert!(done <= total, "{done} of {total}");
    Ok(parts)
}

fn views(rows: &[(&str, Option<&str>)]) -> Batch {
    let mut batch = Batch::new(Operation::View, DIMENSION, true);
    for &(id, metadata) in rows {
        batch.push(Row { id, metadata, ..Row::default() }).unwrap();
    }
    batch
}

fn make(collection: &mut Collection, name: &str, condition: &str) -> Result<Vec<Vec<u8>>, Error> {
    write(collection, views(&[(name, Some(&definition(condition)))]))
}

/// `count` records from `first` on.
fn records(operation: Operation, first: usize, count: usize, random: &mut Random) -> Batch {
    batch_of(operation, &(first..first + count).collect::<Vec<_>>(), random)
}

/// Records of these numbers, of some kind each.
fn batch_of(operation: Operation, ids: &[usize], random: &mut Random) -> Batch {
    let vectors = mixture(ids.len(), DIMENSION, 40, 0.4, false, random.next());
    let mut batch = Batch::new(operation, DIMENSION, true);
    for (id, vector) in ids.iter().zip(vectors.chunks(DIMENSION)) {
        let n = random.below(10);
        let metadata = match random.below(8) {
            0 => "null".to_owned(),
            1 => format!(r#"{{"n":{n},"kind":"odd"}}"#),
            _ => format!(r#"{{"n":{n},"kind":["a",{n}]}}"#),
        };
        let id = format!("id{id}");
        batch
            .push(Row {
                id: &id,
                vector: (operation != Operation::Update || random.below(2) == 0).then_some(vector),
                metadata: (operation != Operation::Update || random.below(2) == 0)
                    .then_some(&metadata),
                document: None,
            })
            .unwrap();
    }
    batch
}

fn deletion(collection: &Collection, count: usize, random: &mut Random) -> Batch {
    let mut batch = Batch::new(Operation::Delete, DIMENSION, true);
    let slots = collection.find(None, usize::MAX, 0);
    let mut ids: Vec<&str> =
        (0..count).map(|_| collection.id(slots[random.below(slots.len())]).unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.iter().for_each(|id| batch.push(Row { id, ..Row::default() }).unwrap());
    batch
}

fn load(bytes: &[u8]) -> Result<Collection, Error> {
    let mut loader = SnapshotLoader::new();
    bytes.chunks(1 << 16).try_for_each(|piece| loader.push(piece))?;
    loader.finish()
}

fn slots(hits: &[kindex::Neighbor]) -> Vec<NodeId> {
    hits.iter().map(|hit| hit.slot).collect()
}

/// Every view has what its filter holds for, and finds what a search with the filter finds. Returns the
/// share of the nearest that the walks of the first view find.
fn compare(collection: &Collection, seed: u64) -> f64 {
    collection.check().unwrap();
    let queries = mixture(20, DIMENSION, 40, 0.4, false, seed);
    let exact = SearchOptions { k: 10, ef: 0, exact: true };
    let walk = SearchOptions { exact: false, ..exact.clone() };
    let narrow = collection.select(&Filter::parse(r#"{"kind":"odd"}"#).unwrap());
    let mut found = 0;
    for (name, condition) in VIEWS {
        let view = collection.view(name).unwrap();
        let filter = Filter::parse(condition).unwrap();
        assert!(collection.select(&filter).iter().eq(view.members().iter()), "{name}");
        let truth = collection.search(&queries, &exact, Some(&filter)).unwrap();
        assert_eq!(view.search(&queries, &exact, None).unwrap(), truth, "{name}");
        let walked = view.search(&queries, &walk, None).unwrap();
        for (truth, walked) in truth.iter().zip(&walked) {
            assert_eq!(walked.len(), truth.len());
            let truth = slots(truth);
            found += slots(walked).iter().filter(|slot| truth.contains(slot)).count();
        }
        let both = view.within(Some(&narrow));
        let within = view.search(&queries, &exact, Some(&narrow)).unwrap();
        assert_eq!(within, collection.search_in(&queries, &exact, Some(&both)).unwrap());
        let (one, _) = view.explain(&queries[..DIMENSION], &walk, None).unwrap();
        assert_eq!(one, walked[0]);
    }
    found as f64 / (VIEWS.len() * 20 * 10) as f64
}

#[test]
fn a_view_is_the_filter_it_stands_for_live_replayed_and_loaded() {
    for seed in 1..4 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
        let mut log = Vec::new();
        // One view before there are records, one while there is no graph, one over a graph.
        log.extend(make(&mut collection, VIEWS[1].0, VIEWS[1].1).unwrap());
        let first = records(Operation::Insert, 0, 4000, &mut random);
        log.extend(write(&mut collection, first).unwrap());
        log.extend(make(&mut collection, VIEWS[2].0, VIEWS[2].1).unwrap());
        let second = records(Operation::Insert, 4000, 2000, &mut random);
        log.extend(write(&mut collection, second).unwrap());
        log.extend(make(&mut collection, VIEWS[0].0, VIEWS[0].1).unwrap());
        assert!(collection.view("many").unwrap().has_graph());
        let mut checkpoint = collection.to_bytes().unwrap();
        let (mut next, mut recall) = (6000, 1.0f64);
        for step in 0..14 {
            let batch = match random.below(6) {
                0 | 1 => deletion(&collection, 300, &mut random),
                2 => records(Operation::Upsert, random.below(3000), 500, &mut random),
                3 => records(Operation::Insert, next, 700, &mut random),
                4 => {
                    let there = |at: &usize| collection.slot(&format!("id{at}")).is_some();
                    let ids: Vec<usize> = (0..6000).step_by(9).filter(there).collect();
                    batch_of(Operation::Update, &ids, &mut random)
                }
                _ => records(Operation::Insert, next, 1, &mut random),
            };
            next += 700;
            log.extend(write(&mut collection, batch).unwrap());
            if step == 8 {
                checkpoint = collection.to_bytes().unwrap();
            }
            recall = recall.min(compare(&collection, seed + step));
        }
        println!("least share found {recall:.3}");
        assert!(recall > 0.97, "seed {seed}: {recall}");

        let bytes = collection.to_bytes().unwrap();
        for (mut reopened, threads) in
            [(Collection::new(Config::new(DIMENSION)).unwrap(), 1), (load(&checkpoint).unwrap(), 2)]
        {
            let mut replay = Replay::new();
            with_threads(threads, || {
                for part in &log {
                    replay.feed(&mut reopened, part).unwrap();
                }
            });
            assert!(reopened.to_bytes().unwrap() == bytes, "seed {seed}, {threads} threads");
        }
        let mut loaded = load(&bytes).unwrap();
        assert!(loaded.to_bytes().unwrap() == bytes, "seed {seed}");
        let names: Vec<_> = loaded.views().map(|view| view.name().to_owned()).collect();
        assert_eq!(names, ["few", "others", "many"]);
        loaded.compact();
        assert!(compare(&loaded, seed) > 0.97);
        write(&mut loaded, views(&[("many", None)])).unwrap();
        assert_eq!(loaded.view("many").unwrap_err().code(), Code::NotFound);
        assert_eq!(loaded.stats().index.live, loaded.len());
    }
}

#[test]
fn a_view_that_is_built_in_steps_finds_as_much() {
    let mut random = Random::new(5);
    let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
    write(&mut collection, records(Operation::Insert, 0, 9000, &mut random)).unwrap();
    for (name, condition) in VIEWS {
        let stepped = format!(r#"{{"batchSize":1500,"where":{condition}}}"#);
        write(&mut collection, views(&[(name, Some(&stepped))])).unwrap();
    }
    assert!(compare(&collection, 5) > 0.97);
}

#[test]
fn a_view_whose_records_go_shrinks_to_a_scan_and_grows_again() {
    let mut random = Random::new(6);
    let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
    write(&mut collection, records(Operation::Insert, 0, 9000, &mut random)).unwrap();
    for (name, condition) in VIEWS {
        make(&mut collection, name, condition).unwrap();
    }
    let filter = Filter::parse(VIEWS[0].1).unwrap();
    while collection.view("many").unwrap().has_graph() {
        let mut batch = Batch::new(Operation::Delete, DIMENSION, true);
        for slot in collection.find(Some(&filter), 900, 0) {
            batch.push(Row { id: collection.id(slot).unwrap(), ..Row::default() }).unwrap();
        }
        assert!(!batch.is_empty());
        write(&mut collection, batch).unwrap();
        compare(&collection, 6);
    }
    write(&mut collection, records(Operation::Insert, 9000, 9000, &mut random)).unwrap();
    assert!(collection.view("many").unwrap().has_graph());
    assert!(compare(&collection, 6) > 0.97);
}

#[test]
fn names_and_definitions_are_checked() {
    let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
    let refused = |collection: &mut Collection, name: &str, definition: Option<&str>| {
        write(collection, views(&[(name, definition)])).unwrap_err().code()
    };
    let good = definition("{}");
    for bad in ["", "[]", "{}", r#"{"where":1}"#, r#"{"where":{"a":{"$near":1}}}"#] {
        assert_eq!(refused(&mut collection, "a", Some(bad)), Code::InvalidArgument, "{bad}");
    }
    for bad in ["0", "1.5", "-1", "\"x\""] {
        let bad = format!(r#"{{"where":{{}},"batchSize":{bad}}}"#);
        assert_eq!(refused(&mut collection, "a", Some(&bad)), Code::InvalidArgument, "{bad}");
    }
    let longest = "x".repeat(MAX_VIEW_NAME_BYTES);
    assert_eq!(refused(&mut collection, "", Some(&good)), Code::InvalidArgument);
    assert_eq!(
        refused(&mut collection, &format!("{longest}x"), Some(&good)),
        Code::InvalidArgument
    );
    assert_eq!(refused(&mut collection, "a", None), Code::NotFound);
    make(&mut collection, &longest, "{}").unwrap();
    assert_eq!(refused(&mut collection, &longest, Some(&good)), Code::DuplicateId);
    let before = collection.to_bytes().unwrap();
    let twice = views(&[("a", Some(&good)), ("a", Some(&good))]);
    assert_eq!(write(&mut collection, twice).unwrap_err().code(), Code::DuplicateId);
    assert_eq!(collection.to_bytes().unwrap(), before);
    for at in 1..MAX_VIEWS {
        make(&mut collection, &format!("view {at}"), "{}").unwrap();
    }
    assert_eq!(refused(&mut collection, "one more", Some(&good)), Code::InvalidArgument);
    // Dropping one in the same batch makes room.
    write(&mut collection, views(&[("view 1", None), ("one more", Some(&good))])).unwrap();
    assert_eq!(collection.views().len(), MAX_VIEWS);
}

/// Two views of a small collection, one of them with a graph that is there in the bytes.
fn sample() -> (Collection, Vec<u8>) {
    let mut random = Random::new(7);
    let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
    write(&mut collection, records(Operation::Insert, 0, 6000, &mut random)).unwrap();
    make(&mut collection, "many", VIEWS[0].1).unwrap();
    make(&mut collection, "few", VIEWS[1].1).unwrap();
    let bytes = collection.to_bytes().unwrap();
    (collection, bytes)
}

/// Where the frames of views begin, and how long their payloads are.
fn view_frames(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        if &bytes[at..at + 4] == b"VIEW" {
            found.push((at, length));
        }
        at += FRAME_HEAD + length;
    }
    found
}

fn mend(bytes: &mut [u8], at: usize, length: usize) {
    let covered = [&bytes[at..at + 8], &bytes[at + FRAME_HEAD..at + FRAME_HEAD + length]].concat();
    bytes[at + 8..at + 12].copy_from_slice(&codec::crc32(&covered).to_le_bytes());
}

#[test]
fn damage_with_a_right_checksum_is_refused_or_harmless() {
    let (_, bytes) = sample();
    let frames = view_frames(&bytes);
    assert_eq!(frames.len(), 4, "a definition, counters, links; and a definition");
    let mut random = Random::new(8);
    let (mut refused, mut loaded) = (0, 0);
    for round in 0..400 {
        let (at, length) = frames[round % frames.len()];
        let mut damaged = bytes.clone();
        // The head of a frame is short, and every byte of it counts.
        let hit =
            at + FRAME_HEAD + random.below(if round % 3 == 0 { 40.min(length) } else { length });
        damaged[hit] ^= 1 << random.below(8);
        mend(&mut damaged, at, length);
        match load(&damaged) {
            Ok(collection) => {
                loaded += 1;
                for view in collection.views() {
                    let options = SearchOptions { k: 20, ..SearchOptions::default() };
                    let hits = view.search(&[0.5; DIMENSION], &options, None).unwrap();
                    assert!(hits[0].iter().all(|hit| view.members().contains(hit.slot)));
                }
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.code(), Code::Corrupt, "{error}");
            }
        }
    }
    println!("{refused} refused, {loaded} loaded");
    assert!(refused > 50);
}

#[test]
fn bytes_with_views_name_a_version_that_knows_them() {
    let (mut collection, bytes) = sample();
    let version = |bytes: &[u8]| bytes[FRAME_HEAD + 8];
    assert_eq!(version(&bytes), 2);
    let log = make(&mut collection, "another", "{}").unwrap();
    assert_eq!(version(&log[0]), 2);
    let plain = Collection::new(Config::new(DIMENSION)).unwrap();
    assert_eq!(version(&plain.to_bytes().unwrap()), 1);
    let log = write(&mut collection, records(Operation::Insert, 9000, 1, &mut Random::new(9)));
    assert_eq!(version(&log.unwrap()[0]), 1);
}

#[test]
fn a_salvage_makes_views_anew_and_counts_those_that_are_gone() {
    let (_, bytes) = sample();
    let frames = view_frames(&bytes);
    // The links of the first, and the definition of the second.
    for (hit, lost) in [(2, 0), (0, 1), (3, 0)] {
        let mut damaged = bytes.clone();
        damaged[frames[hit].0 + FRAME_HEAD + 9] ^= 4;
        assert_eq!(load(&damaged).map(drop).unwrap_err().code(), Code::Corrupt);
        let mut salvage = Salvage::new();
        salvage.push(&damaged).unwrap();
        let mut repair = salvage.finish().unwrap();
        repair.end_log();
        let report = repair.report().part(StoredPart::Views).clone();
        let collection = repair.finish().unwrap();
        assert_eq!(report.lost, lost, "frame {hit}: {:?}", report.findings);
        assert_eq!(report.whole as usize, collection.views().len());
        collection.check().unwrap();
        if hit == 2 {
            let view = collection.view("many").unwrap();
            assert!(view.has_graph() && view.definition() == definition(VIEWS[0].1));
        }
    }
}
