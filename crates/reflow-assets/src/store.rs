//! `Store`: a database, shared by everybody in the process who names its path.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reflow_message::Value;
use rustc_hash::FxHashMap;

use crate::blob;
use crate::delta::{Delta, Listeners, Watch};
use crate::disk::Disk;
use crate::entry::Entry;
use crate::error::{AssetError, AtPath};
use crate::query::Query;
use crate::table::Table;
use crate::transaction::Transaction;

/// Paths that begin so name a database in memory.
const MEMORY: &str = ":memory:";

/// How long after a change the manifest is written, and how long it is left alone at least, as a multiple of what writing it
/// took: most of the time goes to other things however large it is.
const SOON: Duration = Duration::from_millis(2);
const PAUSE: Duration = Duration::from_millis(30);
const SHARE: u32 = 20;

/// How often content is looked for that another process replaces meanwhile.
const TRIES: usize = 4;

static OPEN: LazyLock<Mutex<FxHashMap<PathBuf, Arc<Store>>>> = LazyLock::new(Mutex::default);

/// A database.
pub struct Store {
    path: PathBuf,
    state: Mutex<State>,
    listeners: Arc<Listeners>,
    /// Held while the manifest is written; when that ended, and how long it took.
    saving: Mutex<Option<(Instant, Duration)>>,
    this: Weak<Self>,
}

struct State {
    table: Table,
    disk: Option<Disk>,
    /// The process that has a thread which will write the manifest.
    scheduled: Option<u32>,
}

/// An asset with its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// What is known of it.
    pub entry: Arc<Entry>,
    /// The content; of JSON its text.
    pub content: Vec<u8>,
}

/// What a database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The number of assets.
    pub assets: usize,
    /// The bytes that all content takes.
    pub bytes: u64,
    /// The number of assets of each type.
    pub types: Vec<(&'static str, usize)>,
    /// `file` or `memory`.
    pub backend: &'static str,
}

impl Store {
    /// The database in the directory at `path`. All who name the same directory in one process share one store, which stays
    /// open until the process ends. Nothing is read before it is asked for, and the directory is made by the first
    /// change. `:memory:`, and anything that begins so, names a database without files.
    ///
    /// # Errors
    /// When the path is none.
    pub fn open(path: &str) -> Result<Arc<Self>, AssetError> {
        let is_memory = path.starts_with(MEMORY);
        let key = if is_memory { PathBuf::from(path) } else { normalized(Path::new(path))? };
        let mut open = OPEN.lock();
        let store = open.entry(key.clone()).or_insert_with(|| {
            Arc::new_cyclic(|this| Self {
                state: Mutex::new(State {
                    table: Table::default(),
                    disk: (!is_memory).then(|| Disk::new(key.clone())),
                    scheduled: None,
                }),
                path: key,
                listeners: Arc::default(),
                saving: Mutex::new(None),
                this: Weak::clone(this),
            })
        });
        Ok(Arc::clone(store))
    }

