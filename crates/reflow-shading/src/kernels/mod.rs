//! What stands behind the components: typed trees of the two JSON languages, distances, meshes, and WGSL. Nothing here knows
//! ticks or messages.

pub mod path;
pub mod picture;
pub mod sdf;
pub mod shader;
mod straight;
mod trail;
pub mod validate;
