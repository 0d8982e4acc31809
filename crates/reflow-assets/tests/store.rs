//! The store as others use it: databases on disk, shared, damaged, and in memory.

#![expect(clippy::unwrap_used, reason = "a store that cannot be used is a failed test")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use reflow_assets::{AssetError, Entry, Query, Store, content_hash};
use reflow_message::Value;

fn value(json: &str) -> Value {
    Value::from_json(json).unwrap()
}

fn empty() -> Value {
    value("{}")
}

fn open(folder: &Path) -> Arc<Store> {
    Store::open(folder.to_str().unwrap()).unwrap()
}

/// A database in a folder of its own.
fn database() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"));
    (folder, store)
}

fn manifest(folder: &Path) -> Vec<Entry> {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn ids(store: &Store) -> Vec<String> {
    store.read(|table| table.entries().map(|entry| entry.id.to_string()).collect()).unwrap()
}

/// Files with content, by their names.
fn blobs(folder: &Path) -> Vec<String> {
    let list = |folder: &Path| fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    let files = list(&folder.join("blobs")).into_iter().flat_map(|folder| list(&folder));
    files.map(|file| file.file_name().unwrap().to_str().unwrap().to_string()).collect()
}

#[test]
fn reading_makes_nothing_and_writing_makes_a_database() {
    let (folder, store) = database();
    assert!(matches!(store.get("a:mesh"), Err(AssetError::EntityNotFound(_))));
    assert!(ids(&store).is_empty() && !store.path().exists());
    store.put("a:mesh", b"abc", value(r#"{"stride": 24}"#)).unwrap();
    store.put_json("a:transform", value(r#"{"b": 1, "a": [2.5]}"#), empty()).unwrap();
    store.flush().unwrap();
    let entries = manifest(store.path());
    assert_eq!(entries.iter().map(|entry| &*entry.id).collect::<Vec<_>>(), ["a:mesh", "a:transform"]);
    assert_eq!((entries[0].size, entries[0].raw_size, &entries[0].hash), (3, 3, &content_hash(b"abc")));
    let text = br#"{"a":[2.5],"b":1}"#;
    assert_eq!((entries[1].size, &entries[1].hash), (text.len() as u64, &content_hash(text)));
    assert_eq!(blobs(store.path()), [&*content_hash(b"abc")]);
    assert_eq!(store.get("a:transform").unwrap().content, text);
    let pretty = fs::read_to_string(store.path().join("manifest.json")).unwrap();
    assert!(pretty.starts_with("[\n  {\n    \"id\": \"a:mesh\",\n    \"name\": \"a\",\n    \"assetType\": \"mesh\","));
    drop(folder);
}

#[test]
fn assets_keep_their_place_tags_and_birth_when_they_are_replaced() {
    let (_folder, store) = database();
    store.put("a:mesh", b"1", empty()).unwrap();
    store.put("b:mesh", b"2", empty()).unwrap();
    store.write(|transaction| transaction.tag("a:mesh", &["x".into(), "y".into(), "x".into()])).unwrap();
    let created = store.entry("a:mesh").unwrap().unwrap().created_at.clone();
    store.put_json("a:mesh", value("7"), empty()).unwrap();
    let entry = store.entry("a:mesh").unwrap().unwrap();
    assert_eq!(
        (ids(&store), entry.tags.len(), &entry.created_at),
        (vec!["a:mesh".into(), "b:mesh".into()], 2, &created)
    );
    assert!(matches!(store.delete("nobody"), Err(AssetError::AssetNotFound(_))));
    store.delete("a:mesh").unwrap();
    store.put("a:mesh", b"3", empty()).unwrap();
    assert_eq!(ids(&store), ["b:mesh", "a:mesh"]);
}

#[test]
fn content_that_nothing_uses_goes_when_the_manifest_is_written() {
    let (_folder, store) = database();
    for (id, content) in [("a:mesh", "one"), ("b:mesh", "one"), ("c:mesh", "two")] {
        store.put(id, content.as_bytes(), empty()).unwrap();
    }
    store.write(|transaction| Ok(transaction.spawn("a", "d"))).unwrap();
    store.flush().unwrap();
    assert_eq!(blobs(store.path()).len(), 2);
    store.delete("a:mesh").unwrap();
    store.put_json("c:mesh", value("1"), empty()).unwrap();
    store.flush().unwrap();
    assert_eq!(blobs(store.path()), [&*content_hash(b"one")]);
    store.write(|transaction| Ok((transaction.destroy("b"), transaction.destroy("d")))).unwrap();
    store.flush().unwrap();
    assert!(blobs(store.path()).is_empty());
}

#[test]
fn the_same_bytes_under_types_that_are_stored_differently_come_back() {
    let (_folder, store) = database();
    let bytes = vec![7_u8; 5000];
    for id in ["x:mesh", "x:texture", "y:texture", "y:mesh"] {
        store.put(id, &bytes, empty()).unwrap();
    }
    for id in ["x:mesh", "x:texture", "y:texture", "y:mesh"] {
        assert_eq!(store.get(id).unwrap().content, bytes, "{id}");
    }
}

#[test]
fn what_fails_changes_nothing() {
    let (_folder, store) = database();
    store.put("a:mesh", b"kept", empty()).unwrap();
    store.put_json("b:n", value("1"), empty()).unwrap();
    let failed = store.write(|transaction| {
        transaction.put("a:mesh", b"new", empty())?;
        transaction.put("c:mesh", b"new", empty())?;
        transaction.delete("b:n")?;
        transaction.delete("nobody")
    });
    assert!(failed.is_err());
    assert_eq!(ids(&store), ["a:mesh", "b:n"]);
    assert_eq!(store.get("a:mesh").unwrap().content, b"kept");
    let deep = (0..150).fold(Value::Null, |inner, _| Value::array([inner]));
    assert!(matches!(store.put_json("d:n", deep, empty()), Err(AssetError::TooDeep { .. })));
    assert!(matches!(store.put("", b"", empty()), Err(AssetError::NoId)));
    let refused = store.update("b:n", |_| Err("no".to_string()));
    assert_eq!(refused.unwrap_err().to_string(), "no");
}

#[test]
fn a_panic_in_a_change_takes_it_back_and_locks_nobody_out() {
    let (_folder, store) = database();
    store.put_json("a:n", value("1"), empty()).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|transaction| -> Result<(), AssetError> {
            transaction.delete("a:n")?;
            panic!("in the middle");
        })
    }));
    assert!(outcome.is_err());
    assert_eq!(store.json("a:n").unwrap(), Some(value("1")));
    store.put_json("b:n", value("2"), empty()).unwrap();
}

#[test]
fn numbers_without_measure_are_null_at_once_and_later() {
    let (_folder, store) = database();
    store.put_json("a:n", Value::array([f64::NAN, f64::INFINITY, 1.0]), empty()).unwrap();
    assert_eq!(store.json("a:n").unwrap(), Some(value("[null, null, 1.0]")));
}

#[test]
fn manifests_that_cannot_be_read_are_told_and_left_alone() {
    for text in ["", "[{]", "{}", r#"[{"name": "no id"}]"#] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        fs::write(&path, text).unwrap();
        let store = open(folder.path());
        assert!(matches!(store.stats(), Err(AssetError::Manifest { .. })), "{text}");
        assert!(store.put("a:mesh", b"x", empty()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        // Once it is mended, the store goes on.
        fs::write(&path, "[]").unwrap();
        store.put("a:mesh", b"x", empty()).unwrap();
    }
}

#[test]
fn databases_of_others_are_read_and_written_back_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    let raw = [b'a'; 600];
    let hash = content_hash(&raw);
    let blob = folder.path().join("blobs").join(&hash[..2]).join(&*hash);
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&blob, lz4_flex::block::compress_prepend_size(&raw)).unwrap();
    let size = fs::metadata(&blob).unwrap().len();
    let entry = |id: &str, kind: &str, compressed: bool| {
        format!(
            r#"{{"id":"{id}","name":"x","assetType":"{kind}","blobHash":"{hash}","blobSize":{size},"metadata":{{"s":24}},"tags":["t"],"createdAt":"2025-01-03T00:00:00Z","updatedAt":"2025-01-03T00:00:00Z","compressed":{compressed},"rawSize":600,"later":1}}"#
        )
    };
    let text = format!("[{},{}]", entry("x:mesh", "mesh", true), entry("x:hologram", "hologram", false));
    fs::write(folder.path().join("manifest.json"), &text).unwrap();
    let store = open(folder.path());
    assert_eq!(store.get("x:mesh").unwrap().content, raw);
    // The other entry says that the same file is not compressed.
    assert_eq!(store.get("x:hologram").unwrap().content, raw);
    store.put_json("y:n", value("1"), empty()).unwrap();
    store.flush().unwrap();
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("manifest.json")).unwrap()).unwrap();
    let given: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&written[0], &written[1]), (&given[0], &given[1]));
    // Somebody who knows no journal writes the manifest anew.
    std::thread::sleep(std::time::Duration::from_millis(5));
    fs::write(folder.path().join("manifest.json"), &text).unwrap();
    assert_eq!(ids(&store), ["x:mesh", "x:hologram"]);
}

