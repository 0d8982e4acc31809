//! A field as a compute shader that draws it by marching rays. But for the values of volumes it has everything in it: bindings, helpers, the distance as
//! straight-line code, light, camera.

use std::fmt::Write as _;

use glam::Vec3;

use super::distance::scale;
use super::noise::{MAX_OCTAVES, fbm_range};
use super::surface::{labels, surfaces_of};
use super::tree::{Material, Node, NodeId, Operation, Primitive, Settings, Transform, Tree};
use crate::kernels::straight::{LONGEST, Placed, Straight};

/// How hit points are coloured.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shade {
    /// The built-in light on the materials of the tree.
    #[default]
    BuiltIn,
    /// WGSL that defines `shade`.
    Text(String),
    /// For each material slot of the tree, in order: the name of its function and the WGSL that defines it.
    Slots(Vec<(String, String)>),
}

/// Why there is no shader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// There is nothing in the tree.
    #[error("an empty field cannot be drawn")]
    Empty,
    /// The tables of the tubes would not fit a shader.
    #[error("the tubes have {0} corners, a shader takes {MOST_CORNERS} at most")]
    Corners(usize),
    /// The text of a slot does not define its function.
    #[error("the shade of slot {slot} does not define `fn {function}`")]
    MissingFunction {
        /// The number of the slot.
        slot: usize,
        /// The function.
        function: String,
    },
    /// A function's name is no identifier.
    #[error("`{0}` is no name of a WGSL function: letters, digits and `_`, no digit first, no reserved word")]
    BadName(String),
}

/// The most corners of all tubes of a field.
const MOST_CORNERS: usize = 16_384;

/// The shader of a field.
///
/// The values of volumes ([`Tree::volumes`]) are not in the text: it reads them from a storage buffer at binding 2.
///
/// A field from outside ([`Tree::references`]) is a function `sdf_ref_N` for the N-th of their names, which says that nothing is near.
///
/// # Errors
/// [`CompileError`].
pub fn compile(tree: &Tree, settings: &Settings, shade: &Shade) -> Result<String, CompileError> {
    let root = tree.root().ok_or(CompileError::Empty)?;
    let corners = tree.corners();
    if corners > MOST_CORNERS {
        return Err(CompileError::Corners(corners));
    }
    let mut out = String::with_capacity(16_384 + 160 * tree.len());
    out.push_str(BINDINGS);
    constants(&mut out, tree, settings);
    out.push_str(include_str!("primitives.wgsl"));
    if tree.uses_smooth_operations() {
        out.push_str(include_str!("smooth.wgsl"));
    }
    if tree.uses_noise() {
        out.push_str(include_str!("noise.wgsl"));
    }
    if tree.uses_volumes() {
        out.push_str(include_str!("volume.wgsl"));
    }
    tubes(&mut out, tree);
    for at in 0..tree.references().len() {
        let _ = writeln!(out, "fn sdf_ref_{at}(p: vec3f) -> f32 {{\n    return MAX_DIST;\n}}\n");
    }
    Walk::new(tree, None).write(&mut out, "sdf_scene", root);
    let slots = tree.slots();
    if !slots.is_empty() {
        let label = |own: Option<&Material>| {
            own.and_then(|material| material.slot.as_deref())
                .and_then(|slot| slots.iter().position(|known| *known == slot))
        };
        Walk::new(tree, Some(labels(tree, root, 0, label))).write(&mut out, "sdf_material_id", root);
    }
    out.push_str(include_str!("march.wgsl"));
    if settings.soft_shadows {
        out.push_str(include_str!("shadow.wgsl"));
    } else {
        out.push_str("fn calc_shadow(p: vec3f, direction: vec3f) -> f32 {\n    return 1.0;\n}\n");
    }
    if settings.ao {
        out.push_str(include_str!("occlusion.wgsl"));
    } else {
        out.push_str("fn calc_ao(p: vec3f, n: vec3f) -> f32 {\n    return 1.0;\n}\n");
    }
    match shade {
        Shade::BuiltIn => {
            surfaces(&mut out, tree, root);
            out.push_str(include_str!("shade.wgsl"));
        }
        Shade::Text(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Shade::Slots(texts) => out.push_str(&slot_shade(texts)?),
    }
    out.push_str(include_str!("main.wgsl"));
    Ok(out)
}

const BINDINGS: &str = "\
struct Uniforms {
    resolution: vec2f,
    time: f32,
    pad0: f32,
    camera_pos: vec3f,
    pad1: f32,
    camera_target: vec3f,
    fov: f32,
}

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var output: texture_storage_2d<rgba8unorm, write>;

