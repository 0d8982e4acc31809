//! Meshes of fields by marching cubes (Lorensen and Cline, 1987).
//!
//! The table of cases is not written down but made: on every face of a cell each run of inside corners is cut off by a segment,
//! and the segments of all faces close to loops. Neighbouring cells see the same runs on the face that they share, so meshes
//! have no holes, also in the cases that the original table gets wrong.

use std::num::NonZero;
use std::sync::LazyLock;

use glam::{UVec3, Vec3};

use super::{Bounds, Evaluator};

/// Triangles with shared vertices, counter-clockwise seen from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Where the vertices are.
    pub positions: Vec<Vec3>,
    /// The unit normal of each vertex.
    pub normals: Vec<Vec3>,
    /// Three vertices a triangle.
    pub indices: Vec<u32>,
}

/// Why there is no mesh.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// The grid is too large, or has no cells.
    #[error("a grid of {0} cells: each side needs at least 1 cell, and all together at most {MAX_CELLS}")]
    Cells(UVec3),
    /// The box has no size, or no end.
    #[error("the box from {min} to {max} is empty or has no end; give one that the field fits in", min = .0.min, max = .0.max)]
    Bounds(Bounds),
}

/// The most cells of a grid: two planes of values a thread are held, and vertices are numbered by 32 bits.
const MAX_CELLS: u64 = 1 << 30;

/// An edge of a cell: its lower corner and its axis, as `corner | axis << 3`.
type Edge = u8;

/// For each set of inside corners, the triangles as edges.
static CASES: LazyLock<Vec<Vec<[Edge; 3]>>> = LazyLock::new(|| (0..=255).map(triangles).collect());

/// The corners of each face of a cell, counter-clockwise seen from outside. Bit 0 of a corner is x, bit 1 y, bit 2 z.
const FACES: [[u8; 4]; 6] = [[0, 4, 6, 2], [1, 3, 7, 5], [0, 1, 5, 4], [2, 6, 7, 3], [0, 2, 3, 1], [4, 5, 7, 6]];

fn edge(a: u8, b: u8) -> Edge {
    (a & b) | ((a ^ b).trailing_zeros() as u8) << 3
}

fn triangles(inside: u8) -> Vec<[Edge; 3]> {
    let is_inside = |corner: u8| inside >> corner & 1 == 1;
    // The segment that begins at an edge leads to this one.
    let mut next = [None::<Edge>; 24];
    for face in FACES {
        for at in 0..4 {
            // The run of inside corners that begins here, if one does.
            let (before, first) = (face[(at + 3) % 4], face[at]);
            if is_inside(before) || !is_inside(first) {
                continue;
            }
            let length = (0..4).take_while(|step| is_inside(face[(at + step) % 4])).count();
            let (last, after) = (face[(at + length - 1) % 4], face[(at + length) % 4]);
            next[usize::from(edge(before, first))] = Some(edge(last, after));
        }
    }
    let mut found = Vec::new();
    for start in 0..24 {
        let Some(first) = next[start].take() else { continue };
        let start = start as Edge;
        let mut previous = first;
        while previous != start {
            let Some(edge) = next[usize::from(previous)].take() else { break };
            if edge != start {
                found.push([start, previous, edge]);
            }
            previous = edge;
        }
    }
    found
}

