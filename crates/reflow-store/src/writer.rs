//! The writer: one thread, one connection, and a transaction for everything that has come meanwhile.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use reflow_runtime::journal::Batch;
use rusqlite::Connection;
use rustc_hash::FxHashMap;

use crate::error::StoreError;
use crate::files::{Files, Hash};
use crate::lease::BEAT_S;
use crate::run::RunState;

/// Bytes that may wait for the writer before those who write wait, too.
const ROOM: usize = 64 << 20;
/// What one transaction takes at most.
const GROUP: usize = 16 << 20;
/// What an operation costs beside its bytes.
const OP_BYTES: usize = 64;

type Call = Box<dyn FnOnce(&mut Writer) -> Result<(), StoreError> + Send>;

enum Job {
    /// What a run has done, under the lease of this epoch.
    Batch {
        run: i64,
        epoch: i64,
        batch: Batch,
        bytes: usize,
    },
    Call(Call),
    /// What has nothing to do with what runs have done before.
    Aside {
        call: Call,
        bytes: usize,
    },
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queue({})", self.path.display())
    }
}

/// What is to be written.
pub(crate) struct Queue {
    path: PathBuf,
    inner: Mutex<Waiting>,
    /// There is something to write.
    filled: Condvar,
    /// Something was written.
    written: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    bytes: usize,
    put: u64,
    done: u64,
    failed: Option<StoreError>,
    closed: bool,
    idle: bool,
}

impl Queue {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, inner: Mutex::default(), filled: Condvar::new(), written: Condvar::new() }
    }

    /// Puts a batch in; waits while too much is under way. The answer is its number.
    pub(crate) fn batch(&self, (run, epoch): (i64, i64), batch: Batch) -> Result<u64, StoreError> {
        let bytes = batch.bytes.len() + batch.ops.len() * OP_BYTES;
        self.put(Job::Batch { run, epoch, batch, bytes }, bytes)
    }

    pub(crate) fn call(&self, call: Call) -> Result<u64, StoreError> {
        self.put(Job::Call(call), 0)
    }

    /// Puts something in that need not come after what was written before.
    pub(crate) fn aside(&self, bytes: usize, call: Call) -> Result<u64, StoreError> {
        self.put(Job::Aside { call, bytes }, bytes)
    }

    /// The number of the last thing that is durable.
    pub(crate) fn done(&self) -> u64 {
        self.inner.lock().done
    }

    fn put(&self, job: Job, bytes: usize) -> Result<u64, StoreError> {
        let mut inner = self.inner.lock();
        while inner.failed.is_none() && inner.bytes > ROOM {
            self.written.wait(&mut inner);
        }
        if let Some(error) = &inner.failed {
            return Err(error.clone());
        }
        inner.jobs.push_back(job);
        inner.bytes += bytes;
        inner.put += 1;
        if inner.idle {
            self.filled.notify_one();
        }
        Ok(inner.put)
    }

    /// Waits until everything up to this number is durable.
    pub(crate) fn wait(&self, number: u64) -> Result<(), StoreError> {
        let mut inner = self.inner.lock();
        while inner.failed.is_none() && inner.done < number {
            self.written.wait(&mut inner);
        }
        inner.failed.clone().map_or(Ok(()), Err)
    }

    /// Waits until everything that was put in so far is durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let number = self.inner.lock().put;
        self.wait(number)
    }

    /// Whether nothing can be written any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.inner.lock().failed.is_some()
    }

    /// Nothing more will come; the writer ends when it has written all of it.
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
        self.filled.notify_one();
    }

    /// What is to be written next; empty when it is time to say that we are alive, and `None` at the end.
    fn take(&self, patience: Duration) -> Option<Vec<Job>> {
        let mut inner = self.inner.lock();
        let until = Instant::now() + patience;
        while inner.jobs.is_empty() {
            if inner.closed {
                return None;
            }
            inner.idle = true;
            let timed_out = self.filled.wait_until(&mut inner, until).timed_out();
            inner.idle = false;
            if timed_out && inner.jobs.is_empty() && !inner.closed {
                return Some(Vec::new());
            }
        }
        let mut room = GROUP;
        let mut jobs = Vec::with_capacity(inner.jobs.len());
        while let Some(job) = inner.jobs.pop_front() {
            let bytes = bytes_of(&job);
            jobs.push(job);
            room = room.saturating_sub(bytes);
            if room == 0 {
                break;
            }
        }
        Some(jobs)
    }

    fn finish(&self, count: usize, bytes: usize, failed: Option<StoreError>) {
        let mut inner = self.inner.lock();
        inner.done += count as u64;
        inner.bytes = inner.bytes.saturating_sub(bytes);
        if failed.is_some() {
            inner.failed = failed;
            inner.jobs.clear();
        }
        drop(inner);
        self.written.notify_all();
    }
}

