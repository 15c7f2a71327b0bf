//! The `kindex` command itself, on real files in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

const ROWS: usize = 60;
const DIMENSION: usize = 8;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("kindex-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder for the test");
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), bytes).expect("a file for the test");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).expect("the file")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn run(&self, line: &[&str]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_kindex"));
        Command::new(program).args(line).current_dir(&self.0).output().expect("the command runs")
    }

    /// What a command that must succeed prints.
    fn done(&self, line: &[&str]) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What a command that must fail with that code says.
    fn refused(&self, code: i32, line: &[&str]) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line:?}: {said}");
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "{line:?}: {said}");
        said
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Row `i` points mostly along axis `i % DIMENSION`, no two alike; every value is exact in half
/// precision.
fn row(i: usize) -> Vec<f32> {
    let near = |at: usize| if at == i % DIMENSION { 4.0 } else { 0.0 };
    (0..DIMENSION).map(|at| near(at) + ((i * (at + 3) + at * at) % 61) as f32 / 64.0).collect()
}

fn floats() -> Vec<u8> {
    (0..ROWS).flat_map(row).flat_map(f32::to_le_bytes).collect()
}

/// Binary16 of a number that is exact in it and no subnormal.
fn half(value: f32) -> [u8; 2] {
    if value == 0.0 {
        return [0, 0];
    }
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) + 15 - 127;
    ((bits >> 16 & 0x8000 | exponent << 10 | bits >> 13 & 0x3ff) as u16).to_le_bytes()
}

fn halves() -> Vec<u8> {
    (0..ROWS).flat_map(row).flat_map(half).collect()
}

fn npy(kind: &str, data: &[u8]) -> Vec<u8> {
    let header = format!(
        "{{'descr': '{kind}', 'fortran_order': False, 'shape': ({ROWS}, {DIMENSION}), }}\n"
    );
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn fvecs() -> Vec<u8> {
    let count = (DIMENSION as i32).to_le_bytes();
    (0..ROWS)
        .flat_map(|i| count.into_iter().chain(row(i).into_iter().flat_map(f32::to_le_bytes)))
        .collect()
}

fn records() -> String {
    let line = |i: usize| {
        let pos = if i.is_multiple_of(2) { "noun" } else { "verb" };
        format!(
            "{{\"id\": \"r{i}\", \"document\": \"text {i}\", \"pos\": \"{pos}\", \"n\": {i}}}\n"
        )
    };
    (0..ROWS).map(line).collect()
}

fn with_snapshot() -> Folder {
    let folder = Folder::new();
    folder.write("v.f32", floats());
    folder.write("r.jsonl", records());
    folder.done(&[
        "build",
        "--vectors",
        "v.f32",
        "--dimension",
        "8",
        "--records",
        "r.jsonl",
        "--out",
        "s",
    ]);
    folder
}

#[test]
fn every_format_makes_the_same_snapshot() {
    let folder = with_snapshot();
    let expected = folder.read("s");
    folder.write("v.f16", halves());
    folder.write("four.npy", npy("<f4", &floats()));
    folder.write("two.npy", npy("<f2", &halves()));
    folder.write("v.fvecs", fvecs());
    folder.write("bare", halves());
    for line in [
        &["--vectors", "v.f16", "--dimension", "8"][..],
        &["--vectors", "four.npy"],
        &["--vectors", "two.npy"],
        &["--vectors", "v.fvecs"],
        &["--vectors", "bare", "--format", "f16", "--dimension", "8"],
    ] {
        let whole = [&["build", "--records", "r.jsonl", "--out", "t"], line].concat();
        folder.done(&whole);
        assert!(folder.read("t") == expected, "{line:?}");
    }
}

#[test]
fn records_may_bring_the_vectors_and_rows_number_themselves() {
    let folder = Folder::new();
    let lines: String =
        (0..3).map(|i| format!("{{\"vector\": {:?}, \"at\": {i}}}\n", row(i))).collect();
    folder.write("r.jsonl", lines);
    folder.done(&["build", "--records", "r.jsonl", "--metric", "euclidean", "--out", "s"]);
    let hits = folder.done(&["query", "s", "--vector", &format!("{:?}", row(1)), "-k", "1"]);
    assert_eq!(hits, "1.000000\t1\t{\"at\":1}\n");
}

#[test]
fn hits_come_with_metadata_and_documents_and_obey_filters() {
    let folder = with_snapshot();
    let vector = format!("{:?}", row(9));
    let filter = r#"{"pos": "verb", "n": {"$lt": 20}}"#;
    let text = folder.done(&["query", "s", "--vector", &vector, "-k", "3", "--where", filter]);
    let ids: Vec<_> = text.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert_eq!((ids[0], ids.len()), ("r9", 3), "{text}");
    assert!(ids.iter().all(|id| id[1..].parse::<usize>().is_ok_and(|n| n % 2 == 1 && n < 20)));
    assert!(text.lines().next().unwrap().ends_with("\ttext 9"));

    let json = folder.done(&["query", "s", "--vector", &vector, "-k", "2", "--json", "--exact"]);
    let hits: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(hits[0]["id"], "r9");
    assert_eq!(hits[0]["document"], "text 9");
    assert_eq!(hits[0]["metadata"], serde_json::json!({"pos": "verb", "n": 9}));
    assert!(hits[0]["distance"].as_f64() < hits[1]["distance"].as_f64());
}

#[test]
fn a_query_by_id_leaves_its_own_record_out() {
    let folder = with_snapshot();
    let text = folder.done(&["query", "s", "--id", "r9", "-k", "59"]);
    assert_eq!(text.lines().count(), ROWS - 1);
    assert!(!text.lines().any(|line| line.contains("\tr9\t")), "{text}");
    let said = folder.refused(1, &["query", "s", "--id", "nobody"]);
    assert!(said.contains("no record with id \"nobody\""), "{said}");
}

#[test]
fn many_queries_are_answered_in_their_order() {
    let folder = with_snapshot();
    let queries: Vec<u8> = [5, 3].into_iter().flat_map(row).flat_map(f32::to_le_bytes).collect();
    folder.write("q.f32", queries);
    let json = folder.done(&["query", "s", "--vectors", "q.f32", "-k", "1", "--json"]);
    let ids: Vec<_> = json
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()[0]["id"].clone())
        .collect();
    assert_eq!(ids, ["r5", "r3"]);
}

