//! Bytes that are cut, flipped or made up: an error with a code, never a panic, and what is loaded
//! all the same is safe to use.

use kindex::collection::{Batch, Operation, Replay, Row, SnapshotLoader};
use kindex::metadata::Filter;
use kindex::{Code, Collection, Config, Error, Metric, Quantization, SearchOptions, codec};

const DIMENSION: usize = 3;
/// Bytes of a frame in front of its payload: tag, length, checksum.
const FRAME_HEAD: usize = 12;

fn write(
    collection: &mut Collection,
    operation: Operation,
    rows: std::ops::Range<u32>,
) -> Vec<Vec<u8>> {
    let dimension = collection.config().dimension;
    let mut batch =
        Batch::new(operation, dimension, true).named(&format!("rows {rows:?}")).unwrap();
    for row in rows {
        let vector = wave([row as f32, 1.0, -0.5], dimension);
        let metadata = format!(r#"{{"n":{row},"tags":["a","b{}"]}}"#, row % 3);
        batch
            .push(Row {
                id: &format!("id{row}"),
                vector: Some(&vector),
                metadata: (row % 2 == 0).then_some(&metadata),
                document: (row % 3 == 0).then_some("text"),
            })
            .unwrap();
    }
    let mut prepared = collection.prepare(batch).unwrap();
    assert_eq!(prepared.errors(), []);
    let parts = prepared.plan_log(0);
    let parts = (0..parts).map(|at| prepared.log_part(at).unwrap()).collect();
    collection.apply(prepared, &mut |_| {}).unwrap();
    parts
}

/// A forged head can change how many components a vector has.
fn wave(of: [f32; DIMENSION], dimension: usize) -> Vec<f32> {
    of.into_iter().cycle().take(dimension).collect()
}

fn sample() -> (Collection, Vec<Vec<u8>>) {
    sample_of(Config::new(DIMENSION))
}

fn sample_of(config: Config) -> (Collection, Vec<Vec<u8>>) {
    let mut collection = Collection::new(config).unwrap();
    let mut log = write(&mut collection, Operation::Insert, 0..9);
    log.extend(write(&mut collection, Operation::Upsert, 4..12));
    log.extend(write(&mut collection, Operation::Delete, 0..2));
    (collection, log)
}

fn load(bytes: &[u8]) -> Result<Collection, Error> {
    let mut loader = SnapshotLoader::new();
    bytes.chunks(97).try_for_each(|piece| loader.push(piece))?;
    loader.finish()
}

/// Uses everything that a collection offers.
fn exercise(collection: &mut Collection) {
    collection.check().unwrap();
    let query = wave([1.0, 2.0, 3.0], collection.config().dimension);
    for exact in [false, true] {
        let options = SearchOptions { k: 50, ef: 20, exact };
        let hits = collection.search(&query, &options, None).unwrap();
        assert!(hits[0].iter().all(|hit| collection.id(hit.slot).is_some()));
    }
    let filter = Filter::parse(r#"{"n":{"$gt":2},"tags":"a"}"#).unwrap();
    for slot in collection.find(Some(&filter), 100, 0) {
        assert!(collection.metadata(slot).is_some() && collection.vector(slot).is_some());
    }
    let free = collection.outcome("rows 100..105").is_none() && collection.slot("id100").is_none();
    // A forged count of document chunks may leave none.
    if free && has_document_chunks_left(collection) {
        write(collection, Operation::Upsert, 100..105);
        collection.check().unwrap();
    }
}

fn has_document_chunks_left(collection: &Collection) -> bool {
    let dimension = collection.config().dimension;
    let mut batch = Batch::new(Operation::Upsert, dimension, true);
    let vector = wave([1.0, 2.0, 3.0], dimension);
    let document = Some("text");
    batch.push(Row { id: "probe", vector: Some(&vector), metadata: None, document }).unwrap();
    match collection.prepare(batch) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Code::OutOfMemory);
            false
        }
    }
}

fn is_about_bytes(error: &Error) -> bool {
    matches!(error.code(), Code::Corrupt | Code::NewerVersion)
}

/// Computes the checksum of every frame anew.
fn repair(bytes: &mut [u8]) {
    let mut at = 0;
    while at + FRAME_HEAD <= bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let Some(end) = (at + FRAME_HEAD).checked_add(length).filter(|&end| end <= bytes.len())
        else {
            return;
        };
        let covered = [&bytes[at..at + 8], &bytes[at + FRAME_HEAD..end]].concat();
        bytes[at + 8..at + 12].copy_from_slice(&codec::crc32(&covered).to_le_bytes());
        at = end;
    }
}

