//! A shader as the material of a mesh: vertex and fragment WGSL, and what has to be bound.

use std::fmt::Write as _;

use super::code::{Coder, Target, Term, Type};
use super::tree::{Kind, NodeId, Tree};
use crate::kernels::straight::Placed;

/// What draws a mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshMaterial {
    /// The vertex shader; its entry point is `vs_main`.
    pub vertex_wgsl: String,
    /// The fragment shader; its entry point is `fs_main`.
    pub fragment_wgsl: String,
    /// Bytes of a vertex: position and normal, then uv and colour when they are used.
    pub vertex_stride: u32,
    /// The textures, in order of first use.
    pub texture_slots: Vec<TextureSlot>,
}

/// A texture of a material. Its sampler is bound a hundred places later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextureSlot {
    /// Where it is bound, in group 0.
    pub binding: u32,
    /// The asset.
    pub asset_id: String,
}

/// Bindings of group 0 before the textures.
pub(super) const FIRST_TEXTURE: u32 = 2;
/// From a texture to its sampler.
pub(super) const TO_SAMPLER: u32 = 100;

/// The material of a shader.
pub fn mesh_material(tree: &Tree) -> MeshMaterial {
    let coder = Coder::new(tree, Target::Mesh, "");
    // Noise counts as a use of uv: renderers that were written for that stride rely on it.
    let uses_uv = tree.has(|kind| matches!(kind, Kind::TexCoord | Kind::NoiseTexture));
    let uses_color = tree.has(|kind| matches!(kind, Kind::VertexColor));
    let texture_slots: Vec<_> = (FIRST_TEXTURE..)
        .zip(&coder.assets)
        .map(|(binding, asset)| TextureSlot { binding, asset_id: (*asset).to_string() })
        .collect();
    MeshMaterial {
        vertex_wgsl: vertex(uses_uv, uses_color),
        fragment_wgsl: fragment(tree, &coder, &texture_slots),
        vertex_stride: 24 + if uses_uv { 8 } else { 0 } + if uses_color { 12 } else { 0 },
        texture_slots,
    }
}

const SCENE: &str = "\
struct Scene {
    view_proj: mat4x4f,
    light_dir: vec3f,
    pad0: f32,
    camera_pos: vec3f,
    time: f32,
    light_count: u32,
    pad1: u32,
    pad2: u32,
    pad3: u32,
    pad4: vec4f,
}

@group(0) @binding(0) var<uniform> scene: Scene;

";

const VARYINGS: &str = "\
    @location(0) world_position: vec3f,
    @location(1) world_normal: vec3f,
    @location(2) uv: vec2f,
    @location(3) color: vec3f,
";

fn vertex(uses_uv: bool, uses_color: bool) -> String {
    let mut inputs = String::from("    @location(0) position: vec3f,\n    @location(1) normal: vec3f,\n");
    if uses_uv {
        inputs.push_str("    @location(2) uv: vec2f,\n");
    }
    if uses_color {
        inputs.push_str("    @location(3) color: vec3f,\n");
    }
    let uv = if uses_uv { "in.uv" } else { "vec2f(0.0)" };
    let color = if uses_color { "in.color" } else { "vec3f(1.0)" };
    format!(
        "{SCENE}struct VertexIn {{\n{inputs}}}\n\nstruct VertexOut {{\n    @builtin(position) clip: vec4f,\n{VARYINGS}}}\n
@vertex
fn vs_main(in: VertexIn) -> VertexOut {{
    var out: VertexOut;
    out.clip = scene.view_proj * vec4f(in.position, 1.0);
    out.world_position = in.position;
    out.world_normal = in.normal;
    out.uv = {uv};
    out.color = {color};
    return out;
}}
"
    )
}

const LIGHTS: &str = "\
struct Light {
    position: vec3f,
    kind: f32,
    direction: vec3f,
    intensity: f32,
    color: vec3f,
    range: f32,
    inner_cos: f32,
    outer_cos: f32,
    cast_shadow: f32,
    pad: f32,
}

struct Shadow {
    light_vp: mat4x4f,
    bias: f32,
    enabled: f32,
    pad: vec2f,
}

@group(0) @binding(1) var<storage, read> lights: array<Light>;
@group(1) @binding(0) var<uniform> shadow: Shadow;
@group(1) @binding(1) var shadow_map: texture_depth_2d;
@group(1) @binding(2) var shadow_sampler: sampler_comparison;

";

/// The inputs of a surface with what counts when they are left out.
const SURFACE: [(&str, Type, &str); 16] = [
    ("base_color", Type::Vec3, "vec3f(0.8)"),
    ("metallic", Type::Scalar, "0.0"),
    ("roughness", Type::Scalar, "0.5"),
    ("emission", Type::Vec3, "vec3f(0.0)"),
    ("emission_strength", Type::Scalar, "0.0"),
    ("alpha", Type::Scalar, "1.0"),
    ("ao", Type::Scalar, "1.0"),
    ("normal", Type::Vec3, "s.normal"),
    ("subsurface", Type::Scalar, "0.0"),
    ("subsurface_color", Type::Vec3, "base_color"),
    ("anisotropic", Type::Scalar, "0.0"),
    ("anisotropic_rotation", Type::Scalar, "0.0"),
    ("clearcoat", Type::Scalar, "0.0"),
    ("clearcoat_roughness", Type::Scalar, "0.03"),
    ("sheen", Type::Scalar, "0.0"),
    ("sheen_tint", Type::Vec3, "vec3f(1.0)"),
];

