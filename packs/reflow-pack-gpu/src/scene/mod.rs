//! Scenes of meshes.

mod light;
mod mesh;
mod objects;
mod raster;
pub(crate) mod render;