    /// Writes the manifests of all databases that this process has open.
    ///
    /// # Errors
    /// The first one that fails; the others are written all the same.
    pub fn flush_all() -> Result<(), AssetError> {
        let open: Vec<Arc<Self>> = OPEN.lock().values().cloned().collect();
        let outcomes: Vec<Result<(), AssetError>> = open.iter().map(|store| store.flush()).collect();
        outcomes.into_iter().collect()
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at all entries as they are now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read<T>(&self, look: impl FnOnce(&Table) -> T) -> Result<T, AssetError> {
        let mut state = self.state.lock();
        let State { table, disk, .. } = &mut *state;
        if let Some(disk) = disk {
            self.listeners.note(disk.refresh(table)?);
        }
        let seen = look(table);
        drop(state);
        self.listeners.tell();
        Ok(seen)
    }

    /// Makes changes together: all of them take place, or, when `change` fails or they cannot be written, none. Nobody else
    /// changes anything meanwhile, in this process or another.
    ///
    /// # Errors
    /// What `change` says, and when the database cannot be read or written.
    pub fn write<T>(
        &self,
        change: impl FnOnce(&mut Transaction<'_>) -> Result<T, AssetError>,
    ) -> Result<T, AssetError> {
        let mut state = self.state.lock();
        let State { table, disk, .. } = &mut *state;
        if let Some(disk) = disk {
            self.listeners.note(disk.begin(table)?);
        }
        let mut transaction = Transaction::new(table, disk.as_mut());
        let outcome = change(&mut transaction).and_then(|value| Ok((value, transaction.commit()?)));
        match disk {
            Some(disk) => disk.end(table),
            None => _ = table.take_unused(),
        }
        let outcome = outcome.map(|(value, deltas)| {
            self.listeners.note(deltas);
            value
        });
        self.schedule(&mut state);
        drop(state);
        self.listeners.tell();
        outcome
    }

    /// The entry with this id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn entry(&self, id: &str) -> Result<Option<Arc<Entry>>, AssetError> {
        self.read(|table| table.entry(id).cloned())
    }

    /// The JSON under this id; `None` where there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn json(&self, id: &str) -> Result<Option<Value>, AssetError> {
        self.read(|table| table.json(id).cloned())
    }

    /// The asset with this id.
    ///
    /// # Errors
    /// When there is none, or its content cannot be read.
    pub fn get(&self, id: &str) -> Result<Asset, AssetError> {
        for attempt in 1.. {
            let mut file = None;
            let (entry, kept) = self
                .read(|table| {
                    let entry = table.entry(id)?;
                    let kept = table.blob(&entry.hash).and_then(|blob| blob.content.clone());
                    Some((Arc::clone(entry), kept))
                })?
                .ok_or_else(|| AssetError::EntityNotFound(id.into()))?;
            let content = match (&entry.inline, kept) {
                (Some(value), _) => value.to_json_string().into_bytes(),
                (None, Some(content)) => content.to_vec(),
                (None, None) => {
                    let damaged = |problem| AssetError::Damaged { id: id.into(), problem };
                    let path = blob::path(&self.path, &entry.hash)
                        .ok_or_else(|| damaged(format!("`{}` is no hash", entry.hash)))?;
                    match std::fs::read(&path) {
                        Ok(stored) => blob::decode(stored, &entry).map_err(damaged)?,
                        Err(error) => {
                            file = Some((error, path));
                            Vec::new()
                        }
                    }
                }
            };
            match file {
                None => return Ok(Asset { entry, content }),
                // Replaced between the look at the entry and the look at the file.
                Some((error, _)) if error.kind() == std::io::ErrorKind::NotFound && attempt < TRIES => {}
                Some((error, path)) => return Err(error).at("read", &path),
            }
        }
        Err(AssetError::EntityNotFound(id.into()))
    }