#[test]
fn a_snapshot_cut_at_any_byte_is_corrupt() {
    let bytes = sample().0.to_bytes().unwrap();
    for length in 0..bytes.len() {
        let error = load(&bytes[..length]).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt, "cut at {length}: {error}");
    }
    let longer = [bytes, vec![0]].concat();
    assert_eq!(load(&longer).map(|_| ()).unwrap_err().code(), Code::Corrupt);
}

#[test]
fn a_snapshot_with_any_bit_flipped_is_corrupt() {
    let bytes = sample().0.to_bytes().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let error = load(&flipped).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), Code::Corrupt, "bit {bit} of byte {at}: {error}");
        }
    }
}

#[test]
fn a_forged_snapshot_is_refused_or_safe_to_use() {
    forge(Config::new(DIMENSION));
}

#[test]
fn a_forged_snapshot_of_binary_codes_is_refused_or_safe_to_use() {
    for metric in [Metric::Cosine, Metric::Euclidean] {
        let quantization = Quantization::Binary;
        forge(Config { quantization, metric, keep_vectors: false, ..Config::new(DIMENSION) });
    }
}

fn forge(config: Config) {
    let bytes = sample_of(config).0.to_bytes().unwrap();
    let (mut refused, mut loaded) = (0, 0);
    for at in 0..bytes.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut forged = bytes.clone();
            forged[at] ^= mask;
            repair(&mut forged);
            match load(&forged) {
                Err(error) => {
                    assert!(is_about_bytes(&error), "mask {mask} at byte {at}: {error}");
                    refused += 1;
                }
                Ok(mut collection) => {
                    exercise(&mut collection);
                    loaded += 1;
                }
            }
        }
    }
    println!("{refused} refused, {loaded} loaded");
    assert!(refused > 1000 && loaded > 1000, "the checksums are not repaired");
}

#[test]
fn a_newer_version_is_named() {
    let (collection, log) = sample();
    // Behind the head of the header frame and its magic.
    let version = FRAME_HEAD + 8;
    let mut newer = collection.to_bytes().unwrap();
    newer[version] = codec::FORMAT_VERSION as u8 + 1;
    repair(&mut newer);
    assert_eq!(load(&newer).map(|_| ()).unwrap_err().code(), Code::NewerVersion);
    let mut newer = log[0].clone();
    newer[version] = codec::FORMAT_VERSION as u8 + 1;
    repair(&mut newer);
    let mut empty = Collection::new(Config::new(DIMENSION)).unwrap();
    let error = Replay::new().feed(&mut empty, &newer).unwrap_err();
    assert_eq!(error.code(), Code::NewerVersion);
}

#[test]
fn damaged_log_parts_are_corrupt_and_change_nothing() {
    let (_, log) = sample();
    for part in &log[..1] {
        for length in 0..part.len() {
            // Without its commit mark, a part is whole and says nothing.
            let mut empty = Collection::new(Config::new(DIMENSION)).unwrap();
            match Replay::new().feed(&mut empty, &part[..length]) {
                Err(error) => assert_eq!(error.code(), Code::Corrupt, "cut at {length}"),
                Ok(outcome) => assert_eq!(outcome, None, "cut at {length}"),
            }
            assert_eq!((empty.len(), empty.generation()), (0, 0));
        }
        for at in 0..part.len() {
            for bit in 0..8 {
                let mut flipped = part.clone();
                flipped[at] ^= 1 << bit;
                let mut empty = Collection::new(Config::new(DIMENSION)).unwrap();
                let error = Replay::new().feed(&mut empty, &flipped).unwrap_err();
                assert_eq!(error.code(), Code::Corrupt, "bit {bit} of byte {at}");
                assert_eq!((empty.len(), empty.generation()), (0, 0));
            }
        }
    }
}

#[test]
fn forged_log_parts_are_refused_or_safe_to_use() {
    let (_, log) = sample();
    let (mut refused, mut taken) = (0, 0);
    for number in 0..log.len() {
        for at in 0..log[number].len() {
            for mask in [1, 4, 16, 128, 255] {
                let mut forged = log.clone();
                forged[number][at] ^= mask;
                repair(&mut forged[number]);
                let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
                let mut replay = Replay::new();
                let result = forged
                    .iter()
                    .try_for_each(|part| replay.feed(&mut collection, part).map(|_| ()));
                match result {
                    Err(error) => {
                        assert!(is_about_bytes(&error), "part {number}, byte {at}: {error}");
                        refused += 1;
                    }
                    Ok(()) => taken += 1,
                }
                collection.check().unwrap();
            }
        }
    }
    println!("{refused} refused, {taken} taken");
    assert!(refused > 1000);
}

