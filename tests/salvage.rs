//! Damaged snapshots and logs: what is whole is kept, what is gone is named, and nothing is made up.

mod support;

use kindex::collection::{
    Batch, Operation, PartState, Repair, Row, Salvage, SnapshotLoader, StoredPart,
};
use kindex::{Code, Collection, Config, SearchOptions};
use support::mixture;

const FRAME_HEAD: usize = 12;

fn text(row: usize) -> String {
    format!("document {row}")
}

fn metadata(row: usize) -> String {
    format!(r#"{{"n":{row},"even":{}}}"#, row.is_multiple_of(2))
}

/// Inserts rows in one batch; returns its log parts and document chunks.
fn insert(
    collection: &mut Collection,
    operation: Operation,
    rows: std::ops::Range<usize>,
    part_bytes: usize,
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let dimension = collection.config().dimension;
    let vectors = mixture(rows.len(), dimension, 30, 0.4, false, rows.start as u64);
    let mut batch = Batch::new(operation, dimension, true).named(&format!("{rows:?}")).unwrap();
    for (row, vector) in rows.zip(vectors.chunks(dimension)) {
        let (id, metadata, text) = (format!("id{row}"), metadata(row), text(row));
        batch
            .push(Row {
                id: &id,
                vector: Some(vector),
                metadata: (!row.is_multiple_of(3)).then_some(&metadata),
                document: row.is_multiple_of(5).then_some(&text),
            })
            .unwrap();
    }
    let mut prepared = collection.prepare(batch).unwrap();
    assert_eq!(prepared.errors(), []);
    let chunks = (0..prepared.document_chunks()).map(|at| prepared.document_chunk(at)).collect();
    let parts = prepared.plan_log(part_bytes);
    let parts = (0..parts).map(|at| prepared.log_part(at).unwrap()).collect();
    collection.apply(prepared, &mut |_| {}).unwrap();
    (parts, chunks)
}

fn snapshot(collection: &Collection, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = collection.snapshot();
    let mut bytes = writer.next(collection, 0).unwrap().unwrap();
    for (number, chunk) in (0..).zip(chunks) {
        bytes.extend(writer.document_chunk(number, chunk).unwrap());
    }
    while let Some(piece) = writer.next(collection, 1 << 20).unwrap() {
        bytes.extend(piece);
    }
    bytes
}

/// Where each frame begins, and its tag.
fn frames(bytes: &[u8]) -> Vec<(usize, [u8; 4])> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        found.push((at, *bytes[at..].first_chunk().unwrap()));
        at += FRAME_HEAD + u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    found
}

fn opens(bytes: &[u8]) -> bool {
    let mut loader = SnapshotLoader::new();
    loader.push(bytes).and_then(|()| loader.finish()).is_ok()
}

fn salvage(bytes: &[u8]) -> Result<Repair, kindex::Error> {
    let mut salvage = Salvage::new();
    bytes.chunks(4097).for_each(|piece| salvage.push(piece).unwrap());
    salvage.finish()
}

/// Every record that is left is as it was; returns how many are.
fn kept(repaired: &Collection, original: &Collection) -> usize {
    repaired.check().unwrap();
    for slot in repaired.find(None, usize::MAX, 0) {
        let id = repaired.id(slot).unwrap();
        let before = original.slot(id).unwrap_or_else(|| panic!("{id} was made up"));
        if let Some(text) = repaired.metadata(slot) {
            assert_eq!(Some(text), original.metadata(before));
        }
        let (now, then) = (repaired.vector(slot).unwrap(), original.vector(before).unwrap());
        let length =
            |vector: &mut dyn Iterator<Item = f32>| vector.map(|x| x * x).sum::<f32>().sqrt();
        let apart = length(&mut now.iter().zip(&then).map(|(now, then)| now - then));
        assert!(
            apart <= length(&mut then.iter().copied()) / 30.0,
            "{id} is {apart} from where it was"
        );
    }
    repaired.len()
}

#[test]
fn any_damaged_byte_of_a_small_snapshot_costs_at_most_its_frame() {
    let mut collection = Collection::new(Config::new(5)).unwrap();
    let (_, chunks) = insert(&mut collection, Operation::Insert, 0..40, 1 << 20);
    let bytes = snapshot(&collection, &chunks);
    let frames = frames(&bytes);
    assert!(salvage(&bytes).unwrap().report().state() == PartState::Ok);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(!opens(&damaged));
        let tag = frames.iter().rfind(|(start, _)| *start <= at).unwrap().1;
        let mut repair = match salvage(&damaged) {
            Ok(repair) => repair,
            Err(error) => {
                assert!(error.code() == Code::Corrupt && &tag == b"CONF", "byte {at}: {error}");
                continue;
            }
        };
        repair.end_log();
        let report = repair.report().clone();
        assert!(report.part(StoredPart::File).state == PartState::Damaged, "byte {at}");
        let left = kept(&repair.finish().unwrap(), &collection);
        match &tag {
            b"RECS" => {
                assert_eq!((left, report.part(StoredPart::Records).lost), (0, 40), "byte {at}");
            }
            _ => assert_eq!(left, 40, "byte {at} in {}", tag.escape_ascii()),
        }
    }
}

