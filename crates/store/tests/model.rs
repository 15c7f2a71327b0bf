//! Random batches on a store and on a map, with reopening, power cuts, checkpoints, compaction and
//! failing operations in between.

mod support;

use std::collections::BTreeMap;
use std::io::ErrorKind;

use kindex::collection::{Batch, Operation, Row};
use kindex::{Code, Config, Metric};
use kindex_store::Store;
use proptest::prelude::*;
use support::{Disk, Faults, Random};

const DIMENSION: usize = 4;

#[derive(Clone, PartialEq, Debug)]
struct Record {
    vector: Vec<f32>,
    metadata: Option<String>,
    document: Option<String>,
}

type Model = BTreeMap<String, Record>;

#[derive(Clone, Debug)]
enum Step {
    Write {
        operation: Operation,
        rows: Vec<(u8, Record)>,
        atomic: bool,
    },
    Checkpoint,
    Compact,
    /// Close and open again.
    Reopen,
    /// Drop it, as a killed process does, and open again.
    Kill,
    CutPower(u64),
    /// Operations fail from the `from`th on, for a while or for good, until the power is cut.
    Fail {
        from: usize,
        count: usize,
        full: bool,
    },
}

fn record() -> impl Strategy<Value = Record> {
    let vector = prop::collection::vec(-1000i32..1000, DIMENSION)
        .prop_map(|numbers| numbers.into_iter().map(|n| n as f32 / 500.0 + 0.0001).collect());
    let metadata = prop::option::of((0..9).prop_map(|n| format!(r#"{{"n":{n}}}"#)));
    let document = prop::option::of((0..30usize).prop_map(|n| "wörd ".repeat(n)));
    (vector, metadata, document).prop_map(|(vector, metadata, document)| Record {
        vector,
        metadata,
        document,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let operation = prop::sample::select(vec![
        Operation::Insert,
        Operation::Upsert,
        Operation::Upsert,
        Operation::Update,
        Operation::Delete,
    ]);
    let rows = prop::collection::vec((0u8..60, record()), 1..20);
    prop_oneof![
        12 => (operation, rows, any::<bool>())
            .prop_map(|(operation, rows, atomic)| Step::Write { operation, rows, atomic }),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Compact),
        2 => Just(Step::Reopen),
        2 => Just(Step::Kill),
        3 => any::<u64>().prop_map(Step::CutPower),
        4 => (0..12usize, prop_oneof![Just(1), Just(3), Just(usize::MAX)], any::<bool>())
            .prop_map(|(from, count, full)| Step::Fail { from, count, full }),
    ]
}

fn open(disk: &Disk) -> Result<Store, kindex::Error> {
    let mut config = Config::new(DIMENSION);
    config.metric = Metric::Euclidean;
    Store::in_files(disk.folder(), config)
}

fn batch(operation: Operation, rows: &[(u8, Record)], atomic: bool) -> Batch {
    let mut batch = Batch::new(operation, DIMENSION, atomic);
    for (id, record) in rows {
        let row = Row {
            id: &format!("id{id}"),
            vector: Some(&record.vector),
            metadata: record.metadata.as_deref(),
            document: record.document.as_deref(),
        };
        batch.push(row).unwrap();
    }
    batch
}

/// What the batch makes of the model, or nothing if it is rejected.
fn applied(model: &Model, operation: Operation, rows: &[(u8, Record)], atomic: bool) -> Model {
    let mut next = model.clone();
    for (id, record) in rows {
        let repeated = rows.iter().filter(|(other, _)| other == id).count() > 1;
        let id = format!("id{id}");
        let fits = match operation {
            Operation::Insert => !model.contains_key(&id),
            Operation::Upsert => true,
            Operation::Update | Operation::Delete => model.contains_key(&id),
        };
        if repeated || !fits {
            if atomic {
                return model.clone();
            }
            continue;
        }
        match operation {
            Operation::Delete => drop(next.remove(&id)),
            Operation::Update => {
                let old = next.remove(&id).unwrap();
                let metadata = record.metadata.clone().or(old.metadata);
                let document = record.document.clone().or(old.document);
                next.insert(id, Record { vector: record.vector.clone(), metadata, document });
            }
            Operation::Insert | Operation::Upsert => drop(next.insert(id, record.clone())),
        }
    }
    next
}

fn holds(store: &Store) -> Model {
    let collection = store.collection();
    collection.check().unwrap();
    collection
        .find(None, usize::MAX, 0)
        .into_iter()
        .map(|slot| {
            let record = Record {
                vector: collection.vector(slot).unwrap(),
                metadata: collection.metadata(slot).map(str::to_owned),
                document: store.document(slot).unwrap(),
            };
            (collection.id(slot).unwrap().to_owned(), record)
        })
        .collect()
}

fn run(steps: &[Step]) {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let mut model = Model::new();
    // What attempts that failed would have made of it: until the next success, a crash may bring the
    // batch of one of them about.
    let mut attempts: Vec<Model> = Vec::new();
    let mut failing = false;
    for step in steps {
        let reopen = match step {
            Step::Write { operation, rows, atomic } => {
                let next = applied(&model, *operation, rows, *atomic);
                match store.write(batch(*operation, rows, *atomic), &mut |_| {}) {
                    Ok(written) if written.outcome.written == 0 => assert_eq!(next, model),
                    Ok(_) => {
                        model = next;
                        attempts.clear();
                    }
                    Err(error) => {
                        assert!(failing, "{error}");
                        let codes = [Code::QuotaExceeded, Code::StorageUnavailable];
                        assert!(codes.contains(&error.code()), "{error}");
                        attempts.push(next);
                    }
                }
                assert_eq!(holds(&store), model, "memory after {step:?}");
                false
            }
            Step::Checkpoint | Step::Compact => {
                let done = match step {
                    Step::Checkpoint => store.checkpoint(),
                    _ => store.compact(),
                };
                assert!(done.is_ok() || failing, "{done:?}");
                if done.is_ok() {
                    attempts.clear();
                }
                false
            }
            Step::Reopen => {
                let closed = store.close();
                assert!(closed.is_ok() || failing, "{closed:?}");
                store = match reopened(&disk, &mut failing) {
                    Some(store) => store,
                    None => return,
                };
                true
            }
            Step::Kill => {
                drop(store);
                store = match reopened(&disk, &mut failing) {
                    Some(store) => store,
                    None => return,
                };
                true
            }
            Step::CutPower(seed) => {
                drop(store);
                disk.cut_power(&mut Random(*seed));
                failing = false;
                store = open(&disk).unwrap();
                true
            }
            Step::Fail { from, count, full } => {
                let kind = if *full { ErrorKind::StorageFull } else { ErrorKind::Other };
                disk.fail(Some(Faults { from: *from, count: *count, kind }));
                failing = true;
                false
            }
        };
        if reopen {
            let found = holds(&store);
            if attempts.contains(&found) {
                model = found;
            } else {
                assert_eq!(found, model, "after {step:?}");
            }
            attempts.clear();
        }
    }
}

/// Opens while operations may fail: if it fails too, the faults end.
fn reopened(disk: &Disk, failing: &mut bool) -> Option<Store> {
    if let Ok(store) = open(disk) {
        return Some(store);
    }
    assert!(*failing);
    disk.fail(None);
    *failing = false;
    Some(open(disk).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_a_map_that_survives(steps in prop::collection::vec(step(), 1..40)) {
        run(&steps);
    }
}
