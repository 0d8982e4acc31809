//! Opening a database file: what it is, and that nothing happens to it if it is not ours.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;

/// The version of the schema.
pub const SCHEMA_VERSION: u32 = 2;
/// What makes a version of the schema the next one, from version 1 on. `schema.sql` is the last.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize - 1] =
    ["ALTER TABLE signals ADD COLUMN awaited INTEGER NOT NULL DEFAULT 0"];
/// How long another process may keep the file to itself.
pub(crate) const BUSY: Duration = Duration::from_secs(10);
const APPLICATION: u32 = 0x5246_4C57;
const HEADER: usize = 100;

/// Opens a store for writing, made if it is not there.
pub(crate) fn for_writing(path: &Path) -> Result<Connection, StoreError> {
    let is_new = inspect(path)?;
    if !is_new && std::fs::metadata(path).is_ok_and(|meta| meta.permissions().readonly()) {
        return Err(StoreError::ReadOnly { path: path.into() });
    }
    let failed = |error: rusqlite::Error| match (is_new, StoreError::of(path, &error)) {
        (true, StoreError::Unreachable { path, problem }) => match std::fs::metadata(path.parent().unwrap_or(&path)) {
            Ok(meta) if meta.permissions().readonly() => StoreError::ReadOnly { path },
            Ok(_) => StoreError::Unreachable { path, problem },
            Err(_) if path.parent().is_none_or(|folder| folder.as_os_str().is_empty()) => {
                StoreError::Unreachable { path, problem }
            }
            Err(error) => StoreError::Unreachable { path, problem: format!("its folder: {error}") },
        },
        (_, error) => error,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    prepare(&mut connection, path).map_err(|error| match error {
        Problem::Sql(error) => failed(error),
        Problem::Store(error) => error,
    })?;
    Ok(connection)
}

/// Opens a store for reading.
pub(crate) fn for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| StoreError::of(path, &error))
}

/// Looks at the file without touching it; whether there is none yet.
fn inspect(path: &Path) -> Result<bool, StoreError> {
    let not_a_store = |found| Err(StoreError::NotAStore { path: path.into(), found });
    if path.is_dir() {
        return not_a_store("a folder");
    }
    let mut header = Vec::new();
    match File::open(path) {
        Ok(file) => {
            file.take(HEADER as u64).read_to_end(&mut header).map_err(|error| StoreError::io(path, &error))?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(StoreError::Unreachable { path: path.into(), problem: error.to_string() }),
    }
    if header.is_empty() {
        return Ok(true);
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return not_a_store("not an SQLite database");
    }
    let number = |at: usize| header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (Some(version), Some(application)) = (number(60), number(68)) else {
        return Err(StoreError::Broken { path: path.into(), problem: "the file ends in its header".into() });
    };
    // The header of a file that was just made may still be in the log beside it.
    if application != APPLICATION && (application, version) != (0, 0) {
        return not_a_store("an SQLite database of another program");
    }
    check_version(path, version)?;
    Ok(false)
}

fn check_version(path: &Path, version: u32) -> Result<(), StoreError> {
    if version > SCHEMA_VERSION {
        return Err(StoreError::Newer { path: path.into(), found: version, known: SCHEMA_VERSION });
    }
    Ok(())
}

enum Problem {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Makes the schema, or brings it up to date.
fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Problem> {
    connection.busy_timeout(BUSY)?;
    let number = |connection: &Connection, name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(|number| number as u32)
    };
    let tables = "SELECT count(*) FROM sqlite_schema";
    let is_empty = connection.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0;
    if !is_empty && number(connection, "application_id")? != APPLICATION {
        let found = "an SQLite database of another program";
        return Err(Problem::Store(StoreError::NotAStore { path: path.into(), found }));
    }
    check_version(path, number(connection, "user_version")?).map_err(Problem::Store)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit is on the disk when it returns.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    connection.set_prepared_statement_cache_capacity(64);
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Somebody else may have been first.
    let version = number(&transaction, "user_version")?;
    check_version(path, version).map_err(Problem::Store)?;
    if version == 0 {
        transaction.execute_batch(include_str!("schema.sql"))?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
    }
    if version < SCHEMA_VERSION {
        let missing = MIGRATIONS.get(version.max(1) as usize - 1..).filter(|_| version > 0).unwrap_or_default();
        for migration in missing {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    }
    Ok(())
}
