//! Loading packs, and the catalog of everything that is loaded in this process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use parking_lot::{Mutex, RwLock};
use reflow_runtime::{Catalog, Component, ComponentSpec, Instance, Value};

use crate::bundle::{Bundle, Content, HOST_TRIPLE};
use crate::cache::Cache;
use crate::digest::sha256_of_file;
use crate::error::PackError;
use crate::loader::{self, PackComponent};
use crate::manifest::{DEFAULT_ENTRYPOINT, FileDigest, Manifest, PYTHON};
use crate::schema;
use crate::signature::{PublicKey, Trust};

/// How [`load_pack`] is to load.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Whose packs are loaded.
    pub trust: Trust,
    /// Whether the Python part of a pack that no trusted key has signed may be unpacked, to be imported.
    pub allow_python: bool,
    /// Where files are unpacked, in place of the user's private cache.
    pub cache_directory: Option<PathBuf>,
}

/// A pack that is loaded in this process, and stays so.
#[derive(Clone, Debug)]
pub struct LoadedPack {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The file that it was loaded from.
    pub source_path: PathBuf,
    /// The ids of its templates, Python ones included, sorted.
    pub templates: Vec<String>,
    /// Where its Python part was unpacked, and the class (`module:Class`) of each Python template.
    pub python: Option<(PathBuf, BTreeMap<String, String>)>,
    /// Whose valid signature it carries.
    pub signed_by: Option<PublicKey>,
    /// The SHA-256 of its manifest, or of the library of a raw one.
    pub identity: String,
}

/// What the process has loaded.
#[derive(Default)]
struct Loaded {
    packs: Vec<Arc<LoadedPack>>,
    components: BTreeMap<String, Arc<PackComponent>>,
}

static LOADED: LazyLock<RwLock<Loaded>> = LazyLock::new(RwLock::default);
/// Held while a pack is loaded, so that several threads load one pack once.
static LOADING: Mutex<()> = Mutex::new(());

/// Loads a bundle or a raw shared library, and makes its templates available through [`PackCatalog`].
///
/// A pack that is loaded already is not loaded again. When anything is wrong nothing is registered.
///
/// # Errors
/// [`PackError`] says what is wrong and what would be right.
pub fn load_pack(path: &Path, options: &LoadOptions) -> Result<Arc<LoadedPack>, PackError> {
    let _loading = LOADING.lock();
    let candidate = match Content::of(path)? {
        Content::Bundle => Candidate::from_bundle(path, options)?,
        Content::Library => Candidate::from_library(path, options)?,
        Content::Other => return Err(PackError::NotAPack { path: path.into() }),
    };
    match candidate {
        Candidate::Known(pack) => Ok(pack),
        Candidate::New { pack, components } => register(*pack, components),
    }
}

/// What a file has turned out to be.
enum Candidate {
    Known(Arc<LoadedPack>),
    New { pack: Box<LoadedPack>, components: Vec<PackComponent> },
}

impl Candidate {
    fn from_bundle(path: &Path, options: &LoadOptions) -> Result<Self, PackError> {
        let mut bundle = Bundle::open(path)?;
        let is_trusted = bundle.check_trust(&options.trust)?;
        bundle.check_abi()?;
        let manifest = bundle.manifest().clone();
        if let Some(python) = manifest.python.as_ref().filter(|_| !is_trusted && !options.allow_python) {
            let templates = python.templates.keys().cloned().collect();
            return Err(PackError::PythonNotAllowed { path: path.into(), templates });
        }
        let identity = bundle.identity().to_string();
        if let Some(pack) = known(&identity, &manifest.name, path)? {
            return Ok(Self::Known(pack));
        }
        let library = bundle.host_library()?;
        let cache = Cache::open(options.cache_directory.as_deref())?;
        let components = match library {
            None => Vec::new(),
            Some(file) => {
                let digest = manifest.files[&file].clone();
                let unpacked = cache.file(&file, &digest, || bundle.file(&file))?;
                let registered = loader::load(path, &unpacked, &manifest.entrypoint)?;
                check_promises(path, &manifest, &registered.components)?;
                registered.components
            }
        };
        let python = match &manifest.python {
            None => None,
            Some(python) => Some((unpack_python(&cache, &mut bundle, &manifest, &identity)?, python.templates.clone())),
        };
        let mut templates: Vec<_> = components.iter().map(|component| component.id().to_string()).collect();
        templates.extend(python.iter().flat_map(|(_, classes)| classes.keys().cloned()));
        templates.sort_unstable();
        let pack = LoadedPack {
            name: manifest.name,
            version: manifest.version,
            source_path: path.into(),
            templates,
            python,
            signed_by: bundle.signer(),
            identity,
        };
        Ok(Self::New { pack: Box::new(pack), components })
    }

    fn from_library(path: &Path, options: &LoadOptions) -> Result<Self, PackError> {
        if options.trust != Trust::Any {
            return Err(PackError::NotSigned { path: path.into() });
        }
        let identity = sha256_of_file(path).map_err(PackError::io("read", path))?;
        if let Some(pack) = known(&identity, "", path)? {
            return Ok(Self::Known(pack));
        }
        let absolute = std::path::absolute(path).map_err(PackError::io("find", path))?;
        let registered = loader::load(path, &absolute, DEFAULT_ENTRYPOINT)?;
        known(&identity, &registered.name, path)?;
        let mut templates: Vec<_> = registered.components.iter().map(|component| component.id().to_string()).collect();
        templates.sort_unstable();
        let pack = LoadedPack {
            name: registered.name,
            version: registered.version,
            source_path: path.into(),
            templates,
            python: None,
            signed_by: None,
            identity,
        };
        Ok(Self::New { pack: Box::new(pack), components: registered.components })
    }
}

