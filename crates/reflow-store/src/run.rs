//! `RunState`: what the writer knows of a run that goes on, and how that becomes rows.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use reflow_message::{Message, Value, put_number};
use reflow_runtime::FailedAttempt;
use reflow_runtime::journal::{Batch, Op, Payload, StreamKind, TickKey};
use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use crate::error::StoreError;
use crate::files::{BIG, Files, Hash};
use crate::lease;
use crate::process::now;
use crate::segment::{self, Segment};

/// Moments and failures kept of a run; later ones are only counted.
const MOST_ROWS: u64 = 10_000;

/// A message that is not in the database yet.
struct Fresh {
    position: u64,
    origin: u64,
    batch: usize,
    payload: Payload,
}

pub(crate) struct Stream {
    pub(crate) row: i64,
    pub(crate) keep: bool,
    pub(crate) next: u64,
    pub(crate) origin: u64,
    /// Rows in the database: first position, count, and whether there are files among them.
    pub(crate) rows: VecDeque<(u64, u64, bool)>,
    pub(crate) links: Vec<usize>,
    fresh: Vec<Fresh>,
    is_dirty: bool,
}

impl Stream {
    pub(crate) fn new(row: i64, keep: bool, next: u64, origin: u64) -> Self {
        Self { row, keep, next, origin, rows: VecDeque::new(), links: Vec::new(), fresh: Vec::new(), is_dirty: false }
    }
}

pub(crate) struct Link {
    pub(crate) stream: usize,
    pub(crate) node: Arc<str>,
    pub(crate) port: Arc<str>,
    pub(crate) ordinal: u32,
    pub(crate) upto: u64,
    pub(crate) beyond: BTreeSet<u64>,
    pub(crate) closed: bool,
    pub(crate) is_dirty: bool,
}

impl Link {
    fn read(&mut self, low: u32) {
        // The lower half of a position is enough: nobody is two thousand million packets ahead.
        let ahead = low.wrapping_sub(self.upto as u32) as i32;
        let Ok(ahead) = u64::try_from(ahead) else { return };
        self.is_dirty = true;
        if ahead > 0 {
            self.beyond.insert(self.upto + ahead);
            return;
        }
        self.upto += 1;
        while self.beyond.remove(&self.upto) {
            self.upto += 1;
        }
    }
}

#[derive(Default)]
pub(crate) struct NodeState {
    pub(crate) id: String,
    pub(crate) component: String,
    ticks: u64,
    packets_in: u64,
    packets_out: u64,
    failures: u64,
    retries: u64,
    set_up: bool,
    state: Option<(&'static str, bool)>,
    /// When it ran for the first time in this life, until that is written.
    started: Option<f64>,
    /// Whether it has run, and has ended.
    began: bool,
    pub(crate) has_ended: bool,
    checkpoint: Option<Arc<[u8]>>,
    is_dirty: bool,
}

#[derive(Default)]
pub(crate) struct Open {
    pub(crate) number: u32,
    pub(crate) until_ms: Option<u64>,
    pub(crate) sent: u64,
    pub(crate) checkpoint: Option<Arc<[u8]>>,
    /// Whether there is a row of it.
    pub(crate) is_stored: bool,
    pub(crate) is_dirty: bool,
}

/// What happened to a row beside the counters.
enum Change {
    Pool { node: u32, pool: Arc<str>, id: Option<Arc<str>>, value: Option<Value> },
    Failed { node: u32, failed: Box<FailedAttempt>, will_retry: bool, at: f64 },
    Moment { node: Option<u32>, what: &'static str, detail: Option<String>, at: f64 },
    OverAttempt { node: u32, key: TickKey },
    Door { stream: usize, link: usize },
    Signal { node: u32, kind: String, data: Value, number: u64, awaited: bool },
    SignalTaken { number: u64 },
    Begun,
    InputsClosed,
    Ended { state: &'static str, reason: Option<String>, at: f64 },
}

pub(crate) struct RunState {
    pub(crate) row: i64,
    pub(crate) id: String,
    pub(crate) epoch: i64,
    pub(crate) nodes: Vec<NodeState>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) links: Vec<Link>,
    /// The place of a link of a node's mailbox.
    pub(crate) link_of: FxHashMap<(u32, u32), usize>,
    pub(crate) open: FxHashMap<(u32, TickKey), Open>,
    pub(crate) vars: Value,
    /// Rows of signals that nobody has taken, by number.
    pub(crate) signals: FxHashMap<u64, i64>,
    pub(crate) rows: u64,
    vars_dirty: bool,
    changes: Vec<Change>,
    /// Where among them the last change of a value of a pool is: node, pool and id.
    pool_changes: FxHashMap<(u32, Arc<str>, Arc<str>), usize>,
    is_dirty: bool,
    has_ended: bool,
    /// Files that nothing refers to any more.
    pub(crate) orphans: Vec<Hash>,
}

impl RunState {
    pub(crate) fn new(row: i64, id: String, epoch: i64) -> Self {
        Self {
            row,
            id,
            epoch,
            nodes: Vec::new(),
            streams: Vec::new(),
            links: Vec::new(),
            link_of: FxHashMap::default(),
            open: FxHashMap::default(),
            vars: Value::Null,
            signals: FxHashMap::default(),
            rows: 0,
            vars_dirty: false,
            changes: Vec::new(),
            pool_changes: FxHashMap::default(),
            is_dirty: false,
            has_ended: false,
            orphans: Vec::new(),
        }
    }

