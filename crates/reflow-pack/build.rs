//! Tells the crate which target triple it is built for, and packs the sources of the SDK that fits it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What a pack in Rust is built from.
const CRATES: [&str; 4] = ["reflow-component", "reflow-component-macros", "reflow-message", "reflow-pack-sdk"];

fn main() {
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=REFLOW_PACK_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
    let crates = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("sdk.rs");
    // Outside of the workspace there are no sources beside this crate, and packs take the published SDK.
    let files = if crates.join("reflow-pack-sdk").is_dir() { sdk(&crates) } else { Vec::new() };
    let mut code = String::from("&[\n");
    for (name, text) in files {
        let _ = writeln!(code, "    ({name:?}, {text:?}),");
    }
    code.push(']');
    if let Err(error) = fs::write(&out, code) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}

/// The files of the SDK as a workspace of its own.
fn sdk(crates: &Path) -> Vec<(String, String)> {
    let mut files = vec![("Cargo.toml".to_string(), read(&crates.join("../Cargo.toml")))];
    for name in CRATES {
        let root = crates.join(name);
        let manifest = read(&root.join("Cargo.toml"));
        // Packs build the kit without the runtime, which does not come along.
        let is_of_runtime =
            |line: &str| ["reflow-runtime", "default =", "runtime ="].iter().any(|word| line.starts_with(word));
        let lines: Vec<_> = manifest.lines().filter(|line| !is_of_runtime(line)).collect();
        files.push((format!("crates/{name}/Cargo.toml"), lines.join("\n") + "\n"));
        for folder in ["src", "include"] {
            println!("cargo::rerun-if-changed={}", root.join(folder).display());
            collect(&root.join(folder), &format!("crates/{name}/{folder}"), &mut files);
        }
    }
    files.sort();
    files
}

fn collect(folder: &Path, name: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            collect(&path, &name, files);
        } else {
            files.push((name, read(&path)));
        }
    }
}

fn read(path: &Path) -> String {
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path).unwrap_or_default()
}
