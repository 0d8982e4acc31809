//! `tpl_ml_run_inference`.

use std::sync::Arc;
use std::time::Duration;

use reflow_pack_sdk::prelude::*;

use super::answer::{Loaded, Ports};
use super::batch::Batch;
use super::config::{ModelConfig, data};
use super::inputs::read_all;
use crate::engine;
use crate::media::object;
use crate::model::{Backend, Info, Models};
use crate::tensor::Tensor;

/// Runs a model on a tensor.
///
/// Fires for every tensor; the newest packets on `model` and `model_data` are remembered, and waited for where they are connected. The model
/// is the packet on `model` (info or manifest), or `model` of the config, or the plain keys; its bytes come from `model_data`, from the
/// reference in the model info, or from the file `path`. Nodes with the same model share one copy of it.
///
/// A single input takes the tensor whatever it is called. Models with more inputs get theirs by name, from `tensors`: an object of tensors by
/// name, or a list. Outputs leave together: `tensor` (the first one), `tensors` (all, as JSON) and `inference` `{tensors, metadata}` with
/// `backend`, `modelId`, `inputCount` and `latencyMs`. Their metadata is that of the first input.
///
/// With `batch` as many tensors are put together along their first axis for one run, and the outputs leave one by one; what is left at
/// the end runs as it is, and with `batchTimeoutMs` what has waited that long.
///
/// Backends: `tract` runs ONNX, and TFLite where its operators suffice; `onnx` is ONNX Runtime, whose library is loaded when it is first
/// asked for; `litert` is TFLite by tract; `mock` reads no bytes and answers with numbers that depend on names and sizes alone. `auto`, which
/// counts where bytes are given and no backend is, is tract, or ONNX Runtime where tract cannot run the model and that is there.
///
/// # Errors
///
/// On `error`: no tensor, a bad model, no bytes for the backend, a backend that is not there, a wrong number, type or shape of
/// inputs, with what was expected.
#[derive(Component)]
#[component(id = "tpl_ml_run_inference", title = "Run Inference", category = "ml", heavy, per_node, firing = required(tensor))]
#[inport(tensor: Any, required, "The input.")]
#[inport(model: Any, "Model info, or a manifest.")]
#[inport(model_data: Any, "The bytes of the model.")]
#[inport(tensors: Any, "Further inputs, by name.")]
#[outport(tensor: Bytes, "The first output.")]
#[outport(tensors: Json, "All outputs, as JSON.")]
#[outport(inference: JsonObject, "All outputs, and how they came about.")]
#[outport(error: ErrorText, "Why there are none.")]
pub(crate) struct RunInference {
    #[config(group)]
    config: ModelConfig,
    /// Tensors for one run.
    #[config(default = 1, min = 1, max = 4096)]
    batch: u32,
    /// How long a tensor waits for others; 0 is for ever.
    #[config(key = "batchTimeoutMs", alias = "batch_timeout_ms", unit = "ms", min = 0)]
    batch_timeout: u32,
    #[state]
    loaded: Option<Arc<Loaded>>,
    #[state]
    models: Models,
    #[state]
    waiting: Batch,
}

impl RunInference {
    fn ports() -> Ports {
        Ports {
            tensor: Self::OUT_TENSOR.index(),
            tensors: Self::OUT_TENSORS.index(),
            inference: Self::OUT_INFERENCE.index(),
        }
    }

    fn firing(&self, connected: &[&str]) -> Firing {
        let is = |name: &str| connected.contains(&name);
        let mut latest = Vec::new();
        let mut optional = Vec::new();
        for port in ["model", "model_data"] {
            if is(port) { latest.push(port.into()) } else { optional.push(port.into()) }
        }
        // Further inputs pair with the tensor, and stand for it where it is not connected.
        match (is("tensor"), is("tensors")) {
            (false, true) => optional.push("tensor".into()),
            (_, false) => optional.push("tensors".into()),
            (true, true) => {}
        }
        Firing::All { latest, optional }
    }

