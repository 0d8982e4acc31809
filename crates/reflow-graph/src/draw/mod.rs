//! Drawings of graphs: SVG, Mermaid, DOT and text.

mod dot;
mod fold;
mod legend;
mod limits;
mod mermaid;
mod overlay;
mod style;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use overlay::{NodeOverlay, NodeState, Overlay};
pub use style::Theme;
pub use svg::SvgOptions;
