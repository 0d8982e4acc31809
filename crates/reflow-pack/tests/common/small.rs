//! Small packs in C, and bundles of which every part can be wrong.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};

use reflow_pack::{ArchiveWriter, HOST_TRIPLE, SigningKey, pack_abi_version};
use serde_json::{Value, json};

use crate::common::{compile, here};

/// A library with one template; `problem` is one of those in `small.c`, 0 for none.
pub fn library(directory: &Path, name: &str, problem: u32) -> PathBuf {
    let source = include_str!("../packs/small.c")
        .replace("PROBLEM", &problem.to_string())
        .replace("@NAME@", name)
        .replace("@ID@", &template(name));
    let path = directory.join(format!("lib{name}.so"));
    compile(&source, &here("../reflow-pack-sdk/include"), &path);
    path
}

pub fn template(name: &str) -> String {
    format!("{name}_forward")
}

/// A bundle in the making.
pub struct Small {
    pub manifest: Value,
    pub files: Vec<(String, Vec<u8>)>,
    pub key: Option<SigningKey>,
}

impl Small {
    /// A right one around a library.
    pub fn new(name: &str, library: Vec<u8>) -> Self {
        let file = "lib/pack.so".to_string();
        let port = |name: &str| json!([{"name": name}]);
        let manifest = json!({
            "manifest_version": 1, "name": name, "version": "1.0.0", "reflow_pack_abi_version": pack_abi_version(),
            "targets": {HOST_TRIPLE: {"file": file}}, "templates": [template(name)],
            "descriptors": [{"id": template(name), "inports": port("in"), "outports": port("out")}],
        });
        Self { manifest, files: vec![(file, library)], key: None }
    }

    /// The bytes, with the digests of its files unless the manifest has some.
    pub fn bytes(&self) -> Vec<u8> {
        let mut manifest = self.manifest.clone();
        if manifest.get("files").is_none() {
            let digest = |content: &[u8]| {
                use sha2::Digest;
                let digest: Vec<_> = sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
                let digest = digest.concat();
                json!({"sha256": digest, "size": content.len()})
            };
            manifest["files"] = self.files.iter().map(|(name, content)| (name.clone(), digest(content))).collect();
        }
        let manifest = manifest.to_string();
        let mut writer = ArchiveWriter::new();
        writer.add("manifest.json", manifest.as_bytes());
        if let Some(key) = &self.key {
            writer.add("signature.json", &serde_json::to_vec(&key.sign(manifest.as_bytes())).unwrap());
        }
        for (name, content) in &self.files {
            writer.add(name, content);
        }
        writer.finish()
    }

    pub fn save(&self, path: &Path) -> PathBuf {
        std::fs::write(path, self.bytes()).unwrap();
        path.to_path_buf()
    }
}