#[test]
fn damaged_content_is_told() {
    let (_folder, store) = database();
    store.put("a:mesh", &[1; 1000], empty()).unwrap();
    let hash = store.entry("a:mesh").unwrap().unwrap().hash.clone();
    let blob = store.path().join("blobs").join(&hash[..2]).join(&*hash);
    fs::write(&blob, b"torn").unwrap();
    assert!(matches!(store.get("a:mesh"), Err(AssetError::Damaged { .. })));
    fs::remove_file(&blob).unwrap();
    assert!(store.get("a:mesh").unwrap_err().to_string().contains("No such file"));
}

#[test]
fn two_stores_on_one_folder_see_each_other() {
    // By another name, as another process would have it.
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()), open(&folder.path().join("x/..")));
    assert!(Arc::ptr_eq(&one, &other));
    let memory = Store::open(":memory:one").unwrap();
    assert!(Arc::ptr_eq(&memory, &Store::open(":memory:one").unwrap()));
    memory.put("a:mesh", b"abc", empty()).unwrap();
    assert_eq!((memory.get("a:mesh").unwrap().content, memory.stats().unwrap().backend), (b"abc".to_vec(), "memory"));
    assert!(!Path::new(":memory:one").exists());
}

#[test]
fn listeners_hear_of_changes_in_order() {
    let store = Store::open(":memory:listeners").unwrap();
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let watch = {
        let (heard, store) = (Arc::clone(&heard), Arc::clone(&store));
        store.clone().watch(move |delta| {
            heard.lock().unwrap().push(delta.to_value());
            if delta.op == "delete" {
                // A listener may change something, too.
                store.put_json("log:n", value("1"), value("{}")).unwrap();
            }
        })
    };
    store.put_json("a:n", value("1"), value("{}")).unwrap();
    store.put("a:mesh", b"x", value("{}")).unwrap();
    store.write(|transaction| transaction.tag("a:mesh", &["t".into()])).unwrap();
    store.write(|transaction| Ok(transaction.spawn("a", "b"))).unwrap();
    store.delete("a:n").unwrap();
    store.write(|transaction| Ok(transaction.destroy("b"))).unwrap();
    let ops: Vec<String> =
        heard.lock().unwrap().iter().map(|delta| delta.get("op").unwrap().as_str().unwrap().to_string()).collect();
    assert_eq!(ops, ["put", "put", "tag", "spawn", "delete", "put", "destroy"]);
    assert_eq!(heard.lock().unwrap()[1].get("data"), None);
    drop(watch);
    store.put_json("a:n", value("2"), value("{}")).unwrap();
    assert_eq!(heard.lock().unwrap().len(), 7);
}

