//! Who may depend on whom: crates by their manifests, modules by what they import.

#![expect(clippy::unwrap_used, reason = "a workspace that cannot be read is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// Crates, each with the ones of the workspace that it may build on.
const CRATES: &[(&str, &[&str])] = &[
    ("reflow-message", &[]),
    ("reflow-graph", &["reflow-message"]),
    ("reflow-expr", &["reflow-message"]),
    // The conditions of start gates are expressions.
    ("reflow-runtime", &["reflow-expr", "reflow-graph", "reflow-message"]),
    ("reflow-store", &["reflow-message", "reflow-runtime"]),
    ("reflow-component-macros", &[]),
    ("reflow-component", &["reflow-component-macros", "reflow-message", "reflow-runtime"]),
    ("reflow-v4l2", &[]),
    ("reflow-media", &["reflow-component", "reflow-expr", "reflow-message", "reflow-runtime", "reflow-v4l2"]),
    ("reflow-geometry", FAMILY),
    ("reflow-shading", FAMILY),
    ("reflow-assets", &["reflow-message"]),
    ("reflow-scene", &["reflow-assets", "reflow-component", "reflow-geometry", "reflow-message"]),
    (
        "reflow-components",
        &[
            "reflow-assets",
            "reflow-component",
            "reflow-expr",
            "reflow-geometry",
            "reflow-media",
            "reflow-message",
            "reflow-runtime",
            "reflow-scene",
            "reflow-shading",
        ],
    ),
    ("reflow-pack-sdk", &["reflow-component", "reflow-component-macros", "reflow-message"]),
    ("reflow-pack", &["reflow-graph", "reflow-message", "reflow-pack-sdk", "reflow-runtime"]),
];

/// What a family crate may build on. Kernels need none of it.
const FAMILY: &[&str] = &["reflow-component", "reflow-expr", "reflow-message", "reflow-runtime"];

/// What must not come in, however far away it is used.
const FREE_OF: &[(&str, &[&str])] = &[
    ("reflow-message", &["tokio", "petgraph", "pyo3"]),
    ("reflow-expr", &["tokio", "petgraph", "pyo3"]),
    ("reflow-graph", &["tokio", "pyo3"]),
    ("reflow-runtime", &["pyo3", "axum", "reqwest"]),
    ("reflow-pack-sdk", &["tokio", "petgraph", "pyo3"]),
];

/// Modules of `reflow-component`, in layers; a module imports from its own layer and those before it.
const KIT: &[&[&str]] = &[
    &["config", "lint", "shape", "word", "kind", "vector", "firing", "port"],
    &["declaration", "schema", "documentation"],
    &["read", "report", "typed", "entry"],
    &["stream", "table"],
    // What others import from: everything under the names that it has there.
    &["declare", "prelude", "testing"],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> Json {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline", "--locked", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    json[key].as_array().into_iter().flatten()
}

#[test]
fn crates_build_on_lower_ones_only() {
    let metadata = metadata();
    let allowed: BTreeMap<_, _> = CRATES.iter().copied().collect();
    for package in list(&metadata, "packages").filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().unwrap();
        // The binding is on top of everything.
        if name == "reflow-python" {
            continue;
        }
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("say in CRATES what {name} may build on"));
        for dependency in list(package, "dependencies") {
            let of = dependency["name"].as_str().unwrap();
            let counts = dependency["kind"].as_str() != Some("dev") && of.starts_with("reflow-");
            assert!(!counts || allowed.contains(&of), "{name} must not build on {of}");
        }
    }
}

#[test]
fn what_is_light_stays_light() {
    let metadata = metadata();
    let packages: BTreeMap<&str, &str> = list(&metadata, "packages")
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let nodes: BTreeMap<&str, &Json> =
        list(&metadata["resolve"], "nodes").map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let is_built = |dependency: &&Json| list(dependency, "dep_kinds").any(|kind| kind["kind"].as_str() != Some("dev"));
    for (name, forbidden) in FREE_OF {
        let mut open: Vec<&str> = packages.iter().filter(|(_, of)| *of == name).map(|(id, _)| *id).collect();
        let mut seen = open.clone();
        while let Some(id) = open.pop() {
            let of = packages[id];
            assert!(!forbidden.contains(&of), "{name} must not build {of}");
            for dependency in list(nodes[id], "deps").filter(is_built) {
                let next = dependency["pkg"].as_str().unwrap();
                // The kit joins both worlds by a feature, which is on for the families; packs build it without.
                let is_kit = packages[next] == "reflow-runtime" && of == "reflow-component";
                if !is_kit && !seen.contains(&next) {
                    seen.push(next);
                    open.push(next);
                }
            }
        }
    }
}

#[test]
fn modules_of_the_kit_import_from_lower_layers_only() {
    let imports = imports(&root().join("crates/reflow-component/src"));
    check("reflow-component", KIT, &imports);
}

/// Fails on an import from a higher layer, and on a module that stands in none.
fn check(name: &str, layers: &[&[&str]], imports: &BTreeMap<String, Vec<String>>) {
    let layer = |module: &str| layers.iter().position(|modules| modules.contains(&module));
    let mut wrong = Vec::new();
    for (module, imported) in imports {
        let Some(own) = layer(module) else {
            wrong.push(format!("say in which layer of {name} `{module}` stands"));
            continue;
        };
        let upward = imported.iter().filter(|other| layer(other).is_some_and(|layer| layer > own));
        wrong.extend(upward.map(|other| format!("{name}: `{module}` must not import from `{other}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The modules at the top of a crate that each of them names, outside of tests.
fn imports(source: &Path) -> BTreeMap<String, Vec<String>> {
    let mut imports: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files(source) {
        let place = file.strip_prefix(source).unwrap().with_extension("");
        let module = place.components().next().unwrap().as_os_str().to_str().unwrap().to_string();
        if module == "lib" {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let own = imports.entry(module.clone()).or_default();
        for line in lines {
            for named in line.split("crate::").skip(1) {
                let other: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if other != module && !own.contains(&other) {
                    own.push(other);
                }
            }
        }
    }
    imports
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
