//! `tpl_morph_target`.

use reflow_component::kind::payload;
use reflow_component::prelude::*;
use reflow_message::Buffer;

use super::read;
use crate::database::bad_input;
use crate::kernels::morph::morph;
use crate::kinds::Mesh;
use crate::values::Count;

/// Blends vertex positions of a base mesh towards up to eight target meshes.
///
/// Runs for every packet on `weights`, with the newest base and targets; nothing comes without a base. Each target that is as long as
/// the base adds its weight times the difference of its positions to the base's; with `normals`, normals go along and keep length
/// 1. Other targets are told under `skipped`.
#[derive(Component)]
#[component(id = "tpl_morph_target", title = "Morph Targets", category = "animation", heavy)]
#[inport(mesh: Mesh, "The base.")]
#[inport(target_0: Mesh, "A target.")]
#[inport(target_1: Mesh, "A target.")]
#[inport(target_2: Mesh, "A target.")]
#[inport(target_3: Mesh, "A target.")]
#[inport(target_4: Mesh, "A target.")]
#[inport(target_5: Mesh, "A target.")]
#[inport(target_6: Mesh, "A target.")]
#[inport(target_7: Mesh, "A target.")]
#[inport(weights: Either<JsonObject, List>, required, "The weights, in the order of the targets, or an object with them under `weights`.")]
#[outport(mesh: Mesh, "The mesh.")]
#[outport(metadata: JsonObject, "Numbers of vertices and of targets that count, and targets that do not fit.")]
#[example(
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}}, {"weights": {"weights": [0.5]}}]"#,
    outputs = r#"[{}, {"mesh": [{"type": "Bytes", "data": []}], "metadata": [{"vertexCount": 0, "activeTargets": 0}]}]"#
)]
pub(super) struct MorphTarget {
    /// The bytes of a vertex.
    #[config(default = Count(24), range = 12..=256, unit = "bytes", lenient)]
    stride: Count<u32>,
    /// Whether normals go along.
    #[config(lenient)]
    normals: bool,
    #[state]
    base: Option<Buffer>,
    #[state]
    targets: [Option<Buffer>; TARGETS],
}

const TARGETS: usize = 8;

/// Weights smaller than this are none.
const SMALLEST: f64 = 1e-6;

impl MorphTarget {
    fn keep(&mut self, tick: &Tick<'_>) {
        self.base = tick.read(Self::IN_MESH).or_else(|| self.base.take());
        for (index, target) in self.targets.iter_mut().enumerate() {
            let given = tick.input(Self::IN_TARGET_0.index() + index).and_then(Mesh::read);
            *target = given.or_else(|| target.take());
        }
    }
}

/// The weights of a packet.
fn weights(message: &Message) -> Option<Vec<f64>> {
    let list = |items: &[Value]| items.iter().map(|weight| weight.as_number().unwrap_or(0.0)).collect();
    match (message, payload(message)) {
        (Message::Array(items), _) | (_, Some(Value::Array(items))) => Some(list(items)),
        (_, Some(value @ Value::Object(_))) => {
            Some(list(value.get("weights").and_then(Value::as_array).unwrap_or_default()))
        }
        _ => None,
    }
}

impl Actor for MorphTarget {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.keep(tick);
        let Some(message) = tick.input(Self::IN_WEIGHTS) else { return Ok(()) };
        let weights = weights(message).ok_or_else(|| bad_input("expected weights as an object or a list"))?;
        let stride = read::stride(self.stride.0, if self.normals { 24 } else { 12 })?;
        let Some(base) = &self.base else { return Ok(()) };
        let (mut counted, mut skipped): (Vec<(f32, &[u8])>, Vec<Value>) = (Vec::new(), Vec::new());
        for (index, weight) in weights.iter().enumerate().take(TARGETS) {
            match &self.targets[index] {
                Some(target) if weight.abs() >= SMALLEST && target.len() == base.len() => {
                    counted.push((*weight as f32, target));
                }
                Some(target) if weight.abs() >= SMALLEST => {
                    skipped
                        .push(format!("target_{index} has {} bytes, and the mesh {}", target.len(), base.len()).into());
                }
                _ => {}
            }
        }
        let mut mesh = base.to_vec();
        morph(&mut mesh, base, stride, &counted, self.normals);
        let numbers = [("vertexCount", (base.len() / stride).into()), ("activeTargets", counted.len().into())];
        let told = (!skipped.is_empty()).then(|| ("skipped", Value::array(skipped)));
        tick.write(Self::OUT_METADATA, Value::object::<_, Value>(numbers.into_iter().chain(told)));
        tick.write(Self::OUT_MESH, mesh);
        Ok(())
    }
}
