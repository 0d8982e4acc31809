//! Shapes that nothing goes into.

use reflow_component::table::{Field, Row, number};

pub(super) const TABLE: &[Row] = &[primitive(
    "tpl_sdf_sphere",
    "SDF Sphere",
    "A sphere around the origin.\n\nThe distance at a point p is |p| - `radius`.",
    "sphere",
    &[number("radius", "radius", 1.0, "Its radius.").range(0.01, 100.0)],
)];

/// A shape that its config alone describes.
const fn primitive(
    id: &'static str,
    title: &'static str,
    text: &'static str,
    name: &'static str,
    fields: &'static [Field],
) -> Row {
    Row::new(id, title, text, "primitive").variant("primitive", name).null("material").with(fields)
}
