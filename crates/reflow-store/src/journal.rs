//! `RunJournal`: the journal of one run in a store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};
use reflow_message::{Message, Value, take_number};
use reflow_runtime::journal::{
    Batch, Journal, JournalError, Kept, Known, KnownAttempt, KnownLink, KnownNode, KnownSignal, KnownStream, Op, Shape,
    TickKey,
};
use reflow_runtime::{FailedAttempt, Failure};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::StoreError;
use crate::files::Files;
use crate::lease;
use crate::run::{Link, Open, RunState, Stream, make_stream};
use crate::segment;
use crate::store::{NewRun, Store, StoredRun};
use crate::writer::Writer;

/// Failures that a run which goes on knows in full.
const KNOWN_FAILURES: i64 = 1000;

/// The journal of one run in a store. It has the lease of the run until that is over, or it is dropped.
#[derive(Debug)]
pub struct RunJournal {
    store: Arc<Store>,
    id: String,
    row: i64,
    epoch: i64,
    /// Rows of the streams, by index.
    streams: RwLock<Vec<Arc<AtomicI64>>>,
    failed: Mutex<Option<StoreError>>,
    /// Whether the lease was given back.
    ended: AtomicBool,
}

impl RunJournal {
    /// Begins a run.
    ///
    /// # Errors
    /// [`StoreError::RunExists`], or what keeps the store from being written.
    pub fn create(store: &Arc<Store>, run: NewRun) -> Result<Arc<Self>, StoreError> {
        let (id, row, epoch) = store.create(run)?;
        Ok(Self::new(store, id, row, epoch))
    }

    /// Goes on with a run. With `graph`, that is what runs from now on.
    ///
    /// # Errors
    /// [`StoreError::Leased`] while another process works on it.
    pub fn resume(store: &Arc<Store>, run: &StoredRun, graph: Option<String>) -> Result<Arc<Self>, StoreError> {
        let epoch = store.take(run, graph)?;
        Ok(Self::new(store, run.id.clone(), run.row, epoch))
    }

    fn new(store: &Arc<Store>, id: String, row: i64, epoch: i64) -> Arc<Self> {
        lease::note_live(store.path(), row, epoch);
        let (streams, failed, ended) = (RwLock::default(), Mutex::new(None), AtomicBool::new(false));
        Arc::new(Self { store: Arc::clone(store), id, row, epoch, streams, failed, ended })
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    fn note(&self, error: StoreError) -> JournalError {
        // Whoever can write nothing any more works on nothing.
        lease::forget_live(self.store.path(), self.row, self.epoch);
        self.failed.lock().get_or_insert_with(|| error.clone());
        error.into()
    }

    /// What keeps it from writing, if something does.
    pub fn failure(&self) -> Option<StoreError> {
        self.failed.lock().clone()
    }
}

impl Drop for RunJournal {
    fn drop(&mut self) {
        self.end();
    }
}

impl Journal for RunJournal {
    fn run_id(&self) -> &str {
        &self.id
    }

