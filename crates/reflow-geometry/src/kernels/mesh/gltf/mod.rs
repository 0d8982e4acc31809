//! glTF 2.0 (Khronos, ISO/IEC 12113): meshes, skins and animations out of a file, meshes into one.
//!
//! Files lie: every offset and count is checked against the data before anything is made of it.

pub mod accessor;
pub mod clip;
pub mod document;
pub mod mesh;
pub mod skin;
pub mod write;

pub use document::{File, GltfError};