";

fn constants(out: &mut String, tree: &Tree, settings: &Settings) {
    let light = settings.light_dir.try_normalize().unwrap_or(Vec3::ZERO);
    let steps = settings.max_steps.min(i32::MAX as u32);
    let numbers = [
        ("MAX_DIST", settings.max_dist),
        ("EPSILON", settings.epsilon),
        ("AMBIENT", settings.ambient),
        ("SHADOW_K", settings.shadow_k),
        ("SDF_STEP", 1.0 / tree.stretch()),
    ];
    let colours = [("LIGHT_DIR", light), ("LIGHT_COLOR", settings.light_color), ("BG_COLOR", settings.background)];
    // Compilers compute what the text makes of constants (1.2 times the background), and refuse what is infinite then.
    let most = f32::MAX / 2.0;
    let _ = writeln!(out, "const MAX_STEPS: i32 = {steps};");
    for (name, value) in numbers {
        let _ = writeln!(out, "const {name}: f32 = {};", number(value.clamp(-most, most)));
    }
    for (name, value) in colours {
        let _ = writeln!(out, "const {name}: vec3f = {};", vector(value.clamp(Vec3::splat(-most), Vec3::splat(most))));
    }
    out.push('\n');
}

/// A number as WGSL. Those of a tree are finite; what is computed of them is the nearest that is.
fn number(value: f32) -> String {
    let value = if value.is_nan() { 0.0 } else { value.clamp(f32::MIN, f32::MAX) };
    // What is too small for a normal number is 0 on many devices, and refused as a literal by some compilers.
    if value.is_subnormal() { "0.0".into() } else { format!("{value:?}") }
}

fn vector(value: Vec3) -> String {
    format!("vec3f({}, {}, {})", number(value.x), number(value.y), number(value.z))
}

/// The corners of all tubes as one table of numbers, and the function that reads them. Vectors in it would be an expression each, and take the
/// compiler quadratic time.
fn tubes(out: &mut String, tree: &Tree) {
    let mut table: Vec<String> = Vec::new();
    for (_, node) in tree.nodes() {
        let Some((points, radii)) = node.tube() else { continue };
        let mut way = 0.0;
        for (at, (point, radius)) in points.iter().zip(radii).enumerate() {
            way += if at == 0 { 0.0 } else { points[at - 1].distance(*point) };
            table.extend([point.x, point.y, point.z, way, *radius].map(number));
        }
    }
    if !table.is_empty() {
        let (count, numbers) = (table.len(), table.join(", "));
        let _ = writeln!(out, "var<private> TUBES: array<f32, {count}> = array<f32, {count}>({numbers});\n");
        out.push_str(include_str!("tube.wgsl"));
    }
}

/// The materials of the tree and the function that finds the one at a point.
fn surfaces(out: &mut String, tree: &Tree, root: NodeId) {
    let (materials, labels) = surfaces_of(tree, root);
    out.push_str(
        "struct Surface {\n    color: vec3f,\n    roughness: f32,\n    emission: vec3f,\n    metallic: f32,\n}\n\n",
    );
    let surface = |material: &Material| {
        format!(
            "Surface({}, {}, {}, {})",
            vector(material.color),
            number(material.roughness),
            vector(material.emission),
            number(material.metallic)
        )
    };
    if let [only] = &materials[..] {
        let _ = writeln!(out, "fn surface_at(p: vec3f) -> Surface {{\n    return {};\n}}\n", surface(only));
        return;
    }
    Walk::new(tree, Some(labels)).write(out, "sdf_surface_id", root);
    let choice = |out: &mut String, first: usize, materials: &[Material]| {
        for (at, material) in (first..).zip(materials).skip(1) {
            let _ = writeln!(out, "        case {at}: {{ return {}; }}", surface(material));
        }
        let _ = writeln!(out, "        default: {{ return {}; }}\n    }}\n}}\n", surface(&materials[0]));
    };
    if materials.len() <= LONGEST {
        out.push_str("fn surface_at(p: vec3f) -> Surface {\n    switch sdf_surface_id(p) {\n");
        choice(out, 0, &materials);
        return;
    }
    let parts = materials.chunks(LONGEST);
    for (part, materials) in parts.clone().enumerate() {
        let _ = writeln!(out, "fn surface_part_{part}(id: i32) -> Surface {{\n    switch id {{");
        choice(out, part * LONGEST, materials);
    }
    out.push_str("fn surface_at(p: vec3f) -> Surface {\n    let id = sdf_surface_id(p);\n");
    let _ = writeln!(out, "    switch id / {LONGEST} {{");
    for part in 1..parts.len() {
        let _ = writeln!(out, "        case {part}: {{ return surface_part_{part}(id); }}");
    }
    out.push_str("        default: { return surface_part_0(id); }\n    }\n}\n\n");
}

