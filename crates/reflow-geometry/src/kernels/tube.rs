//! Tubes along a line: rings that do not twist (Wang, Jüttler, Zheng, Liu, *Computation of rotation minimizing frames*, 2008).

use glam::{Vec2, Vec3};

/// The rings of the dome at the start.
const DOME: usize = 6;

/// What a tube is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Tube {
    /// Radii at equal distances along the line.
    pub profile: Vec<f32>,
    /// Vertices around a ring.
    pub rings: usize,
    /// The part of the tube that is the head, from 0 to 1.
    pub head_length: f32,
    /// How round the tip of the head is, from 0 (flat) to 1.
    pub head_flatten: f32,
}

/// Triangles, three vertices each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Soup {
    /// Position and normal of each vertex.
    pub vertices: Vec<[f32; 6]>,
    /// Texture coordinates of each vertex.
    pub uv: Vec<[f32; 2]>,
}

#[derive(Clone, Copy)]
struct Vertex {
    position: Vec3,
    normal: Vec3,
    uv: Vec2,
}

struct Frame {
    center: Vec3,
    tangent: Vec3,
    normal: Vec3,
    binormal: Vec3,
}

/// How many vertices a tube has at most.
pub fn vertex_count(sections: usize, rings: usize) -> Option<usize> {
    sections.checked_add(DOME)?.checked_mul(rings)?.checked_mul(6)
}

impl Tube {
    /// The tube along a line, with a dome at its start and flat at its end. All triangles are counter-clockwise seen from
    /// outside; those without an area are left out.
    pub fn mesh(&self, line: &[Vec3]) -> Soup {
        let frames = frames(line);
        let [first, .., last] = &frames[..] else { return Soup::default() };
        let mut soup = Soup::default();
        let sections: Vec<Vec<Vertex>> = (0..frames.len()).map(|index| self.section(&frames, index)).collect();
        let mut dome: Vec<Vec<Vertex>> = (1..=DOME).rev().map(|ring| self.dome(first, ring)).collect();
        dome.extend(sections.first().cloned());
        for pair in dome.windows(2).chain(sections.windows(2)) {
            for (a, b) in pair[0].windows(2).zip(pair[1].windows(2)) {
                soup.push([a[0], a[1], b[1]]);
                soup.push([a[0], b[1], b[0]]);
            }
        }
        let tip = Vertex {
            position: first.center - first.tangent * (1.2 * self.radius(0.0)),
            normal: -first.tangent,
            uv: Vec2::new(-0.1, 0.5),
        };
        let end = Vertex { position: last.center, normal: last.tangent, uv: Vec2::new(1.0, 0.5) };
        for pair in dome.first().into_iter().flat_map(|ring| ring.windows(2)) {
            soup.push([tip, pair[1], pair[0]]);
        }
        for pair in sections.last().into_iter().flat_map(|ring| ring.windows(2)) {
            let flat = |vertex: Vertex| Vertex { normal: last.tangent, ..vertex };
            soup.push([end, flat(pair[0]), flat(pair[1])]);
        }
        soup
    }

    /// A ring of the body; its last vertex is at the place of the first.
    fn section(&self, frames: &[Frame], index: usize) -> Vec<Vertex> {
        let along = index as f32 / (frames.len() - 1) as f32;
        let (radius, flat) = (self.radius(along), self.flat(along));
        let place = |step: usize| {
            let (around, sin, cos) = self.angle(step);
            let frame = &frames[index];
            let outwards = frame.normal * (cos * flat) + frame.binormal * sin;
            // Perpendicular to the ellipse, not away from its centre.
            let normal = (frame.normal * cos + frame.binormal * (sin * flat)).try_normalize().unwrap_or(frame.normal);
            Vertex { position: frame.center + outwards * radius, normal, uv: Vec2::new(along, around) }
        };
        (0..=self.rings).map(place).collect()
    }

    /// A ring of the dome, which reaches 1.2 radii out.
    fn dome(&self, frame: &Frame, ring: usize) -> Vec<Vertex> {
        let part = ring as f32 / (DOME + 1) as f32;
        let (rise, reach) = (part * std::f32::consts::FRAC_PI_2).sin_cos();
        let (radius, flat) = (self.radius(0.0), self.flat(0.0));
        let place = |step: usize| {
            let (around, sin, cos) = self.angle(step);
            let outwards = frame.normal * (cos * flat) + frame.binormal * sin;
            let side = frame.normal * cos + frame.binormal * (sin * flat);
            let normal = side * reach - frame.tangent * (rise / 1.2 * flat.max(0.1));
            Vertex {
                position: frame.center + (outwards * reach - frame.tangent * (1.2 * rise)) * radius,
                normal: normal.try_normalize().unwrap_or(-frame.tangent),
                uv: Vec2::new(-0.1 * part, around),
            }
        };
        (0..=self.rings).map(place).collect()
    }

    /// How far around the ring a vertex is, and sine and cosine of its angle; the last one is exactly where the first is.
    fn angle(&self, step: usize) -> (f32, f32, f32) {
        let around = (step % self.rings) as f32 / self.rings as f32;
        let (sin, cos) = (around * std::f32::consts::TAU).sin_cos();
        (step as f32 / self.rings as f32, sin, cos)
    }

    /// The radius at a place from 0 to 1.
    fn radius(&self, along: f32) -> f32 {
        let Some(last) = self.profile.len().checked_sub(1) else { return 0.0 };
        let at = along * last as f32;
        let index = (at as usize).min(last);
        let (low, high) = (self.profile[index], self.profile[(index + 1).min(last)]);
        low + (high - low) * (at - index as f32)
    }

