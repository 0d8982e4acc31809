//! Distances to a mesh: a tree of boxes finds the nearest triangle, and the normal of what is nearest there (a face, an edge, a corner)
//! tells inside from outside (Bærentzen and Aanæs, *Signed Distance Computation Using the Angle Weighted Pseudonormal*, 2005).

use std::collections::HashMap;

use glam::Vec3;

/// Triangles of a leaf.
const LEAF: usize = 4;

/// A mesh that distances are asked of.
pub(super) struct MeshDistance {
    corners: Vec<Vec3>,
    /// Three corners, as numbers; corners at the same place are one.
    triangles: Vec<[u32; 3]>,
    boxes: Vec<Node>,
    faces: Vec<Vec3>,
    vertices: Vec<Vec3>,
    edges: HashMap<(u32, u32), Vec3>,
}

struct Node {
    min: Vec3,
    max: Vec3,
    /// Of a leaf its triangles; of others the place of the second child, the first one being the next.
    content: Content,
}

enum Content {
    Triangles(std::ops::Range<usize>),
    Children(usize),
}

/// The part of a triangle that is nearest.
#[derive(Clone, Copy)]
enum Part {
    Face,
    Corner(usize),
    Edge(usize, usize),
}

impl MeshDistance {
    /// Reads triangles: corners by threes, or by `indices`. Corners that are not finite take their triangle along. `None` without triangles.
    pub(super) fn new(positions: &[Vec3], indices: Option<&[u32]>) -> Option<Self> {
        let mut known: HashMap<[u32; 3], u32> = HashMap::new();
        let mut corners = Vec::new();
        let mut number = |position: Vec3| {
            // Zero has two signs.
            let key = position.to_array().map(|part| (part + 0.0).to_bits());
            *known.entry(key).or_insert_with(|| {
                corners.push(position);
                corners.len() as u32 - 1
            })
        };
        let mut triangles = Vec::new();
        let mut add = |triple: [Vec3; 3]| {
            if triple.iter().all(|corner| corner.is_finite()) {
                triangles.push(triple.map(&mut number));
            }
        };
        match indices {
            None => positions.as_chunks::<3>().0.iter().for_each(|triple| add(*triple)),
            Some(indices) => {
                for triple in indices.as_chunks::<3>().0 {
                    let at = triple.map(|index| positions.get(index as usize).copied());
                    if let [Some(a), Some(b), Some(c)] = at {
                        add([a, b, c]);
                    }
                }
            }
        }
        if triangles.is_empty() {
            return None;
        }
        let mut mesh = Self {
            vertices: vec![Vec3::ZERO; corners.len()],
            corners,
            triangles,
            boxes: Vec::new(),
            faces: Vec::new(),
            edges: HashMap::new(),
        };
        let count = mesh.triangles.len();
        mesh.split(0..count);
        mesh.weigh();
        Some(mesh)
    }

    /// The number of triangles.
    pub(super) fn len(&self) -> usize {
        self.triangles.len()
    }

    /// The largest coordinate.
    pub(super) fn reach(&self) -> f32 {
        self.corners.iter().map(|corner| corner.abs().max_element()).fold(0.0, f32::max)
    }

    fn triple(&self, at: usize) -> [Vec3; 3] {
        self.triangles[at].map(|corner| self.corners[corner as usize])
    }

    /// Builds the tree over a range of triangles.
    fn split(&mut self, range: std::ops::Range<usize>) {
        let (mut min, mut max) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
        for at in range.clone() {
            for corner in self.triple(at) {
                (min, max) = (min.min(corner), max.max(corner));
            }
        }
        let place = self.boxes.len();
        self.boxes.push(Node { min, max, content: Content::Triangles(range.clone()) });
        if range.len() <= LEAF {
            return;
        }
        let axis = (max - min).max_position();
        let corners = std::mem::take(&mut self.corners);
        let middle = range.len() / 2;
        let key = |triangle: &[u32; 3]| triangle.iter().map(|corner| corners[*corner as usize][axis]).sum::<f32>();
        self.triangles[range.clone()].select_nth_unstable_by(middle, |a, b| key(a).total_cmp(&key(b)));
        self.corners = corners;
        self.split(range.start..range.start + middle);
        let second = self.boxes.len();
        self.split(range.start + middle..range.end);
        self.boxes[place].content = Content::Children(second);
    }

