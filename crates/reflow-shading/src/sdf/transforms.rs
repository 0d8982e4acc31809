//! A shape seen from a changed point, or with a changed distance.

use reflow_component::table::{Field, Row, child, number, vector, whole, wholes};

pub(super) const TABLE: &[Row] = &[
    transform(
        "tpl_sdf_translate",
        "Translate",
        "Moves a shape.\n\nThe shape is asked at p - offset.",
        "translate",
        &[vector("offset", &[("x", 0.0, "How far along x."), ("y", 0.0, "Along y."), ("z", 0.0, "Along z.")])],
    ),
    transform(
        "tpl_sdf_rotate",
        "Rotate",
        "Turns the point that a shape is asked at: about x, then y, then z, right-handed.\n\nAs the point and not the shape is \
         turned, the shape appears turned by the inverse rotation: negate an angle to turn the shape by it.",
        "rotate",
        &[vector("angles", &[("x", 0.0, "Degrees about x."), ("y", 0.0, "About y."), ("z", 0.0, "About z.")])
            .unit("degrees")],
    ),
    transform(
        "tpl_sdf_twist",
        "Twist",
        "Twists a shape about y.\n\nThe point is turned by `strength` p.y in the plane xz. Far from the axis the result says more \
         than the true distance.",
        "twist",
        &[number("strength", "strength", 0.5, "Radians a unit of y.").range(-10.0, 10.0)],
    ),
    transform(
        "tpl_sdf_bend",
        "Bend",
        "Bends a shape along x.\n\nThe point is turned by `strength` p.x in the plane xy. Far from the axis the result says more \
         than the true distance.",
        "bend",
        &[number("strength", "strength", 0.5, "Radians a unit of x.")],
    ),
    transform(
        "tpl_sdf_round",
        "Round",
        "Rounds and inflates a shape.\n\nThe distance is less by `radius`.",
        "round",
        &[number("radius", "radius", 0.05, "How much is subtracted from the distance.")],
    ),
    transform(
        "tpl_sdf_shell",
        "Shell",
        "Hollows a shape.\n\nThe distance is |d| - `thickness`: the wall reaches `thickness` to each side of the surface.",
        "shell",
        &[number("thickness", "thickness", 0.05, "Half of the wall.")],
    ),
    transform(
        "tpl_sdf_mirror",
        "Mirror",
        "Mirrors a shape across coordinate planes.\n\nA coordinate whose axis is beyond 0.5 becomes its absolute value: the \
         positive side is seen on both.",
        "mirror",
        &[vector(
            "axis",
            &[("axisX", 1.0, "1 mirrors x."), ("axisY", 0.0, "1 mirrors y."), ("axisZ", 0.0, "1 mirrors z.")],
        )],
    ),
    transform(
        "tpl_sdf_repeat",
        "Repeat",
        "Repeats a shape on a finite grid.\n\nA count is that of the copies to each side: there are 2 `count` + 1 on each axis, \
         around the origin. The shape is asked at p - clamp(round(p / spacing), -count, count) spacing. An axis whose spacing is 0 \
         does not repeat.",
        "repeat",
        &[
            vector(
                "spacing",
                &[("spacingX", 2.0, "Pitch along x."), ("spacingY", 2.0, "Along y."), ("spacingZ", 2.0, "Along z.")],
            ),
            wholes(
                "count",
                &[("countX", 3, "Copies to each side along x."), ("countY", 1, "Along y."), ("countZ", 3, "Along z.")],
            )
            .range(1.0, 20.0),
        ],
    ),
    transform(
        "tpl_sdf_displace",
        "Displace",
        "Adds fractal noise to the surface of a shape.\n\nThe distance grows by (2 fbm(`frequency` p) - 1) `amplitude`, where the \
         layers of fbm weigh a half, a quarter and so on, made up to 1. The result says more than the true distance.",
        "displace",
        &[
            number("frequency", "frequency", 3.0, "How fine the noise is.").range(0.1, 50.0),
            number("amplitude", "amplitude", 0.1, "How strong it is.").range(0.0, 2.0),
            whole("octaves", "octaves", 4, "How many layers it has.").range(1.0, 8.0),
        ],
    ),
];

const fn transform(
    id: &'static str,
    title: &'static str,
    text: &'static str,
    name: &'static str,
    fields: &'static [Field],
) -> Row {
    Row::new(id, title, text, "transform")
        .variant("transform", name)
        .with(fields)
        .around(const { &[child("sdf", "child", "The shape.")] })
}
