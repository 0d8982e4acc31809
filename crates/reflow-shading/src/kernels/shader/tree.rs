//! The typed tree: nodes in an arena, inputs before the nodes that use them, equal sub-trees once.

use super::math::MathOp;

/// The place of a node in its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A shader: nodes of which the last one is the root.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    pub(crate) nodes: Vec<Node>,
}

/// One node: what it does, and to what.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it does.
    pub kind: Kind,
    /// Its inputs, in the order of [`Kind::inputs`]; those left out are `None`.
    pub inputs: Vec<Option<NodeId>>,
}

impl Tree {
    /// The root; `None` for a tree without nodes.
    pub fn root(&self) -> Option<NodeId> {
        self.nodes.len().checked_sub(1).map(|last| NodeId(last as u32))
    }

    /// A node of this tree.
    ///
    /// # Panics
    /// If `id` belongs to another tree that has more nodes.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// All nodes, inputs before the nodes that use them.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u32), node))
    }

    /// The input of a node by name.
    pub(crate) fn input(&self, id: NodeId, name: &str) -> Option<NodeId> {
        let node = self.node(id);
        let at = node.kind.inputs().iter().position(|input| input.name == name)?;
        node.inputs.get(at).copied().flatten()
    }

    /// The first BSDF below the root when that is a material output, or the root itself when it is one.
    pub(crate) fn bsdf(&self) -> Option<NodeId> {
        let root = self.root()?;
        let surface = match self.node(root).kind {
            Kind::MaterialOutput => self.input(root, "surface")?,
            _ => root,
        };
        matches!(self.node(surface).kind, Kind::PrincipledBsdf).then_some(surface)
    }

    /// The value that is shown when there is no BSDF.
    pub(crate) fn bare_value(&self) -> Option<NodeId> {
        let root = self.root()?;
        match self.node(root).kind {
            Kind::MaterialOutput => self.input(root, "surface"),
            _ => Some(root),
        }
    }

    /// Whether any node is of the kind.
    pub(crate) fn has(&self, wanted: impl Fn(&Kind) -> bool) -> bool {
        self.nodes.iter().any(|node| wanted(&node.kind))
    }
}

/// An input of a node kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its key.
    pub name: &'static str,
    /// Another spelling that is read too.
    pub alias: &'static str,
    /// Whether a node without it is no node.
    pub required: bool,
}

const fn need(name: &'static str) -> Input {
    Input { name, alias: name, required: true }
}

const fn may(name: &'static str) -> Input {
    Input { name, alias: name, required: false }
}

const fn need_as(name: &'static str, alias: &'static str) -> Input {
    Input { name, alias, required: true }
}

const fn may_as(name: &'static str, alias: &'static str) -> Input {
    Input { name, alias, required: false }
}

/// What a node does. Parameters that are no nodes are part of it.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the JSON form, where the reference explains them")]
pub enum Kind {
    MaterialOutput,
    PrincipledBsdf,
    ImageTexture { asset_id: String },
    NoiseTexture,
    VoronoiTexture,
    CheckerTexture,
    GradientTexture { gradient: Gradient },
    BrickTexture,
    MusgraveTexture,
    WaveTexture { wave: Wave },
    WhiteNoiseTexture,
    EnvironmentTexture { asset_id: String },
    SkyTexture,
    TexCoord,
    ObjectPosition,
    ObjectNormal,
    CameraVector,
    VertexColor,
    Tangent,
    Time,
    Math { op: MathOp },
    ColorMix { mode: MixMode },
    ColorRamp { stops: Vec<Stop> },
    Separate { axis: usize },
    Combine,
    Fresnel,
    BumpMap,
    NormalMap,
    Mapping { location: [f32; 3], rotation: [f32; 3], scale: [f32; 3] },
    Clamp { min: f32, max: f32 },
    MapRange { from: [f32; 2], to: [f32; 2] },
    Displacement,
    Float { c: f32 },
    Vec3 { c: [f32; 3] },
    Vec4 { c: [f32; 4] },
}

