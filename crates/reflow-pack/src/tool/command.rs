//! The words of the `reflow pack` command.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{BuildOptions, CollectOptions, Language, NewOptions};
use crate::{AbiVersion, HOST_TRIPLE, LoadOptions, PackError, PublicKey, SigningKey, Trust, tool};

const HELP: &str = "\
Actor packs for offbit-reflow.

  reflow pack new DIRECTORY [--name NAME] [--language rust|c|python] [--sdk PATH]
  reflow pack build [DIRECTORY] [--library FILE] [--profile NAME] [--features LIST] [--output PATH] [--key FILE]
  reflow pack build --collect BUNDLE... --output FILE [--key FILE]
  reflow pack inspect BUNDLE
  reflow pack verify BUNDLE... [--trusted-key PUBLIC_KEY]...
  reflow pack keygen FILE
  reflow pack sign BUNDLE --key FILE
  reflow pack strip BUNDLE --output FILE [--target TRIPLE] [--key FILE]
  reflow pack list BUNDLE_OR_LIBRARY... [--allow-python]
  reflow pack abi
";

/// Runs one command line (without the program's name) and writes what it has to say to `out`.
///
/// # Errors
/// What was wrong with the words, or what the command came upon.
pub fn run(arguments: Vec<String>, out: &mut String) -> Result<(), PackError> {
    if arguments.iter().any(|word| word == "--help" || word == "-h") {
        out.push_str(HELP);
        return Ok(());
    }
    let mut arguments = Arguments(arguments);
    let command = arguments.word().unwrap_or_else(|| "help".into());
    match command.as_str() {
        "new" => new(arguments, out),
        "build" => build(arguments, out),
        "inspect" => {
            let path = arguments.path("a bundle")?;
            arguments.end()?;
            let _ = writeln!(out, "{:#}", crate::inspect_pack(&path)?);
            Ok(())
        }
        "verify" => verify(arguments, out),
        "keygen" => {
            let path = arguments.path("a file for the secret key")?;
            arguments.end()?;
            let key = SigningKey::generate()?;
            tool::write_key(&path, &key)?;
            let _ = writeln!(out, "{}", key.public());
            Ok(())
        }
        "sign" => {
            let key = arguments.key()?.ok_or_else(|| usage("`sign` needs --key FILE"))?;
            let path = arguments.path("a bundle")?;
            arguments.end()?;
            tool::sign(&path, &key)?;
            let _ = writeln!(out, "{}: signed by {}", path.display(), key.public());
            Ok(())
        }
        "strip" => strip(arguments, out),
        "list" => list(arguments, out),
        "abi" => {
            let _ = writeln!(out, "{} on {HOST_TRIPLE}", AbiVersion::CURRENT);
            Ok(())
        }
        "help" => {
            out.push_str(HELP);
            Ok(())
        }
        other => Err(usage(&format!("there is no command `{other}`"))),
    }
}

fn new(mut arguments: Arguments, out: &mut String) -> Result<(), PackError> {
    let language = match arguments.option("--language")?.as_deref() {
        None | Some("rust") => Language::Rust,
        Some("c") => Language::C,
        Some("python") => Language::Python,
        Some(other) => return Err(usage(&format!("there is no template in `{other}`; rust, c and python are there"))),
    };
    let options = NewOptions { language, sdk: arguments.option("--sdk")?.map(PathBuf::from) };
    let name = arguments.option("--name")?;
    let directory = arguments.path("a directory")?;
    arguments.end()?;
    let name = name.unwrap_or_else(|| directory.file_name().unwrap_or_default().to_string_lossy().into_owned());
    for file in tool::new(&directory, &name, &options)? {
        let _ = writeln!(out, "{}", file.display());
    }
    Ok(())
}

fn build(mut arguments: Arguments, out: &mut String) -> Result<(), PackError> {
    let key = arguments.key()?;
    let output = arguments.option("--output")?.map(PathBuf::from);
    let packed = if arguments.flag("--collect") {
        let output = output.ok_or_else(|| usage("`build --collect` needs --output FILE"))?;
        tool::collect(&arguments.rest()?, &CollectOptions { output, key })?
    } else {
        let library = arguments.option("--library")?.map(PathBuf::from);
        let profile = arguments.option("--profile")?;
        let features = arguments.option("--features")?;
        let directory = arguments.word().map_or_else(|| ".".into(), PathBuf::from);
        arguments.end()?;
        tool::build(&directory, &BuildOptions { output, library, profile, features, key })?
    };
    describe(out, &packed);
    Ok(())
}

