//! `AssetError`: why the store cannot do something.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the store cannot do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetError {
    /// There is no asset of this id to get.
    #[error("Entity not found: {0}")]
    EntityNotFound(Arc<str>),
    /// There is no asset of this id to change.
    #[error("Asset not found: {0}")]
    AssetNotFound(Arc<str>),
    /// An id that no asset may have.
    #[error("an asset needs an id")]
    NoId,
    /// A value that would make the manifest unreadable.
    #[error("`{id}`: the data is nested more than {limit} levels deep")]
    TooDeep {
        /// The asset.
        id: Arc<str>,
        /// The levels allowed.
        limit: usize,
    },
    /// A value that is too large to be written as JSON.
    #[error("`{id}`: {source}")]
    TooLarge {
        /// The asset.
        id: Arc<str>,
        /// How large it may be.
        source: reflow_message::ValueError,
    },
    /// The manifest is none. It stays as it is.
    #[error("the manifest {} cannot be read, and is left as it is: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The journal is broken in the middle, which no crash does to it.
    #[error("the journal {} is damaged in line {line}, and is left as it is", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// Content is not what the manifest says.
    #[error("the content of `{id}` is damaged: {problem}")]
    Damaged {
        /// The asset.
        id: Arc<str>,
        /// In what way.
        problem: String,
    },
    /// Another process does not let go of the database.
    #[error("the database {} is in use: another process has held {} for {seconds} seconds", folder.display(), ".lock")]
    Locked {
        /// The database.
        folder: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The system refuses.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// What a function that was to change something has said.
    #[error("{0}")]
    Refused(String),
}

/// Says with which file something went wrong.
pub(crate) trait AtPath<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, AssetError>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, AssetError> {
        self.map_err(|source| AssetError::Io { action, path: path.to_path_buf(), source })
    }
}
