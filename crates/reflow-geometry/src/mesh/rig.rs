//! Bones and what they do, as JSON.

use reflow_component::prelude::Value;

use crate::kernels::mesh::gltf::clip::Track;
use crate::kernels::mesh::gltf::skin::Bone;

/// Bones in order.
pub(super) fn bones(bones: &[Bone]) -> Value {
    let bone = |(index, bone): (usize, &Bone)| {
        Value::object([
            ("index", Value::from(index)),
            ("name", bone.name.as_str().into()),
            ("parent", bone.parent.map_or(Value::from(-1), Value::from)),
            ("localBindTransform", Value::array(bone.local)),
        ])
    };
    Value::array(bones.iter().enumerate().map(bone))
}

/// What bones do over time.
pub(super) fn channels(tracks: &[Track]) -> Value {
    let numbers = |numbers: &[f32]| Value::array(numbers.iter().map(|number| f64::from(*number)));
    let channel = |track: &Track| {
        Value::object([
            ("boneIndex", Value::from(track.bone)),
            ("property", track.property.into()),
            ("interpolation", track.interpolation.into()),
            ("times", numbers(&track.times)),
            ("values", Value::array(track.values.chunks_exact(track.width).map(numbers))),
        ])
    };
    Value::array(tracks.iter().map(channel))
}

/// The last time of all.
pub(super) fn duration(tracks: &[Track]) -> f64 {
    tracks.iter().flat_map(|track| &track.times).fold(0.0_f32, |last, time| last.max(*time)).into()
}
