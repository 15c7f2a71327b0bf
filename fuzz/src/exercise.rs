//! Everything that a collection offers, on one that came from bytes.

use kindex::collection::{Batch, Operation, Row, SnapshotLoader};
use kindex::metadata::Filter;
use kindex::{Code, Collection, Error, SearchOptions};

/// Loads a snapshot in pieces of that many bytes.
pub(crate) fn load(bytes: &[u8], piece: usize) -> Result<Collection, Error> {
    let mut loader = SnapshotLoader::new();
    for piece in bytes.chunks(piece.max(1)) {
        loader.push(piece)?;
        while let Some(chunk) = loader.take_document_chunk() {
            for row in 0..3 {
                if let Err(error) = kindex::codec::read_document(&chunk.bytes, row) {
                    is_about_bytes(&error);
                }
            }
        }
    }
    loader.finish()
}

/// # Panics
/// If reading bytes failed for another reason than the bytes.
pub(crate) fn is_about_bytes(error: &Error) {
    assert!(matches!(error.code(), Code::Corrupt | Code::NewerVersion), "{error}");
}

/// Reads.
pub(crate) fn read(collection: &Collection) {
    let dimension = collection.config().dimension;
    let query: Vec<f32> = (0..dimension).map(|at| 0.5 - (at % 7) as f32).collect();
    let filter = Filter::parse(r#"{"$or":[{"n":{"$gt":2}},{"tags":"a"}]}"#).expect("a filter");
    for exact in [false, true] {
        for filter in [None, Some(&filter)] {
            let options = SearchOptions { k: 30, ef: 40, exact };
            let hits = collection.search(&query, &options, filter).expect("the query is good");
            for hit in &hits[0] {
                assert!(!hit.distance.is_nan() && collection.id(hit.slot).is_some());
            }
            assert!(hits[0].is_sorted_by(|a, b| a.distance <= b.distance));
        }
    }
    for view in collection.views() {
        let options = SearchOptions { k: 30, ef: 40, exact: false };
        let hits = view.search(&query, &options, None).expect("the query is good");
        assert!(hits[0].iter().all(|hit| view.members().contains(hit.slot)));
    }
    for slot in collection.find(Some(&filter), 100, 0) {
        assert!(collection.metadata(slot).is_some() && collection.vector(slot).is_some());
    }
}

/// Writes, compacts, and comes back from its own snapshot.
pub(crate) fn write(collection: &mut Collection) {
    let was_sound = collection.check().is_ok();
    let dimension = collection.config().dimension;
    let ids: Vec<String> = collection
        .find(None, 3, 0)
        .into_iter()
        .filter_map(|slot| collection.id(slot).map(str::to_owned))
        .collect();
    let fresh: Vec<String> = (0..5).map(|at| format!("fresh {at}")).collect();
    let vector: Vec<f32> = (0..dimension).map(|at| 1.0 + (at % 3) as f32).collect();
    for (operation, ids) in [(Operation::Delete, &ids), (Operation::Upsert, &fresh)] {
        let mut batch = Batch::new(operation, dimension, true);
        for id in ids {
            let metadata = Some(r#"{"n":3,"tags":["a"]}"#);
            let document = Some("text");
            let row = Row { id, vector: Some(&vector), metadata, document };
            batch.push(row).expect("the row is good");
        }
        // A forged count may leave no document chunks or fields.
        let Ok(prepared) = collection.prepare(batch) else { continue };
        if !prepared.is_rejected() {
            collection.apply(prepared, &mut |_| {}).expect("the batch was checked");
        }
    }
    collection.compact();
    if was_sound {
        collection.check().expect("sound before, sound after");
    }
    let bytes = collection.to_bytes().expect("nothing changes meanwhile");
    let again = load(&bytes, 4096).expect("its own snapshot");
    assert_eq!(again.len(), collection.len());
    read(&again);
}
