//! Random batches on a collection and on a map; then the same state from the log, and from a
//! snapshot.

use std::collections::BTreeMap;

use kindex::collection::{Batch, Operation, Replay, Row, SnapshotLoader};
use kindex::metadata::Filter;
use kindex::{Code, Collection, Config, Metric, SearchOptions, codec};

const DIMENSION: usize = 6;

/// SplitMix64: enough to draw cases from a seed that the test prints.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIMENSION).map(|_| self.below(2001) as f32 / 1000.0 - 1.0).collect()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Record {
    vector: Vec<f32>,
    metadata: Option<String>,
    document: Option<String>,
}

type Model = BTreeMap<String, Record>;

/// A row as drawn. `bad` is the code that it must be refused with, whatever the collection holds.
#[derive(Clone, Debug)]
struct Draft {
    id: String,
    vector: Option<Vec<f32>>,
    metadata: Option<String>,
    document: Option<String>,
    bad: Option<Code>,
}

fn draft(random: &mut Random, operation: Operation) -> Draft {
    let id = format!("record-{}", random.below(120));
    if operation == Operation::Delete {
        return Draft { id, vector: None, metadata: None, document: None, bad: None };
    }
    let always = operation != Operation::Update;
    let mut draft = Draft {
        id,
        vector: (always || random.one_in(2)).then(|| random.vector()),
        metadata: random.one_in(2).then(|| match random.below(8) {
            0 => "null".to_owned(),
            n => format!(r#"{{"n":{n},"tag":["t{}",{n}],"deep":{{"é":"v{n}"}}}}"#, n % 3),
        }),
        document: random.one_in(3).then(|| "wörd ".repeat(random.below(200) as usize)),
        bad: None,
    };
    if random.one_in(12) {
        match random.below(4) {
            0 => {
                draft.vector = Some(vec![f32::NAN; DIMENSION]);
                draft.bad = Some(Code::NotFinite);
            }
            1 => {
                draft.metadata = Some(r#"{"a":"#.to_owned());
                draft.bad = Some(Code::InvalidArgument);
            }
            2 => {
                draft.id = "x".repeat(513);
                draft.bad = Some(Code::InvalidArgument);
            }
            _ => {
                draft.id = String::new();
                draft.bad = Some(Code::InvalidArgument);
            }
        }
    }
    draft
}

/// What each row must be refused with.
fn verdicts(model: &Model, operation: Operation, drafts: &[Draft]) -> Vec<Option<Code>> {
    let repeated = |draft: &Draft| drafts.iter().filter(|other| other.id == draft.id).count() > 1;
    drafts
        .iter()
        .map(|draft| {
            let bad_id = draft.id.is_empty() || draft.id.len() > 512;
            match (operation, model.contains_key(&draft.id)) {
                _ if bad_id => Some(Code::InvalidArgument),
                _ if repeated(draft) => Some(Code::DuplicateId),
                (Operation::Insert, true) => Some(Code::DuplicateId),
                (Operation::Update | Operation::Delete, false) => Some(Code::NotFound),
                _ => draft.bad,
            }
        })
        .collect()
}

fn apply_to_model(model: &mut Model, operation: Operation, draft: Draft) {
    let metadata = draft.metadata.filter(|text| text != "null");
    match operation {
        Operation::Delete => {
            model.remove(&draft.id);
        }
        Operation::Update => {
            let cleared = model[&draft.id].clone();
            let record = model.get_mut(&draft.id).unwrap();
            record.vector = draft.vector.unwrap_or(cleared.vector);
            record.document = draft.document.or(cleared.document);
            record.metadata = metadata.or(cleared.metadata);
        }
        _ => {
            let vector = draft.vector.unwrap();
            model.insert(draft.id, Record { vector, metadata, document: draft.document });
        }
    }
}

fn check(collection: &Collection, chunks: &BTreeMap<u32, Vec<u8>>, model: &Model, what: &str) {
    collection.check().unwrap();
    assert_eq!(collection.len(), model.len(), "{what}");
    for (id, record) in model {
        let slot = collection.slot(id).unwrap_or_else(|| panic!("{what}: {id} is missing"));
        assert_eq!(collection.id(slot), Some(id.as_str()), "{what}");
        assert_eq!(collection.metadata(slot), record.metadata.as_deref(), "{what}: {id}");
        let document = collection
            .document(slot)
            .map(|at| codec::read_document(&chunks[&at.chunk], at.row).unwrap());
        assert_eq!(document, record.document.as_deref(), "{what}: {id}");
        let vector = collection.vector(slot).unwrap();
        for (kept, given) in vector.iter().zip(&record.vector) {
            assert!((kept - given).abs() < 1e-6, "{what}: {id}: {kept} and {given}");
        }
    }
    let filter = Filter::parse(r#"{"n":{"$gte":3},"tag":"t1"}"#).unwrap();
    let matches = |record: &Record| {
        let metadata = record.metadata.as_deref().unwrap_or_default();
        [4, 7].iter().any(|n| metadata.contains(&format!("\"n\":{n},")))
    };
    let wanted = model.values().filter(|record| matches(record)).count();
    assert_eq!(collection.count(Some(&filter)), wanted, "{what}");
}

fn answers(collection: &Collection, random: &mut Random) -> Vec<Vec<(String, u32)>> {
    let queries: Vec<f32> = (0..5).flat_map(|_| random.vector()).collect();
    let options = SearchOptions { k: 7, ef: 32, exact: false };
    let filter = Filter::parse(r#"{"n":{"$lt":6}}"#).unwrap();
    [None, Some(&filter)]
        .into_iter()
        .flat_map(|filter| collection.search(&queries, &options, filter).unwrap())
        .map(|hits| {
            hits.iter()
                .map(|hit| (collection.id(hit.slot).unwrap().to_owned(), hit.distance.to_bits()))
                .collect()
        })
        .collect()
}

fn load(bytes: &[u8], step: usize) -> Collection {
    let mut loader = SnapshotLoader::new();
    bytes.chunks(step).for_each(|piece| loader.push(piece).unwrap());
    loader.finish().unwrap()
}

#[test]
fn a_collection_is_a_map_live_replayed_and_loaded() {
    for seed in 0..24 {
        println!("seed {seed}");
        run(seed);
    }
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let mut config = Config::new(DIMENSION);
    config.metric = Metric::Euclidean;
    let mut collection = Collection::new(config.clone()).unwrap();
    let mut model = Model::new();
    let mut log: Vec<Vec<u8>> = Vec::new();
    let mut chunks = BTreeMap::new();
    let mut checkpoint = (collection.to_bytes().unwrap(), 0);

    for step in 0..60 {
        let operation =
            [Operation::Insert, Operation::Upsert, Operation::Update, Operation::Delete]
                [random.below(4) as usize];
        let atomic = random.one_in(2);
        let drafts: Vec<Draft> =
            (0..1 + random.below(25)).map(|_| draft(&mut random, operation)).collect();
        let mut batch = Batch::new(operation, DIMENSION, atomic);
        let name = format!("batch-{seed}-{step}");
        let named = random.one_in(3);
        if named {
            batch = batch.named(&name).unwrap();
        }
        for draft in &drafts {
            batch
                .push(Row {
                    id: &draft.id,
                    vector: draft.vector.as_deref(),
                    metadata: draft.metadata.as_deref(),
                    document: draft.document.as_deref(),
                })
                .unwrap();
        }
        let verdicts = verdicts(&model, operation, &drafts);
        let mut prepared = collection.prepare(batch).unwrap();
        let wanted: Vec<_> = (0..)
            .zip(&verdicts)
            .filter_map(|(row, verdict)| verdict.map(|code| (row, code)))
            .collect();
        let found: Vec<_> =
            prepared.errors().iter().map(|item| (item.index, item.error.code())).collect();
        assert_eq!(found, wanted, "seed {seed}, step {step}");
        assert_eq!(prepared.is_rejected(), atomic && !wanted.is_empty());
        let parts = prepared.plan_log(0);
        let parts: Vec<_> = (0..parts).map(|at| prepared.log_part(at).unwrap()).collect();
        if prepared.is_rejected() {
            assert!(parts.is_empty());
            assert_eq!(
                collection.apply(prepared, &mut |_| {}).unwrap_err().code(),
                Code::InvalidArgument
            );
            continue;
        }
        // Now and then storage fails, and the batch never happens; its first parts may stay.
        if random.one_in(8) {
            if parts.len() > 1 {
                log.push(parts[0].clone());
            }
            continue;
        }
        for (number, at) in (prepared.first_document_chunk()..).zip(0..prepared.document_chunks()) {
            chunks.insert(number, prepared.document_chunk(at));
        }
        log.extend(parts);
        let outcome = collection.apply(prepared, &mut |_| {}).unwrap();
        assert_eq!(outcome.written as usize, drafts.len() - wanted.len());
        if named && outcome.written > 0 {
            assert_eq!(collection.outcome(&name), Some(&outcome));
        }
        for (draft, verdict) in drafts.into_iter().zip(verdicts) {
            if verdict.is_none() {
                // In the model too, a metadata text `null` of an update takes the metadata away.
                if operation == Operation::Update && draft.metadata.as_deref() == Some("null") {
                    model.get_mut(&draft.id).unwrap().metadata = None;
                }
                apply_to_model(&mut model, operation, draft);
            }
        }
        if random.one_in(10) {
            collection.compact();
            log.clear();
            checkpoint = (collection.to_bytes().unwrap(), log.len());
        } else if random.one_in(10) {
            checkpoint = (collection.to_bytes().unwrap(), log.len());
        }
    }
    check(&collection, &chunks, &model, &format!("live, seed {seed}"));
    let wanted = answers(&collection, &mut Random(seed));

    // A checkpoint and the whole log behind it, of which it contains the beginning.
    let mut reopened = load(&checkpoint.0, 1 + random.below(500) as usize);
    let mut replay = Replay::new();
    for part in &log {
        replay.feed(&mut reopened, part).unwrap();
    }
    check(&reopened, &chunks, &model, &format!("replayed, seed {seed}"));
    assert_eq!(reopened.generation(), collection.generation());
    assert_eq!(answers(&reopened, &mut Random(seed)), wanted, "replayed, seed {seed}");
    assert_eq!(reopened.to_bytes().unwrap(), collection.to_bytes().unwrap(), "seed {seed}");

    let bytes = collection.to_bytes().unwrap();
    let loaded = load(&bytes, 4096);
    check(&loaded, &chunks, &model, &format!("loaded, seed {seed}"));
    assert_eq!(answers(&loaded, &mut Random(seed)), wanted, "loaded, seed {seed}");
    assert_eq!(loaded.to_bytes().unwrap(), bytes, "seed {seed}");
}
