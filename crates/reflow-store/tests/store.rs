//! What a store keeps over its processes, and what it says about files that are none.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use reflow_runtime::journal::{Batch, Journal, Known, LinkShape, Op, Payload, Shape, StreamKind, StreamShape};
use reflow_runtime::{Buffer, Message, Value, VarChange};
use reflow_store::{NewRun, RunFilter, RunJournal, SCHEMA_VERSION, Store, StoreError};

fn shape(keep: bool) -> Shape {
    Shape {
        nodes: vec![("a".into(), "t".into()), ("b".into(), "t".into())],
        inports: vec![vec![], vec!["in".into()]],
        streams: vec![StreamShape { kind: StreamKind::Outport, node: "a".into(), port: "out".into(), keep }],
        links: vec![LinkShape { node: 1, link: 0, port: 0, stream: 0 }],
    }
}

fn begin(store: &Arc<Store>, id: &str, keep: bool) -> (Arc<RunJournal>, Known) {
    let journal = match store.find(id).unwrap() {
        Some(run) => RunJournal::resume(store, &run, None).unwrap(),
        None => {
            let run = NewRun { id: Some(id.into()), title: "test".into(), graph: "{}".into() };
            RunJournal::create(store, run).unwrap()
        }
    };
    let known = journal.begin(&shape(keep)).unwrap();
    journal.write(Batch { bytes: Vec::new(), ops: vec![Op::Begun] }).unwrap();
    journal.sync().unwrap();
    (journal, known)
}

fn outputs(messages: impl IntoIterator<Item = (u64, Message)>) -> Batch {
    let mut batch = Batch::default();
    for (position, message) in messages {
        let at = batch.bytes.len() as u32;
        message.pack(&mut batch.bytes).unwrap();
        let payload = match message {
            Message::Bytes(buffer) => Payload::Bytes(buffer),
            _ => Payload::Inline { at, len: batch.bytes.len() as u32 - at },
        };
        batch.ops.push(Op::Output { stream: 0, position, origin: 7, payload });
    }
    batch
}

fn read(position: u32) -> Batch {
    Batch { bytes: Vec::new(), ops: vec![Op::Read { node: 1, link: 0, position }] }
}

#[test]
fn what_was_written_is_there_after_a_restart_and_what_was_read_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    {
        let store = Store::open(&path).unwrap();
        let (journal, known) = begin(&store, "one", false);
        assert!(!known.resumed);
        journal.write(outputs((0..1000).map(|number| (number, Message::Integer(number as i64))))).unwrap();
        journal.sync().unwrap();
        (0..500).for_each(|position| {
            journal.write(read(position)).unwrap();
        });
        journal.write(read(502)).unwrap();
        let mut batch = Batch::default();
        batch.ops.push(Op::Var(VarChange::Add("n".into(), 2.into())));
        let (pool, id) = ("p".into(), Some("i".into()));
        batch.ops.push(Op::Pool { node: 1, pool, id, value: Some(Value::from(5)) });
        batch.ops.push(Op::Tick { node: 1, taken: 1, sent: 0 });
        journal.write(batch).unwrap();
        journal.sync().unwrap();
        let kept = journal.read(0, 500, 3).unwrap();
        assert_eq!(kept.iter().map(|kept| kept.position).collect::<Vec<_>>(), [500, 501, 502]);
        assert_eq!((kept[2].message.clone(), kept[2].origin), (Message::Integer(502), 7));
    }
    let store = Store::open(&path).unwrap();
    let (journal, known) = begin(&store, "one", false);
    assert!(known.resumed);
    assert_eq!((known.links[0].upto, &*known.links[0].beyond), (500, &[502][..]));
    assert_eq!((known.streams[0].next, known.nodes[1].ticks), (1000, 1));
    assert_eq!(known.vars, Value::object([("n", 2)]));
    assert_eq!(known.nodes[1].pools, [("p".to_owned(), "i".to_owned(), Value::from(5))]);
    assert_eq!(journal.read(0, 999, 10).unwrap().len(), 1);
    // What all have read goes, segment by segment.
    (500..1000).for_each(|position| {
        journal.write(read(position)).unwrap();
    });
    journal.sync().unwrap();
    assert!(journal.read(0, 0, 10).unwrap().is_empty());
}

