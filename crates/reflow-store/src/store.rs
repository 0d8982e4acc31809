//! `Store`: one database file, its writer thread and its readers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OptionalExtension, params};

use crate::cache::KnownResults;
use crate::error::StoreError;
use crate::files::Files;
use crate::history;
use crate::lease;
use crate::open;
use crate::process;
use crate::writer::{Queue, Writer};

/// A store of runs: one SQLite database, and a folder of big payloads beside it.
///
/// Opening the same file twice in a process gives the same store. Any number of processes may use it at once.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    pub(crate) files: Files,
    pub(crate) queue: Arc<Queue>,
    reader: Mutex<Option<Connection>>,
    pub(crate) results: KnownResults,
    process: u32,
}

/// A run that is to be.
#[derive(Clone, Debug, Default)]
pub struct NewRun {
    /// Its id; one is made up if there is none.
    pub id: Option<String>,
    /// The name of the graph.
    pub title: String,
    /// The graph, as JSON.
    pub graph: String,
}

/// A run that there is.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// Its id.
    pub id: String,
    /// The graph, as JSON.
    pub graph: String,
    /// How it stands.
    pub state: String,
    pub(crate) row: i64,
}

static OPEN: Mutex<Vec<(PathBuf, u32, Weak<Store>)>> = Mutex::new(Vec::new());

impl Store {
    /// Opens a store, made if there is none.
    ///
    /// # Errors
    /// [`StoreError`] says why it cannot be opened; the file is as it was then.
    pub fn open(path: impl AsRef<Path>) -> Result<Arc<Self>, StoreError> {
        let path = path.as_ref();
        let known = |open: &[(PathBuf, u32, Weak<Self>)]| {
            let full = path.canonicalize().ok()?;
            let ours = open.iter().find(|(known, pid, _)| *known == full && *pid == std::process::id())?;
            // One that could not write any more is of no use.
            ours.2.upgrade().filter(|store| !store.queue.has_failed())
        };
        let mut open = OPEN.lock();
        if let Some(store) = known(&open) {
            return Ok(store);
        }
        let connection = open::for_writing(path)?;
        let full = path.canonicalize().map_err(|error| StoreError::io(path, &error))?;
        let files = Files::beside(&full);
        let queue = Arc::new(Queue::new(full.clone()));
        Writer::spawn(connection, files.clone(), Arc::clone(&queue)).map_err(|error| StoreError::io(path, &error))?;
        let process = std::process::id();
        let store = Arc::new(Self {
            path: full.clone(),
            files,
            queue,
            reader: Mutex::new(None),
            results: KnownResults::default(),
            process,
        });
        open.retain(|(known, _, store)| store.strong_count() > 0 && *known != full);
        open.push((full, process, Arc::downgrade(&store)));
        Ok(store)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can write no more, because of a full disk for example. Opening the file again gives one that may.
    pub fn has_failed(&self) -> bool {
        self.queue.has_failed()
    }

    pub(crate) fn check_process(&self) -> Result<(), StoreError> {
        if self.process == std::process::id() { Ok(()) } else { Err(StoreError::Forked { path: self.path.clone() }) }
    }

    /// A connection for reading.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.check_process()?;
        let mut reader: MutexGuard<'_, Option<Connection>> = self.reader.lock();
        if reader.is_none() {
            *reader = Some(open::for_reading(&self.path)?);
        }
        let Some(connection) = reader.as_ref() else {
            return Err(StoreError::Failed { path: self.path.clone(), problem: "no connection".into() });
        };
        read(connection).map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Does something in the next transaction of the writer, and waits until that is durable.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.check_process()?;
        let answer = Arc::new(Mutex::new(None));
        let put = Arc::clone(&answer);
        let number = self.queue.call(Box::new(move |writer| {
            let done = work(writer.connection());
            let failed = done.as_ref().err().map(|error| StoreError::of(writer.path(), error));
            *put.lock() = Some(done.map_err(|error| StoreError::of(writer.path(), &error)));
            failed.map_or(Ok(()), Err)
        }))?;
        self.queue.wait(number)?;
        let done = answer.lock().take();
        done.unwrap_or_else(|| {
            Err(StoreError::Failed { path: self.path.clone(), problem: "nothing was written".into() })
        })
    }

