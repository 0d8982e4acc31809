//! Distance fields.

mod field;
pub(crate) mod live_render;
pub(crate) mod marching_cubes;
mod mesh_distance;
pub(crate) mod mesh_to_sdf;
pub(crate) mod render;
