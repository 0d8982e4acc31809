//! An engine for tests: numbers that depend on names and sizes alone.

use reflow_pack_sdk::prelude::*;

use super::{Answer, Engine};
use crate::media::{Data, with_field};
use crate::model::{Info, ModelBytes, Spec, default_outputs};
use crate::tensor::{Dtype, Tensor, count};

pub(super) struct Mock {
    id: String,
    inputs: Vec<Spec>,
    outputs: Vec<Spec>,
    model_bytes: usize,
}

impl Mock {
    pub(super) fn new(info: &Info, bytes: Option<&ModelBytes>) -> Self {
        Self {
            id: info.id.clone(),
            inputs: info.inputs.clone(),
            outputs: info.outputs.clone().unwrap_or_else(default_outputs),
            model_bytes: bytes.map_or(0, |model| model.bytes.len()),
        }
    }

    /// FNV-1a over the names, and the sizes of the inputs.
    fn seed(&self, output: &str, inputs: &[Tensor]) -> u64 {
        const PRIME: u64 = 1_099_511_628_211;
        let round = |hash: u64, value: u64| (hash ^ value).wrapping_mul(PRIME);
        let text = |hash: u64, text: &str| text.bytes().fold(hash, |hash, byte| round(hash, byte.into()));
        let seed = text(text(14_695_981_039_346_656_037, &self.id), output);
        inputs.iter().fold(seed, |seed, input| {
            round(text(seed, input.name.as_deref().unwrap_or_default()), input.data.len() as u64)
        })
    }
}

/// An output may have this many elements at most.
const MOST: usize = 1 << 28;

impl Engine for Mock {
    fn backend(&self) -> &'static str {
        "mock"
    }

    fn inputs(&self) -> &[Spec] {
        &self.inputs
    }

    fn outputs(&self) -> &[Spec] {
        &self.outputs
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Answer, String> {
        let elements = inputs.first().and_then(|input| count(&input.dims)).unwrap_or(1);
        let own = Spec { name: "output".to_string(), dtype: Dtype::F32, dims: vec![1, elements.clamp(1, 16)] };
        let outputs = if self.outputs.is_empty() { std::slice::from_ref(&own) } else { &self.outputs };
        let tensors = outputs.iter().map(|output| {
            let seed = self.seed(&output.name, inputs);
            let elements = count(&output.dims)
                .filter(|elements| *elements <= MOST)
                .ok_or_else(|| format!("the output `{}` of the shape {:?} is too large", output.name, output.dims))?;
            let data: Vec<u8> = match output.dtype {
                Dtype::F32 => (0..elements as u64)
                    .flat_map(|at| {
                        let number = seed.wrapping_add(at.wrapping_mul(1_103_515_245)) % 10_000;
                        (number as f32 / 10_000.0).to_le_bytes()
                    })
                    .collect(),
                Dtype::U8 => (0..elements as u64).map(|at| seed.wrapping_add(at) as u8).collect(),
                other => vec![0; elements * other.size()],
            };
            let metadata = inputs.first().map(|input| input.metadata.clone()).unwrap_or_default();
            let metadata = with_field(&metadata, "mockSeed", seed);
            let (name, dims) = (Some(output.name.clone()), output.dims.clone());
            Ok(Tensor { name, dtype: output.dtype, dims, metadata, data: Data::Own(data) })
        });
        let tensors = tensors.collect::<Result<_, String>>()?;
        let metadata = Value::object([
            ("backend", Value::from("mock")),
            ("modelId", self.id.as_str().into()),
            ("modelBytes", (self.model_bytes as i64).into()),
            ("inputCount", (inputs.len() as i64).into()),
        ]);
        Ok(Answer { tensors, metadata })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values() {
        let config: Value = serde_json::from_str(r#"{"id": "mock-model"}"#).unwrap();
        let mock = Mock::new(&Info::read(&config).unwrap(), None);
        let input = Tensor {
            name: Some("input".into()),
            dtype: Dtype::U8,
            dims: vec![8],
            metadata: Value::Null,
            data: Data::Own(vec![0; 8]),
        };
        assert_eq!(mock.seed("output", std::slice::from_ref(&input)), 9_309_795_088_144_742_538);
        let answer = mock.run(&[input]).unwrap();
        let numbers = answer.tensors[0].floats().unwrap();
        assert_eq!(numbers[..4], [0.2538, 0.7783, 0.3028, 0.8273]);
        assert_eq!(numbers.len(), 16);
    }
}
