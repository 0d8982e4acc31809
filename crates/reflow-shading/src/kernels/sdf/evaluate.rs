//! The CPU evaluator: distances at many points at once.
//!
//! A walk over the tree costs more than most of its formulas, so it is taken for a block of points, not for one. The order of
//! the walk is made once and kept in a list of steps over two stacks, of points and of distances, so that neither depth nor
//! width of a tree needs any of the thread's stack.

use glam::Vec3;

use super::distance::{Measure, PointMap, adjust};
use super::tree::{Node, NodeId, Operation, Transform, Tree};

/// Points that take a step together: their stacks stay in the first cache.
const BLOCK: usize = 128;

/// What is done to a block of points and distances.
pub(super) enum Step<'a> {
    /// Pushes the points as a child sees them.
    Enter(PointMap),
    /// Pushes the distances of a primitive at the points on top.
    Measure(Measure<'a>),
    /// Makes the two distances on top one.
    Combine(&'a Operation),
    /// Pops the points of a child and adjusts the distances on top.
    Leave(&'a Transform),
}

/// A field, ready to be asked for distances.
///
/// A reference to a field from outside that nobody supplied is an error of [`Evaluator::new`].
pub struct Evaluator<'a> {
    pub(super) steps: Vec<Step<'a>>,
    /// The primitives in the order that they are measured in.
    pub(super) leaves: Vec<NodeId>,
    /// The most that each stack holds, in blocks.
    points: usize,
    distances: usize,
}

impl<'a> Evaluator<'a> {
    /// Prepares a field.
    ///
    /// # Errors
    /// The name of a reference: there is nothing that it refers to. An empty tree is `None`.
    pub fn new(tree: &'a Tree) -> Result<Self, Option<&'a str>> {
        enum Task<'a> {
            Visit(NodeId),
            Do(Step<'a>),
        }
        let root = tree.root().ok_or(None)?;
        let mut evaluator = Self { steps: Vec::with_capacity(tree.len()), leaves: Vec::new(), points: 1, distances: 1 };
        let (mut points, mut distances) = (1_usize, 0_usize);
        let mut tasks = vec![Task::Visit(root)];
        while let Some(task) = tasks.pop() {
            let step = match task {
                Task::Do(step) => step,
                Task::Visit(id) => match tree.node(id) {
                    Node::Primitive { primitive, .. } => {
                        evaluator.leaves.push(id);
                        Step::Measure(primitive.measure())
                    }
                    Node::Operation { operation, left, right } => {
                        tasks.extend([Task::Do(Step::Combine(operation)), Task::Visit(*right), Task::Visit(*left)]);
                        continue;
                    }
                    Node::Transform { transform, child } => {
                        tasks.extend([Task::Do(Step::Leave(transform)), Task::Visit(*child)]);
                        Step::Enter(PointMap::of(transform))
                    }
                    Node::Material { child, .. } | Node::Scene { root: child, .. } => {
                        tasks.push(Task::Visit(*child));
                        continue;
                    }
                    Node::Reference { name } => return Err(Some(name)),
                },
            };
            match &step {
                Step::Enter(_) => points += 1,
                Step::Leave(_) => points -= 1,
                Step::Measure(_) => distances += 1,
                Step::Combine(_) => distances -= 1,
            }
            evaluator.points = evaluator.points.max(points);
            evaluator.distances = evaluator.distances.max(distances);
            evaluator.steps.push(step);
        }
        Ok(evaluator)
    }

    /// The signed distance at each point.
    ///
    /// # Panics
    /// If the two slices differ in length.
    pub fn distances(&self, points: &[Vec3], out: &mut [f32]) {
        assert_eq!(points.len(), out.len(), "one distance a point");
        let mut point_stack = vec![Vec3::ZERO; self.points * BLOCK];
        let mut distance_stack = vec![0.0_f32; self.distances * BLOCK];
        for (points, out) in points.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            let count = points.len();
            point_stack[..count].copy_from_slice(points);
            // Where the block on top of each stack begins.
            let (mut at, mut top) = (0, 0);
            for step in &self.steps {
                match step {
                    Step::Enter(map) => {
                        let (below, above) = point_stack.split_at_mut(at + BLOCK);
                        for (to, from) in above[..count].iter_mut().zip(&below[at..at + count]) {
                            *to = map.apply(*from);
                        }
                        at += BLOCK;
                    }
                    Step::Measure(measure) => {
                        measure(&point_stack[at..at + count], &mut distance_stack[top..top + count]);
                        top += BLOCK;
                    }
                    Step::Combine(operation) => {
                        top -= BLOCK;
                        let (left, right) = distance_stack.split_at_mut(top);
                        operation.combine_all(&mut left[top - BLOCK..][..count], &right[..count]);
                    }
                    Step::Leave(transform) => {
                        at -= BLOCK;
                        let points = &point_stack[at..at + count];
                        for (d, point) in distance_stack[top - BLOCK..][..count].iter_mut().zip(points) {
                            *d = adjust(transform, *point, *d);
                        }
                    }
                }
            }
            out.copy_from_slice(&distance_stack[..count]);
        }
    }

    /// The signed distance at one point.
    pub fn distance(&self, point: Vec3) -> f32 {
        let mut out = [0.0];
        self.distances(&[point], &mut out);
        out[0]
    }

    /// The unit normal at each point, by central differences over `step`; y where the field is flat.
    pub fn normals(&self, points: &[Vec3], step: f32) -> Vec<Vec3> {
        let mut normals = vec![Vec3::ZERO; points.len()];
        let mut distances = vec![0.0; points.len()];
        let mut moved = vec![Vec3::ZERO; points.len()];
        for axis in Vec3::AXES {
            for (sign, offset) in [(1.0, axis * step), (-1.0, -axis * step)] {
                moved.iter_mut().zip(points).for_each(|(to, from)| *to = *from + offset);
                self.distances(&moved, &mut distances);
                normals.iter_mut().zip(&distances).for_each(|(normal, d)| *normal += axis * (sign * d));
            }
        }
        normals.iter().map(|normal| normal.try_normalize().unwrap_or(Vec3::Y)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Primitive;
    use super::*;
    use proptest::prelude::*;

    fn field(text: &str) -> Tree {
        Tree::read(&serde_json::from_str(text).unwrap()).unwrap()
    }

    fn at(text: &str, point: [f32; 3]) -> f32 {
        let tree = field(text);
        Evaluator::new(&tree).unwrap().distance(point.into())
    }

    fn primitive(rest: &str) -> String {
        format!(r#"{{"type":"primitive",{rest}}}"#)
    }

    #[test]
    fn primitives_measure_what_a_ruler_would() {
        let cases = [
            (r#""primitive":"sphere","radius":1"#, [3.0, 0.0, 0.0], 2.0),
            (r#""primitive":"box","size":[1,2,3]"#, [2.0, 3.0, 0.0], 2.0_f32.sqrt()),
            (r#""primitive":"box","size":[1,2,3]"#, [0.0, 0.0, 0.0], -1.0),
            (r#""primitive":"roundBox","size":[1,1,1],"radius":0.5"#, [2.0, 0.0, 0.0], 0.5),
            (r#""primitive":"ellipsoid","radii":[2,1,1]"#, [2.0, 0.0, 0.0], 0.0),
            (r#""primitive":"ellipsoid","radii":[2,0.5,1]"#, [0.0, 0.0, 0.0], -0.5),
            (r#""primitive":"roundBoxShell","size":[1,1,1],"radius":0,"thickness":0.2"#, [0.9, 0.0, 0.0], -0.1),
            (r#""primitive":"cylinder","radius":1,"height":2"#, [0.0, 3.0, 0.0], 1.0),
            (r#""primitive":"capsule","radius":0.5,"height":2"#, [0.0, -1.0, 0.0], 0.5),
            (r#""primitive":"torus","major_radius":2,"minor_radius":0.5"#, [2.0, 1.0, 0.0], 0.5),
            (r#""primitive":"cone","angle":0.7853981633974483,"height":2"#, [0.0, -1.0, 0.0], 1.0),
            (r#""primitive":"cone","angle":0.7853981633974483,"height":2"#, [0.0, 3.0, 0.0], 1.0),
            (r#""primitive":"cone","angle":0.7853981633974483,"height":2"#, [0.0, 1.0, 0.0], -(0.5_f32.sqrt())),
            (r#""primitive":"plane","normal":[0,2,0],"offset":1"#, [5.0, 1.0, 0.0], 2.0),
            (r#""primitive":"taperedCapsule","a":[0,0,0],"b":[0,0,0],"radius_a":1,"radius_b":2"#, [3.0, 0.0, 0.0], 1.0),
            (r#""primitive":"tubePath","points":[[0,0,0],[2,0,0]],"radii":[1,0],"k":0"#, [1.0, 2.0, 0.0], 1.5),
            (r#""primitive":"tubePath","points":[[0,0,0]],"radii":[1],"k":0"#, [1.0, 2.0, 0.0], 999.0),
            (r#""primitive":"infRepeat","spacing":[2,2,0]"#, [4.0, 2.0, 1.0], 1.0),
        ];
        for (text, point, expected) in cases {
            let found = at(&primitive(text), point);
            assert!((found - expected).abs() < 1e-5, "{text} at {point:?}: {found}, expected {expected}");
        }
    }

    #[test]
    fn transforms_change_point_or_distance() {
        let ball = primitive(r#""primitive":"sphere","radius":1"#);
        let slab = primitive(r#""primitive":"box","size":[2,1,1]"#);
        let cases = [
            (r#""transform":"translate","offset":[1,0,0]"#, &ball, [3.0, 0.0, 0.0], 1.0),
            (r#""transform":"rotate","angles":[0,0,90]"#, &slab, [0.0, 3.0, 0.0], 1.0),
            (r#""transform":"scale","factor":[2,2,2]"#, &ball, [3.0, 0.0, 0.0], 1.0),
            (r#""transform":"elongate","amount":[1,0,0]"#, &ball, [3.0, 0.0, 0.0], 1.0),
            (r#""transform":"round","radius":0.5"#, &ball, [3.0, 0.0, 0.0], 1.5),
            (r#""transform":"shell","thickness":0.25"#, &ball, [0.0, 0.0, 0.0], 0.75),
            (r#""transform":"repeat","spacing":[4,4,0],"count":[1,0,0]"#, &ball, [4.0, 0.0, 0.0], -1.0),
            (r#""transform":"repeat","spacing":[4,4,0],"count":[1,0,0]"#, &ball, [8.0, 0.0, 0.0], 3.0),
            (r#""transform":"mirror","axis":[1,0,0]"#, &ball, [-3.0, 0.0, 0.0], 2.0),
        ];
        for (text, child, point, expected) in cases {
            let found = at(&format!(r#"{{"type":"transform",{text},"child":{child}}}"#), point);
            assert!((found - expected).abs() < 1e-5, "{text} at {point:?}: {found}, expected {expected}");
        }
    }

    #[test]
    fn a_tree_of_any_depth_needs_no_stack() {
        let mut tree = Tree::default();
        let mut top = tree.push(Node::Primitive { primitive: Primitive::Sphere { radius: 1.0 }, material: None });
        for _ in 0..200_000 {
            let transform = Transform::Translate { offset: Vec3::new(0.001, 0.0, 0.0) };
            top = tree.push(Node::Transform { transform, child: top });
        }
        let evaluator = Evaluator::new(&tree).unwrap();
        assert!((evaluator.distance(Vec3::new(200.0, 0.0, 0.0)) + 1.0).abs() < 0.5);
    }

    #[test]
    fn a_reference_without_a_field_is_told() {
        let tree = field(r#"{"type":"ref","name":"hand"}"#);
        assert_eq!(Evaluator::new(&tree).err(), Some(Some("hand")));
    }

    proptest! {
        #[test]
        fn unions_are_commutative_and_blends_never_above_them(
            point in prop::array::uniform3(-3.0_f32..3.0), k in 0.0_f32..2.0, radius in 0.1_f32..2.0,
        ) {
            let a = primitive(&format!(r#""primitive":"sphere","radius":{radius}"#));
            let b = primitive(r#""primitive":"box","size":[1,0.5,2]"#);
            let of = |op: &str, a: &str, b: &str| at(&format!(r#"{{"type":"operation","op":"{op}","k":{k},"left":{a},"right":{b}}}"#), point);
            prop_assert_eq!(of("union", &a, &b), of("union", &b, &a));
            prop_assert!((of("smoothUnion", &a, &b) - of("smoothUnion", &b, &a)).abs() < 1e-5);
            prop_assert!(of("smoothUnion", &a, &b) <= of("union", &a, &b) + 1e-5);
            prop_assert!(of("smoothDifference", &a, &b) >= of("difference", &a, &b) - 1e-5);
        }

        #[test]
        fn normals_have_length_one(point in prop::array::uniform3(-3.0_f32..3.0)) {
            let tree = field(&primitive(r#""primitive":"torus","major_radius":1,"minor_radius":0.3"#));
            let normals = Evaluator::new(&tree).unwrap().normals(&[point.into()], 1e-3);
            prop_assert!((normals[0].length() - 1.0).abs() < 1e-5);
        }
    }
}
