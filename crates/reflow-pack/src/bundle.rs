//! `Bundle`: an opened `.rflpack` whose manifest, signature and file list were checked. Runs no code.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use crate::abi_version::AbiVersion;
use crate::archive::{Archive, ArchiveWriter, Limits};
use crate::digest::sha256;
use crate::error::PackError;
use crate::file::open_regular;
use crate::manifest::{FileDigest, Manifest};
use crate::signature::{PublicKey, Signature, SigningKey, Trust};

/// The target triple that this crate was built for.
pub const HOST_TRIPLE: &str = env!("REFLOW_PACK_TARGET");
/// The name of the manifest in a bundle.
pub const MANIFEST: &str = "manifest.json";
/// The name of the signature in a bundle.
pub const SIGNATURE: &str = "signature.json";
/// No manifest is larger, whatever the limits of the archive.
const LARGEST_MANIFEST: u64 = 8 << 20;

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A zip file.
    Bundle,
    /// A shared library.
    Library,
    /// Neither.
    Other,
}

impl Content {
    /// That of a file, which is left at its start; `path` is for messages.
    pub(crate) fn of(mut file: &File, path: &Path) -> Result<Self, PackError> {
        let mut start = Vec::new();
        let read = file.take(4).read_to_end(&mut start).and_then(|_| file.rewind());
        read.map_err(PackError::io("read", path))?;
        Ok(match &*start {
            b"PK\x03\x04" | b"PK\x05\x06" => Self::Bundle,
            b"\x7fELF" | [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe] | [b'M', b'Z', ..] => Self::Library,
            _ => Self::Other,
        })
    }
}

/// An opened bundle.
#[derive(Debug)]
pub struct Bundle<R = File> {
    path: PathBuf,
    archive: Archive<R>,
    manifest: Manifest,
    /// As it stands in the archive: what the signature is over.
    manifest_bytes: Vec<u8>,
    identity: String,
    signer: Option<PublicKey>,
}

impl Bundle {
    /// Opens a bundle and checks everything about it but the contents of its files.
    ///
    /// # Errors
    /// [`PackError`] says what is wrong.
    pub fn open(path: &Path) -> Result<Self, PackError> {
        let file = open_regular(path)?;
        match Content::of(&file, path)? {
            Content::Bundle => Self::read(file, path, &Limits::default()),
            Content::Library => Err(PackError::NoManifest { path: path.into() }),
            Content::Other => Err(PackError::NotAPack { path: path.into() }),
        }
    }
}

impl<R: Read + Seek> Bundle<R> {
    /// [`open`](Bundle::open) of anything that can be read; `path` is for messages.
    ///
    /// # Errors
    /// As [`open`](Bundle::open).
    pub fn read(source: R, path: &Path, limits: &Limits) -> Result<Self, PackError> {
        let mut archive = Archive::open(source, path, limits)?;
        let bad = |problem: String| PackError::BadManifest { path: path.into(), problem };
        if [MANIFEST, SIGNATURE]
            .iter()
            .filter_map(|name| archive.entry(name))
            .any(|entry| entry.size() > LARGEST_MANIFEST)
        {
            return Err(bad(format!("it has more than {LARGEST_MANIFEST} bytes")));
        }
        let missing = || PackError::BadArchive { path: path.into(), problem: format!("it has no `{MANIFEST}`") };
        let manifest_bytes = archive.read(MANIFEST)?.ok_or_else(missing)?;
        let mut manifest = Manifest::parse(&manifest_bytes).map_err(bad)?;
        let covers_files = !manifest.files.is_empty();
        if !covers_files {
            let names: Vec<_> = archive.entries().iter().map(|entry| entry.name().to_string()).collect();
            for name in names.into_iter().filter(|name| ![MANIFEST, SIGNATURE].contains(&name.as_str())) {
                let content = archive.read(&name)?.unwrap_or_default();
                manifest.files.insert(name, FileDigest::of(&content));
            }
            manifest.check().map_err(bad)?;
        }
        for (file, digest) in &manifest.files {
            match archive.entry(file) {
                None => return Err(PackError::MissingFile { path: path.into(), file: file.clone() }),
                Some(entry) if entry.size() != digest.size => {
                    let problem = format!("it has {} bytes, but the manifest says {}", entry.size(), digest.size);
                    return Err(PackError::BadEntry { path: path.into(), entry: file.clone(), problem });
                }
                Some(_) => {}
            }
        }
        let is_listed = |name: &str| [MANIFEST, SIGNATURE].contains(&name) || manifest.files.contains_key(name);
        if let Some(entry) = archive.entries().iter().find(|entry| !is_listed(entry.name())) {
            return Err(PackError::UnlistedFile { path: path.into(), file: entry.name().into() });
        }
        let signer = match archive.read(SIGNATURE)? {
            // A signature of a manifest that does not say what the files are signs nothing.
            _ if !covers_files => None,
            None => None,
            Some(json) => {
                let bad = |problem| PackError::BadSignature { path: path.into(), problem };
                let signature: Signature = serde_json::from_slice(&json).map_err(|error| bad(error.to_string()))?;
                Some(signature.verify(&manifest_bytes).map_err(bad)?)
            }
        };
        let identity = if covers_files { sha256(&manifest_bytes) } else { sha256(manifest.to_json().as_bytes()) };
        Ok(Self { path: path.into(), archive, manifest, manifest_bytes, identity, signer })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A text that differs for every two packs.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The bytes of the manifest.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The SHA-256 of all its bytes.
    pub(crate) fn digest(&mut self) -> Result<String, PackError> {
        self.archive.digest()
    }

    /// Whose valid signature it carries.
    pub fn signer(&self) -> Option<PublicKey> {
        self.signer
    }

    /// Whether `trust` lets this pack in; `true` when a key that it names has signed.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_trust(&self, trust: &Trust) -> Result<bool, PackError> {
        let Trust::SignedBy(keys) = trust else { return Ok(false) };
        match self.signer {
            None => Err(PackError::NotSigned { path: self.path.clone() }),
            Some(key) if keys.contains(&key) => Ok(true),
            Some(key) => Err(PackError::Untrusted { path: self.path.clone(), key: key.to_string() }),
        }
    }

