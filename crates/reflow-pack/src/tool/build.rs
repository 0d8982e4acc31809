//! Building bundles: from a cargo package, or from libraries that were built elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::cargo;
use crate::abi_version::pack_abi_version;
use crate::bundle::{self, Bundle, Content, HOST_TRIPLE};
use crate::descriptor::TemplateDescriptor;
use crate::error::PackError;
use crate::file::{open_regular, read_regular};
use crate::loader;
use crate::manifest::{DEFAULT_ENTRYPOINT, Manifest, PYTHON, PythonPart, Target, VERSION};
use crate::signature::SigningKey;

/// What a pack's author says beside the sources: `pack.toml` is not needed, `pack.json` may hold these.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PackFile {
    name: Option<String>,
    version: Option<String>,
    authors: Option<Vec<String>>,
    description: Option<String>,
    license: Option<String>,
    entrypoint: Option<String>,
    python: Option<PythonPart>,
}

/// How [`build`] is to build.
#[derive(Debug, Default)]
pub struct BuildOptions {
    /// Where the bundle goes: a file, or a directory that exists. By default the package's own directory.
    pub output: Option<PathBuf>,
    /// A library that is built already, in place of what cargo would build.
    pub library: Option<PathBuf>,
    /// The profile of cargo; `release` by default.
    pub profile: Option<String>,
    /// Features of the package beside its defaults, as cargo takes them.
    pub features: Option<String>,
    /// What to sign with.
    pub key: Option<SigningKey>,
}

/// How [`collect`] is to collect.
#[derive(Debug, Default)]
pub struct CollectOptions {
    /// Where the bundle goes.
    pub output: PathBuf,
    /// What to sign with.
    pub key: Option<SigningKey>,
}

/// A bundle that was written.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Where.
    pub path: PathBuf,
    /// What it says about itself.
    pub manifest: Manifest,
}

/// Builds the pack in `directory` for this machine.
///
/// With a `Cargo.toml` cargo builds the library; a `pack.json` overrides what cargo knows (`name`, `version`, `authors`,
/// `description`, `license`, `entrypoint`) and describes the files below `python/`. The library is loaded once to ask it
/// for its templates.
///
/// # Errors
/// When it does not compile, or is not a pack.
pub fn build(directory: &Path, options: &BuildOptions) -> Result<Packed, PackError> {
    let said = read_pack_file(directory)?;
    let has_cargo = directory.join("Cargo.toml").is_file();
    let package = if has_cargo { Some(cargo::metadata(directory)?) } else { None };
    let library = match (&options.library, &package) {
        (Some(library), _) => Some(library.clone()),
        (None, Some(package)) => {
            let profile = options.profile.as_deref().unwrap_or("release");
            Some(cargo::build_library(package, profile, options.features.as_deref())?)
        }
        (None, None) if said.python.is_some() => None,
        (None, None) => {
            return Err(PackError::Usage(format!(
                "{} holds neither a Cargo.toml nor a pack.json with a `python` part, and no library was given",
                directory.display()
            )));
        }
    };
    let entrypoint = said.entrypoint.unwrap_or_else(|| DEFAULT_ENTRYPOINT.into());
    let registered = library.as_deref().map(|library| ask(library, &entrypoint)).transpose()?;
    let mut files = Vec::new();
    let mut targets = BTreeMap::new();
    if let Some(library) = &library {
        let file = file_in_bundle(HOST_TRIPLE, library);
        files.push((file.clone(), read_regular(library, u64::MAX)?));
        targets.insert(HOST_TRIPLE.to_string(), Target { file });
    }
    let python = said.python;
    if python.is_some() {
        add_python(&directory.join(PYTHON), PYTHON, &mut files)?;
    }
    let (name, version, descriptors) = registered.unwrap_or_default();
    let mut templates: Vec<_> = descriptors.iter().map(|descriptor| descriptor.id.clone()).collect();
    templates.extend(python.iter().flat_map(|python| python.templates.keys().cloned()));
    templates.sort_unstable();
    let package = package.as_ref();
    let or_package = |said: Option<String>, of: fn(&cargo::Package) -> &String| {
        said.or_else(|| package.map(of).cloned()).unwrap_or_default()
    };
    let manifest = Manifest {
        manifest_version: VERSION,
        name: said.name.or_else(|| Some(name).filter(|name| !name.is_empty())).unwrap_or_default(),
        version: said.version.or_else(|| Some(version).filter(|version| !version.is_empty())).unwrap_or_default(),
        authors: said.authors.or_else(|| package.map(|package| package.authors.clone())).unwrap_or_default(),
        description: or_package(said.description, |package| &package.description),
        license: or_package(said.license, |package| &package.license),
        reflow_pack_abi_version: pack_abi_version(),
        entrypoint,
        targets,
        templates,
        descriptors,
        python,
        files: BTreeMap::new(),
    };
    let output = output_path(options.output.as_deref(), directory, &manifest);
    save(manifest, &files, options.key.as_ref(), output)
}

