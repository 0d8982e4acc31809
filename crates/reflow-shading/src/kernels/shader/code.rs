//! From nodes to WGSL: straight-line code with one variable a node, typed, every sub-tree computed once.

use std::fmt::Write as _;

use super::tree::{Gradient, Kind, MixMode, NodeId, Stop, Tree, Wave};
use crate::kernels::straight::{LONGEST, Placed, Straight};

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    Scalar,
    Vec2,
    Vec3,
    Vec4,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "f32",
            Self::Vec2 => "vec2f",
            Self::Vec3 => "vec3f",
            Self::Vec4 => "vec4f",
        }
    }
}

/// A typed expression.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) kind: Type,
}

impl Term {
    pub(crate) fn new(text: impl Into<String>, kind: Type) -> Self {
        Self { text: text.into(), kind }
    }

    /// The value as another kind: a number is spread, a vector becomes its mean, what is too long loses its end, and what is
    /// too short gets zeros (an alpha of 1).
    pub(crate) fn to(&self, kind: Type) -> String {
        let text = &self.text;
        match (self.kind, kind) {
            (from, to) if from == to => text.clone(),
            (Type::Scalar, to) => format!("{}({text})", to.name()),
            (Type::Vec2, Type::Scalar) => format!("dot({text}, vec2f(0.5))"),
            (Type::Vec3, Type::Scalar) => format!("dot({text}, vec3f(1.0 / 3.0))"),
            (Type::Vec4, Type::Scalar) => format!("dot({text}.xyz, vec3f(1.0 / 3.0))"),
            (Type::Vec2, Type::Vec3) => format!("vec3f({text}, 0.0)"),
            (Type::Vec2, Type::Vec4) => format!("vec4f({text}, 0.0, 1.0)"),
            (Type::Vec3, Type::Vec4) => format!("vec4f({text}, 1.0)"),
            (_, Type::Vec2) => format!("{text}.xy"),
            (_, Type::Vec3 | Type::Vec4) => format!("{text}.xyz"),
        }
    }
}

/// Where the code is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A fragment shader: it has textures and screen derivatives.
    Mesh,
    /// A compute shader that marches rays: it has neither, but can look at other points.
    Field,
}

/// The code of a tree for one target.
pub(crate) struct Coder<'a> {
    tree: &'a Tree,
    target: Target,
    /// Before the names of functions, so that several shaders can stand in one text.
    prefix: &'a str,
    /// The assets of textures in order of first use.
    pub(crate) assets: Vec<&'a str>,
}

pub(crate) fn number(value: f32) -> String {
    if value.is_subnormal() { "0.0".into() } else { format!("{value:?}") }
}

fn list(values: &[f32]) -> String {
    values.iter().map(|value| number(*value)).collect::<Vec<_>>().join(", ")
}

impl<'a> Coder<'a> {
    pub(crate) fn new(tree: &'a Tree, target: Target, prefix: &'a str) -> Self {
        let mut assets: Vec<&str> = Vec::new();
        for (_, node) in tree.nodes() {
            if let Kind::ImageTexture { asset_id } = &node.kind
                && !assets.contains(&asset_id.as_str())
            {
                assets.push(asset_id);
            }
        }
        Self { tree, target, prefix, assets }
    }

