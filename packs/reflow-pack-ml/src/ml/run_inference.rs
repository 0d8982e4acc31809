//! `tpl_ml_run_inference`.

use std::sync::Arc;
use std::time::Instant;

use reflow_pack_sdk::prelude::*;

use super::load_model::data;
use crate::engine::{self, Answer, Engine};
use crate::media::{self, object};
use crate::model::{Backend, Info, ModelBytes, Spec, specs};
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
/// the end runs as it is.
///
/// Backends: `tract` runs ONNX, and TFLite where its operators suffice; `litert` is TFLite by tract; `mock` reads no bytes and answers with
/// numbers that depend on names and sizes alone. `auto`, which counts where bytes are given and no backend is, goes by the bytes. `onnx`, which
/// is ONNX Runtime, is not in this build and says so.
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
    /// Model info or manifest, when no packet came on `model`.
    #[config]
    model: Option<Value>,
    /// The file of the model.
    #[config(alias = "modelPath", alias = "model_path")]
    path: Option<String>,
    /// The id, when no model is given.
    #[config(alias = "modelId", default = "mock-model".to_string())]
    model_id: String,
    /// What runs it: `auto`, `mock`, `tract`, `onnx`, `litert`; `mock` where there are no bytes, `auto` where there are.
    #[config]
    backend: Option<String>,
    /// Free text.
    #[config(default = "generic".to_string())]
    task: String,
    /// Tensor specs of the inputs.
    #[config]
    inputs: Option<Value>,
    /// Tensor specs of the outputs; one `output`, f32 `[1, 16]`, for the mock.
    #[config]
    outputs: Option<Value>,
    /// Tensors for one run.
    #[config(default = 1, min = 1, max = 4096)]
    batch: u32,
    #[state]
    loaded: Option<Loaded>,
    #[state]
    waiting: Vec<Tensor>,
}

/// Outputs of so many bytes are told as JSON in any case.
const SMALL: usize = 4096;

/// An engine, and what it was made of.
struct Loaded {
    model: Option<Value>,
    data: Option<reflow_pack_sdk::Bytes>,
    info: Info,
    engine: Arc<dyn Engine>,
    // Keeps the bytes where references find them.
    _bytes: Option<ModelBytes>,
}

impl RunInference {
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
    fn loaded(&mut self, tick: &Tick<'_>) -> Result<&Loaded, String> {
        let model = tick.input(Self::IN_MODEL).map(|message| object(Some(message), "a model")).transpose()?;
        let data = tick.input(Self::IN_MODEL_DATA).map(data).transpose()?;
        let place = |bytes: &Option<reflow_pack_sdk::Bytes>| bytes.as_ref().map(|bytes| (bytes.as_ptr(), bytes.len()));
        let is_same = |loaded: &Loaded| loaded.model == model && place(&loaded.data) == place(&data);
        match self.loaded.take().filter(is_same) {
            Some(loaded) => Ok(self.loaded.insert(loaded)),
            None => {
                let loaded = self.load(model, data)?;
                Ok(self.loaded.insert(loaded))
            }
        }
    }

