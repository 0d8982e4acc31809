//! `new`: a repository for a pack that builds out of tree.

use std::path::{Path, PathBuf};

use crate::error::PackError;
use crate::names::problem_with_pack;

/// What the pack is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Rust, with cargo.
    #[default]
    Rust,
    /// C, with a Makefile.
    C,
    /// Python alone.
    Python,
}

/// How [`new`] is to lay it out.
#[derive(Clone, Debug, Default)]
pub struct NewOptions {
    /// The language.
    pub language: Language,
    /// Where the SDK lies, in place of the one that fits this runtime and is laid out beside the pack.
    pub sdk: Option<PathBuf>,
}

/// The template repository: file names and contents, by language.
const RUST: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("template/rust/Cargo.toml.in")),
    ("src/lib.rs", include_str!("template/rust/lib.rs.in")),
    ("README.md", include_str!("template/README.md.in")),
    (".gitignore", "/target\n*.rflpack\n"),
];
/// The sources of the SDK that fits this runtime: file names and contents.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
/// Where they are laid out, below the pack.
const SDK_FOLDER: &str = "reflow-sdk";
const C: [(&str, &str); 5] = [
    ("pack.c", include_str!("template/c/pack.c.in")),
    ("pack.json", include_str!("template/c/pack.json.in")),
    ("Makefile", include_str!("template/c/Makefile.in")),
    ("README.md", include_str!("template/README.md.in")),
    (".gitignore", "*.so\n*.dylib\n*.dll\n*.rflpack\n"),
];
const PYTHON: [(&str, &str); 4] = [
    ("pack.json", include_str!("template/python/pack.json.in")),
    ("python/@IDENT@/__init__.py", include_str!("template/python/init.py.in")),
    ("README.md", include_str!("template/README.md.in")),
    (".gitignore", "__pycache__\n*.rflpack\n"),
];

/// Lays out a repository for the pack `name` in the new directory `directory`; the files that were written.
///
/// # Errors
/// When the directory holds something already, or the name is none for a pack.
pub fn new(directory: &Path, name: &str, options: &NewOptions) -> Result<Vec<PathBuf>, PackError> {
    if let Some(problem) = problem_with_pack(name) {
        return Err(PackError::Usage(problem));
    }
    if std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(PackError::Usage(format!("{} is not empty; name a new directory", directory.display())));
    }
    let words = Words::new(name, options.sdk.as_deref())?;
    let files: &[(&str, &str)] = match options.language {
        Language::Rust => &RUST,
        Language::C => &C,
        Language::Python => &PYTHON,
    };
    let mut written = Vec::new();
    for (file, content) in files {
        let path = directory.join(words.fill(file));
        write(&path, words.fill(content).as_bytes())?;
        written.push(path);
    }
    if options.language == Language::Rust && options.sdk.is_none() {
        for (file, content) in SDK {
            let path = directory.join(SDK_FOLDER).join(file);
            write(&path, content.as_bytes())?;
            written.push(path);
        }
    }
    if options.language == Language::C {
        let path = directory.join("reflow_pack.h");
        write(&path, reflow_pack_sdk::C_HEADER.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}

/// What is filled in.
struct Words(Vec<(&'static str, String)>);

impl Words {
    fn new(name: &str, sdk: Option<&Path>) -> Result<Self, PackError> {
        let lower = name.to_lowercase();
        let ident: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let ident = if ident.starts_with(|c: char| c.is_ascii_digit()) { format!("pack_{ident}") } else { ident };
        let sdk = match sdk {
            None if SDK.is_empty() => {
                format!("\"{}.{}\"", env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"))
            }
            None => format!("{{ path = \"{SDK_FOLDER}/crates/reflow-pack-sdk\" }}"),
            Some(sdk) => {
                let sdk = sdk.canonicalize().map_err(PackError::io("find", sdk))?;
                format!("{{ path = {:?} }}", sdk.display().to_string())
            }
        };
        Ok(Self(vec![
            ("@NAME@", name.to_string()),
            ("@CRATE@", ident.replace('_', "-")),
            ("@IDENT@", ident),
            ("@SDK@", sdk),
        ]))
    }

    fn fill(&self, template: &str) -> String {
        self.0.iter().fold(template.to_string(), |text, (word, with)| text.replace(word, with))
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), PackError> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(PackError::io("make", parent))?;
    }
    std::fs::write(path, content).map_err(PackError::io("write", path))
}
