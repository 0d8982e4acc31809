//! The catalog of everything that is loaded in this process.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
use reflow_runtime::{Catalog, Component, ComponentSpec, Instance, Value};

use crate::bundle::{Bundle, HOST_TRIPLE};
use crate::error::PackError;
use crate::loader::{PackCommand, PackComponent, PackSource, Registered};
use crate::schema;
use crate::signature::PublicKey;

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
    /// Its Python part.
    pub python: Option<UnpackedPython>,
    /// Whose valid signature it carries.
    pub signed_by: Option<PublicKey>,
    /// The SHA-256 of its manifest, or of the library of a raw one.
    pub identity: String,
}

/// The Python part of a pack.
#[derive(Clone, Debug)]
pub struct UnpackedPython {
    /// Where it was unpacked.
    pub directory: PathBuf,
    /// The class (`module:Class`) of each template.
    pub classes: BTreeMap<String, String>,
    /// The SHA-256 of each file, by its name below the directory: nothing else there belongs to the pack.
    pub files: BTreeMap<String, String>,
}

/// What a pack's library has registered.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) components: Vec<PackComponent>,
    pub(crate) sources: Vec<PackSource>,
    pub(crate) commands: Vec<PackCommand>,
}

impl From<Registered> for Parts {
    fn from(registered: Registered) -> Self {
        let Registered { components, sources, commands, .. } = registered;
        Self { components, sources, commands }
    }
}

/// What the process has loaded.
#[derive(Default)]
struct Loaded {
    packs: Vec<Arc<LoadedPack>>,
    components: BTreeMap<String, Arc<PackComponent>>,
    /// The pack that has each template, Python ones included.
    owners: HashMap<String, String>,
    /// Templates that are asked for one by one.
    sources: Vec<Arc<PackSource>>,
    /// By the name of the pack.
    commands: Vec<(String, PackCommand)>,
}

static LOADED: LazyLock<RwLock<Loaded>> = LazyLock::new(RwLock::default);

/// The loaded pack of this identity; an error when another one has its name.
pub(crate) fn known(identity: &str, name: &str, path: &Path) -> Result<Option<Arc<LoadedPack>>, PackError> {
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

/// Fails if one of the ids belongs to a loaded pack.
pub(crate) fn check_free<'a>(path: &Path, ids: impl IntoIterator<Item = &'a String>) -> Result<(), PackError> {
    LOADED.read().check_free(path, ids)
}

impl Loaded {
    fn check_free<'a>(&self, path: &Path, ids: impl IntoIterator<Item = &'a String>) -> Result<(), PackError> {
        let taken = ids.into_iter().find_map(|id| Some((id, self.owners.get(id)?)));
        taken.map_or(Ok(()), |(template, owner)| {
            Err(PackError::TemplateTaken { path: path.into(), template: template.clone(), owner: owner.clone() })
        })
    }
}

/// Registers everything of a pack, or nothing.
pub(crate) fn register(pack: Arc<LoadedPack>, parts: Parts) -> Result<Arc<LoadedPack>, PackError> {
    // Somebody else may have loaded it, or one like it, in the meantime.
    if let Some(pack) = known(&pack.identity, &pack.name, &pack.source_path)? {
        return Ok(pack);
    }
    let mut loaded = LOADED.write();
    loaded.check_free(&pack.source_path, &pack.templates)?;
    loaded.owners.extend(pack.templates.iter().map(|id| (id.clone(), pack.name.clone())));
    let Parts { components, sources, commands } = parts;
    loaded.components.extend(components.into_iter().map(|component| (component.id().to_string(), Arc::new(component))));
    loaded.sources.extend(sources.into_iter().map(Arc::new));
    loaded.commands.extend(commands.into_iter().map(|command| (pack.name.clone(), command)));
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
        if let Some(component) = LOADED.read().components.get(id) {
            return Some(Arc::clone(component) as _);
        }
        // Packs are asked without the lock: they may take their time.
        sources().iter().find_map(|source| source.find(id)).map(|component| component as _)
    }

    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = LOADED.read().components.keys().cloned().collect();
        ids.extend(sources().iter().flat_map(|source| source.ids()));
        ids
    }
}

fn sources() -> Vec<Arc<PackSource>> {
    LOADED.read().sources.clone()
}

/// Calls a command of a loaded pack: something that it does for programs, outside of any network.
///
/// # Errors
/// When the pack is not loaded or has no such command, and what the pack says when it fails.
pub fn call_pack(pack: &str, command: &str, arguments: &Value) -> Result<Value, PackError> {
    let loaded = LOADED.read();
    let of_pack = || loaded.commands.iter().filter(|(owner, _)| owner == pack).map(|(_, command)| command);
    let Some(found) = of_pack().find(|known| known.name == command).cloned() else {
        let names: Vec<_> = of_pack().map(|command| command.name.clone()).collect();
        let is_loaded = loaded.packs.iter().any(|known| known.name == pack);
        return Err(PackError::NoCommand { pack: pack.into(), command: command.into(), is_loaded, names });
    };
    drop(loaded);
    found.call(arguments).map_err(|problem| PackError::CommandFailed { pack: pack.into(), problem })
}
