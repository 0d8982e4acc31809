//! `tpl_animation_mixer`.

use glam::Mat4;
use reflow_component::prelude::*;

use super::poses::blend;
use crate::kernels::pose;
use crate::kinds::Pose;
use crate::values::object;

/// Blends two poses.
///
/// The bones of the poses are taken apart into translation, rotation and scale; translations and scales are blended along a line,
/// rotations by spherical interpolation, so that nothing is sheared or shrinks on the way. With the mode `additive`, what `b` does is
/// done on top of `a`, by the weight. The result has as many bones as both poses have.
#[derive(Component)]
#[component(id = "tpl_animation_mixer", title = "Pose Mixer", category = "animation", firing = all)]
#[inport(transforms_a: Pose, required, "The pose at weight 0.")]
#[inport(transforms_b: Pose, required, "The pose at weight 1.")]
#[inport(blend_weight: Float, required, "The weight; anything that is no number means `defaultWeight`.")]
#[outport(bone_transforms: Pose, "The blended pose.")]
#[outport(metadata: JsonObject, "The number of bones, the mode and the weight.")]
#[example(
    steps = r#"[{"transforms_a": {"type": "Bytes", "data": []}, "transforms_b": {"type": "Bytes", "data": []}, "blend_weight": 0.25}]"#,
    outputs = r#"[{"bone_transforms": [{"type": "Bytes", "data": []}], "metadata": [{"boneCount": 0, "mode": "blend", "weight": 0.25}]}]"#
)]
pub(super) struct AnimationMixer {
    /// `blend` or `additive`; every other word means `blend`.
    #[config(default = "blend".to_string(), lenient)]
    mode: String,
    /// The weight while the packet is no number.
    #[config(key = "defaultWeight", default = 0.5, lenient)]
    default_weight: f64,
}

impl Actor for AnimationMixer {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.need(Self::IN_TRANSFORMS_A)?, tick.need(Self::IN_TRANSFORMS_B)?);
        let weight =
            tick.read(Self::IN_BLEND_WEIGHT).filter(|weight| weight.is_finite()).unwrap_or(self.default_weight);
        let mixed: Vec<Mat4> = if self.mode == "additive" {
            a.iter().zip(&b).map(|(a, b)| pose::add(a, b, &Mat4::IDENTITY, weight as f32)).collect()
        } else {
            blend(&a, &b, weight as f32)
        };
        let metadata =
            [("boneCount", mixed.len().into()), ("mode", self.mode.as_str().into()), ("weight", weight.into())];
        tick.write(Self::OUT_METADATA, object(metadata));
        tick.write(Self::OUT_BONE_TRANSFORMS, mixed);
        Ok(())
    }
}
