//! `Disk`: a database in its directory: manifest, journal and blobs, which several processes may share.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::blob;
use crate::delta::Delta;
use crate::entry::{Entry, now};
use crate::error::{AssetError, AtPath};
use crate::journal::{self, Change, Changes, Checkpoint, Header, Line};
use crate::lock::Lock;
use crate::stamp::Stamp;
use crate::table::Table;

/// So many files are brought to the disk one by one; more, all of the file system at once.
#[cfg(target_os = "linux")]
const SYNCED_SINGLY: usize = 8;

/// Nobody still writes a file for that long.
const ABANDONED: std::time::Duration = std::time::Duration::from_mins(10);

/// What this process knows of a database on disk.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    lock: Lock,
    process: u32,
    /// The manifest that the table goes over.
    manifest: Stamp,
    journal: Option<Journal>,
    lineage: u64,
    /// The last change in the table, and the last one in the manifest.
    number: u64,
    saved: u64,
    /// Whether the manifest was changed by somebody who does not know the journal.
    is_merged: bool,
    /// Blobs that were written since the last checkpoint.
    fresh: Vec<PathBuf>,
    /// Hashes that nothing uses any more, and the change after which that was so.
    unused: Vec<(u64, Arc<str>)>,
    /// Whether a process ended in the middle of something, so that there may be files which nobody knows.
    needs_sweep: bool,
}

#[derive(Debug)]
struct Journal {
    file: File,
    /// Whether the file was opened for writing: there are disks that one may only read, for a time.
    is_writable: bool,
    inode: u64,
    /// The length that was seen, and how much of it was whole.
    length: u64,
    sound: u64,
}

/// A state that is on its way to the disk.
pub(crate) struct Snapshot {
    entries: Vec<Arc<Entry>>,
    number: u64,
    inode: Option<u64>,
    fresh: Vec<PathBuf>,
    folder: PathBuf,
}

impl Disk {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            lock: Lock::new(&folder),
            folder,
            process: std::process::id(),
            manifest: Stamp::default(),
            journal: None,
            lineage: 0,
            number: 0,
            saved: 0,
            is_merged: false,
            fresh: Vec::new(),
            unused: Vec::new(),
            needs_sweep: false,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn manifest_path(&self) -> PathBuf {
        self.folder.join("manifest.json")
    }

    fn journal_path(&self) -> PathBuf {
        self.folder.join(".journal")
    }

    /// Whether there is anything that the manifest does not hold yet.
    pub(crate) fn is_dirty(&self) -> bool {
        self.number > self.saved || self.is_merged
    }

