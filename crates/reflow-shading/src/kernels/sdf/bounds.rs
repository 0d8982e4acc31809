//! Boxes that hold the inside of a field.

use glam::{Mat3, Vec3};

use super::distance::{rotation, scale};
use super::tree::{Node, NodeId, Operation, Primitive, Transform, Tree};

/// An axis-parallel box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The lower corner.
    pub min: Vec3,
    /// The upper corner; below the lower one on some axis when the box is empty.
    pub max: Vec3,
}

impl Bounds {
    /// All of space.
    pub const EVERYWHERE: Self = Self { min: Vec3::NEG_INFINITY, max: Vec3::INFINITY };
    /// Nothing.
    pub const NOTHING: Self = Self { min: Vec3::INFINITY, max: Vec3::NEG_INFINITY };

    /// The box around the origin that reaches `half` to each side.
    pub fn around(half: Vec3) -> Self {
        Self { min: -half, max: half }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.min.cmpgt(self.max).any()
    }

    /// Whether it ends on every side.
    pub fn is_finite(&self) -> bool {
        self.min.is_finite() && self.max.is_finite()
    }

    /// Whether the point is in it.
    pub fn contains(&self, point: Vec3) -> bool {
        point.cmpge(self.min).all() && point.cmple(self.max).all()
    }

    /// Grown by `by` to every side.
    #[must_use]
    pub fn grown(self, by: Vec3) -> Self {
        Self { min: self.min - by, max: self.max + by }
    }

    fn merge(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    fn intersect(self, other: Self) -> Self {
        Self { min: self.min.max(other.min), max: self.max.min(other.max) }
    }

    /// The farthest that a point of it is from the origin on each axis.
    fn reach(&self) -> Vec3 {
        self.min.abs().max(self.max.abs())
    }

    fn turned(self, matrix: Mat3) -> Self {
        if !self.is_finite() {
            return if self.is_empty() { self } else { Self::EVERYWHERE };
        }
        let corner = |index: u8| {
            let pick = |axis: usize| if index >> axis & 1 == 0 { self.min[axis] } else { self.max[axis] };
            matrix * Vec3::new(pick(0), pick(1), pick(2))
        };
        (0..8).map(corner).fold(Self::NOTHING, |bounds, p| bounds.merge(Self { min: p, max: p }))
    }
}

impl Tree {
    /// A box that holds every point whose distance is below 0. It may be larger than needed, and it is all of space for
    /// planes and lattices. A field that says less than the true distance (an ellipsoid, a displaced or twisted one) may,
    /// once it is rounded, reach a little further.
    pub fn bounds(&self) -> Bounds {
        self.boxes().pop().unwrap_or(Bounds::NOTHING)
    }

