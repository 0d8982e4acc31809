//! Signed distance fields: a typed tree of shapes, what it means on the CPU, as a mesh, and as WGSL.
//!
//! A distance is negative inside. Units are those of the world, y is up; `rotate` counts in degrees, `cone` in radians.

mod bounds;
mod distance;
mod evaluate;
mod fields;
mod mesh;
mod noise;
mod preview;
mod read;
mod stretch;
mod surface;
mod tree;
mod wgsl;
mod write;

pub use bounds::Bounds;
pub use evaluate::Evaluator;
pub use mesh::{Mesh, MeshError, march};
pub use preview::{PreviewError, preview};
pub use read::ReadError;
pub use tree::{Material, Node, NodeId, Operation, Primitive, Settings, Transform, Tree};
pub use wgsl::{CompileError, Shade, compile, slot_shade};
pub(crate) use wgsl::{defines, is_identifier};