/// The shade of a field with material slots: one prelude, the functions of all slots, and `shade` and `shade_probe` that choose
/// between them.
///
/// # Errors
/// [`CompileError`] when a text does not define its function.
pub fn slot_shade(texts: &[(String, String)]) -> Result<String, CompileError> {
    let mut out = String::new();
    let mut parts = Vec::new();
    for (slot, (function, text)) in texts.iter().enumerate() {
        if !is_identifier(function) {
            return Err(CompileError::BadName(function.clone()));
        }
        let missing = || CompileError::MissingFunction { slot, function: function.clone() };
        let begins = |name: &str| definition(text, name);
        let at = begins(function).ok_or_else(missing)?;
        let first = begins(&format!("{function}_probe")).map_or(at, |probe| probe.min(at));
        parts.push(text.split_at(first));
    }
    let prelude = parts.iter().find(|(prelude, _)| prelude.contains("shade_noise")).or(parts.first());
    out.push_str(prelude.map_or("", |(prelude, _)| prelude));
    for (_, functions) in &parts {
        out.push('\n');
        out.push_str(functions);
    }
    for (name, suffix) in [("shade_probe", "_probe"), ("shade", "")] {
        let _ = writeln!(out, "\nfn {name}(ro: vec3f, rd: vec3f, t: f32) -> vec3f {{");
        out.push_str("    switch sdf_material_id(ro + rd * t) {\n");
        let call = |function: &str, text: &str| {
            // A shade without a probe traces nothing further, so it is its own probe.
            let probed = suffix.is_empty() || defines(text, &format!("{function}{suffix}"));
            format!("{function}{}(ro, rd, t)", if probed { suffix } else { "" })
        };
        for (slot, (function, text)) in texts.iter().enumerate().skip(1) {
            let _ = writeln!(out, "        case {slot}: {{ return {}; }}", call(function, text));
        }
        let fallback = texts.first().map_or_else(|| "vec3f(0.8)".into(), |(function, text)| call(function, text));
        let _ = writeln!(out, "        default: {{ return {fallback}; }}\n    }}\n}}\n");
    }
    Ok(out)
}

/// Whether a text defines `fn name(`.
pub(crate) fn defines(text: &str, name: &str) -> bool {
    definition(text, name).is_some()
}

/// Where `fn name(` begins in a text.
fn definition(text: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find("fn ") {
        let at = from + found;
        let rest = text[at + 3..].trim_start();
        if rest.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('(')) {
            return Some(at);
        }
        from = at + 3;
    }
    None
}

/// Whether a text may name a function: ASCII letters, digits and `_`, and nothing that WGSL or this shader keeps for itself.
pub(crate) fn is_identifier(name: &str) -> bool {
    const KEPT: [&str; 24] = [
        "_",
        "fn",
        "let",
        "var",
        "const",
        "if",
        "else",
        "for",
        "while",
        "loop",
        "return",
        "break",
        "continue",
        "switch",
        "case",
        "default",
        "struct",
        "true",
        "false",
        "alias",
        "override",
        "discard",
        "diagnostic",
        "main",
    ];
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let goes_on = letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    starts && goes_on && !name.starts_with("__") && !KEPT.contains(&name) && name.len() <= 100
}

/// Straight-line code for a tree: distances alone, or the label of the nearest part.
struct Walk<'a> {
    tree: &'a Tree,
    /// The label of every primitive, when it is that what is asked for.
    labels: Option<Vec<i32>>,
    references: Vec<&'a str>,
    /// Where the values or corners of a node begin among those of all.
    starts: Vec<usize>,
}

enum Task {
    Visit(NodeId, u32),
    Combine(NodeId),
    Adjust(NodeId, u32),
}

impl<'a> Walk<'a> {
    fn new(tree: &'a Tree, labels: Option<Vec<i32>>) -> Self {
        Self { tree, labels, references: tree.references(), starts: tree.starts() }
    }