#[test]
fn updates_of_many_threads_are_all_counted() {
    let (_folder, store) = database();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let add = |old: Option<&Value>| Ok((old.and_then(Value::as_integer).unwrap_or(0) + 1).into());
                    store.update("counter:n", add).unwrap();
                }
            });
        }
    });
    assert_eq!(store.json("counter:n").unwrap(), Some(value("200")));
    store.flush().unwrap();
    assert_eq!(manifest(store.path())[0].inline, Some(value("200")));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_nothing() {
    let (_folder, store) = database();
    store.put_json("a:n", value("1"), empty()).unwrap();
    store.flush().unwrap();
    // Where a folder stands, no file can be written.
    let hash = content_hash(b"new");
    let blocked = store.path().join("blobs").join(&hash[..2]).join(&*hash);
    fs::create_dir_all(blocked.join("x")).unwrap();
    assert!(store.put("b:mesh", b"new", empty()).is_err());
    assert_eq!(ids(&store), ["a:n"]);
    fs::remove_dir_all(&blocked).unwrap();
    store.put("b:mesh", b"new", empty()).unwrap();
    assert_eq!(store.get("b:mesh").unwrap().content, b"new");
}

#[test]
fn a_folder_that_is_removed_is_an_empty_database() {
    let (_folder, store) = database();
    store.put_json("a:n", value("1"), empty()).unwrap();
    fs::remove_dir_all(store.path()).unwrap();
    assert!(ids(&store).is_empty());
    store.put_json("b:n", value("1"), empty()).unwrap();
    store.flush().unwrap();
    assert_eq!(manifest(store.path()).len(), 1);
}