/// The surface of a field within `bounds`, on a grid of `cells`, computed on `threads` threads.
///
/// # Errors
/// [`MeshError`] when the grid or the box is no good.
pub fn march(field: &Evaluator<'_>, bounds: Bounds, cells: UVec3, threads: NonZero<usize>) -> Result<Mesh, MeshError> {
    let total = cells.to_array().map(u64::from).into_iter().try_fold(1_u64, u64::checked_mul);
    if cells.min_element() == 0 || total.is_none_or(|total| total > MAX_CELLS) {
        return Err(MeshError::Cells(cells));
    }
    let size = bounds.max - bounds.min;
    if !bounds.is_finite() || size.min_element() <= 0.0 || !size.is_finite() {
        return Err(MeshError::Bounds(bounds));
    }
    let grid = Grid { origin: bounds.min, step: size / cells.as_vec3(), cells };
    let layers = cells.z as usize;
    let share = layers.div_ceil(threads.get());
    let slabs: Vec<Slab> = std::thread::scope(|scope| {
        let grid = &grid;
        let ranges = (0..layers).step_by(share).map(|from| from..(from + share).min(layers));
        let running: Vec<_> = ranges.map(|layers| scope.spawn(move || Slab::march(field, grid, layers))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Slab>| {
            thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
        };
        running.into_iter().map(join).collect()
    });
    // Neighbouring slabs have the vertices on the plane between them in common.
    let mut mesh = Mesh::default();
    let mut top: Vec<u32> = Vec::new();
    for slab in &slabs {
        let mut number: Vec<u32> = vec![NONE; slab.positions.len()];
        for (shared, own) in top.iter().zip(&slab.bottom).filter(|(_, own)| **own != NONE) {
            number[*own as usize] = *shared;
        }
        for (at, number) in number.iter_mut().enumerate().filter(|(_, number)| **number == NONE) {
            *number = mesh.positions.len() as u32;
            mesh.positions.push(slab.positions[at]);
            mesh.normals.push(slab.normals[at]);
        }
        mesh.indices.extend(slab.indices.iter().map(|index| number[*index as usize]));
        top = slab.top.iter().map(|own| if *own == NONE { NONE } else { number[*own as usize] }).collect();
    }
    Ok(mesh)
}

struct Grid {
    origin: Vec3,
    step: Vec3,
    cells: UVec3,
}

impl Grid {
    /// Grid points on a row, and on a plane.
    fn row(&self) -> usize {
        self.cells.x as usize + 1
    }

    fn plane(&self) -> usize {
        self.row() * (self.cells.y as usize + 1)
    }

    fn point(&self, x: usize, y: usize, z: usize) -> Vec3 {
        self.origin + self.step * Vec3::new(x as f32, y as f32, z as f32)
    }
}

/// No vertex.
const NONE: u32 = u32::MAX;

/// What one thread makes: some layers of cells.
#[derive(Default)]
struct Slab {
    positions: Vec<Vec3>,
    normals: Vec<Vec3>,
    indices: Vec<u32>,
    /// The vertices on the edges along x, then along y, of the lowest and the highest plane.
    bottom: Vec<u32>,
    top: Vec<u32>,
}

impl Slab {
    fn march(field: &Evaluator<'_>, grid: &Grid, layers: std::ops::Range<usize>) -> Self {
        let plane = grid.plane();
        let mut slab = Self::default();
        let mut points = Vec::with_capacity(plane);
        let mut measure = |z: usize, out: &mut Vec<f32>| {
            points.clear();
            for y in 0..=grid.cells.y as usize {
                points.extend((0..grid.row()).map(|x| grid.point(x, y, z)));
            }
            out.resize(plane, 0.0);
            field.distances(&points, out);
            // What is no distance is far outside, so that no surface goes through it.
            out.iter_mut().for_each(|d| *d = if d.is_nan() { f32::MAX } else { d.clamp(f32::MIN, f32::MAX) });
        };
        let (mut low, mut high) = (Vec::new(), Vec::new());
        measure(layers.start, &mut low);
        // Vertices by edge: along x and y of the lower plane, the same of the upper one, and along z between them.
        let mut lower = vec![NONE; 2 * plane];
        let (mut upper, mut between) = (vec![NONE; 2 * plane], vec![NONE; plane]);
        for z in layers.clone() {
            measure(z + 1, &mut high);
            upper.fill(NONE);
            between.fill(NONE);
            for y in 0..grid.cells.y as usize {
                // The inside corners of a column: bits 0, 2, 4 and 6, as they are for the lower x of a cell.
                let column = |x: usize| {
                    let at = y * grid.row() + x;
                    let corners = [low[at], low[at + grid.row()], high[at], high[at + grid.row()]];
                    (0..).zip(corners).fold(0_usize, |set, (bit, d)| set | usize::from(d < 0.0) << (2 * bit))
                };
                let mut next = column(0);
                for x in 0..grid.cells.x as usize {
                    let before = std::mem::replace(&mut next, column(x + 1));
                    let inside = before | next << 1;
                    if inside == 0 || inside == 255 {
                        continue;
                    }
                    let at = y * grid.row() + x;
                    let place = |corner: u8| at + usize::from(corner & 1) + grid.row() * usize::from(corner >> 1 & 1);
                    let value = |corner: u8| if corner & 4 == 0 { low[place(corner)] } else { high[place(corner)] };
                    for triangle in &CASES[inside] {
                        for edge in triangle {
                            let (corner, axis) = (edge & 7, edge >> 3);
                            let slot = match (axis, corner & 4) {
                                (2, _) => &mut between[place(corner)],
                                (axis, 0) => &mut lower[usize::from(axis) * plane + place(corner)],
                                (axis, _) => &mut upper[usize::from(axis) * plane + place(corner)],
                            };
                            if *slot == NONE {
                                *slot = slab.positions.len() as u32;
                                let (a, b) = (value(corner), value(corner | 1 << axis));
                                let (x, y) = (x + usize::from(corner & 1), y + usize::from(corner >> 1 & 1));
                                let mut point = grid.point(x, y, z + usize::from(corner >> 2));
                                point[usize::from(axis)] +=
                                    grid.step[usize::from(axis)] * (a / (a - b)).clamp(0.0, 1.0);
                                slab.positions.push(point);
                            }
                            slab.indices.push(*slot);
                        }
                    }
                }
            }
            if z == layers.start {
                slab.bottom.clone_from(&lower);
            }
            std::mem::swap(&mut low, &mut high);
            std::mem::swap(&mut lower, &mut upper);
        }
        slab.top = lower;
        slab.normals = field.normals(&slab.positions, grid.step.min_element() * 0.1);
        slab
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Node, Operation, Primitive, Tree};
    use super::*;

    fn mesh(tree: &Tree, reach: f32, cells: u32, threads: usize) -> Mesh {
        let field = Evaluator::new(tree).unwrap();
        march(&field, Bounds::around(Vec3::splat(reach)), UVec3::splat(cells), NonZero::new(threads).unwrap()).unwrap()
    }

    fn ball(radius: f32) -> Tree {
        let mut tree = Tree::default();
        tree.push(Node::Primitive { primitive: Primitive::Sphere { radius }, material: None });
        tree
    }

    /// Every edge of a closed surface is walked once in each direction.
    fn assert_closed(mesh: &Mesh) {
        let mut walked: BTreeMap<(u32, u32), i32> = BTreeMap::new();
        for triangle in mesh.indices.chunks_exact(3) {
            for (a, b) in [(0, 1), (1, 2), (2, 0)] {
                let (a, b) = (triangle[a], triangle[b]);
                *walked.entry((a.min(b), a.max(b))).or_default() += if a < b { 1 } else { -1 };
            }
        }
        assert!(walked.values().all(|sum| *sum == 0), "the surface has holes");
    }

    #[test]
    fn a_ball_is_round_closed_and_faces_outwards() {
        let mesh = mesh(&ball(1.0), 1.25, 32, 1);
        assert_closed(&mesh);
        assert!(mesh.positions.iter().all(|point| (point.length() - 1.0).abs() < 0.01));
        assert!(mesh.positions.iter().zip(&mesh.normals).all(|(point, normal)| point.normalize().dot(*normal) > 0.99));
        let volume: f32 = mesh
            .indices
            .chunks_exact(3)
            .map(|t| {
                let [a, b, c] = [t[0], t[1], t[2]].map(|index| mesh.positions[index as usize]);
                a.dot(b.cross(c)) / 6.0
            })
            .sum();
        assert!((volume - 4.0 / 3.0 * std::f32::consts::PI).abs() < 0.05, "{volume}");
    }

    #[test]
    fn threads_do_not_change_the_mesh() {
        let (one, three) = (mesh(&ball(1.0), 1.25, 20, 1), mesh(&ball(1.0), 1.25, 20, 3));
        assert_closed(&three);
        assert_eq!(one.positions.len(), three.positions.len());
        assert_eq!(one.indices.len(), three.indices.len());
    }

    #[test]
    fn every_case_is_closed() {
        // A field of random signs meets all cases and all ambiguous faces.
        let mut tree = Tree::default();
        let noise = |tree: &mut Tree, seed: u32| {
            let sphere = Primitive::Sphere { radius: 0.3 + 0.1 * seed as f32 };
            tree.push(Node::Primitive { primitive: sphere, material: None })
        };
        let left = noise(&mut tree, 3);
        let transform = super::super::Transform::Displace { frequency: 9.0, amplitude: 2.0, octaves: 3 };
        let left = tree.push(Node::Transform { transform, child: left });
        let right = tree.push(Node::Primitive { primitive: Primitive::Box { size: Vec3::splat(0.8) }, material: None });
        tree.push(Node::Operation { operation: Operation::Intersection {}, left, right });
        let mesh = mesh(&tree, 1.0, 24, 2);
        assert!(mesh.indices.len() > 3000);
        assert_closed(&mesh);
    }

    #[test]
    fn bad_grids_and_boxes_are_refused() {
        let tree = ball(1.0);
        let field = Evaluator::new(&tree).unwrap();
        let one = NonZero::<usize>::MIN;
        let around = Bounds::around(Vec3::ONE);
        assert_eq!(march(&field, around, UVec3::new(0, 1, 1), one), Err(MeshError::Cells(UVec3::new(0, 1, 1))));
        assert_eq!(march(&field, around, UVec3::splat(5000), one), Err(MeshError::Cells(UVec3::splat(5000))));
        for bounds in [Bounds::EVERYWHERE, Bounds::NOTHING, Bounds::around(Vec3::ZERO)] {
            assert_eq!(march(&field, bounds, UVec3::ONE, one), Err(MeshError::Bounds(bounds)));
        }
    }
}
