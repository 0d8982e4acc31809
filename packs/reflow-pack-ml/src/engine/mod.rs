//! What runs models.

mod mock;
#[cfg(feature = "onnx")]
pub(crate) mod onnx;
#[cfg(feature = "tract")]
mod tract;

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, Weak};

use reflow_pack_sdk::prelude::*;

use crate::model::{Backend, Info, ModelBytes, Spec};
use crate::tensor::Tensor;

/// A model that was loaded.
pub(crate) trait Engine: Send + Sync {
    /// Its word in metadata.
    fn backend(&self) -> &'static str;

    /// What the model wants; empty where anything goes.
    fn inputs(&self) -> &[Spec];

    /// What it gives, as far as it is known before.
    fn outputs(&self) -> &[Spec];

    /// Runs it.
    ///
    /// # Errors
    /// What was wrong, and what was expected.
    fn run(&self, inputs: &[Tensor]) -> Result<Answer, String>;
}

/// What came of a run.
pub(crate) struct Answer {
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) metadata: Value,
}

/// What a file of a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Onnx,
    Tflite,
}

impl FileKind {
    /// By the bytes: TFLite has a mark, ONNX begins with a field of its message.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.get(4..8) == Some(b"TFL3") {
            return Some(Self::Tflite);
        }
        // ir_version, producer_name, graph, opset_import, metadata or model_version of a ModelProto.
        matches!(bytes.first(), Some(0x08 | 0x12 | 0x3a | 0x42 | 0x28 | 0x1a)).then_some(Self::Onnx)
    }
}

/// Engines by what they are made of, for as long as a node has them.
type Loaded = Vec<(String, Weak<dyn Engine>)>;

static LOADED: LazyLock<Mutex<Loaded>> = LazyLock::new(Mutex::default);

/// The engine for a model. Nodes with the same bytes share one. `library` is that of ONNX Runtime, where a config says it.
///
/// # Errors
/// Why there is none, and what would work.
pub(crate) fn load(info: &Info, bytes: Option<&ModelBytes>, library: Option<&Path>) -> Result<Arc<dyn Engine>, String> {
    let told = info.backend.filter(|backend| *backend != Backend::Auto);
    let backend = told.unwrap_or(if bytes.is_some() { Backend::Tract } else { Backend::Mock });
    if backend == Backend::Mock {
        return Ok(Arc::new(mock::Mock::new(info, bytes)));
    }
    let bytes = bytes.ok_or_else(|| {
        format!(
            "the model `{}` has no bytes for the backend `{}`; give config `path`, or wire `model_data`",
            info.id,
            backend.word()
        )
    })?;
    let kind = FileKind::of(&bytes.bytes).ok_or_else(|| {
        format!("the {} bytes of the model `{}` are neither ONNX nor TFLite", bytes.bytes.len(), info.id)
    })?;
    let shapes: Vec<_> = info.inputs.iter().map(Spec::to_value).collect();
    let key = format!("{} {} {}", bytes.digest, backend.word(), Value::array(shapes).to_json_string());
    let mut loaded = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    loaded.retain(|(_, engine)| engine.strong_count() > 0);
    if let Some(engine) = loaded.iter().find(|(known, _)| *known == key).and_then(|(_, engine)| engine.upgrade()) {
        return Ok(engine);
    }
    let engine = match make(backend, kind, info, bytes, library) {
        // Nobody has asked for tract, so that whoever can run the model may.
        Err(why) if told.is_none() && kind == FileKind::Onnx => make(Backend::Onnx, kind, info, bytes, library)
            .map_err(|_| {
                format!(
                    "{why}; ONNX Runtime (`backend`: \"onnx\"), which may run it, is not there or cannot run it either"
                )
            })?,
        made => made?,
    };
    loaded.push((key, Arc::downgrade(&engine)));
    Ok(engine)
}

fn make(
    backend: Backend,
    kind: FileKind,
    info: &Info,
    bytes: &ModelBytes,
    library: Option<&Path>,
) -> Result<Arc<dyn Engine>, String> {
    match (backend, kind) {
        #[cfg(feature = "tract")]
        (Backend::Tract, _) | (Backend::Litert, FileKind::Tflite) => {
            Ok(Arc::new(tract::Tract::load(&bytes.bytes, kind, &info.inputs, backend.word())?))
        }
        #[cfg(feature = "onnx")]
        (Backend::Onnx, FileKind::Onnx) => Ok(Arc::new(onnx::Onnx::load(&bytes.bytes, library)?)),
        (Backend::Onnx, FileKind::Tflite) => {
            Err("the backend `onnx` runs ONNX files, this is TFLite; use `tract`".to_string())
        }
        (Backend::Litert, FileKind::Onnx) => {
            Err("the backend `litert` runs TFLite files, this is ONNX; use `tract`".to_string())
        }
        _ => {
            let _ = (info, bytes, library);
            Err(format!(
                "the backend `{}` is not in this build of the pack; there are: {}",
                backend.word(),
                ENGINES.join(", ")
            ))
        }
    }
}

/// The engines of this build.
pub(crate) const ENGINES: &[&str] = &[
    "mock",
    #[cfg(feature = "tract")]
    "tract",
    #[cfg(feature = "tract")]
    "litert (TFLite files, by tract)",
    #[cfg(feature = "onnx")]
    "onnx (ONNX files, by ONNX Runtime)",
];
