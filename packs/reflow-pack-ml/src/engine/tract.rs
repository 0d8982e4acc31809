//! ONNX and TFLite files by tract: no library of the system is needed.

use std::io::Cursor;
use std::sync::{Arc, Mutex};

use reflow_pack_sdk::Value;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::Factoid;

use super::{Answer, Engine, FileKind};
use crate::media::Data;
use crate::model::Spec;
use crate::tensor::{Dtype, Tensor as Packet};

/// Plans for so many shapes of the inputs are kept.
const PLANS: usize = 8;

type Shapes = Vec<Vec<usize>>;
type Plan = Arc<TypedRunnableModel>;

/// A model, and plans for the shapes that came.
pub(super) struct Tract {
    word: &'static str,
    source: Source,
    inputs: Vec<Spec>,
    outputs: Vec<Spec>,
    plans: Mutex<Vec<(Shapes, Plan)>>,
}

enum Source {
    Onnx(InferenceModel),
    Tflite(TypedModel),
}

impl Tract {
    pub(super) fn load(bytes: &[u8], kind: FileKind, declared: &[Spec], word: &'static str) -> Result<Self, String> {
        // The readers of files may panic over damaged ones.
        let read = std::panic::AssertUnwindSafe(|| match kind {
            FileKind::Onnx => tract_onnx::onnx().model_for_read(&mut Cursor::new(bytes)).map(Source::Onnx),
            FileKind::Tflite => tract_tflite::tflite().model_for_read(&mut Cursor::new(bytes)).map(Source::Tflite),
        });
        let source = std::panic::catch_unwind(read)
            .map_err(|_| "the file of the model is damaged".to_string())?
            .map_err(|error| format!("the file of the model cannot be read: {}", told(&error)))?;
        let (inputs, outputs) = match &source {
            Source::Onnx(model) => onnx_specs(model),
            Source::Tflite(model) => tflite_specs(model),
        }
        .map_err(|error| format!("the inputs of the model cannot be read: {}", told(&error)))?;
        let engine = Self { word, source, inputs, outputs, plans: Mutex::default() };
        // What is known of the shapes is checked at once, so that a model that cannot run is told when it is loaded.
        let mut shapes: Shapes = engine.inputs.iter().map(|spec| spec.dims.clone()).collect();
        for (shape, spec) in shapes.iter_mut().zip(declared) {
            if shape.len() == spec.dims.len() {
                shape
                    .iter_mut()
                    .zip(&spec.dims)
                    .filter(|(known, _)| **known == 0)
                    .for_each(|(known, dim)| *known = *dim);
            }
        }
        for shape in &mut shapes {
            if let Some(batch @ 0) = shape.first_mut() {
                *batch = 1;
            }
        }
        if shapes.iter().all(|shape| !shape.is_empty() && shape.iter().all(|dim| *dim > 0)) {
            engine.plan(&shapes)?;
        }
        Ok(engine)
    }

    /// The plan for inputs of these shapes.
    fn plan(&self, shapes: &Shapes) -> Result<Plan, String> {
        let mut plans = self.plans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(at) = plans.iter().position(|(known, _)| known == shapes) {
            return Ok(Arc::clone(&plans[at].1));
        }
        let make = std::panic::AssertUnwindSafe(|| -> TractResult<Plan> {
            match &self.source {
                Source::Onnx(model) => {
                    let mut model = model.clone();
                    for (at, shape) in shapes.iter().enumerate() {
                        let dtype = self.inputs.get(at).map_or(f32::datum_type(), |spec| datum(spec.dtype));
                        model.set_input_fact(at, InferenceFact::dt_shape(dtype, &shape[..]))?;
                    }
                    model.into_optimized()?.into_runnable()
                }
                Source::Tflite(model) => model.clone().into_optimized()?.into_runnable(),
            }
        });
        let plan = std::panic::catch_unwind(make)
            .map_err(|_| "tract cannot run this model".to_string())?
            .map_err(|error| format!("tract cannot run this model with inputs of {shapes:?}: {}", told(&error)))?;
        if plans.len() == PLANS {
            plans.remove(0);
        }
        plans.push((shapes.clone(), Arc::clone(&plan)));
        Ok(plan)
    }
}

/// An error with its causes, in one line.
fn told(error: &TractError) -> String {
    format!("{error:#}").replace('\n', " ")
}

fn datum(dtype: Dtype) -> DatumType {
    match dtype {
        Dtype::F32 => DatumType::F32,
        Dtype::F16 => DatumType::F16,
        Dtype::I32 => DatumType::I32,
        Dtype::I64 => DatumType::I64,
        Dtype::U8 => DatumType::U8,
        Dtype::I8 => DatumType::I8,
        Dtype::Bool => DatumType::Bool,
    }
}