#[test]
fn verify_inspect_and_bench_read_what_build_wrote() {
    let folder = with_snapshot();
    let report = folder.done(&["verify", "s"]);
    assert_eq!(report.lines().filter(|line| line[11..].starts_with("ok")).count(), 10, "{report}");
    assert!(report.contains("60 float vectors") && report.contains("60 documents"), "{report}");
    let json = folder.done(&["inspect", "s", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["records"], &json["dimension"]), (&60.into(), &8.into()));
    assert_eq!(json["bytes"], folder.read("s").len());
    assert!(folder.done(&["inspect", "s"]).contains("60 of 8 components, cosine, int8"));
    let table = folder.done(&["bench", "s", "--rounds", "1", "--ef", "64"]);
    assert!(table.lines().last().unwrap().starts_with("| 64 | 1.0000 |"), "{table}");
}

#[test]
fn damage_anywhere_ends_verify_with_code_1() {
    let folder = with_snapshot();
    let bytes = folder.read("s");
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        folder.write("damaged", &bytes[..cut]);
        folder.refused(1, &["verify", "damaged"]);
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        folder.write("damaged", flipped);
        let said = folder.refused(1, &["verify", "damaged"]);
        assert!(said.starts_with("error: damaged: "), "byte {at}: {said}");
    }
}

