//! `tpl_skeleton`.

use glam::{Mat4, Quat, Vec3};
use reflow_component::kind::payload;
use reflow_component::prelude::*;

use super::read;
use crate::database::bad_input;
use crate::kernels::motions::Axis;
use crate::kernels::skeleton::Skeleton;
use crate::kinds::Pose;
use crate::values::{count, floats, object, text_or};

/// Builds a bone hierarchy with bind pose and inverse bind matrices.
///
/// Any packet asks for it; an Object with a list `bones` gives the bones in place of the config. Either bones are listed, `{name,
/// parent, bindPosition, bindRotation, bindScale}`, in any order, or `boneCount` of them make a chain along an axis, `spacing`
/// apart. The matrix of a bone is its translation, rotation and scale, seen from its parent; the inverse bind matrix is the
/// inverse of that seen from the world.
#[derive(Component)]
#[component(id = "tpl_skeleton", title = "Skeleton", category = "animation")]
#[inport(bones: Any, "Asks for the skeleton, or gives its bones.")]
#[outport(skeleton: JsonObject, "The skeleton.")]
#[outport(inverse_bind_matrices: Pose, "The inverse bind matrix of each bone.")]
#[outport(metadata: JsonObject, "The name and the number of bones.")]
#[example(
    steps = r#"[{"bones": {"type": "Flow"}}]"#,
    outputs = r#"[{"skeleton": [{"name": "skeleton", "boneCount": 0, "bones": []}], "inverse_bind_matrices": [{"type": "Bytes", "data": []}], "metadata": [{"name": "skeleton", "boneCount": 0}]}]"#
)]
pub(super) struct SkeletonNode {
    /// What it is called.
    #[config(default = "skeleton".to_string(), lenient)]
    name: String,
    /// The bones.
    #[config()]
    bones: Option<Vec<Value>>,
    /// Make a chain of so many bones.
    #[config(key = "boneCount")]
    bone_count: Option<Value>,
    /// How far apart the bones of a chain are.
    #[config(default = 1.0, lenient)]
    spacing: f64,
    /// Along which axis they stand: x, y or z.
    #[config(default = "x".to_string(), lenient)]
    axis: String,
    /// Where the first of them is, `[x, y, z]`.
    #[config(key = "startPosition")]
    start: Value,
}

/// More bones than this cannot be told apart in skin weights.
const MOST: u64 = 65_536;

/// A bone before it has a number.
struct Bone {
    name: String,
    parent: Option<usize>,
    local: Mat4,
}

impl SkeletonNode {
    fn chain(&self, length: u64) -> Vec<Bone> {
        let axis = match self.axis.as_str() {
            "y" | "Y" => Axis::Y,
            "z" | "Z" => Axis::Z,
            _ => Axis::X,
        };
        let step = Vec3::from_array(axis.along(self.spacing).map(|part| part as f32));
        let start = Vec3::from_array(floats(Some(&self.start), [0.0; 3]));
        (0..usize::try_from(length).unwrap_or(0))
            .map(|index| Bone {
                name: format!("bone_{index}"),
                parent: index.checked_sub(1),
                local: Mat4::from_translation(if index == 0 { start } else { step }),
            })
            .collect()
    }

    fn bones(&self, given: Option<&Value>) -> Result<Vec<Bone>, String> {
        let given = given.and_then(|value| value.get("bones")?.as_array());
        let chain = self.bone_count.as_ref().filter(|count| !count.is_null());
        match (given, chain) {
            (Some(bones), _) => Ok(bones.iter().map(explicit).collect()),
            (None, Some(length)) => match count(length).unwrap_or(1) {
                length if length <= MOST => Ok(self.chain(length)),
                length => Err(format!("{length} bones are more than {MOST}")),
            },
            (None, None) => Ok(self.bones.iter().flatten().map(explicit).collect()),
        }
    }
}

fn explicit(bone: &Value) -> Bone {
    let place = |key: &str, default| Vec3::from_array(floats(bone.get(key), default));
    let rotation = Quat::from_array(floats(bone.get("bindRotation"), [0.0, 0.0, 0.0, 1.0]));
    Bone {
        name: text_or(bone, "name", "bone").to_string(),
        parent: bone.get("parent").and_then(count).and_then(|parent| usize::try_from(parent).ok()),
        local: Mat4::from_scale_rotation_translation(
            place("bindScale", [1.0; 3]),
            rotation,
            place("bindPosition", [0.0; 3]),
        ),
    }
}

impl Actor for SkeletonNode {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let bones = self.bones(tick.input(Self::IN_BONES).and_then(payload)).map_err(bad_input)?;
        let skeleton = Skeleton {
            parents: bones.iter().map(|bone| bone.parent).collect(),
            locals: bones.iter().map(|bone| bone.local).collect(),
        };
        let inverse = skeleton.inverse_bind().map_err(|cycle| bad_input(cycle.to_string()))?;
        let listed = bones.iter().enumerate().map(|(at, bone)| read::bone(at, &bone.name, bone.parent, &bone.local));
        let (name, number) = (Value::from(self.name.as_str()), Value::from(bones.len()));
        tick.write(
            Self::OUT_SKELETON,
            object([("name", name.clone()), ("boneCount", number.clone()), ("bones", Value::array(listed))]),
        );
        tick.write(Self::OUT_METADATA, object([("name", name), ("boneCount", number)]));
        tick.write(Self::OUT_INVERSE_BIND_MATRICES, inverse);
        Ok(())
    }
}
