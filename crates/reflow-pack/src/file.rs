//! Opening files that somebody named: regular ones only.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::PackError;

/// How long a pipe may stand in the place of a file before it is refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// Opens a regular file for reading. A device or a folder is refused at once: reading one could wait for ever. So is a pipe, but
/// not before it was given a moment to make way for the file that somebody is putting in its place.
pub(crate) fn open_regular(path: &Path) -> Result<File, PackError> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Otherwise opening a pipe would wait for somebody to write to it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    let refuse = || PackError::NotAFile { path: path.into() };
    // Opening some devices does something already, and Windows opens no folders.
    let look = || std::fs::metadata(path).map_err(PackError::io("open", path));
    let mut found = look()?;
    let until = Instant::now() + PATIENCE;
    while is_pipe(&found) && Instant::now() < until {
        std::thread::sleep(PATIENCE / 20);
        found = look()?;
    }
    if !found.is_file() {
        return Err(refuse());
    }
    let file = options.open(path).map_err(PackError::io("open", path))?;
    let is_file = file.metadata().map_err(PackError::io("look at", path))?.is_file();
    if is_file { Ok(file) } else { Err(refuse()) }
}

#[cfg(unix)]
fn is_pipe(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&found.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &std::fs::Metadata) -> bool {
    false
}

/// The content of a regular file of at most `most` bytes.
pub(crate) fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>, PackError> {
    let mut content = Vec::new();
    let mut file = open_regular(path)?.take(most.saturating_add(1));
    file.read_to_end(&mut content).map_err(PackError::io("read", path))?;
    if content.len() as u64 > most {
        return Err(PackError::TooLarge { path: path.into(), most });
    }
    Ok(content)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [&*pipe, home.path(), Path::new("/dev/zero")] {
            assert!(matches!(open_regular(path), Err(PackError::NotAFile { .. })), "{}", path.display());
        }
        let file = home.path().join("file");
        std::fs::write(&file, b"12345").unwrap();
        assert_eq!(read_regular(&file, 5).unwrap(), b"12345");
        assert!(read_regular(&file, 4).unwrap_err().to_string().contains("4 bytes"));
    }
}