    /// The boxes of all nodes.
    pub(crate) fn boxes(&self) -> Vec<Bounds> {
        let mut found: Vec<Bounds> = Vec::with_capacity(self.len());
        for (_, node) in self.nodes() {
            let of = |id: &NodeId| found[id.index()];
            let bounds = match node {
                Node::Primitive { primitive, .. } => of_primitive(primitive),
                Node::Operation { operation, left, right } => of_operation(operation, of(left), of(right)),
                Node::Transform { transform, child } => of_transform(transform, of(child)),
                Node::Material { child, .. } | Node::Scene { root: child, .. } => of(child),
                Node::Reference { .. } => Bounds::EVERYWHERE,
            };
            found.push(bounds);
        }
        found
    }
}

fn of_primitive(primitive: &Primitive) -> Bounds {
    let ball = |center: Vec3, radius: f32| Bounds { min: center, max: center }.grown(Vec3::splat(radius));
    match *primitive {
        Primitive::Sphere { radius } => ball(Vec3::ZERO, radius),
        Primitive::Box { size } => Bounds::around(size),
        Primitive::RoundBox { size, radius } | Primitive::RoundBoxShell { size, radius, .. } => {
            Bounds::around(size + radius)
        }
        Primitive::Ellipsoid { radii } => Bounds::around(radii.max(Vec3::splat(1e-4))),
        Primitive::Cylinder { radius, height } => Bounds::around(Vec3::new(radius, height, radius)),
        Primitive::Capsule { radius, height } => {
            ball(Vec3::ZERO, radius).merge(ball(Vec3::new(0.0, height.max(0.0), 0.0), radius))
        }
        Primitive::Torus { major_radius, minor_radius } => {
            let reach = major_radius.abs() + minor_radius;
            Bounds::around(Vec3::new(reach, minor_radius, reach))
        }
        Primitive::Cone { angle, height } if height > 0.0 && angle > 0.0 && angle < 1.57 => {
            let reach = height * angle.tan();
            Bounds { min: Vec3::new(-reach, 0.0, -reach), max: Vec3::new(reach, height, reach) }
        }
        Primitive::TaperedCapsule { a, b, radius_a, radius_b } => {
            ball(a, radius_a.max(radius_b)).merge(ball(b, radius_a.max(radius_b)))
        }
        Primitive::TubePath { ref points, ref radii, .. } => {
            let count = points.len().min(radii.len());
            if count < 2 {
                return Bounds::NOTHING;
            }
            let widest = radii[..count].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            points[..count].iter().fold(Bounds::NOTHING, |bounds, point| bounds.merge(ball(*point, widest)))
        }
        Primitive::Puddle { radius, height, noise_amp, meniscus, .. } => {
            // The noise goes from -1 to 1.5.
            let reach = (radius + noise_amp.abs() * 1.5).max(0.001);
            let top = height.max(meniscus).max(0.0004);
            Bounds { min: Vec3::new(-reach, 0.0, -reach), max: Vec3::new(reach, top, reach) }
        }
        Primitive::Volume { bound, .. } => Bounds::around(Vec3::splat(bound)),
        Primitive::InfRepeat { .. } => Bounds::NOTHING,
        Primitive::Cone { .. } | Primitive::Plane { .. } => Bounds::EVERYWHERE,
    }
}

fn of_operation(operation: &Operation, left: Bounds, right: Bounds) -> Bounds {
    match *operation {
        Operation::Union {} => left.merge(right),
        // A blend is at most a quarter of its radius nearer than the hard operation.
        Operation::SmoothUnion { k } => left.merge(right).grown(Vec3::splat(k.max(0.0) / 4.0)),
        Operation::Intersection {} | Operation::SmoothIntersection { .. } => left.intersect(right),
        Operation::Difference {} | Operation::SmoothDifference { .. } => left,
    }
}

fn of_transform(transform: &Transform, child: Bounds) -> Bounds {
    if child.is_empty() {
        return child;
    }
    match *transform {
        Transform::Translate { offset } => Bounds { min: child.min + offset, max: child.max + offset },
        Transform::Rotate { angles } => child.turned(rotation(angles).transpose()),
        Transform::Scale { factor } => {
            let factor = scale(factor);
            Bounds { min: child.min * factor, max: child.max * factor }
        }
        Transform::Twist { .. } => {
            let reach = child.reach();
            let radius = reach.x.hypot(reach.z);
            Bounds { min: Vec3::new(-radius, child.min.y, -radius), max: Vec3::new(radius, child.max.y, radius) }
        }
        Transform::Bend { .. } => {
            let reach = child.reach();
            let radius = reach.x.hypot(reach.y);
            Bounds { min: Vec3::new(-radius, -radius, child.min.z), max: Vec3::new(radius, radius, child.max.z) }
        }
        Transform::Elongate { amount } => child.grown(amount.abs()),
        Transform::Round { radius } => child.grown(Vec3::splat(radius)),
        Transform::Shell { thickness } => child.grown(Vec3::splat(thickness)),
        Transform::Repeat { spacing, count } => child.grown(spacing.abs() * count.as_vec3()),
        Transform::Mirror { axis } => {
            let mirrored = axis.abs().cmpgt(Vec3::splat(0.5));
            Bounds { min: Vec3::select(mirrored, -child.max, child.min), max: child.max }
        }
        Transform::Displace { amplitude, .. } => child.grown(Vec3::splat(amplitude.abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Evaluator;
    use super::*;
    use proptest::prelude::*;

    /// Trees of shapes whose distance is exact, up to blends and rigid or mirroring transforms.
    fn trees() -> impl Strategy<Value = String> {
        let size = 0.1_f32..1.5;
        let leaf = prop_oneof![
            size.clone().prop_map(|r| format!(r#"{{"type":"primitive","primitive":"sphere","radius":{r}}}"#)),
            prop::array::uniform3(size.clone())
                .prop_map(|s| format!(r#"{{"type":"primitive","primitive":"box","size":{s:?}}}"#)),
            (size.clone(), size.clone()).prop_map(|(r, h)| format!(
                r#"{{"type":"primitive","primitive":"cylinder","radius":{r},"height":{h}}}"#
            )),
            (0.1_f32..1.4, size)
                .prop_map(|(a, h)| format!(r#"{{"type":"primitive","primitive":"cone","angle":{a},"height":{h}}}"#)),
        ];
        let vector = || prop::array::uniform3(-2.0_f32..2.0);
        leaf.prop_recursive(4, 16, 2, move |inner| {
            prop_oneof![
                (
                    inner.clone(),
                    inner.clone(),
                    0.0_f32..1.0,
                    prop::sample::select(vec![
                        "union",
                        "smoothUnion",
                        "intersection",
                        "difference",
                        "smoothIntersection",
                        "smoothDifference"
                    ])
                )
                    .prop_map(|(a, b, k, op)| format!(
                        r#"{{"type":"operation","op":"{op}","k":{k},"left":{a},"right":{b}}}"#
                    )),
                (inner.clone(), vector()).prop_map(|(c, o)| format!(
                    r#"{{"type":"transform","transform":"translate","offset":{o:?},"child":{c}}}"#
                )),
                (inner.clone(), vector()).prop_map(|(c, o)| format!(
                    r#"{{"type":"transform","transform":"rotate","angles":[{},{},{}],"child":{c}}}"#,
                    o[0] * 90.0,
                    o[1] * 90.0,
                    o[2] * 90.0
                )),
                (inner.clone(), -2.0_f32..2.0).prop_map(|(c, s)| format!(
                    r#"{{"type":"transform","transform":"twist","strength":{s},"child":{c}}}"#
                )),
                (inner, vector()).prop_map(|(c, a)| format!(
                    r#"{{"type":"transform","transform":"mirror","axis":{a:?},"child":{c}}}"#
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_inside_is_in_the_box(text in trees(), points in prop::collection::vec(prop::array::uniform3(-6.0_f32..6.0), 64)) {
            let tree = Tree::read(&serde_json::from_str(&text).unwrap()).unwrap();
            let bounds = tree.bounds().grown(Vec3::splat(1e-3));
            let evaluator = Evaluator::new(&tree).unwrap();
            for point in points.into_iter().map(Vec3::from) {
                let distance = evaluator.distance(point);
                prop_assert!(distance >= 0.0 || bounds.contains(point), "{point} at {distance} is outside {bounds:?}");
            }
        }
    }
}