    fn flat(&self, along: f32) -> f32 {
        if along >= self.head_length {
            return 1.0;
        }
        self.head_flatten + (1.0 - self.head_flatten) * (along / self.head_length).powi(2)
    }
}

impl Soup {
    fn push(&mut self, triangle: [Vertex; 3]) {
        let [a, b, c] = triangle.map(|vertex| vertex.position);
        if (b - a).cross(c - a) == Vec3::ZERO {
            return;
        }
        for vertex in triangle {
            let ([px, py, pz], [nx, ny, nz]) = (vertex.position.to_array(), vertex.normal.to_array());
            self.vertices.push([px, py, pz, nx, ny, nz]);
            self.uv.push(vertex.uv.to_array());
        }
    }
}

/// A frame at each point, each turned from the one before as little as can be.
fn frames(line: &[Vec3]) -> Vec<Frame> {
    let tangent = |index: usize| {
        let (before, after) = (line[index.saturating_sub(1)], line[(index + 1).min(line.len() - 1)]);
        (after - before).try_normalize()
    };
    let mut frames: Vec<Frame> = Vec::with_capacity(line.len());
    for (index, center) in line.iter().enumerate() {
        let frame = match frames.last() {
            None => {
                let tangent = tangent(index).unwrap_or(Vec3::X);
                let up = if tangent.y.abs() < 0.9 { Vec3::Y } else { Vec3::X };
                let binormal = tangent.cross(up).normalize_or_zero();
                Frame { center: *center, tangent, normal: binormal.cross(tangent), binormal }
            }
            Some(before) => next(before, *center, tangent(index).unwrap_or(before.tangent)),
        };
        frames.push(frame);
    }
    frames
}

/// The next frame by two reflections.
fn next(before: &Frame, center: Vec3, tangent: Vec3) -> Frame {
    let reflect = |vector: Vec3, axis: Vec3| match axis.length_squared() {
        0.0 => vector,
        squared => vector - axis * (2.0 * axis.dot(vector) / squared),
    };
    let step = center - before.center;
    let (normal, reflected) = (reflect(before.normal, step), reflect(before.tangent, step));
    let normal = reflect(normal, tangent - reflected);
    // Rounding must not add up.
    let normal = (normal - tangent * tangent.dot(normal)).try_normalize().unwrap_or(before.normal);
    Frame { center, tangent, normal, binormal: tangent.cross(normal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn helix(count: usize) -> Vec<Vec3> {
        (0..count)
            .map(|index| {
                let t = index as f32 / 10.0;
                Vec3::new(t.cos() * 3.0, t, t.sin() * 3.0)
            })
            .collect()
    }

    fn tube() -> Tube {
        Tube { profile: vec![0.2, 0.5, 0.1], rings: 12, head_length: 0.2, head_flatten: 0.6 }
    }

    /// Volume from the triangles' signed volumes: positive when they all face outwards.
    fn volume(soup: &Soup) -> f32 {
        let corner = |vertex: &[f32; 6]| Vec3::from_slice(&vertex[..3]);
        let triangles = soup.vertices.as_chunks::<3>().0.iter();
        triangles.map(|[a, b, c]| corner(a).dot(corner(b).cross(corner(c))) / 6.0).sum()
    }

    #[test]
    fn a_tube_is_closed_and_faces_outwards() {
        let soup = tube().mesh(&helix(50));
        assert_eq!(soup.vertices.len(), vertex_count(50, 12).unwrap());
        let mut edges = std::collections::BTreeMap::new();
        let key = |vertex: &[f32; 6]| [0, 1, 2].map(|axis| vertex[axis].to_bits());
        for triangle in soup.vertices.as_chunks::<3>().0 {
            for side in 0..3 {
                let (from, to) = (key(&triangle[side]), key(&triangle[(side + 1) % 3]));
                *edges.entry((from, to)).or_insert(0) += 1;
                *edges.entry((to, from)).or_insert(0) -= 1;
            }
        }
        // Every edge is walked once in each direction.
        assert!(edges.values().all(|count| *count == 0));
        assert!(volume(&soup) > 0.0);
    }

    #[test]
    fn normals_point_away_from_the_triangles() {
        let soup = tube().mesh(&helix(200));
        for triangle in soup.vertices.as_chunks::<3>().0 {
            let [a, b, c] = triangle.map(|vertex| Vec3::from_slice(&vertex[..3]));
            let face = (b - a).cross(c - a).normalize();
            for vertex in triangle {
                let normal = Vec3::from_slice(&vertex[3..]);
                assert!((normal.length() - 1.0).abs() < 1e-4);
                assert!(normal.dot(face) > 0.0, "{normal} {face}");
            }
        }
    }

    #[test]
    fn a_straight_tube_has_the_volume_of_a_cylinder_and_a_dome() {
        let tube = Tube { profile: vec![1.0], rings: 256, head_length: 0.0, head_flatten: 1.0 };
        let line: Vec<Vec3> = (0..3).map(|index| Vec3::X * index as f32).collect();
        let expected = std::f32::consts::PI * (2.0 + 2.0 / 3.0 * 1.2);
        let found = volume(&tube.mesh(&line));
        assert!((found - expected).abs() < 0.05 * expected, "{found} {expected}");
    }

    #[test]
    fn empty_triangles_are_left_out() {
        let tube = Tube { profile: vec![0.0, 1.0], ..tube() };
        let soup = tube.mesh(&[Vec3::ZERO, Vec3::X, Vec3::X * 2.0]);
        assert!(soup.vertices.len() < vertex_count(3, 12).unwrap());
        assert!(tube.mesh(&[]).vertices.is_empty());
    }
}
