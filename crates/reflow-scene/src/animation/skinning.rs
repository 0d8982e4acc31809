//! `tpl_skinning`.

use reflow_component::prelude::*;
use reflow_message::Buffer;

use super::read;
use crate::database::bad_input;
use crate::kernels::skinning::{Mixing, VERTEX_BYTES, WEIGHT_BYTES, skin};
use crate::kinds::{Mesh, Pose, SkinWeights};
use crate::values::{Count, count, object};

/// Deforms a mesh by a pose (linear blend skinning).
///
/// Runs for every pose, with the newest mesh, weights and skin; nothing comes until there are a mesh and weights. A vertex is moved by
/// the weighted sum of the matrices of its bones; bones that there are not are made up for by the others, and a vertex without
/// weights stays. Normals are turned by the inverse transpose. With `method` set to `dual_quaternion`, twisted bones keep their
/// volume. Bytes behind the normal stay.
#[derive(Component)]
#[component(id = "tpl_skinning", title = "CPU Skinning", category = "animation", heavy)]
#[inport(mesh: Mesh, "The mesh.")]
#[inport(skinned_mesh: SkinWeights, "The weights of its vertices.")]
#[inport(bone_transforms: Pose, required, "The pose.")]
#[inport(skin: JsonObject, "How many weights a vertex has, under `maxInfluences`.")]
#[outport(deformed_mesh: Mesh, "The mesh in that pose.")]
#[outport(metadata: JsonObject, "Numbers of vertices and bones, the stride, and the format.")]
#[example(
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}}, {"skinned_mesh": {"type": "Bytes", "data": []}}, {"bone_transforms": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{}, {}, {"deformed_mesh": [{"type": "Bytes", "data": []}], "metadata": [{"vertexCount": 0, "boneCount": 0, "stride": 24, "format": "pos3_normal3_f32"}]}]"#
)]
pub(super) struct Skinning {
    /// The bytes of a vertex.
    #[config(default = Count(24), range = 24..=256, unit = "bytes", lenient)]
    stride: Count<u32>,
    /// How matrices are mixed.
    #[config(lenient)]
    method: Method,
    #[state]
    mesh: Option<Buffer>,
    #[state]
    weights: Option<Buffer>,
    #[state(4)]
    influences: usize,
}

/// How matrices are mixed.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq)]
enum Method {
    /// By their weighted sum.
    #[default]
    Linear,
    /// By dual quaternions, which have no scale.
    DualQuaternion,
}

/// More weights than this no vertex has.
const MOST: u64 = 1024;

impl Actor for Skinning {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.mesh = tick.read(Self::IN_MESH).or_else(|| self.mesh.take());
        self.weights = tick.read(Self::IN_SKINNED_MESH).or_else(|| self.weights.take());
        if let Some(skin) = tick.read(Self::IN_SKIN) {
            let influences = skin.get("maxInfluences").and_then(count).unwrap_or(4);
            if influences > MOST {
                return Err(bad_input(format!("{influences} weights a vertex are more than {MOST}")));
            }
            self.influences = influences as usize;
        }
        if tick.input(Self::IN_BONE_TRANSFORMS).is_none() {
            return Ok(());
        }
        let bones = tick.need(Self::IN_BONE_TRANSFORMS)?;
        let stride = read::stride(self.stride.0, VERTEX_BYTES)?;
        let (Some(mesh), Some(weights)) = (&self.mesh, &self.weights) else { return Ok(()) };
        let vertices = mesh.len() / stride;
        if weights.len() < vertices * self.influences * WEIGHT_BYTES {
            let text = format!(
                "{} bytes are too few for the weights of {vertices} vertices with {} each",
                weights.len(),
                self.influences
            );
            return Err(bad_input(text));
        }
        let mut deformed = mesh.to_vec();
        let mixing = if self.method == Method::Linear { Mixing::Linear } else { Mixing::DualQuaternions };
        skin(&mut deformed, stride, weights, self.influences, &bones, mixing);
        let format = match stride {
            24 => "pos3_normal3_f32",
            32 => "pos3_normal3_uv2_f32",
            _ => "pos3_normal3_color3_f32",
        };
        let metadata = object([
            ("vertexCount", vertices.into()),
            ("boneCount", bones.len().into()),
            ("stride", stride.into()),
            ("format", format.into()),
        ]);
        tick.write(Self::OUT_DEFORMED_MESH, deformed);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::failures;
    use serde_json::json;

    #[test]
    fn a_stride_that_holds_no_normal_is_told() {
        let bytes = json!({"type": "Bytes", "data": []});
        let step = json!({"mesh": bytes, "skinned_mesh": bytes, "bone_transforms": bytes});
        let failures = failures::<Skinning>(json!({"stride": 12}), &step);
        assert!(failures.iter().any(|text| text.contains("`stride` must be from 24")), "{failures:?}");
    }
}