    /// Locks the database for writing, which makes its directory, and takes over what others have written.
    pub(crate) fn begin(&mut self, table: &mut Table) -> Result<Vec<Delta>, AssetError> {
        self.notice_fork();
        if let Err(error) = self.lock.acquire() {
            let is_missing =
                matches!(&error, AssetError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
            if !is_missing {
                return Err(error);
            }
            let blobs = self.folder.join("blobs");
            create_folder(&blobs).at("create", &blobs)?;
            self.lock.acquire()?;
        }
        self.take_over(table).inspect_err(|_| self.lock.release())
    }

    /// Lets go of the lock.
    pub(crate) fn end(&mut self, table: &mut Table) {
        let number = self.number;
        self.unused.extend(table.take_unused().into_iter().map(|hash| (number, hash)));
        self.lock.release();
    }

    /// Takes over what others have written.
    pub(crate) fn refresh(&mut self, table: &mut Table) -> Result<Vec<Delta>, AssetError> {
        self.notice_fork();
        if self.is_current()? {
            return Ok(Vec::new());
        }
        // A database that may only be read has no lock, and a directory that is not there neither.
        let is_locked = self.folder.exists() && self.lock.acquire().map(|()| true).or_else(unlockable)?;
        let deltas = self.take_over(table);
        if is_locked {
            self.end(table);
        }
        deltas
    }

    /// A process that was forked shares open files with the other one.
    fn notice_fork(&mut self) {
        let process = std::process::id();
        if self.process != process {
            self.process = process;
            self.lock.forget();
            self.journal = None;
            self.manifest = Stamp::default();
        }
    }

    fn is_current(&self) -> Result<bool, AssetError> {
        let (manifest, journal) = (self.manifest_path(), self.journal_path());
        if Stamp::of_path(&manifest).at("look at", &manifest)? != self.manifest {
            return Ok(false);
        }
        let found = Stamp::of_path(&journal).at("look at", &journal)?;
        Ok(match &self.journal {
            Some(known) => (found.inode, found.length) == (known.inode, known.length),
            None => !found.exists(),
        })
    }

    fn take_over(&mut self, table: &mut Table) -> Result<Vec<Delta>, AssetError> {
        if self.is_current()? {
            return Ok(Vec::new());
        }
        match self.follow(table)? {
            Some(deltas) => Ok(deltas),
            None => self.load(table),
        }
    }

    /// Reads what was added to the journal; `None` when that does not tell everything.
    fn follow(&mut self, table: &mut Table) -> Result<Option<Vec<Delta>>, AssetError> {
        let path = self.journal_path();
        let Some(known) = &mut self.journal else { return Ok(None) };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("open", &path),
        };
        let stamp = Stamp::of(&file.metadata().at("look at", &path)?);
        let manifest = self.folder.join("manifest.json");
        let manifest = Stamp::of_path(&manifest).at("look at", &manifest)?;
        let is_same = stamp.inode == known.inode && manifest == self.manifest && stamp.length >= known.sound;
        let from = if is_same { known.sound } else { 0 };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut bytes)).at("read", &path)?;
        let lines = journal::read(&path, &bytes)?;
        let sound = from + lines.last().map_or(0, |(_, end)| *end);
        if is_same {
            (known.length, known.sound) = (stamp.length, sound);
        } else {
            let Some((Line::Header(header), _)) = lines.first() else { return Ok(None) };
            // Another process has written the manifest anew, and it holds nothing that is not in the table.
            if header.lineage != self.lineage || header.manifest != manifest || header.number > self.number {
                return Ok(None);
            }
            (self.manifest, self.saved, self.is_merged) = (manifest, header.number, false);
            let file = OpenOptions::new().append(true).open(&path).at("open", &path)?;
            self.journal = Some(Journal { file, is_writable: true, inode: stamp.inode, length: stamp.length, sound });
        }
        let mut deltas = Vec::new();
        for changes in lines
            .into_iter()
            .filter_map(|(line, _)| if let Line::Changes(changes) = line { Some(changes) } else { None })
        {
            if changes.number > self.number {
                self.number = changes.number;
                deltas.extend(apply(table, changes, |_, _| true));
            }
        }
        Ok(Some(deltas))
    }

    /// Reads everything.
    fn load(&mut self, table: &mut Table) -> Result<Vec<Delta>, AssetError> {
        let path = self.manifest_path();
        let (manifest, entries) = read_manifest(&path)?;
        let path = self.journal_path();
        let mut bytes = Vec::new();
        let mut is_writable = true;
        let file = match OpenOptions::new().read(true).append(true).open(&path).or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                is_writable = false;
                File::open(&path)
            }
            _ => Err(error),
        }) {
            Ok(mut file) => {
                file.read_to_end(&mut bytes).at("read", &path)?;
                Some(file)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).at("open", &path),
        };
        let lines = journal::read(&path, &bytes)?;
        let mut fresh = Table::of(entries);
        let header = match lines.first() {
            Some((Line::Header(header), _)) => Some(header.clone()),
            Some(_) => return Err(AssetError::Journal { path, line: 1 }),
            None => None,
        };
        self.journal = match (&header, file) {
            (Some(_), Some(file)) => {
                let stamp = Stamp::of(&file.metadata().at("look at", &path)?);
                let sound = lines.last().map_or(0, |(_, end)| *end);
                Some(Journal { file, is_writable, inode: stamp.inode, length: stamp.length, sound })
            }
            _ => None,
        };
        self.manifest = manifest;
        if let Some(header) = header {
            let checkpoint = lines.iter().find_map(|(line, _)| match line {
                Line::Checkpoint(checkpoint) if checkpoint.manifest == manifest => Some(checkpoint.number),
                _ => None,
            });
            let known = if header.manifest == manifest { Some(header.number) } else { checkpoint };
            (self.lineage, self.saved, self.number) = (header.lineage, known.unwrap_or(header.number), header.number);
            self.is_merged = known.is_none();
            for (line, _) in lines {
                let Line::Changes(mut changes) = line else { continue };
                // After a loss of power there may be the word of something that had not come to the disk itself.
                changes.list.retain(|change| self.has_content(change));
                self.needs_sweep = true;
                self.number = self.number.max(changes.number);
                if changes.number > self.saved {
                    // Who does not know the journal may have gone on since: the newer state of each asset counts.
                    let wins = |old: Option<&Arc<Entry>>, at: &str| {
                        known.is_some() || old.is_none_or(|old| *old.updated_at <= *at)
                    };
                    apply(&mut fresh, changes, wins);
                }
            }
            self.number = self.number.max(self.saved);
        } else {
            // A journal of a later time must not be taken for one of this.
            (self.lineage, self.number, self.saved, self.is_merged) = (0, 0, 0, false);
        }
        let deltas = differences(table, &fresh);
        *table = fresh;
        Ok(deltas)
    }

    /// Whether what a change puts is there.
    fn has_content(&self, change: &Change) -> bool {
        match change {
            Change::Put(entry) if entry.inline.is_none() => blob::path(&self.folder, &entry.hash)
                .is_none_or(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0 || entry.size == 0)),
            Change::Put(_) | Change::Delete(_) => true,
        }
    }

    /// Writes changes behind the others. The database is locked, and the table is current.
    pub(crate) fn append(&mut self, at: Arc<str>, list: Vec<Change>) -> Result<(), AssetError> {
        if self.journal.is_none() {
            self.start()?;
        }
        let path = self.journal_path();
        let number = self.number + 1;
        let line = Line::Changes(Changes { number, at, list }).to_bytes();
        self.write_line(&line).at("write", &path)?;
        self.number = number;
        Ok(())
    }

    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let path = self.journal_path();
        let Some(journal) = &mut self.journal else { return Err(io::ErrorKind::NotFound.into()) };
        if !journal.is_writable {
            journal.file = OpenOptions::new().append(true).open(path)?;
            journal.is_writable = true;
        }
        if journal.length > journal.sound {
            journal.file.set_len(journal.sound)?;
        }
        if let Err(error) = journal.file.write_all(line) {
            // A full disk: what got there is no line, and the next one must not follow it.
            journal.length = u64::MAX;
            if journal.file.set_len(journal.sound).is_ok() {
                journal.length = journal.sound;
            }
            return Err(error);
        }
        journal.sound += line.len() as u64;
        journal.length = journal.sound;
        Ok(())
    }

    /// Makes a manifest where there is none, and a journal.
    fn start(&mut self) -> Result<(), AssetError> {
        let blobs = self.folder.join("blobs");
        create_folder(&blobs).at("create", &blobs)?;
        if !self.manifest.exists() {
            let temporary = self.temporary("manifest");
            let path = self.manifest_path();
            write_synced(&temporary, b"[]").at("write", &temporary)?;
            self.manifest = Stamp::of_path(&temporary).at("look at", &temporary)?;
            fs::rename(&temporary, &path).at("write", &path)?;
        }
        self.lineage = lineage();
        self.write_journal(self.manifest, self.number, &[])
    }

    /// Puts a new journal in the place of the old one.
    fn write_journal(&mut self, manifest: Stamp, number: u64, lines: &[u8]) -> Result<(), AssetError> {
        let (temporary, path) = (self.temporary("journal"), self.journal_path());
        let mut bytes = Line::Header(Header { manifest, number, lineage: self.lineage }).to_bytes();
        bytes.extend_from_slice(lines);
        // On the disk before its name is: after a loss of power, a journal without its first line would say nothing.
        let written = write_synced(&temporary, &bytes)
            .and_then(|()| OpenOptions::new().append(true).open(&temporary))
            .and_then(|file| Ok((Stamp::of(&file.metadata()?), file)))
            .and_then(|made| fs::rename(&temporary, &path).map(|()| made));
        let (stamp, file) = written.inspect_err(|_| discard(&temporary)).at("write", &path)?;
        let (inode, length) = (stamp.inode, stamp.length);
        self.journal = Some(Journal { file, is_writable: true, inode, length, sound: length });
        Ok(())
    }

    /// A file of this process beside the ones whose place it takes.
    fn temporary(&self, name: &str) -> PathBuf {
        self.folder.join(format!(".{name}.{}.tmp", std::process::id()))
    }

    /// Writes content into its file. The database is locked.
    pub(crate) fn write_blob(&mut self, hash: &str, stored: &[u8]) -> Result<(), AssetError> {
        let Some(path) = blob::path(&self.folder, hash) else { return Ok(()) };
        let temporary = path.with_extension("tmp");
        let write = || fs::write(&temporary, stored).and_then(|()| fs::rename(&temporary, &path));
        let written = write().or_else(|error| match (error.kind(), path.parent()) {
            (io::ErrorKind::NotFound, Some(folder)) => fs::create_dir_all(folder).and_then(|()| write()),
            _ => Err(error),
        });
        written.inspect_err(|_| discard(&temporary)).at("write", &path)?;
        self.fresh.push(path);
        Ok(())
    }

    /// What a checkpoint is to save.
    pub(crate) fn snapshot(&mut self, table: &Table) -> Snapshot {
        Snapshot {
            entries: table.entries().cloned().collect(),
            number: self.number,
            inode: self.journal.as_ref().map(|journal| journal.inode),
            fresh: std::mem::take(&mut self.fresh),
            folder: self.folder.clone(),
        }
    }

    /// Lets a manifest that was [written](Snapshot::write) take its place. The database is locked, and the table is current. False
    /// when another process was faster.
    pub(crate) fn checkpoint(
        &mut self,
        snapshot: &Snapshot,
        written: &Path,
        table: &Table,
    ) -> Result<bool, AssetError> {
        let is_same = self.journal.as_ref().map(|journal| journal.inode) == snapshot.inode;
        if !is_same || self.journal.is_none() || snapshot.number < self.saved {
            discard(written);
            return Ok(false);
        }
        let (path, journal) = (self.manifest_path(), self.journal_path());
        let stamp = Stamp::of_path(written).at("look at", written)?;
        let line = Line::Checkpoint(Checkpoint { manifest: stamp, number: snapshot.number }).to_bytes();
        self.write_line(&line).at("write", &journal)?;
        let bytes = fs::read(&journal).at("read", &journal)?;
        let later = journal::read(&journal, &bytes)?
            .into_iter()
            .map(|(line, _)| line)
            .filter(|line| matches!(line, Line::Changes(changes) if changes.number > snapshot.number));
        let later: Vec<u8> = later.flat_map(|line| line.to_bytes()).collect();
        fs::rename(written, &path).at("write", &path)?;
        sync_folder(&self.folder);
        (self.manifest, self.saved, self.is_merged) = (stamp, snapshot.number, false);
        // Before the journal begins again: who finds changes in it knows that this may not have come to its end.
        self.collect(snapshot.number, table);
        self.write_journal(stamp, snapshot.number, &later)?;
        Ok(true)
    }

    /// Removes blobs that neither the manifest nor a change since uses.
    fn collect(&mut self, number: u64, table: &Table) {
        let (gone, kept) = std::mem::take(&mut self.unused).into_iter().partition(|(at, _)| *at <= number);
        self.unused = kept;
        let gone: Vec<(u64, Arc<str>)> = gone;
        for (_, hash) in gone.iter().filter(|(_, hash)| table.blob(hash).is_none()) {
            blob::path(&self.folder, hash).iter().for_each(|path| discard(path));
        }
        if self.needs_sweep && self.number == number {
            self.needs_sweep = false;
            self.sweep(table);
        }
    }

    /// Removes what processes have left behind that ended in the middle of something.
    fn sweep(&self, table: &Table) {
        let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_string();
        let is_old = |path: &Path| {
            let age = fs::metadata(path).and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
            matches!(age, Ok(Ok(age)) if age > ABANDONED)
        };
        // A file that is being written by another process has no lock.
        for path in list(&self.folder) {
            let name = name(&path);
            let is_ours = [".manifest.", ".journal."].iter().any(|start| name.starts_with(start));
            if is_ours && path.extension().is_some_and(|extension| extension == "tmp") && is_old(&path) {
                discard(&path);
            }
        }
        for folder in list(&self.folder.join("blobs")) {
            for path in list(&folder) {
                let name = name(&path);
                let is_ours = blob::path(&self.folder, name.trim_end_matches(".tmp")).is_some();
                if is_ours && table.blob(&name).is_none() {
                    discard(&path);
                }
            }
        }
    }
}