#[test]
fn a_store_is_built_read_checked_and_repaired_like_a_snapshot() {
    let folder = with_snapshot();
    let build = ["build", "--vectors", "v.f32", "--dimension", "8", "--records", "r.jsonl"];
    folder.done(&[&build[..], &["--out", "words/"]].concat());
    let query = |place| folder.done(&["query", place, "--id", "r9", "-k", "7", "--json"]);
    assert_eq!(query("words"), query("s"));
    assert!(folder.done(&["inspect", "words"]).contains("60 of 8 components, cosine, int8"));
    assert!(folder.done(&["verify", "words"]).contains("log        ok       1 batches"));
    let said = folder.refused(1, &[&build[..], &["--out", "words/"]].concat());
    assert!(said.contains("CONFLICT"), "{said}");

    let log = folder.0.join("words").join("log-0000000000000000.kindex");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).unwrap();
    let said = folder.refused(1, &["query", "words", "--id", "r9"]);
    assert!(said.contains("CORRUPT"), "{said}");
    let said = folder.refused(1, &["verify", "words"]);
    assert!(said.contains("log") && said.contains("kindex repair"), "{said}");
    let report = folder.done(&["repair", "words", "--out", "saved"]);
    assert!(report.contains("log        lost"), "{report}");
    assert!(folder.done(&["verify", "saved"]).contains("records    ok       0 records"));
}

#[test]
fn a_damaged_snapshot_is_repaired_and_its_loss_is_named() {
    let folder = with_snapshot();
    let mut bytes = folder.read("s");
    // Inside the names of batches: nothing of the records.
    let at = bytes.windows(4).position(|tag| tag == b"BIDS").unwrap();
    bytes[at + 12] ^= 1;
    folder.write("damaged", bytes);
    let report = folder.done(&["repair", "damaged", "--out", "saved"]);
    assert!(report.contains("batches    lost"), "{report}");
    // Vectors are normalised once more, which may move their last bit.
    let query = |place| {
        let text = folder.done(&["query", place, "--id", "r9", "-k", "7"]);
        let hits = text.lines().map(|line| line.split_once('\t').unwrap().1.to_owned());
        hits.collect::<Vec<_>>()
    };
    assert_eq!(query("saved"), query("s"));
    folder.refused(1, &["repair", "damaged", "--out", "saved"]);
}

#[test]
fn malformed_input_is_named_and_leaves_no_file_behind() {
    let folder = Folder::new();
    let good = floats();
    folder.write("short.f32", &good[..good.len() - 1]);
    folder.write("short.npy", &npy("<f4", &good)[..200]);
    folder.write("double.npy", npy("<f8", &good));
    folder.write("nan.f32", [&f32::NAN.to_le_bytes()[..], &good[4..]].concat());
    folder.write("zero.f32", [&[0; DIMENSION * 4][..], &good[DIMENSION * 4..]].concat());
    let mut ragged = fvecs();
    let second = 4 + DIMENSION * 4;
    ragged[second] = 7;
    folder.write("ragged.fvecs", ragged);
    folder.write("negative.fvecs", (-1i32).to_le_bytes());
    folder.write("empty.fvecs", []);
    folder.write("v.npy", npy("<f4", &good));
    folder.write("few.jsonl", records().lines().next().unwrap());
    folder.write("many.jsonl", records() + "{}\n");
    folder.write("twice.jsonl", records().replace("\"r7\"", "\"r6\""));
    folder.write("broken.jsonl", records().replace("{\"id\": \"r3\"", "{\"id\" \"r3\""));
    folder.write("novector.jsonl", "{\"vector\": [1, 2]}\n{\"id\": \"b\"}\n");
    folder.write("uneven.jsonl", "{\"vector\": [1, 2]}\n{\"vector\": [1, 2, 3]}\n");
    let before = folder.names();
    for (line, reason) in [
        (&["--vectors", "short.f32", "--dimension", "8"][..], "no whole number of them"),
        (&["--vectors", "short.npy"], "but the file has 200 bytes"),
        (&["--vectors", "double.npy"], "got '<f8'"),
        (&["--vectors", "nan.f32", "--dimension", "8"], "row 0, id \"0\": NOT_FINITE"),
        (&["--vectors", "zero.f32", "--dimension", "8"], "row 0, id \"0\": ZERO_VECTOR"),
        (&["--vectors", "ragged.fvecs"], "expected 8 components in row 1, as in row 0, got 7"),
        (&["--vectors", "negative.fvecs"], "got -1"),
        (&["--vectors", "empty.fvecs"], "less than the four bytes"),
        (&["--vectors", "v.npy", "--dimension", "9"], "expected vectors of 9 components, got 8"),
        (&["--vectors", "v.npy", "--records", "few.jsonl"], "but they end after 1"),
        (&["--vectors", "v.npy", "--records", "many.jsonl"], "but there are more"),
        (&["--vectors", "v.npy", "--records", "twice.jsonl"], "id \"r6\": DUPLICATE_ID"),
        (&["--vectors", "v.npy", "--records", "broken.jsonl"], "line 4: no valid JSON"),
        (&["--records", "novector.jsonl"], "expected a \"vector\" in row 1"),
        (&["--records", "uneven.jsonl"], "row 1, id \"1\": DIMENSION_MISMATCH"),
    ] {
        let said = folder.refused(1, &[&["build", "--out", "s"], line].concat());
        assert!(said.contains(reason), "{line:?}: {said}");
        assert_eq!(folder.names(), before, "{line:?}");
    }
}

