//! The connection of a node.

use std::time::Duration;

use reflow_pack_sdk::prelude::*;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Statements that stay prepared.
const PREPARED: usize = 64;

/// How to open a database: the keys that all templates of this pack have.
#[derive(Clone, Debug, ConfigGroup)]
pub(crate) struct Database {
    /// A file, a `file:` URI, or `:memory:`.
    #[config(key = "database", required)]
    path: String,
    /// Refuse every change.
    #[config]
    read_only: bool,
    /// How long to wait for locks of others.
    #[config(key = "busy_timeout_ms", default = 5000, unit = "ms")]
    busy_timeout: u32,
}

impl Database {
    /// Opens it. What runs on it stops when the run of `node` does.
    pub(crate) fn open(&self, node: &NodeHandle) -> Result<Connection, Failure> {
        let access = if self.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        };
        let flags = access | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let mut connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(Duration::from_millis(self.busy_timeout.into()))?;
            connection.set_prepared_statement_cache_capacity(PREPARED);
            connection.pragma_update(None, "foreign_keys", true)?;
            if !self.read_only {
                // Readers do not wait for writers. A database in memory stays as it is.
                connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
                connection.pragma_update(None, "synchronous", "normal")?;
            }
            let node = node.clone();
            connection.progress_handler(10_000, Some(move || node.is_cancelled()))?;
            Ok(connection)
        };
        open().map_err(|error: rusqlite::Error| {
            Failure::new(format!("cannot open the database `{}`: {error}", self.path)).with_reason("sql")
        })
    }
}

/// What SQLite says as the failure of a tick. Locks and stops are worth another attempt; the rest is not.
pub(crate) fn failure(error: &rusqlite::Error) -> Failure {
    let code = error.sqlite_error_code();
    let passes =
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OperationInterrupted));
    let reason = match code {
        Some(ErrorCode::ConstraintViolation) => "constraint",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "busy",
        Some(ErrorCode::OperationInterrupted) => "cancelled",
        _ => "sql",
    };
    Failure::new(error.to_string()).with_reason(reason).with_permanent(!passes)
}