    pub(crate) fn add_node(&mut self, id: String, component: String, has_ended: bool) {
        self.nodes.push(NodeState { id, component, has_ended, ..NodeState::default() });
    }

    /// Takes in what a batch says; `place` is where the batch is among those of the transaction.
    pub(crate) fn apply(&mut self, place: usize, batch: &Batch) {
        self.is_dirty |= !batch.ops.is_empty();
        for op in &batch.ops {
            self.take(place, op);
        }
    }

    fn node(&mut self, node: u32) -> Option<&mut NodeState> {
        let node = self.nodes.get_mut(node as usize)?;
        node.is_dirty = true;
        Some(node)
    }

    fn attempt(&mut self, node: u32, key: TickKey) -> &mut Open {
        let open = self.open.entry((node, key)).or_default();
        open.is_dirty = true;
        open
    }

    fn take(&mut self, place: usize, op: &Op) {
        match op {
            Op::Output { stream, position, origin, payload } => {
                let Some(stream) = self.streams.get_mut(*stream as usize) else { return };
                stream.next = stream.next.max(position + 1);
                stream.is_dirty = true;
                if *origin != 0 {
                    stream.origin = *origin;
                }
                let (position, origin, payload) = (*position, *origin, payload.clone());
                stream.fresh.push(Fresh { position, origin, batch: place, payload });
            }
            Op::Read { node, link, position } => {
                if let Some(link) = self.link_of.get(&(*node, *link)) {
                    self.links[*link].read(*position);
                }
            }
            Op::Tick { node, taken, sent } => {
                if let Some(node) = self.node(*node) {
                    node.ticks += 1;
                    node.packets_in += u64::from(*taken);
                    node.packets_out += u64::from(*sent);
                }
            }
            Op::Sent { node, key, count } => self.attempt(*node, *key).sent += u64::from(*count),
            Op::Checkpoint { node, key: Some(key), value } => {
                self.attempt(*node, *key).checkpoint = Some(Arc::clone(value));
            }
            Op::Checkpoint { node, key: None, value } => {
                if let Some(node) = self.node(*node) {
                    node.checkpoint = Some(Arc::clone(value));
                }
            }
            Op::Retry { node, key, number, until_ms, failed } => {
                let attempt = self.attempt(*node, *key);
                (attempt.number, attempt.until_ms) = (*number, Some(*until_ms));
                if *number > 0 {
                    // What its tries have sent is out. The next one sends its own.
                    attempt.sent = 0;
                }
                if let Some(node) = self.node(*node) {
                    node.retries += 1;
                }
                let (node, failed) = (*node, failed.clone());
                self.changes.push(Change::Failed { node, failed, will_retry: true, at: now() });
            }
            Op::Over { node, key } => {
                if self.open.remove(&(*node, *key)).is_some_and(|open| open.is_stored) {
                    self.changes.push(Change::OverAttempt { node: *node, key: *key });
                }
            }
            Op::Failed { node, failed } => {
                if let Some(node) = self.node(*node) {
                    node.failures += 1;
                }
                let (node, failed) = (*node, failed.clone());
                self.changes.push(Change::Failed { node, failed, will_retry: false, at: now() });
            }
            Op::Pool { node, pool, id, value } => self.change_pool(*node, pool, id.as_ref(), value.as_ref()),
            Op::Var(change) => {
                // One that cannot be made was refused where it was asked for.
                let _ = change.apply(&mut self.vars);
                self.vars_dirty = true;
            }
            Op::Signal { node, kind, data, number, awaited } => {
                let (node, kind, data, number, awaited) = (*node, kind.clone(), data.clone(), *number, *awaited);
                self.changes.push(Change::Signal { node, kind, data, number, awaited });
            }
            Op::SignalTaken { number } => self.changes.push(Change::SignalTaken { number: *number }),
            Op::Begun => self.changes.push(Change::Begun),
            Op::SetUp { node } => {
                if let Some(node) = self.node(*node) {
                    node.set_up = true;
                }
            }
            Op::State { node, state, ended } => {
                let at = now();
                if *ended {
                    self.close_links(*node);
                }
                let Some(known) = self.node(*node).filter(|node| !node.has_ended) else { return };
                known.state = Some((state, *ended));
                // Back and forth between tries is told by the failures.
                let is_news = *state != "backing_off" && (*state != "running" || !known.began);
                if *state == "running" && !known.began {
                    (known.began, known.started) = (true, Some(at));
                }
                known.has_ended |= *ended;
                if is_news {
                    self.changes.push(Change::Moment { node: Some(*node), what: state, detail: None, at });
                }
            }
            Op::Door { stream, node, port, link } => {
                let Some(id) = self.nodes.get(*node as usize).map(|node| Arc::from(&*node.id)) else { return };
                if let Some(known) = self.streams.get(*stream as usize) {
                    // One that an earlier process made.
                    self.link_of.extend(known.links.first().map(|place| ((*node, *link), *place)));
                    return;
                }
                let place = self.links.len();
                self.link_of.insert((*node, *link), place);
                let mut made = Stream::new(0, false, 0, 0);
                made.links.push(place);
                self.streams.push(made);
                self.links.push(Link {
                    stream: *stream as usize,
                    node: id,
                    port: Arc::clone(port),
                    ordinal: 0,
                    upto: 0,
                    beyond: BTreeSet::new(),
                    closed: false,
                    is_dirty: true,
                });
                self.changes.push(Change::Door { stream: *stream as usize, link: place });
            }
            Op::InputsClosed => self.changes.push(Change::InputsClosed),
            Op::Ended { state, reason } => {
                let (state, reason, at) = (*state, reason.clone(), now());
                self.changes.push(Change::Moment { node: None, what: state, detail: reason.clone(), at });
                self.changes.push(Change::Ended { state, reason, at });
            }
        }
    }