    /// Stores bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put(&self, id: &str, content: &[u8], metadata: Value) -> Result<(), AssetError> {
        self.write(|transaction| transaction.put(id, content, metadata))
    }

    /// Stores JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_json(&self, id: &str, value: Value, metadata: Value) -> Result<(), AssetError> {
        self.write(|transaction| transaction.put_json(id, value, metadata))
    }

    /// Replaces the JSON under this id by what `change` makes of it; it is given `None` where there is none. Nobody else changes
    /// it meanwhile. Gives the new value.
    ///
    /// # Errors
    /// What `change` says, and when the value cannot be written.
    pub fn update(
        &self,
        id: &str,
        change: impl FnOnce(Option<&Value>) -> Result<Value, String>,
    ) -> Result<Value, AssetError> {
        self.write(|transaction| {
            let value = change(transaction.json(id)).map_err(AssetError::Refused)?;
            transaction.replace_json(id, value.clone())?;
            Ok(value)
        })
    }

    /// Removes an asset.
    ///
    /// # Errors
    /// When there is none.
    pub fn delete(&self, id: &str) -> Result<(), AssetError> {
        self.write(|transaction| transaction.delete(id))
    }

    /// The entries that a query finds, in its order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn query(&self, query: &Query) -> Result<Vec<Arc<Entry>>, AssetError> {
        self.read(|table| query.find(table))
    }

    /// What the database holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn stats(&self) -> Result<Stats, AssetError> {
        let backend = if self.path.to_string_lossy().starts_with(MEMORY) { "memory" } else { "file" };
        self.read(|table| Stats {
            assets: table.len(),
            bytes: table.total_bytes(),
            types: table.types().collect(),
            backend,
        })
    }

    /// Calls `listener` for every change, in the thread of whoever makes it, and, when this store next looks, for those that
    /// other processes have made.
    pub fn watch(&self, listener: impl Fn(&Delta) + Send + Sync + 'static) -> Watch {
        self.listeners.add(Arc::new(listener))
    }

    /// Writes the manifest, if there is anything that it does not hold, and waits until that is on the disk.
    ///
    /// # Errors
    /// When it cannot be written. Nothing is lost: the journal has it.
    pub fn flush(&self) -> Result<(), AssetError> {
        while self.save()? {}
        Ok(())
    }

    /// Writes the manifest once. True when there is more to write.
    fn save(&self) -> Result<bool, AssetError> {
        let mut saving = self.saving.lock();
        let start = Instant::now();
        let snapshot = {
            let mut state = self.state.lock();
            let State { table, disk, .. } = &mut *state;
            let Some(disk) = disk else { return Ok(false) };
            if disk.is_dirty() && !disk.folder().exists() {
                // Somebody has removed the database.
                self.listeners.note(disk.refresh(table)?);
            }
            if !disk.is_dirty() {
                return Ok(false);
            }
            disk.snapshot(table)
        };
        let written = snapshot.write();
        let mut state = self.state.lock();
        let State { table, disk, .. } = &mut *state;
        let Some(disk) = disk else { return Ok(false) };
        let outcome = written.and_then(|path| {
            self.listeners.note(disk.begin(table)?);
            let saved = disk.checkpoint(&snapshot, &path, table);
            disk.end(table);
            saved
        });
        if outcome.is_err() {
            snapshot.give_back(disk);
        }
        let is_dirty = disk.is_dirty();
        *saving = Some((Instant::now(), start.elapsed()));
        outcome.map(|_| is_dirty)
    }

    /// Sees to it that the manifest is written soon.
    fn schedule(&self, state: &mut State) {
        let process = std::process::id();
        if !state.disk.as_ref().is_some_and(Disk::is_dirty) || state.scheduled == Some(process) {
            return;
        }
        let this = Weak::clone(&self.this);
        let run = move || {
            if let Some(store) = this.upgrade() {
                store.save_in_time();
            }
        };
        // Without a thread the journal has it all the same.
        if std::thread::Builder::new().name("reflow-assets".into()).spawn(run).is_ok() {
            state.scheduled = Some(process);
        }
    }

    fn save_in_time(&self) {
        loop {
            let last = *self.saving.lock();
            let wait = last.map_or(SOON, |(at, took)| PAUSE.max(took * SHARE).saturating_sub(at.elapsed()).max(SOON));
            std::thread::sleep(wait);
            let outcome = self.save();
            let mut state = self.state.lock();
            // What cannot be written now is tried again with the next change.
            if !matches!(outcome, Ok(true)) {
                let is_dirty = outcome.is_ok() && state.disk.as_ref().is_some_and(Disk::is_dirty);
                if !is_dirty {
                    state.scheduled = None;
                    return;
                }
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.path.display())
    }
}

/// An absolute path without `.`, `..` and links, as far as it exists.
fn normalized(path: &Path) -> Result<PathBuf, AssetError> {
    let path = std::path::absolute(path).at("open", path)?;
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = clean.pop(),
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    for base in clean.ancestors() {
        if let (Ok(real), Ok(rest)) = (base.canonicalize(), clean.strip_prefix(base)) {
            return Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
        }
    }
    Ok(clean)
}
