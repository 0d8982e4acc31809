//! Several processes on one database, and processes that are killed in the middle of something.
//!
//! The test runs itself again as the other process.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a store that cannot be used is a failed test")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reflow_assets::{Store, content_hash};
use reflow_message::Value;

const TASK: &str = "REFLOW_ASSETS_TEST_TASK";

fn start(task: &str, folder: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(TASK, format!("{task}|{}|{name}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the other process does; nothing when the tests are run as usual.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let parts: Vec<&str> = task.split('|').collect();
    let store = Store::open(parts[1]).unwrap();
    let empty = || Value::object::<&str, Value>([]);
    match parts[0] {
        "count" => {
            for number in 0..60 {
                let add = |old: Option<&Value>| Ok((old.and_then(Value::as_integer).unwrap_or(0) + 1).into());
                store.update("shared:n", add).unwrap();
                store.put(&format!("{}{number}:mesh", parts[2]), &content(number), empty()).unwrap();
                if number % 20 == 0 {
                    store.flush().unwrap();
                }
            }
        }
        _ => {
            // Until it is killed: two assets that are always changed together, and content that comes and goes.
            for number in 0_i64.. {
                store
                    .write(|transaction| {
                        transaction.put_json("left:n", number.into(), empty())?;
                        transaction.put("right:mesh", &content(number), empty())?;
                        transaction.put_json("right:n", number.into(), empty())
                    })
                    .unwrap();
                if number % 7 == 0 {
                    store.flush().unwrap();
                }
                println!("done {number}");
            }
        }
    }
}

/// Content that says which one it is.
fn content(number: i64) -> Vec<u8> {
    number.to_le_bytes().repeat(200)
}

#[test]
fn processes_do_not_lose_each_others_writes() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = ["a", "b", "c"].map(|name| start("count", folder.path(), name)).into();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = Store::open(folder.path().to_str().unwrap()).unwrap();
    assert_eq!(store.json("shared:n").unwrap(), Some(Value::Integer(180)));
    assert_eq!(store.stats().unwrap().assets, 181);
    for (name, number) in ["a", "b", "c"].iter().flat_map(|name| (0..60).map(move |number| (name, number))) {
        assert_eq!(store.get(&format!("{name}{number}:mesh")).unwrap().content, content(number));
    }
}

#[test]
fn a_process_that_is_killed_leaves_the_old_or_the_new_state() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..25 {
        let mut child = start("until killed", folder.path(), "");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_done = |line: &String| line.contains("done ");
        let number = |line: &str| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap();
        let first = lines.by_ref().map_while(Result::ok).find(is_done).unwrap();
        // A different moment each time.
        std::thread::sleep(Duration::from_micros(round * 1700));
        child.kill().unwrap();
        child.wait().unwrap();
        let last = lines.map_while(Result::ok).filter(is_done).last().unwrap_or(first);
        let acknowledged = number(&last);

        let at_once = manifest_of(folder.path());
        let store = Store::open(folder.path().to_str().unwrap()).unwrap();
        let left = store.json("left:n").unwrap().and_then(|value| value.as_integer()).unwrap();
        assert!(left == acknowledged || left == acknowledged + 1, "{left} after {acknowledged} was acknowledged");
        assert_eq!(store.json("right:n").unwrap(), Some(left.into()));
        assert_eq!(store.get("right:mesh").unwrap().content, content(left));
        // Whoever knows nothing of a journal finds an older state, and whole.
        for (hash, compressed) in at_once {
            let blob = folder.path().join("blobs").join(&hash[..2]).join(&hash);
            let stored = std::fs::read(blob).unwrap();
            let plain = if compressed { lz4_flex::decompress_size_prepended(&stored).unwrap() } else { stored };
            assert_eq!(*content_hash(&plain), *hash);
        }
        store.flush().unwrap();
    }
    // Nothing is left behind that nobody uses.
    let store = Store::open(folder.path().to_str().unwrap()).unwrap();
    store.put_json("last:n", 1.into(), Value::Null).unwrap();
    store.flush().unwrap();
    let list = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    let files: Vec<_> = list(&folder.path().join("blobs")).iter().flat_map(|folder| list(folder)).collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

/// The hashes of binary content in the manifest as it is, and whether it is compressed.
fn manifest_of(folder: &Path) -> Vec<(String, bool)> {
    let text = std::fs::read(folder.join("manifest.json")).unwrap();
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    let binary = entries.iter().filter(|entry| entry.get("inline_data").is_none());
    binary.map(|entry| (entry["blobHash"].as_str().unwrap().to_string(), entry["compressed"] == true)).collect()
}