#[test]
fn a_build_that_fails_leaves_the_old_snapshot_alone() {
    let folder = with_snapshot();
    let before = folder.read("s");
    folder.write("bad.f32", [1, 2, 3]);
    folder.refused(1, &["build", "--vectors", "bad.f32", "--dimension", "8", "--out", "s"]);
    assert!(folder.read("s") == before);
    // A folder that holds something else is no place for a store.
    fs::create_dir(folder.0.join("taken")).unwrap();
    folder.write("taken/letter", "dear");
    let said =
        folder.refused(2, &["build", "--vectors", "v.f32", "--dimension", "8", "--out", "taken"]);
    assert!(said.contains("letter"), "{said}");
    assert!(!folder.names().iter().any(|name| name.contains(".part")), "{:?}", folder.names());
}

#[test]
fn wrong_usage_has_its_own_code_and_says_what_was_expected() {
    let folder = with_snapshot();
    for (line, reason) in [
        (&[][..], "expected a command"),
        (&["destroy"], "no command destroy"),
        (&["build"], "--out FILE"),
        (&["build", "--out", "x"], "--vectors FILE, or --records FILE"),
        (&["build", "--vectors", "v.f32", "--out", "x"], "must be given with --dimension"),
        (&["build", "--vectors", "v.bin", "--out", "x"], "must be given with --format"),
        (&["build", "--metric", "hamming"], "cosine, dot or euclidean, got \"hamming\""),
        (&["build", "--m", "zero"], "at least 1, got \"zero\""),
        (
            &["build", "--vectors", "v.f32", "--dimension", "8", "--m", "99", "--out", "x"],
            "4 to 64",
        ),
        (&["query", "s"], "expected one of --vector, --id and --vectors"),
        (&["query", "s", "--id", "r1", "--vector", "[1]"], "expected one of"),
        (&["query", "s", "--id", "r1", "--where", "{\"a\": {\"$near\": 1}}"], "$near"),
        (&["query", "s", "t", "--id", "r1"], "expected one file"),
        (&["verify"], "expected a snapshot"),
        (&["repair", "s"], "--out NEW"),
        (&["verify", "s", "--fast"], "--fast"),
    ] {
        let said = folder.refused(2, line);
        assert!(said.contains(reason), "{line:?}: {said}");
    }
    for line in [
        &["verify", "nowhere"][..],
        &["build", "--vectors", "nowhere.npy", "--out", "x"],
        &["build", "--vectors", "v.f32", "--dimension", "8", "--out", "no/where"],
    ] {
        folder.refused(3, line);
    }
}

#[test]
fn help_teaches_every_command() {
    let folder = Folder::new();
    for command in ["build", "query", "verify", "repair", "inspect", "bench"] {
        let help = folder.done(&[command, "--help"]);
        assert!(help.contains("USAGE") && help.contains(&format!("kindex {command}")), "{help}");
        assert!(folder.done(&["--help"]).contains(&format!("\n    {command} ")));
    }
}