impl Snapshot {
    /// Brings everything to the disk but under another name.
    pub(crate) fn write(&self) -> Result<PathBuf, AssetError> {
        sync_blobs(&self.fresh, &self.folder);
        let path = self.folder.join(format!(".manifest.{}.checkpoint.tmp", std::process::id()));
        let entries: Vec<&Entry> = self.entries.iter().map(Arc::as_ref).collect();
        let write = || {
            let mut file = io::BufWriter::with_capacity(1 << 16, File::create(&path)?);
            serde_json::to_writer_pretty(&mut file, &entries).map_err(io::Error::other)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        write().inspect_err(|_| discard(&path)).at("write", &path)?;
        Ok(path)
    }

    /// Blobs that were not brought to the disk after all.
    pub(crate) fn give_back(self, disk: &mut Disk) {
        disk.fresh.extend(self.fresh);
    }
}

/// A lock that cannot be had because the database may only be read is not needed for reading.
fn unlockable(error: AssetError) -> Result<bool, AssetError> {
    match &error {
        AssetError::Io { source, .. }
            if matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(false)
        }
        _ => Err(error),
    }
}

fn read_manifest(path: &Path) -> Result<(Stamp, Vec<Entry>), AssetError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Stamp::default(), Vec::new())),
        Err(error) => return Err(error).at("open", path),
    };
    let stamp = Stamp::of(&file.metadata().at("look at", path)?);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).at("read", path)?;
    let entries = serde_json::from_slice(&bytes)
        .map_err(|error| AssetError::Manifest { path: path.to_path_buf(), problem: error.to_string() })?;
    Ok((stamp, entries))
}

