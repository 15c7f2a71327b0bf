//! Graphs that grew and shrank by batches, of a collection and of a view, against the scan. The vectors are
//! uniform: no clusters that would make the nearest easy to find.

mod support;

use kindex::collection::{Batch, Operation, Row};
use kindex::{Collection, Config, Index, Metric, Neighbor, SearchOptions};
use support::{Random, mixture};

const DIMENSION: usize = 16;
const VIEW: &str = "view";
/// A beam of this width has two fifths of the view's graph in it.
const WIDE: usize = 1200;

fn vectors(count: usize, random: &mut Random) -> Vec<f32> {
    (0..count * DIMENSION).map(|_| random.signed()).collect()
}

fn apply(collection: &mut Collection, batch: Batch) {
    let prepared = collection.prepare(batch).unwrap();
    assert_eq!(prepared.errors(), []);
    collection.apply(prepared, &mut |_| {}).unwrap();
}

/// Writes records: the number of each, and whether the view has it. Some updates bring a new vector.
fn write(
    collection: &mut Collection,
    operation: Operation,
    rows: &[(usize, bool)],
    random: &mut Random,
) {
    let mut batch = Batch::new(operation, DIMENSION, true);
    for &(number, member) in rows {
        let vector = vectors(1, random);
        let fresh = match operation {
            Operation::Delete => false,
            Operation::Update => random.below(4) == 0,
            _ => true,
        };
        let metadata = format!(r#"{{"in":{member}}}"#);
        let metadata = (operation != Operation::Delete).then_some(&*metadata);
        let (id, vector) = (number.to_string(), fresh.then_some(&*vector));
        batch.push(Row { id: &id, vector, metadata, document: None }).unwrap();
    }
    apply(collection, batch);
}

/// 6,000 records, half of them in a view with a graph.
fn sample(random: &mut Random) -> Collection {
    let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
    let rows: Vec<_> = (0..6000).map(|number| (number, number % 2 == 0)).collect();
    write(&mut collection, Operation::Insert, &rows, random);
    let mut batch = Batch::new(Operation::View, DIMENSION, true);
    let metadata = Some(r#"{"where":{"in":true}}"#);
    batch.push(Row { id: VIEW, metadata, ..Row::default() }).unwrap();
    apply(&mut collection, batch);
    collection
}

/// The share of the true answers that were found.
fn share(found: &[Vec<Neighbor>], truth: &[Vec<Neighbor>]) -> f64 {
    let mut hits = 0;
    for (found, truth) in found.iter().zip(truth) {
        let last = truth.last().unwrap().distance;
        hits += found.iter().filter(|hit| hit.distance <= last).count();
    }
    hits as f64 / truth.iter().map(Vec::len).sum::<usize>() as f64
}

/// Proves the graphs, and holds the usual beam to most of the nearest ten, a wide one to the nearest 500:
/// whatever is near is found, nodes that walks begin at too.
fn hold(collection: &Collection, context: &str, random: &mut Random) {
    collection.check().unwrap_or_else(|error| panic!("{context}: {error}"));
    let view = collection.view(VIEW).unwrap();
    assert!(view.has_graph() && collection.index().has_graph(), "{context}");
    let queries = vectors(20, random);
    for (k, ef, least) in [(10, 0, 0.98), (500, WIDE, 0.9995)] {
        let walk = SearchOptions { k, ef, exact: false };
        let scan = SearchOptions { exact: true, ..walk.clone() };
        let [of_view, of_all] = [
            share(
                &view.search(&queries, &walk, None).unwrap(),
                &view.search(&queries, &scan, None).unwrap(),
            ),
            share(
                &collection.search(&queries, &walk, None).unwrap(),
                &collection.search(&queries, &scan, None).unwrap(),
            ),
        ];
        println!("{context}, k {k}: view {of_view:.5}, collection {of_all:.5}");
        assert!(of_view.min(of_all) >= least, "{context}, k {k}: {of_view}, {of_all}");
    }
}

#[test]
fn a_walk_finds_in_a_grown_view_what_a_scan_finds() {
    for seed in 1..4 {
        let mut random = Random::new(seed);
        let mut collection = sample(&mut random);
        hold(&collection, &format!("seed {seed}, built"), &mut random);
        for round in 0..12 {
            let count = [1, 10, 300][round % 3];
            let first = 6000 + round * 300;
            let rows: Vec<_> = (first..first + count).map(|number| (number, true)).collect();
            write(&mut collection, Operation::Insert, &rows, &mut random);
            hold(&collection, &format!("seed {seed}, round {round}"), &mut random);
        }
    }
}

#[test]
fn a_walk_finds_what_a_scan_finds_while_members_come_and_go() {
    for seed in 4..7 {
        let mut random = Random::new(seed);
        let mut collection = sample(&mut random);
        let mut next = 6000;
        for round in 0..12 {
            let count = [5, 50, 500][round % 3];
            let operation = [Operation::Update, Operation::Upsert][round % 2];
            let mut rows: Vec<_> =
                (0..count).map(|_| (random.below(6000), random.below(2) == 0)).collect();
            rows.sort_unstable();
            rows.dedup_by_key(|row| row.0);
            rows.retain(|row| collection.slot(&row.0.to_string()).is_some());
            write(&mut collection, operation, &rows, &mut random);
            rows.truncate(count / 5);
            write(&mut collection, Operation::Delete, &rows, &mut random);
            let rows: Vec<_> =
                (next..next + count / 4).map(|number| (number, number % 2 == 0)).collect();
            next += rows.len();
            write(&mut collection, Operation::Insert, &rows, &mut random);
            hold(&collection, &format!("seed {seed}, round {round}"), &mut random);
        }
    }
}

#[test]
fn walks_reach_every_node_of_tight_clusters_once_tombstones_are_cleared_away() {
    let data = [
        (Metric::Cosine, DIMENSION, 30, 0.05, 7),
        (Metric::Dot, DIMENSION, 40, 0.4, 8),
        (Metric::Euclidean, 3, 5, 0.001, 9),
    ];
    for (metric, dimension, clusters, spread, seed) in data {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let all = mixture(9000, dimension, clusters, spread, true, seed);
        let mut index = Index::new(Config { metric, ..Config::new(dimension) }).unwrap();
        let (first, rest) = all.split_at(6000 * dimension);
        let mut slots = index.insert(first, &mut |_| {}).unwrap();
        for (round, batch) in rest.chunks(150 * dimension).enumerate() {
            slots.extend(index.insert(batch, &mut |_| {}).unwrap());
            let gone: Vec<_> =
                (0..50).map(|_| slots.swap_remove(random.below(slots.len()))).collect();
            index.remove(&gone);
            let check = index.check();
            assert!(check.is_ok(), "seed {seed}, round {round}: {check:?}");
        }
        assert!(index.has_graph());
    }
}

/// Thousands share a code: rows of links are full, and most nodes are reached by a single way.
#[test]
fn walks_reach_every_node_of_a_graph_of_copies() {
    for (metric, seed) in [(Metric::Cosine, 1), (Metric::Dot, 1), (Metric::Cosine, 2)] {
        let all = mixture(6000, 3, 5, 0.001, true, seed);
        let mut index = Index::new(Config { metric, ..Config::new(3) }).unwrap();
        index.insert(&all, &mut |_| {}).unwrap();
        let check = index.check();
        assert!(index.has_graph() && check.is_ok(), "{metric:?}, seed {seed}: {check:?}");
    }
}