    fn write(&self, out: &mut String, name: &str, root: NodeId) {
        let mut code = Straight::default();
        let (mut points, mut values) = (1, 0);
        // The variables of finished parts, by number: `d1` is a distance, `m1` its label.
        let mut done: Vec<u32> = Vec::new();
        let mut tasks = vec![Task::Visit(root, 0)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Visit(id, point) => match self.tree.node(id) {
                    leaf @ (Node::Primitive { .. } | Node::Reference { .. }) => {
                        let text = match leaf {
                            Node::Primitive { primitive, .. } => call(primitive, self.starts[id.index()], point),
                            Node::Reference { name } => {
                                let at = self.references.binary_search(&name.as_str()).unwrap_or(0);
                                format!("sdf_ref_{at}(p{point})")
                            }
                            _ => continue,
                        };
                        code.push(format!("d{values}"), "f32", text);
                        if let Some(labels) = &self.labels {
                            code.push(format!("m{values}"), "i32", labels[id.index()].to_string());
                        }
                        done.push(values);
                        values += 1;
                    }
                    Node::Operation { left, right, .. } => {
                        tasks.extend([Task::Combine(id), Task::Visit(*right, point), Task::Visit(*left, point)]);
                    }
                    Node::Transform { transform, child } => {
                        let inner = match warp(transform, point) {
                            Some(text) => {
                                code.push(format!("p{points}"), "vec3f", text);
                                points += 1;
                                points - 1
                            }
                            None => point,
                        };
                        tasks.extend([Task::Adjust(id, point), Task::Visit(*child, inner)]);
                    }
                    Node::Material { child, .. } | Node::Scene { root: child, .. } => {
                        tasks.push(Task::Visit(*child, point));
                    }
                },
                Task::Combine(id) => {
                    // Both sides were visited before.
                    let (b, a) = (done.pop().unwrap_or(0), done.pop().unwrap_or(0));
                    let Node::Operation { operation, .. } = self.tree.node(id) else { continue };
                    code.push(format!("d{values}"), "f32", combine(operation, a, b));
                    if self.labels.is_some() {
                        code.push(format!("m{values}"), "i32", choose(operation, a, b));
                    }
                    done.push(values);
                    values += 1;
                }
                Task::Adjust(id, point) => {
                    let Node::Transform { transform, .. } = self.tree.node(id) else { continue };
                    let inner = done.last().copied().unwrap_or(0);
                    if let Some(text) = adjusted(transform, inner, point) {
                        code.push(format!("d{values}"), "f32", text);
                        if self.labels.is_some() {
                            code.push(format!("m{values}"), "i32", format!("m{inner}"));
                        }
                        done.pop();
                        done.push(values);
                        values += 1;
                    }
                }
            }
        }
        let (letter, kind) = if self.labels.is_some() { ('m', "i32") } else { ('d', "f32") };
        let result = format!("{letter}{}", done.pop().unwrap_or(0));
        let Placed { before, inside } = code.place(name, ("p0", "vec3f"), [result.as_str()]);
        let _ = write!(out, "{before}fn {name}(p0: vec3f) -> {kind} {{\n{inside}    return {result};\n}}\n\n");
    }
}

fn call(primitive: &Primitive, start: usize, p: u32) -> String {
    let n = number;
    match *primitive {
        Primitive::Sphere { radius } => format!("sdf_sphere(p{p}, {})", n(radius)),
        Primitive::Box { size } => format!("sdf_box(p{p}, {})", vector(size)),
        Primitive::RoundBox { size, radius } => format!("sdf_round_box(p{p}, {}, {})", vector(size), n(radius)),
        Primitive::Ellipsoid { radii } => format!("sdf_ellipsoid(p{p}, {})", vector(radii)),
        Primitive::RoundBoxShell { size, radius, thickness } => {
            format!("sdf_round_box_shell(p{p}, {}, {}, {})", vector(size), n(radius), n(thickness))
        }
        Primitive::Cylinder { radius, height } => format!("sdf_cylinder(p{p}, {}, {})", n(radius), n(height)),
        Primitive::Capsule { radius, height } => format!("sdf_capsule(p{p}, {}, {})", n(radius), n(height)),
        Primitive::Torus { major_radius, minor_radius } => {
            format!("sdf_torus(p{p}, {}, {})", n(major_radius), n(minor_radius))
        }
        Primitive::Cone { angle, height } => format!("sdf_cone(p{p}, {}, {})", n(angle), n(height)),
        Primitive::Plane { normal, offset } => {
            let normal = normal.try_normalize().unwrap_or(Vec3::Y);
            format!("sdf_plane(p{p}, {}, {})", vector(normal), n(offset))
        }
        Primitive::TaperedCapsule { a, b, radius_a, radius_b } => {
            format!("sdf_tapered_capsule(p{p}, {}, {}, {}, {})", vector(a), vector(b), n(radius_a), n(radius_b))
        }
        Primitive::TubePath { ref points, ref radii, .. } => match points.len().min(radii.len()) {
            0 | 1 => "999.0".into(),
            count => format!("sdf_tube(p{p}, {start}, {count})"),
        },
        Primitive::InfRepeat { spacing } => format!("sdf_inf_repeat(p{p}, {})", vector(spacing)),
        Primitive::Puddle { radius, height, noise_freq, noise_amp, bevel, meniscus } => {
            let rest = [radius, height, noise_freq, noise_amp, bevel, meniscus].map(number).join(", ");
            format!("sdf_puddle(p{p}, {rest})")
        }
        Primitive::Volume { resolution, bound, .. } => {
            format!("sdf_volume(p{p}, {start}, {resolution}, {})", n(bound))
        }
    }
}

