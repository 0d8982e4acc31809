//! Colours, and normals that are written as colours.

use reflow_component::prelude::Value;
use reflow_component::table::{Constant, Row, child, items, word};

use super::row;
use crate::kernels::shader::MixMode;

pub(super) const TABLE: &[Row] = &[
    row(
        "tpl_shader_color_mix",
        "Color Mix",
        "Two colours made one.\n\nThe modes are those of compositing (W3C, Compositing and Blending Level 1), from `a` alone at a \
         factor of 0 to the full effect at 1; `hue`, `saturation`, `color` and `value` are those of HSV. Other words mix.",
        "colorMix",
    )
    .with(&[word("mode", "mode", "mix", MixMode::WORDS, "How they are mixed.").open()])
    .around(&[
        child("fac", "fac", "How strong `b` is.").or_node(
            "fac",
            Constant::Number(0.5),
            "The factor where none is connected.",
        ),
        child("a", "a", "The first colour.").or_node(
            "a",
            Constant::Numbers([0.0; 3]),
            "The first colour where none is connected.",
        ),
        child("b", "b", "The second colour.").or_node(
            "b",
            Constant::Numbers([1.0; 3]),
            "The second colour where none is connected.",
        ),
    ])
    .waits(),
    row(
        "tpl_shader_color_ramp",
        "Color Ramp",
        "A value as a colour, by a list of stops.\n\nBetween two stops the colour goes evenly from one to the other, and beyond the \
         ends it stays. Alpha is carried along.",
        "colorRamp",
    )
    .with(&[items("stops", "stops", black_to_white, stops_schema, "The stops, in any order.")])
    .around(&[child("input", "input", "The value; 0.5 where none came.").or_always(Constant::Number(0.5))]),
    row(
        "tpl_shader_fresnel",
        "Fresnel",
        "How much a surface mirrors at the angle it is seen from.\n\nWith f = ((ior - 1) / (ior + 1))² it is f + (1 - f)(1 - n·v)⁵ \
         (Schlick, 1994).",
        "fresnel",
    )
    .around(&[child("ior", "ior", "The index of refraction.").or(
        "ior",
        1.45,
        "The index of refraction where none came.",
    )]),
    row(
        "tpl_shader_normal_map",
        "Normal Map",
        "The normal that a colour of a normal map stands for.\n\nThe frame of the map is that of position and texture coordinates.",
        "normalMap",
    )
    .around(&[
        child("strength", "strength", "How far the normal is bent.").or_node(
            "strength",
            Constant::Number(1.0),
            "The strength where none is connected.",
        ),
        child("color", "color", "The colour of the map.").or_node(
            "color",
            Constant::Numbers([0.5, 0.5, 1.0]),
            "The colour where none is connected.",
        ),
    ])
    .waits(),
    row(
        "tpl_shader_bump_map",
        "Bump Map",
        "The normal of a surface that is raised by a height.\n\nBy the surface gradient (Mikkelsen, 2010).",
        "bumpMap",
    )
    .around(&[
        child("strength", "strength", "How far the normal is bent.").or_node(
            "strength",
            Constant::Number(1.0),
            "The strength where none is connected.",
        ),
        child("height", "height", "The height.").or_node(
            "height",
            Constant::Number(0.0),
            "The height where none is connected.",
        ),
    ])
    .waits(),
];

fn black_to_white() -> Value {
    let stop = |position: i64| {
        let color = Value::array([position, position, position, 1]);
        Value::object([("position", position.into()), ("color", color)])
    };
    Value::array([stop(0), stop(1)])
}

fn stops_schema() -> Value {
    let typed = |kind: &str| Value::object([("type", kind)]);
    let color = Value::object([("type", "array".into()), ("items", typed("number"))]);
    let stop = Value::object([("position", typed("number")), ("color", color)]);
    let items = Value::object([("type", "object".into()), ("properties", stop)]);
    Value::object([("type", "array".into()), ("items", items)])
}