#[test]
fn lengths_of_four_gigabytes_ask_for_no_memory() {
    let bytes = sample().0.to_bytes().unwrap();
    for at in 0..bytes.len() - 4 {
        let mut forged = bytes.clone();
        forged[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        repair(&mut forged);
        if let Ok(mut collection) = load(&forged) {
            exercise(&mut collection);
        }
    }
}

#[test]
fn other_files_are_no_snapshots() {
    for bytes in [&b""[..], b"PK\x03\x04", &[0; 90], &[255; 90], b"{\"hello\":\"world\"}"] {
        assert_eq!(load(bytes).map(|_| ()).unwrap_err().code(), Code::Corrupt);
    }
}

#[test]
fn a_batch_is_only_taken_whole_and_in_turn() {
    let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
    let many = write(&mut collection, Operation::Insert, 0..200);
    let next = write(&mut collection, Operation::Insert, 200..210);
    assert!(many.len() > 3 && next.len() == 1);
    let empty = || Collection::new(Config::new(DIMENSION)).unwrap();

    // The commit mark is missing.
    let (mut reopened, mut replay) = (empty(), Replay::new());
    for part in &many[..many.len() - 1] {
        assert_eq!(replay.feed(&mut reopened, part).unwrap(), None);
    }
    assert_eq!(replay.finish(), many.len() - 1);
    assert!(reopened.is_empty());

    // A part is missing, or comes twice.
    for wrong in [[0, 2], [0, 0], [1, 2]] {
        let (mut reopened, mut replay) = (empty(), Replay::new());
        let parts = wrong.into_iter().chain(3..many.len());
        let result: Result<Vec<_>, _> =
            parts.map(|at| replay.feed(&mut reopened, &many[at])).collect();
        assert_eq!(result.unwrap_err().code(), Code::Corrupt);
        assert!(reopened.is_empty());
    }

    // A batch is missing.
    let (mut reopened, mut replay) = (empty(), Replay::new());
    assert_eq!(replay.feed(&mut reopened, &next[0]).unwrap_err().code(), Code::Corrupt);

    // An aborted attempt at the same batch lies in front.
    let (mut reopened, mut replay) = (empty(), Replay::new());
    for part in many[..2].iter().chain(&many).chain(&next) {
        replay.feed(&mut reopened, part).unwrap();
    }
    assert_eq!((reopened.len(), replay.finish()), (210, 0));
}

#[test]
fn parts_of_two_attempts_at_a_batch_are_no_batch() {
    let attempt = |rows| {
        let mut collection = Collection::new(Config::new(DIMENSION)).unwrap();
        write(&mut collection, Operation::Insert, rows)
    };
    let (first, second) = (attempt(1000..1100), attempt(1600..1700));
    let (mut reopened, mut replay) =
        (Collection::new(Config::new(DIMENSION)).unwrap(), Replay::new());
    let result = [&first[0]].into_iter().chain(&second[1..]).try_for_each(|part| {
        let outcome = replay.feed(&mut reopened, part)?;
        assert_eq!(outcome, None);
        Ok::<_, Error>(())
    });
    assert_eq!(result.unwrap_err().code(), Code::Corrupt);
    assert!(reopened.is_empty());
}

#[test]
fn document_chunks_travel_in_a_snapshot_and_are_counted() {
    let collection = sample().0;
    let mut writer = collection.snapshot();
    let head = writer.next(&collection, 0).unwrap().unwrap();
    let documents = [writer.document_chunk(0, b"one"), writer.document_chunk(1, b"two")];
    let documents = documents.map(Result::unwrap);
    let mut rest = Vec::new();
    while let Some(piece) = writer.next(&collection, 100).unwrap() {
        rest.extend(piece);
        assert_eq!(writer.document_chunk(2, b"").unwrap_err().code(), Code::InvalidArgument);
    }
    let mut loader = SnapshotLoader::new();
    for piece in [&head, &documents[0], &documents[1], &rest] {
        loader.push(piece).unwrap();
    }
    let stream = [&head[..], &documents[0], &documents[1]].concat();
    for (number, text) in [(0, b"one"), (1, b"two")] {
        let chunk = loader.take_document_chunk().unwrap();
        assert_eq!((chunk.number, chunk.bytes.as_slice()), (number, &text[..]));
        assert_eq!(&stream[chunk.offset as usize..][..3], text);
    }
    assert_eq!(loader.take_document_chunk(), None);
    assert_eq!(loader.finish().unwrap().len(), collection.len());

    let without_one = [head, documents[0].clone(), rest].concat();
    assert_eq!(load(&without_one).map(|_| ()).unwrap_err().code(), Code::Corrupt);
}

#[test]
fn a_snapshot_of_a_changing_collection_is_a_conflict() {
    let mut collection = sample().0;
    let mut writer = collection.snapshot();
    writer.next(&collection, 0).unwrap();
    write(&mut collection, Operation::Insert, 50..51);
    assert_eq!(writer.next(&collection, 0).unwrap_err().code(), Code::Conflict);
}
