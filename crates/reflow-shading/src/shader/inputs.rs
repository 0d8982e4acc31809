//! What a shader begins with: facts of the place that is drawn, and constants.

use reflow_component::table::{Row, number, vector};

use super::row;

pub(super) const TABLE: &[Row] = &[
    row(
        "tpl_shader_texcoord",
        "Texture Coordinate",
        "Where the place is on the texture.\n\nOn a distance field, x and z of the position.",
        "texCoord",
    ),
    row("tpl_shader_position", "Position", "Where the place is.", "objectPosition"),
    row("tpl_shader_normal", "Normal", "Which way the surface faces.", "objectNormal"),
    row("tpl_shader_time", "Time", "The time in seconds.", "time"),
    row(
        "tpl_shader_vertex_color",
        "Vertex Color",
        "The colour of the vertices around.\n\nVertices bring 3 more floats then, behind position, normal and texture coordinates; \
         a distance field is white.",
        "vertexColor",
    ),
    row("tpl_shader_const_float", "Constant Float", "A number.", "constFloat").with(&[number(
        "c",
        "value",
        0.0,
        "The number.",
    )]),
    row("tpl_shader_const_color", "Constant Color", "A colour, linear.", "constVec3").with(&[vector(
        "c",
        &[("r", 0.8, "Red."), ("g", 0.8, "Green."), ("b", 0.8, "Blue.")],
    )
    .range(0.0, 1.0)]),
];
