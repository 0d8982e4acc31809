//! Plain functions on slices.

pub mod blur;
pub mod level;