#[test]
fn big_payloads_are_files_as_long_as_somebody_needs_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let store = Store::open(&path).unwrap();
    let (journal, _) = begin(&store, "one", false);
    let big = Message::Bytes(Buffer::from(vec![7_u8; 200_000]));
    journal.write(outputs([(0, big.clone()), (1, big.clone()), (2, Message::Flow)])).unwrap();
    journal.sync().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 150_000);
    assert_eq!(files_in(&folder.path().join("runs.db-files")), 1);
    assert_eq!(journal.read(0, 1, 1).unwrap()[0].message, big);
    (0..3).for_each(|position| {
        journal.write(read(position)).unwrap();
    });
    journal.sync().unwrap();
    store.prune(None, None, None, false).unwrap();
    assert_eq!(files_in(&folder.path().join("runs.db-files")), 0);
}

fn files_in(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files_in(&entry.path()) } else { 1 }).sum()
}

#[test]
fn a_run_has_one_process_and_is_found_in_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("runs.db")).unwrap();
    let (journal, _) = begin(&store, "first-run", true);
    let run = store.run("first-run").unwrap();
    let refused = RunJournal::resume(&store, &run, None).unwrap_err();
    assert!(matches!(refused, StoreError::Leased { pid, .. } if pid == std::process::id()), "{refused}");
    let exists = RunJournal::create(&store, NewRun { id: Some("first-run".into()), ..NewRun::default() }).unwrap_err();
    assert!(matches!(exists, StoreError::RunExists { .. }));
    let unknown = store.run("first-rum").unwrap_err().to_string();
    assert!(unknown.contains("did you mean `first-run`"), "{unknown}");
    assert_eq!(store.runs(&RunFilter::default()).unwrap()[0].state, "running");
    drop(journal);
    assert!(store.prune(None, Some(1e6), None, true).unwrap().is_empty());
    let interrupted = RunFilter { state: Some("interrupted".into()), ..RunFilter::default() };
    assert_eq!(store.runs(&interrupted).unwrap().len(), 1);
    let details = store.details("first-run").unwrap();
    assert_eq!((details.nodes.len(), &*details.timeline[0].what), (2, "started"));
    let journal = RunJournal::resume(&store, &run, None).unwrap();
    drop(journal);
    assert!(store.prune(None, None, Some(0), false).unwrap().is_empty(), "it can be gone on with");
    assert_eq!(store.prune(None, None, Some(0), true).unwrap(), ["first-run"]);
    assert!(store.runs(&RunFilter::default()).unwrap().is_empty());
}

#[test]
fn files_that_are_no_store_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "name,age\nAda,36\n").unwrap();
    fs::write(at("broken"), b"SQLite format 3\0 and then nothing").unwrap();
    let other = rusqlite::Connection::open(at("other")).unwrap();
    other.execute_batch("CREATE TABLE mine (x); PRAGMA user_version = 3").unwrap();
    drop(other);
    drop(Store::open(at("newer")).unwrap());
    std::thread::sleep(std::time::Duration::from_millis(50));
    let newer = rusqlite::Connection::open(at("newer")).unwrap();
    newer.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    newer.query_row("PRAGMA wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
    drop(newer);
    drop(Store::open(at("fixed")).unwrap());
    std::thread::sleep(std::time::Duration::from_millis(50));
    let mut permissions = fs::metadata(at("fixed")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(at("fixed"), permissions).unwrap();
    for (name, word) in [
        ("text", "not an SQLite database"),
        ("broken", "damaged"),
        ("other", "another program"),
        ("newer", "schema version 3"),
        ("fixed", "read-only"),
        ("missing/folder/runs.db", "cannot be opened"),
        ("", "a folder"),
    ] {
        let before = fs::read(at(name)).ok();
        let error = Store::open(at(name)).unwrap_err().to_string();
        assert!(error.contains(word), "{name}: {error}");
        assert_eq!(fs::read(at(name)).ok(), before, "{name}");
    }
}

#[test]
fn results_are_kept_until_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("runs.db")).unwrap();
    store.cache(b"k", "t", vec![1], None).unwrap();
    store.cache(b"old", "t", vec![2], Some(99.0)).unwrap();
    store.cache(b"other", "u", vec![3], Some(160.0)).unwrap();
    assert_eq!(store.clear_cache(Some("nobody")).unwrap(), 0);
    assert_eq!(store.cached(b"k", 100.0).unwrap().unwrap().data, [1]);
    assert_eq!(store.cached(b"old", 100.0).unwrap(), None);
    let rows: Vec<_> =
        store.cache_rows().unwrap().into_iter().map(|row| (row.component, row.results, row.bytes)).collect();
    assert_eq!(rows, [("t".into(), 2, 2), ("u".into(), 1, 1)]);
    assert_eq!(store.clear_cache(Some("t")).unwrap(), 2);
    assert_eq!(store.cached(b"other", 100.0).unwrap().unwrap().data, [3]);
    assert_eq!(store.clear_expired().unwrap(), 1);
}

