//! Leases: one process works on a run. A dead one's run can be taken over, a live one's cannot.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};

use crate::process;

/// How often a process says that it is alive, in seconds.
pub(crate) const BEAT_S: f64 = 5.0;
/// After how long a process that cannot be looked for is taken for dead, in seconds.
const SILENCE_S: f64 = 30.0;

/// The leases that this process works under: file, run and epoch.
static LIVE: Mutex<Vec<(PathBuf, i64, i64)>> = Mutex::new(Vec::new());

/// This process works under a lease from now on.
pub(crate) fn note_live(path: &Path, run: i64, epoch: i64) {
    LIVE.lock().push((path.into(), run, epoch));
}

/// This process works under it no longer.
pub(crate) fn forget_live(path: &Path, run: i64, epoch: i64) {
    LIVE.lock().retain(|(known, row, number)| (&**known, *row, *number) != (path, run, epoch));
}

/// Who has the lease.
pub(crate) struct Owner {
    pub(crate) host: String,
    pub(crate) pid: u32,
    birth: String,
    beat: f64,
}

impl Owner {
    /// Whether it still works on this run. A process may have given up work and live.
    pub(crate) fn works_on(&self, path: &Path, run: i64) -> bool {
        if self.is_alive() && self.pid == std::process::id() && self.host == process::host() {
            return LIVE.lock().iter().any(|(known, row, _)| (&**known, *row) == (path, run));
        }
        self.is_alive()
    }

    /// Whether the process lives.
    pub(crate) fn is_alive(&self) -> bool {
        if self.host == process::host() && process::can_look() {
            return !self.birth.is_empty() && process::birth(self.pid) == self.birth;
        }
        process::now() - self.beat < SILENCE_S
    }
}

/// Who has the lease of a run, if somebody has.
pub(crate) fn owner(connection: &Connection, run: i64) -> rusqlite::Result<Option<Owner>> {
    let sql = "SELECT owner_host, owner_pid, owner_birth, owner_beat FROM runs WHERE id = ?1 AND owner_pid IS NOT NULL";
    let owner = |row: &rusqlite::Row<'_>| {
        Ok(Owner { host: row.get(0)?, pid: row.get(1)?, birth: row.get(2)?, beat: row.get(3)? })
    };
    connection.query_row(sql, [run], owner).optional()
}

/// Takes the lease; the answer is its epoch.
pub(crate) fn take(connection: &Connection, run: i64) -> rusqlite::Result<i64> {
    let pid = std::process::id();
    connection.query_row(
        "UPDATE runs SET owner_host = ?2, owner_pid = ?3, owner_birth = ?4, owner_beat = ?5, epoch = epoch + 1,
                         starts = starts + 1,
                         state = CASE state WHEN 'beginning' THEN state ELSE 'running' END, ended = NULL, reason = NULL
         WHERE id = ?1 RETURNING epoch",
        params![run, process::host(), pid, process::birth(pid), process::now()],
        |row| row.get(0),
    )
}

/// Says that the owner is alive; whether it is still the owner.
pub(crate) fn beat(connection: &Connection, run: i64, epoch: i64) -> rusqlite::Result<bool> {
    let sql = "UPDATE runs SET owner_beat = ?3 WHERE id = ?1 AND epoch = ?2";
    Ok(connection.prepare_cached(sql)?.execute(params![run, epoch, process::now()])? == 1)
}

/// Gives the lease back.
pub(crate) fn give_back(connection: &Connection, run: i64, epoch: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET owner_host = NULL, owner_pid = NULL, owner_birth = NULL, owner_beat = NULL
               WHERE id = ?1 AND epoch = ?2";
    connection.execute(sql, [run, epoch]).map(drop)
}
