//! FBX of bytes, from version 7.4 on: meshes, bones, weights, animation and embedded pictures.
//!
//! The container is read here rather than by a library: compressed arrays have to be bounded before they unfold.

pub mod animation;
pub mod geometry;
pub mod scene;
pub mod tree;

pub use scene::Scene;
pub use tree::FbxError;
