//! The family `vector`: vectors, quaternions and 4×4 matrices.

mod mat4_identity;
mod mat4_look_at;
mod mat4_multiply;
mod mat4_perspective;
mod mat4_rotate_x;
mod mat4_rotate_y;
mod mat4_rotate_z;
mod mat4_scale;
mod mat4_transform;
mod mat4_translate;
mod quat_from_euler;
mod quat_multiply;
mod quat_rotate_vec3;
mod quat_slerp;
mod vec3;
mod vec3_add;
mod vec3_cross;
mod vec3_distance;
mod vec3_dot;
mod vec3_length;
mod vec3_lerp;
mod vec3_normalize;
mod vec3_reflect;
mod vec3_scale;
mod vec3_subtract;

use reflow_component::Typed;
use reflow_component::declare::Inport;
use reflow_component::kind::{Float, Optional};
use reflow_runtime::Tick;

use crate::Entry;

/// The numbers on inports, or else these.
fn scalars<const N: usize>(tick: &Tick<'_>, parts: [(Inport<Optional<Float>>, f64); N]) -> [f64; N] {
    parts.map(|(port, otherwise)| tick.read(port).flatten().unwrap_or(otherwise))
}

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<mat4_identity::Mat4Identity>(),
        Entry::of::<mat4_look_at::Mat4LookAt>(),
        Entry::of::<mat4_multiply::Mat4Multiply>(),
        Entry::of::<mat4_perspective::Mat4Perspective>(),
        Entry::of::<mat4_rotate_x::Mat4RotateX>(),
        Entry::of::<mat4_rotate_y::Mat4RotateY>(),
        Entry::of::<mat4_rotate_z::Mat4RotateZ>(),
        Entry::of::<mat4_scale::Mat4Scale>(),
        Entry::of::<mat4_transform::Mat4Transform>(),
        Entry::of::<mat4_translate::Mat4Translate>(),
        Entry::of::<quat_from_euler::QuatFromEuler>(),
        Entry::of::<quat_multiply::QuatMultiply>(),
        Entry::of::<quat_rotate_vec3::QuatRotateVec3>(),
        Entry::of::<quat_slerp::QuatSlerp>(),
        Entry::of::<vec3::Vector3>(),
        Entry::of::<vec3_add::Vec3Add>(),
        Entry::of::<vec3_cross::Vec3Cross>(),
        Entry::of::<vec3_distance::Vec3Distance>(),
        Entry::of::<vec3_dot::Vec3Dot>(),
        Entry::of::<vec3_length::Vec3Length>(),
        Entry::of::<vec3_lerp::Vec3Lerp>(),
        Entry::of::<vec3_normalize::Vec3Normalize>(),
        Entry::of::<vec3_reflect::Vec3Reflect>(),
        Entry::of::<vec3_scale::Vec3Scale>(),
        Entry::of::<vec3_subtract::Vec3Subtract>(),
    ]
}