    /// The functions of colour ramps and of bump maps: those are heights that have to be known around a point.
    pub(crate) fn functions(&self) -> String {
        let mut out = String::new();
        for (id, node) in self.tree.nodes() {
            if let Kind::ColorRamp { stops } = &node.kind {
                ramp(&mut out, &format!("{}ramp_{}", self.prefix, id.0), stops);
            }
        }
        for (id, node) in self.tree.nodes() {
            if !matches!(node.kind, Kind::BumpMap) {
                continue;
            }
            let Some(height) = self.tree.input(id, "height") else { continue };
            let (n, prefix) = (id.0, self.prefix);
            let (Placed { before, inside }, terms) = self.lines(&format!("{prefix}height_{n}"), &[height]);
            let result = terms.first().map_or_else(|| "0.0".into(), |term| term.to(Type::Scalar));
            let _ =
                write!(out, "{before}fn {prefix}height_{n}(s: Site) -> f32 {{\n{inside}    return {result};\n}}\n\n");
            let _ = match self.target {
                Target::Mesh => write!(out, "fn {prefix}bump_{n}(s: Site, strength: f32) -> vec3f {{\n    return shade_bump(s, {prefix}height_{n}(s), strength);\n}}\n\n"),
                Target::Field => write!(
                    out,
                    "fn {prefix}bump_{n}(s: Site, strength: f32) -> vec3f {{
    let t = shade_tangent(s.normal);
    let b = cross(s.normal, t);
    let e = 0.002;
    let along = {prefix}height_{n}(site_at(s, s.position + e * t)) - {prefix}height_{n}(site_at(s, s.position - e * t));
    let across = {prefix}height_{n}(site_at(s, s.position + e * b)) - {prefix}height_{n}(site_at(s, s.position - e * b));
    return normalize(s.normal - strength * (along * t + across * b) / (2.0 * e));
}}

"
                ),
            };
        }
        out
    }

    /// Code that computes some nodes in a function with `s: Site`, and where their values are.
    pub(crate) fn lines(&self, function: &str, roots: &[NodeId]) -> (Placed, Vec<Term>) {
        let mut wanted = vec![false; self.tree.nodes.len()];
        let mut pending = roots.to_vec();
        while let Some(id) = pending.pop() {
            if std::mem::replace(&mut wanted[id.index()], true) {
                continue;
            }
            let node = self.tree.node(id);
            // The height of a bump map is a function of its own.
            let inputs = node.kind.inputs().iter().zip(&node.inputs);
            let is_height = |name: &str| matches!(node.kind, Kind::BumpMap) && name == "height";
            pending.extend(inputs.filter(|(input, _)| !is_height(input.name)).filter_map(|(_, id)| *id));
        }
        let mut code = Straight::default();
        let mut terms: Vec<Option<Term>> = vec![None; self.tree.nodes.len()];
        for (id, _) in self.tree.nodes().filter(|(id, _)| wanted[id.index()]) {
            let term = self.term(id, &terms);
            let name = format!("v{}", id.0);
            code.push(name.clone(), term.kind.name(), term.text);
            terms[id.index()] = Some(Term::new(name, term.kind));
        }
        let found: Vec<Term> = roots.iter().filter_map(|id| terms[id.index()].clone()).collect();
        (code.place(function, ("s", "Site"), found.iter().map(|term| term.text.as_str())), found)
    }

    fn term(&self, id: NodeId, terms: &[Option<Term>]) -> Term {
        let node = self.tree.node(id);
        let find = |name: &str| self.tree.input(id, name).and_then(|input| terms[input.index()].as_ref());
        // What a required input gives; reading has made sure that it is there.
        let input = |name: &str, kind: Type| {
            find(name).map_or_else(|| Term::new("0.0", Type::Scalar).to(kind), |term| term.to(kind))
        };
        let scalar = |name: &str| input(name, Type::Scalar);
        let color = |name: &str| input(name, Type::Vec3);
        let place = || find("vector").map_or_else(|| "s.position".into(), |term| term.to(Type::Vec3));
        let grey = |text: String| Term::new(format!("vec3f({text})"), Type::Vec3);
        let vec3 = |text: String| Term::new(text, Type::Vec3);
        match &node.kind {
            // As a value, a surface is its colour.
            Kind::MaterialOutput => vec3(color("surface")),
            Kind::PrincipledBsdf => vec3(color("base_color")),
            Kind::ImageTexture { asset_id } => match self.target {
                Target::Mesh => {
                    let slot = self.assets.iter().position(|known| known == asset_id).unwrap_or(0);
                    let uv = input("uv", Type::Vec2);
                    vec3(format!("textureSample(texture_{slot}, sampler_{slot}, {uv}).rgb"))
                }
                Target::Field => vec3("vec3f(0.8)".into()),
            },
            Kind::NoiseTexture => grey(format!(
                "shade_fractal({} * {}, {}, {})",
                place(),
                scalar("scale"),
                scalar("detail"),
                scalar("roughness")
            )),
            Kind::VoronoiTexture => {
                grey(format!("shade_voronoi({} * {}, {})", place(), scalar("scale"), scalar("randomness")))
            }
            Kind::CheckerTexture => vec3(format!(
                "select({}, {}, shade_checker({} * {}))",
                color("color1"),
                color("color2"),
                place(),
                scalar("scale")
            )),
            Kind::GradientTexture { gradient } => grey(gradient_code(*gradient, &place())),
            Kind::BrickTexture => vec3(format!(
                "shade_brick({} * {}, {}, {}, {}, {})",
                place(),
                scalar("scale"),
                scalar("mortar_size"),
                color("color1"),
                color("color2"),
                color("mortar_color")
            )),
            Kind::MusgraveTexture => grey(format!(
                "shade_fractal({} * {}, {}, exp2(-{}))",
                place(),
                scalar("scale"),
                scalar("detail"),
                scalar("dimension")
            )),
            Kind::WaveTexture { wave } => {
                let (scale, place) = (scalar("scale"), place());
                let phase = match wave {
                    Wave::Bands => format!("dot({place}, vec3f(1.0)) * {scale}"),
                    Wave::Rings => format!("length({place}) * {scale}"),
                };
                let distortion = scalar("distortion");
                grey(format!("0.5 + 0.5 * sin({phase} + {distortion} * shade_fractal({place} * {scale}, 4.0, 0.5))"))
            }
            Kind::WhiteNoiseTexture => grey(format!("shade_hash(floor({} * 1024.0))", place())),
            // There is no environment to sample; a sky without a sun stands for it.
            Kind::EnvironmentTexture { .. } => vec3("shade_sky(s.normal, vec3f(0.0, 1.0, 0.0), 2.0)".into()),
            Kind::SkyTexture => {
                let direction = find("vector").map_or_else(|| "s.normal".into(), |term| term.to(Type::Vec3));
                vec3(format!("shade_sky({direction}, {}, {})", color("sun_direction"), scalar("turbidity")))
            }
            Kind::TexCoord => vec3("vec3f(s.uv, 0.0)".into()),
            Kind::ObjectPosition => vec3("s.position".into()),
            Kind::ObjectNormal => vec3("s.normal".into()),
            Kind::CameraVector => vec3("s.view".into()),
            Kind::VertexColor => vec3("s.color".into()),
            Kind::Tangent => vec3("shade_tangent(s.normal)".into()),
            Kind::Time => Term::new("s.time", Type::Scalar),
            Kind::Math { op } => {
                let zero = Term::new("0.0", Type::Scalar);
                let a = find("a").unwrap_or(&zero);
                let b = find("b");
                if op.is_binary && b.is_none() {
                    return a.clone();
                }
                let b = b.unwrap_or(&zero);
                let widest = if op.is_binary { a.kind.max(b.kind) } else { a.kind };
                let (operands, result) = op.types(widest.min(Type::Vec3));
                // The third value is a weight or, with the second one, a range.
                match (op.name, find("b"), find("c")) {
                    ("lerp", Some(_), Some(c)) => {
                        let [a, b, c] = [a, b, c].map(|term| term.to(operands));
                        return Term::new(format!("mix({a}, {b}, {c})"), result);
                    }
                    ("smoothstep", Some(b), Some(c)) => {
                        let [a, b, c] = [a, b, c].map(|term| term.to(operands));
                        let kind = operands.name();
                        let high = format!("max({c}, {b} + {kind}(0.00001))");
                        return Term::new(format!("smoothstep({b}, {high}, {a})"), result);
                    }
                    _ => {}
                }
                Term::new(op.code(&a.to(operands), &b.to(operands), operands), result)
            }
            Kind::ColorMix { mode } => vec3(mix_code(*mode, &color("a"), &color("b"), &scalar("fac"))),
            Kind::ColorRamp { .. } => vec3(format!("{}ramp_{}({})", self.prefix, id.0, scalar("input"))),
            Kind::Separate { axis } => Term::new(format!("{}[{axis}]", color("input")), Type::Scalar),
            Kind::Combine => vec3(format!("vec3f({}, {}, {})", scalar("x"), scalar("y"), scalar("z"))),
            Kind::Fresnel => Term::new(format!("shade_fresnel({}, s)", scalar("ior")), Type::Scalar),
            Kind::BumpMap => vec3(format!("{}bump_{}(s, {})", self.prefix, id.0, scalar("strength"))),
            Kind::NormalMap => vec3(format!("shade_normal_map(s, {}, {})", color("color"), scalar("strength"))),
            Kind::Mapping { location, rotation, scale } => vec3(format!(
                "shade_rotate(({} + vec3f({})) * vec3f({}), vec3f({}))",
                color("input"),
                list(location),
                list(scale),
                list(rotation)
            )),
            Kind::Clamp { min, max } => {
                let (low, high) = (min.min(*max), max.max(*min));
                let term = find("input").cloned().unwrap_or_else(|| Term::new("0.5", Type::Scalar));
                let kind = term.kind.name();
                let text = format!("clamp({}, {kind}({}), {kind}({}))", term.text, number(low), number(high));
                Term::new(text, term.kind)
            }
            Kind::MapRange { from, to } => {
                // Differences of numbers of 32 bits are finite in 64.
                let [span, reach] = [from, to].map(|[low, high]| f64::from(*high) - f64::from(*low));
                let span = if span.abs() < 1e-4 { 1e-4_f64.copysign(span) } else { span };
                let term = find("input").cloned().unwrap_or_else(|| Term::new("0.5", Type::Scalar));
                let kind = term.kind.name();
                let text = format!(
                    "{kind}({}) + ({} - {kind}({})) * {kind}({})",
                    number(to[0]),
                    term.text,
                    number(from[0]),
                    number(finite((reach / span) as f32))
                );
                Term::new(text, term.kind)
            }
            Kind::Displacement => {
                vec3(format!("s.normal * (({} - {}) * {})", scalar("height"), scalar("midlevel"), scalar("scale")))
            }
            Kind::Float { c } => Term::new(format!("f32({})", number(*c)), Type::Scalar),
            Kind::Vec3 { c } => vec3(format!("vec3f({})", list(c))),
            Kind::Vec4 { c } => Term::new(format!("vec4f({})", list(c)), Type::Vec4),
        }
    }
}