    /// Of the changes of one value in a transaction, only the last one is written.
    fn change_pool(&mut self, node: u32, pool: &Arc<str>, id: Option<&Arc<str>>, value: Option<&Value>) {
        let change = Change::Pool { node, pool: Arc::clone(pool), id: id.cloned(), value: value.cloned() };
        let Some(id) = id else {
            // What was there before goes; what comes after it stays.
            self.pool_changes.clear();
            return self.changes.push(change);
        };
        let at = self.pool_changes.entry((node, Arc::clone(pool), Arc::clone(id))).or_insert(self.changes.len());
        match self.changes.get_mut(*at) {
            Some(before) => *before = change,
            None => self.changes.push(change),
        }
    }

    /// The links of a node bring it nothing any more.
    fn close_links(&mut self, node: u32) {
        let of_node: Vec<usize> =
            self.link_of.iter().filter(|((at, _), _)| *at == node).map(|(_, place)| *place).collect();
        for place in of_node {
            let link = &mut self.links[place];
            (link.closed, link.is_dirty) = (true, true);
        }
    }

    /// Writes rows for everything that has changed.
    pub(crate) fn flush(
        &mut self,
        connection: &Connection,
        path: &Path,
        files: &Files,
        batches: &[(i64, Batch)],
        beat: bool,
    ) -> Result<(), StoreError> {
        if !self.is_dirty && (!beat || self.has_ended) {
            return Ok(());
        }
        let sql = |error: rusqlite::Error| StoreError::of(path, &error);
        if !lease::beat(connection, self.row, self.epoch).map_err(sql)? {
            return Err(StoreError::TakenOver { path: path.into(), run: self.id.clone() });
        }
        self.pool_changes.clear();
        for change in std::mem::take(&mut self.changes) {
            self.write_change(connection, change).map_err(sql)?;
        }
        self.write_streams(connection, path, files, batches)?;
        self.write_cursors(connection).map_err(sql)?;
        self.write_nodes(connection).map_err(sql)?;
        self.write_attempts(connection).map_err(sql)?;
        if std::mem::take(&mut self.vars_dirty) {
            let mut packed = Vec::new();
            self.vars.pack(&mut packed);
            let update = "UPDATE runs SET vars = ?2 WHERE id = ?1";
            connection
                .prepare_cached(update)
                .and_then(|mut row| row.execute(params![self.row, packed]))
                .map_err(sql)?;
        }
        self.is_dirty = false;
        Ok(())
    }

