//! ONNX files by ONNX Runtime. Its library is no part of this pack: it is loaded when the first model asks for it.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use half::f16;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::tensor::{PrimitiveTensorElementType, TensorElementType};
use ort::value::{Outlet, ValueRef, ValueType};
use reflow_pack_sdk::Value;

use super::{Answer, Engine};
use crate::media::Data;
use crate::model::Spec;
use crate::tensor::{self, Dtype, Tensor};

/// The environment variable that says where the library is.
const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";

#[cfg(target_os = "windows")]
const NAME: &str = "onnxruntime.dll";
#[cfg(target_os = "macos")]
const NAME: &str = "libonnxruntime.dylib";
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const NAME: &str = "libonnxruntime.so";

/// The library of this process: it has one.
static LOADED: Mutex<Option<PathBuf>> = Mutex::new(None);
/// Folders that the host knows of.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says where the library may be, after what configs and the environment say.
pub(crate) fn look_in(folders: Vec<PathBuf>) {
    *lock(&FOLDERS) = folders;
}

/// The file of the library, by what is known of it.
fn find(wanted: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = wanted {
        let missing = || format!("config `ortLibrary`: there is no file `{}`", path.display());
        return path.is_file().then(|| absolute(path)).ok_or_else(missing);
    }
    if let Some(path) = std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        let missing = || format!("{PATH_VARIABLE}: there is no file `{}`", path.display());
        return path.is_file().then(|| absolute(&path)).ok_or_else(missing);
    }
    let named = |folder: &PathBuf| -> Option<PathBuf> {
        let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        // `libonnxruntime.so.1.31.0`; `libonnxruntime_providers_shared.so` is another one.
        let stem = NAME.strip_suffix(".dylib").unwrap_or(NAME);
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        files.filter(is_it).max()
    };
    // What the system finds by its name is the last resort.
    Ok(lock(&FOLDERS).iter().find_map(named).unwrap_or_else(|| NAME.into()))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Loads the library, unless it is loaded.
fn ready(wanted: Option<&Path>) -> Result<(), String> {
    let mut loaded = lock(&LOADED);
    if let Some(path) = &*loaded {
        return match wanted.map(absolute) {
            Some(other) if other != *path => Err(format!(
                "config `ortLibrary`: a process has one ONNX Runtime, and this one has `{}` already",
                path.display()
            )),
            _ => Ok(()),
        };
    }
    let path = find(wanted)?;
    let environment = ort::init_from(&path).map_err(|error| {
        format!(
            "the backend `onnx` needs the library of ONNX Runtime (`pip install onnxruntime`, or config `ortLibrary`, or {PATH_VARIABLE}): {error}"
        )
    })?;
    // Nothing is said on the standard streams, and nothing to anybody else.
    environment.with_name("offbit-reflow").with_telemetry(false).with_logger(Arc::new(|_, _, _, _, _| {})).commit();
    *loaded = Some(path);
    Ok(())
}

/// A model.
pub(super) struct Onnx {
    inputs: Vec<Spec>,
    outputs: Vec<Spec>,
    /// One run at a time, which takes all cores.
    session: Mutex<Session>,
}

impl Onnx {
    pub(super) fn load(bytes: &[u8], library: Option<&Path>) -> Result<Self, String> {
        // What is called here panics where the library is not what it should be.
        let make = AssertUnwindSafe(|| {
            ready(library)?;
            let session = session(bytes).map_err(|error| format!("ONNX Runtime cannot read the model: {error}"))?;
            let inputs = session.inputs().iter().map(input).collect::<Result<Vec<_>, _>>()?;
            let outputs = session.outputs().iter().filter_map(output).collect();
            Ok(Self { inputs, outputs, session: Mutex::new(session) })
        });
        catch_unwind(make).unwrap_or_else(|_| Err("ONNX Runtime failed while it read the model".to_string()))
    }
}

fn session(bytes: &[u8]) -> ort::Result<Session> {
    // Alive until the session has it.
    let environment = ort::environment::get_environment()?;
    environment.set_log_level(LogLevel::Error);
    Session::builder()?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_log_level(LogLevel::Error)?
        .commit_from_memory(bytes)
}

fn dims(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).collect()
}

fn input(outlet: &Outlet) -> Result<Spec, String> {
    let spec = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => dtype(*ty).map(|dtype| (dtype, dims(shape))),
        _ => None,
    };
    let (dtype, dims) = spec
        .ok_or_else(|| format!("the model takes `{}` as {}, which no packet holds", outlet.name(), outlet.dtype()))?;
    Ok(Spec { name: outlet.name().to_string(), dtype, dims })
}

/// An output; maps and lists, which some models have beside their tensors, are left out.
fn output(outlet: &Outlet) -> Option<Spec> {
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else { return None };
    Some(Spec { name: outlet.name().to_string(), dtype: dtype(*ty).unwrap_or(Dtype::F32), dims: dims(shape) })
}