/// What the writer thread has.
pub(crate) struct Writer {
    connection: Connection,
    path: PathBuf,
    pub(crate) files: Files,
    pub(crate) runs: FxHashMap<i64, RunState>,
    /// Files that nothing referred to any more when the last transaction was over.
    pub(crate) orphans: Vec<Hash>,
}

impl Writer {
    pub(crate) fn spawn(connection: Connection, files: Files, queue: Arc<Queue>) -> std::io::Result<()> {
        let path = queue.path.clone();
        let writer = Self { connection, path, files, runs: FxHashMap::default(), orphans: Vec::new() };
        let name = "reflow-store".to_owned();
        std::thread::Builder::new().name(name).spawn(move || writer.work(&queue)).map(drop)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the run is worked on under the lease of this epoch.
    pub(crate) fn works_on(&self, run: i64, epoch: i64) -> bool {
        self.runs.get(&run).is_some_and(|run| run.epoch == epoch)
    }

    fn work(mut self, queue: &Queue) {
        let mut beat = Instant::now();
        while let Some(jobs) = queue.take(Duration::from_secs_f64(BEAT_S)) {
            let (count, bytes) = (jobs.len(), jobs.iter().map(bytes_of).sum());
            let is_time = beat.elapsed().as_secs_f64() >= BEAT_S && !self.runs.is_empty();
            if is_time {
                beat = Instant::now();
            }
            if count == 0 && !is_time {
                continue;
            }
            let written = self.write(jobs, is_time);
            let failed = written.err();
            let is_over = failed.is_some();
            queue.finish(count, bytes, failed);
            if is_over {
                return;
            }
        }
        if !self.orphans.is_empty() {
            // What stays now is found by the next sweep.
            let _ = self.write(Vec::new(), false);
        }
        // Whoever reads the file next finds it in one piece.
        let _ = self.connection.pragma_update(None, "wal_checkpoint", "truncate");
    }

    /// One transaction.
    fn write(&mut self, jobs: Vec<Job>, beat: bool) -> Result<(), StoreError> {
        let path = self.path.clone();
        let sql = |error: rusqlite::Error| StoreError::of(&path, &error);
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(sql)?;
        let written = self.remove_orphans().map_err(sql).and_then(|()| self.write_inside(jobs, beat));
        if let Err(error) = written.and_then(|()| self.connection.execute_batch("COMMIT").map_err(sql)) {
            let _ = self.connection.execute_batch("ROLLBACK");
            return Err(error);
        }
        for run in self.runs.values_mut() {
            self.orphans.append(&mut run.orphans);
        }
        Ok(())
    }

    /// Removes files that nothing refers to. In a transaction of its own or at the beginning of one: nobody else writes then.
    fn remove_orphans(&mut self) -> rusqlite::Result<()> {
        for hash in std::mem::take(&mut self.orphans) {
            let used = "SELECT 1 FROM files WHERE hash = ?1 LIMIT 1";
            if !self.connection.prepare_cached(used)?.exists([hash.as_slice()])? {
                self.files.remove(&hash);
            }
        }
        Ok(())
    }

    fn write_inside(&mut self, jobs: Vec<Job>, beat: bool) -> Result<(), StoreError> {
        // Batches stay until their bytes are in the database.
        let mut batches: Vec<(i64, Batch)> = Vec::new();
        for job in jobs {
            match job {
                Job::Batch { run, epoch, batch, .. } => {
                    // The lease may have gone to a later life of the run, in this very process.
                    if self.works_on(run, epoch) {
                        batches.push((run, batch));
                    }
                }
                Job::Call(call) => {
                    // What was asked for comes after what was written before.
                    self.flush(&std::mem::take(&mut batches), false)?;
                    call(self)?;
                }
                Job::Aside { call, .. } => call(self)?,
            }
        }
        self.flush(&batches, beat)
    }

    fn flush(&mut self, batches: &[(i64, Batch)], beat: bool) -> Result<(), StoreError> {
        for (place, (run, batch)) in batches.iter().enumerate() {
            if let Some(run) = self.runs.get_mut(run) {
                run.apply(place, batch);
            }
        }
        for run in self.runs.values_mut() {
            run.flush(&self.connection, &self.path, &self.files, batches, beat)?;
        }
        Ok(())
    }
}

fn bytes_of(job: &Job) -> usize {
    match job {
        Job::Batch { bytes, .. } | Job::Aside { bytes, .. } => *bytes,
        Job::Call(_) => 0,
    }
}
