//! Components for audio, images, video and streams of them.
//!
//! A component is a file in the folder of its family: the declaration, and what little leads from messages to a kernel. The
//! [`kernels`] are plain functions on slices; they know neither ticks nor messages. What is in files is read by [`files`].
#![deny(unsafe_code)]

mod audio;
mod devices;
mod display;
pub mod files;
mod grouped;
mod image;
pub mod kernels;
mod rate;
mod reading;
mod source;
mod stream;
mod video;

use reflow_component::Entry;

/// The components of this crate.
pub fn components() -> Vec<Entry> {
    [audio::components(), image::components(), video::components(), stream::components()]
        .into_iter()
        .flatten()
        .collect()
}
