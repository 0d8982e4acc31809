//! Shaders as trees of nodes: typed, and compiled to WGSL for meshes and for distance fields.
//!
//! Colours are linear RGB. Values are numbers, or vectors of 2, 3 or 4; where one kind meets another a number is spread, a vector
//! becomes its mean, and what is too long loses its end.

mod code;
mod material;
mod math;
mod read;
mod shade;
mod tree;

pub use material::{MeshMaterial, TextureSlot, mesh_material};
pub use math::MathOp;
pub use read::ReadError;
pub use shade::{ShadeError, sdf_shade};
pub use tree::{Gradient, Kind, MixMode, Node, NodeId, Stop, Tree, Wave};
