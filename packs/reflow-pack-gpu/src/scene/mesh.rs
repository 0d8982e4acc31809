//! Vertices as they come: position, normal, and by their stride texture coordinates or colours.

use glam::{Vec2, Vec3};

/// A vertex.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vertex {
    pub(super) position: Vec3,
    pub(super) normal: Vec3,
    pub(super) uv: Vec2,
    pub(super) color: Option<Vec3>,
}

/// Triangles, three vertices each.
pub(super) type Triangles = Vec<Vertex>;

/// Reads vertices of `stride` bytes: 12 positions alone, 24 with normals, 32 with texture coordinates, 36 with colours, 44 with both.
///
/// # Errors
/// When the stride is none.
pub(super) fn vertices(bytes: &[u8], stride: usize) -> Result<Triangles, String> {
    if !(12..=4096).contains(&stride) || !stride.is_multiple_of(4) {
        return Err(format!("the stride of a mesh is a multiple of 4 from 12 to 4096, found {stride}"));
    }
    let vertices = bytes.chunks_exact(stride).map(|vertex| {
        let (numbers, _) = vertex.as_chunks::<4>();
        let number = |at: usize| numbers.get(at).map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
        let vector = |at: usize| Vec3::new(number(at), number(at + 1), number(at + 2));
        let (uv_at, color_at) = match stride {
            32 => (Some(6), None),
            36..44 => (None, Some(6)),
            44.. => (Some(6), Some(8)),
            _ => (None, None),
        };
        Vertex {
            position: vector(0),
            normal: if stride >= 24 { vector(3) } else { Vec3::ZERO },
            uv: uv_at.map_or(Vec2::ZERO, |at| Vec2::new(number(at), number(at + 1))),
            color: color_at.map(vector),
        }
    });
    let mut vertices: Triangles = vertices.collect();
    vertices.truncate(vertices.len() / 3 * 3);
    if stride < 24 {
        for triangle in vertices.chunks_exact_mut(3) {
            let [a, b, c] = [0, 1, 2].map(|at: usize| triangle[at].position);
            let normal = (b - a).cross(c - a).normalize_or_zero();
            triangle.iter_mut().for_each(|vertex| vertex.normal = normal);
        }
    }
    Ok(vertices)
}

/// The same by 32-bit indices; triangles of vertices that are not there are left out.
pub(super) fn indexed(vertices: &[Vertex], indices: &[u8]) -> Triangles {
    let corner = |bytes: &[u8; 4]| vertices.get(u32::from_le_bytes(*bytes) as usize).copied();
    let triangles = indices.as_chunks::<4>().0.as_chunks::<3>().0.iter();
    triangles.filter_map(|[a, b, c]| Some([corner(a)?, corner(b)?, corner(c)?])).flatten().collect()
}

/// A terrain: vertices of 32 bytes of a square grid, and its indices behind them, if the length is that of one.
pub(super) fn terrain(bytes: &[u8]) -> Result<Triangles, String> {
    let is_side = |side: &usize| side * side * 32 + (side - 1) * (side - 1) * 24 == bytes.len();
    match (2..=512).find(is_side) {
        Some(side) => {
            let (grid, indices) = bytes.split_at(side * side * 32);
            let corners = grid.chunks_exact(32).map(|bytes| vertices(&bytes.repeat(3), 32).map(|three| three[0]));
            Ok(indexed(&corners.collect::<Result<Vec<_>, _>>()?, indices))
        }
        None => vertices(bytes, 32),
    }
}

/// A cube of a half side.
pub(super) fn cube(half: f32) -> Triangles {
    let mut corners = Vec::with_capacity(36);
    for axis in 0..3 {
        for side in [-1.0_f32, 1.0] {
            let mut normal = Vec3::ZERO;
            normal[axis] = side;
            let place = |u: f32, v: f32| {
                let mut position = normal * half;
                position[(axis + 1) % 3] = u * side * half;
                position[(axis + 2) % 3] = v * half;
                Vertex { position, normal, uv: Vec2::new(0.5 + 0.5 * u, 0.5 - 0.5 * v), color: None }
            };
            let (a, b, c, d) = (place(-1.0, -1.0), place(1.0, -1.0), place(1.0, 1.0), place(-1.0, 1.0));
            corners.extend([a, b, c, a, c, d]);
        }
    }
    corners
}

/// A flat patch of 8 × 8 squares.
pub(super) fn patch(width: f32, depth: f32) -> Triangles {
    let corner = |column: u8, row: u8| {
        let (u, v) = (f32::from(column) / 8.0, f32::from(row) / 8.0);
        Vertex {
            position: Vec3::new((u - 0.5) * width, 0.0, (v - 0.5) * depth),
            normal: Vec3::Y,
            uv: Vec2::new(u, v),
            color: None,
        }
    };
    let squares = (0..8_u8).flat_map(|row| (0..8_u8).map(move |column| (column, row)));
    let triangles = squares.flat_map(|(column, row)| {
        let (a, b) = (corner(column, row), corner(column + 1, row));
        let (c, d) = (corner(column + 1, row + 1), corner(column, row + 1));
        [a, c, b, a, d, c]
    });
    triangles.collect()
}
