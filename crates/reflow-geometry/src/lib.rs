//! Components for shapes, text, meshes and what is made by rule: noise, terrain, plants.
//!
//! A component is a file in the folder of its family: the declaration, and what little leads from messages to a kernel. The
//! [`kernels`] are plain functions on slices; they know neither ticks nor messages.
#![forbid(unsafe_code)]

mod drawing;
pub mod kernels;
mod mesh;
mod procedural;
mod text;

use reflow_component::Entry;

/// The components of this crate.
pub fn components() -> Vec<Entry> {
    [drawing::components(), mesh::components(), procedural::components(), text::components()]
        .into_iter()
        .flatten()
        .collect()
}
