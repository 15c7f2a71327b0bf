//! Duplicates in a batch, against what a naive comparison of all pairs says.

use kindex::collection::{
    Batch, Dedupe, Likeness, OnDuplicate, Operation, Outcome, Prepared, Replay, Row,
};
use kindex::{Code, Collection, Config, Metric};

const DIMENSION: usize = 16;

struct Random(u64);

impl Random {
    /// From -0.5 to 0.5.
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIMENSION).map(|_| self.next()).collect()
    }
}

fn collection(metric: Metric) -> Collection {
    let mut config = Config::new(DIMENSION);
    config.metric = metric;
    Collection::new(config).unwrap()
}

/// Vectors of which about every third is a small step from one before it.
fn vectors(count: usize, step: f32, random: &mut Random) -> Vec<Vec<f32>> {
    let mut list: Vec<Vec<f32>> = Vec::new();
    for at in 0..count {
        let vector = if at % 3 == 2 {
            let near = &list[((random.next() + 0.5) * at as f32) as usize];
            near.iter().map(|x| x + random.next() * step).collect()
        } else {
            random.vector()
        };
        list.push(vector);
    }
    list
}

fn batch(operation: Operation, rows: &[(String, &[f32], Option<&str>)]) -> Batch {
    let mut batch = Batch::new(operation, DIMENSION, true);
    for (id, vector, document) in rows {
        batch.push(Row { id, vector: Some(vector), metadata: None, document: *document }).unwrap();
    }
    batch
}

fn ids(collection: &Collection) -> Vec<String> {
    let mut ids: Vec<String> = collection
        .find(None, usize::MAX, 0)
        .into_iter()
        .map(|slot| collection.id(slot).unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

/// Applies, and proves that the log gives the same records again.
fn commit(collection: &mut Collection, mut prepared: Prepared, log: &mut Vec<Vec<u8>>) -> Outcome {
    let parts = prepared.plan_log(1 << 16);
    log.extend((0..parts).map(|part| prepared.log_part(part).unwrap()));
    let outcome = collection.apply(prepared, &mut |_| {}).unwrap();
    collection.check().unwrap();
    let mut again = Collection::new(collection.config().clone()).unwrap();
    let mut replay = Replay::new();
    let mut last = None;
    for part in log {
        last = replay.feed(&mut again, part).unwrap().or(last);
    }
    assert_eq!(ids(&again), ids(collection));
    if outcome.written > 0 {
        assert_eq!(last, Some(outcome));
    }
    outcome
}

fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    match metric {
        Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        _ => a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt(),
    }
}

#[test]
fn near_rows_are_left_out_and_no_two_that_are_written_are_near() {
    for (seed, metric, threshold) in [(5, Metric::Cosine, 0.01f32), (6, Metric::Euclidean, 0.15)] {
        let mut random = Random(seed);
        // Stored ones that have a graph, and a batch of several leaves.
        let mut collection = collection(metric);
        let stored = vectors(6000, 2.0, &mut random);
        let rows: Vec<_> =
            stored.iter().enumerate().map(|(at, v)| (format!("s{at}"), &v[..], None)).collect();
        let mut log = Vec::new();
        let prepared = collection.prepare(batch(Operation::Insert, &rows)).unwrap();
        commit(&mut collection, prepared, &mut log);

        let mut new = vectors(3000, 0.02, &mut random);
        for at in (0..3000).step_by(10) {
            new[at] = stored[at].iter().map(|x| x + random.next() * 0.02).collect();
        }
        let rows: Vec<_> =
            new.iter().enumerate().map(|(at, v)| (format!("n{at}"), &v[..], None)).collect();
        let dedupe = Dedupe { likeness: Likeness::Within(threshold), action: OnDuplicate::Skip };
        let prepared = collection.prepare_unlike(batch(Operation::Insert, &rows), &dedupe).unwrap();
        let duplicates = prepared.duplicates().to_vec();
        assert_eq!(prepared.len() + duplicates.len(), rows.len());

        let mut written = vec![true; new.len()];
        for duplicate in &duplicates {
            written[duplicate.index] = false;
            let other = match duplicate.of.split_at(1) {
                ("s", at) => &stored[at.parse::<usize>().unwrap()],
                (_, at) => &new[at.parse::<usize>().unwrap()],
            };
            let far = distance(metric, &new[duplicate.index], other);
            assert!(far <= threshold * 1.01, "seed {seed}: {duplicate:?} at {far}");
        }
        // By a naive comparison: which of the written rows should have been left out?
        let near = |a: &[f32], b: &[f32]| distance(metric, a, b) < threshold * 0.99;
        let mut missed = 0;
        for at in (0..new.len()).filter(|&at| written[at]) {
            let before = new[..at].iter().zip(&written).filter(|(_, written)| **written);
            let others = before.map(|(vector, _)| vector).chain(&stored);
            missed += usize::from(others.into_iter().any(|other| near(&new[at], other)));
        }
        assert!(missed * 200 <= duplicates.len(), "seed {seed}: {missed} of {}", duplicates.len());
        assert!(duplicates.len() > 1000, "seed {seed}: {}", duplicates.len());
        commit(&mut collection, prepared, &mut log);
        assert_eq!(collection.len(), 6000 + 3000 - duplicates.len());

        // The same batch again, under other ids: everything is there already.
        let rows: Vec<_> =
            new.iter().enumerate().map(|(at, v)| (format!("m{at}"), &v[..], None)).collect();
        let prepared = collection.prepare_unlike(batch(Operation::Insert, &rows), &dedupe).unwrap();
        assert!(prepared.len() * 200 <= rows.len(), "seed {seed}: {} are new", prepared.len());
    }
}

#[test]
fn a_dense_cluster_leaves_one() {
    let mut random = Random(9);
    let center = random.vector();
    let list: Vec<Vec<f32>> =
        (0..4000).map(|_| center.iter().map(|x| x + random.next() * 1e-4).collect()).collect();
    let rows: Vec<_> =
        list.iter().enumerate().map(|(at, v)| (format!("c{at}"), &v[..], None)).collect();
    for (action, left) in [(OnDuplicate::Skip, "c0"), (OnDuplicate::Replace, "c3999")] {
        let mut collection = collection(Metric::Cosine);
        let dedupe = Dedupe { likeness: Likeness::Within(1e-3), action };
        let prepared = collection.prepare_unlike(batch(Operation::Insert, &rows), &dedupe).unwrap();
        commit(&mut collection, prepared, &mut Vec::new());
        assert_eq!(ids(&collection), [left]);
    }
}

#[test]
fn exact_duplicates_are_skipped_replaced_or_reported() {
    let mut random = Random(3);
    let (a, b, c) = (random.vector(), random.vector(), random.vector());
    let doubled: Vec<f32> = a.iter().map(|x| x * 2.0).collect();
    let stored = [("a".to_owned(), &a[..], Some("one")), ("b".to_owned(), &b[..], None)];
    let new = [
        // Twice as long is the same direction.
        ("a2".to_owned(), &doubled[..], Some("other")),
        ("c".to_owned(), &c[..], None),
        ("c2".to_owned(), &c[..], Some("two")),
        ("d".to_owned(), &b[..], Some("two")),
    ];
    let unlike = random.vector();
    let by_text = [("e".to_owned(), &unlike[..], Some("one"))];
    for (action, left) in [
        (OnDuplicate::Skip, vec!["a", "b", "c"]),
        (OnDuplicate::Replace, vec!["a2", "d", "e"]),
        (OnDuplicate::Report, vec!["a", "a2", "b", "c", "c2", "d", "e"]),
    ] {
        let mut collection = collection(Metric::Cosine);
        let mut log = Vec::new();
        let dedupe = Dedupe { likeness: Likeness::Exact, action };
        let refused = collection.prepare_unlike(batch(Operation::Insert, &new), &dedupe);
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument, "no fingerprints");
        let prepared = collection.prepare(batch(Operation::Insert, &stored)).unwrap();
        commit(&mut collection, prepared, &mut log);
        for document in collection.fingerprint() {
            assert_eq!(collection.id(document.slot), Some("a"));
            collection.fingerprint_document(document.slot, "one");
        }
        // What batches bring from here on is known without being read.
        let prepared =
            collection.prepare_unlike(batch(Operation::Insert, &by_text), &dedupe).unwrap();
        let of: Vec<_> = prepared.duplicates().iter().map(|found| &found.of).collect();
        assert_eq!(of, ["a"]);
        commit(&mut collection, prepared, &mut log);
        assert!(collection.fingerprint().is_empty());
        let prepared = collection.prepare_unlike(batch(Operation::Insert, &new), &dedupe).unwrap();
        let of: Vec<_> =
            prepared.duplicates().iter().map(|found| (found.index, found.of.as_str())).collect();
        let replaced = action == OnDuplicate::Replace;
        let expected = [(0, "a"), (2, "c"), (3, "b")];
        assert_eq!(of, if replaced { &expected[1..] } else { &expected[..] });
        commit(&mut collection, prepared, &mut log);
        assert_eq!(ids(&collection), left, "{action:?}");
    }
}

