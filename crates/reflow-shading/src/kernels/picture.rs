//! Pictures, and a shaded one of a mesh, so that a person sees what it is.

use glam::{Mat3, Vec2, Vec3};

/// 4 bytes a pixel, rows from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green, blue and alpha, not multiplied by it.
    pub pixels: Vec<u8>,
}

/// Triangles as bytes: vertices of little-endian `f32`s, and `u32` indices if they are shared.
#[derive(Clone, Copy, Debug)]
pub struct RawMesh<'a> {
    /// The vertices: 3 floats of position; from a stride of 24 on 3 of normal; with 36, or from 44 on, 3 of colour at the end.
    pub vertices: &'a [u8],
    /// Bytes of a vertex.
    pub stride: usize,
    /// Three a triangle; without them every three vertices are one.
    pub indices: Option<&'a [u8]>,
}

/// Why there is no picture of a mesh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeshPictureError {
    /// A vertex cannot have this many bytes.
    #[error("a stride of {0}: a vertex has at least 12 bytes, and whole floats of 4")]
    Stride(usize),
    /// Too many pixels, or none.
    #[error("a picture of {0} × {1} pixels: there must be some, and at most {MAX_PIXELS}")]
    Size(u32, u32),
}

/// The most pixels of a picture.
const MAX_PIXELS: u64 = 1 << 24;
/// Samples of a pixel in a row, and rows of them.
const SAMPLES: usize = 2;
/// The share of the picture that the mesh fills.
const FILLED: f32 = 0.92;

/// A picture of a mesh as a whole, `seen_from` a yaw (about y) and a pitch (above the ground) in degrees, with a light beside the
/// viewer. Where nothing is it is transparent. What is not finite, or refers to vertices that are not there, is left out.
///
/// # Errors
/// [`MeshPictureError`].
pub fn mesh_picture(mesh: RawMesh<'_>, size: (u32, u32), seen_from: (f32, f32)) -> Result<Picture, MeshPictureError> {
    let (width, height) = size;
    if mesh.stride < 12 || !mesh.stride.is_multiple_of(4) {
        return Err(MeshPictureError::Stride(mesh.stride));
    }
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(MeshPictureError::Size(width, height));
    }
    let turn = Mat3::from_rotation_x(finite(seen_from.1).to_radians())
        * Mat3::from_rotation_y(-finite(seen_from.0).to_radians());
    let vertices: Vec<Vertex> =
        mesh.vertices.chunks_exact(mesh.stride).map(|bytes| Vertex::read(bytes, turn)).collect();
    let (low, high) = extent(&vertices);
    let grid = Vec2::new(width as f32, height as f32) * SAMPLES as f32;
    let span = (high - low).max(Vec2::splat(1e-20));
    let scale = FILLED * (grid.x / span.x).min(grid.y / span.y);
    let middle = (low + high) / 2.0;
    // Up is up: rows go downwards.
    let place =
        |p: Vec3| Vec3::new((p.x - middle.x) * scale + grid.x / 2.0, grid.y / 2.0 - (p.y - middle.y) * scale, p.z);
    let mut canvas = Canvas::new(width as usize * SAMPLES, height as usize * SAMPLES);
    let mut draw = |corners: [usize; 3]| {
        let [Some(a), Some(b), Some(c)] = corners.map(|corner| vertices.get(corner)) else { return };
        if ![a, b, c].iter().all(|vertex| vertex.position.is_finite()) {
            return;
        }
        let face = (b.position - a.position).cross(c.position - a.position).normalize_or_zero();
        let normals = [a, b, c].map(|vertex| if vertex.normal == Vec3::ZERO { face } else { vertex.normal });
        canvas.triangle([a, b, c].map(|vertex| place(vertex.position)), normals, [a, b, c].map(|vertex| vertex.color));
    };
    match mesh.indices {
        Some(indices) => {
            let (indices, _) = indices.as_chunks::<4>();
            let (triangles, _) = indices.as_chunks::<3>();
            triangles.iter().for_each(|triangle| draw(triangle.map(|index| u32::from_le_bytes(index) as usize)));
        }
        None => (0..vertices.len() / 3).for_each(|at| draw([3 * at, 3 * at + 1, 3 * at + 2])),
    }
    Ok(canvas.picture(width, height))
}

fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}

#[derive(Clone, Copy)]
struct Vertex {
    position: Vec3,
    normal: Vec3,
    color: Vec3,
}

