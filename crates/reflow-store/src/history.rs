//! History: what runs there were, what happened in them, and how long they are kept.

use rusqlite::{Connection, params};

use crate::error::StoreError;
use crate::journal::inputs;
use crate::lease;
use crate::process::now;
use crate::run::forget_files;
use crate::segment;
use crate::store::Store;
use reflow_message::Message;

/// Which runs.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only those in this state; `interrupted` for those whose process has died.
    pub state: Option<String>,
    /// Only those whose id or title has this text in it.
    pub text: Option<String>,
    /// Only those that began later, in seconds since 1970.
    pub since: Option<f64>,
    /// Only so many, the newest.
    pub limit: Option<usize>,
}

/// A run in a list.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// The name of its graph.
    pub title: String,
    /// How it stands; `interrupted` when its process has died.
    pub state: String,
    /// Why it was stopped.
    pub reason: Option<String>,
    /// When it began, in seconds since 1970.
    pub created: f64,
    /// When it ended.
    pub ended: Option<f64>,
    /// How often a process has begun to work on it.
    pub starts: u32,
    /// The process that works on it.
    pub pid: Option<u32>,
    /// Ticks that are over.
    pub ticks: u64,
    /// Ticks that failed.
    pub failures: u64,
    row: i64,
}

/// A node of a run.
#[derive(Clone, Debug)]
pub struct NodeRow {
    /// Its id.
    pub node: String,
    /// Its template.
    pub component: String,
    /// Its last state.
    pub state: String,
    /// Ticks that are over.
    pub ticks: u64,
    /// Packets they took.
    pub packets_in: u64,
    /// Packets it sent.
    pub packets_out: u64,
    /// Ticks that failed.
    pub failures: u64,
    /// Tries beyond the first.
    pub retries: u64,
    /// When it began, in seconds since 1970.
    pub started: Option<f64>,
    /// When it ended.
    pub ended: Option<f64>,
}

/// An attempt that failed.
#[derive(Clone, Debug)]
pub struct FailureRow {
    /// The node.
    pub node: String,
    /// The tick.
    pub tick: u64,
    /// The try.
    pub attempt: u32,
    /// Whether it was tried again.
    pub will_retry: bool,
    /// What went wrong.
    pub error: String,
    /// In one word.
    pub reason: String,
    /// Where.
    pub traceback: Option<String>,
    /// Its packets, by port.
    pub inputs: Vec<(String, Message)>,
    /// When, in seconds since 1970.
    pub at: f64,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct MomentRow {
    /// When, in seconds since 1970.
    pub at: f64,
    /// To which node, if to one.
    pub node: Option<String>,
    /// What.
    pub what: String,
    /// More about it.
    pub detail: Option<String>,
}

/// Everything there is to say about a run.
#[derive(Clone, Debug)]
pub struct RunDetails {
    /// The run.
    pub run: RunRow,
    /// The graph, as JSON.
    pub graph: String,
    /// Its nodes.
    pub nodes: Vec<NodeRow>,
    /// Attempts that failed, oldest first.
    pub failures: Vec<FailureRow>,
    /// What happened when, oldest first.
    pub timeline: Vec<MomentRow>,
}

const LIST: &str = "SELECT runs.id, name, title, runs.state, reason, created, runs.ended, starts, owner_pid,
                           coalesce(sum(nodes.ticks), 0), coalesce(sum(nodes.failures), 0)
                    FROM runs LEFT JOIN nodes ON nodes.run = runs.id";

impl Store {
    /// Runs, newest first.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let rows = self.read(|connection| {
            let sql = format!(
                "{LIST} WHERE (?1 IS NULL OR instr(name, ?1) OR instr(title, ?1)) AND (?2 IS NULL OR created >= ?2)
                 GROUP BY runs.id ORDER BY runs.id DESC"
            );
            let mut rows = connection.prepare(&sql)?;
            let rows = rows.query_map(params![filter.text, filter.since], |row| read_run(connection, row))?;
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        let fits = |run: &RunRow| filter.state.as_ref().is_none_or(|state| run.state == *state);
        Ok(rows.into_iter().filter(fits).take(filter.limit.unwrap_or(usize::MAX)).collect())
    }

    /// Everything there is to say about a run.
    ///
    /// # Errors
    /// [`StoreError::NoRun`] when there is none of this id.
    pub fn details(&self, id: &str) -> Result<RunDetails, StoreError> {
        let run = self.run(id)?;
        self.read(|connection| {
            let sql = format!("{LIST} WHERE runs.id = ?1 GROUP BY runs.id");
            let row = connection.query_row(&sql, [run.row], |row| read_run(connection, row))?;
            Ok(RunDetails {
                nodes: nodes(connection, run.row)?,
                failures: failures(connection, run.row)?,
                timeline: timeline(connection, run.row)?,
                run: row,
                graph: run.graph,
            })
        })
    }

