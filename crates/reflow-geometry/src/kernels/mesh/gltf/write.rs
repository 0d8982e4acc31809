//! Triangles as a file of one mesh.

use glam::Vec3;
use rustc_hash::FxHashMap;
use serde_json::{Value as Json, json};

use crate::kernels::floats::{write_f32, write_u32};
use crate::kernels::mesh::soup::{Triangles, WriteError, face_normal, floats_at};

/// The largest container.
const LARGEST: usize = u32::MAX as usize;

/// Writes triangles. Vertices that are equal are written once; normals get the length 1, and those that have none are that
/// of their triangle.
///
/// # Errors
/// When there is no triangle, or too many.
pub fn write(triangles: &Triangles<'_>, name: &str) -> Result<Vec<u8>, WriteError> {
    if triangles.vertex_count() == 0 {
        return Err(WriteError::Empty);
    }
    let vertices = Vertices::new(triangles)?;
    let mut out = Parts::default();
    let mut attributes = serde_json::Map::new();
    let positions: Vec<[f32; 3]> = vertices.part(0);
    attributes.insert("POSITION".into(), out.accessor(&positions, "VEC3", true).into());
    if triangles.layout.has_normal {
        attributes.insert("NORMAL".into(), out.accessor(&vertices.normals, "VEC3", false).into());
    }
    if let Some(offset) = triangles.layout.uv {
        attributes.insert("TEXCOORD_0".into(), out.accessor(&vertices.part::<2>(offset), "VEC2", false).into());
    }
    if let Some(offset) = triangles.layout.color {
        attributes.insert("COLOR_0".into(), out.accessor(&vertices.part::<3>(offset), "VEC3", false).into());
    }
    let indices = out.indices(&vertices.indices);
    let document = json!({
        "asset": {"version": "2.0", "generator": "offbit-reflow"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [{"name": name, "primitives": [
            {"attributes": attributes, "indices": indices, "material": 0, "mode": 4},
        ]}],
        "materials": [{"name": "default", "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.8}}],
        "accessors": out.accessors,
        "bufferViews": out.views,
        "buffers": [{"byteLength": out.data.len()}],
    });
    container(document.to_string().into_bytes(), out.data)
}

/// The distinct vertices of a mesh.
struct Vertices<'a> {
    distinct: Vec<&'a [u8]>,
    normals: Vec<[f32; 3]>,
    indices: Vec<u32>,
}

impl<'a> Vertices<'a> {
    fn new(triangles: &Triangles<'a>) -> Result<Self, WriteError> {
        let count = triangles.vertex_count();
        let has_normal = triangles.layout.has_normal;
        let mut this = Self { distinct: Vec::new(), normals: Vec::new(), indices: Vec::with_capacity(count) };
        let mut seen: FxHashMap<(&[u8], [u32; 3]), u32> = FxHashMap::default();
        let stride = triangles.layout.stride;
        for triangle in triangles.bytes.chunks_exact(stride * 3) {
            let face = [0, 1, 2].map(|corner| floats_at(triangle, corner * stride));
            for vertex in triangle.chunks_exact(stride) {
                let normal = if has_normal { unit(floats_at(vertex, 12), face) } else { [0.0; 3] };
                let next = u32::try_from(this.distinct.len()).map_err(|_| WriteError::TooLarge)?;
                let index = *seen.entry((vertex, normal.map(f32::to_bits))).or_insert_with(|| {
                    this.distinct.push(vertex);
                    this.normals.push(normal);
                    next
                });
                this.indices.push(index);
            }
        }
        Ok(this)
    }

    fn part<const N: usize>(&self, offset: usize) -> Vec<[f32; N]> {
        self.distinct.iter().map(|vertex| floats_at(vertex, offset)).collect()
    }
}

/// A normal of length 1.
fn unit(normal: [f32; 3], face: [[f32; 3]; 3]) -> [f32; 3] {
    let length = Vec3::from(normal).length();
    if (length - 1.0).abs() < 1e-4 {
        return normal;
    }
    let unit = Vec3::from(normal).try_normalize().map(|normal| normal.to_array());
    unit.or_else(|| face_normal(face)).unwrap_or([0.0, 1.0, 0.0])
}

#[derive(Default)]
struct Parts {
    data: Vec<u8>,
    views: Vec<Json>,
    accessors: Vec<Json>,
}

impl Parts {
    /// Adds an accessor in a view of its own, and gives its number.
    fn accessor<const N: usize>(&mut self, values: &[[f32; N]], kind: &str, bounded: bool) -> usize {
        let view = self.view(&write_f32(values.as_flattened()), 34_962);
        let mut accessor = json!({"bufferView": view, "componentType": 5126, "count": values.len(), "type": kind});
        if bounded {
            let fold = |pick: fn(f32, f32) -> f32| {
                values.iter().copied().reduce(|a, b| std::array::from_fn(|axis| pick(a[axis], b[axis])))
            };
            accessor["min"] = fold(f32::min).unwrap_or([0.0; N]).to_vec().into();
            accessor["max"] = fold(f32::max).unwrap_or([0.0; N]).to_vec().into();
        }
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    /// Adds indices, as small as they can be.
    fn indices(&mut self, indices: &[u32]) -> usize {
        let largest = indices.iter().max().copied().unwrap_or(0);
        let (view, component) = if largest < u32::from(u16::MAX) {
            let bytes: Vec<u8> = indices.iter().flat_map(|index| (*index as u16).to_le_bytes()).collect();
            (self.view(&bytes, 34_963), 5123)
        } else {
            (self.view(&write_u32(indices), 34_963), 5125)
        };
        self.accessors
            .push(json!({"bufferView": view, "componentType": component, "count": indices.len(), "type": "SCALAR"}));
        self.accessors.len() - 1
    }

    fn view(&mut self, bytes: &[u8], target: u32) -> usize {
        let offset = self.data.len();
        self.views.push(json!({"buffer": 0, "byteOffset": offset, "byteLength": bytes.len(), "target": target}));
        self.data.extend(bytes);
        self.data.resize(self.data.len().next_multiple_of(4), 0);
        self.views.len() - 1
    }
}

fn container(mut json: Vec<u8>, binary: Vec<u8>) -> Result<Vec<u8>, WriteError> {
    json.resize(json.len().next_multiple_of(4), b' ');
    let length = 12 + 8 + json.len() + 8 + binary.len();
    if length > LARGEST {
        return Err(WriteError::TooLarge);
    }
    let mut file = Vec::with_capacity(length);
    file.extend(b"glTF");
    for number in [2, length as u32, json.len() as u32] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"JSON");
    file.extend(json);
    file.extend((binary.len() as u32).to_le_bytes());
    file.extend(b"BIN\0");
    file.extend(binary);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::mesh::gltf::File;
    use crate::kernels::mesh::gltf::mesh::Choice;
    use proptest::prelude::*;

    fn read(bytes: &[u8], uv: bool) -> Result<Vec<f32>, super::super::GltfError> {
        let file = File::read(bytes)?;
        let soup = file.triangles(&file.instances(Choice::default())?, uv)?;
        Ok(soup.floats)
    }

    fn mesh(stride: usize, numbers: &[f32]) -> Vec<u8> {
        let width = stride / 4;
        let vertices = numbers.chunks_exact(width).map(|vertex| {
            let mut vertex = vertex.to_vec();
            if width >= 6 {
                vertex[3..6].copy_from_slice(&[0.0, 0.0, 1.0]);
            }
            vertex
        });
        write_f32(&vertices.flatten().collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            numbers in prop::collection::vec(prop_oneof![-1e3..1e3_f32, Just(0.5)], 33..200),
            stride in prop::sample::select(vec![24_usize, 32, 36, 44]),
        ) {
            let bytes = mesh(stride, &numbers);
            let triangles = Triangles::new(&bytes, stride).unwrap();
            let file = write(&triangles, "x").unwrap();
            let expected = crate::kernels::floats::read_f32(triangles.bytes);
            prop_assert_eq!(read(&file, triangles.layout.uv.is_some()).unwrap(), expected);
            prop_assert_eq!(file.len() % 4, 0);
        }

        #[test]
        fn cut_and_changed_files_are_read_or_told(cut in 0..2000_usize, at in 0..2000_usize, byte in any::<u8>()) {
            let bytes = mesh(44, &vec![0.5; 66]);
            let mut file = write(&Triangles::new(&bytes, 44).unwrap(), "x").unwrap();
            if let Some(place) = file.get_mut(at) {
                *place = byte;
            }
            let _ = read(&file, true);
            file.truncate(cut);
            let _ = read(&file, true);
        }

        #[test]
        fn lying_numbers_are_read_or_told(which in 0..40_usize, number in prop_oneof![
            Just(0_u64), Just(1), Just(3), Just(u64::from(u32::MAX)), Just(u64::MAX), Just(1 << 40), 0..200_u64,
        ]) {
            // A number of the JSON is replaced, and the container stays right.
            let bytes = mesh(44, &vec![0.5; 66]);
            let file = write(&Triangles::new(&bytes, 44).unwrap(), "x").unwrap();
            let length = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
            let text = std::str::from_utf8(&file[20..20 + length]).unwrap();
            let pieces: Vec<&str> = text.split_inclusive(':').collect();
            let piece = pieces.iter().enumerate().filter(|(_, piece)| piece.starts_with(|c: char| c.is_ascii_digit())).nth(which);
            if let Some((at, piece)) = piece {
                let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
                let changed = format!("{number}{}", &piece[digits..]);
                let text = [&pieces[..at].concat(), &*changed, &pieces[at + 1..].concat()].concat();
                let binary = file[28 + length..].to_vec();
                let _ = read(&container(text.into_bytes(), binary).unwrap(), true);
            }
        }
    }

    #[test]
    fn equal_vertices_are_shared() {
        let quad = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let numbers: Vec<f32> = quad.iter().flat_map(|[x, y]| [*x, *y, 0.0, 0.0, 0.0, 1.0]).collect();
        let bytes = write_f32(&numbers);
        let file = write(&Triangles::new(&bytes, 24).unwrap(), "quad").unwrap();
        let document = File::read(&file).unwrap().document;
        let counts: Vec<usize> = document.accessors.iter().map(|accessor| accessor.count).collect();
        assert_eq!(counts, [4, 4, 6]);
        assert!(matches!(write(&Triangles::new(&[], 24).unwrap(), "x"), Err(WriteError::Empty)));
    }
}
