//! `tpl_root_motion`.

use glam::{Quat, Vec3};
use reflow_component::prelude::*;

use crate::database::bad_input;
use crate::kernels::pose::Transform;
use crate::kinds::Pose;
use crate::values::{Count, xyz};

/// Takes the root bone's movement out of a pose and reports it as a delta.
///
/// Runs for every pose, with the newest `dt`. On the axes that are taken out, `delta` is how far the root has moved since the pose
/// before, and its place becomes 0; other axes stay. The first pose moves nothing, unless `fromOrigin` is set, and neither does the
/// first one after a packet on `loop`, where a clip begins again. With `extractYaw` the turn about the second axis is taken out
/// too, and told in radians.
#[derive(Component)]
#[component(id = "tpl_root_motion", title = "Root Motion", category = "animation")]
#[inport(bone_transforms: Pose, required, "The pose.")]
#[inport(dt: Float, "How many seconds a pose stands for; 1/30 while nothing has come.")]
#[inport("loop": Flow, "Says that the next pose begins a clip again.")]
#[outport(bone_transforms: Pose, "The pose without the movement.")]
#[outport(delta: JsonObject, "The movement, `{x, y, z}`.")]
#[outport(velocity: JsonObject, "The movement in a second, `{x, y, z}`.")]
#[outport(yaw: Float, "The turn, with `extractYaw`.")]
#[example(
    config = r#"{"rootBone": 3}"#,
    steps = r#"[{"bone_transforms": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"bone_transforms": [{"type": "Bytes", "data": []}]}]"#
)]
pub(super) struct RootMotion {
    /// The bone.
    #[config(key = "rootBone", default = Count(0), lenient)]
    root: Count<usize>,
    /// Take out the movement along x.
    #[config(key = "extractX", default = true, lenient)]
    x: bool,
    /// Take out the movement along y.
    #[config(key = "extractY", lenient)]
    y: bool,
    /// Take out the movement along z.
    #[config(key = "extractZ", default = true, lenient)]
    z: bool,
    /// Take out the turn about y.
    #[config(key = "extractYaw", lenient)]
    yaw: bool,
    /// Report the place of the first pose as movement from the origin.
    #[config(key = "fromOrigin", lenient)]
    from_origin: bool,
    #[state]
    last: Option<(Vec3, f32)>,
    #[state]
    dt: Option<f64>,
}

/// The angle by which a rotation turns about the second axis (swing and twist).
fn yaw_of(rotation: Quat) -> f32 {
    2.0 * rotation.y.atan2(rotation.w)
}

impl Actor for RootMotion {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.input(Self::IN_LOOP).is_some() {
            self.last = None;
            self.from_origin = false;
        }
        if tick.input(Self::IN_DT).is_some() {
            self.dt = tick.read(Self::IN_DT).filter(|dt| dt.is_finite());
        }
        if tick.input(Self::IN_BONE_TRANSFORMS).is_none() {
            return Ok(());
        }
        let mut pose = tick.need(Self::IN_BONE_TRANSFORMS)?;
        let Some(root) = pose.get_mut(self.root.0) else {
            tick.write(Self::OUT_BONE_TRANSFORMS, pose);
            return Ok(());
        };
        let place = root.w_axis.truncate();
        if !place.is_finite() {
            return Err(bad_input("the place of the root bone is no number"));
        }
        let transform = Transform::of(root);
        let turn = transform.map_or(0.0, |part| yaw_of(part.rotation));
        let origin = if self.from_origin { (Vec3::ZERO, 0.0) } else { (place, turn) };
        let (last, last_turn) = self.last.replace((place, turn)).unwrap_or(origin);
        let mut delta = [0.0; 3];
        for (axis, is_taken) in [self.x, self.y, self.z].into_iter().enumerate() {
            if is_taken {
                delta[axis] = place[axis] - last[axis];
                root.w_axis[axis] = 0.0;
            }
        }
        if let (true, Some(part)) = (self.yaw, transform) {
            let straight = Transform { rotation: Quat::from_rotation_y(-turn) * part.rotation, ..part };
            let (kept, straight) = (root.w_axis, straight.matrix());
            *root = glam::Mat4 { w_axis: kept, ..straight };
            let half = std::f32::consts::PI;
            tick.write(Self::OUT_YAW, f64::from((turn - last_turn + half).rem_euclid(2.0 * half) - half));
        }
        let dt = self.dt.unwrap_or(1.0 / 30.0) as f32;
        let velocity = delta.map(|part| if dt > 0.0 { part / dt } else { 0.0 });
        tick.write(Self::OUT_DELTA, xyz(delta));
        tick.write(Self::OUT_VELOCITY, xyz(velocity));
        tick.write(Self::OUT_BONE_TRANSFORMS, pose);
        Ok(())
    }
}