impl Kind {
    /// The inputs of the kind. Every texture takes a `vector` in place of the position.
    pub fn inputs(&self) -> &'static [Input] {
        const BSDF: [Input; 18] = [
            need_as("base_color", "baseColor"),
            need("metallic"),
            need("roughness"),
            need("emission"),
            need_as("emission_strength", "emissionStrength"),
            need("alpha"),
            may("normal"),
            may("ao"),
            may("subsurface"),
            may_as("subsurface_color", "subsurfaceColor"),
            may("clearcoat"),
            may_as("clearcoat_roughness", "clearcoatRoughness"),
            may("anisotropic"),
            may_as("anisotropic_rotation", "anisotropicRotation"),
            may("sheen"),
            may_as("sheen_tint", "sheenTint"),
            may("transmission"),
            may("ior"),
        ];
        match self {
            Self::MaterialOutput => const { &[need("surface")] },
            Self::PrincipledBsdf => const { &BSDF },
            Self::ImageTexture { .. } => const { &[need("uv")] },
            Self::NoiseTexture => const { &[need("scale"), need("detail"), need("roughness"), may("vector")] },
            Self::VoronoiTexture => const { &[need("scale"), need("randomness"), may("vector")] },
            Self::CheckerTexture => const { &[need("scale"), need("color1"), need("color2"), may("vector")] },
            Self::GradientTexture { .. } | Self::WhiteNoiseTexture | Self::EnvironmentTexture { .. } => {
                const { &[may("vector")] }
            }
            Self::BrickTexture => {
                const {
                    &[
                        need("scale"),
                        need_as("mortar_size", "mortarSize"),
                        need("color1"),
                        need("color2"),
                        need_as("mortar_color", "mortarColor"),
                        may("vector"),
                    ]
                }
            }
            Self::MusgraveTexture => const { &[need("scale"), need("detail"), need("dimension"), may("vector")] },
            Self::WaveTexture { .. } => const { &[need("scale"), need("distortion"), may("vector")] },
            Self::SkyTexture => const { &[need_as("sun_direction", "sunDirection"), need("turbidity"), may("vector")] },
            Self::Math { .. } => const { &[need("a"), may("b"), may("c")] },
            Self::ColorMix { .. } => const { &[need("fac"), need("a"), need("b")] },
            Self::ColorRamp { .. }
            | Self::Separate { .. }
            | Self::Mapping { .. }
            | Self::Clamp { .. }
            | Self::MapRange { .. } => const { &[need("input")] },
            Self::Combine => const { &[need("x"), need("y"), need("z")] },
            Self::Fresnel => const { &[need("ior")] },
            Self::BumpMap => const { &[need("strength"), need("height")] },
            Self::NormalMap => const { &[need("strength"), need("color")] },
            Self::Displacement => const { &[need("height"), need("midlevel"), need("scale")] },
            Self::TexCoord
            | Self::ObjectPosition
            | Self::ObjectNormal
            | Self::CameraVector
            | Self::VertexColor
            | Self::Tangent
            | Self::Time
            | Self::Float { .. }
            | Self::Vec3 { .. }
            | Self::Vec4 { .. } => &[],
        }
    }
}

/// A colour at a place of a ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Where, from 0 to 1.
    pub position: f32,
    /// The colour; alpha is carried along.
    pub color: [f32; 4],
}

/// An enum of words.
macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal ),* $(,)? }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $( $(#[$doc])* $variant ),* }

        impl $name {
            /// Every word.
            pub const WORDS: &[&str] = &[$($word),*];

            /// What a word stands for.
            pub fn named(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )* _ => None }
            }
        }
    };
}

words! {
    /// How a gradient goes.
    Gradient {
        /// By x.
        Linear = "linear",
        /// By the square of x.
        Quadratic = "quadratic",
        /// By x, eased at both ends.
        Easing = "easing",
        /// By the mean of x and y.
        Diagonal = "diagonal",
        /// By the distance from the origin, brightest there.
        Spherical = "spherical",
        /// By the angle about the origin.
        Radial = "radial",
    }
}

words! {
    /// How waves lie.
    Wave {
        /// Side by side.
        Bands = "bands",
        /// Around the origin.
        Rings = "rings",
    }
}

words! {
    /// How two colours become one. The formulas without a comment are those of W3C, Compositing and Blending Level 1.
    MixMode {
        /// From the first to the second.
        Mix = "mix",
        /// The first and a share of the second.
        Add = "add",
        /// Both multiplied.
        Multiply = "multiply",
        /// Both lights.
        Screen = "screen",
        /// Multiplied where the first is dark, screened where it is bright.
        Overlay = "overlay",
        /// The darker one.
        Darken = "darken",
        /// The brighter one.
        Lighten = "lighten",
        /// The first brightened by the second.
        Dodge = "dodge",
        /// The first darkened by the second.
        Burn = "burn",
        /// A soft spot light.
        SoftLight = "softLight",
        /// The second brightens or darkens.
        LinearLight = "linearLight",
        /// How far they are apart.
        Difference = "difference",
        /// The first less the second.
        Subtract = "subtract",
        /// The first over the second.
        Divide = "divide",
        /// The hue of the second.
        Hue = "hue",
        /// The saturation of the second.
        Saturation = "saturation",
        /// Hue and saturation of the second.
        Color = "color",
        /// The brightness of the second.
        Value = "value",
    }
}
