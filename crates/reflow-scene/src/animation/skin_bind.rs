//! `tpl_skin_bind`.

use glam::Vec3;
use reflow_component::prelude::*;

use super::read;
use crate::database::{bad_config, bad_input};
use crate::kernels::binding::{self, Segment, position};
use crate::kernels::skeleton::Skeleton;
use crate::kernels::skinning::WEIGHT_BYTES;
use crate::kinds::{Mesh, SkinWeights};
use crate::values::{Count, object, text_or};

/// Gives each mesh vertex its bone weights, computed by distance unless supplied.
///
/// Each bone is the line from its parent to itself, or with `segments` set to `child` from itself to its children. A vertex is
/// moved by the nearest `maxInfluences` of them, by 1 / (distance + 0.01) to the power of `falloff`, adding up to 1. Weights that
/// came on `weights` are handed on instead, for every mesh that has as many vertices. `skinned_mesh` carries the weights.
#[derive(Component)]
#[component(id = "tpl_skin_bind", title = "Skin Binding", category = "animation", firing = required(mesh, skeleton), heavy)]
#[inport(mesh: Mesh, required, "The mesh.")]
#[inport(skeleton: JsonObject, required, "The skeleton.")]
#[inport(weights: SkinWeights, "The weights, where they are known.")]
#[outport(skin: JsonObject, "Numbers of vertices, influences and bones, the stride, and the name of the skeleton.")]
#[outport(skinned_mesh: SkinWeights, "The weights.")]
#[outport(metadata: JsonObject, "Numbers of vertices, influences and bones.")]
#[example(
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}, "skeleton": {"bones": []}}]"#,
    outputs = r#"[{"skin": [{"vertexCount": 0, "maxInfluences": 4, "inputStride": 24, "skeletonName": "?", "boneCount": 0}], "skinned_mesh": [{"type": "Bytes", "data": []}], "metadata": [{"vertexCount": 0, "maxInfluences": 4, "boneCount": 0}]}]"#
)]
pub(super) struct SkinBind {
    /// How many bones move a vertex.
    #[config(key = "maxInfluences", default = Count(4), range = 1..=16, lenient)]
    influences: Count<u32>,
    /// The bytes of a vertex.
    #[config(default = Count(24), range = 12..=256, unit = "bytes", lenient)]
    stride: Count<u32>,
    /// Which part a bone is.
    #[config(lenient)]
    segments: Segments,
    /// How fast the weight of a bone falls with its distance.
    #[config(default = 1.0, min = 0.0, max = 64.0, lenient)]
    falloff: f64,
}

/// Which part a bone is.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq)]
enum Segments {
    /// From its parent to itself.
    #[default]
    Parent,
    /// From itself to the middle of its children.
    Child,
}

/// More weights than this no vertex has.
const MOST_INFLUENCES: u32 = 64;

impl SkinBind {
    fn segments(&self, skeleton: &Skeleton) -> Result<Vec<Segment>, String> {
        let world = skeleton.world().map_err(|cycle| cycle.to_string())?;
        let places: Vec<Vec3> = world.iter().map(|matrix| matrix.w_axis.truncate()).collect();
        let parent = |bone: usize| skeleton.parents[bone].filter(|parent| *parent < places.len());
        if self.segments == Segments::Parent {
            return Ok((0..places.len())
                .map(|bone| [parent(bone).map_or(places[bone], |at| places[at]), places[bone]])
                .collect());
        }
        let mut children = vec![(Vec3::ZERO, 0.0); places.len()];
        for (bone, place) in places.iter().enumerate() {
            if let Some(parent) = parent(bone) {
                children[parent].0 += *place;
                children[parent].1 += 1.0;
            }
        }
        let end = |bone: usize| if children[bone].1 > 0.0 { children[bone].0 / children[bone].1 } else { places[bone] };
        Ok((0..places.len()).map(|bone| [places[bone], end(bone)]).collect())
    }
}

impl Actor for SkinBind {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (mesh, json) = (tick.need(Self::IN_MESH)?, tick.need(Self::IN_SKELETON)?);
        let skeleton = read::skeleton(&json).map_err(bad_input)?;
        let stride = read::stride(self.stride.0, 12)?;
        if self.influences.0 > MOST_INFLUENCES {
            let text = format!("`maxInfluences` must be at most {MOST_INFLUENCES}, not {}", self.influences.0);
            return Err(bad_config(text));
        }
        let influences = self.influences.0 as usize;
        let vertices = mesh.len() / stride;
        let is_nowhere = |vertex: &[u8]| position(vertex).is_some_and(|place| !place.is_finite());
        if let Some(at) = mesh.chunks_exact(stride).position(is_nowhere) {
            return Err(bad_input(format!("the position of vertex {at} is no number")));
        }
        let weights = match tick.read(Self::IN_WEIGHTS) {
            Some(weights) if weights.len() < vertices * influences * WEIGHT_BYTES => {
                let text = format!(
                    "{} bytes are too few for the weights of {vertices} vertices with {influences} each",
                    weights.len()
                );
                return Err(bad_input(text));
            }
            Some(weights) => weights,
            None => {
                let segments = self.segments(&skeleton).map_err(bad_input)?;
                binding::bind(&mesh, stride, &segments, influences, self.falloff as f32).into()
            }
        };
        let numbers = [
            ("vertexCount", vertices.into()),
            ("maxInfluences", influences.into()),
            ("boneCount", skeleton.len().into()),
        ];
        let more = [("inputStride", stride.into()), ("skeletonName", text_or(&json, "name", "?").into())];
        tick.write(Self::OUT_SKIN, Value::object::<_, Value>(numbers.clone().into_iter().chain(more)));
        tick.write(Self::OUT_METADATA, object(numbers));
        tick.write(Self::OUT_SKINNED_MESH, weights);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::failures;
    use serde_json::json;

    fn failure(config: serde_json::Value, mesh: &[f32]) -> String {
        let bytes: Vec<u8> = mesh.iter().flat_map(|number| number.to_le_bytes()).collect();
        let skeleton = json!({"type": "Object", "data": {"bones": [{"name": "a"}]}});
        let step = json!({"mesh": {"type": "Bytes", "data": bytes}, "skeleton": skeleton});
        failures::<SkinBind>(config, &step).remove(0)
    }

    #[test]
    fn what_cannot_be_bound_is_told() {
        assert_eq!(failure(json!({"stride": 0}), &[]), "`stride` must be from 12 to 65536 bytes, not 0");
        assert_eq!(failure(json!({"maxInfluences": 65}), &[]), "`maxInfluences` must be at most 64, not 65");
        let mesh = [0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0];
        assert_eq!(failure(json!({"stride": 12}), &mesh), "the position of vertex 1 is no number");
    }
}
