//! `manifest.json`: what a bundle says about itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::descriptor::TemplateDescriptor;
use crate::digest::{is_sha256, sha256};
use crate::names::{problem_with_entry, problem_with_pack, problem_with_template};

/// The entry point of a library when the manifest does not name one.
pub const DEFAULT_ENTRYPOINT: &str = "reflow_pack_register";
/// The version of the format that this crate reads and writes.
pub(crate) const VERSION: u32 = 1;
/// Where the Python part of a bundle lives.
pub(crate) const PYTHON: &str = "python/";

/// Templates of one pack.
const MOST_TEMPLATES: usize = 10_000;

/// The manifest of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// 1.
    pub manifest_version: u32,
    /// The name of the pack, `acme.words` for example.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who made it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// One line.
    #[serde(default)]
    pub description: String,
    /// Its licence, an SPDX expression.
    #[serde(default)]
    pub license: String,
    /// The ABI it was built for, `major << 16 | minor`.
    pub reflow_pack_abi_version: u32,
    /// The function of the library that registers its templates.
    #[serde(default = "default_entrypoint")]
    pub entrypoint: String,
    /// The library for each target triple.
    #[serde(default)]
    pub targets: BTreeMap<String, Target>,
    /// All template ids. Empty when they are known only after loading.
    #[serde(default)]
    pub templates: Vec<String>,
    /// Descriptions of native templates, so that graphs check without running code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descriptors: Vec<TemplateDescriptor>,
    /// The Python part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonPart>,
    /// Size and SHA-256 of every file in the bundle besides the manifest and its signature. Bundles of other tools may have
    /// none; their files are then taken as they are, and no signature covers them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileDigest>,
}

fn default_entrypoint() -> String {
    DEFAULT_ENTRYPOINT.into()
}

/// What there is for one target triple.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The library, a name in the bundle.
    pub file: String,
}

/// Plain Python actors in the bundle, below `python/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonPart {
    /// Where each template's class is: `module:Class`, the module below `python/`.
    pub templates: BTreeMap<String, String>,
}

/// What a file must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

impl FileDigest {
    /// That of a content.
    pub(crate) fn of(content: &[u8]) -> Self {
        Self { sha256: sha256(content), size: content.len() as u64 }
    }
}

/// Just enough to tell a newer format from a broken one.
#[derive(Deserialize)]
struct Version {
    manifest_version: Option<u32>,
}

impl Manifest {
    /// Reads a manifest and checks that it does not contradict itself, unless it leaves its files out.
    ///
    /// # Errors
    /// A text that says what is wrong and what would be right.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let version: Version = serde_json::from_slice(json).map_err(|error| format!("not a JSON object: {error}"))?;
        match version.manifest_version {
            Some(VERSION) => {}
            Some(other) => {
                return Err(format!(
                    "its `manifest_version` is {other}, and this version of offbit-reflow reads {VERSION}"
                ));
            }
            None => return Err(format!("it has no `manifest_version`; {VERSION} is right")),
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if !manifest.files.is_empty() {
            manifest.check()?;
        }
        Ok(manifest)
    }

    /// The manifest as it stands in a bundle.
    pub fn to_json(&self) -> String {
        // Text and numbers only: nothing that could fail.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Checks that it does not contradict itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(problem) = problem_with_pack(&self.name) {
            return Err(problem);
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if self.entrypoint.is_empty() || !self.entrypoint.chars().all(is_word) {
            return Err(format!("the entrypoint {:?} is not the name of a C function", self.entrypoint));
        }
        for (file, digest) in &self.files {
            if let Some(problem) = problem_with_entry(file) {
                return Err(format!("the file `{file}`: {problem}"));
            }
            if !is_sha256(&digest.sha256) {
                return Err(format!("the `sha256` of `{file}` is not 64 lower-case hexadecimal digits"));
            }
        }
        for (triple, target) in &self.targets {
            if !self.files.contains_key(&target.file) {
                return Err(format!("the library `{}` for {triple} has no SHA-256 under `files`", target.file));
            }
        }
        if self.targets.is_empty() && self.python.is_none() {
            return Err("it has neither `targets` nor a `python` part: there is nothing to load".into());
        }
        self.check_templates()
    }

    fn check_templates(&self) -> Result<(), String> {
        if self.templates.len() > MOST_TEMPLATES {
            return Err(format!("it lists {} templates; {MOST_TEMPLATES} are the most", self.templates.len()));
        }
        if let Some(problem) = self.templates.iter().find_map(|id| problem_with_template(id)) {
            return Err(problem);
        }
        let mut templates = BTreeSet::new();
        if let Some(twice) = self.templates.iter().find(|id| !templates.insert(id.as_str())) {
            return Err(format!("the template `{twice}` is listed twice"));
        }
        let mut described = BTreeSet::new();
        for descriptor in &self.descriptors {
            if let Some(problem) = descriptor.problem() {
                return Err(problem);
            }
            if !templates.contains(descriptor.id.as_str()) || !described.insert(&descriptor.id) {
                return Err(format!("the descriptor of `{}` belongs to no template, or is there twice", descriptor.id));
            }
        }
        let Some(python) = &self.python else { return Ok(()) };
        for (id, class) in &python.templates {
            if !templates.contains(id.as_str()) || described.contains(id) {
                return Err(format!(
                    "the Python template `{id}` is not in `templates`, or has a native descriptor too"
                ));
            }
            let dotted = |name: &str| {
                name.split('.').all(|part| {
                    !part.is_empty()
                        && !part.starts_with(|c: char| c.is_ascii_digit())
                        && part.chars().all(|c| c.is_alphanumeric() || c == '_')
                })
            };
            if !class.split_once(':').is_some_and(|(module, class)| dotted(module) && dotted(class)) {
                return Err(format!("the class {class:?} of `{id}` is not `module:Class`"));
            }
        }
        if !self.files.keys().any(|file| file.starts_with(PYTHON)) {
            return Err("it has a `python` part but no files below `python/`".into());
        }
        Ok(())
    }

    /// The templates that the library registers.
    pub fn native_templates(&self) -> impl Iterator<Item = &String> {
        let python = self.python.as_ref();
        self.templates.iter().filter(move |id| python.is_none_or(|python| !python.templates.contains_key(*id)))
    }

    /// The files of the Python part.
    pub fn python_files(&self) -> impl Iterator<Item = (&String, &FileDigest)> {
        self.files.iter().filter(|(file, _)| file.starts_with(PYTHON))
    }
}
