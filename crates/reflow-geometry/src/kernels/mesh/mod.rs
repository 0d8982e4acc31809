//! Files of meshes: what they hold becomes triangles, three vertices each, and back.

pub mod fbx;
pub mod gltf;
pub mod obj;
pub mod ply;
pub mod sniff;
pub mod soup;
pub mod stl;
