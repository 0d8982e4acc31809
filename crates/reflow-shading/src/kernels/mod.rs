//! What stands behind the components: typed trees of the two JSON languages, distances, meshes, and WGSL. Nothing here knows
//! ticks or messages.

pub mod sdf;
pub mod shader;
