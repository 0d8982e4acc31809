//! Plain functions on numbers, matrices and bytes.
#![expect(clippy::many_single_char_names, reason = "coordinates have the names that they have in formulas")]

pub mod billboard;
pub mod binding;
pub mod camera;
pub mod clips;
pub mod easing;
pub mod formula;
pub mod ik;
pub mod keyframes;
pub mod morph;
pub mod motions;
pub mod particles;
#[cfg(feature = "physics")]
pub mod physics;
pub mod pose;
pub mod sampling;
pub mod skeleton;
pub mod skinning;
pub mod sky;
pub mod weather;