#[test]
fn a_snapshot_cut_anywhere_keeps_what_came_before() {
    let mut collection = Collection::new(Config::new(5)).unwrap();
    let (_, chunks) = insert(&mut collection, Operation::Insert, 0..40, 1 << 20);
    let bytes = snapshot(&collection, &chunks);
    let ends = frames(&bytes);
    let records = ends.iter().position(|(_, tag)| tag == b"RECS").unwrap();
    for length in 0..bytes.len() {
        match salvage(&bytes[..length]) {
            Err(error) => assert_eq!(error.code(), Code::Corrupt),
            Ok(repair) => {
                let whole = length >= ends[records + 1].0;
                let left = kept(&repair.finish().unwrap(), &collection);
                assert_eq!(left, if whole { 40 } else { 0 }, "cut at {length}");
            }
        }
    }
}

/// Three blocks of floats, a graph, two frames of records.
fn large() -> (Collection, Vec<u8>) {
    let mut collection = Collection::new(Config::new(96)).unwrap();
    let (_, chunks) = insert(&mut collection, Operation::Insert, 0..6000, 1 << 20);
    assert!(collection.index().has_graph());
    let bytes = snapshot(&collection, &chunks);
    (collection, bytes)
}

/// The places of the frames of one part of the index.
fn blocks(bytes: &[u8], part: u8) -> Vec<usize> {
    let frames = frames(bytes);
    let of_part = |at: usize| bytes[at + FRAME_HEAD] == part;
    frames.iter().filter(|(at, tag)| tag == b"INDX" && of_part(*at)).map(|(at, _)| *at).collect()
}

#[test]
fn a_large_snapshot_loses_only_what_can_not_be_made_anew() {
    let (collection, bytes) = large();
    let damage = |places: &[usize]| {
        let mut damaged = bytes.clone();
        places.iter().for_each(|&at| damaged[at + 300] ^= 1);
        assert!(!opens(&damaged));
        let mut repair = salvage(&damaged).unwrap();
        repair.end_log();
        let report = repair.report().clone();
        (repair.finish().unwrap(), report)
    };

    let links = blocks(&bytes, 6);
    let (repaired, report) = damage(&links[..1]);
    assert_eq!(report.part(StoredPart::Graph).state, PartState::Damaged);
    assert_eq!(report.part(StoredPart::Vectors).state, PartState::Ok);
    assert_eq!(kept(&repaired, &collection), 6000);
    let query = collection.vector(collection.slot("id77").unwrap()).unwrap();
    let hits = repaired.search(&query, &SearchOptions::default(), None).unwrap();
    assert_eq!(repaired.id(hits[0][0].slot), Some("id77"));

    let codes = blocks(&bytes, 4);
    let (repaired, report) = damage(&codes);
    assert_eq!(report.part(StoredPart::Codes).state, PartState::Damaged);
    assert_eq!((kept(&repaired, &collection), report.state()), (6000, PartState::Damaged));

    // Floats of a block that is gone are taken from their codes, and that is said.
    let floats = blocks(&bytes, 5);
    assert!(floats.len() > 1, "{} blocks", floats.len());
    let (repaired, report) = damage(&floats[1..2]);
    let vectors = report.part(StoredPart::Vectors);
    assert!(vectors.state == PartState::Lost && vectors.lost > 1000, "{vectors:?}");
    assert!(vectors.findings[1].contains("its code stands for it"), "{vectors:?}");
    assert_eq!(kept(&repaired, &collection), 6000);

    // With the codes gone too, so are the records.
    let both: Vec<usize> = codes.iter().copied().chain([floats[0]]).collect();
    let (repaired, report) = damage(&both);
    let lost = report.part(StoredPart::Records).lost;
    assert_eq!(kept(&repaired, &collection) as u64, 6000 - lost);
    assert!(lost > 1000 && report.part(StoredPart::Vectors).lost == lost);
}

#[test]
fn a_missing_piece_is_a_gap_and_no_end() {
    let (collection, bytes) = large();
    let links = blocks(&bytes, 6);
    let mut salvage = Salvage::new();
    salvage.push(&bytes[..links[0] + 1000]).unwrap();
    salvage.gap().unwrap();
    salvage.push(&bytes[links[0] + 5000..]).unwrap();
    let mut chunks = 0;
    while salvage.take_document_chunk().is_some() {
        chunks += 1;
    }
    assert_eq!(chunks, 1);
    assert_eq!(kept(&salvage.finish().unwrap().finish().unwrap(), &collection), 6000);
}

