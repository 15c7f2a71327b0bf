//! Every operation of a scenario fails once, or for good; files are cut and flipped at every byte.

mod support;

use std::io::ErrorKind;

use kindex::collection::{Batch, Operation, Row};
use kindex::{Code, Config};
use kindex_store::Store;
use support::{Disk, Faults, Random};

fn batch(number: u32) -> Batch {
    let mut batch = Batch::new(Operation::Upsert, 2, true);
    for row in 0..3 {
        let at = number * 2 + row;
        let (id, text) = (format!("id{at}"), format!("text {at} of {number}"));
        let vector = [at as f32 + 0.5, number as f32];
        let metadata = format!(r#"{{"of":{number}}}"#);
        batch
            .push(Row {
                id: &id,
                vector: Some(&vector),
                metadata: Some(&metadata),
                document: Some(&text),
            })
            .unwrap();
    }
    batch
}

fn open(disk: &Disk) -> Result<Store, kindex::Error> {
    Store::in_files(disk.folder(), Config::new(2))
}

/// Every record by its id, with metadata and document.
fn records(store: &Store) -> Vec<(String, String, String)> {
    let collection = store.collection();
    collection.check().unwrap();
    let mut records: Vec<_> = collection
        .find(None, usize::MAX, 0)
        .into_iter()
        .map(|slot| {
            let text = store.document(slot).unwrap().unwrap();
            let metadata = collection.metadata(slot).unwrap().to_owned();
            (collection.id(slot).unwrap().to_owned(), metadata, text)
        })
        .collect();
    records.sort();
    records
}

/// What so many batches make.
fn expected(batches: u64) -> Vec<(String, String, String)> {
    let store = open(&Disk::default());
    let mut store = store.unwrap();
    for number in 0..batches as u32 {
        store.write(batch(number), &mut |_| {}).unwrap();
    }
    records(&store)
}

/// Batches, a checkpoint, a compaction, a close and an opening. Returns how many batches were
/// acknowledged.
fn scenario(disk: &Disk) -> u64 {
    let Ok(mut store) = open(disk) else { return 0 };
    for number in 0..6 {
        // Memory is what was acknowledged, whatever fails.
        let before = store.collection().generation();
        let next = before as u32;
        let after = before + u64::from(store.write(batch(next), &mut |_| {}).is_ok());
        assert_eq!(store.collection().generation(), after);
        let done = match number {
            2 => store.checkpoint(),
            4 => store.compact(),
            _ => Ok(()),
        };
        if let Err(error) = done {
            assert!(matches!(error.code(), Code::QuotaExceeded | Code::StorageUnavailable));
        }
    }
    let acknowledged = store.collection().generation();
    assert_eq!(records(&store), expected(acknowledged));
    let _ = store.close();
    acknowledged
}

#[test]
fn whichever_operation_fails_what_was_acknowledged_is_there() {
    let whole = Disk::default();
    assert_eq!(scenario(&whole), 6);
    let operations = whole.operations();
    assert!(operations > 50, "{operations}");
    for from in 0..operations {
        for count in [1, 2, usize::MAX] {
            for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
                for cut in [false, true] {
                    let disk = Disk::default();
                    disk.fail(Some(Faults { from, count, kind }));
                    let acknowledged = scenario(&disk);
                    disk.fail(None);
                    let seed = (from * 10 + count.min(3)) as u64;
                    if cut {
                        disk.cut_power(&mut Random(seed));
                    }
                    let what = format!("{kind:?} {count} times from {from}, power cut {cut}");
                    let store = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                    let found = store.collection().generation();
                    // The batch whose write failed last may have got through.
                    assert!((acknowledged..=acknowledged + 1).contains(&found), "{what}: {found}");
                    assert_eq!(records(&store), expected(found), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    store.write(batch(0), &mut |_| {}).unwrap();
    disk.fail(Some(Faults { from: 0, count: usize::MAX, kind: ErrorKind::StorageFull }));
    for _ in 0..3 {
        let error = store.write(batch(1), &mut |_| {}).unwrap_err();
        assert_eq!(error.code(), Code::QuotaExceeded);
        assert_eq!(records(&store), expected(1));
    }
    disk.fail(None);
    store.write(batch(1), &mut |_| {}).unwrap();
    assert_eq!(records(&store), expected(2));
    drop(store);
    assert_eq!(records(&open(&disk).unwrap()), expected(2));
}

#[test]
fn an_opening_that_finds_no_room_changes_nothing_and_leaves_nothing_behind() {
    let full = disk(false);
    let before = full.names();
    let mut refusals = 0;
    for from in 0.. {
        full.fail(Some(Faults { from, count: 1, kind: ErrorKind::StorageFull }));
        let opened = open(&full);
        full.fail(None);
        assert_eq!(full.names(), before, "operation {from}");
        match opened {
            Ok(store) if store.collection().generation() == 5 && refusals > 2 => break,
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.code(), Code::QuotaExceeded, "operation {from}");
                refusals += 1;
            }
        }
    }
    assert_eq!(records(&open(&full).unwrap()), expected(5));
}

#[test]
fn what_an_interrupted_opening_left_is_swept() {
    let left = disk(false);
    let before = left.names();
    let mut unfinished = left.folder().create("log.part").unwrap();
    unfinished.write(b"half of a log").unwrap();
    drop(open(&left).unwrap());
    assert_eq!(left.names(), before);
}

/// A disk with a checkpoint after two batches and three more in the log.
fn disk(closed: bool) -> Disk {
    let disk = Disk::default();
    let mut store = open(&disk).unwrap();
    for number in 0..5 {
        if number == 2 {
            store.checkpoint().unwrap();
        }
        store.write(batch(number), &mut |_| {}).unwrap();
    }
    if closed {
        store.close().unwrap();
    }
    disk
}

fn log_of(disk: &Disk) -> String {
    disk.names().into_iter().find(|name| name.starts_with("log-")).unwrap()
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    for closed in [false, true] {
        let whole = disk(closed);
        for name in whole.names() {
            let bytes = whole.bytes(&name);
            for at in 0..bytes.len() {
                let bit = (at % 8) as u8;
                let damaged = disk(closed);
                damaged.flip(&name, at, bit);
                match open(&damaged) {
                    Err(error) => assert_eq!(error.code(), Code::Corrupt, "{name}, byte {at}"),
                    // Only the last thing of the log can be taken for unfinished: a batch if the log
                    // was not closed, or else the mark of closing.
                    Ok(store) => {
                        assert!(name.starts_with("log-"), "{name}, byte {at}");
                        let left = store.collection().generation();
                        assert_eq!(left, if closed { 5 } else { 4 }, "byte {at}");
                        assert_eq!(records(&store), expected(left));
                    }
                }
            }
        }
    }
}

#[test]
fn a_log_that_ends_anywhere_keeps_its_whole_batches() {
    let whole = disk(false);
    let name = log_of(&whole);
    let bytes = whole.bytes(&name);
    let mut seen = Vec::new();
    for length in 0..=bytes.len() {
        let cut = disk(false);
        let mut file = cut.folder().append(&name).unwrap();
        file.cut(length as u64).unwrap();
        let store = open(&cut).unwrap();
        let generation = store.collection().generation();
        assert_eq!(records(&store), expected(generation), "cut at {length}");
        seen.push(generation);
    }
    assert!(seen.is_sorted() && seen[0] == 2 && seen[bytes.len()] == 5);
}
