//! Components for signed distance fields and shaders: they put nodes of two JSON languages together.
#![forbid(unsafe_code)]

pub mod kernels;
mod sdf;
mod shader;

use reflow_component::Entry;

/// The components of this crate.
pub fn components() -> Vec<Entry> {
    sdf::components().into_iter().chain(shader::components()).collect()
}
