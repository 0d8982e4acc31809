//! The journal: changes since the manifest was written, a line each.
//!
//! A line is a checksum and JSON. The first one says which manifest the others go over. A line that a crash has cut off ends
//! the journal; it was never acknowledged.

use std::hash::Hasher;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::entry::Entry;
use crate::error::AssetError;
use crate::stamp::Stamp;

/// A line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first.
    Header(Header),
    /// Changes that belong together.
    Changes(Changes),
    /// A manifest that holds everything up to a number is about to take its place.
    Checkpoint(Checkpoint),
}

/// What a journal goes over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The manifest.
    pub(crate) manifest: Stamp,
    /// The number of the last change that it holds.
    pub(crate) number: u64,
    /// Tells this line of journals from others.
    pub(crate) lineage: u64,
}

/// Changes that belong together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Changes {
    pub(crate) number: u64,
    pub(crate) at: Arc<str>,
    pub(crate) list: Vec<Change>,
}

/// A manifest that holds everything up to a number.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) manifest: Stamp,
    pub(crate) number: u64,
}

/// What became of one asset.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Put(Arc<Entry>),
    Delete(Arc<str>),
}

impl Line {
    /// The line as bytes, its end included.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut line = format!("{:016x} ", checksum(&json)).into_bytes();
        line.extend(json);
        line.push(b'\n');
        line
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(bytes);
    hasher.finish()
}

/// The lines in some bytes, each with the place where it ends; what is behind them was cut off.
///
/// # Errors
/// When a broken line is followed by a sound one: that is no crash.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Vec<(Line, u64)>, AssetError> {
    let mut lines = Vec::new();
    let (mut at, mut broken) = (0_u64, None);
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        at += line.len() as u64;
        match (parse(line), broken) {
            (Some(line), None) => lines.push((line, at)),
            (Some(_), Some(line)) => return Err(AssetError::Journal { path: path.to_path_buf(), line }),
            (None, None) => broken = Some(index + 1),
            (None, Some(_)) => {}
        }
    }
    Ok(lines)
}

fn parse(line: &[u8]) -> Option<Line> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(16)?;
    let json = json.strip_prefix(b" ")?;
    let sum = u64::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == checksum(json)).then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_ends_the_journal() {
        let change = |number| {
            Line::Changes(Changes { number, at: "".into(), list: vec![Change::Delete("a".into())] }).to_bytes()
        };
        let whole = [change(1), change(2)].concat();
        for length in 0..=whole.len() {
            let lines = read(Path::new("j"), &whole[..length]).unwrap();
            assert_eq!(lines.len(), usize::from(length >= change(1).len()) + usize::from(length == whole.len()));
        }
        let mut damaged = whole.clone();
        damaged[20] ^= 1;
        assert!(matches!(read(Path::new("j"), &damaged), Err(AssetError::Journal { line: 1, .. })));
    }
}
