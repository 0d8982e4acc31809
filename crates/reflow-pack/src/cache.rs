//! Where files of packs are unpacked: a private directory of the user, addressed by content.
//!
//! A file lies below its SHA-256. It is written under another name and renamed, so readers see all of it or nothing, and
//! two processes that unpack the same pack at once write the same bytes. What is there already is used only when its
//! SHA-256 is still right, and what nobody vouches for is removed.
//!
//! A bundle all of whose files were right once is remembered by the SHA-256 of its bytes: the same bytes need not be unpacked again
//! to be found right.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest::{sha256, sha256_of};
use crate::error::PackError;
use crate::file::open_regular;
use crate::manifest::FileDigest;

/// Overrides where the cache is.
pub(crate) const VARIABLE: &str = "REFLOW_PACK_CACHE";
/// The layout; another one gets a directory of its own.
const LAYOUT: &str = "v1";

/// What the directory is called that stands for a bundle that was found right.
const VERIFIED: &str = "verified";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// What was unpacked.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The directory that was made for it, if there was none: to be removed when the pack is refused after all.
    pub(crate) new: Option<PathBuf>,
}

/// The private cache.
#[derive(Debug)]
pub(crate) struct Cache(PathBuf);

impl Cache {
    /// The cache in `directory`, or in the user's usual place.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, PackError> {
        let root = root(directory)?;
        let layout = root.join(LAYOUT);
        for directory in [&root, &layout] {
            make_private(directory)?;
        }
        Ok(Self(layout))
    }

    /// Whether every file of the bundle with these bytes was found right before. Asking makes no directory.
    pub(crate) fn has_verified(directory: Option<&Path>, bundle: &str) -> bool {
        let Ok(root) = root(directory) else { return false };
        let layout = root.join(LAYOUT);
        let verified = layout.join(bundle).with_extension(VERIFIED);
        [&root, &layout, &verified].into_iter().all(|directory| check_private(directory).is_ok())
    }

    /// Remembers that every file of the bundle with these bytes is right; the directory that was made for it. A cache that takes
    /// nothing more costs time, no more than that.
    pub(crate) fn keep_verified(&self, bundle: &str) -> Option<PathBuf> {
        let directory = self.0.join(bundle).with_extension(VERIFIED);
        (!directory.exists() && make_private(&directory).is_ok()).then_some(directory)
    }

    /// The path of a file with this SHA-256, which `content` gives when it is not there yet.
    pub(crate) fn file(
        &self,
        name: &str,
        digest: &FileDigest,
        content: impl FnOnce() -> Result<Vec<u8>, PackError>,
    ) -> Result<Unpacked, PackError> {
        let directory = self.0.join(&digest.sha256);
        let name = Path::new(name).file_name().unwrap_or_default();
        let path = directory.join(name);
        let is_new = !directory.exists();
        make_private(&directory)?;
        sweep(&directory, &HashSet::from([path.clone()]))?;
        if !is_intact(&path, digest) {
            self.place(&content()?, &path)?;
        }
        Ok(Unpacked { path, new: is_new.then_some(directory) })
    }

    /// The path of a directory with these files, addressed by `identity`. Files are given by their name below it.
    pub(crate) fn tree(
        &self,
        identity: &str,
        files: &[(String, FileDigest)],
        mut content: impl FnMut(&str) -> Result<Vec<u8>, PackError>,
    ) -> Result<Unpacked, PackError> {
        let directory = self.0.join(format!("{identity}.tree"));
        let is_new = !directory.exists();
        make_private(&directory)?;
        let listed = files.iter().flat_map(|(name, _)| Path::new(name).ancestors().map(|part| directory.join(part)));
        sweep(&directory, &listed.collect())?;
        for (name, digest) in files {
            let path = directory.join(name);
            if is_intact(&path, digest) {
                continue;
            }
            if let Some(parent) = path.parent() {
                make_all_private(parent, &directory)?;
            }
            self.place(&content(name)?, &path)?;
        }
        Ok(Unpacked { new: is_new.then(|| directory.clone()), path: directory })
    }

    /// Puts a whole file at `path` at once.
    fn place(&self, content: &[u8], path: &Path) -> Result<(), PackError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let part = self.0.join(format!("{}-{number}.part", std::process::id()));
        let written = create_private(&part).and_then(|mut file| {
            file.write_all(content)?;
            // What is renamed must be on disk before its new name is.
            file.sync_data()
        });
        let placed = written.and_then(|()| fs::rename(&part, path));
        if placed.is_err() {
            let _ = fs::remove_file(&part);
        }
        // Elsewhere a file in use cannot be replaced; then somebody else has put it there.
        match placed {
            Err(_) if digest_of(path).is_some_and(|found| found == sha256(content)) => Ok(()),
            placed => placed.map_err(PackError::io("write", path)),
        }
    }
}