fn verify(mut arguments: Arguments, out: &mut String) -> Result<(), PackError> {
    let mut keys: Vec<PublicKey> = Vec::new();
    for name in ["--trusted-key", "--trust"] {
        while let Some(key) = arguments.option(name)? {
            keys.push(key.parse()?);
        }
    }
    let trust = if keys.is_empty() { Trust::Any } else { Trust::SignedBy(keys) };
    for path in arguments.rest()? {
        let signer = tool::verify(&path, &trust)?.map_or_else(|| "not signed".into(), |key| format!("signed by {key}"));
        let _ = writeln!(out, "{}: whole, {signer}", path.display());
    }
    Ok(())
}

fn strip(mut arguments: Arguments, out: &mut String) -> Result<(), PackError> {
    let key = arguments.key()?;
    let target = arguments.option("--target")?;
    let output = arguments.option("--output")?.ok_or_else(|| usage("`strip` needs --output FILE"))?;
    let path = arguments.path("a bundle")?;
    arguments.end()?;
    describe(out, &tool::strip(&path, target.as_deref(), Path::new(&output), key.as_ref())?);
    Ok(())
}

fn list(mut arguments: Arguments, out: &mut String) -> Result<(), PackError> {
    let options = LoadOptions { allow_python: arguments.flag("--allow-python"), ..LoadOptions::default() };
    for path in arguments.rest()? {
        let pack = crate::load_pack(&path, &options)?;
        let _ = writeln!(out, "{} {} ({})", pack.name, pack.version, pack.source_path.display());
        for template in &pack.templates {
            let _ = writeln!(out, "  {template}");
        }
    }
    Ok(())
}

fn describe(out: &mut String, packed: &tool::Packed) {
    let manifest = &packed.manifest;
    let targets: Vec<_> = manifest.targets.keys().map(String::as_str).collect();
    let _ = writeln!(
        out,
        "{}: {} {}, {} template{}, for {}",
        packed.path.display(),
        manifest.name,
        manifest.version,
        manifest.templates.len(),
        if manifest.templates.len() == 1 { "" } else { "s" },
        if targets.is_empty() { "every platform".to_owned() } else { targets.join(", ") }
    );
}

fn usage(problem: &str) -> PackError {
    PackError::Usage(format!("{problem}\n\n{HELP}"))
}

/// The words of the command line that are not used up yet.
struct Arguments(Vec<String>);

impl Arguments {
    /// The first word, whatever it is.
    fn word(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| word == name);
        at.map(|at| self.0.remove(at)).is_some()
    }

    fn option(&mut self, name: &str) -> Result<Option<String>, PackError> {
        let Some(at) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 == self.0.len() {
            return Err(usage(&format!("{name} needs a value")));
        }
        self.0.remove(at);
        Ok(Some(self.0.remove(at)))
    }

    fn key(&mut self) -> Result<Option<SigningKey>, PackError> {
        self.option("--key")?.map(|path| tool::read_key(Path::new(&path))).transpose()
    }

    fn path(&mut self, what: &str) -> Result<PathBuf, PackError> {
        let word = self.word().filter(|word| !word.starts_with("--"));
        word.map(PathBuf::from).ok_or_else(|| usage(&format!("name {what}")))
    }

    fn rest(self) -> Result<Vec<PathBuf>, PackError> {
        match self.0.iter().find(|word| word.starts_with("--")) {
            Some(unknown) => Err(usage(&format!("there is no option {unknown} here"))),
            None if self.0.is_empty() => Err(usage("name at least one file")),
            None => Ok(self.0.into_iter().map(PathBuf::from).collect()),
        }
    }

    fn end(&self) -> Result<(), PackError> {
        match self.0.first() {
            None => Ok(()),
            Some(extra) => Err(usage(&format!("`{extra}` is too much"))),
        }
    }
}
