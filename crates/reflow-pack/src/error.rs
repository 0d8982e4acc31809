//! The errors of this crate. Each says what was wrong, where, and what would be right.

use std::io;
use std::path::PathBuf;

use crate::abi_version::AbiVersion;

/// Why a pack was refused, or a tool could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The operating system said no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Its words.
        #[source]
        source: io::Error,
    },
    /// A pipe, a device or a folder where a file is needed.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// A file larger than anything it could rightly be.
    #[error("{} has more than {most} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is right.
        most: u64,
    },
    /// Neither a bundle nor a library.
    #[error(
        "{} is not a pack: it begins like neither a zip file nor a shared library of this machine; \
         build one with `reflow pack build`", path.display()
    )]
    NotAPack {
        /// The file.
        path: PathBuf,
    },
    /// A raw library where a bundle is needed.
    #[error(
        "{} is a raw shared library, which has no manifest; pack it with `reflow pack build --library`, or load it",
        path.display()
    )]
    NoManifest {
        /// The file.
        path: PathBuf,
    },
    /// The zip file as a whole is damaged or hostile.
    #[error("{}: the archive is refused: {problem}", path.display())]
    BadArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// One entry of the zip file is damaged or hostile.
    #[error("{}: the entry `{entry}` is refused: {problem}", path.display())]
    BadEntry {
        /// The file.
        path: PathBuf,
        /// The name of the entry.
        entry: String,
        /// What is wrong.
        problem: String,
    },
    /// The manifest cannot be read or contradicts itself.
    #[error("{}: manifest.json: {problem}", path.display())]
    BadManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A pack for another ABI.
    #[error("{}: the pack was built for {}; this runtime has {}. {}", path.display(), pack, AbiVersion::CURRENT, pack.advice())]
    Abi {
        /// The file.
        path: PathBuf,
        /// What it was built for.
        pack: AbiVersion,
    },
    /// Nothing in the pack is for this machine.
    #[error(
        "{}: the pack has nothing for {host}, only for {}; ask its author for that target, or build it here",
        path.display(), list(present)
    )]
    NoTarget {
        /// The file.
        path: PathBuf,
        /// The triple of this machine.
        host: String,
        /// The triples in the pack.
        present: Vec<String>,
    },
    /// The manifest names a file that is not there.
    #[error("{}: the manifest names `{file}`, which is not in the archive; build the pack again", path.display())]
    MissingFile {
        /// The file.
        path: PathBuf,
        /// The missing one.
        file: String,
    },
    /// A file that the manifest does not name.
    #[error("{}: `{file}` is in the archive but not in the manifest, so nobody vouches for it", path.display())]
    UnlistedFile {
        /// The file.
        path: PathBuf,
        /// The extra one.
        file: String,
    },
    /// A file is not what the manifest says.
    #[error("{}: `{file}` has the SHA-256 {found}, but the manifest says {expected}: it was changed", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The changed one.
        file: String,
        /// The manifest's digest.
        expected: String,
        /// The real one.
        found: String,
    },
    /// The policy asks for a signature and there is none.
    #[error("{}: the pack is not signed, and only packs signed by the given keys are trusted", path.display())]
    NotSigned {
        /// The file.
        path: PathBuf,
    },
    /// The signature does not belong to this manifest.
    #[error("{}: the signature is not valid: {problem}", path.display())]
    BadSignature {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Signed, but not by a trusted key.
    #[error("{}: the pack is signed by the key {key}, which is not among the trusted ones", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// The signer.
        key: String,
    },
    /// A key that is none.
    #[error("not an Ed25519 key: {problem}; a key is 64 hexadecimal digits")]
    BadKey {
        /// What is wrong.
        problem: String,
    },
    /// Python actors without permission.
    #[error(
        "{}: the pack holds Python actors ({}); allow them with `allow_python=True`, or trust the key it is signed with",
        path.display(), list(templates)
    )]
    PythonNotAllowed {
        /// The file.
        path: PathBuf,
        /// The templates.
        templates: Vec<String>,
    },
    /// The private cache cannot be used.
    #[error("the pack cache {} cannot be used: {problem}", path.display())]
    Cache {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The operating system would not load the library.
    #[error("{}: the library cannot be loaded: {problem}", path.display())]
    Library {
        /// The pack.
        path: PathBuf,
        /// The loader's words.
        problem: String,
    },
    /// The library lacks a function of the ABI.
    #[error(
        "{}: the library exports no `{symbol}`; a Rust pack gets it from `export_pack!`, a C pack defines it",
        path.display()
    )]
    MissingSymbol {
        /// The pack.
        path: PathBuf,
        /// The function.
        symbol: String,
    },
    /// The entry point failed, or registered something that cannot be used.
    #[error("{}: the pack could not register: {problem}", path.display())]
    Registration {
        /// The pack.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The manifest promises templates that the library does not register.
    #[error(
        "{}: the manifest promises {} but the library registers only {}; build the pack again",
        path.display(), list(missing), list(registered)
    )]
    MissingTemplates {
        /// The pack.
        path: PathBuf,
        /// What is promised and not there.
        missing: Vec<String>,
        /// What is there.
        registered: Vec<String>,
    },
    /// The manifest describes a template otherwise than the library.
    #[error("{}: the manifest describes the template `{template}` otherwise than the library; build the pack again", path.display())]
    DescriptorMismatch {
        /// The pack.
        path: PathBuf,
        /// The template.
        template: String,
    },
    /// Another pack has a template of that id.
    #[error("{}: the template `{template}` is taken by the pack `{owner}`; one of the two has to rename it", path.display())]
    TemplateTaken {
        /// The pack.
        path: PathBuf,
        /// The template.
        template: String,
        /// The pack that has it.
        owner: String,
    },
    /// The bundled catalog has a template of that id.
    #[error("{}: the template `{template}` is there already, in the bundled catalog; the pack has to rename it", path.display())]
    TemplateBuiltIn {
        /// The pack.
        path: PathBuf,
        /// The template.
        template: String,
    },
    /// Another pack of that name is loaded.
    #[error(
        "{}: another pack `{name}` (version {version}, from {}) is loaded, and a loaded pack stays; \
         load this one in a new process", path.display(), loaded_from.display()
    )]
    NameTaken {
        /// The pack.
        path: PathBuf,
        /// Its name.
        name: String,
        /// The version that is loaded.
        version: String,
        /// Where that came from.
        loaded_from: PathBuf,
    },
    /// A pack was asked for something that it does not do.
    #[error("{}", no_command(pack, command, *is_loaded, names))]
    NoCommand {
        /// The name of the pack.
        pack: String,
        /// What was asked.
        command: String,
        /// Whether the pack is loaded.
        is_loaded: bool,
        /// What it does.
        names: Vec<String>,
    },
    /// A pack could not do what it was asked for.
    #[error("{problem}")]
    CommandFailed {
        /// The name of the pack.
        pack: String,
        /// What it says.
        problem: String,
    },
    /// A tool was used in a way that cannot work.
    #[error("{0}")]
    Usage(String),
    /// A program that a tool runs failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
}

impl PackError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

fn no_command(pack: &str, command: &str, is_loaded: bool, names: &[String]) -> String {
    if is_loaded {
        format!("the pack `{pack}` has no command `{command}`; it has {}", list(names))
    } else {
        format!("the pack `{pack}` is not loaded; load it with `load_pack` first")
    }
}

/// Names for people.
pub(crate) fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names {
        [] => "nothing".into(),
        names if names.len() <= SHOWN => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        names => format!("{} and {} more", list(&names[..SHOWN]), names.len() - SHOWN),
    }
}