/// Whether the file is there as it should be. A link is not.
fn is_intact(path: &Path, digest: &FileDigest) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == digest.size)
        && digest_of(path).is_some_and(|found| found == digest.sha256)
}

fn digest_of(path: &Path) -> Option<String> {
    sha256_of(open_regular(path).ok()?).ok()
}

/// Removes everything below `directory` that is not listed: whoever put it there, nobody vouches for it.
fn sweep(directory: &Path, listed: &HashSet<PathBuf>) -> Result<(), PackError> {
    let entries = fs::read_dir(directory).map_err(PackError::io("look into", directory))?;
    for entry in entries {
        let entry = entry.map_err(PackError::io("look into", directory))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(PackError::io("look at", entry.path()))?);
        let is_listed = listed.contains(&path) && !kind.is_symlink();
        let swept = match kind.is_dir() {
            true if is_listed => sweep(&path, listed),
            true => fs::remove_dir_all(&path).map_err(PackError::io("remove", &path)),
            false if is_listed => Ok(()),
            false => fs::remove_file(&path).map_err(PackError::io("remove", &path)),
        };
        // Another process may sweep at the same time.
        if path.symlink_metadata().is_ok() {
            swept?;
        }
    }
    Ok(())
}

fn from_environment(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The directory that was asked for, or that of the user.
fn root(directory: Option<&Path>) -> Result<PathBuf, PackError> {
    let root = match directory.map(Path::to_path_buf).or_else(|| from_environment(VARIABLE)) {
        Some(directory) => directory,
        None => usual_place()?,
    };
    std::path::absolute(&root).map_err(PackError::io("find", &root))
}

fn usual_place() -> Result<PathBuf, PackError> {
    let below_home = |place: &str| from_environment("HOME").map(|home| home.join(place));
    let place = if cfg!(windows) {
        from_environment("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        below_home("Library/Caches")
    } else {
        from_environment("XDG_CACHE_HOME").filter(|place| place.is_absolute()).or_else(|| below_home(".cache"))
    };
    place.map(|place| place.join("offbit-reflow-packs")).ok_or_else(|| PackError::Cache {
        path: PathBuf::new(),
        problem: format!("this user has no home directory; name a private one in {VARIABLE}"),
    })
}

fn make_all_private(directory: &Path, root: &Path) -> Result<(), PackError> {
    if directory != root
        && let Some(parent) = directory.parent()
    {
        make_all_private(parent, root)?;
    }
    make_private(directory)
}

/// Makes a directory that only its owner can change, or checks that it is one.
fn make_private(directory: &Path) -> Result<(), PackError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(PackError::io("make", directory))?;
    check_private(directory)
}

/// Checks that a directory is one that only its owner can change.
fn check_private(directory: &Path) -> Result<(), PackError> {
    let found = fs::symlink_metadata(directory).map_err(PackError::io("look at", directory))?;
    let refuse = |problem: &str| Err(PackError::Cache { path: directory.into(), problem: problem.into() });
    if !found.is_dir() {
        return refuse("it is a link or a file, not a directory of its own");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if found.mode() & 0o022 != 0 {
            return refuse("others may write to it; make it private (chmod 700)");
        }
        if found.uid() != own_uid() {
            return refuse("it belongs to another user");
        }
    }
    Ok(())
}

fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn own_uid() -> u32 {
    crate::loader::own_uid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_unpacked_once_and_again_when_it_was_changed() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(home.path())).unwrap();
        let unpacked = cache.file("lib/a.so", &FileDigest::of(b"code"), || Ok(b"code".to_vec())).unwrap();
        let path = unpacked.path;
        assert_eq!(unpacked.new.as_deref(), path.parent());
        assert_eq!(fs::read(&path).unwrap(), b"code");
        cache.file("lib/a.so", &FileDigest::of(b"code"), || panic!("unpacked twice")).unwrap();
        fs::write(&path, b"evil").unwrap();
        cache.file("lib/a.so", &FileDigest::of(b"code"), || Ok(b"code".to_vec())).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"code");
        let names: Vec<_> = fs::read_dir(home.path().join(LAYOUT)).unwrap().collect();
        assert_eq!(names.len(), 1, "something was left behind: {names:?}");
    }

    #[test]
    fn a_tree_keeps_its_folders() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(home.path())).unwrap();
        let files = [("acme/__init__.py".to_string(), FileDigest::of(b"x"))];
        let unpack = || cache.tree("id", &files, |_| Ok(b"x".to_vec())).unwrap();
        let tree = unpack().path;
        assert_eq!(fs::read(tree.join("acme/__init__.py")).unwrap(), b"x");
        // What somebody puts beside it goes, and what it points to stays.
        fs::write(home.path().join("mine"), b"mine").unwrap();
        fs::create_dir_all(tree.join("acme/__pycache__")).unwrap();
        fs::write(tree.join("acme/__pycache__/__init__.cpython-311.pyc"), b"evil").unwrap();
        fs::write(tree.join("json.py"), b"evil").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(home.path(), tree.join("other")).unwrap();
            fs::remove_file(tree.join("acme/__init__.py")).unwrap();
            std::os::unix::fs::symlink(home.path().join("mine"), tree.join("acme/__init__.py")).unwrap();
        }
        assert_eq!(unpack().new, None);
        assert_eq!(fs::read(tree.join("acme/__init__.py")).unwrap(), b"x");
        assert_eq!(fs::read(home.path().join("mine")).unwrap(), b"mine");
        let names = |directory: &Path| fs::read_dir(directory).unwrap().count();
        assert_eq!((names(&tree), names(&tree.join("acme"))), (1, 1));
    }

    #[test]
    fn a_bundle_is_remembered_by_its_bytes() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("cache");
        assert!(!Cache::has_verified(Some(&place), "one") && !place.exists());
        let cache = Cache::open(Some(&place)).unwrap();
        let made = cache.keep_verified("one").unwrap();
        assert!(Cache::has_verified(Some(&place), "one") && !Cache::has_verified(Some(&place), "two"));
        assert_eq!(cache.keep_verified("one"), None);
        // What others may write to vouches for nothing.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&made, fs::Permissions::from_mode(0o777)).unwrap();
            assert!(!Cache::has_verified(Some(&place), "one"));
        }
        fs::remove_dir(made).unwrap();
        assert!(!Cache::has_verified(Some(&place), "one"));
    }

    #[cfg(unix)]
    #[test]
    fn a_shared_directory_or_a_link_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let shared = home.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::open(Some(&shared)).unwrap_err().to_string().contains("private"));
        let link = home.path().join("link");
        std::os::unix::fs::symlink(home.path(), &link).unwrap();
        assert!(Cache::open(Some(&link)).unwrap_err().to_string().contains("link"));
    }
}