    fn write_streams(
        &mut self,
        connection: &Connection,
        path: &Path,
        files: &Files,
        batches: &[(i64, Batch)],
    ) -> Result<(), StoreError> {
        let sql = |error: rusqlite::Error| StoreError::of(path, &error);
        for stream in &mut self.streams {
            let floor = floor(stream, &self.links);
            let mut segment = Segment::default();
            let mut has_files = false;
            let fresh = std::mem::take(&mut stream.fresh);
            // What all have read meanwhile need not be kept.
            for Fresh { position, origin, batch, payload } in fresh.into_iter().filter(|fresh| fresh.position >= floor)
            {
                if !segment.takes(position) {
                    write_segment(connection, stream, &std::mem::take(&mut segment), std::mem::take(&mut has_files))
                        .map_err(sql)?;
                }
                let own;
                let bytes: &[u8] = match &payload {
                    Payload::Inline { at, len } => {
                        let bytes = &batches[batch].1.bytes;
                        bytes.get(*at as usize..(*at + *len) as usize).unwrap_or_default()
                    }
                    Payload::Bytes(buffer) => {
                        let mut packed = Vec::with_capacity(buffer.len() + 8);
                        // Bytes can always be packed.
                        let _ = Message::Bytes(buffer.clone()).pack(&mut packed);
                        own = packed;
                        &own
                    }
                };
                if bytes.len() < BIG {
                    segment.push(position, origin, false, bytes);
                    continue;
                }
                let hash = files.put(&[bytes])?;
                let insert = "INSERT OR IGNORE INTO files (hash, stream, position) VALUES (?1, ?2, ?3)";
                let row = params![hash.as_slice(), stream.row, position as i64];
                connection.prepare_cached(insert).and_then(|mut insert| insert.execute(row)).map_err(sql)?;
                has_files = true;
                segment.push(position, origin, true, &hash);
            }
            if segment.count > 0 {
                write_segment(connection, stream, &segment, has_files).map_err(sql)?;
            }
            while let Some((first, count, has_files)) =
                stream.rows.front().copied().filter(|row| row.0 + row.1 <= floor)
            {
                stream.rows.pop_front();
                let delete = "DELETE FROM segments WHERE id = ?1";
                let id = segment::id(stream.row, first);
                connection.prepare_cached(delete).and_then(|mut delete| delete.execute([id])).map_err(sql)?;
                if has_files {
                    let gone = forget_files(connection, stream.row, first, count).map_err(sql)?;
                    self.orphans.extend(gone);
                }
            }
            if std::mem::take(&mut stream.is_dirty) {
                let update = "UPDATE streams SET next = ?2, origin = ?3 WHERE id = ?1";
                let row = params![stream.row, stream.next as i64, stream.origin as i64];
                connection.prepare_cached(update).and_then(|mut update| update.execute(row)).map_err(sql)?;
            }
        }
        Ok(())
    }

