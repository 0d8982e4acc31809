//! The answer of a model as packets.

use std::sync::Arc;
use std::time::Instant;

use reflow_pack_sdk::prelude::*;

use super::inputs::{fitted, join, named, part};
use crate::engine::{Answer, Engine};
use crate::model::Info;
use crate::tensor::Tensor;

/// The outports of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) tensor: usize,
    pub(super) tensors: usize,
    pub(super) inference: usize,
}

/// An engine, and what it was made of.
pub(super) struct Loaded {
    pub(super) model: Option<Value>,
    pub(super) data: Option<reflow_pack_sdk::Bytes>,
    pub(super) info: Info,
    pub(super) engine: Arc<dyn Engine>,
}

impl Loaded {
    /// Runs the model on the inputs of one tick: what leaves, in order.
    pub(super) fn answer(
        &self,
        inputs: Vec<Tensor>,
        node: &NodeHandle,
        ports: Ports,
    ) -> Result<Vec<(usize, Message)>, String> {
        let (metadata, count) = (inputs.first().map(|input| input.metadata.clone()), inputs.len());
        let (answer, latency) = self.run(inputs)?;
        Ok(self.packets(answer, metadata.as_ref(), count, latency, node, ports))
    }

    /// Runs the model once on inputs of several ticks: what leaves for each, in order.
    pub(super) fn answer_batch(
        &self,
        inputs: &[Tensor],
        node: &NodeHandle,
        ports: Ports,
    ) -> Result<Vec<(usize, Message)>, String> {
        let (answer, latency) = self.run(vec![join(inputs)?])?;
        let mut packets = Vec::new();
        let mut row = 0;
        for input in inputs {
            let rows = input.dims.first().copied().unwrap_or(1);
            let tensors = answer.tensors.iter().map(|output| part(output, row, rows)).collect::<Result<_, _>>()?;
            let own = Answer { tensors, metadata: answer.metadata.clone() };
            packets.extend(self.packets(own, Some(&input.metadata), 1, latency, node, ports));
            row += rows;
        }
        Ok(packets)
    }

    /// What the model answers, and how many milliseconds that took.
    fn run(&self, inputs: Vec<Tensor>) -> Result<(Answer, f64), String> {
        let specs = self.engine.inputs();
        let inputs =
            if self.engine.backend() == "mock" { named(inputs, specs) } else { fitted(inputs, specs, &self.info.id)? };
        let started = Instant::now();
        let answer = self.engine.run(&inputs)?;
        Ok((answer, started.elapsed().as_secs_f64() * 1000.0))
    }

    fn packets(
        &self,
        answer: Answer,
        input: Option<&Value>,
        inputs: usize,
        latency: f64,
        node: &NodeHandle,
        ports: Ports,
    ) -> Vec<(usize, Message)> {
        let with_metadata = |tensor: Tensor| match (&tensor.metadata, input) {
            (Value::Null, Some(input)) => Tensor { metadata: input.clone(), ..tensor },
            _ => tensor,
        };
        let tensors: Vec<Tensor> = answer.tensors.into_iter().map(with_metadata).collect();
        let own = Value::object([
            ("backend", Value::from(self.engine.backend())),
            ("modelId", self.info.id.as_str().into()),
            ("inputCount", (inputs as i64).into()),
        ]);
        let metadata = if answer.metadata.is_null() { own } else { own.merged_with(&answer.metadata) };
        let metadata = metadata.merged_with(&Value::object([("latencyMs", latency)]));
        let mut packets = Vec::new();
        if let Some(first) = tensors.first() {
            packets.push((ports.tensor, first.to_message()));
        }
        // Outputs become JSON, which is many times as large, only where somebody takes that.
        let (all, inference) = (node.is_outport_heard(ports.tensors), node.is_outport_heard(ports.inference));
        if all || inference {
            let list = Value::array(tensors.iter().map(Tensor::to_json));
            if inference {
                let told = Value::object([("tensors", list.clone()), ("metadata", metadata)]);
                packets.push((ports.inference, Message::object(told)));
            }
            if all {
                packets.push((ports.tensors, list.into()));
            }
        }
        packets
    }
}
