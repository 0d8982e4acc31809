//! Signing bundles, and the files that keys live in.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::bundle::{self, Bundle};
use crate::error::PackError;
use crate::file::read_regular;
use crate::signature::SigningKey;

/// Signs a bundle in place, in place of a signature that it has.
///
/// # Errors
/// When it is not a whole bundle or cannot be written.
pub fn sign(path: &Path, key: &SigningKey) -> Result<(), PackError> {
    let mut bundle = Bundle::open(path)?;
    let names: Vec<_> = bundle.manifest().files.keys().cloned().collect();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let content = bundle.file(&name)?;
        files.push((name, content));
    }
    let bytes = bundle::write(bundle.manifest().clone(), &files, Some(key));
    drop(bundle);
    bundle::save(&bytes, path)
}

/// Reads a secret key out of its file.
///
/// # Errors
/// When the file cannot be read or holds no key.
pub fn read_key(path: &Path) -> Result<SigningKey, PackError> {
    /// A key is 64 digits.
    const LARGEST_KEY: u64 = 4096;
    String::from_utf8_lossy(&read_regular(path, LARGEST_KEY)?).parse()
}

/// Writes a secret key into a new file that only its owner can read.
///
/// # Errors
/// When there is a file already, or it cannot be written.
pub fn write_key(path: &Path, key: &SigningKey) -> Result<(), PackError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(PackError::io("make", path))?;
    writeln!(file, "{}", key.to_secret_hex()).map_err(PackError::io("write", path))
}