fn dtype(kind: TensorElementType) -> Option<Dtype> {
    Some(match kind {
        TensorElementType::Float32 => Dtype::F32,
        TensorElementType::Float16 => Dtype::F16,
        TensorElementType::Int32 => Dtype::I32,
        TensorElementType::Int64 => Dtype::I64,
        TensorElementType::Uint8 => Dtype::U8,
        TensorElementType::Int8 => Dtype::I8,
        TensorElementType::Bool => Dtype::Bool,
        _ => return None,
    })
}

/// Numbers of a packet as the library takes them: a copy of the bytes, where `read` is known when this is compiled.
fn given<T, const N: usize>(input: &Tensor, read: impl Fn([u8; N]) -> T) -> ort::Result<SessionInputValue<'static>>
where
    T: PrimitiveTensorElementType + Clone + Debug + 'static,
{
    let numbers: Vec<T> = input.data.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect();
    Ok(ort::value::Tensor::from_array((input.dims.clone(), numbers))?.into())
}

fn value(input: &Tensor) -> ort::Result<SessionInputValue<'static>> {
    match input.dtype {
        Dtype::F32 => given(input, f32::from_le_bytes),
        Dtype::F16 => given(input, f16::from_le_bytes),
        Dtype::I32 => given(input, i32::from_le_bytes),
        Dtype::I64 => given(input, i64::from_le_bytes),
        Dtype::U8 => given(input, u8::from_le_bytes),
        Dtype::I8 => given(input, i8::from_le_bytes),
        Dtype::Bool => given(input, |[byte]| byte != 0),
    }
}

/// An output as a packet; those of types that no packet has are told as floats.
fn told(name: &str, value: &ValueRef<'_>) -> Option<Result<Tensor, String>> {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return None };
    macro_rules! numbers {
        ($ty:ty, $dtype:expr, $bytes:expr) => {
            value
                .try_extract_tensor::<$ty>()
                .map(|(_, numbers)| ($dtype, numbers.iter().map($bytes).collect::<Vec<_>>().into_flattened()))
        };
    }
    macro_rules! floats {
        ($ty:ty) => {
            value.try_extract_tensor::<$ty>().map(|(_, numbers)| {
                (Dtype::F32, tensor::bytes(&numbers.iter().map(|number| *number as f32).collect::<Vec<f32>>()))
            })
        };
    }
    let found: ort::Result<(Dtype, Vec<u8>)> = match ty {
        TensorElementType::Float32 => {
            value.try_extract_tensor::<f32>().map(|(_, numbers)| (Dtype::F32, tensor::bytes(numbers)))
        }
        TensorElementType::Float16 => numbers!(f16, Dtype::F16, |number| number.to_le_bytes()),
        TensorElementType::Int32 => numbers!(i32, Dtype::I32, |number| number.to_le_bytes()),
        TensorElementType::Int64 => numbers!(i64, Dtype::I64, |number| number.to_le_bytes()),
        TensorElementType::Uint8 => numbers!(u8, Dtype::U8, |number| number.to_le_bytes()),
        TensorElementType::Int8 => numbers!(i8, Dtype::I8, |number| number.to_le_bytes()),
        TensorElementType::Bool => numbers!(bool, Dtype::Bool, |is| [u8::from(*is)]),
        TensorElementType::Float64 => floats!(f64),
        TensorElementType::Int16 => floats!(i16),
        TensorElementType::Uint16 => floats!(u16),
        TensorElementType::Uint32 => floats!(u32),
        TensorElementType::Uint64 => floats!(u64),
        other => return Some(Err(format!("the output `{name}` is of the type {other}, which no packet has"))),
    };
    let told = found.map(|(dtype, bytes)| Tensor {
        name: Some(name.to_string()),
        dtype,
        dims: dims(shape),
        metadata: Value::Null,
        data: Data::Own(bytes),
    });
    Some(told.map_err(|error| format!("the output `{name}` cannot be read: {error}")))
}

impl Engine for Onnx {
    fn backend(&self) -> &'static str {
        "onnx"
    }

    fn inputs(&self) -> &[Spec] {
        &self.inputs
    }

    fn outputs(&self) -> &[Spec] {
        &self.outputs
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Answer, String> {
        let run = AssertUnwindSafe(|| {
            let failed = |error: ort::Error| format!("ONNX Runtime failed while it ran the model: {error}");
            let values = self.inputs.iter().zip(inputs).map(|(spec, input)| Ok((spec.name.as_str(), value(input)?)));
            let values = values.collect::<ort::Result<Vec<_>>>().map_err(failed)?;
            let mut session = lock(&self.session);
            let outputs = session.run(values).map_err(failed)?;
            let tensors = outputs.iter().filter_map(|(name, value)| told(name, &value));
            Ok(Answer { tensors: tensors.collect::<Result<_, String>>()?, metadata: Value::Null })
        });
        catch_unwind(run).unwrap_or_else(|_| Err("ONNX Runtime failed while it ran the model".to_string()))
    }
}
