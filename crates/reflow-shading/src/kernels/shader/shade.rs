//! A shader as the shade of a distance field: two WGSL functions that the shader of the field calls.

use std::fmt::Write as _;

use super::code::{Coder, Target, Type};
use super::material::surface;
use super::tree::Tree;
use crate::kernels::sdf::is_identifier;
use crate::kernels::straight::Placed;

/// Why there is no shade.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a WGSL function: letters, digits and `_`, no digit first, no reserved word")]
pub struct ShadeError(pub String);

const SURFACE: [(&str, Type, &str); 10] = [
    ("base_color", Type::Vec3, "vec3f(0.8)"),
    ("metallic", Type::Scalar, "0.0"),
    ("roughness", Type::Scalar, "0.5"),
    ("emission", Type::Vec3, "vec3f(0.0)"),
    ("emission_strength", Type::Scalar, "0.0"),
    ("alpha", Type::Scalar, "1.0"),
    ("transmission", Type::Scalar, "1.0 - alpha"),
    ("ao", Type::Scalar, "1.0"),
    ("normal", Type::Vec3, "s.normal"),
    ("ior", Type::Scalar, "1.5"),
];

/// A value that is no surface is the colour of one.
fn bare(tree: &Tree, coder: &Coder<'_>, function: &str) -> Placed {
    let (mut code, terms) = coder.lines(function, &tree.bare_value().into_iter().collect::<Vec<_>>());
    for (input, kind, default) in SURFACE {
        let own = terms.first().filter(|_| input == "base_color").map(|term| term.to(kind));
        let _ = writeln!(code.inside, "    let {input} = {};", own.as_deref().unwrap_or(default));
    }
    code
}

/// WGSL that defines `NAME_probe`, which traces no further rays, and `NAME`, which may: mirrors see what `shade_probe` shows.
///
/// It stands on what the shader of a field defines: `calc_normal`, `calc_ao`, `calc_shadow`, `ray_march_from` and the constants.
///
/// # Errors
/// [`ShadeError`] when `name` is no identifier.
pub fn sdf_shade(tree: &Tree, name: &str) -> Result<String, ShadeError> {
    if !is_identifier(name) {
        return Err(ShadeError(name.chars().take(100).collect()));
    }
    let prefix = format!("{name}_");
    let coder = Coder::new(tree, Target::Field, &prefix);
    let functions = coder.functions();
    let function = format!("{name}_lit");
    let Placed { before, mut inside } = match tree.bsdf() {
        Some(bsdf) => surface(tree, &coder, &function, bsdf, &SURFACE),
        None => bare(tree, &coder, &function),
    };
    inside.push_str(
        "    return Lit(
        normalize(normal), base_color, clamp(metallic, 0.0, 1.0), clamp(roughness, 0.02, 1.0),
        emission * emission_strength, clamp(transmission, 0.0, 1.0), max(ior, 1.01), ao,
    );
",
    );
    let mut out = String::from(concat!(include_str!("prelude.wgsl"), include_str!("field_functions.wgsl")));
    let _ = write!(
        out,
        "\
fn {name}_probe(ro: vec3f, rd: vec3f, t: f32) -> vec3f {{
    let lit = {name}_lit(ro, rd, t);
    return shade_direct(ro + rd * t, rd, lit) + shade_reflectance(rd, lit) * shade_around(reflect(rd, lit.n));
}}

fn {name}(ro: vec3f, rd: vec3f, t: f32) -> vec3f {{
    let lit = {name}_lit(ro, rd, t);
    let p = ro + rd * t;
    let mirrored = reflect(rd, lit.n);
    let reflectance = shade_reflectance(rd, lit);
    var seen = shade_around(mirrored);
    let far = ray_march_from(p + lit.n * 0.01, mirrored, 0.02, MAX_DIST);
    if (far > 0.0) {{
        seen = shade_probe(p + lit.n * 0.01, mirrored, far);
    }}
    var color = shade_direct(p, rd, lit) * (1.0 - lit.through) + reflectance * seen;
    if (lit.through > 0.0) {{
        color += (vec3f(1.0) - reflectance) * lit.through * shade_through(p, rd, lit);
    }}
    return color;
}}

{functions}{before}fn {function}(ro: vec3f, rd: vec3f, t: f32) -> Lit {{
    var s: Site;
    s = site_at(s, ro + rd * t);
    s.normal = calc_normal(s.position);
    s.view = -rd;
    s.color = vec3f(1.0);
    s.time = u.time;
{inside}}}
"
    );
    Ok(out)
}