    /// The engine for what the tick brings; the one of the tick before, when nothing has changed.
    fn loaded(&mut self, tick: &Tick<'_>) -> Result<Arc<Loaded>, String> {
        let model = tick.input(Self::IN_MODEL).map(|message| object(Some(message), "a model")).transpose()?;
        let data = tick.input(Self::IN_MODEL_DATA).map(data).transpose()?;
        let place = |bytes: &Option<reflow_pack_sdk::Bytes>| bytes.as_ref().map(|bytes| (bytes.as_ptr(), bytes.len()));
        let is_same = |loaded: &Arc<Loaded>| loaded.model == model && place(&loaded.data) == place(&data);
        let loaded = match self.loaded.take().filter(|loaded| is_same(loaded)) {
            Some(loaded) => loaded,
            None => Arc::new(self.load(model, data)?),
        };
        Ok(Arc::clone(self.loaded.insert(loaded)))
    }

    fn load(&self, model: Option<Value>, data: Option<reflow_pack_sdk::Bytes>) -> Result<Loaded, String> {
        let mut info = match model.as_ref().or(self.config.model.as_ref()) {
            Some(model) => Info::read(model)?,
            None => self.config.plain()?,
        };
        if let Some(backend) = self.config.backend()? {
            info.backend = Some(backend);
        }
        if model.is_none() && self.config.model.is_none() {
            info.id = self.config.named(info.id);
        }
        let told = |name: &str| info.metadata.get(name).and_then(Value::as_str);
        let bytes = if let Some(data) = &data {
            Some(self.models.of(data))
        } else if let Some(kept) = told("modelRef").and_then(|digest| self.models.find(digest)) {
            Some(kept)
        } else {
            told("path").or(self.config.path.as_deref()).map(|path| self.models.read(path)).transpose()?
        };
        if let Some(bytes) = &bytes
            && let Some(expected) = told("checksumSha256")
            && !expected.eq_ignore_ascii_case(&bytes.digest)
        {
            return Err(format!(
                "the bytes of the model `{}` have the SHA-256 {}, its manifest says {expected}",
                info.id, bytes.digest
            ));
        }
        let engine = engine::load(&info, bytes.as_ref(), self.config.library())?;
        Ok(Loaded { model, data, info, engine })
    }

    fn inputs(tick: &Tick<'_>) -> Result<Vec<Tensor>, String> {
        let first = tick.input(Self::IN_TENSOR).map(|message| Tensor::read_whole(Some(message))).transpose()?;
        let mut inputs: Vec<Tensor> = first.into_iter().collect();
        if let Some(message) = tick.input(Self::IN_TENSORS) {
            inputs.extend(read_all(message)?);
        }
        if inputs.is_empty() { Err("expected a tensor, found nothing".to_string()) } else { Ok(inputs) }
    }

    fn infer(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let inputs = Self::inputs(tick)?;
        let had_engine = self.loaded.is_some();
        let loaded = self.loaded(tick)?;
        if !had_engine && loaded.engine.backend() == "mock" && loaded.info.backend != Some(Backend::Mock) {
            let text = "no model was given, so the mock engine answers; set `backend` to \"mock\" if that is meant";
            tick.node().log("warning", text);
        }
        let packets = if self.batch <= 1 || inputs.len() > 1 {
            loaded.answer(inputs, tick.node(), Self::ports())?
        } else {
            let patience = Some(self.batch_timeout).filter(|timeout| *timeout > 0);
            let patience = patience.map(|timeout| Duration::from_millis(timeout.into()));
            let rule = (self.batch as usize, patience);
            self.waiting.add(tick, &loaded, inputs, rule, Self::ports())?
        };
        send(tick, packets);
        Ok(())
    }
}

fn send(tick: &mut Tick<'_>, packets: Vec<(usize, Message)>) {
    for (port, message) in packets {
        tick.send(port, message);
    }
}

impl Actor for RunInference {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.infer(tick) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }

    fn finalize(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.waiting.finish(tick.node(), Self::ports()) {
            Ok(packets) => {
                send(tick, packets);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }

    fn has_finalize(&self) -> bool {
        self.batch > 1
    }

    fn teardown(&mut self) {
        self.waiting.close();
    }
}
