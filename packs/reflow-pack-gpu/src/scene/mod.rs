//! Scenes of meshes.

mod light;
mod material;
mod mesh;
mod objects;
mod raster;
pub(crate) mod render;

use glam::{Mat4, Vec3};
pub(crate) use material::Material;
#[cfg(feature = "wgpu")]
pub(crate) use material::TO_SAMPLER;
pub(crate) use raster::Triangle;

/// A scene that is ready to be drawn.
#[cfg_attr(not(feature = "wgpu"), allow(dead_code, reason = "the processor takes its parts"))]
pub(crate) struct Picture<'a> {
    pub(crate) size: (u32, u32),
    /// Samples of a pixel.
    pub(crate) samples: u32,
    pub(crate) background: Vec3,
    pub(crate) ambient: f32,
    pub(crate) triangles: &'a [Triangle],
    /// 64 bytes each.
    pub(crate) lights: &'a [u8],
    pub(crate) texture: Option<&'a image::RgbaImage>,
    pub(crate) material: Option<&'a Material>,
    /// From the world to clip space, and where the camera is.
    pub(crate) camera: (Mat4, Vec3),
}