fn dtype(datum: DatumType) -> Option<Dtype> {
    Some(match datum {
        DatumType::F32 => Dtype::F32,
        DatumType::F16 => Dtype::F16,
        DatumType::I32 => Dtype::I32,
        DatumType::I64 => Dtype::I64,
        DatumType::Bool => Dtype::Bool,
        _ if datum.unquantized() == DatumType::U8 => Dtype::U8,
        _ if datum.unquantized() == DatumType::I8 => Dtype::I8,
        _ => return None,
    })
}

fn onnx_specs(model: &InferenceModel) -> TractResult<(Vec<Spec>, Vec<Spec>)> {
    let spec = |outlet: &OutletId, name: String| -> TractResult<Spec> {
        let fact = model.outlet_fact(*outlet)?;
        let known = fact.datum_type.concretize().and_then(dtype).unwrap_or(Dtype::F32);
        let dim = |dim: &tract_onnx::tract_hir::infer::DimFact| {
            dim.concretize().and_then(|dim| dim.to_usize().ok()).unwrap_or(0)
        };
        Ok(Spec { name, dtype: known, dims: fact.shape.dims().map(dim).collect() })
    };
    let inputs = model.input_outlets()?.iter().map(|outlet| spec(outlet, model.node(outlet.node).name.clone()));
    let outputs = model.output_outlets()?.iter().map(|outlet| {
        let name =
            model.outlet_label(*outlet).map_or_else(|| model.node(outlet.node).name.clone(), ToString::to_string);
        spec(outlet, name)
    });
    Ok((inputs.collect::<TractResult<_>>()?, outputs.collect::<TractResult<_>>()?))
}

fn tflite_specs(model: &TypedModel) -> TractResult<(Vec<Spec>, Vec<Spec>)> {
    let spec = |outlet: &OutletId, name: String| -> TractResult<Spec> {
        let fact = model.outlet_fact(*outlet)?;
        let dims = fact.shape.iter().map(|dim| dim.to_usize().unwrap_or(0)).collect();
        Ok(Spec { name, dtype: dtype(fact.datum_type).unwrap_or(Dtype::F32), dims })
    };
    let inputs = model.input_outlets()?.iter().map(|outlet| spec(outlet, model.node(outlet.node).name.clone()));
    let outputs = model.output_outlets()?.iter().map(|outlet| {
        let name =
            model.outlet_label(*outlet).map_or_else(|| model.node(outlet.node).name.clone(), ToString::to_string);
        spec(outlet, name)
    });
    Ok((inputs.collect::<TractResult<_>>()?, outputs.collect::<TractResult<_>>()?))
}

impl Engine for Tract {
    fn backend(&self) -> &'static str {
        self.word
    }

    fn inputs(&self) -> &[Spec] {
        &self.inputs
    }

    fn outputs(&self) -> &[Spec] {
        &self.outputs
    }

    fn run(&self, inputs: &[Packet]) -> Result<Answer, String> {
        let shapes = inputs.iter().map(|input| input.dims.clone()).collect();
        let plan = self.plan(&shapes)?;
        let mut values = tvec!();
        for input in inputs {
            // SAFETY: any bytes are a number of these types, and those of booleans are made to be one.
            let tensor = unsafe {
                match input.dtype {
                    Dtype::Bool => {
                        let bytes: Vec<u8> = input.data.iter().map(|byte| u8::from(*byte != 0)).collect();
                        Tensor::from_raw_dt(DatumType::Bool, &input.dims, &bytes)
                    }
                    other => Tensor::from_raw_dt(datum(other), &input.dims, &input.data),
                }
            };
            values.push(tensor.map_err(|error| told(&error))?.into_tvalue());
        }
        let run = std::panic::AssertUnwindSafe(|| plan.run(values));
        let outputs = std::panic::catch_unwind(run)
            .map_err(|_| "tract failed while it ran the model".to_string())?
            .map_err(|error| format!("tract failed while it ran the model: {}", told(&error)))?;
        let tensors = outputs.iter().enumerate().map(|(at, output)| {
            let name = self.outputs.get(at).map(|spec| spec.name.clone());
            let word = |name: &Option<String>| name.clone().unwrap_or_else(|| at.to_string());
            let kind = dtype(output.datum_type());
            let (kind, bytes) = match kind {
                Some(kind) => (kind, output.as_bytes().to_vec()),
                // Doubles and the like are told as floats.
                None => {
                    let cast = output.cast_to::<f32>().map_err(|_| {
                        format!(
                            "the output `{}` is of the type {:?}, which no packet has",
                            word(&name),
                            output.datum_type()
                        )
                    })?;
                    (Dtype::F32, cast.as_bytes().to_vec())
                }
            };
            Ok(Packet {
                name,
                dtype: kind,
                dims: output.shape().to_vec(),
                metadata: Value::Null,
                data: Data::Own(bytes),
            })
        });
        Ok(Answer { tensors: tensors.collect::<Result<_, String>>()?, metadata: Value::Null })
    }
}
