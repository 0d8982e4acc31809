//! Big payloads: files beside the database, named by their content.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// From how many bytes on a payload is a file.
pub(crate) const BIG: usize = 64 << 10;

/// The name of a content.
pub(crate) type Hash = [u8; 32];

/// How many payloads are remembered as durable.
const REMEMBERED: usize = 1 << 16;

/// The folder of big payloads.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    /// Those whose names this process has synced. One that is only there may be of a process that was killed before it did.
    durable: Arc<Mutex<HashSet<Hash>>>,
}

impl Files {
    pub(crate) fn beside(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-files");
        Self { folder: name.into(), durable: Arc::default() }
    }

    fn path(&self, hash: &[u8]) -> PathBuf {
        let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'));
        let text: String = hash.iter().flat_map(digits).collect();
        self.folder.join(&text[..2]).join(&text[2..])
    }

    /// Keeps a payload of several parts, durably.
    pub(crate) fn put(&self, parts: &[&[u8]]) -> Result<Hash, StoreError> {
        let mut hasher = Sha256::new();
        parts.iter().for_each(|part| hasher.update(part));
        let hash: Hash = hasher.finalize().into();
        let path = self.path(&hash);
        let is_there = path.exists();
        if is_there && self.durable.lock().contains(&hash) {
            return Ok(hash);
        }
        let kept = if is_there { Ok(()) } else { self.write(&path, parts) };
        kept.and_then(|()| self.sync_name(&path)).map_err(|error| StoreError::io(&path, &error))?;
        let mut durable = self.durable.lock();
        if durable.len() >= REMEMBERED {
            durable.clear();
        }
        durable.insert(hash);
        Ok(hash)
    }

    fn write(&self, path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let unfinished = folder.join(format!("{}.{}", std::process::id(), fastrand_name()));
        let mut file = File::create(&unfinished)?;
        let written = parts.iter().try_for_each(|part| file.write_all(part)).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| fs::rename(&unfinished, path)) {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        Ok(())
    }

    /// Makes the name of a payload as durable as its content.
    fn sync_name(&self, path: &Path) -> std::io::Result<()> {
        [path.parent(), Some(&*self.folder), self.folder.parent()].into_iter().flatten().try_for_each(sync_folder)
    }

    pub(crate) fn get(&self, hash: &[u8]) -> Result<Vec<u8>, StoreError> {
        let path = self.path(hash);
        fs::read(&path).map_err(|error| StoreError::Payload { path, problem: error.to_string() })
    }

    pub(crate) fn remove(&self, hash: &[u8]) {
        // One that is not there any more is as good as removed.
        let _ = fs::remove_file(self.path(hash));
    }
}

/// Makes the names in a folder durable, where the system can.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let here = Path::new(".");
    match File::open(if folder.as_os_str().is_empty() { here } else { folder })?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// A name that no other thread of this process uses.
fn fastrand_name() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
