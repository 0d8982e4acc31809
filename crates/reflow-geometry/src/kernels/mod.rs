//! Plain functions on slices.
#![expect(clippy::many_single_char_names, reason = "coordinates have the names that they have in formulas")]

pub mod curve;
pub mod floats;
pub mod heightmap;
pub mod layout;
pub mod lsystem;
pub mod mesh;
pub mod noise;
pub mod paint;
pub mod raster;
pub mod shadow;
pub mod shapes;
pub mod text;
pub mod texture;
pub mod tube;
pub mod voronoi;
