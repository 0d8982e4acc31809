//! Components for audio, images, video and streams of them.
//!
//! A component is a file in the folder of its family: the declaration, and what little leads from messages to a kernel. The
//! [`kernels`] are plain functions on slices; they know neither ticks nor messages.
#![forbid(unsafe_code)]

mod audio;
mod image;
pub mod kernels;

use reflow_component::Entry;

/// The components of this crate.
pub fn components() -> Vec<Entry> {
    audio::components().into_iter().chain(image::components()).collect()
}
