//! `tpl_ik_solver`.

use glam::{Mat4, Vec3};
use reflow_component::prelude::*;

use crate::kernels::ik::{look_at, two_bone};
use crate::kinds::{ListObject, Pose};
use crate::values::{count, float_or, object, place, text_or};

/// Adjusts a pose so that chains reach, or bones look at, targets.
///
/// Runs for every pose, with the newest targets, one for each chain in order; a missing one is the origin. A chain `{mode, root, mid,
/// end, bone, weight, pole, axis}` is solved in closed form. `two_bone` bends the chain of three bones so that its end reaches the
/// target, by the law of cosines, in the plane in which it is bent or that of the place `pole`; bones keep their lengths, so that a
/// target out of reach is pointed at. `look_at` turns `bone` so that its `axis` (z unless it says x or y) points to the target, and
/// keeps its scale. Bones below the ones that are moved do not follow: that is for whoever makes poses of local transforms. Chains
/// of other modes, or with bones that there are not, change nothing.
#[derive(Component)]
#[component(id = "tpl_ik_solver", title = "IK Solver", category = "animation")]
#[inport(bone_transforms: Pose, required, "The pose; matrices seen from the world.")]
#[inport(targets: ListObject, "A place `{x, y, z}` for each chain.")]
#[outport(bone_transforms: Pose, "The pose.")]
#[outport(metadata: JsonObject, "The number of bones and of chains.")]
#[example(
    steps = r#"[{"bone_transforms": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"bone_transforms": [{"type": "Bytes", "data": []}], "metadata": [{"boneCount": 0, "chainCount": 0}]}]"#
)]
pub(super) struct IkSolver {
    /// The chains.
    #[config(lenient)]
    chains: Vec<Value>,
    #[state]
    targets: Vec<Value>,
}

fn solve(pose: &mut [Mat4], chain: &Value, target: Vec3) {
    let bone = |key: &str, default| {
        let index = chain.get(key).and_then(count).unwrap_or(default);
        usize::try_from(index).ok()
    };
    let weight = float_or(chain, "weight", 1.0);
    match text_or(chain, "mode", "two_bone") {
        "look_at" => {
            let axis = match text_or(chain, "axis", "z") {
                "x" => 0,
                "y" => 1,
                _ => 2,
            };
            if let Some(matrix) = bone("bone", 0).and_then(|bone| pose.get_mut(bone)) {
                *matrix = look_at(matrix, target, axis, weight);
            }
        }
        "two_bone" => {
            let indices = [bone("root", 0), bone("mid", 1), bone("end", 2)];
            let found = indices.map(|index| index.filter(|index| *index < pose.len()));
            if let [Some(root), Some(mid), Some(end)] = found {
                let pole = chain.get("pole").and_then(|pole| place(pole, [0.0; 3]));
                let pole = pole.map(|pole| Vec3::from_array(pole.map(|part| part as f32)));
                let solved = two_bone([&pose[root], &pose[mid], &pose[end]], target, pole, weight);
                [pose[root], pose[mid], pose[end]] = solved;
            }
        }
        _ => {}
    }
}

impl Actor for IkSolver {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(targets) = tick.read(Self::IN_TARGETS) {
            self.targets = targets.as_array().unwrap_or_default().to_vec();
        }
        if tick.input(Self::IN_BONE_TRANSFORMS).is_none() {
            return Ok(());
        }
        let mut pose = tick.need(Self::IN_BONE_TRANSFORMS)?;
        for (index, chain) in self.chains.iter().enumerate() {
            let target = self.targets.get(index).and_then(|target| place(target, [0.0; 3])).unwrap_or_default();
            solve(&mut pose, chain, Vec3::from_array(target.map(|part| part as f32)));
        }
        let metadata = object([("boneCount", pose.len().into()), ("chainCount", self.chains.len().into())]);
        tick.write(Self::OUT_METADATA, metadata);
        tick.write(Self::OUT_BONE_TRANSFORMS, pose);
        Ok(())
    }
}