#[test]
fn batches_behind_a_damaged_one_are_kept_as_far_as_they_fit() {
    let mut collection = Collection::new(Config::new(5)).unwrap();
    let parts: Vec<Vec<u8>> = [
        (Operation::Insert, 0..30),
        (Operation::Insert, 30..60),
        (Operation::Upsert, 50..70),
        (Operation::Update, 28..34),
    ]
    .into_iter()
    .map(|(operation, rows)| insert(&mut collection, operation, rows, 1 << 20).0.concat())
    .collect();
    let mut repair = Repair::of(Collection::new(Config::new(5)).unwrap()).unwrap();
    let mut damaged = parts.clone();
    damaged[1][100] ^= 4;
    damaged.iter().for_each(|part| repair.replay(part).unwrap());
    repair.end_log();
    let report = repair.report().clone();
    let log = report.part(StoredPart::Log);
    assert_eq!((log.state, log.whole), (PartState::Lost, 3), "{log:?}");
    assert!(log.findings.iter().any(|finding| finding.contains("batches 2 to 2")), "{log:?}");
    assert!(log.findings.iter().any(|finding| finding.contains("'id30'")), "{log:?}");
    let repaired = repair.finish().unwrap();
    assert_eq!((kept(&repaired, &collection), repaired.generation()), (50, 4));

    // Whole, it is what it was.
    let mut repair = Repair::of(Collection::new(Config::new(5)).unwrap()).unwrap();
    parts.iter().for_each(|part| repair.replay(part).unwrap());
    repair.end_log();
    assert_eq!(repair.report().state(), PartState::Ok);
    let same = repair.finish().unwrap().to_bytes().unwrap() == collection.to_bytes().unwrap();
    assert!(same);
}

#[test]
fn documents_that_can_not_be_read_are_named_and_dropped() {
    let mut collection = Collection::new(Config::new(5)).unwrap();
    let (_, mut chunks) = insert(&mut collection, Operation::Insert, 0..30, 1 << 20);
    let last = chunks[0].len() - 1;
    chunks[0][last] ^= 1;
    let mut repair = Repair::of(collection).unwrap();
    assert_eq!(repair.end_log(), [0]);
    repair.check_document_chunk(0, Some(&chunks[0])).unwrap();
    let documents = repair.report().part(StoredPart::Documents).clone();
    assert_eq!((documents.whole, documents.lost), (5, 1));
    assert!(documents.findings[0].contains("'id25'"), "{documents:?}");
    let repaired = repair.finish().unwrap();
    assert_eq!(repaired.document(repaired.slot("id25").unwrap()), None);
    assert!(repaired.document(repaired.slot("id20").unwrap()).is_some());
}

/// The version is a field of the chunk that no checksum covers.
#[test]
fn a_chunk_of_a_later_version_is_damaged_where_the_collection_is_of_this_one() {
    let mut collection = Collection::new(Config::new(5)).unwrap();
    let (_, mut chunks) = insert(&mut collection, Operation::Insert, 0..30, 1 << 20);
    chunks[0][8 + 3] ^= 0x40;
    let mut bytes = collection.to_bytes().unwrap();
    let mut repair = Repair::of(collection).unwrap();
    assert_eq!(repair.end_log(), [0]);
    repair.check_document_chunk(0, Some(&chunks[0])).unwrap();
    let documents = repair.report().part(StoredPart::Documents).clone();
    assert_eq!((documents.whole, documents.lost), (0, 6));
    assert!(documents.findings[0].contains("format version"), "{documents:?}");
    let repaired = repair.finish().unwrap();
    assert_eq!((repaired.len(), repaired.document(repaired.slot("id20").unwrap())), (30, None));

    // With a snapshot that does not say its version, it may be true.
    bytes[FRAME_HEAD] ^= 1;
    let mut repair = salvage(&bytes).unwrap();
    assert_eq!(repair.end_log(), [0]);
    let refused = repair.check_document_chunk(0, Some(&chunks[0])).unwrap_err();
    assert_eq!(refused.code(), Code::NewerVersion);
}

#[test]
fn what_a_later_version_wrote_is_not_damaged() {
    let collection = Collection::new(Config::new(5)).unwrap();
    let mut bytes = collection.to_bytes().unwrap();
    bytes[FRAME_HEAD + 8] = kindex::codec::FORMAT_VERSION as u8 + 1;
    let crc = kindex::codec::crc32(&[&bytes[..8], &bytes[FRAME_HEAD..24]].concat());
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(Salvage::new().push(&bytes).unwrap_err().code(), Code::NewerVersion);
}