    /// The normals of faces, edges and corners, the last ones weighted by angles.
    fn weigh(&mut self) {
        for at in 0..self.triangles.len() {
            let [a, b, c] = self.triple(at);
            let normal = (b - a).cross(c - a).normalize_or_zero();
            self.faces.push(normal);
            let numbers = self.triangles[at];
            for (corner, (here, (next, last))) in numbers.into_iter().zip([(a, (b, c)), (b, (c, a)), (c, (a, b))]) {
                let angle = (next - here).angle_between(last - here);
                if angle.is_finite() {
                    self.vertices[corner as usize] += normal * angle;
                }
            }
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                let (from, to) = (numbers[from], numbers[to]);
                *self.edges.entry((from.min(to), from.max(to))).or_insert(Vec3::ZERO) += normal;
            }
        }
    }

    /// The distance from a point to the nearest triangle, negative inside where `signed`.
    pub(super) fn distance(&self, point: Vec3, signed: bool) -> f32 {
        let mut best = (f32::INFINITY, 0, Vec3::ZERO, Part::Face);
        let mut stack = vec![(0, 0.0)];
        while let Some((at, nearest)) = stack.pop() {
            if nearest > best.0 {
                continue;
            }
            match &self.boxes[at].content {
                Content::Triangles(range) => {
                    for triangle in range.clone() {
                        let (closest, part) = closest(point, self.triple(triangle));
                        let squared = point.distance_squared(closest);
                        if squared < best.0 {
                            best = (squared, triangle, closest, part);
                        }
                    }
                }
                Content::Children(second) => {
                    let children = [at + 1, *second].map(|child| (child, self.boxes[child].distance_squared(point)));
                    let [near, far] =
                        if children[0].1 <= children[1].1 { children } else { [children[1], children[0]] };
                    stack.extend([far, near]);
                }
            }
        }
        let (squared, triangle, closest, part) = best;
        let distance = squared.sqrt();
        if !signed {
            return distance;
        }
        let numbers = self.triangles[triangle];
        let normal = match part {
            Part::Face => self.faces[triangle],
            Part::Corner(corner) => self.vertices[numbers[corner] as usize],
            Part::Edge(from, to) => {
                let (from, to) = (numbers[from], numbers[to]);
                self.edges.get(&(from.min(to), from.max(to))).copied().unwrap_or_default()
            }
        };
        if (point - closest).dot(normal) < 0.0 { -distance } else { distance }
    }
}

impl Node {
    fn distance_squared(&self, point: Vec3) -> f32 {
        point.distance_squared(point.clamp(self.min, self.max))
    }
}

/// The nearest point of a triangle (Ericson, *Real-Time Collision Detection*, 2005, 5.1.5), and on which part of it that is.
fn closest(p: Vec3, [a, b, c]: [Vec3; 3]) -> (Vec3, Part) {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return (a, Part::Corner(0));
    }
    let bp = p - b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return (b, Part::Corner(1));
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return (a + ab * (d1 / (d1 - d3)), Part::Edge(0, 1));
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return (c, Part::Corner(2));
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return (a + ac * (d2 / (d2 - d6)), Part::Edge(0, 2));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        return (b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6))), Part::Edge(1, 2));
    }
    let sum = va + vb + vc;
    if sum == 0.0 {
        return (a, Part::Corner(0));
    }
    (a + ab * (vb / sum) + ac * (vc / sum), Part::Face)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A cube around the origin whose half side is 1.
    pub(crate) fn cube() -> Vec<Vec3> {
        let mut corners = Vec::new();
        for axis in 0..3 {
            for side in [-1.0, 1.0] {
                let place = |u: f32, v: f32| {
                    let mut point = Vec3::ZERO;
                    point[axis] = side;
                    point[(axis + 1) % 3] = u * side;
                    point[(axis + 2) % 3] = v;
                    point
                };
                let (a, b, c, d) = (place(-1.0, -1.0), place(1.0, -1.0), place(1.0, 1.0), place(-1.0, 1.0));
                corners.extend([a, b, c, a, c, d]);
            }
        }
        corners
    }

    fn exact(point: Vec3) -> f32 {
        let q = point.abs() - Vec3::ONE;
        q.max(Vec3::ZERO).length() + q.max_element().min(0.0)
    }

    proptest! {
        #[test]
        fn distances_to_a_cube_are_exact(x in -3.0..3.0_f32, y in -3.0..3.0_f32, z in -3.0..3.0_f32) {
            let mesh = MeshDistance::new(&cube(), None).unwrap();
            let point = Vec3::new(x, y, z);
            prop_assert!((mesh.distance(point, true) - exact(point)).abs() < 1e-4);
            prop_assert!((mesh.distance(point, false) - exact(point).abs()).abs() < 1e-4);
        }

        #[test]
        fn the_tree_finds_what_is_nearest(corners in prop::collection::vec(prop::array::uniform3(-2.0..2.0_f32), 3..60), at in prop::array::uniform3(-3.0..3.0_f32)) {
            let corners: Vec<Vec3> = corners.into_iter().map(Vec3::from_array).collect();
            let mesh = MeshDistance::new(&corners, None).unwrap();
            let point = Vec3::from_array(at);
            let expected = corners.as_chunks::<3>().0.iter().map(|triple| closest(point, *triple).0.distance(point)).fold(f32::INFINITY, f32::min);
            prop_assert!((mesh.distance(point, false) - expected).abs() < 1e-5);
        }
    }
}