    fn write_cursors(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for link in self.links.iter_mut().filter(|link| link.is_dirty) {
            let beyond = segment::distances(link.upto, link.beyond.iter().copied());
            let upsert = "INSERT INTO cursors (stream, node, port, ordinal, upto, beyond, closed)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                          ON CONFLICT DO UPDATE SET upto = excluded.upto, beyond = excluded.beyond, closed = excluded.closed";
            let stream = self.streams[link.stream].row;
            connection.prepare_cached(upsert)?.execute(params![
                stream,
                &*link.node,
                &*link.port,
                link.ordinal,
                link.upto as i64,
                beyond,
                link.closed,
            ])?;
            link.is_dirty = false;
        }
        Ok(())
    }

    fn write_nodes(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for node in self.nodes.iter_mut().filter(|node| node.is_dirty) {
            let update =
                "UPDATE nodes SET ticks = ticks + ?3, packets_in = packets_in + ?4, packets_out = packets_out + ?5,
                                           failures = failures + ?6, retries = retries + ?7, set_up = set_up OR ?8,
                                           checkpoint = coalesce(?9, checkpoint), state = coalesce(?10, state),
                                           ended = coalesce(?11, ended),
                                           started_at = coalesce(started_at, ?13),
                                           ended_at = CASE WHEN ?11 THEN ?12 ELSE ended_at END
                          WHERE run = ?1 AND node = ?2";
            let (state, ended) = node.state.take().unzip();
            connection.prepare_cached(update)?.execute(params![
                self.row,
                node.id,
                std::mem::take(&mut node.ticks) as i64,
                std::mem::take(&mut node.packets_in) as i64,
                std::mem::take(&mut node.packets_out) as i64,
                std::mem::take(&mut node.failures) as i64,
                std::mem::take(&mut node.retries) as i64,
                std::mem::take(&mut node.set_up),
                node.checkpoint.take().as_deref(),
                state,
                ended,
                now(),
                node.started.take(),
            ])?;
            node.is_dirty = false;
        }
        Ok(())
    }

    fn write_attempts(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let dirty: Vec<(u32, TickKey)> =
            self.open.iter().filter(|(_, open)| open.is_dirty).map(|(key, _)| *key).collect();
        for (node, key) in dirty {
            let (stream, port, ordinal) = self.place_of(node, key);
            let Some(open) = self.open.get_mut(&(node, key)) else { continue };
            let upsert =
                "INSERT INTO attempts (run, node, stream, ordinal, port, position, number, until_ms, sent, checkpoint)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                          ON CONFLICT DO UPDATE SET number = excluded.number, until_ms = excluded.until_ms,
                                                    sent = excluded.sent, checkpoint = excluded.checkpoint";
            connection.prepare_cached(upsert)?.execute(params![
                self.row,
                self.nodes[node as usize].id,
                stream,
                ordinal,
                &*port,
                key.position as i64,
                open.number,
                open.until_ms.map(|until| until as i64),
                open.sent as i64,
                open.checkpoint.as_deref(),
            ])?;
            (open.is_dirty, open.is_stored) = (false, true);
        }
        Ok(())
    }

