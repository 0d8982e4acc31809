//! The keys that say which model: those of every node that has one.

use std::path::Path;

use reflow_pack_sdk::prelude::*;

use crate::model::{Backend, Info, specs};

/// The model of a node, as its config says it.
#[derive(Clone, Debug, ConfigGroup)]
pub(super) struct ModelConfig {
    /// Model info or manifest, when no packet says it.
    #[config]
    pub(super) model: Option<Value>,
    /// The file of the model.
    #[config(alias = "modelPath", alias = "model_path")]
    pub(super) path: Option<String>,
    /// The id, when no model is given.
    #[config(alias = "modelId", default = "mock-model".to_string())]
    model_id: String,
    /// What runs it: `auto`, `mock`, `tract`, `onnx`, `litert`; `mock` where there are no bytes, `auto` where there are.
    #[config]
    pub(super) backend: Option<String>,
    /// Free text.
    #[config(default = "generic".to_string())]
    task: String,
    /// Tensor specs of the inputs.
    #[config]
    inputs: Option<Value>,
    /// Tensor specs of the outputs; one `output`, f32 `[1, 16]`, for the mock.
    #[config]
    outputs: Option<Value>,
    /// The library of ONNX Runtime, for `onnx`; else the one that `ORT_DYLIB_PATH` names, else that of an installed Python package
    /// `onnxruntime`.
    #[config(key = "ortLibrary", alias = "ort_library")]
    library: Option<String>,
}

impl ModelConfig {
    /// What the plain keys say.
    pub(super) fn plain(&self) -> Result<Info, String> {
        Ok(Info {
            id: self.model_id.clone(),
            backend: self.backend()?,
            task: self.task.clone(),
            inputs: specs(self.inputs.as_ref(), "inputs")?,
            outputs: self.outputs.as_ref().map(|outputs| specs(Some(outputs), "outputs")).transpose()?,
            metadata: Value::Null,
        })
    }

    /// The id of a model that nobody has named: that of its file.
    pub(super) fn named(&self, id: String) -> String {
        let stem = self.path.as_deref().and_then(|path| Path::new(path).file_stem()).filter(|_| id == "mock-model");
        stem.map_or(id, |stem| stem.to_string_lossy().into_owned())
    }

    /// What runs it, if the config says that.
    pub(super) fn backend(&self) -> Result<Option<Backend>, String> {
        self.backend.as_deref().map(Backend::from_word).transpose()
    }

    pub(super) fn library(&self) -> Option<&Path> {
        self.library.as_deref().filter(|path| !path.is_empty()).map(Path::new)
    }
}

/// The bytes of a model in a message.
pub(super) fn data(message: &Message) -> Result<reflow_pack_sdk::Bytes, String> {
    if let Some(bytes) = message.to_bytes() {
        return Ok(bytes);
    }
    match message.as_text() {
        Some(text) => Ok(text.as_bytes().into()),
        None => Err(format!("expected the bytes of a model on `model_data`, found {:?}", message.kind())),
    }
}
