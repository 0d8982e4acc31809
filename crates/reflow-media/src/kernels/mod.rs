//! Plain functions on slices.

pub mod background;
pub mod bands;
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
pub mod tone;
