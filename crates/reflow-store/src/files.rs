//! Big payloads: files beside the database, named by their content.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// From how many bytes on a payload is a file.
pub(crate) const BIG: usize = 64 << 10;

/// The name of a content.
pub(crate) type Hash = [u8; 32];

/// The folder of big payloads.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(crate) fn beside(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-files");
        Self { folder: name.into() }
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
        if path.exists() {
            return Ok(hash);
        }
        self.write(&path, parts).map_err(|error| StoreError::io(&path, &error))?;
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
        // The name is as durable as the content.
        for folder in [Some(folder), Some(&*self.folder), self.folder.parent()].into_iter().flatten() {
            if let Ok(folder) = File::open(folder) {
                let _ = folder.sync_all();
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, hash: &[u8]) -> Result<Vec<u8>, StoreError> {
        let path = self.path(hash);
        fs::read(&path)
            .map_err(|error| StoreError::Broken { path, problem: format!("a payload cannot be read: {error}") })
    }

    pub(crate) fn remove(&self, hash: &[u8]) {
        // One that is not there any more is as good as removed.
        let _ = fs::remove_file(self.path(hash));
    }
}

/// A name that no other thread of this process uses.
fn fastrand_name() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
