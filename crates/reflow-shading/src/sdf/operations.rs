//! Two shapes made one.

use reflow_component::table::{Child, Field, Row, child, number};

pub(super) const TABLE: &[Row] = &[
    operation("tpl_sdf_union", "Union", "Both shapes.\n\nThe distance is min(a, b).", "union", &[]),
    operation(
        "tpl_sdf_intersection",
        "Intersection",
        "What two shapes have in common.\n\nThe distance is max(a, b).",
        "intersection",
        &[],
    ),
    operation(
        "tpl_sdf_difference",
        "Difference",
        "The first shape without the second.\n\nThe distance is max(a, -b).",
        "difference",
        &[],
    ),
    operation(
        "tpl_sdf_smooth_union",
        "Smooth Union",
        "Both shapes, blended.\n\nWith h = clamp(0.5 + 0.5 (b - a) / k, 0, 1) and k = `smoothness`, the distance is b + (a - b) h - \
         k h (1 - h). With k not above 0 it is the union.",
        "smoothUnion",
        SMOOTHNESS,
    ),
    operation(
        "tpl_sdf_smooth_intersection",
        "Smooth Intersection",
        "What two shapes have in common, blended.\n\nThe distance is -smin(-a, -b), with smin the distance of the smooth union.",
        "smoothIntersection",
        SMOOTHNESS,
    ),
    operation(
        "tpl_sdf_smooth_difference",
        "Smooth Difference",
        "The first shape without the second, blended.\n\nThe distance is -smin(-a, b), with smin the distance of the smooth union.",
        "smoothDifference",
        SMOOTHNESS,
    ),
];

const SMOOTHNESS: &[Field] = &[number("k", "smoothness", 0.3, "The blend radius, in world units.").range(0.0, 5.0)];

const SIDES: &[Child] = &[child("sdf_a", "left", "The first shape."), child("sdf_b", "right", "The second shape.")];

const fn operation(
    id: &'static str,
    title: &'static str,
    text: &'static str,
    name: &'static str,
    fields: &'static [Field],
) -> Row {
    Row::new(id, title, text, "operation").variant("op", name).with(fields).around(SIDES)
}