    fn doors(&self) -> Result<Vec<(String, String)>, JournalError> {
        let run = self.row;
        Ok(self.store.read(|connection| {
            let sql = "SELECT node, port FROM streams WHERE run = ?1 AND kind = 'outside' ORDER BY id";
            let mut rows = connection.prepare_cached(sql)?;
            rows.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?)
    }

    fn begin(&self, shape: &Shape) -> Result<Known, JournalError> {
        self.store.check_process()?;
        let answer = Arc::new(Mutex::new(None));
        let (put, shape, id, row, epoch) = (Arc::clone(&answer), shape.clone(), self.id.clone(), self.row, self.epoch);
        let begun = self.store.queue.call(Box::new(move |writer| {
            let begun = begin(writer, &shape, id, row, epoch);
            let (answer, failed) = match begun {
                Ok(known) => (Ok(known), Ok(())),
                Err(error) => (Err(error.clone()), Err(error)),
            };
            *put.lock() = Some(answer);
            failed
        }));
        begun.and_then(|number| self.store.queue.wait(number)).map_err(|error| self.note(error))?;
        let taken = answer.lock().take();
        let (known, rows) = taken.ok_or_else(|| JournalError("the store did not answer".into()))??;
        *self.streams.write() = rows.into_iter().map(|row| Arc::new(AtomicI64::new(row))).collect();
        Ok(cooked(known))
    }

    fn write(&self, batch: Batch) -> Result<u64, JournalError> {
        for op in &batch.ops {
            if let Op::Door { stream, .. } = op {
                let mut streams = self.streams.write();
                while streams.len() <= *stream as usize {
                    streams.push(Arc::default());
                }
            }
        }
        self.store.queue.batch((self.row, self.epoch), batch).map_err(|error| self.note(error))
    }

    fn read(&self, stream: u32, from: u64, limit: usize) -> Result<Vec<Kept>, JournalError> {
        self.sync()?;
        let row = self.streams.read().get(stream as usize).map_or(0, |row| row.load(Ordering::Relaxed));
        let rows = self.store.read(|connection| read_stream(connection, row, from, limit))?;
        Ok(decode(&self.store.files, rows, from, limit)?)
    }

    fn end(&self) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        lease::forget_live(self.store.path(), self.row, self.epoch);
        if self.store.check_process().is_err() {
            return;
        }
        let (row, epoch) = (self.row, self.epoch);
        // Who dies without it leaves a lease that can be taken over.
        let _ = self.store.queue.call(Box::new(move |writer| {
            if writer.works_on(row, epoch) {
                writer.runs.remove(&row);
            }
            lease::give_back(writer.connection(), row, epoch).map_err(|error| StoreError::of(writer.path(), &error))
        }));
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.store.check_process()?;
        self.store.queue.sync().map_err(|error| self.note(error))
    }

    fn wait(&self, number: u64) -> Result<(), JournalError> {
        self.store.check_process()?;
        self.store.queue.wait(number).map_err(|error| self.note(error))
    }
}

/// Rows of a stream from the one that holds a position on.
pub(crate) fn read_stream(
    connection: &Connection,
    stream: i64,
    from: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
    let before = "SELECT max(id) FROM segments WHERE id >= ?1 AND id <= ?2";
    let range = [segment::id(stream, 0), segment::id(stream, from)];
    let first: Option<i64> = connection.prepare_cached(before)?.query_row(range, |row| row.get(0))?;
    let sql = "SELECT id, count, data FROM segments WHERE id >= ?1 AND id < ?2 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let range = [first.unwrap_or_else(|| segment::id(stream, from)), segment::id(stream + 1, 0)];
    let mut rows = statement.query(range)?;
    let (mut found, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let first = segment::position(row.get(0)?);
        let end = first + row.get::<_, i64>(1)? as u64;
        if end <= from {
            continue;
        }
        count += end - first.max(from);
        found.push((first, row.get(2)?));
        if count >= limit as u64 {
            break;
        }
    }
    Ok(found)
}

fn decode(files: &Files, rows: Vec<(u64, Vec<u8>)>, from: u64, limit: usize) -> Result<Vec<Kept>, StoreError> {
    let mut kept = Vec::new();
    for (first, data) in rows {
        for entry in segment::entries(first, &data).filter(|entry| entry.position >= from) {
            if kept.len() >= limit {
                return Ok(kept);
            }
            let file;
            let bytes = if entry.is_file {
                file = files.get(entry.bytes)?;
                &*file
            } else {
                entry.bytes
            };
            let message = Message::unpack(bytes).unwrap_or_else(|error| Message::error(error.to_string()));
            kept.push(Kept { position: entry.position, origin: entry.origin, message });
        }
    }
    Ok(kept)
}

/// Packed bytes on their way out of the writer, which reads no values: that may need the interpreter of a host.
fn raw(packed: Vec<u8>) -> Message {
    Message::Encoded(packed.into())
}

/// Reads what [`raw`] has wrapped.
fn cooked(mut known: Known) -> Known {
    let read = |checkpoint: &mut Option<Message>| {
        if let Some(Message::Encoded(packed)) = checkpoint {
            *checkpoint = Message::unpack(packed).ok();
        }
    };
    known.nodes.iter_mut().for_each(|node| read(&mut node.checkpoint));
    known.open.iter_mut().for_each(|open| read(&mut open.checkpoint));
    for failed in &mut known.failures {
        if let Some((_, Message::Encoded(packed))) = failed.inputs.first().cloned() {
            failed.inputs = inputs(&packed);
        }
    }
    known
}

type Begun = (Known, Vec<i64>);

fn begin(writer: &mut Writer, shape: &Shape, id: String, row: i64, epoch: i64) -> Result<Begun, StoreError> {
    let path = writer.path().to_path_buf();
    let begun = load(writer.connection(), shape, id, row, epoch).map_err(|error| StoreError::of(&path, &error))?;
    let (state, known, rows) = begun;
    writer.runs.insert(row, state);
    Ok((known, rows))
}

fn load(
    connection: &Connection,
    shape: &Shape,
    id: String,
    run: i64,
    epoch: i64,
) -> rusqlite::Result<(RunState, Known, Vec<i64>)> {
    let mut state = RunState::new(run, id, epoch);
    let mut known = Known::default();
    let sql = "SELECT vars, inputs_closed, starts FROM runs WHERE id = ?1";
    let (vars, inputs_closed, starts): (Option<Vec<u8>>, bool, i64) =
        connection.query_row(sql, [run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    known.resumed = starts > 1;
    known.inputs_closed = inputs_closed;
    known.vars = vars.and_then(|packed| Value::unpack(&packed).ok()).unwrap_or_default();
    state.vars = known.vars.clone();
    let what = if known.resumed { "resumed" } else { "started" };
    let moment = "INSERT INTO moments (run, at, what, detail) VALUES (?1, ?2, ?3, ?4)";
    let detail = format!("process {}", std::process::id());
    connection.execute(moment, params![run, crate::process::now(), what, detail])?;
    for (node, component) in &shape.nodes {
        let loaded = load_node(connection, run, node, component)?;
        state.add_node(node.clone(), component.clone(), loaded.ended.is_some());
        known.nodes.push(loaded);
    }
    for stream in &shape.streams {
        let row = make_stream(connection, run, stream.kind, &stream.node, &stream.port, stream.keep)?;
        let (made, found) = load_stream(connection, row)?;
        state.streams.push(made);
        known.streams.push(found);
    }
    let mut seen: std::collections::HashMap<(u32, u32, u16), u32> = std::collections::HashMap::new();
    for link in &shape.links {
        let ordinal = seen.entry((link.stream, link.node, link.port)).or_default();
        let node = &shape.nodes[link.node as usize].0;
        let port = shape.inports[link.node as usize].get(usize::from(link.port)).map_or("", |port| port);
        let (made, found) = load_link(connection, &state, link.stream as usize, node, port, *ordinal)?;
        *ordinal += 1;
        add_link(&mut state, (link.node, link.link), made);
        known.links.push(found);
    }
    load_signals(connection, shape, &mut state, &mut known)?;
    load_open(connection, shape, &mut state, &mut known)?;
    load_failures(connection, run, &mut known)?;
    let rows = state.streams.iter().map(|stream| stream.row).collect();
    Ok((state, known, rows))
}

fn add_link(state: &mut RunState, at: (u32, u32), link: Link) {
    let place = state.links.len();
    state.streams[link.stream].links.push(place);
    state.link_of.insert(at, place);
    state.links.push(link);
}

fn load_node(connection: &Connection, run: i64, node: &str, component: &str) -> rusqlite::Result<KnownNode> {
    let insert = "INSERT OR IGNORE INTO nodes (run, node, component, state) VALUES (?1, ?2, ?3, 'waiting')";
    connection.prepare_cached(insert)?.execute(params![run, node, component])?;
    let sql = "SELECT state, ended, set_up, ticks, packets_in, packets_out, failures, retries, checkpoint
               FROM nodes WHERE run = ?1 AND node = ?2";
    let number = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, i64>(at).map(|number| number as u64);
    let mut known = connection.prepare_cached(sql)?.query_row(params![run, node], |row| {
        let ended: bool = row.get(1)?;
        let checkpoint: Option<Vec<u8>> = row.get(8)?;
        Ok(KnownNode {
            ended: ended.then(|| row.get(0)).transpose()?,
            set_up: row.get(2)?,
            ticks: number(row, 3)?,
            packets_in: number(row, 4)?,
            packets_out: number(row, 5)?,
            failures: number(row, 6)?,
            retries: number(row, 7)?,
            checkpoint: checkpoint.map(raw),
            pools: Vec::new(),
        })
    })?;
    let sql = "SELECT pool, id, value FROM pools WHERE run = ?1 AND node = ?2";
    let mut pools = connection.prepare_cached(sql)?;
    let rows = pools.query_map(params![run, node], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)))?;
    for row in rows {
        let (pool, id, packed) = row?;
        if let Ok(value) = Value::unpack(&packed) {
            known.pools.push((pool, id, value));
        }
    }
    Ok(known)
}

fn load_stream(connection: &Connection, row: i64) -> rusqlite::Result<(Stream, KnownStream)> {
    let sql = "SELECT next, origin, keep FROM streams WHERE id = ?1";
    let (next, origin, keep): (i64, i64, bool) =
        connection.prepare_cached(sql)?.query_row([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut stream = Stream::new(row, keep, next as u64, origin as u64);
    if !keep {
        let sql = "SELECT id, count, EXISTS (SELECT 1 FROM files WHERE stream = ?3 AND position >= (segments.id & 1099511627775)
                          AND position < (segments.id & 1099511627775) + count)
                   FROM segments WHERE id >= ?1 AND id < ?2 ORDER BY id";
        let mut rows = connection.prepare_cached(sql)?;
        let range = [segment::id(row, 0), segment::id(row + 1, 0), row];
        let row =
            |row: &rusqlite::Row<'_>| Ok((segment::position(row.get(0)?), row.get::<_, i64>(1)? as u64, row.get(2)?));
        stream.rows = rows.query_map(range, row)?.collect::<Result<_, _>>()?;
    }
    Ok((stream, KnownStream { next: next as u64, origin: origin as u64 }))
}

fn load_link(
    connection: &Connection,
    state: &RunState,
    stream: usize,
    node: &str,
    port: &str,
    ordinal: u32,
) -> rusqlite::Result<(Link, KnownLink)> {
    let sql = "SELECT upto, beyond FROM cursors WHERE stream = ?1 AND node = ?2 AND port = ?3 AND ordinal = ?4";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![state.streams[stream].row, node, port, ordinal], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    // A new connection begins with what there is, and one that has read nothing has no row.
    let (upto, beyond) = found.unwrap_or_default();
    let beyond = segment::positions(upto, &beyond);
    let link = Link {
        stream,
        node: node.into(),
        port: port.into(),
        ordinal,
        upto,
        beyond: beyond.iter().copied().collect::<BTreeSet<_>>(),
        closed: false,
        is_dirty: false,
    };
    Ok((link, KnownLink { upto, beyond }))
}

/// Signals that no node has taken.
fn load_signals(
    connection: &Connection,
    shape: &Shape,
    state: &mut RunState,
    known: &mut Known,
) -> rusqlite::Result<()> {
    let sql = "SELECT id, node, kind, data, awaited FROM signals WHERE run = ?1 ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([state.row])?;
    while let Some(row) = rows.next()? {
        let (id, node, data): (i64, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(3)?);
        if let Some(node) = shape.nodes.iter().position(|(id, _)| *id == node) {
            state.signals.insert(known.signals.len() as u64, id);
            let data = Value::unpack(&data).unwrap_or_default();
            known.signals.push(KnownSignal { node: node as u32, kind: row.get(2)?, data, awaited: row.get(4)? });
        }
    }
    Ok(())
}

fn load_open(connection: &Connection, shape: &Shape, state: &mut RunState, known: &mut Known) -> rusqlite::Result<()> {
    let sql =
        "SELECT node, stream, port, ordinal, position, number, until_ms, sent, checkpoint FROM attempts WHERE run = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([state.row])?;
    while let Some(row) = rows.next()? {
        let (id, stream, port): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (ordinal, position): (u32, i64) = (row.get(3)?, row.get(4)?);
        let Some(node) = shape.nodes.iter().position(|(known, _)| *known == id) else { continue };
        let is_it = |link: &Link| {
            *link.node == *id
                && *link.port == *port
                && link.ordinal == ordinal
                && state.streams[link.stream].row == stream
        };
        let link = if stream == 0 {
            u32::MAX
        } else {
            let at = state.links.iter().position(is_it);
            match at.and_then(|at| state.link_of.iter().find(|(_, place)| **place == at)) {
                Some(((_, link), _)) => *link,
                None => continue,
            }
        };
        let key = TickKey { link, position: position as u64 };
        let checkpoint: Option<Vec<u8>> = row.get(8)?;
        let until_ms = row.get::<_, Option<i64>>(6)?.map(|until| until as u64);
        let (number, sent): (u32, i64) = (row.get(5)?, row.get(7)?);
        state.open.insert(
            (node as u32, key),
            Open {
                number,
                until_ms,
                sent: sent as u64,
                checkpoint: checkpoint.as_deref().map(Into::into),
                is_stored: true,
                ..Open::default()
            },
        );
        known.open.push(KnownAttempt {
            node: node as u32,
            key,
            number,
            until_ms,
            sent: sent as u64,
            checkpoint: checkpoint.map(raw),
        });
    }
    Ok(())
}

fn load_failures(connection: &Connection, run: i64, known: &mut Known) -> rusqlite::Result<()> {
    let sql = "SELECT node, component, tick, attempt, error, reason, traceback, inputs FROM failures
               WHERE run = ?1 AND NOT will_retry ORDER BY id LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let failed = |row: &rusqlite::Row<'_>| {
        let (node, component, error, reason): (String, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(4)?, row.get(5)?);
        let mut failure = Failure::new(error).with_reason(reason);
        failure.traceback = row.get::<_, Option<String>>(6)?.map(Into::into);
        Ok(FailedAttempt {
            actor: node.into(),
            component: component.into(),
            failure,
            attempt: row.get(3)?,
            tick: row.get::<_, i64>(2)? as u64,
            inputs: vec![("".into(), raw(row.get(7)?))],
            will_retry: false,
        })
    };
    known.failures = statement.query_map(params![run, KNOWN_FAILURES], failed)?.collect::<Result<_, _>>()?;
    let all = "SELECT coalesce(sum(failures), 0) FROM nodes WHERE run = ?1";
    let all: i64 = connection.query_row(all, [run], |row| row.get(0))?;
    known.failures_dropped = (all as u64).saturating_sub(known.failures.len() as u64);
    Ok(())
}

/// The inputs of a failed tick, as they were kept.
pub(crate) fn inputs(mut bytes: &[u8]) -> Vec<(Arc<str>, Message)> {
    let mut part = || {
        let len = take_number(&mut bytes)?;
        let (part, rest) = bytes.split_at_checked(len as usize)?;
        bytes = rest;
        Some(part)
    };
    let pair = || {
        let (port, packed) = (part()?, part()?);
        let message = Message::unpack(packed).unwrap_or_else(|error| Message::error(error.to_string()));
        Some((std::str::from_utf8(port).ok()?.into(), message))
    };
    std::iter::from_fn(pair).collect()
}
