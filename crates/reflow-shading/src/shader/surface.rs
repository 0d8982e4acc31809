//! The surface that all comes together in.

use reflow_component::table::{Child, Constant, Row, child};

use super::row;

pub(super) const TABLE: &[Row] = &[
    row(
        "tpl_shader_principled_bsdf",
        "Principled BSDF",
        "A physically based surface.\n\nCook-Torrance with GGX, Smith and Schlick; what enters is scattered evenly or goes through. The \
         config says what counts where nothing is connected: a number, three for a colour, or a node.",
        "principledBsdf",
    )
    .around(&[
        colour("base_color", "The colour.", [0.8; 3]),
        number("metallic", "From 0 to 1.", 0.0),
        number("roughness", "From 0, a mirror, to 1.", 0.5),
        child("normal", "normal", "The way the surface faces.").optional(),
        colour("emission", "Light that it sends out.", [0.0; 3]),
        number("emission_strength", "How strong that light is.", 0.0),
        child("ao", "ao", "How much of the light from everywhere gets here.").optional(),
        number("alpha", "How opaque it is.", 1.0),
        number("transmission", "How much goes through.", 0.0),
        number("ior", "The index of refraction.", 1.5),
        more("subsurface", "How much light comes out elsewhere."),
        more("subsurface_color", "The colour of that light."),
        more("clearcoat", "How strong the clear coat is."),
        more("clearcoat_roughness", "How rough the clear coat is."),
        more("sheen", "How strong the fuzz at the edge is."),
        more("sheen_tint", "The colour of the fuzz."),
        more("anisotropic", "How much longer highlights are one way."),
        more("anisotropic_rotation", "Which way that is, in turns."),
    ])
    .waits(),
    row("tpl_shader_material_output", "Material Output", "The root of a material.", "materialOutput")
        .around(&[child("surface", "surface", "The surface, or any value to be shown as it is.")]),
];

const OTHERWISE: &str = "What counts where nothing is connected.";

const fn colour(name: &'static str, summary: &'static str, default: [f64; 3]) -> Child {
    child(name, name, summary).or_node(name, Constant::Numbers(default), OTHERWISE)
}

const fn number(name: &'static str, summary: &'static str, default: f64) -> Child {
    child(name, name, summary).or_node(name, Constant::Number(default), OTHERWISE)
}

/// A property that the node does not have unless somebody gives it one.
const fn more(name: &'static str, summary: &'static str) -> Child {
    child(name, name, summary).or_given(name, OTHERWISE)
}