fn combine(operation: &Operation, a: u32, b: u32) -> String {
    match *operation {
        Operation::SmoothUnion { k } if k > 0.0 => format!("smooth_min(d{a}, d{b}, {})", number(k)),
        Operation::SmoothIntersection { k } if k > 0.0 => format!("smooth_max(d{a}, d{b}, {})", number(k)),
        Operation::SmoothDifference { k } if k > 0.0 => format!("smooth_max(d{a}, -d{b}, {})", number(k)),
        Operation::Union {} | Operation::SmoothUnion { .. } => format!("min(d{a}, d{b})"),
        Operation::Intersection {} | Operation::SmoothIntersection { .. } => format!("max(d{a}, d{b})"),
        Operation::Difference {} | Operation::SmoothDifference { .. } => format!("max(d{a}, -d{b})"),
    }
}

/// The label of the side that the result belongs to; at a tie the left one, but for blends the right one.
fn choose(operation: &Operation, a: u32, b: u32) -> String {
    match *operation {
        Operation::SmoothUnion { k } if k > 0.0 => format!("select(m{b}, m{a}, d{a} < d{b})"),
        Operation::SmoothIntersection { k } if k > 0.0 => format!("select(m{b}, m{a}, d{a} > d{b})"),
        Operation::Union {} | Operation::SmoothUnion { .. } => format!("select(m{b}, m{a}, d{a} <= d{b})"),
        Operation::Intersection {} | Operation::SmoothIntersection { .. } => {
            format!("select(m{b}, m{a}, d{a} >= d{b})")
        }
        Operation::Difference {} | Operation::SmoothDifference { .. } => format!("m{a}"),
    }
}

/// The point that the child sees, if it is another one.
fn warp(transform: &Transform, p: u32) -> Option<String> {
    Some(match *transform {
        Transform::Translate { offset } => format!("p{p} - {}", vector(offset)),
        Transform::Rotate { angles } => {
            format!("rot_xyz(p{p}, {})", vector(Vec3::from_array(angles.to_array().map(f32::to_radians))))
        }
        Transform::Scale { factor } => format!("p{p} / {}", vector(scale(factor))),
        Transform::Twist { strength } => format!("warp_twist(p{p}, {})", number(strength)),
        Transform::Bend { strength } => format!("warp_bend(p{p}, {})", number(strength)),
        Transform::Elongate { amount } => format!("warp_elongate(p{p}, {})", vector(amount.abs())),
        Transform::Repeat { spacing, count } => {
            format!("warp_repeat(p{p}, {}, {})", vector(spacing), vector(count.as_vec3()))
        }
        Transform::Mirror { axis } => {
            let part = |letter: char, on: f32| {
                if on.abs() > 0.5 { format!("abs(p{p}.{letter})") } else { format!("p{p}.{letter}") }
            };
            format!("vec3f({}, {}, {})", part('x', axis.x), part('y', axis.y), part('z', axis.z))
        }
        Transform::Round { .. } | Transform::Shell { .. } | Transform::Displace { .. } => return None,
    })
}

/// The distance of a transform, if it is not that of its child; `p` is the point that the transform was asked at.
fn adjusted(transform: &Transform, d: u32, p: u32) -> Option<String> {
    Some(match *transform {
        Transform::Scale { factor } => {
            format!("d{d} * {}", number(scale(factor).min_element()))
        }
        Transform::Round { radius } => format!("d{d} - ({})", number(radius)),
        Transform::Shell { thickness } => format!("abs(d{d}) - ({})", number(thickness)),
        Transform::Displace { octaves: 0, .. } => return None,
        Transform::Displace { frequency, amplitude, octaves } => format!(
            "d{d} + (2.0 * fbm(p{p} * {}, {}) / {} - 1.0) * {}",
            number(frequency),
            octaves.min(MAX_OCTAVES),
            number(fbm_range(octaves)),
            number(amplitude)
        ),
        _ => return None,
    })
}
