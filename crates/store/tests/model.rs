//! Random batches on a store and on a map, with reopening, power cuts, checkpoints, compaction and
//! failing operations in between.

mod support;

use std::io::ErrorKind;

use kindex::collection::{Batch, Operation, Row};
use kindex::{Code, Config, Metric};
use kindex_store::Store;
use proptest::prelude::*;
use support::records::{self, Model, Record, batch};
use support::{Disk, Faults, Random};

const DIMENSION: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Write {
        operation: Operation,
        rows: Vec<(String, Record)>,
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
    let id = (0u8..60).prop_map(|number| format!("id{number}"));
    let rows = prop::collection::vec((id, record()), 1..20);
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

/// What the batch makes of the model, or nothing if it is rejected.
fn applied(model: &Model, operation: Operation, rows: &[(String, Record)], atomic: bool) -> Model {
    let mut next = model.clone();
    for (id, record) in rows {
        let repeated = rows.iter().filter(|(other, _)| other == id).count() > 1;
        if !repeated && records::fits(model, operation, id) {
            records::apply(&mut next, operation, id, record);
        } else if atomic {
            return model.clone();
        }
    }
    next
}

fn holds(store: &Store) -> Model {
    // That a view has the records that it should have is part of the collection's check.
    assert_eq!(store.collection().views().len(), 1);
    records::found(store).unwrap()
}

fn run(steps: &[Step]) {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    let mut view = Batch::new(Operation::View, DIMENSION, true);
    let metadata = Some(r#"{"where":{"n":{"$exists":true}}}"#);
    view.push(Row { id: "with n", metadata, ..Row::default() }).unwrap();
    store.write(view, &mut |_| {}).unwrap();
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