    /// What the key of a tick says in a row.
    fn place_of(&self, node: u32, key: TickKey) -> (i64, Arc<str>, u32) {
        match self.link_of.get(&(node, key.link)).map(|place| &self.links[*place]) {
            Some(link) => (self.streams[link.stream].row, Arc::clone(&link.port), link.ordinal),
            None => (0, "".into(), 0),
        }
    }

    fn write_change(&mut self, connection: &Connection, change: Change) -> rusqlite::Result<()> {
        let run = self.row;
        match change {
            Change::Pool { node, pool, id, value } => {
                let node = &self.nodes[node as usize].id;
                match (id, value) {
                    (Some(id), Some(value)) => {
                        let mut packed = Vec::new();
                        value.pack(&mut packed);
                        let upsert = "INSERT INTO pools (run, node, pool, id, value) VALUES (?1, ?2, ?3, ?4, ?5)
                                      ON CONFLICT DO UPDATE SET value = excluded.value";
                        connection.prepare_cached(upsert)?.execute(params![run, node, &*pool, &*id, packed])?;
                    }
                    (Some(id), None) => {
                        let delete = "DELETE FROM pools WHERE run = ?1 AND node = ?2 AND pool = ?3 AND id = ?4";
                        connection.prepare_cached(delete)?.execute(params![run, node, &*pool, &*id])?;
                    }
                    (None, _) => {
                        let delete = "DELETE FROM pools WHERE run = ?1 AND node = ?2 AND pool = ?3";
                        connection.prepare_cached(delete)?.execute(params![run, node, &*pool])?;
                    }
                }
            }
            Change::Failed { node, failed, will_retry, at } => {
                self.rows += 1;
                if self.rows > MOST_ROWS {
                    return Ok(());
                }
                let node = &self.nodes[node as usize];
                let insert =
                    "INSERT INTO failures (run, node, component, tick, attempt, will_retry, error, reason, traceback,
                                                    inputs, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
                connection.prepare_cached(insert)?.execute(params![
                    run,
                    node.id,
                    node.component,
                    failed.tick as i64,
                    failed.attempt,
                    will_retry,
                    &*failed.failure.message,
                    &*failed.failure.reason,
                    failed.failure.traceback.as_deref(),
                    inputs(&failed),
                    at,
                ])?;
            }
            Change::Moment { node, what, detail, at } => {
                self.rows += 1;
                if self.rows > MOST_ROWS && node.is_some() {
                    return Ok(());
                }
                let node = node.map(|node| &*self.nodes[node as usize].id);
                let insert = "INSERT INTO moments (run, at, node, what, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
                connection.prepare_cached(insert)?.execute(params![run, at, node, what, detail])?;
            }
            Change::OverAttempt { node, key } => {
                let (stream, port, ordinal) = self.place_of(node, key);
                let delete = "DELETE FROM attempts WHERE run = ?1 AND node = ?2 AND stream = ?3 AND port = ?4
                              AND ordinal = ?5 AND position = ?6";
                let id = &self.nodes[node as usize].id;
                let key = params![run, id, stream, &*port, ordinal, key.position as i64];
                connection.prepare_cached(delete)?.execute(key)?;
            }
            Change::Door { stream, link } => {
                let link = &self.links[link];
                let row = make_stream(connection, run, StreamKind::Outside, &link.node, &link.port, false)?;
                self.streams[stream].row = row;
            }
            Change::Signal { node, kind, data, number, awaited } => {
                let node = &self.nodes[node as usize].id;
                let mut packed = Vec::new();
                data.pack(&mut packed);
                let insert = "INSERT INTO signals (run, node, kind, data, awaited) VALUES (?1, ?2, ?3, ?4, ?5)";
                connection.prepare_cached(insert)?.execute(params![run, node, kind, packed, awaited])?;
                self.signals.insert(number, connection.last_insert_rowid());
            }
            Change::SignalTaken { number } => {
                if let Some(id) = self.signals.remove(&number) {
                    connection.prepare_cached("DELETE FROM signals WHERE id = ?1")?.execute([id])?;
                }
            }
            Change::Begun => {
                connection.execute("UPDATE runs SET state = 'running' WHERE id = ?1 AND state = 'beginning'", [run])?;
            }
            Change::InputsClosed => {
                connection.execute("UPDATE runs SET inputs_closed = 1 WHERE id = ?1", [run])?;
            }
            Change::Ended { state, reason, at } => {
                let update = "UPDATE runs SET state = ?2, reason = ?3, ended = ?4 WHERE id = ?1";
                connection.execute(update, params![run, state, reason, at])?;
                // Nothing is left to be done.
                lease::give_back(connection, run, self.epoch)?;
                self.has_ended = true;
            }
        }
        Ok(())
    }
}

/// Makes the row of a stream; its id.
pub(crate) fn make_stream(
    connection: &Connection,
    run: i64,
    kind: StreamKind,
    node: &str,
    port: &str,
    keep: bool,
) -> rusqlite::Result<i64> {
    let upsert = "INSERT INTO streams (run, kind, node, port, keep) VALUES (?1, ?2, ?3, ?4, ?5)
                  ON CONFLICT DO UPDATE SET keep = excluded.keep RETURNING id";
    connection.prepare_cached(upsert)?.query_row(params![run, kind.name(), node, port, keep], |row| row.get(0))
}

/// The position before which nobody needs a message of the stream any more.
fn floor(stream: &Stream, links: &[Link]) -> u64 {
    if stream.keep {
        return 0;
    }
    let open = stream.links.iter().map(|link| &links[*link]).filter(|link| !link.closed);
    open.map(|link| link.upto).min().unwrap_or(u64::MAX)
}

fn write_segment(
    connection: &Connection,
    stream: &mut Stream,
    segment: &Segment,
    has_files: bool,
) -> rusqlite::Result<()> {
    let insert = "INSERT OR REPLACE INTO segments (id, count, data) VALUES (?1, ?2, ?3)";
    let id = segment::id(stream.row, segment.first);
    connection.prepare_cached(insert)?.execute(params![id, segment.count as i64, segment.data])?;
    if !stream.keep {
        stream.rows.push_back((segment.first, segment.count, has_files));
    }
    Ok(())
}

/// Forgets the files of messages; those that nothing else refers to.
pub(crate) fn forget_files(
    connection: &Connection,
    stream: i64,
    first: u64,
    count: u64,
) -> rusqlite::Result<Vec<Hash>> {
    let delete = "DELETE FROM files WHERE stream = ?1 AND position >= ?2 AND position < ?3 RETURNING hash";
    let range = params![stream, first as i64, first.saturating_add(count).min(i64::MAX as u64) as i64];
    let gone: Vec<Hash> =
        connection.prepare_cached(delete)?.query_map(range, |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut orphans = Vec::new();
    for hash in gone {
        let used = "SELECT 1 FROM files WHERE hash = ?1 LIMIT 1";
        if !connection.prepare_cached(used)?.exists([hash.as_slice()])? {
            orphans.push(hash);
        }
    }
    Ok(orphans)
}

/// The packets of a failed tick.
fn inputs(failed: &FailedAttempt) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (port, message) in &failed.inputs {
        // They come packed: the writer knows no values of hosts.
        let Message::Encoded(packed) = message else { continue };
        for part in [port.as_bytes(), packed] {
            put_number(part.len() as u64, &mut bytes);
            bytes.extend_from_slice(part);
        }
    }
    bytes
}