    /// Checks that this runtime has the ABI of the pack.
    ///
    /// # Errors
    /// [`PackError::Abi`].
    pub fn check_abi(&self) -> Result<(), PackError> {
        let pack = AbiVersion(self.manifest.reflow_pack_abi_version);
        if pack.is_supported() { Ok(()) } else { Err(PackError::Abi { path: self.path.clone(), pack }) }
    }

    /// The library for this machine, by name; `None` for a pack of Python actors alone.
    ///
    /// # Errors
    /// [`PackError::NoTarget`] when there are others only.
    pub fn host_library(&self) -> Result<Option<String>, PackError> {
        match self.manifest.targets.get(HOST_TRIPLE) {
            Some(target) => Ok(Some(target.file.clone())),
            None if self.manifest.targets.is_empty() => Ok(None),
            None => Err(PackError::NoTarget {
                path: self.path.clone(),
                host: HOST_TRIPLE.into(),
                present: self.manifest.targets.keys().cloned().collect(),
            }),
        }
    }

    /// The content of a file, after its SHA-256 was checked.
    ///
    /// # Errors
    /// When it is not there or not what the manifest says.
    pub fn file(&mut self, name: &str) -> Result<Vec<u8>, PackError> {
        let missing = || PackError::MissingFile { path: self.path.clone(), file: name.into() };
        let expected = self.manifest.files.get(name).ok_or_else(missing)?.sha256.clone();
        let content = self.archive.read(name)?.ok_or_else(missing)?;
        let found = sha256(&content);
        if found != expected {
            return Err(PackError::Digest { path: self.path.clone(), file: name.into(), expected, found });
        }
        Ok(content)
    }

    /// Checks the content of every file; that of the file called `wanted` is the answer, so that it need not be unpacked twice.
    ///
    /// # Errors
    /// The first that is not what the manifest says.
    pub fn verify(&mut self, wanted: Option<&str>) -> Result<Option<Vec<u8>>, PackError> {
        let files: Vec<_> = self.manifest.files.keys().cloned().collect();
        let mut kept = None;
        for file in &files {
            let content = self.file(file)?;
            if Some(file.as_str()) == wanted {
                kept = Some(content);
            }
        }
        Ok(kept)
    }
}

/// The bytes of a bundle. The digests in the manifest are made from `files`; what is in `manifest.files` is replaced.
pub(crate) fn write(mut manifest: Manifest, files: &[(String, Vec<u8>)], key: Option<&SigningKey>) -> Vec<u8> {
    manifest.files = files.iter().map(|(name, content)| (name.clone(), FileDigest::of(content))).collect();
    let json = manifest.to_json();
    let mut writer = ArchiveWriter::new();
    writer.add(MANIFEST, json.as_bytes());
    if let Some(key) = key {
        let signature = serde_json::to_string_pretty(&key.sign(json.as_bytes())).unwrap_or_default();
        writer.add(SIGNATURE, signature.as_bytes());
    }
    for (name, content) in files {
        writer.add(name, content);
    }
    writer.finish()
}

/// Writes a bundle and reads it back before it takes its place, so that nobody ever sees half of one.
pub(crate) fn save(bytes: &[u8], path: &Path) -> Result<(), PackError> {
    Bundle::read(Cursor::new(bytes), path, &Limits::default())?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    std::fs::write(&part, bytes).map_err(PackError::io("write", &part))?;
    std::fs::rename(&part, path).map_err(PackError::io("write", path))
}
