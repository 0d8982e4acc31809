//! Models: what is known of them, manifests, and their bytes, which all nodes of the process share.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use reflow_pack_sdk::Shared;
use reflow_pack_sdk::prelude::*;
use sha2::{Digest, Sha256};

use crate::tensor::{Dtype, dims, shape};

/// What is known of a tensor of a model. A dimension that is not fixed is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) dims: Vec<usize>,
}

impl Spec {
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let name = value.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or("a tensor spec has a `name`")?.to_string();
        let word = value
            .get("dtype")
            .and_then(Value::as_str)
            .ok_or_else(|| format!("the tensor spec `{name}` has a `dtype`"))?;
        let dtype = Dtype::from_word(word)
            .ok_or_else(|| format!("the type `{word}` of `{name}` is none of f32, f16, i32, i64, u8, i8, bool"))?;
        let dims = dims(value.get("shape")).map_err(|text| format!("the tensor spec `{name}`: {text}"))?;
        Ok(Self { name, dtype, dims })
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::object([
            ("name", Value::from(self.name.as_str())),
            ("dtype", self.dtype.word().into()),
            ("shape", shape(&self.dims)),
        ])
    }
}

/// A list of tensor specs.
pub(crate) fn specs(value: Option<&Value>, what: &str) -> Result<Vec<Spec>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => {
            let list = value.as_array().ok_or_else(|| format!("`{what}` is an array of tensor specs"))?;
            list.iter().map(Spec::read).collect::<Result<_, _>>().map_err(|text| format!("`{what}`: {text}"))
        }
    }
}

/// What a node without a word on its outputs gives.
pub(crate) fn default_outputs() -> Vec<Spec> {
    vec![Spec { name: "output".to_string(), dtype: Dtype::F32, dims: vec![1, 16] }]
}

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Auto,
    Mock,
    Litert,
    Onnx,
    Tract,
}

impl Backend {
    pub(crate) fn from_word(word: &str) -> Result<Self, String> {
        Ok(match word.to_ascii_lowercase().as_str() {
            "auto" => Self::Auto,
            "mock" => Self::Mock,
            "litert" | "tflite" => Self::Litert,
            "onnx" | "onnxruntime" => Self::Onnx,
            "tract" => Self::Tract,
            _ => return Err(format!("the backend `{word}` is none of auto, mock, tract, onnx, litert")),
        })
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Mock => "mock",
            Self::Litert => "litert",
            Self::Onnx => "onnx",
            Self::Tract => "tract",
        }
    }
}

/// What is known of a model.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) id: String,
    /// `None`: by the bytes, and the mock where there are none.
    pub(crate) backend: Option<Backend>,
    pub(crate) task: String,
    pub(crate) inputs: Vec<Spec>,
    /// `None` where nobody says.
    pub(crate) outputs: Option<Vec<Spec>>,
    pub(crate) metadata: Value,
}

impl Info {
    /// Reads a model info, or a manifest.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        if is_manifest(value) {
            return Ok(Manifest::read(value)?.info());
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let id = text("id").or(text("modelId")).filter(|id| !id.is_empty()).ok_or("a model has an `id`")?.to_string();
        let backend = text("backend").map(Backend::from_word).transpose()?;
        let outputs = value.get("outputs").filter(|outputs| !outputs.is_null());
        Ok(Self {
            id,
            backend,
            task: text("task").unwrap_or("generic").to_string(),
            inputs: specs(value.get("inputs"), "inputs")?,
            outputs: outputs.map(|outputs| specs(Some(outputs), "outputs")).transpose()?,
            metadata: value.get("metadata").cloned().unwrap_or_default(),
        })
    }

    pub(crate) fn to_value(&self) -> Value {
        let list = |specs: &[Spec]| Value::array(specs.iter().map(Spec::to_value));
        let mut members = vec![
            ("id", Value::from(self.id.as_str())),
            ("backend", self.backend.unwrap_or(Backend::Mock).word().into()),
            ("task", self.task.as_str().into()),
            ("inputs", list(&self.inputs)),
            ("outputs", list(self.outputs.as_deref().unwrap_or_default())),
        ];
        if self.metadata.as_object().is_some_and(|members| !members.is_empty()) {
            members.push(("metadata", self.metadata.clone()));
        }
        Value::object(members)
    }

    /// Adds to the metadata.
    pub(crate) fn note(&mut self, name: &str, value: impl Into<Value>) {
        let more = Value::object([(name, value.into())]);
        self.metadata = if self.metadata.as_object().is_some() { self.metadata.merged_with(&more) } else { more };
    }
}

/// Licences that need no word.
const LICENSES: [&str; 4] = ["apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause"];

/// A model manifest.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// As it came, without what is around it.
    pub(crate) whole: Value,
    pub(crate) model_id: String,
    pub(crate) task: String,
    pub(crate) backend: Backend,
    pub(crate) asset_id: Option<String>,
    pub(crate) inputs: Vec<Spec>,
    pub(crate) outputs: Vec<Spec>,
    pub(crate) license: String,
    pub(crate) checksum: String,
}

fn is_manifest(value: &Value) -> bool {
    value.get("modelId").is_some() && value.get("inputSpecs").is_some()
        || value.get("kind").and_then(Value::as_str) == Some("reflow.modelManifest")
}

