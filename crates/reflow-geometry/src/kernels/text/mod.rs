//! Text: glyphs as pixels, and where each of them stands.

pub mod atlas;
pub mod distance;
pub mod font;
pub mod layout;
pub mod solid;