#[test]
fn a_deleted_record_is_no_original() {
    let mut random = Random(4);
    let vector = random.vector();
    let mut collection = collection(Metric::Euclidean);
    let mut log = Vec::new();
    collection.fingerprint();
    let dedupe = Dedupe { likeness: Likeness::Exact, action: OnDuplicate::Skip };
    for (round, text) in [(0, Some("text")), (1, Some("text")), (2, None)] {
        let rows = [(format!("r{round}"), &vector[..], text)];
        let prepared = collection.prepare_unlike(batch(Operation::Insert, &rows), &dedupe).unwrap();
        assert_eq!(prepared.duplicates(), [], "round {round}");
        commit(&mut collection, prepared, &mut log);
        let mut delete = Batch::new(Operation::Delete, DIMENSION, true);
        delete.push(Row { id: &format!("r{round}"), ..Row::default() }).unwrap();
        let prepared = collection.prepare(delete).unwrap();
        commit(&mut collection, prepared, &mut log);
    }
}

#[test]
fn what_can_not_be_compared_is_refused() {
    let collection = collection(Metric::Cosine);
    for threshold in [-0.1, f32::NAN, f32::INFINITY] {
        let dedupe = Dedupe { likeness: Likeness::Within(threshold), action: OnDuplicate::Skip };
        let refused = collection.prepare_unlike(batch(Operation::Insert, &[]), &dedupe);
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    }
    let dedupe = Dedupe { likeness: Likeness::Within(0.1), action: OnDuplicate::Skip };
    let refused = collection.prepare_unlike(batch(Operation::Delete, &[]), &dedupe);
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
}