/// Clay.
const PLAIN: Vec3 = Vec3::new(0.78, 0.76, 0.72);

impl Vertex {
    fn read(bytes: &[u8], turn: Mat3) -> Self {
        let (floats, _) = bytes.as_chunks::<4>();
        let vector = |at: usize| match floats.get(at..at + 3) {
            Some([x, y, z]) => Vec3::new(f32::from_le_bytes(*x), f32::from_le_bytes(*y), f32::from_le_bytes(*z)),
            _ => Vec3::ZERO,
        };
        let normal = (turn * vector(3)).normalize_or_zero();
        let color = match floats.len() {
            9 => vector(6),
            11.. => vector(floats.len() - 3),
            _ => PLAIN,
        };
        let color = if color.is_finite() { color.clamp(Vec3::ZERO, Vec3::ONE) } else { PLAIN };
        Self { position: turn * vector(0), normal, color }
    }
}

/// The box of all positions that are finite, as it is seen.
fn extent(vertices: &[Vertex]) -> (Vec2, Vec2) {
    let seen = vertices.iter().map(|vertex| vertex.position).filter(|position| position.is_finite());
    let whole = (Vec2::INFINITY, Vec2::NEG_INFINITY);
    let (low, high) = seen.fold(whole, |(low, high), p| (low.min(p.truncate()), high.max(p.truncate())));
    if low.is_finite() && (high - low).is_finite() { (low, high) } else { (Vec2::ZERO, Vec2::ZERO) }
}

/// Samples with how near they are.
struct Canvas {
    width: usize,
    colors: Vec<Vec3>,
    depths: Vec<f32>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, colors: vec![Vec3::ZERO; width * height], depths: vec![f32::NEG_INFINITY; width * height] }
    }

    fn triangle(&mut self, points: [Vec3; 3], normals: [Vec3; 3], colors: [Vec3; 3]) {
        let [a, b, c] = points.map(Vec3::truncate);
        let area = (b - a).perp_dot(c - a);
        if area == 0.0 || !area.is_finite() {
            return;
        }
        let (low, high) = (a.min(b).min(c), a.max(b).max(c));
        // Samples are in the middle; a cast keeps what is out of range at the edge.
        let columns = (low.x - 0.5).ceil() as usize..((high.x + 0.5).floor() as usize).min(self.width);
        let rows = (low.y - 0.5).ceil() as usize..((high.y + 0.5).floor() as usize).min(self.depths.len() / self.width);
        for row in rows {
            for column in columns.clone() {
                let p = Vec2::new(column as f32 + 0.5, row as f32 + 0.5);
                let shares =
                    [(c - b).perp_dot(p - b), (a - c).perp_dot(p - c), (b - a).perp_dot(p - a)].map(|part| part / area);
                if shares.iter().any(|share| *share < 0.0) {
                    continue;
                }
                let depth = mixed(points.map(|point| point.z), shares, |depth, share| depth * share);
                let at = row * self.width + column;
                if depth > self.depths[at] {
                    let normal = mixed(normals, shares, |normal, share| normal * share).normalize_or_zero();
                    self.depths[at] = depth;
                    self.colors[at] = lit(normal, mixed(colors, shares, |color, share| color * share));
                }
            }
        }
    }

    fn picture(&self, width: u32, height: u32) -> Picture {
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 4);
        for y in 0..height as usize {
            for x in 0..width as usize {
                let samples = (0..SAMPLES * SAMPLES)
                    .map(|sample| (y * SAMPLES + sample / SAMPLES) * self.width + x * SAMPLES + sample % SAMPLES);
                let hit: Vec<usize> = samples.filter(|at| self.depths[*at] > f32::NEG_INFINITY).collect();
                let color = hit.iter().map(|at| self.colors[*at]).sum::<Vec3>() / hit.len().max(1) as f32;
                let color = color.clamp(Vec3::ZERO, Vec3::ONE).powf(1.0 / 2.2) * 255.0;
                pixels.extend(color.to_array().map(|value| value.round() as u8));
                pixels.push((255 * hit.len() / (SAMPLES * SAMPLES)) as u8);
            }
        }
        Picture { width, height, pixels }
    }
}

