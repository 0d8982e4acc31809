//! The typed tree: nodes in an arena, children before their parents, so that no walk over it has to recurse.

use glam::{UVec3, Vec3};
use reflow_message::Value;

use super::fields::Field;
use super::read::{Members, Problem, unknown};

/// The place of a node in its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A field: nodes of which the last one is the root.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    nodes: Vec<Node>,
}

/// One node of a [`Tree`].
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A shape.
    Primitive {
        /// Which.
        primitive: Primitive,
        /// Its surface, if it brings one.
        material: Option<Material>,
    },
    /// Two fields made one.
    Operation {
        /// How.
        operation: Operation,
        /// The first field.
        left: NodeId,
        /// The second field.
        right: NodeId,
    },
    /// A field seen from a changed point, or with a changed distance.
    Transform {
        /// How.
        transform: Transform,
        /// The field.
        child: NodeId,
    },
    /// A field with a surface.
    Material {
        /// The surface.
        material: Material,
        /// The field.
        child: NodeId,
    },
    /// A named field that is supplied from outside.
    Reference {
        /// Its name.
        name: String,
    },
    /// A field with camera, light and render settings.
    Scene {
        /// The field.
        root: NodeId,
        /// The settings.
        settings: Box<Settings>,
    },
}

impl Tree {
    /// Adds a node; its children have to be nodes of this tree. The node added last is the root.
    pub fn push(&mut self, node: Node) -> NodeId {
        debug_assert!(node.children().all(|child| child.index() < self.nodes.len()), "children come first");
        self.nodes.push(node);
        NodeId((self.nodes.len() - 1) as u32)
    }

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

    /// All nodes, children before their parents.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u32), node))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The names of the material slots: depth first, left before right, parent before child, each once.
    pub fn slots(&self) -> Vec<&str> {
        let mut slots = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut pending: Vec<_> = self.root().into_iter().collect();
        while let Some(id) = pending.pop() {
            let node = self.node(id);
            let material = match node {
                Node::Primitive { material, .. } => material.as_ref(),
                Node::Material { material, .. } => Some(material),
                _ => None,
            };
            if let Some(slot) = material.and_then(|material| material.slot.as_deref())
                && seen.insert(slot)
            {
                slots.push(slot);
            }
            let first = pending.len();
            pending.extend(node.children());
            pending[first..].reverse();
        }
        slots
    }

    /// The names of the fields from outside, sorted, each once.
    pub fn references(&self) -> Vec<&str> {
        let names = self.nodes.iter().filter_map(|node| match node {
            Node::Reference { name } => Some(name.as_str()),
            _ => None,
        });
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// The corners of all tubes.
    pub(crate) fn corners(&self) -> usize {
        let corners = self.nodes.iter().map(|node| match node {
            Node::Primitive { primitive: Primitive::TubePath { points, .. }, .. } => points.len(),
            _ => 0,
        });
        corners.sum()
    }

    /// The values of all volumes, one after the other: what their shader reads at binding 2.
    pub fn volumes(&self) -> Vec<f32> {
        let mut all = Vec::new();
        for node in &self.nodes {
            if let Node::Primitive { primitive: Primitive::Volume { values, .. }, .. } = node {
                all.extend_from_slice(values);
            }
        }
        all
    }

    /// For each volume where its values begin among those of all, and for each tube its corners.
    pub(crate) fn starts(&self) -> Vec<usize> {
        let (mut values, mut corners) = (0, 0);
        let mut begin = |node: &Node| {
            let (all, own) = match node {
                Node::Primitive { primitive: Primitive::Volume { values: own, .. }, .. } => (&mut values, own.len()),
                _ => (&mut corners, node.tube().map_or(0, |(points, _)| points.len())),
            };
            std::mem::replace(all, *all + own)
        };
        self.nodes.iter().map(&mut begin).collect()
    }

    /// Whether any node is a volume.
    pub fn uses_volumes(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node, Node::Primitive { primitive: Primitive::Volume { .. }, .. }))
    }

    /// Whether any node needs noise.
    pub fn uses_noise(&self) -> bool {
        self.nodes.iter().any(|node| {
            matches!(
                node,
                Node::Primitive { primitive: Primitive::Puddle { .. }, .. }
                    | Node::Transform { transform: Transform::Displace { .. }, .. }
            )
        })
    }

    /// Whether any operation is a smooth one.
    pub fn uses_smooth_operations(&self) -> bool {
        self.nodes.iter().any(|node| {
            matches!(
                node,
                Node::Operation {
                    operation: Operation::SmoothUnion { .. }
                        | Operation::SmoothIntersection { .. }
                        | Operation::SmoothDifference { .. },
                    ..
                }
            )
        })
    }
}

