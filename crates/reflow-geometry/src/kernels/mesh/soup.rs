//! Triangles that share nothing: three vertices each, one after the other.

use glam::Vec3;
use rustc_hash::FxHashMap;

use crate::kernels::floats::{f32_at, write_f32};
use crate::kernels::layout::{Layout, LayoutError, vertex_count};

/// Triangles of some layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Soup {
    /// What a vertex is made of.
    pub layout: Layout,
    /// The parts of all vertices.
    pub floats: Vec<f32>,
}

impl Soup {
    /// None yet, with normals and these further parts.
    pub fn new(has_uv: bool, has_color: bool) -> Self {
        let stride = match (has_uv, has_color) {
            (false, false) => 24,
            (true, false) => 32,
            (false, true) => 36,
            (true, true) => 44,
        };
        Self { layout: Layout::of_stride(stride), floats: Vec::new() }
    }

    /// How many vertices there are.
    pub fn vertex_count(&self) -> usize {
        self.floats.len() * 4 / self.layout.stride.max(4)
    }

    /// The bytes of all vertices.
    pub fn to_bytes(&self) -> Vec<u8> {
        write_f32(&self.floats)
    }

    /// Adds a triangle. Where its first corner has no normal, all three get that of the face.
    pub fn push(&mut self, mut corners: [Corner; 3]) {
        if corners[0].normal == [0.0; 3] {
            let normal = face_normal(corners.map(|corner| corner.position)).unwrap_or([0.0, 1.0, 0.0]);
            corners.iter_mut().for_each(|corner| corner.normal = normal);
        }
        let Layout { uv, color, .. } = self.layout;
        for corner in corners {
            self.floats.extend(corner.position);
            self.floats.extend(corner.normal);
            if uv.is_some() {
                self.floats.extend(corner.uv);
            }
            if color.is_some() {
                self.floats.extend(corner.color);
            }
        }
    }
}

/// A vertex of a triangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corner {
    /// Where it is.
    pub position: [f32; 3],
    /// Its normal; zero when it has none.
    pub normal: [f32; 3],
    /// Its texture coordinates.
    pub uv: [f32; 2],
    /// Its colour.
    pub color: [f32; 3],
}

impl Default for Corner {
    fn default() -> Self {
        Self { position: [0.0; 3], normal: [0.0; 3], uv: [0.0; 2], color: [1.0; 3] }
    }
}

/// The normal of a counter-clockwise triangle; none when it has next to no area.
pub fn face_normal(corners: [[f32; 3]; 3]) -> Option<[f32; 3]> {
    // In 64 bits, so that small triangles far out have a normal too.
    let [a, b, c] = corners.map(|corner| Vec3::from(corner).as_dvec3());
    let normal = (b - a).cross(c - a).try_normalize()?.as_vec3();
    Some(normal.to_array())
}

/// A mesh to be written: whole triangles of a layout.
#[derive(Clone, Copy, Debug)]
pub struct Triangles<'a> {
    /// What a vertex is made of.
    pub layout: Layout,
    /// The bytes of all vertices.
    pub bytes: &'a [u8],
}

/// Why a mesh is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It does not consist of vertices.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// It has no triangle.
    #[error("The mesh has no triangle")]
    Empty,
    /// A file cannot say this number.
    #[error("Vertex {0} has a number that is not finite")]
    NotFinite(usize),
    /// A file cannot be that large.
    #[error("The mesh is too large for its format")]
    TooLarge,
}

impl<'a> Triangles<'a> {
    /// The whole triangles of a mesh; vertices that are left over at the end are none.
    ///
    /// # Errors
    /// When a vertex has no room for a position, or a position or normal is not finite.
    pub fn new(mesh: &'a [u8], stride: usize) -> Result<Self, WriteError> {
        // Only the stride can be wrong: what is less than a triangle is left out below.
        vertex_count(0, stride, 12)?;
        let bytes = &mesh[..mesh.len() / (stride * 3) * (stride * 3)];
        let layout = Layout::of_stride(stride);
        let known = match layout {
            Layout { uv: None, color: None, has_normal, .. } => 12 + 12 * usize::from(has_normal),
            _ => stride,
        };
        for (index, vertex) in bytes.chunks_exact(stride).enumerate() {
            let chunks = vertex[..known].as_chunks::<4>().0;
            if chunks.iter().any(|chunk| !f32::from_le_bytes(*chunk).is_finite()) {
                return Err(WriteError::NotFinite(index));
            }
        }
        Ok(Self { layout, bytes })
    }

    /// How many vertices there are.
    pub fn vertex_count(&self) -> usize {
        self.bytes.len() / self.layout.stride
    }

    /// All vertices in order.
    pub fn vertices(&self) -> impl Iterator<Item = &'a [u8]> {
        self.bytes.chunks_exact(self.layout.stride)
    }

    /// The positions of each triangle's corners.
    pub fn corners(&self) -> impl Iterator<Item = [[f32; 3]; 3]> {
        let stride = self.layout.stride;
        let triangles = self.bytes.chunks_exact(stride * 3);
        triangles.map(move |bytes| [0, 1, 2].map(|corner| floats_at(bytes, corner * stride)))
    }

    /// One part of every vertex, at most once each, and which of them each vertex has.
    pub fn distinct<const N: usize>(&self, offset: usize) -> (Vec<[f32; N]>, Vec<u32>) {
        let (mut values, mut indices) = (Vec::new(), Vec::with_capacity(self.vertex_count()));
        let mut seen: FxHashMap<[u32; N], u32> = FxHashMap::default();
        for vertex in self.vertices() {
            // -0 and 0 are one.
            let part = floats_at::<N>(vertex, offset).map(|number| number + 0.0);
            let index = *seen.entry(part.map(f32::to_bits)).or_insert_with(|| {
                values.push(part);
                values.len() as u32 - 1
            });
            indices.push(index);
        }
        (values, indices)
    }
}

/// Numbers that stand one after the other.
pub fn floats_at<const N: usize>(bytes: &[u8], offset: usize) -> [f32; N] {
    std::array::from_fn(|index| f32_at(bytes, offset + index * 4))
}
