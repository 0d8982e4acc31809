//! Reading and writing files whole, without waiting for whoever is at the other end of what is none.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Links that lead to a file one after the other.
const MOST_LINKS: usize = 40;

/// Opens a file in a way that does not wait, even if the file has become a pipe since somebody looked.
fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
    options
}

/// Refuses a pipe: opening one waits for whoever is at its other end, and nobody could call that off.
fn no_pipe(path: &Path, metadata: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()) {
        return Err(io::Error::other(format!("{} is a pipe", path.display())));
    }
    let _ = (path, metadata);
    Ok(())
}

/// Whether this is where nothing comes from: a device, but one that is as good as an empty file.
fn is_null(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let is_same = |null: Metadata| null.file_type().is_char_device() && null.rdev() == metadata.rdev();
        metadata.file_type().is_char_device() && fs::metadata("/dev/null").is_ok_and(is_same)
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

fn only_regular(path: &Path, metadata: &Metadata) -> io::Result<()> {
    no_pipe(path, metadata)?;
    match metadata.is_dir() {
        _ if metadata.is_file() || is_null(metadata) => Ok(()),
        // As the system says it, with its number.
        #[cfg(unix)]
        true => Err(io::Error::from_raw_os_error(libc::EISDIR)),
        _ => Err(io::Error::other(format!("{} is no regular file", path.display()))),
    }
}

/// The content of a regular file of at most `max` bytes.
pub(super) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    // Opening may do something of its own where this is a device, so the look comes first, and again when it is open.
    only_regular(path, &fs::metadata(path)?)?;
    let file = without_waiting(OpenOptions::new().read(true)).open(path)?;
    let metadata = file.metadata()?;
    only_regular(path, &metadata)?;
    let too_large = || io::Error::other(format!("{} has more than {max} bytes", path.display()));
    if metadata.len() > max {
        return Err(too_large());
    }
    let mut content = Vec::new();
    content.try_reserve_exact(metadata.len() as usize).map_err(io::Error::other)?;
    // It may grow while it is read, and some files of the system have no length.
    file.take(max.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > max { Err(too_large()) } else { Ok(content) }
}

/// Adds `content` to the end of a file, which is made if there is none.
pub(super) fn append(path: &Path, content: &[u8], sync: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => no_pipe(path, &metadata)?,
        _ => _ = without_waiting(&mut options),
    }
    let mut file = options.open(path)?;
    no_pipe(path, &file.metadata()?)?;
    file.write_all(content)?;
    if sync { file.sync_all() } else { Ok(()) }
}

/// Puts `content` into the place of a file at once: it is written to a new file beside it, which nobody else can read, write or
/// guess, and which then takes the place. The file keeps its owner and mode. With `sync` all of it is on the disk afterwards.
pub(super) fn replace(path: &Path, content: &[u8], sync: bool) -> io::Result<()> {
    let replaced = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Some(metadata),
        Ok(metadata) => {
            // A device or a folder cannot be replaced; the system says what can be done with it.
            no_pipe(path, &metadata)?;
            return fs::write(path, content);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = target(path)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if replaced.is_some() {
        // Until it is known who may read it, nobody else may. What is new may be read by whom the process lets read its files.
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut names = tempfile::Builder::new();
    let mut beside = names.prefix(".").suffix(".part").rand_bytes(12).make_in(folder, |path| options.open(path))?;
    if let Some(replaced) = &replaced {
        take_after(beside.as_file(), replaced)?;
    }
    beside.as_file_mut().write_all(content)?;
    if sync {
        beside.as_file().sync_all()?;
    }
    beside.persist(&target).map_err(|error| error.error)?;
    #[cfg(unix)]
    if sync {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Gives a file the owner and mode of another one. A group that it cannot be given to may do no more with it than everybody.
fn take_after(file: &File, other: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let own = file.metadata()?;
        let mut mode = other.mode() & 0o777;
        if own.uid() != other.uid() {
            // Only the system's administrator may give files away; for all others it becomes a file of their own.
            let _ = fchown(file, Some(other.uid()), None);
        }
        if own.gid() != other.gid() && fchown(file, None, Some(other.gid())).is_err() {
            mode &= 0o707 | (mode & 0o007) << 3;
        }
        file.set_permissions(fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    file.set_permissions(other.permissions())
}

/// What a link leads to, whether or not it is there: that is replaced, not the link.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&target) else { return Ok(target) };
        target = target.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(io::Error::other(format!("{} leads from link to link", path.display())))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn nothing_but_regular_files_is_read() {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(read(&pipe, 10).unwrap_err().to_string().ends_with("is a pipe"));
        assert!(append(&pipe, b"x", false).is_err() && replace(&pipe, b"x", false).is_err());
        assert_eq!(read(Path::new("/dev/zero"), 10).unwrap_err().to_string(), "/dev/zero is no regular file");
        assert_eq!(read(Path::new("/dev/null"), 10).unwrap(), b"");
        assert_eq!(read(folder.path(), 10).unwrap_err().raw_os_error(), Some(libc::EISDIR));
        // It has no length of its own.
        assert!(!read(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
    }

    #[test]
    fn names_may_be_as_long_as_the_file_system_lets_them() {
        let folder = folder();
        for name in ["n".repeat(255), "é".repeat(127)] {
            let path = folder.path().join(name);
            replace(&path, b"old", false).unwrap();
            replace(&path, b"new", true).unwrap();
            assert_eq!(read(&path, 10).unwrap(), b"new");
        }
        let error = replace(&folder.path().join("n".repeat(256)), b"", false).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENAMETOOLONG));
        let error = replace(&folder.path().join("no/file"), b"", false).unwrap_err();
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside the files");
    }

    #[test]
    fn links_are_followed_also_where_nothing_is_yet() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("in")).unwrap();
        symlink("in/second", at("first")).unwrap();
        symlink("../file", at("in/second")).unwrap();
        for content in ["new", "newer"] {
            replace(&at("first"), content.as_bytes(), false).unwrap();
            assert_eq!(fs::read_to_string(at("file")).unwrap(), content);
        }
        assert!(fs::symlink_metadata(at("first")).unwrap().is_symlink());
        symlink("ring", at("ring")).unwrap();
        assert!(replace(&at("ring"), b"", false).is_err());
    }

    #[test]
    fn a_replaced_file_keeps_its_mode() {
        let folder = folder();
        let path = folder.path().join("file");
        for kept in [0o600, 0o640, 0o444, 0o755] {
            fs::write(&path, "old").ok();
            fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
            replace(&path, b"new", false).unwrap();
            assert_eq!(mode(&path), kept);
            assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
        }
        let (usual, new) = (folder.path().join("usual"), folder.path().join("new"));
        fs::write(&usual, "").unwrap();
        replace(&new, b"", false).unwrap();
        assert_eq!(mode(&new), mode(&usual));
    }

    #[test]
    fn nobody_sees_the_content_with_another_mode() {
        let folder = folder();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let written = std::thread::spawn({
            let path = path.clone();
            move || (0..200).for_each(|_| replace(&path, &vec![b'x'; 100_000], false).unwrap())
        });
        while !written.is_finished() {
            for entry in fs::read_dir(folder.path()).unwrap().flatten() {
                // It may have taken its place meanwhile.
                let Ok(metadata) = entry.metadata() else { continue };
                assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
            }
        }
        written.join().unwrap();
    }
}
