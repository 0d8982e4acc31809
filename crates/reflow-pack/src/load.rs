//! Loading packs: everything about one is checked before any of it is unpacked, and a refused one leaves nothing.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::bundle::{Bundle, Content, HOST_TRIPLE};
use crate::cache::{Cache, Unpacked};
use crate::catalog::{LoadedPack, Parts, UnpackedPython, check_free, known, register};
use crate::digest::sha256_of;
use crate::error::PackError;
use crate::file::open_regular;
use crate::loader::{self, PackComponent, PackSource};
use crate::manifest::{DEFAULT_ENTRYPOINT, FileDigest, Manifest, PYTHON};
use crate::signature::Trust;

/// How [`load_pack`] is to load.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Whose packs are loaded.
    pub trust: Trust,
    /// Whether the Python part of a pack that no trusted key has signed may be unpacked, to be imported.
    pub allow_python: bool,
    /// Where files are unpacked, in place of the user's private cache.
    pub cache_directory: Option<PathBuf>,
    /// Ids that no pack may take: those of a catalog that is there without packs.
    pub reserved: HashSet<String>,
}

/// Held while a pack is loaded, so that several threads load one pack once.
static LOADING: Mutex<()> = Mutex::new(());

/// Loads a bundle or a raw shared library, and makes its templates available through [`PackCatalog`](crate::PackCatalog).
///
/// A pack that is loaded already is not loaded again. When anything is wrong nothing is registered, and nothing is left
/// in the cache.
///
/// # Errors
/// [`PackError`] says what is wrong and what would be right.
pub fn load_pack(path: &Path, options: &LoadOptions) -> Result<Arc<LoadedPack>, PackError> {
    let _loading = LOADING.lock();
    open(path, options)?.register()
}

/// Does everything of [`load_pack`] but the last step, for a caller who has something to do before the pack is there.
///
/// # Errors
/// As [`load_pack`].
pub fn open_pack(path: &Path, options: &LoadOptions) -> Result<OpenPack, PackError> {
    let _loading = LOADING.lock();
    open(path, options)
}

/// A pack that is checked, unpacked and ready, but not there yet. Dropped, it leaves nothing.
#[must_use]
pub struct OpenPack {
    pack: Option<Arc<LoadedPack>>,
    parts: Parts,
    is_new: bool,
    /// Directories that were made for it.
    made: Vec<PathBuf>,
}

impl OpenPack {
    /// The Python part that is to be imported before the pack is there; nothing if it is there already.
    pub fn python(&self) -> Option<&UnpackedPython> {
        let pack = self.pack.as_ref().filter(|_| self.is_new)?;
        pack.python.as_ref()
    }

    /// The name of the pack.
    pub fn name(&self) -> &str {
        self.pack.as_ref().map_or("", |pack| &pack.name)
    }

    /// Makes it available.
    ///
    /// # Errors
    /// When another pack has taken its name or one of its ids in the meantime.
    pub fn register(mut self) -> Result<Arc<LoadedPack>, PackError> {
        let Some(pack) = self.pack.take() else {
            return Err(PackError::Usage("the pack is registered already".into()));
        };
        let registered = register(pack, std::mem::take(&mut self.parts))?;
        self.made.clear();
        Ok(registered)
    }

    fn keep(&mut self, unpacked: Unpacked) -> PathBuf {
        self.made.extend(unpacked.new);
        unpacked.path
    }
}

impl std::fmt::Debug for OpenPack {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OpenPack").field("pack", &self.pack).finish_non_exhaustive()
    }
}