    /// Deletes runs that nobody works on: those of this id, or those that ended longer ago than `older_than_s` and those beyond
    /// the newest `keep`; their ids. Runs that can be gone on with stay, but for that of this id, unless `interrupted` are meant,
    /// too: their age is that of their beginning.
    pub fn prune(
        &self,
        id: Option<&str>,
        older_than_s: Option<f64>,
        keep: Option<usize>,
        interrupted: bool,
    ) -> Result<Vec<String>, StoreError> {
        // Leases that were given back a moment ago are.
        self.write(|_| Ok(()))?;
        let all = self.runs(&RunFilter::default())?;
        let named = |run: &RunRow| id.is_some_and(|id| run.id == id);
        let is_over = |run: &RunRow| interrupted || run.state != "interrupted";
        let is_old = |run: &RunRow| {
            let end = run.ended.unwrap_or(run.created);
            older_than_s.is_some_and(|age| now() - end > age)
        };
        let gone = all.iter().enumerate().filter(|(place, run)| {
            let had_its_time = is_old(run) || keep.is_some_and(|keep| *place >= keep);
            run.pid.is_none() && (named(run) || is_over(run) && had_its_time)
        });
        let gone: Vec<RunRow> = gone.map(|(_, run)| run.clone()).collect();
        let rows: Vec<i64> = gone.iter().map(|run| run.row).collect();
        let number = self.queue.call(Box::new(move |writer| {
            for run in rows {
                // Somebody may have gone on with it meanwhile.
                let owner = lease::owner(writer.connection(), run);
                if owner.map_err(|error| StoreError::of(writer.path(), &error))?.is_some_and(|owner| owner.is_alive()) {
                    continue;
                }
                let orphans =
                    delete(writer.connection(), run).map_err(|error| StoreError::of(writer.path(), &error))?;
                writer.orphans.extend(orphans);
            }
            Ok(())
        }))?;
        self.queue.wait(number)?;
        // Files go with the transaction after that.
        self.write(|_| Ok(()))?;
        Ok(gone.into_iter().map(|run| run.id).collect())
    }
}

/// Deletes a run that nobody works on, with all that belongs to it; files that it referred to.
pub(crate) fn delete(connection: &Connection, run: i64) -> rusqlite::Result<Vec<crate::files::Hash>> {
    let mut orphans = Vec::new();
    let mut streams = connection.prepare("SELECT id FROM streams WHERE run = ?1")?;
    let streams: Vec<i64> = streams.query_map([run], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for stream in streams {
        orphans.extend(forget_files(connection, stream, 0, u64::MAX)?);
        let range = [segment::id(stream, 0), segment::id(stream + 1, 0)];
        connection.execute("DELETE FROM segments WHERE id >= ?1 AND id < ?2", range)?;
        connection.execute("DELETE FROM cursors WHERE stream = ?1", [stream])?;
    }
    for table in ["streams", "nodes", "attempts", "pools", "signals", "failures", "moments"] {
        connection.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [run])?;
    }
    connection.execute("DELETE FROM runs WHERE id = ?1", [run])?;
    Ok(orphans)
}

fn read_run(connection: &Connection, row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
    let number = |at: usize| row.get::<_, i64>(at).map(|number| number as u64);
    let id: i64 = row.get(0)?;
    let mut run = RunRow {
        id: row.get(1)?,
        title: row.get(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        created: row.get(5)?,
        ended: row.get(6)?,
        starts: row.get(7)?,
        pid: row.get(8)?,
        ticks: number(9)?,
        failures: number(10)?,
        row: id,
    };
    let owner = lease::owner(connection, id)?;
    if !owner.is_some_and(|owner| owner.is_alive()) {
        run.pid = None;
        if run.state == "running" || run.state == "beginning" {
            run.state = "interrupted".into();
        }
    }
    Ok(run)
}

fn nodes(connection: &Connection, run: i64) -> rusqlite::Result<Vec<NodeRow>> {
    let sql = "SELECT node, component, state, ticks, packets_in, packets_out, failures, retries, started_at, ended_at
               FROM nodes WHERE run = ?1 ORDER BY coalesce(started_at, 1e18), node";
    let mut rows = connection.prepare(sql)?;
    let node = |row: &rusqlite::Row<'_>| {
        let number = |at: usize| row.get::<_, i64>(at).map(|number| number as u64);
        Ok(NodeRow {
            node: row.get(0)?,
            component: row.get(1)?,
            state: row.get(2)?,
            ticks: number(3)?,
            packets_in: number(4)?,
            packets_out: number(5)?,
            failures: number(6)?,
            retries: number(7)?,
            started: row.get(8)?,
            ended: row.get(9)?,
        })
    };
    rows.query_map([run], node)?.collect()
}

fn failures(connection: &Connection, run: i64) -> rusqlite::Result<Vec<FailureRow>> {
    let sql = "SELECT node, tick, attempt, will_retry, error, reason, traceback, inputs, at
               FROM failures WHERE run = ?1 ORDER BY id";
    let mut rows = connection.prepare(sql)?;
    let failure = |row: &rusqlite::Row<'_>| {
        let kept: Vec<u8> = row.get(7)?;
        Ok(FailureRow {
            node: row.get(0)?,
            tick: row.get::<_, i64>(1)? as u64,
            attempt: row.get(2)?,
            will_retry: row.get(3)?,
            error: row.get(4)?,
            reason: row.get(5)?,
            traceback: row.get(6)?,
            inputs: inputs(&kept).into_iter().map(|(port, message)| (port.to_string(), message)).collect(),
            at: row.get(8)?,
        })
    };
    rows.query_map([run], failure)?.collect()
}

fn timeline(connection: &Connection, run: i64) -> rusqlite::Result<Vec<MomentRow>> {
    let mut rows = connection.prepare("SELECT at, node, what, detail FROM moments WHERE run = ?1 ORDER BY id")?;
    let moment = |row: &rusqlite::Row<'_>| {
        Ok(MomentRow { at: row.get(0)?, node: row.get(1)?, what: row.get(2)?, detail: row.get(3)? })
    };
    rows.query_map([run], moment)?.collect()
}
