//! Searches with decay against the naive evaluation over all records.

use kindex::collection::{Batch, Decay, Operation, Row};
use kindex::metadata::Filter;
use kindex::{Collection, Config, Metric, SearchOptions};

const DAY: f64 = 86_400_000.0;
const NOW: f64 = 1_760_000_000_000.0;
const DIMENSION: usize = 24;

struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }

    fn near(&mut self, center: &[f32]) -> Vec<f32> {
        center.iter().map(|x| x + (self.next() as f32 - 0.5) * 0.9).collect()
    }
}

/// Records around a few centers. Most have a date; the newest are spread over all centers.
fn collection(count: usize, metric: Metric, seed: u64) -> (Collection, Vec<f32>) {
    let mut random = Random(seed);
    let mut config = Config::new(DIMENSION);
    config.metric = metric;
    let mut collection = Collection::new(config).unwrap();
    let centers: Vec<Vec<f32>> =
        (0..20).map(|_| (0..DIMENSION).map(|_| random.next() as f32 - 0.5).collect()).collect();
    let mut batch = Batch::new(Operation::Insert, DIMENSION, true);
    for at in 0..count {
        let vector = random.near(&centers[at % 20]);
        let metadata = match at % 10 {
            0 => r#"{"even":true}"#.to_owned(),
            1 => r#"{"when":"yesterday"}"#.to_owned(),
            _ => {
                let when = NOW - random.next() * 400.0 * DAY;
                format!(r#"{{"when":{when:.0},"even":{}}}"#, at % 2 == 0)
            }
        };
        let id = format!("r{at}");
        let row = Row { id: &id, vector: Some(&vector), metadata: Some(&metadata), document: None };
        batch.push(row).unwrap();
    }
    let prepared = collection.prepare(batch).unwrap();
    assert_eq!(prepared.errors(), []);
    collection.apply(prepared, &mut |_| {}).unwrap();
    let queries = (0..40).flat_map(|at| random.near(&centers[at % 20])).collect();
    (collection, queries)
}

fn decay(weight: f64, half_life: f64) -> Decay {
    Decay { field: "when".to_owned(), half_life, weight, now: NOW }
}

/// Every record scored as the documentation says, best first, ties by slot.
fn naive(
    collection: &Collection,
    query: &[f32],
    filter: Option<&Filter>,
    decay: &Decay,
) -> Vec<(u32, f64)> {
    let all = SearchOptions { k: collection.len(), ef: 0, exact: true };
    let [hits] = &collection.search(query, &all, filter).unwrap()[..] else { panic!("one query") };
    let mut scored: Vec<(u32, f64)> = hits
        .iter()
        .map(|hit| {
            let fields: serde_json::Value =
                serde_json::from_str(collection.metadata(hit.slot).unwrap()).unwrap();
            let age = fields["when"].as_f64().map(|when| (decay.now - when).max(0.0));
            let recency = age.map_or(0.0, |age| 0.5f64.powf(age / decay.half_life));
            let score = collection.config().metric.score(hit.distance);
            (hit.slot.0, (1.0 - decay.weight) * f64::from(score) + decay.weight * recency)
        })
        .collect();
    scored.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    scored
}

/// The part of the best `k` scores that a search reached.
fn reached(collection: &Collection, queries: &[f32], exact: bool, decay: &Decay) -> f64 {
    let filter = Filter::parse(r#"{"even":true}"#).unwrap();
    let k = 10;
    let options = SearchOptions { k, ef: 0, exact };
    let (mut good, mut all) = (0, 0);
    for filter in [None, Some(&filter)] {
        let set = filter.map(|filter| collection.select(filter));
        let found = collection.search_decayed(queries, &options, set.as_ref(), decay).unwrap();
        for ((hits, _), query) in found.iter().zip(queries.chunks(DIMENSION)) {
            let wanted = naive(collection, query, filter, decay);
            assert_eq!(hits.len(), k);
            assert!(hits.is_sorted_by(|left, right| left.score >= right.score));
            let last = wanted[k - 1].1 - 1e-5;
            good += hits.iter().filter(|hit| f64::from(hit.score) >= last).count();
            all += k;
            for hit in hits {
                let (_, score) =
                    wanted.iter().find(|(slot, _)| *slot == hit.neighbor.slot.0).unwrap();
                assert!((score - f64::from(hit.score)).abs() < 1e-5, "{score} {hit:?}");
            }
        }
    }
    good as f64 / f64::from(all as u32)
}

#[test]
fn the_best_by_similarity_and_recency_are_found() {
    for (at, metric) in [Metric::Cosine, Metric::Dot, Metric::Euclidean].into_iter().enumerate() {
        let seed = 40 + at as u64;
        let (collection, queries) = collection(8000, metric, seed);
        assert!(collection.index().has_graph());
        for (weight, half_life) in [(0.0, 30.0), (0.2, 30.0), (0.5, 3.0), (0.9, 200.0), (1.0, 9.0)]
        {
            let decay = decay(weight, half_life * DAY);
            let share = reached(&collection, &queries, false, &decay);
            assert!(share >= 0.985, "seed {seed}, {metric:?}, {decay:?}: {share}");
            let share = reached(&collection, &queries[..5 * DIMENSION], true, &decay);
            assert_eq!(share, 1.0, "seed {seed}, {metric:?}, {decay:?}, exact");
        }
    }
}

#[test]
fn a_recent_record_far_down_by_similarity_comes_up() {
    let mut collection = Collection::new(Config::new(2)).unwrap();
    let mut batch = Batch::new(Operation::Insert, 2, true);
    for at in 0..7000 {
        let angle = at as f32 / 7000.0;
        let when = if at == 6500 { NOW } else { NOW - 1000.0 * DAY };
        let (id, metadata) = (format!("r{at}"), format!(r#"{{"when":{when:.0}}}"#));
        let vector = [angle.cos(), angle.sin()];
        batch
            .push(Row { id: &id, vector: Some(&vector), metadata: Some(&metadata), document: None })
            .unwrap();
    }
    let prepared = collection.prepare(batch).unwrap();
    collection.apply(prepared, &mut |_| {}).unwrap();
    let options = SearchOptions { k: 3, ..SearchOptions::default() };
    let found = collection.search_decayed(&[1.0, 0.0], &options, None, &decay(0.6, DAY)).unwrap();
    let ids: Vec<_> =
        found[0].0.iter().map(|hit| collection.id(hit.neighbor.slot).unwrap()).collect();
    assert_eq!(ids[0], "r6500");
    assert!(ids[1..].iter().all(|id| ["r0", "r1", "r2", "r3", "r4"].contains(id)), "{ids:?}");
}

#[test]
fn values_out_of_bounds_are_refused() {
    let (collection, queries) = collection(10, Metric::Cosine, 1);
    let options = SearchOptions::default();
    let refused = |decay: Decay, part: &str| {
        let error = collection.search_decayed(&queries, &options, None, &decay).unwrap_err();
        assert!(error.message().contains(part), "{error}");
    };
    for half_life in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(decay(0.5, half_life), "decay.halfLife");
    }
    for weight in [-0.1, 1.1, f64::NAN] {
        refused(decay(weight, 1.0), "decay.weight");
    }
    refused(Decay { now: f64::NAN, ..decay(0.5, 1.0) }, "decay.now");
}