#[test]
fn a_journal_that_is_torn_ends_there_and_one_that_is_broken_is_told() {
    let (folder, store) = database();
    for number in 0..3 {
        store.put_json(&format!("a:{number}"), value("1"), empty()).unwrap();
    }
    let journal = fs::read(store.path().join(".journal")).unwrap();
    let lines: Vec<&[u8]> = journal.split_inclusive(|byte| *byte == b'\n').collect();
    // The background may have written the manifest already; then there is no journal to tear.
    if lines.len() == 4 {
        let copy = |name: &str, journal: &[u8]| {
            let copy = folder.path().join(name);
            fs::create_dir_all(copy.join("blobs")).unwrap();
            fs::copy(store.path().join("manifest.json"), copy.join("manifest.json")).unwrap();
            fs::write(copy.join(".journal"), journal).unwrap();
            open(&copy)
        };
        let torn = copy("torn", &journal[..journal.len() - 3]);
        let before = ids(&torn);
        torn.put_json("z:n", value("1"), empty()).unwrap();
        assert_eq!(ids(&torn).len(), before.len() + 1);
        torn.flush().unwrap();
        let mut broken = journal.clone();
        broken[lines[0].len() + 20] ^= 1;
        assert!(matches!(copy("broken", &broken).stats(), Err(AssetError::Journal { line: 2, .. })));
    }
}

fn operations() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0..6_u8, 0..5_u8, 0..4_u8), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_changes_are_there_when_the_database_is_read_anew(operations in operations(), flush in any::<bool>()) {
        let (folder, store) = database();
        for (what, which, content) in operations {
            let id = ["a:mesh", "a:n", "b:mesh", "b:texture", "c"][usize::from(which)];
            let bytes = vec![content; 300 * usize::from(content)];
            let _ = match what {
                0 | 1 => store.put(id, &bytes, value("{}")),
                2 => store.put_json(id, i64::from(content).into(), value("{}")),
                3 => store.delete(id),
                4 => store.write(|transaction| { transaction.spawn("a", "b"); Ok(()) }),
                _ => store.write(|transaction| transaction.tag(id, &[format!("t{content}").into()])),
            };
        }
        if flush {
            store.flush().unwrap();
        }
        let all = |store: &Store| -> Vec<(String, Vec<u8>, usize)> {
            let ids = ids(store);
            let read = |id: &String| {
                let asset = store.get(id).unwrap();
                (id.clone(), asset.content, asset.entry.tags.len())
            };
            ids.iter().map(read).collect()
        };
        let expected = all(&store);
        // Another process: a copy of the files, under another name.
        let copy = folder.path().join("copy");
        let copied = store.write(|_| { copy_all(store.path(), &copy); Ok(()) });
        prop_assert!(copied.is_ok());
        let copy = open(&copy);
        prop_assert_eq!(all(&copy), expected.clone());
        let found = copy.query(&Query::read(&Value::Null)).unwrap().len();
        prop_assert_eq!(found, expected.len());
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).into_iter().flatten() {
        let path = file.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