impl Drop for OpenPack {
    fn drop(&mut self) {
        for directory in &self.made {
            // A library in use cannot be removed everywhere; then it stays, and is checked when it is used again.
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

fn open(path: &Path, options: &LoadOptions) -> Result<OpenPack, PackError> {
    let file = open_regular(path)?;
    match Content::of(&file, path)? {
        Content::Bundle => drop(file),
        Content::Library => return from_library(file, path, options),
        Content::Other => return Err(PackError::NotAPack { path: path.into() }),
    }
    from_bundle(path, options)
}

fn is_there(pack: Arc<LoadedPack>) -> OpenPack {
    OpenPack { pack: Some(pack), parts: Parts::default(), is_new: false, made: Vec::new() }
}

fn from_bundle(path: &Path, options: &LoadOptions) -> Result<OpenPack, PackError> {
    let mut bundle = Bundle::open(path)?;
    let is_trusted = bundle.check_trust(&options.trust)?;
    bundle.check_abi()?;
    let manifest = bundle.manifest().clone();
    if let Some(python) = manifest.python.as_ref().filter(|_| !is_trusted && !options.allow_python) {
        let templates = python.templates.keys().cloned().collect();
        return Err(PackError::PythonNotAllowed { path: path.into(), templates });
    }
    // The file that was given, whatever the cache holds and whatever is loaded.
    let here = manifest.targets.get(HOST_TRIPLE).map(|target| target.file.clone());
    let digest = bundle.digest()?;
    let is_verified = Cache::has_verified(options.cache_directory.as_deref(), &digest);
    let content = if is_verified { None } else { bundle.verify(here.as_deref())? };
    let identity = bundle.identity().to_string();
    if let Some(pack) = known(&identity, &manifest.name, path)? {
        return Ok(is_there(pack));
    }
    check_ids(path, &manifest.templates, options)?;
    let library = bundle.host_library()?;
    let cache = Cache::open(options.cache_directory.as_deref())?;
    let mut opened = OpenPack { pack: None, parts: Parts::default(), is_new: true, made: Vec::new() };
    if let Some(file) = library {
        let digest = manifest.files[&file].clone();
        let unpacked = cache.file(&file, &digest, || content.map_or_else(|| bundle.file(&file), Ok))?;
        let unpacked = opened.keep(unpacked);
        let registered = loader::load(path, &unpacked, &manifest.entrypoint)?;
        check_promises(path, &manifest, &registered.components)?;
        opened.parts = registered.into();
    }
    let python = match &manifest.python {
        None => None,
        Some(python) => {
            let files = python_files(&manifest);
            let unpacked = cache.tree(&identity, &files, |name| bundle.file(&format!("{PYTHON}{name}")))?;
            Some(UnpackedPython {
                directory: opened.keep(unpacked),
                classes: python.templates.clone(),
                files: files.into_iter().map(|(name, digest)| (name, digest.sha256)).collect(),
            })
        }
    };
    opened.made.extend(cache.keep_verified(&digest));
    let ids = python.iter().flat_map(|python| python.classes.keys().cloned());
    opened.finish(path, options, ids.collect(), |templates| LoadedPack {
        name: manifest.name,
        version: manifest.version,
        source_path: path.into(),
        templates,
        python,
        signed_by: bundle.signer(),
        identity,
    })
}

fn from_library(mut file: File, path: &Path, options: &LoadOptions) -> Result<OpenPack, PackError> {
    if options.trust != Trust::Any {
        return Err(PackError::NotSigned { path: path.into() });
    }
    let identity = file.rewind().and_then(|()| sha256_of(file)).map_err(PackError::io("read", path))?;
    if let Some(pack) = known(&identity, "", path)? {
        return Ok(is_there(pack));
    }
    let absolute = std::path::absolute(path).map_err(PackError::io("find", path))?;
    let registered = loader::load(path, &absolute, DEFAULT_ENTRYPOINT)?;
    known(&identity, &registered.name, path)?;
    let (name, version) = (registered.name.clone(), registered.version.clone());
    let opened = OpenPack { pack: None, parts: registered.into(), is_new: true, made: Vec::new() };
    opened.finish(path, options, Vec::new(), |templates| LoadedPack {
        name,
        version,
        source_path: path.into(),
        templates,
        python: None,
        signed_by: None,
        identity,
    })
}

impl OpenPack {
    /// Checks the ids of everything there is, and describes the pack.
    fn finish(
        mut self,
        path: &Path,
        options: &LoadOptions,
        python: Vec<String>,
        describe: impl FnOnce(Vec<String>) -> LoadedPack,
    ) -> Result<Self, PackError> {
        let mut templates = python;
        templates.extend(self.parts.components.iter().map(|component| component.id().to_string()));
        templates.extend(self.parts.sources.iter().flat_map(PackSource::ids));
        templates.sort_unstable();
        templates.dedup();
        check_ids(path, &templates, options)?;
        self.pack = Some(Arc::new(describe(templates)));
        Ok(self)
    }
}

/// Fails if one of the ids is taken.
fn check_ids(path: &Path, ids: &[String], options: &LoadOptions) -> Result<(), PackError> {
    match ids.iter().find(|id| options.reserved.contains(*id)) {
        Some(template) => Err(PackError::TemplateBuiltIn { path: path.into(), template: template.clone() }),
        None => check_free(path, ids),
    }
}

/// Checks that the library registers what the manifest says.
fn check_promises(path: &Path, manifest: &Manifest, components: &[PackComponent]) -> Result<(), PackError> {
    let by_id: HashMap<&str, &PackComponent> = components.iter().map(|component| (component.id(), component)).collect();
    let missing: Vec<_> = manifest.native_templates().filter(|id| !by_id.contains_key(id.as_str())).cloned().collect();
    if !missing.is_empty() {
        let registered = components.iter().map(|component| component.id().to_string()).collect();
        return Err(PackError::MissingTemplates { path: path.into(), missing, registered });
    }
    let differs = |id: &str, descriptor| by_id.get(id).is_some_and(|component| component.descriptor() != descriptor);
    match manifest.descriptors.iter().find(|descriptor| differs(&descriptor.id, *descriptor)) {
        None => Ok(()),
        Some(other) => Err(PackError::DescriptorMismatch { path: path.into(), template: other.id.clone() }),
    }
}

fn python_files(manifest: &Manifest) -> Vec<(String, FileDigest)> {
    manifest.python_files().map(|(name, digest)| (name[PYTHON.len()..].to_string(), digest.clone())).collect()
}
