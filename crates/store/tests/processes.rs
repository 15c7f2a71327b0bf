//! Real folders, real processes, real limits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kindex::collection::{Batch, Operation, PartState, Row, StoredPart};
use kindex::{Code, Config};
use kindex_store::{SnapshotFile, Store, repair, verify};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("kindex-store-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("store")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn batch(ids: std::ops::Range<usize>) -> Batch {
    let mut batch = Batch::new(Operation::Insert, 3, true);
    for at in ids {
        let (id, text) = (format!("id{at}"), format!("text {at}"));
        let row = Row {
            id: &id,
            vector: Some(&[at as f32, 1.0, 2.0]),
            metadata: Some(r#"{"a":1}"#),
            document: Some(&text),
        };
        batch.push(row).unwrap();
    }
    batch
}

fn filled(folder: &Folder) -> Store {
    let mut store = Store::create(folder.store(), Config::new(3)).unwrap();
    store.write(batch(0..40), &mut |_| {}).unwrap();
    store.checkpoint().unwrap();
    store.write(batch(40..60), &mut |_| {}).unwrap();
    store
}

fn torture(arguments: &[&str]) {
    let program = env!("CARGO_BIN_EXE_kindex-torture");
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
}

#[test]
fn writers_that_are_killed_lose_nothing() {
    torture(&["--rounds", "15"]);
}

#[cfg(unix)]
#[test]
fn writers_that_may_make_no_longer_file_lose_nothing() {
    torture(&["--rounds", "6", "--full", "600"]);
}

#[cfg(target_os = "linux")]
#[test]
fn writers_on_a_disk_that_fills_up_lose_nothing() {
    let folder = Folder::new();
    let disk = folder.0.join("disk");
    fs::create_dir(&disk).unwrap();
    if !mounted(&disk, "size=2000k") {
        println!("no file system can be mounted here: left to the limit on the size of files");
        return;
    }
    let full = std::panic::catch_unwind(|| {
        torture(&["--rounds", "12", "--disk", "2000", "--folder", disk.to_str().unwrap()]);
    });
    unmount(&disk);
    full.unwrap();
}

#[test]
fn a_second_process_is_locked_out_until_the_first_ends() {
    let folder = Folder::new();
    drop(filled(&folder));
    let program = env!("CARGO_BIN_EXE_kindex-torture");
    let mut child = Command::new(program)
        .arg("--hold")
        .arg(folder.store())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut out, &mut [0; 5]).unwrap();
    assert_eq!(Store::open(folder.store()).unwrap_err().code(), Code::Locked);
    assert_eq!(Store::open_read_only(folder.store()).unwrap_err().code(), Code::Locked);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(Store::open(folder.store()).unwrap().collection().len(), 60);
}

#[test]
fn a_store_that_was_closed_is_free_whatever_else_the_program_starts() {
    let folder = Folder::new();
    drop(filled(&folder));
    let over = AtomicBool::new(false);
    let opened = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                Command::new(env!("CARGO_BIN_EXE_kindex-torture")).arg("--help").output().unwrap();
            }
        });
        let opened = (0..300).try_for_each(|_| Store::open(folder.store()).map(drop));
        over.store(true, Ordering::Relaxed);
        opened
    });
    opened.unwrap();
}