/// Makes changes that somebody wrote, where they win over what is there.
fn apply(table: &mut Table, changes: Changes, wins: impl Fn(Option<&Arc<Entry>>, &str) -> bool) -> Vec<Delta> {
    let mut deltas = Vec::new();
    let tell = |op, id: &Arc<str>, data, metadata| Delta {
        op,
        id: Arc::clone(id),
        data,
        metadata,
        timestamp: Arc::clone(&changes.at),
    };
    for change in changes.list {
        match change {
            Change::Put(entry) if wins(table.entry(&entry.id), &changes.at) => {
                deltas.push(tell("put", &entry.id, entry.inline.clone(), Some(entry.metadata.clone())));
                table.insert(entry, None);
            }
            Change::Delete(id) if wins(table.entry(&id), &changes.at) => {
                deltas.push(tell("delete", &id, None, None));
                table.remove(&id);
            }
            Change::Put(_) | Change::Delete(_) => {}
        }
    }
    deltas
}

/// What makes `new` of `old`, unless all of it is new.
fn differences(old: &Table, new: &Table) -> Vec<Delta> {
    if old.is_empty() {
        return Vec::new();
    }
    let tell = |op, id: &Arc<str>, data, metadata| Delta { op, id: Arc::clone(id), data, metadata, timestamp: now() };
    let gone = old.entries().filter(|entry| new.entry(&entry.id).is_none());
    let gone = gone.map(|entry| tell("delete", &entry.id, None, None));
    let put = new.entries().filter(|entry| old.entry(&entry.id).is_none_or(|old| old != *entry));
    let put = put.map(|entry| tell("put", &entry.id, entry.inline.clone(), Some(entry.metadata.clone())));
    gone.chain(put).collect()
}