impl Node {
    /// The nodes below this one, left before right.
    pub fn children(&self) -> impl Iterator<Item = NodeId> + use<> {
        let (first, second) = match self {
            Self::Primitive { .. } | Self::Reference { .. } => (None, None),
            Self::Operation { left, right, .. } => (Some(*left), Some(*right)),
            Self::Transform { child, .. } | Self::Material { child, .. } => (Some(*child), None),
            Self::Scene { root, .. } => (Some(*root), None),
        };
        first.into_iter().chain(second)
    }

    /// Corners and radii of a tube that has two or more of both.
    pub(crate) fn tube(&self) -> Option<(&[Vec3], &[f32])> {
        let Self::Primitive { primitive: Primitive::TubePath { points, radii, .. }, .. } = self else { return None };
        let count = points.len().min(radii.len());
        (count > 1).then(|| (&points[..count], &radii[..count]))
    }
}

/// One enum of node variants: the type, how it is read, and its members in normal form.
macro_rules! variants {
    (
        $(#[$outer:meta])* $name:ident, $tag:literal;
        $( $(#[$doc:meta])* $variant:ident = $word:literal { $( $(#[$field_doc:meta])* $field:ident: $type:ty $(= $default:expr)? ),* } )*
    ) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $( $(#[$doc])* $variant { $( $(#[$field_doc])* $field: $type ),* }, )*
        }

        impl $name {
            /// The key that names the variant.
            pub(crate) const TAG: &'static str = $tag;

            pub(crate) fn read(members: &Members<'_>) -> Result<Self, Problem> {
                match members.text(Self::TAG)? {
                    $( $word => Ok(Self::$variant { $( $field: variants!(@read members, $field $(, $default)?) ),* }), )*
                    other => Err(unknown(Self::TAG, other, &[$($word),*])),
                }
            }

            /// The name of the variant and its fields.
            pub(crate) fn write(&self) -> (&'static str, Vec<(&'static str, Value)>) {
                match self {
                    $( Self::$variant { $($field),* } => ($word, vec![$( (stringify!($field), $field.write()) ),*]), )*
                }
            }
        }
    };
    (@read $members:ident, $field:ident) => { $members.field(stringify!($field))? };
    (@read $members:ident, $field:ident, $default:expr) => { $members.field_or(stringify!($field), $default)? };
}

variants! {
    /// A shape around the origin.
    Primitive, "primitive";
    /// A ball.
    Sphere = "sphere" {
        /// Its radius.
        radius: f32
    }
    /// A box.
    Box = "box" {
        /// Half of its extent.
        size: Vec3
    }
    /// A box whose edges are rounded outwards.
    RoundBox = "roundBox" {
        /// Half of the extent of the inner box.
        size: Vec3,
        /// The rounding.
        radius: f32
    }
    /// An ellipsoid.
    Ellipsoid = "ellipsoid" {
        /// Its semi-axes.
        radii: Vec3
    }
    /// A hollow rounded box.
    RoundBoxShell = "roundBoxShell" {
        /// Half of the extent of the inner box.
        size: Vec3,
        /// The rounding.
        radius: f32,
        /// The wall, grown inwards.
        thickness: f32
    }
    /// A capped cylinder along y.
    Cylinder = "cylinder" {
        /// Its radius.
        radius: f32,
        /// Half of its height.
        height: f32
    }
    /// A capsule that stands on the origin.
    Capsule = "capsule" {
        /// Its radius.
        radius: f32,
        /// The length of the inner segment.
        height: f32
    }
    /// A ring in the plane xz.
    Torus = "torus" {
        /// From the centre to the centre line of the tube.
        major_radius: f32,
        /// The radius of the tube.
        minor_radius: f32
    }
    /// A cone with its apex at the origin, opening towards +y.
    Cone = "cone" {
        /// Half of its opening, in radians.
        angle: f32,
        /// Its height; at 0 and below it has no end.
        height: f32
    }
    /// A half space.
    Plane = "plane" {
        /// Where outside is.
        normal: Vec3,
        /// Added to the distance.
        offset: f32
    }
    /// A capsule between two points with two radii.
    TaperedCapsule = "taperedCapsule" {
        /// The first end.
        a: Vec3,
        /// The second end.
        b: Vec3,
        /// The radius at the first end.
        radius_a: f32,
        /// The radius at the second end.
        radius_b: f32
    }
    /// A tube along a polyline.
    TubePath = "tubePath" {
        /// The corners.
        points: Vec<Vec3>,
        /// The radius at each corner.
        radii: Vec<f32>,
        /// Carried along; the distance does not depend on it.
        k: f32
    }
    /// An infinite lattice of points.
    InfRepeat = "infRepeat" {
        /// The pitch.
        spacing: Vec3
    }
    /// A flat drop with a noisy outline.
    Puddle = "puddle" {
        /// The mean radius of the outline.
        radius: f32,
        /// The height of the flat middle.
        height: f32,
        /// How fine the outline's noise is.
        noise_freq: f32,
        /// How strong it is.
        noise_amp: f32,
        /// The width of the rim.
        bevel: f32 = 0.08,
        /// The height of the lip near the rim.
        meniscus: f32 = 0.01
    }
    /// A shape whose distances were measured on a grid, as `tpl_mesh_to_sdf` does.
    Volume = "volume" {
        /// Voxels along each axis.
        resolution: u32,
        /// Half the side of the cube that they fill.
        bound: f32,
        /// The distances at their centres, x first, then y, then z.
        values: Vec<f32>
    }
}

impl Primitive {
    /// What is wrong with the fields together, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let Self::Volume { resolution, bound, values } = self else { return None };
        let expected = u64::from(*resolution).pow(2).saturating_mul(u64::from(*resolution));
        if *resolution == 0 || *bound <= 0.0 {
            return Some("a volume has a `resolution` of at least 1 and a `bound` above 0".into());
        }
        (values.len() as u64 != expected)
            .then(|| format!("`values`: a volume of {resolution} voxels a side has {expected}, found {}", values.len()))
    }
}

variants! {
    /// How two fields become one. A smooth operation whose `k` is not above 0 is the hard one.
    Operation, "op";
    /// Both.
    Union = "union" {}
    /// What they share.
    Intersection = "intersection" {}
    /// The left one without the right one.
    Difference = "difference" {}
    /// Both, blended.
    SmoothUnion = "smoothUnion" {
        /// The blend radius.
        k: f32
    }
    /// What they share, blended.
    SmoothIntersection = "smoothIntersection" {
        /// The blend radius.
        k: f32
    }
    /// The left one without the right one, blended.
    SmoothDifference = "smoothDifference" {
        /// The blend radius.
        k: f32
    }
}

variants! {
    /// How a field is changed.
    Transform, "transform";
    /// Moved.
    Translate = "translate" {
        /// By how much.
        offset: Vec3
    }
    /// The point is turned about x, then y, then z.
    Rotate = "rotate" {
        /// The angles in degrees.
        angles: Vec3
    }
    /// Scaled.
    Scale = "scale" {
        /// By how much on each axis.
        factor: Vec3
    }
    /// Twisted about y.
    Twist = "twist" {
        /// Radians a unit of y.
        strength: f32
    }
    /// Bent along x.
    Bend = "bend" {
        /// Radians a unit of x.
        strength: f32
    }
    /// Stretched in the middle.
    Elongate = "elongate" {
        /// By how much to each side.
        amount: Vec3
    }
    /// Rounded and inflated.
    Round = "round" {
        /// By how much.
        radius: f32
    }
    /// Hollow.
    Shell = "shell" {
        /// Half of the wall.
        thickness: f32
    }
    /// Repeated on a finite grid.
    Repeat = "repeat" {
        /// The pitch.
        spacing: Vec3,
        /// Copies to each side.
        count: UVec3
    }
    /// Mirrored across coordinate planes.
    Mirror = "mirror" {
        /// An axis counts when it is beyond 0.5.
        axis: Vec3
    }
    /// Displaced by fractal noise.
    Displace = "displace" {
        /// How fine it is.
        frequency: f32,
        /// How strong it is.
        amplitude: f32,
        /// How many layers it has.
        octaves: u32
    }
}

/// One struct with camelCase keys and defaults: the type, how it is read, and its members.
macro_rules! record {
    ( $(#[$outer:meta])* $name:ident; $( $(#[$doc:meta])* $field:ident = $key:literal: $type:ty = $default:expr ),* $(,)? ) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[$doc])* pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $name {
            pub(crate) fn read(members: &Members<'_>) -> Result<Self, Problem> {
                Ok(Self { $( $field: members.field_or($key, $default)?, )* })
            }

            pub(crate) fn write(&self) -> Vec<(&'static str, Value)> {
                vec![$( ($key, self.$field.write()) ),*]
            }
        }
    };
}

record! {
    /// How a surface looks.
    Material;
    /// The shade slot that draws it.
    slot = "slot": Option<String> = None,
    /// Base colour, linear.
    color = "color": Vec3 = Vec3::splat(0.8),
    /// From 0, a mirror, to 1.
    roughness = "roughness": f32 = 0.5,
    /// From 0 to 1.
    metallic = "metallic": f32 = 0.0,
    /// Light that it sends out.
    emission = "emission": Vec3 = Vec3::ZERO,
    /// Index of refraction.
    ior = "ior": f32 = 1.5,
}

record! {
    /// Camera, light and limits of a scene.
    Settings;
    /// Where the camera is.
    camera_pos = "cameraPos": Vec3 = Vec3::new(3.0, 2.0, 4.0),
    /// What it looks at.
    camera_target = "cameraTarget": Vec3 = Vec3::ZERO,
    /// Vertical field of view in degrees.
    fov = "fov": f32 = 45.0,
    /// Steps of a ray at most.
    max_steps = "maxSteps": u32 = 128,
    /// Where a ray is lost.
    max_dist = "maxDist": f32 = 100.0,
    /// Where a ray has hit.
    epsilon = "epsilon": f32 = 0.001,
    /// Colour of what is not hit.
    background = "background": Vec3 = Vec3::new(0.05, 0.05, 0.08),
    /// Light from everywhere.
    ambient = "ambient": f32 = 0.15,
    /// Towards the light.
    light_dir = "lightDir": Vec3 = Vec3::new(0.577, 0.577, -0.577),
    /// Its colour.
    light_color = "lightColor": Vec3 = Vec3::new(1.0, 0.95, 0.9),
    /// Whether things throw soft shadows.
    soft_shadows = "softShadows": bool = false,
    /// How sharp those are.
    shadow_k = "shadowK": f32 = 16.0,
    /// Whether corners are darker.
    ao = "ao": bool = true,
    /// Width of the picture in pixels.
    width = "width": u32 = 512,
    /// Height of the picture in pixels.
    height = "height": u32 = 512,
    /// WGSL that shades in place of the built-in one.
    custom_shade_wgsl = "customShadeWgsl": String = String::new(),
    /// Seconds.
    time = "time": f32 = 0.0,
}