fn finite(value: f32) -> f32 {
    value.clamp(f32::MIN, f32::MAX)
}

fn gradient_code(gradient: Gradient, p: &str) -> String {
    match gradient {
        Gradient::Linear => format!("clamp({p}.x, 0.0, 1.0)"),
        Gradient::Quadratic => format!("pow(clamp({p}.x, 0.0, 1.0), 2.0)"),
        Gradient::Easing => format!("smoothstep(0.0, 1.0, {p}.x)"),
        Gradient::Diagonal => format!("clamp(({p}.x + {p}.y) * 0.5, 0.0, 1.0)"),
        Gradient::Spherical => format!("max(1.0 - length({p}), 0.0)"),
        Gradient::Radial => format!("atan2({p}.y, {p}.x) / 6.283185307 + 0.5"),
    }
}

/// A function of `x`: piecewise linear between neighbouring stops, constant beyond the ends; white without a stop.
fn ramp(out: &mut String, name: &str, stops: &[Stop]) {
    let color = |stop: &Stop| format!("vec3f({})", list(&stop.color[..3]));
    let mut start = stops.first().map_or_else(|| "vec3f(1.0)".into(), color);
    let mut pairs: Vec<_> = stops.windows(2).collect();
    // What comes before the last stops is a function of its own when it is long, and so on.
    let last = pairs.split_off(pairs.len().saturating_sub(1) / LONGEST * LONGEST);
    let steps = |pairs: &[&[Stop]]| {
        let mut text = String::new();
        for pair in pairs {
            let [before, stop] = pair else { continue };
            let from = number(before.position);
            let steepness = number(1.0 / (stop.position - before.position).max(1e-6));
            let share = format!("clamp((x - ({from})) * {steepness}, 0.0, 1.0)");
            let _ = writeln!(text, "    color = mix(color, {}, {share});", color(stop));
        }
        text
    };
    for (part, pairs) in pairs.chunks(LONGEST).enumerate() {
        let steps = steps(pairs);
        let _ = write!(
            out,
            "fn {name}_part_{part}(x: f32) -> vec3f {{\n    var color = {start};\n{steps}    return color;\n}}\n\n"
        );
        start = format!("{name}_part_{part}(x)");
    }
    let steps = steps(&last);
    let _ = write!(out, "fn {name}(x: f32) -> vec3f {{\n    var color = {start};\n{steps}    return color;\n}}\n\n");
}