fn mixed<T: std::ops::Add<Output = T>>(values: [T; 3], shares: [f32; 3], part: impl Fn(T, f32) -> T) -> T {
    let [a, b, c] = values;
    part(a, shares[0]) + part(b, shares[1]) + part(c, shares[2])
}

/// Lambert with a light above the viewer's left shoulder, and some from everywhere; both sides are the same.
fn lit(normal: Vec3, color: Vec3) -> Vec3 {
    let normal = if normal.z < 0.0 { -normal } else { normal };
    let light = Vec3::new(-0.4, 0.6, 0.7).normalize();
    color * (0.12 + 0.08 * normal.y + 0.8 * normal.dot(light).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(floats: &[f32]) -> Vec<u8> {
        floats.iter().flat_map(|float| float.to_le_bytes()).collect()
    }

    fn raw(vertices: &[u8], stride: usize) -> RawMesh<'_> {
        RawMesh { vertices, stride, indices: None }
    }

    fn alpha(picture: &Picture, x: usize, y: usize) -> u8 {
        picture.pixels[(y * picture.width as usize + x) * 4 + 3]
    }

    #[test]
    fn a_triangle_is_seen_the_right_way_up() {
        let triangle = bytes(&[-1.0, -1.0, 0.0, 1.0, -1.0, 0.0, -1.0, 1.0, 0.0]);
        let picture = mesh_picture(raw(&triangle, 12), (20, 20), (0.0, 0.0)).unwrap();
        // The right angle is at the lower left.
        assert_eq!([alpha(&picture, 2, 17), alpha(&picture, 17, 2)], [255, 0]);
    }

    #[test]
    fn what_is_nearer_hides_what_is_behind_and_colours_count() {
        let corner = |x: f32, y: f32, z: f32, color: [f32; 3]| [[x, y, z], [0.0, 0.0, 1.0], color].concat();
        let sheet = |z: f32, color: [f32; 3]| {
            [corner(-1.0, -1.0, z, color), corner(3.0, -1.0, z, color), corner(-1.0, 3.0, z, color)].concat()
        };
        for order in [[1.0, -1.0], [-1.0, 1.0]] {
            let sheets = order.map(|z| sheet(z, if z > 0.0 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] })).concat();
            let picture = mesh_picture(raw(&bytes(&sheets), 36), (9, 9), (0.0, 0.0)).unwrap();
            let at = (6 * 9 + 2) * 4;
            assert!(picture.pixels[at] > 100 && picture.pixels[at + 1] == 0);
        }
    }

    #[test]
    fn indices_that_lead_nowhere_and_wrong_sizes_are_no_harm() {
        let square = bytes(&[-1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0, 1.0, 0.0, -1.0, 1.0, 0.0]);
        let indices: Vec<u8> =
            [0_u32, 1, 2, 0, 2, 3, 9, 0, 1, u32::MAX].iter().flat_map(|at| at.to_le_bytes()).collect();
        let mesh = RawMesh { vertices: &square, stride: 12, indices: Some(&indices) };
        let picture = mesh_picture(mesh, (8, 8), (0.0, 0.0)).unwrap();
        assert!((1..7).all(|at| alpha(&picture, at, at) == 255));
        assert_eq!(mesh_picture(raw(&square, 8), (8, 8), (0.0, 0.0)), Err(MeshPictureError::Stride(8)));
        assert_eq!(mesh_picture(raw(&square, 12), (0, 8), (0.0, 0.0)), Err(MeshPictureError::Size(0, 8)));
        assert_eq!(mesh_picture(raw(&square, 12), (u32::MAX, 9), (0.0, 0.0)), Err(MeshPictureError::Size(u32::MAX, 9)));
        assert!(mesh_picture(raw(&[], 12), (2, 2), (0.0, 0.0)).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(vertices in prop::collection::vec(any::<u8>(), 0..400), stride in 3_usize..13, yaw in any::<f32>()) {
            prop_assert!(mesh_picture(raw(&vertices, stride * 4), (7, 5), (yaw, f32::NAN)).is_ok());
        }

        #[test]
        fn no_numbers_panic(floats in prop::collection::vec(any::<f32>(), 0..90), large in any::<bool>()) {
            let floats: Vec<f32> = floats.iter().map(|float| if large { *float } else { float.clamp(-3.0, 3.0) }).collect();
            prop_assert!(mesh_picture(raw(&bytes(&floats), 12), (7, 5), (30.0, 20.0)).is_ok());
        }
    }
}
