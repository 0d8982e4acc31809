//! Plain functions on slices.
#![allow(clippy::inline_always, reason = "what is not inlined is not compiled for the processor, see `wide`")]

mod area;
pub mod background;
pub mod bands;
mod bilinear;
pub mod biquad;
pub mod blend;
pub mod bloom;
pub mod blur;
pub mod camera;
pub mod chroma;
pub mod convolve;
pub mod denoise;
pub mod detect;
pub mod dynamics;
pub mod envelope;
pub mod groups;
pub mod level;
pub mod loudness;
pub mod occlusion;
pub mod pattern;
pub mod pitch;
pub mod pixel;
pub mod resize;
pub mod spectrum;
pub mod stretch;
pub mod symmetric;
pub mod tone;
pub mod wide;