fn fragment(tree: &Tree, coder: &Coder<'_>, slots: &[TextureSlot]) -> String {
    let mut out = String::with_capacity(16_384);
    out.push_str(SCENE);
    out.push_str(LIGHTS);
    for (at, slot) in slots.iter().enumerate() {
        let (texture, sampler) = (slot.binding, slot.binding + TO_SAMPLER);
        let _ = writeln!(out, "@group(0) @binding({texture}) var texture_{at}: texture_2d<f32>;");
        let _ = writeln!(out, "@group(0) @binding({sampler}) var sampler_{at}: sampler;");
    }
    out.push_str(include_str!("prelude.wgsl"));
    out.push_str(include_str!("mesh_functions.wgsl"));
    out.push_str(&coder.functions());
    let _ = writeln!(out, "struct FragmentIn {{\n    @builtin(position) clip: vec4f,\n{VARYINGS}}}\n");
    let (before, inside) = match tree.bsdf() {
        Some(bsdf) => {
            let Placed { before, inside } = surface(tree, coder, "fragment", bsdf, &SURFACE);
            (before, inside + LIT)
        }
        // What is no surface is shown as it is.
        None => {
            let (code, terms) = coder.lines("fragment", &tree.bare_value().into_iter().collect::<Vec<_>>());
            let shown = terms.first().map_or_else(|| "vec3f(0.8)".into(), |term| term.to(Type::Vec3));
            (code.before, format!("{}    return vec4f({shown}, 1.0);\n}}\n", code.inside))
        }
    };
    let _ = write!(
        out,
        "{before}@fragment
fn fs_main(in: FragmentIn) -> @location(0) vec4f {{
    var s: Site;
    s.position = in.world_position;
    s.normal = in.world_normal / max(length(in.world_normal), 0.0000001);
    s.view = normalize(scene.camera_pos - in.world_position + vec3f(0.0, 0.0, 0.0000001));
    s.uv = in.uv;
    s.color = in.color;
    s.time = scene.time;
{inside}"
    );
    out
}

/// From the inputs of a surface to what is seen.
const LIT: &str = "    let n = normal / max(length(normal), 0.0000001);
    let around = anisotropic_rotation * 6.2831853;
    let tangent = cos(around) * shade_tangent(n) + sin(around) * cross(n, shade_tangent(n));
    let sky = mix(vec3f(0.03), vec3f(0.08), n.y * 0.5 + 0.5);
    var light = sky * base_color * ao;
    let count = min(min(scene.light_count, 16u), arrayLength(&lights));
    for (var i = 0u; i < max(count, 1u); i++) {
        var way = vec4f(normalize(scene.light_dir + vec3f(0.0, 0.0, 0.0000001)), 1.0);
        var tint = vec3f(1.0);
        var lit = 1.0;
        if (count > 0u) {
            let source = lights[i];
            tint = source.color;
            if (i32(source.kind) == 3) {
                light += base_color * ao * tint * source.intensity;
                continue;
            }
            way = light_at(source, s.position);
            lit = select(1.0, shadow_light(s.position), source.cast_shadow > 0.5);
        }
        let arriving = tint * way.w * lit;
        let shown = shade_light_along(n, s.view, way.xyz, base_color, metallic, roughness, tangent, anisotropic);
        light += shown * arriving * 3.14159265;
        let wrapped = max(dot(n, way.xyz) * 0.5 + 0.5, 0.0);
        light += subsurface * subsurface_color * wrapped * wrapped * arriving * (1.0 - metallic) * 0.5;
        light += clearcoat * shade_light(n, s.view, way.xyz, vec3f(0.0), 0.0, clearcoat_roughness) * arriving;
        let grazing = pow(1.0 - clamp(dot(n, s.view), 0.0, 1.0), 5.0);
        light += sheen * sheen_tint * grazing * max(dot(n, way.xyz), 0.0) * arriving;
    }
    return vec4f(light + emission * emission_strength, clamp(alpha, 0.0, 1.0));
}
";

/// Code that gives every input of a surface a variable of its name.
pub(crate) fn surface(
    tree: &Tree,
    coder: &Coder<'_>,
    function: &str,
    bsdf: NodeId,
    inputs: &[(&'static str, Type, &'static str)],
) -> Placed {
    let found: Vec<_> = inputs.iter().map(|(name, _, _)| tree.input(bsdf, name)).collect();
    let roots: Vec<NodeId> = found.iter().copied().flatten().collect();
    let (mut code, terms) = coder.lines(function, &roots);
    let mut terms = terms.into_iter();
    for ((name, kind, default), found) in inputs.iter().zip(found) {
        let term: Option<Term> = found.and_then(|_| terms.next());
        let text = term.map_or_else(|| (*default).to_string(), |term| term.to(*kind));
        let _ = writeln!(code.inside, "    let {name} = {text};");
    }
    code
}