fn mix_code(mode: MixMode, a: &str, b: &str, fac: &str) -> String {
    let blended = match mode {
        MixMode::Mix => b.to_string(),
        MixMode::Add => return format!("{a} + clamp({fac}, 0.0, 1.0) * {b}"),
        MixMode::Multiply => format!("{a} * {b}"),
        MixMode::Screen => format!("vec3f(1.0) - (vec3f(1.0) - {a}) * (vec3f(1.0) - {b})"),
        MixMode::Overlay => format!(
            "select(vec3f(1.0) - 2.0 * (vec3f(1.0) - {a}) * (vec3f(1.0) - {b}), 2.0 * {a} * {b}, {a} < vec3f(0.5))"
        ),
        MixMode::Darken => format!("min({a}, {b})"),
        MixMode::Lighten => format!("max({a}, {b})"),
        MixMode::Dodge => format!("min({a} / max(vec3f(1.0) - {b}, vec3f(0.0001)), vec3f(1.0))"),
        MixMode::Burn => format!("vec3f(1.0) - min((vec3f(1.0) - {a}) / max({b}, vec3f(0.0001)), vec3f(1.0))"),
        MixMode::SoftLight => {
            let light = format!(
                "select(sqrt(max({a}, vec3f(0.0))), ((16.0 * {a} - vec3f(12.0)) * {a} + vec3f(4.0)) * {a}, {a} <= vec3f(0.25))"
            );
            format!(
                "select({a} + (2.0 * {b} - vec3f(1.0)) * ({light} - {a}), \
                 {a} - (vec3f(1.0) - 2.0 * {b}) * {a} * (vec3f(1.0) - {a}), {b} <= vec3f(0.5))"
            )
        }
        MixMode::LinearLight => format!("{a} + 2.0 * {b} - vec3f(1.0)"),
        MixMode::Difference => format!("abs({a} - {b})"),
        MixMode::Subtract => format!("{a} - {b}"),
        MixMode::Divide => format!("{a} / max({b}, vec3f(0.0001))"),
        MixMode::Hue => format!("shade_from_hsv(vec3f(shade_to_hsv({b}).x, shade_to_hsv({a}).yz))"),
        MixMode::Saturation => {
            format!("shade_from_hsv(vec3f(shade_to_hsv({a}).x, shade_to_hsv({b}).y, shade_to_hsv({a}).z))")
        }
        MixMode::Color => format!("shade_from_hsv(vec3f(shade_to_hsv({b}).xy, shade_to_hsv({a}).z))"),
        MixMode::Value => format!("shade_from_hsv(vec3f(shade_to_hsv({a}).xy, shade_to_hsv({b}).z))"),
    };
    format!("mix({a}, {blended}, clamp({fac}, 0.0, 1.0))")
}