#[test]
fn readers_share_a_store_and_change_nothing() {
    let folder = Folder::new();
    drop(filled(&folder));
    let names = |path: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names(&folder.store());
    let one = Store::open_read_only(folder.store()).unwrap();
    let mut two = Store::open_read_only(folder.store()).unwrap();
    assert_eq!((one.collection().len(), two.collection().len()), (60, 60));
    assert_eq!(Store::open(folder.store()).unwrap_err().code(), Code::Locked);
    let error = two.write(batch(70..71), &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    drop((one, two));
    assert_eq!(names(&folder.store()), before);
}

#[test]
fn a_folder_that_is_none_or_another_is_refused() {
    let folder = Folder::new();
    assert_eq!(Store::open(folder.store()).unwrap_err().code(), Code::NotFound);
    let deep = folder.0.join("one").join("two").join("store");
    drop(Store::create(&deep, Config::new(3)).unwrap());
    assert!(Store::open(&deep).unwrap().collection().is_empty());
    fs::write(folder.0.join("letter.txt"), "dear").unwrap();
    let error = Store::create(&folder.0, Config::new(3)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    drop(filled(&folder));
    let error = Store::create(folder.store(), Config::new(3)).unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
}

#[test]
fn a_checkpoint_is_a_snapshot_and_so_is_what_is_saved() {
    let folder = Folder::new();
    let store = filled(&folder);
    let path = folder.0.join("out.kindex");
    assert_eq!(store.save(&path).unwrap(), fs::metadata(&path).unwrap().len());
    let saved = SnapshotFile::open(&path).unwrap();
    let slot = saved.collection().slot("id55").unwrap();
    assert_eq!(saved.document(slot).unwrap().as_deref(), Some("text 55"));
    let checkpoint = folder.store().join(format!("checkpoint-{:016}.kindex", 1));
    assert_eq!(SnapshotFile::open(checkpoint).unwrap().collection().len(), 40);
}

#[test]
fn damage_is_reported_by_part_and_repaired_elsewhere() {
    let folder = Folder::new();
    filled(&folder).close().unwrap();
    assert_eq!(verify(folder.store()).unwrap().state(), PartState::Ok);
    let log = folder.store().join(format!("log-{:016}.kindex", 1));
    let whole = fs::read(&log).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&log, &damaged).unwrap();
    let error = Store::open(folder.store()).unwrap_err();
    assert!(error.code() == Code::Corrupt && error.message().contains("batch 2"), "{error}");
    let report = verify(folder.store()).unwrap();
    assert_eq!(report.part(StoredPart::Log).state, PartState::Lost);
    assert_eq!(report.part(StoredPart::Records).state, PartState::Ok);

    let out = folder.0.join("repaired");
    repair(folder.store(), &out).unwrap();
    let store = Store::open(&out).unwrap();
    assert_eq!((store.collection().len(), store.collection().generation()), (40, 2));
    let slot = store.collection().slot("id7").unwrap();
    assert_eq!(store.document(slot).unwrap().as_deref(), Some("text 7"));
    assert_eq!(fs::read(&log).unwrap(), damaged, "the damaged file was touched");
    let again = repair(folder.store(), &out).unwrap_err();
    assert_eq!(again.code(), Code::Conflict);
}

/// A file system of its own, if one may be mounted here.
#[cfg(target_os = "linux")]
fn mounted(folder: &Path, options: &str) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "none"]).arg(folder).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(target_os = "linux")]
fn unmount(folder: &Path) {
    let unmounted = || Command::new("umount").arg(folder).status().unwrap().success();
    assert!(sooner_or_later(unmounted));
}

/// A process that another test is just starting has this one's files open for a moment.
#[cfg(target_os = "linux")]
fn sooner_or_later(attempt: impl Fn() -> bool) -> bool {
    let pause = std::time::Duration::from_millis(20);
    (0..250).any(|_| attempt() || (std::thread::sleep(pause), false).1)
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_on_a_disk_that_can_not_be_written_is_read() {
    let folder = Folder::new();
    let disk = folder.0.join("disk");
    fs::create_dir(&disk).unwrap();
    if !mounted(&disk, "size=2000k") {
        println!("no file system can be mounted here");
        return;
    }
    let checked = std::panic::catch_unwind(|| {
        let path = disk.join("store");
        let mut store = Store::create(&path, Config::new(3)).unwrap();
        store.write(batch(0..40), &mut |_| {}).unwrap();
        drop(store);
        assert!(sooner_or_later(|| mounted(&disk, "remount,ro,size=2000k")));
        assert_eq!(Store::open_read_only(&path).unwrap().collection().len(), 40);
        assert_eq!(verify(&path).unwrap().state(), PartState::Ok);
        assert_eq!(Store::open(&path).unwrap_err().code(), Code::StorageUnavailable);
    });
    unmount(&disk);
    checked.unwrap();
}

#[test]
fn what_an_earlier_process_of_this_number_left_is_in_nobodys_way() {
    let folder = Folder::new();
    let store = filled(&folder);
    let out = folder.0.join("saved.kindex");
    let left = folder.0.join(format!("saved.kindex.{}.0.part", std::process::id()));
    fs::write(&left, "half").unwrap();
    store.save(&out).unwrap();
    assert_eq!(SnapshotFile::open(&out).unwrap().collection().len(), 60);
    assert_eq!(fs::read_to_string(&left).unwrap(), "half");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
}

#[test]
fn files_whose_numbers_are_written_otherwise_are_none_of_the_stores() {
    let folder = Folder::new();
    drop(filled(&folder));
    for name in ["checkpoint-+7777.kindex", "checkpoint-9999.kindex", "log-9999.kindex"] {
        fs::write(folder.store().join(name), "a copy, say").unwrap();
    }
    assert_eq!(Store::open(folder.store()).unwrap().collection().len(), 60);
    assert!(folder.store().join("checkpoint-9999.kindex").exists());
}