/// A number that no other line of journals has.
fn lineage() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    // One that is never that of no journal.
    hasher.finish() | 1
}

/// Removes a file that nobody needs; where it stays, it only takes room.
fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Writes a file whose name is given to it when its content is on the disk.
fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all())
}

/// Creates a directory and those around it, and brings their names to the disk.
fn create_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    for folder in missing.into_iter().filter_map(Path::parent).filter(|folder| !folder.as_os_str().is_empty()) {
        sync_folder(folder);
    }
    Ok(())
}

/// Brings a directory to the disk. Where a system cannot, the file system does so in its own time.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    #[cfg(not(unix))]
    let _ = folder;
}

/// Brings blobs to the disk, and their names. One that is gone again needs none of it.
fn sync_blobs(paths: &[PathBuf], folder: &Path) {
    #[cfg(target_os = "linux")]
    if paths.len() > SYNCED_SINGLY
        && let Ok(folder) = File::open(folder)
        && rustix::fs::syncfs(&folder).is_ok()
    {
        return;
    }
    for path in paths {
        let _ = File::open(path).and_then(|file| file.sync_all());
    }
    // Folders of blobs stand in one, and that in the folder of the store, which is synced with the manifest.
    let mut folders: BTreeSet<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
    folders.extend(folders.clone().into_iter().filter_map(Path::parent));
    folders.into_iter().for_each(sync_folder);
}
