//! Disks that are full or may not be written, and writes that were torn: on a file system of a few hundred kilobytes, where mounting one
//! is allowed.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a store that cannot be used is a failed test")]
#![expect(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use reflow_assets::{AssetError, Store};
use reflow_message::Value;

fn empty() -> Value {
    Value::object::<&str, Value>([])
}

fn open(folder: &Path) -> Arc<Store> {
    Store::open(folder.to_str().unwrap()).unwrap()
}

/// A small file system, which goes with this.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// `None` where nothing may be mounted.
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], folder.path());
        if !made {
            eprintln!("skipped: a file system cannot be mounted here");
        }
        made.then_some(Self(folder))
    }

    fn remount(&self, how: &str) {
        assert!(mount(&["-o", &format!("remount,{how}")], self.0.path()));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    Command::new("mount").args(arguments).arg(folder).output().is_ok_and(|output| output.status.success())
}

/// The database as one finds it who was not there: its files, while nobody changes them.
fn found(store: &Store) -> (tempfile::TempDir, Arc<Store>) {
    let copy = tempfile::tempdir().unwrap();
    store
        .write(|_| {
            copy_all(store.path(), &copy.path().join("db"));
            Ok(())
        })
        .unwrap();
    let store = open(&copy.path().join("db"));
    (copy, store)
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_all(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

/// Content that says which one it is, and cannot be compressed.
fn content(number: u64) -> Vec<u8> {
    let mut state = number + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..2000 + number % 7 * 500).map(|_| next()).collect()
}

#[test]
fn what_a_full_disk_has_taken_is_there_and_it_goes_on_when_there_is_room() {
    let Some(disk) = Mounted::new("256k") else { return };
    let folder = disk.0.path().join("db");
    let store = open(&folder);
    let mut written = Vec::new();
    let mut failures = 0;
    for number in 0..400_u64 {
        let id = format!("e{number}:mesh");
        let put = if number % 3 == 0 {
            store.put_json(&format!("e{number}:n"), number.into(), empty())
        } else {
            store.put(&id, &content(number), empty())
        };
        match put {
            Ok(()) => written.push(number),
            Err(error) => {
                assert!(matches!(error, AssetError::Io { .. }), "{error}");
                failures += 1;
            }
        }
        // What the background could not save stays in the journal.
        if number % 50 == 0 {
            let _ = store.flush();
        }
    }
    assert!(failures > 10 && written.len() > 20, "{} written, {failures} failed", written.len());
    let check = |store: &Store| {
        for number in &written {
            if number % 3 == 0 {
                assert_eq!(store.json(&format!("e{number}:n")).unwrap(), Some(Value::from(*number)));
            } else {
                assert_eq!(store.get(&format!("e{number}:mesh")).unwrap().content, content(*number));
            }
        }
        assert_eq!(store.stats().unwrap().assets, written.len());
    };
    check(&store);
    let (_copy, other) = found(&store);
    check(&other);
    // With more room everything is saved, and writing goes on.
    disk.remount("size=2m");
    store.flush().unwrap();
    store.put("last:mesh", &content(9), empty()).unwrap();
    store.flush().unwrap();
    let (_copy, other) = found(&store);
    assert_eq!(other.get("last:mesh").unwrap().content, content(9));
    assert_eq!(other.stats().unwrap().assets, written.len() + 1);
}

#[test]
fn where_nothing_may_be_written_one_can_still_read() {
    let Some(disk) = Mounted::new("1m") else { return };
    let made = tempfile::tempdir().unwrap();
    let store = open(&made.path().join("db"));
    store.put("a:mesh", &content(1), empty()).unwrap();
    store.put_json("a:n", 1_i64.into(), empty()).unwrap();
    store.flush().unwrap();
    // A file system with files that are open for writing cannot be made one that is read only.
    let folder = disk.0.path().join("db");
    copy_all(store.path(), &folder);
    disk.remount("ro");
    let store = open(&folder);
    assert!(matches!(store.put_json("a:n", 2_i64.into(), empty()), Err(AssetError::Io { .. })));
    assert!(store.put("b:mesh", &content(2), empty()).is_err());
    assert!(store.delete("a:n").is_err());
    assert_eq!(store.json("a:n").unwrap(), Some(Value::Integer(1)));
    assert_eq!(store.get("a:mesh").unwrap().content, content(1));
    disk.remount("rw");
    store.put_json("a:n", 3_i64.into(), empty()).unwrap();
    store.flush().unwrap();
    let (_copy, other) = found(&store);
    assert_eq!(other.json("a:n").unwrap(), Some(Value::Integer(3)));
    assert_eq!(other.stats().unwrap().assets, 2);
}

#[test]
fn a_write_that_was_torn_anywhere_leaves_the_state_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"));
    for number in 0..4_i64 {
        store.put_json("a:n", number.into(), empty()).unwrap();
    }
    // The manifest keeps its time, by which the journal knows it; while this is done nobody saves.
    let manifest = folder.path().join("manifest.json");
    let link = || fs::hard_link(store.path().join("manifest.json"), &manifest);
    let journal = store
        .write(|_| {
            link().unwrap();
            Ok(fs::read(store.path().join(".journal")).unwrap())
        })
        .unwrap();
    if fs::read(&manifest).unwrap() != b"[]" {
        // The background was faster, and has saved everything.
        return;
    }
    let mut last = -1;
    let ends = journal.iter().zip(0..).filter(|(byte, _)| **byte == b'\n').flat_map(|(_, at)| [at, at + 1, at + 2]);
    let cuts: std::collections::BTreeSet<usize> =
        (0..journal.len()).step_by(7).chain(ends).chain([journal.len()]).collect();
    for cut in cuts.into_iter().filter(|cut| *cut <= journal.len()) {
        let copy = folder.path().join(format!("cut{cut}"));
        fs::create_dir_all(copy.join("blobs")).unwrap();
        fs::hard_link(&manifest, copy.join("manifest.json")).unwrap();
        fs::write(copy.join(".journal"), &journal[..cut]).unwrap();
        // A checkpoint that was torn leaves a file that nobody reads.
        fs::write(copy.join(".manifest.1.tmp"), b"[").unwrap();
        let torn = open(&copy);
        let number = torn.json("a:n").unwrap().and_then(|value| value.as_integer()).unwrap_or(-1);
        assert!((last..=last + 1).contains(&number), "cut at {cut}: {number} after {last}");
        last = number;
        torn.put_json("b:n", 1_i64.into(), empty()).unwrap();
        assert_eq!(torn.json("b:n").unwrap(), Some(Value::Integer(1)));
    }
    assert_eq!(last, 3);
}
