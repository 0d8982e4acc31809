//! The connection of a node.

use std::time::Duration;

use reflow_pack_sdk::{Failure, NodeHandle, Value};
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Statements that stay prepared.
const PREPARED: usize = 64;

/// How to open a database, out of a config.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    path: String,
    read_only: bool,
    busy_timeout: Duration,
}

impl Database {
    pub(crate) fn of(config: &Value) -> Result<Self, String> {
        let path = text(config, "database")?.ok_or("`database` is missing: a file, a `file:` URI, or `:memory:`")?;
        let read_only = config.get("read_only").and_then(Value::as_boolean).unwrap_or(false);
        let busy = config.get("busy_timeout_ms").and_then(Value::as_integer).unwrap_or(5000);
        Ok(Self { path, read_only, busy_timeout: Duration::from_millis(busy.unsigned_abs()) })
    }

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
            connection.busy_timeout(self.busy_timeout)?;
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

/// A text of the config.
pub(crate) fn text(config: &Value, key: &str) -> Result<Option<String>, String> {
    match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.to_string())),
        Some(other) => Err(format!("`{key}` is {}, but a text is right", other.to_json_string())),
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