/// Puts several slim bundles of one pack, each built on its own machine, together to a full one.
///
/// # Errors
/// When they are not of the same pack, version, ABI and templates, or two are for the same target.
pub fn collect(bundles: &[PathBuf], options: &CollectOptions) -> Result<Packed, PackError> {
    let mut whole: Option<Manifest> = None;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in bundles {
        let mut bundle = Bundle::open(path)?;
        bundle.verify(None)?;
        let manifest = bundle.manifest().clone();
        let whole = whole.get_or_insert_with(|| Manifest { targets: BTreeMap::new(), ..manifest.clone() });
        let blank =
            |manifest: &Manifest| Manifest { targets: BTreeMap::new(), files: BTreeMap::new(), ..manifest.clone() };
        if blank(whole) != blank(&manifest) {
            return Err(PackError::Usage(format!(
                "{} differs from the first bundle in more than its target; build all of them from the same sources",
                path.display()
            )));
        }
        for (triple, target) in manifest.targets {
            if whole.targets.insert(triple.clone(), target).is_some() {
                return Err(PackError::Usage(format!("{} is the second bundle for {triple}", path.display())));
            }
        }
        for file in manifest.files.keys() {
            files.insert(file.clone(), bundle.file(file)?);
        }
    }
    let whole = whole.ok_or_else(|| PackError::Usage("there are no bundles to put together".into()))?;
    let files: Vec<_> = files.into_iter().collect();
    save(whole, &files, options.key.as_ref(), options.output.clone())
}

fn save(
    manifest: Manifest,
    files: &[(String, Vec<u8>)],
    key: Option<&SigningKey>,
    path: PathBuf,
) -> Result<Packed, PackError> {
    let bytes = bundle::write(manifest, files, key);
    bundle::save(&bytes, &path)?;
    let manifest = Bundle::open(&path)?.manifest().clone();
    Ok(Packed { path, manifest })
}

/// Name, version and templates, as the library registers them.
fn ask(library: &Path, entrypoint: &str) -> Result<(String, String, Vec<TemplateDescriptor>), PackError> {
    if Content::of(&open_regular(library)?, library)? != Content::Library {
        return Err(PackError::NotAPack { path: library.into() });
    }
    let absolute = std::path::absolute(library).map_err(PackError::io("find", library))?;
    let registered = loader::load(library, &absolute, entrypoint)?;
    let mut descriptors: Vec<_> =
        registered.components.iter().map(|component| component.descriptor().clone()).collect();
    descriptors.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok((registered.name, registered.version, descriptors))
}

/// Where the library of a target lies in a bundle.
fn file_in_bundle(triple: &str, library: &Path) -> String {
    format!("lib/{triple}/{}", library.file_name().unwrap_or_default().to_string_lossy())
}

fn output_path(output: Option<&Path>, directory: &Path, manifest: &Manifest) -> PathBuf {
    let usual = format!("{}-{}.rflpack", manifest.name, manifest.version);
    match output {
        Some(output) if output.is_dir() => output.join(usual),
        Some(output) => output.to_path_buf(),
        None => directory.join(usual),
    }
}

fn read_pack_file(directory: &Path) -> Result<PackFile, PackError> {
    let path = directory.join("pack.json");
    if !path.is_file() {
        return Ok(PackFile::default());
    }
    let json = read_regular(&path, 8 << 20)?;
    serde_json::from_slice(&json).map_err(|error| PackError::Usage(format!("{}: {error}", path.display())))
}

/// All files of the Python part, in order of their names; caches and hidden files stay out.
fn add_python(directory: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), PackError> {
    let entries = std::fs::read_dir(directory).map_err(PackError::io("read", directory))?;
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort_unstable();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.')
            || name == "__pycache__"
            || path.extension().is_some_and(|extension| extension == "pyc")
        {
            continue;
        }
        // A link to a folder could lead back to this one.
        if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            add_python(&path, &format!("{prefix}{name}/"), files)?;
        } else {
            files.push((format!("{prefix}{name}"), read_regular(&path, u64::MAX)?));
        }
    }
    Ok(())
}
