//! The lock that a process holds while it changes a database.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{AssetError, AtPath};
use crate::stamp::Stamp;

/// How long another process may keep the lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// The lock of one database in one process.
#[derive(Debug)]
pub(crate) struct Lock {
    folder: PathBuf,
    path: PathBuf,
    file: Option<File>,
}

impl Lock {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), path: folder.join(".lock"), file: None }
    }

    /// Forgets the open file. A process that was forked shares it, and with it the lock.
    pub(crate) fn forget(&mut self) {
        self.file = None;
    }

    /// Waits for the lock; it is held until [`release`](Self::release).
    pub(crate) fn acquire(&mut self) -> Result<(), AssetError> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(50);
        loop {
            let file = match self.file.take() {
                Some(file) => file,
                None => OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(&self.path)
                    .at("open", &self.path)?,
            };
            match file.try_lock() {
                // A file that is not there any more locks nobody out.
                Ok(()) if self.is_current(&file)? => {
                    self.file = Some(file);
                    return Ok(());
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                    return Err(AssetError::Locked { folder: self.folder.clone(), seconds: PATIENCE.as_secs() });
                }
                Err(TryLockError::WouldBlock) => {
                    self.file = Some(file);
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(5));
                }
                Err(TryLockError::Error(error)) => return Err(error).at("lock", &self.path),
            }
        }
    }

    fn is_current(&self, file: &File) -> Result<bool, AssetError> {
        let own = Stamp::of(&file.metadata().at("look at", &self.path)?);
        let named = Stamp::of_path(&self.path).at("look at", &self.path)?;
        Ok(own.inode == named.inode && named.exists())
    }

    pub(crate) fn release(&mut self) {
        // Dropping the file lets go of it as well.
        if self.file.as_ref().is_some_and(|file| file.unlock().is_err()) {
            self.file = None;
        }
    }
}
