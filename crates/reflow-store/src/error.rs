//! `StoreError`: what is wrong with a store.

use std::path::PathBuf;
use std::sync::Arc;

use reflow_runtime::journal::JournalError;
use reflow_runtime::suggestion;

/// What is wrong with a store. Whatever it is, the file is as it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is no store.
    #[error("{path}: this is no store of runs ({found}); give the path of a store, or one that does not exist yet")]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// A newer version wrote it.
    #[error(
        "{path}: the store has schema version {found}, and this version of offbit-reflow knows up to {known}; install a newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is known.
        known: u32,
    },
    /// The file cannot be written.
    #[error("{path}: the store cannot be written: it, or its folder, is read-only")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process keeps it to itself.
    #[error("{path}: the store is locked by another program, and was still so after {waited_s} s")]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long it was waited for.
        waited_s: u64,
    },
    /// There is no room.
    #[error("{path}: there is no room left on the disk; everything before that is safe, and the run can be resumed")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{path}: the store is damaged ({problem}); restore it from a copy, or try `sqlite3 {path} .recover`")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        problem: String,
    },
    /// A big payload is missing or unreadable.
    #[error(
        "{path}: a payload of the store cannot be read ({problem}); restore its folder, beside the database, from a copy"
    )]
    Payload {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// It cannot be opened.
    #[error("{path}: the store cannot be opened: {problem}")]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Something else.
    #[error("{path}: {problem}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What.
        problem: String,
    },
    /// There is no such run.
    #[error("{path}: there is no run `{run}`{}", .meant.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    NoRun {
        /// The file.
        path: PathBuf,
        /// The id that was asked for.
        run: String,
        /// One that there is.
        meant: Option<String>,
    },
    /// There is such a run already.
    #[error("{path}: there is a run `{run}` already; resume it, or choose another id")]
    RunExists {
        /// The file.
        path: PathBuf,
        /// The id.
        run: String,
    },
    /// Another process works on the run.
    #[error("{path}: process {pid} on {host} is working on run `{run}`; a run has one process at a time")]
    Leased {
        /// The file.
        path: PathBuf,
        /// The run.
        run: String,
        /// The process.
        pid: u32,
        /// Its machine.
        host: String,
    },
    /// Another process has taken the run over.
    #[error("{path}: another process has taken run `{run}` over; this one writes no more")]
    TakenOver {
        /// The file.
        path: PathBuf,
        /// The run.
        run: String,
    },
    /// It was opened by a parent process.
    #[error("{path}: the store was opened before this process was forked; open it again")]
    Forked {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn no_run(path: &std::path::Path, run: &str, known: &[String]) -> Self {
        let meant = suggestion(run, known.iter().map(String::as_str));
        Self::NoRun { path: path.into(), run: run.into(), meant }
    }

    /// What an error of SQLite means for this file.
    pub(crate) fn of(path: &std::path::Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_path_buf();
        let problem = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::ReadOnly | Code::PermissionDenied) => Self::ReadOnly { path },
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
                Self::Locked { path, waited_s: crate::open::BUSY.as_secs() }
            }
            Some(Code::DiskFull) => Self::Full { path },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Broken { path, problem },
            Some(Code::CannotOpen) => Self::Unreachable { path, problem },
            _ => Self::Failed { path, problem },
        }
    }

    pub(crate) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full { path },
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => Self::ReadOnly { path },
            _ => Self::Failed { path, problem: error.to_string() },
        }
    }
}

impl From<StoreError> for JournalError {
    fn from(error: StoreError) -> Self {
        Self(Arc::from(error.to_string()))
    }
}