    fn load(&self, model: Option<Value>, data: Option<reflow_pack_sdk::Bytes>) -> Result<Loaded, String> {
        let mut info = match model.as_ref().or(self.model.as_ref()) {
            Some(model) => Info::read(model)?,
            None => Info {
                id: self.model_id.clone(),
                backend: None,
                task: self.task.clone(),
                inputs: specs(self.inputs.as_ref(), "inputs")?,
                outputs: self.outputs.as_ref().map(|outputs| specs(Some(outputs), "outputs")).transpose()?,
                metadata: Value::Null,
            },
        };
        if let Some(word) = &self.backend {
            info.backend = Some(Backend::from_word(word)?);
        }
        let told = |name: &str| info.metadata.get(name).and_then(Value::as_str);
        let bytes = if let Some(data) = &data {
            Some(ModelBytes::of(data))
        } else if let Some(kept) = told("modelRef").and_then(ModelBytes::find) {
            Some(kept)
        } else if let Some(path) = told("path").or(self.path.as_deref()) {
            let bytes = std::fs::read(path).map_err(|error| format!("cannot read the model `{path}`: {error}"))?;
            Some(ModelBytes::of(&bytes))
        } else {
            None
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
        let engine = engine::load(&info, bytes.as_ref())?;
        Ok(Loaded { model, data, info, engine, _bytes: bytes })
    }

    fn inputs(&self, tick: &Tick<'_>) -> Result<Vec<Tensor>, String> {
        let first = tick.input(Self::IN_TENSOR).map(|message| Tensor::read_whole(Some(message))).transpose()?;
        let mut inputs: Vec<Tensor> = first.into_iter().collect();
        if let Some(message) = tick.input(Self::IN_TENSORS) {
            let value = message.as_value().ok_or("expected tensors by name, or a list of them, on `tensors`")?;
            let read = |value: &Value, name: Option<&str>| {
                let (payload, data) = media::from_json(value, "tensor")?;
                let tensor = Tensor::of(&payload, data)?;
                Ok::<_, String>(Tensor { name: name.map(ToString::to_string).or(tensor.name), ..tensor })
            };
            match &value {
                Value::Array(items) => {
                    for item in items.iter() {
                        inputs.push(read(item, None)?);
                    }
                }
                Value::Object(members) => {
                    for (name, item) in members.iter() {
                        inputs.push(read(item, Some(name))?);
                    }
                }
                other => {
                    return Err(format!(
                        "expected tensors by name, or a list of them, on `tensors`, found {}",
                        other.kind()
                    ));
                }
            }
        }
        if inputs.is_empty() { Err("expected a tensor, found nothing".to_string()) } else { Ok(inputs) }
    }

    fn infer(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let inputs = self.inputs(tick)?;
        let batch = self.batch as usize;
        let had_engine = self.loaded.is_some();
        let loaded = self.loaded(tick)?;
        if !had_engine && loaded.engine.backend() == "mock" && loaded.info.backend != Some(Backend::Mock) {
            let text = "no model was given, so the mock engine answers; set `backend` to \"mock\" if that is meant";
            tick.node().log("warning", text);
        }
        if batch <= 1 || inputs.len() > 1 {
            let (answer, latency) = run(loaded, inputs.clone())?;
            self.send(tick, &answer, &inputs, latency);
            return Ok(());
        }
        self.waiting.extend(inputs);
        if self.waiting.len() >= batch { self.flush(tick) } else { Ok(()) }
    }

    /// Runs what waits for a batch.
    fn flush(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(loaded) = self.loaded.as_ref().filter(|_| !waiting.is_empty()) else { return Ok(()) };
        let joined = join(&waiting)?;
        let rows: Vec<usize> = waiting.iter().map(|tensor| tensor.dims.first().copied().unwrap_or(1)).collect();
        let (answer, latency) = run(loaded, vec![joined])?;
        let mut row = 0;
        for (tensor, count) in waiting.into_iter().zip(rows) {
            let part = answer.tensors.iter().map(|output| part(output, row, count)).collect::<Result<_, _>>()?;
            let part = Answer { tensors: part, metadata: answer.metadata.clone() };
            self.send(tick, &part, &[tensor], latency);
            row += count;
        }
        Ok(())
    }

    fn send(&self, tick: &mut Tick<'_>, answer: &Answer, inputs: &[Tensor], latency: f64) {
        let Some(loaded) = &self.loaded else { return };
        let with_metadata = |tensor: &Tensor| match (&tensor.metadata, inputs.first()) {
            (Value::Null, Some(input)) => Tensor { metadata: input.metadata.clone(), ..tensor.clone() },
            _ => tensor.clone(),
        };
        let tensors: Vec<Tensor> = answer.tensors.iter().map(with_metadata).collect();
        let own = Value::object([
            ("backend", Value::from(loaded.engine.backend())),
            ("modelId", loaded.info.id.as_str().into()),
            ("inputCount", (inputs.len() as i64).into()),
        ]);
        let metadata = if answer.metadata.is_null() { own } else { own.merged_with(&answer.metadata) };
        let metadata = metadata.merged_with(&Value::object([("latencyMs", latency)]));
        if let Some(first) = tensors.first() {
            tick.send(Self::OUT_TENSOR, first.to_message());
        }
        // Large outputs become JSON only where that leads somewhere; listeners outside of the network see small ones.
        let size: usize = tensors.iter().map(|tensor| tensor.data.len()).sum();
        let is_heard = |port| size <= SMALL || tick.node().is_outport_connected(port);
        let (all, inference) = (is_heard(Self::OUT_TENSORS.index()), is_heard(Self::OUT_INFERENCE.index()));
        if all || inference {
            let list = Value::array(tensors.iter().map(Tensor::to_json));
            if inference {
                let told = Value::object([("tensors", list.clone()), ("metadata", metadata)]);
                tick.send(Self::OUT_INFERENCE, Message::object(told));
            }
            if all {
                tick.send(Self::OUT_TENSORS, list);
            }
        }
    }
}

/// Runs an engine on inputs that are checked and named before.
fn run(loaded: &Loaded, inputs: Vec<Tensor>) -> Result<(Answer, f64), String> {
    let specs = loaded.engine.inputs();
    let inputs =
        if loaded.engine.backend() == "mock" { named(inputs, specs) } else { fitted(inputs, specs, &loaded.info.id)? };
    let started = Instant::now();
    let answer = loaded.engine.run(&inputs)?;
    Ok((answer, started.elapsed().as_secs_f64() * 1000.0))
}

/// The first input has the name that the model gives it.
fn named(mut inputs: Vec<Tensor>, specs: &[Spec]) -> Vec<Tensor> {
    for (at, input) in inputs.iter_mut().enumerate() {
        let name = if at == 0 { specs.first().map(|spec| spec.name.clone()) } else { None };
        let name = name.or_else(|| input.name.clone()).unwrap_or_else(|| "input".to_string());
        input.name = Some(name);
    }
    inputs
}

/// Inputs in the order of the model, with the types and shapes that it wants.
fn fitted(inputs: Vec<Tensor>, specs: &[Spec], model: &str) -> Result<Vec<Tensor>, String> {
    let wanted = || {
        specs
            .iter()
            .map(|spec| format!("`{}` {} {:?}", spec.name, spec.dtype.word(), spec.dims))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if inputs.len() != specs.len() {
        return Err(format!(
            "the model `{model}` takes {} inputs ({}), and there are {}",
            specs.len(),
            wanted(),
            inputs.len()
        ));
    }
    let mut inputs: Vec<Option<Tensor>> = inputs.into_iter().map(Some).collect();
    let is_single = specs.len() == 1;
    let mut ordered = Vec::with_capacity(specs.len());
    for spec in specs {
        let is_it = |input: &Option<Tensor>| {
            input.as_ref().is_some_and(|input| is_single || input.name.as_deref() == Some(&spec.name))
        };
        let input = inputs.iter_mut().find(|input| is_it(input)).and_then(Option::take);
        let input = input
            .ok_or_else(|| format!("the model `{model}` takes {}, and there is no input `{}`", wanted(), spec.name))?;
        let fits = spec.dims.is_empty()
            || spec.dims.len() == input.dims.len()
                && spec
                    .dims
                    .iter()
                    .zip(&input.dims)
                    .enumerate()
                    .all(|(at, (want, have))| *want == 0 || want == have || at == 0 && *want == 1);
        if input.dtype != spec.dtype || !fits {
            return Err(format!(
                "the model `{model}` takes `{}` as {} {:?} (0: any), and there is {} {:?}",
                spec.name,
                spec.dtype.word(),
                spec.dims,
                input.dtype.word(),
                input.dims
            ));
        }
        ordered.push(input);
    }
    Ok(ordered)
}

/// Tensors along their first axis.
fn join(tensors: &[Tensor]) -> Result<Tensor, String> {
    let first = tensors.first().ok_or("there is nothing to put together")?;
    let mut data = Vec::new();
    let mut rows = 0;
    for tensor in tensors {
        if tensor.dtype != first.dtype
            || tensor.dims.len() != first.dims.len()
            || tensor.dims.get(1..) != first.dims.get(1..)
        {
            return Err(format!("tensors of {:?} and {:?} cannot be put into one batch", first.dims, tensor.dims));
        }
        rows += tensor.dims.first().copied().unwrap_or(1);
        data.extend_from_slice(&tensor.data);
    }
    let mut dims = first.dims.clone();
    match dims.first_mut() {
        Some(dim) => *dim = rows,
        None => dims.push(rows),
    }
    Ok(Tensor { dims, data: media::Data::Own(data), ..first.clone() })
}

/// Rows of an output.
fn part(output: &Tensor, row: usize, count: usize) -> Result<Tensor, String> {
    let row_size = output.dims.get(1..).unwrap_or_default().iter().product::<usize>() * output.dtype.size();
    let data = output.data.get(row * row_size..(row + count) * row_size).ok_or_else(|| {
        format!("the output {:?} has no row for each input of the batch; run this model with `batch` 1", output.dims)
    })?;
    let mut dims = output.dims.clone();
    if let Some(dim) = dims.first_mut() {
        *dim = count;
    }
    Ok(Tensor { dims, data: media::Data::Own(data.to_vec()), metadata: Value::Null, ..output.clone() })
}

impl Actor for RunInference {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.infer(tick) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }

    fn finalize(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.flush(tick) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }

    fn has_finalize(&self) -> bool {
        self.batch > 1
    }
}
