//! Shapes that nothing goes into.

use reflow_component::table::{Field, Row, number, vector};

pub(super) const TABLE: &[Row] = &[
    primitive(
        "tpl_sdf_sphere",
        "SDF Sphere",
        "A sphere around the origin.\n\nThe distance at a point p is |p| - `radius`.",
        "sphere",
        &[number("radius", "radius", 1.0, "Its radius.").min(0.0).range(0.01, 100.0)],
    ),
    primitive(
        "tpl_sdf_box",
        "SDF Box",
        "A box around the origin, parallel to the axes.\n\nThe sizes are half extents: a box of size 1 is 2 wide. With \
         q = |p| - size on each axis, the distance is |max(q, 0)| + min(max(q.x, q.y, q.z), 0).",
        "box",
        &[vector("size", HALF_EXTENT).range(0.01, 100.0)],
    ),
    primitive(
        "tpl_sdf_round_box",
        "SDF Round Box",
        "A box whose edges are rounded outwards.\n\nThe distance is that of the inner box less `radius`, so the outer half \
         extent is the size plus `radius`.",
        "roundBox",
        &[
            vector("size", HALF_EXTENT),
            number("radius", "radius", 0.05, "The rounding, added outside of the inner box."),
        ],
    ),
    primitive(
        "tpl_sdf_ellipsoid",
        "SDF Ellipsoid",
        "An ellipsoid around the origin.\n\nWith k0 = |p / r| and k1 = |p / r²|, the distance is k0 (k0 - 1) / k1: a bound, \
         not the exact distance. At the centre it is the smallest semi-axis, negative.",
        "ellipsoid",
        &[vector(
            "radii",
            &[("radiusX", 1.0, "Semi-axis along x."), ("radiusY", 1.0, "Along y."), ("radiusZ", 1.0, "Along z.")],
        )],
    ),
    primitive(
        "tpl_sdf_round_box_shell",
        "SDF Round Box Shell",
        "A hollow box with rounded edges.\n\nThe wall grows inwards: with d the distance of the round box it is where \
         -`thickness` ≤ d ≤ 0.",
        "roundBoxShell",
        &[
            vector("size", HALF_EXTENT),
            number("radius", "radius", 0.05, "The rounding of the edges."),
            number("thickness", "thickness", 0.08, "The wall."),
        ],
    ),
    primitive(
        "tpl_sdf_cylinder",
        "SDF Cylinder",
        "A capped cylinder along y around the origin.\n\nWith d = (|p.xz| - `radius`, |p.y| - `height`), the distance is \
         min(max(d.x, d.y), 0) + |max(d, 0)|.",
        "cylinder",
        &[
            number("radius", "radius", 0.5, "Its radius.").range(0.01, 50.0),
            number("height", "height", 1.0, "Half of its height: it reaches from -`height` to `height`.")
                .range(0.01, 100.0),
        ],
    ),
    primitive(
        "tpl_sdf_torus",
        "SDF Torus",
        "A ring in the plane xz.\n\nThe distance is |(|p.xz| - `majorRadius`, p.y)| - `minorRadius`.",
        "torus",
        &[
            number("major_radius", "majorRadius", 1.0, "From the centre to the centre line of the tube.")
                .range(0.1, 50.0),
            number("minor_radius", "minorRadius", 0.3, "The radius of the tube.").range(0.01, 10.0),
        ],
    ),
    primitive(
        "tpl_sdf_capsule",
        "SDF Capsule",
        "A capsule that stands on the origin along +y.\n\nThe distance is that to the segment from y = 0 to y = `height`, less \
         `radius`; the shape reaches from -`radius` to `height` + `radius`.",
        "capsule",
        &[
            number("radius", "radius", 0.3, "Its radius."),
            number("height", "height", 1.0, "The length of the inner segment."),
        ],
    ),
    primitive(
        "tpl_sdf_tapered_capsule",
        "SDF Tapered Capsule",
        "A capsule between two points with a radius at each.\n\nWith h the place of the nearest point of the segment, from 0 to 1, \
         the distance is that to the segment less the radius at h. Between two equal points it is a ball of the larger radius.",
        "taperedCapsule",
        &[
            vector(
                "a",
                &[
                    ("ax", 0.0, "x of the first end."),
                    ("ay", 0.0, "y of the first end."),
                    ("az", 0.0, "z of the first end."),
                ],
            ),
            vector(
                "b",
                &[
                    ("bx", 0.0, "x of the second end."),
                    ("by", 1.0, "y of the second end."),
                    ("bz", 0.0, "z of the second end."),
                ],
            ),
            number("radius_a", "radiusA", 0.3, "The radius at the first end."),
            number("radius_b", "radiusB", 0.2, "The radius at the second end."),
        ],
    ),
    primitive(
        "tpl_sdf_plane",
        "SDF Plane",
        "The half space behind a plane.\n\nThe distance is p · normal + `offset`, with the normal made one of length 1 (+y when it \
         is 0); the surface is `offset` below the origin.",
        "plane",
        &[
            vector(
                "normal",
                &[("normalX", 0.0, "x of the normal."), ("normalY", 1.0, "y of it."), ("normalZ", 0.0, "z of it.")],
            ),
            number("offset", "offset", 0.0, "How far the surface is behind the origin."),
        ],
    ),
    primitive(
        "tpl_sdf_cone",
        "SDF Cone",
        "A cone with its apex at the origin that opens towards +y.\n\nThe distance is the exact one to a cone whose base is at \
         y = `height`. With a height of 0 or below it has no base and no end.",
        "cone",
        &[
            number("angle", "angle", 30.0, "Between the axis and the side; the node has it in radians.")
                .times(std::f64::consts::PI / 180.0)
                .unit("degrees"),
            number("height", "height", 1.0, "Where the base is."),
        ],
    ),
];

const HALF_EXTENT: &[(&str, f64, &str)] = &[
    ("sizeX", 1.0, "Half extent along x."),
    ("sizeY", 1.0, "Half extent along y."),
    ("sizeZ", 1.0, "Half extent along z."),
];

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