/// The loaded pack of this identity; an error when another one has its name.
fn known(identity: &str, name: &str, path: &Path) -> Result<Option<Arc<LoadedPack>>, PackError> {
    let loaded = LOADED.read();
    if let Some(pack) = loaded.packs.iter().find(|pack| pack.identity == identity) {
        return Ok(Some(Arc::clone(pack)));
    }
    match loaded.packs.iter().find(|pack| pack.name == name) {
        None => Ok(None),
        Some(other) => Err(PackError::NameTaken {
            path: path.into(),
            name: name.into(),
            version: other.version.clone(),
            loaded_from: other.source_path.clone(),
        }),
    }
}

/// Checks that the library registers what the manifest says.
fn check_promises(path: &Path, manifest: &Manifest, components: &[PackComponent]) -> Result<(), PackError> {
    let find = |id: &str| components.iter().find(|component| component.id() == id);
    let missing: Vec<_> = manifest.native_templates().filter(|id| find(id).is_none()).cloned().collect();
    if !missing.is_empty() {
        let registered = components.iter().map(|component| component.id().to_string()).collect();
        return Err(PackError::MissingTemplates { path: path.into(), missing, registered });
    }
    let differs = |id: &str, descriptor| find(id).is_some_and(|component| component.descriptor() != descriptor);
    match manifest.descriptors.iter().find(|descriptor| differs(&descriptor.id, *descriptor)) {
        None => Ok(()),
        Some(other) => Err(PackError::DescriptorMismatch { path: path.into(), template: other.id.clone() }),
    }
}

fn unpack_python(
    cache: &Cache,
    bundle: &mut Bundle,
    manifest: &Manifest,
    identity: &str,
) -> Result<PathBuf, PackError> {
    let files: Vec<(String, FileDigest)> =
        manifest.python_files().map(|(name, digest)| (name[PYTHON.len()..].to_string(), digest.clone())).collect();
    cache.tree(identity, &files, |name| bundle.file(&format!("{PYTHON}{name}")))
}

/// Registers everything of a pack, or nothing.
fn register(pack: LoadedPack, components: Vec<PackComponent>) -> Result<Arc<LoadedPack>, PackError> {
    let mut loaded = LOADED.write();
    for template in &pack.templates {
        if let Some(owner) = loaded.packs.iter().find(|other| other.templates.contains(template)) {
            return Err(PackError::TemplateTaken {
                path: pack.source_path,
                template: template.clone(),
                owner: owner.name.clone(),
            });
        }
    }
    loaded.components.extend(components.into_iter().map(|component| (component.id().to_string(), Arc::new(component))));
    let pack = Arc::new(pack);
    loaded.packs.push(Arc::clone(&pack));
    Ok(pack)
}

/// All packs that are loaded in this process, in order of loading.
pub fn list_packs() -> Vec<Arc<LoadedPack>> {
    LOADED.read().packs.clone()
}

/// The manifest of a bundle, with `signed_by` for the key whose valid signature it carries. Runs no code of the pack.
///
/// # Errors
/// [`PackError`] when the bundle is damaged or contradicts itself. A bundle for another ABI or machine can be read.
pub fn inspect_pack(path: &Path) -> Result<serde_json::Value, PackError> {
    let bundle = Bundle::open(path)?;
    let bad = |error: serde_json::Error| PackError::BadManifest { path: path.into(), problem: error.to_string() };
    let mut manifest = serde_json::to_value(bundle.manifest()).map_err(bad)?;
    manifest["signed_by"] = bundle.signer().map(|key| key.to_string()).into();
    manifest["host_supported"] =
        (bundle.manifest().targets.contains_key(HOST_TRIPLE) && bundle.check_abi().is_ok()).into();
    Ok(manifest)
}

/// The described templates of a bundle, to check graphs against. Runs no code of the pack.
///
/// # Errors
/// As [`inspect_pack`].
pub fn describe_pack(path: &Path) -> Result<Vec<DescribedComponent>, PackError> {
    let bundle = Bundle::open(path)?;
    Ok(bundle
        .manifest()
        .descriptors
        .iter()
        .map(|descriptor| DescribedComponent(Arc::new(descriptor.to_spec())))
        .collect())
}

/// A template of a pack that is not loaded: it can be checked against, not run.
#[derive(Clone, Debug)]
pub struct DescribedComponent(Arc<ComponentSpec>);

impl Component for DescribedComponent {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.0)
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Err(format!("the pack of `{}` is described but not loaded; load it first", self.0.id))
    }

    fn check_config(&self, config: &Value) -> Vec<String> {
        schema::problems(&self.0.config_schema, config)
    }
}

/// The native templates of all loaded packs.
#[derive(Clone, Copy, Debug, Default)]
pub struct PackCatalog;

impl Catalog for PackCatalog {
    fn component(&self, id: &str) -> Option<Arc<dyn Component>> {
        LOADED.read().components.get(id).map(|component| Arc::clone(component) as _)
    }

    fn ids(&self) -> Vec<String> {
        LOADED.read().components.keys().cloned().collect()
    }
}
