//! Running cargo.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::PackError;

/// The package that is built, as cargo knows it.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) authors: Vec<String>,
    pub(super) description: String,
    pub(super) license: String,
    /// Where its `Cargo.toml` lies.
    pub(super) directory: PathBuf,
}

/// What cargo says about the package in `directory`.
pub(super) fn metadata(directory: &Path) -> Result<Package, PackError> {
    let manifest = directory.join("Cargo.toml");
    let arguments = ["metadata", "--no-deps", "--format-version=1", "--manifest-path"].map(OsString::from);
    let output = run(arguments.into_iter().chain([manifest.clone().into_os_string()]).collect())?;
    let metadata: Value = serde_json::from_slice(&output).unwrap_or_default();
    let manifest = manifest.canonicalize().unwrap_or(manifest);
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let is_ours = |package: &Value| package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest);
    let package = packages.iter().find(|package| is_ours(package)).or(packages.first().filter(|_| packages.len() == 1));
    let Some(package) = package else {
        return Err(PackError::Usage(format!(
            "{} is the manifest of no package; name the pack's own",
            manifest.display()
        )));
    };
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_string();
    let authors = package["authors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Package {
        name: text("name"),
        authors: authors.map(Into::into).collect(),
        description: text("description"),
        license: text("license"),
        directory: directory.to_path_buf(),
    })
}

/// Builds the package's library in the given profile and with these features beside its defaults; where it lies.
pub(super) fn build_library(package: &Package, profile: &str, features: Option<&str>) -> Result<PathBuf, PackError> {
    let mut arguments: Vec<OsString> =
        ["build", "--lib", "--message-format=json-render-diagnostics", "--profile", profile, "--manifest-path"]
            .map(OsString::from)
            .into();
    arguments.push(package.directory.join("Cargo.toml").into_os_string());
    if let Some(features) = features {
        arguments.extend(["--features".into(), features.into()]);
    }
    let output = run(arguments)?;
    let is_library = |message: &Value| {
        message["reason"] == "compiler-artifact"
            && message["target"]["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
            && message["target"]["name"]
                .as_str()
                .is_some_and(|name| name.replace('-', "_") == package.name.replace('-', "_"))
    };
    let is_shared = |path: &&str| [".so", ".dylib", ".dll"].iter().any(|suffix| path.ends_with(suffix));
    let mut messages =
        output.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let files = messages.rfind(is_library).and_then(|message| message["filenames"].as_array().cloned());
    let library = files.iter().flatten().filter_map(Value::as_str).find(is_shared).map(PathBuf::from);
    library.ok_or_else(|| {
        PackError::Usage(format!(
            "the package `{}` builds no shared library; its Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\"]`",
            package.name
        ))
    })
}

/// Runs cargo; what it printed.
fn run(arguments: Vec<OsString>) -> Result<Vec<u8>, PackError> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run_program(Command::new(program).args(arguments))
}

/// Runs a program to its end; what it printed.
pub(super) fn run_program(command: &mut Command) -> Result<Vec<u8>, PackError> {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let words = words.join(" ".as_ref()).to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| PackError::Command {
        command: words.clone(),
        status: "it could not be started".into(),
        output: error.to_string(),
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = printed.lines().collect();
    let end = lines[lines.len().saturating_sub(40)..].join("\n");
    Err(PackError::Command { command: words, status: output.status.to_string(), output: end })
}