    /// The ids of all runs, newest first.
    pub fn run_ids(&self) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let mut rows = connection.prepare("SELECT name FROM runs ORDER BY id DESC LIMIT 10000")?;
            rows.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// The run of this id.
    ///
    /// # Errors
    /// [`StoreError::NoRun`] when there is none.
    pub fn run(&self, id: &str) -> Result<StoredRun, StoreError> {
        match self.find(id)? {
            Some(run) if !self.is_stillborn(&run)? => Ok(run),
            _ => Err(StoreError::no_run(&self.path, id, &self.run_ids()?)),
        }
    }

    /// Whether the process that made the run died before it had got what it begins with: there is nothing to go on with.
    fn is_stillborn(&self, run: &StoredRun) -> Result<bool, StoreError> {
        if run.state != "beginning" {
            return Ok(false);
        }
        let owner = self.read(|connection| lease::owner(connection, run.row))?;
        Ok(!owner.is_some_and(|owner| owner.is_alive()))
    }

    /// The run of this id, if there is one.
    pub fn find(&self, id: &str) -> Result<Option<StoredRun>, StoreError> {
        self.read(|connection| {
            let run = |row: &rusqlite::Row<'_>| {
                Ok(StoredRun { row: row.get(0)?, id: row.get(1)?, graph: row.get(2)?, state: row.get(3)? })
            };
            connection.query_row("SELECT id, name, graph, state FROM runs WHERE name = ?1", [id], run).optional()
        })
    }

    /// Makes a run and takes its lease; its row and the epoch of the lease.
    pub(crate) fn create(&self, run: NewRun) -> Result<(String, i64, i64), StoreError> {
        let id = run.id.clone().unwrap_or_else(new_id);
        if let Some(known) = self.find(&id)?
            && !self.is_stillborn(&known)?
        {
            return Err(StoreError::RunExists { path: self.path.clone(), run: id });
        }
        let (name, path) = (id.clone(), self.path.clone());
        let made = self.write(move |connection| {
            let known = "SELECT id, state FROM runs WHERE name = ?1";
            let known = connection.query_row(known, [&name], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
            let mut orphans = Vec::new();
            if let Some((row, state)) = known.optional()? {
                // Somebody else may have been first, a moment ago.
                let owner = lease::owner(connection, row)?;
                if state != "beginning" || owner.is_some_and(|owner| owner.works_on(&path, row)) {
                    return Ok(None);
                }
                orphans = history::delete(connection, row)?;
            }
            // A row may have been that of another run. Who works on that, and does not know that it is gone, is of another epoch.
            connection.execute(
                "INSERT INTO runs (name, title, graph, state, created, epoch)
                 VALUES (?1, ?2, ?3, 'beginning', ?4, random() & 0x7fffffff)",
                params![name, run.title, run.graph, process::now()],
            )?;
            let row = connection.last_insert_rowid();
            Ok(Some((row, lease::take(connection, row)?, orphans)))
        })?;
        let Some((row, epoch, orphans)) = made else {
            return Err(StoreError::RunExists { path: self.path.clone(), run: id });
        };
        if !orphans.is_empty() {
            let forget = move |writer: &mut Writer| {
                writer.orphans.extend(orphans);
                Ok(())
            };
            self.queue.call(Box::new(forget))?;
        }
        Ok((id, row, epoch))
    }

    /// Takes the lease of a run, from nobody or from a process that is dead; its epoch. With `graph`, that is what runs from
    /// now on.
    pub(crate) fn take(&self, run: &StoredRun, graph: Option<String>) -> Result<i64, StoreError> {
        let (row, path) = (run.row, self.path.clone());
        let taken = self.write(move |connection| {
            if let Some(owner) = lease::owner(connection, row)?.filter(|owner| owner.works_on(&path, row)) {
                return Ok(Err((owner.pid, owner.host)));
            }
            if let Some(graph) = graph {
                connection.execute("UPDATE runs SET graph = ?2 WHERE id = ?1", params![row, graph])?;
            }
            lease::take(connection, row).map(Ok)
        })?;
        taken.map_err(|(pid, host)| StoreError::Leased { path: self.path.clone(), run: run.id.clone(), pid, host })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            self.queue.close();
        }
    }
}

/// An id that no other run has, and that sorts by time.
fn new_id() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let micros = (process::now() * 1e6) as u64;
    format!("run-{micros:x}-{:x}-{number:x}", std::process::id())
}
