//! `tpl_animation_layer`.

use glam::Mat4;
use reflow_component::prelude::*;

use crate::kernels::pose;
use crate::kinds::Pose;
use crate::values::{count, object};

/// Lays a second pose over a base pose, for all or selected bones.
///
/// Runs for every pose on `base`, with the newest layer and weight. With the mode `override` bones are blended towards the layer;
/// with `additive`, what the layer does more than the pose on `reference` (or than nothing) is done on top of the base. Bones that
/// the layer or the mask do not have pass through.
#[derive(Component)]
#[component(id = "tpl_animation_layer", title = "Pose Layer", category = "animation", firing = required(base))]
#[inport(base: Pose, required, "The pose below.")]
#[inport(layer: Pose, "The pose above.")]
#[inport(weight: Float, "How strong the layer is.")]
#[inport(reference: Pose, "The pose that an additive layer starts from.")]
#[outport(bone_transforms: Pose, "The pose.")]
#[outport(metadata: JsonObject, "The number of bones, the mode, the weight, and whether there is a mask.")]
#[example(
    steps = r#"[{"base": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"bone_transforms": [{"type": "Bytes", "data": []}], "metadata": [{"boneCount": 0, "mode": "override", "weight": 1.0, "masked": false}]}]"#
)]
pub(super) struct AnimationLayer {
    /// `override` or `additive`; every other word means `override`.
    #[config(default = "override".to_string(), lenient)]
    mode: String,
    /// How strong the layer is while no number has come.
    #[config(default = 1.0, lenient)]
    weight: f64,
    /// The bones that the layer changes, by their numbers; all when it is left out.
    #[config(lenient)]
    mask: Option<Vec<Value>>,
}

impl AnimationLayer {
    /// Which bones the layer changes.
    fn masked(&self, bones: usize) -> Vec<bool> {
        let Some(mask) = &self.mask else { return vec![true; bones] };
        let mut masked = vec![false; bones];
        for bone in mask.iter().filter_map(count) {
            if let Some(bone) = usize::try_from(bone).ok().and_then(|bone| masked.get_mut(bone)) {
                *bone = true;
            }
        }
        masked
    }
}

impl Actor for AnimationLayer {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut bones = tick.need(Self::IN_BASE)?;
        let weight = tick.read(Self::IN_WEIGHT).filter(|weight| weight.is_finite()).unwrap_or(self.weight);
        let (layer, reference) = (tick.value(Self::IN_LAYER), tick.value(Self::IN_REFERENCE));
        let masked = self.masked(bones.len());
        for (index, (bone, layer)) in bones.iter_mut().zip(&layer).enumerate() {
            if !masked[index] {
                continue;
            }
            *bone = if self.mode == "additive" {
                let reference = reference.get(index).copied().unwrap_or(Mat4::IDENTITY);
                pose::add(bone, layer, &reference, weight as f32)
            } else {
                pose::blend(bone, layer, weight as f32)
            };
        }
        let metadata = object([
            ("boneCount", bones.len().into()),
            ("mode", self.mode.as_str().into()),
            ("weight", weight.into()),
            ("masked", self.mask.is_some().into()),
        ]);
        tick.write(Self::OUT_METADATA, metadata);
        tick.write(Self::OUT_BONE_TRANSFORMS, bones);
        Ok(())
    }
}
