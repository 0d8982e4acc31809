//! `tpl_animation_sampler`.

use glam::Mat4;
use reflow_component::prelude::*;

use super::read;
use crate::database::bad_input;
use crate::kernels::sampling::{Clip, clip_time, sample};
use crate::kernels::skeleton::Skeleton;
use crate::kinds::Pose;
use crate::values::object;

/// Samples a clip at a time and produces skinning matrices.
///
/// Runs for every time, with the newest clip, skeleton and inverse bind matrices; nothing comes until there are a clip and a skeleton.
/// Bones start from their bind pose, and the channels of the clip move them: positions and scales along a line, rotations by spherical
/// interpolation, with `step` not before the next key, with `cubicspline` along a spline with tangents as glTF has it. The result is
/// the matrix of each bone seen from the world, times its inverse bind matrix.
#[derive(Component)]
#[component(id = "tpl_animation_sampler", title = "Clip Sampler", category = "animation")]
#[inport(clip: JsonObject, "The clip.")]
#[inport(time: Float, required, "The time, in seconds.")]
#[inport(skeleton: JsonObject, "The skeleton.")]
#[inport(inverse_bind_matrices: Pose, "The inverse bind matrices; identities where there are none.")]
#[outport(bone_transforms: Pose, "The pose.")]
#[outport(metadata: JsonObject, "The number of bones, the time in the clip, and its duration.")]
#[example(
    steps = r#"[{"clip": {"duration": 2, "channels": []}}, {"skeleton": {"bones": []}}, {"time": 2.5}]"#,
    outputs = r#"[{}, {}, {"bone_transforms": [{"type": "Bytes", "data": []}], "metadata": [{"boneCount": 0, "time": 0.5, "duration": 2.0}]}]"#
)]
pub(super) struct AnimationSampler {
    /// Begin again at the end of the clip.
    #[config(key = "loop", default = true, lenient)]
    is_looped: bool,
    #[state]
    clip: Option<Clip>,
    #[state]
    skeleton: Option<Skeleton>,
    #[state]
    inverse: Vec<Mat4>,
}

impl Actor for AnimationSampler {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(clip) = tick.read(Self::IN_CLIP) {
            self.clip = Some(read::clip(&clip));
        }
        if let Some(skeleton) = tick.read(Self::IN_SKELETON) {
            self.skeleton = Some(read::skeleton(&skeleton).map_err(bad_input)?);
        }
        if let Some(inverse) = tick.read(Self::IN_INVERSE_BIND_MATRICES) {
            self.inverse = inverse;
        }
        if tick.input(Self::IN_TIME).is_none() {
            return Ok(());
        }
        let time = tick.need(Self::IN_TIME)?;
        if !time.is_finite() {
            return Err(bad_input(format!("{time} is no time")));
        }
        let (Some(clip), Some(skeleton)) = (&self.clip, &self.skeleton) else { return Ok(()) };
        let time = clip_time(time as f32, clip.duration, self.is_looped);
        let pose = sample(clip, skeleton, &self.inverse, time).map_err(|cycle| bad_input(cycle.to_string()))?;
        let metadata = [("boneCount", pose.len().into()), ("time", time.into()), ("duration", clip.duration.into())];
        tick.write(Self::OUT_METADATA, object(metadata));
        tick.write(Self::OUT_BONE_TRANSFORMS, pose);
        Ok(())
    }
}
