//! Drawings of shapes and text.

mod canvas;
pub(crate) mod render;
mod shape;
mod text;
