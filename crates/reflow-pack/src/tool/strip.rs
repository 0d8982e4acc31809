//! Stripping a bundle to one target.

use std::path::{Path, PathBuf};

use super::build::Packed;
use crate::bundle::{self, Bundle, HOST_TRIPLE};
use crate::error::PackError;
use crate::manifest::Manifest;
use crate::signature::SigningKey;

/// Writes a bundle with the libraries of one target (by default this machine's) to `output`.
///
/// The manifest changes with it, so a signature does not survive: give the key to sign again.
///
/// # Errors
/// When the bundle has nothing for the target, or cannot be read or written.
pub fn strip(path: &Path, triple: Option<&str>, output: &Path, key: Option<&SigningKey>) -> Result<Packed, PackError> {
    let triple = triple.unwrap_or(HOST_TRIPLE);
    let mut bundle = Bundle::open(path)?;
    let whole = bundle.manifest().clone();
    let Some(target) = whole.targets.get(triple) else {
        return Err(PackError::NoTarget {
            path: path.into(),
            host: triple.into(),
            present: whole.targets.into_keys().collect(),
        });
    };
    let goes = |file: &String| whole.targets.values().any(|other| other.file == *file) && *file != target.file;
    let mut files = Vec::new();
    for name in whole.files.keys().filter(|file| !goes(file)) {
        files.push((name.clone(), bundle.file(name)?));
    }
    let targets = [(triple.to_string(), target.clone())].into();
    let bytes = bundle::write(Manifest { targets, ..whole.clone() }, &files, key);
    bundle::save(&bytes, output)?;
    let manifest = Bundle::open(output)?.manifest().clone();
    Ok(Packed { path: PathBuf::from(output), manifest })
}