#[test]
fn results_are_there_for_the_next_process() {
    use reflow_runtime::{CachedResult, ResultCache};
    const END: u64 = 9_000_000_000_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    let result =
        |number: i64| Arc::new(CachedResult { sent: Vec::new(), emitted: vec![("out".into(), number.into())] });
    let first = |found: Option<Arc<CachedResult>>| found.map(|found| found.emitted[0].1.clone());
    {
        let store = Store::open(&path).unwrap();
        let cache = store.results();
        cache.put([1; 32], "t", result(1), None);
        cache.put([2; 32], "u", result(2), Some(END));
        assert_eq!(first(cache.get(&[1; 32], 5)), Some(Message::Integer(1)));
        assert_eq!(cache.size().unwrap().0, 2);
    }
    let store = Store::open(&path).unwrap();
    let cache = store.results();
    assert_eq!(first(cache.get(&[1; 32], 5)), Some(Message::Integer(1)));
    assert_eq!(first(cache.get(&[2; 32], END - 1)), Some(Message::Integer(2)));
    assert!(cache.get(&[2; 32], END).is_none());
    // Whoever clears them, elsewhere too, is heard at once.
    store.clear_cache(Some("t")).unwrap();
    assert!(cache.get(&[1; 32], 5).is_none());
    assert_eq!((cache.clear(None).unwrap(), cache.size().unwrap()), (1, (0, 0)));
}

#[test]
fn a_store_of_an_older_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    drop(begin(&Store::open(&path).unwrap(), "a", false));
    {
        // As version 1 was.
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch("ALTER TABLE signals DROP COLUMN awaited; PRAGMA user_version = 1").unwrap();
    }
    let store = Store::open(&path).unwrap();
    let (journal, known) = begin(&store, "a", false);
    assert!(known.resumed && known.signals.is_empty());
    let signal = |number, awaited| Op::Signal { node: 1, kind: "k".into(), data: Value::Null, number, awaited };
    let ops = vec![signal(0, false), signal(1, true), signal(2, true), Op::SignalTaken { number: 1 }];
    journal.write(Batch { bytes: Vec::new(), ops }).unwrap();
    journal.sync().unwrap();
    drop(journal);
    let (journal, known) = begin(&store, "a", false);
    assert_eq!(known.signals.iter().map(|signal| signal.awaited).collect::<Vec<_>>(), [false, true]);
    journal.write(Batch { bytes: Vec::new(), ops: vec![Op::SignalTaken { number: 1 }] }).unwrap();
    drop(journal);
    assert_eq!(begin(&store, "a", false).1.signals.len(), 1);
}

#[test]
fn what_is_left_of_an_earlier_life_of_a_run_does_not_touch_a_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("runs.db")).unwrap();
    let ended = || Batch { bytes: Vec::new(), ops: vec![Op::Ended { state: "cancelled", reason: None }] };
    let (first, _) = begin(&store, "one", true);
    first.write(outputs([(0, Message::Integer(0))])).unwrap();
    first.write(ended()).unwrap();
    first.sync().unwrap();
    let (second, known) = begin(&store, "one", true);
    assert_eq!(known.streams[0].next, 1);
    // It comes late, and under a lease that has gone.
    first.write(outputs([(1, Message::Integer(-1))])).unwrap();
    drop(first);
    second.write(outputs([(1, Message::Integer(1)), (2, Message::Integer(2))])).unwrap();
    second.sync().unwrap();
    let kept: Vec<_> = second.read(0, 0, 10).unwrap().into_iter().map(|kept| kept.message).collect();
    assert_eq!(kept, [0, 1, 2].map(Message::Integer));
    second.write(ended()).unwrap();
    second.sync().unwrap();
    assert_eq!(store.find("one").unwrap().unwrap().state, "cancelled");
}