impl Manifest {
    /// Reads a manifest, bare or in `{kind: "reflow.modelManifest", version: 1, manifest}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        if value.get("kind").and_then(Value::as_str) == Some("reflow.modelManifest") {
            if value.get("version").and_then(Value::as_integer) != Some(1) {
                return Err("model manifests of version 1 are read".to_string());
            }
            return Self::read(value.get("manifest").ok_or("a model manifest has `manifest`")?);
        }
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            text.ok_or_else(|| format!("a model manifest has `{name}`, a text that is not empty"))
        };
        let model_id = text("modelId")?.to_string();
        let task = text("taskKind")?.to_string();
        let backend = Backend::from_word(text("backend")?)?;
        let license = text("license")?.to_string();
        text("sourceUrl")?;
        let checksum = text("checksumSha256")?.to_ascii_lowercase();
        if checksum.len() != 64 || !checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("`checksumSha256` of a model manifest has 64 hexadecimal digits, found {checksum:?}"));
        }
        let (inputs, outputs) =
            (specs(value.get("inputSpecs"), "inputSpecs")?, specs(value.get("outputSpecs"), "outputSpecs")?);
        if inputs.is_empty() || outputs.is_empty() {
            return Err("a model manifest has at least one of `inputSpecs` and of `outputSpecs`".to_string());
        }
        let asset_id = value.get("assetId").and_then(Value::as_str).map(ToString::to_string);
        Ok(Self { whole: value.clone(), model_id, task, backend, asset_id, inputs, outputs, license, checksum })
    }

    /// Whether the licence is one of those that are allowed.
    ///
    /// # Errors
    /// Which ones are.
    pub(crate) fn check_license(&self, allowed: Option<&[String]>) -> Result<(), String> {
        let is = |known: &str| known.eq_ignore_ascii_case(&self.license);
        let is_allowed =
            allowed.map_or_else(|| LICENSES.into_iter().any(is), |allowed| allowed.iter().any(|known| is(known)));
        if is_allowed {
            return Ok(());
        }
        let list = allowed.map_or_else(|| LICENSES.join(", "), |allowed| allowed.join(", "));
        Err(format!(
            "the licence `{}` of the model `{}` is none of {list} (config `allowedLicenses`)",
            self.license, self.model_id
        ))
    }

    /// Whether bytes are those of the model.
    ///
    /// # Errors
    /// Both checksums.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let found = sha256(bytes);
        if found == self.checksum {
            return Ok(());
        }
        Err(format!(
            "the bytes of the model `{}` have the SHA-256 {found}, its manifest says {}",
            self.model_id, self.checksum
        ))
    }

    pub(crate) fn info(&self) -> Info {
        let mut metadata = match self.whole.get("metadata") {
            Some(metadata @ Value::Object(_)) => metadata.clone(),
            _ => Value::Object(Object::new().into()),
        };
        for name in ["assetId", "license", "sourceUrl", "checksumSha256", "attributionRequired", "tags"] {
            if let Some(value) = self.whole.get(name).filter(|value| !value.is_null()) {
                metadata = metadata.merged_with(&Value::object([(name, value.clone())]));
            }
        }
        let attribution = self.whole.get("attributionRequired").and_then(Value::as_boolean).unwrap_or(false);
        metadata = metadata.merged_with(&Value::object([("attributionRequired", attribution)]));
        Info {
            id: self.model_id.clone(),
            backend: Some(self.backend),
            task: self.task.clone(),
            inputs: self.inputs.clone(),
            outputs: Some(self.outputs.clone()),
            metadata,
        }
    }
}

/// The digest of bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Bytes of a model, with their digest.
#[derive(Clone)]
pub(crate) struct ModelBytes {
    pub(crate) digest: Arc<str>,
    pub(crate) bytes: Arc<[u8]>,
}

/// The bytes of models, where a reference in a message finds them: for all nodes that have to do with models, and for as long as there
/// is one, the last ones used as far as there is room.
pub(crate) struct Models(Arc<Mutex<Vec<ModelBytes>>>);

static MODELS: Shared<Mutex<Vec<ModelBytes>>> = Shared::new();
const MOST_KEPT: usize = 16;
const MOST_KEPT_BYTES: usize = 1 << 30;

impl Default for Models {
    fn default() -> Self {
        let Ok(models) = MODELS.get(|| Ok::<_, Infallible>(Mutex::default()));
        Self(models)
    }
}

impl Models {
    /// The bytes, shared with everybody who has the same ones.
    pub(crate) fn of(&self, bytes: &[u8]) -> ModelBytes {
        let digest = sha256(bytes);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|model| *model.digest == *digest) {
            let found = kept.remove(at);
            kept.push(found.clone());
            return found;
        }
        let model = ModelBytes { digest: digest.into(), bytes: bytes.into() };
        kept.push(model.clone());
        while kept.len() > 1
            && (kept.len() > MOST_KEPT || kept.iter().map(|model| model.bytes.len()).sum::<usize>() > MOST_KEPT_BYTES)
        {
            kept.remove(0);
        }
        model
    }

    /// The bytes that a digest refers to, if they are still there.
    pub(crate) fn find(&self, digest: &str) -> Option<ModelBytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|model| *model.digest == *digest).cloned()
    }

    /// The bytes of the file of a model.
    pub(crate) fn read(&self, path: &str) -> Result<ModelBytes, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("cannot read the model `{path}`: {error}"))?;
        Ok(self.of(&bytes))
    }
}
