//! `tpl_mesh_to_sdf`.

use glam::Vec3;
use rayon::prelude::*;
use reflow_pack_sdk::prelude::*;

use super::mesh_distance::MeshDistance;

/// Measures the distance to a triangle mesh on a cubic grid.
///
/// The values stand at the centres of `resolution`³ voxels of the cube from −`bound` to `bound`, at −`bound` + (i + 0.5)·2·`bound`/`resolution`: f32, little
/// endian, at index z·resolution² + y·resolution + x. A value is the exact distance to the nearest triangle, negative inside unless `signed` is false;
/// inside and outside are those of a closed mesh whose triangles are counter-clockwise seen from outside. `bound` 0 fits the cube to the mesh.
///
/// `mesh` is a soup of vertices of `stride` bytes, of which the first three floats count, or an indexed mesh with 32-bit `indices`. The metadata of
/// where the mesh comes from, on `mesh_metadata`, says the stride instead. A trailing incomplete triangle is left out.
///
/// `sdf`, where it leads somewhere, is the same as a field: the primitive `volume`, for everything that takes a tree. Between voxels it is linear.
///
/// `metadata` is `{resolution, bound, voxelCount, triangleCount, dataType, format, signed, adapter}`.
///
/// # Errors
///
/// On `error`: no bytes, no triangle, a stride that is no multiple of 4 or below 12, a resolution of 0 or of more than 512.
#[derive(Component)]
#[component(id = "tpl_mesh_to_sdf", title = "Mesh to SDF", category = "sdf", heavy, per_node, firing = required(mesh))]
#[inport(mesh: Any, required, "The vertices.")]
#[inport(indices: Any, "The triangles, of an indexed mesh.")]
#[inport(mesh_metadata: Any, "What is known of the mesh.")]
#[outport(output: Bytes, "The distances.")]
#[outport(metadata: JsonObject, "What is known of them.")]
#[outport(sdf: JsonObject, "The distances as a field.")]
#[outport(error: ErrorText, "Why there are none.")]
pub(crate) struct MeshToSdf {
    /// Voxels along each axis.
    #[config(default = 32)]
    resolution: i64,
    /// Half the side of the cube; 0 fits it to the mesh.
    #[config(default = 3.0)]
    bound: f64,
    /// Bytes of a vertex.
    #[config(default = 24, unit = "bytes")]
    stride: i64,
    /// Whether distances are negative inside.
    #[config(default = true)]
    signed: bool,
}

/// The finest grid.
const FINEST: i64 = 512;

impl Actor for MeshToSdf {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.measure(tick) {
            Ok((distances, metadata)) => {
                if tick.node().is_outport_heard(Self::OUT_SDF) {
                    tick.write(Self::OUT_SDF, volume(&distances, &metadata));
                }
                tick.emit(Self::OUT_OUTPUT, Message::bytes(distances));
                tick.write(Self::OUT_METADATA, metadata);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

/// The positions of vertices, as far as they are whole.
pub(crate) fn positions(bytes: &[u8], stride: usize) -> Vec<Vec3> {
    let vertices = bytes.chunks_exact(stride).filter_map(|vertex| {
        let (numbers, _) = vertex.as_chunks::<4>();
        let number = |at: usize| numbers.get(at).map(|bytes| f32::from_le_bytes(*bytes));
        Some(Vec3::new(number(0)?, number(1)?, number(2)?))
    });
    vertices.collect()
}

/// Distances as the node of a field.
fn volume(distances: &[u8], metadata: &Value) -> Value {
    let values = distances.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
    let told = |name: &str| metadata.get(name).cloned().unwrap_or_default();
    Value::object([
        ("type", Value::from("primitive")),
        ("primitive", "volume".into()),
        ("resolution", told("resolution")),
        ("bound", told("bound")),
        ("values", Value::array(values)),
        ("material", Value::Null),
    ])
}

impl MeshToSdf {
    fn firing(&self, connected: &[&str]) -> Firing {
        let is = |name: &str| connected.contains(&name);
        let mut optional = Vec::new();
        let mut latest = Vec::new();
        if !is("indices") {
            optional.push("indices".into());
        }
        if is("mesh_metadata") {
            latest.push("mesh_metadata".into())
        } else {
            optional.push("mesh_metadata".into())
        }
        Firing::All { latest, optional }
    }

    fn measure(&self, tick: &Tick<'_>) -> Result<(Vec<u8>, Value), String> {
        if !(1..=FINEST).contains(&self.resolution) {
            return Err(format!(
                "config `resolution`: expected a whole number from 1 to {FINEST}, found {}",
                self.resolution
            ));
        }
        let told = tick.input(Self::IN_MESH_METADATA).map(|message| crate::object(message, "mesh_metadata"));
        let told = told.transpose()?;
        let told = told.as_ref().and_then(|told| told.get("stride")).and_then(Value::as_integer);
        let stride = told.unwrap_or(self.stride);
        if !(12..=4096).contains(&stride) || stride % 4 != 0 {
            return Err(format!("config `stride`: expected a multiple of 4 from 12 to 4096, found {stride}"));
        }
        let bytes = |port, name: &str| match tick.input(port) {
            None => Ok(None),
            Some(message) => match message.as_bytes() {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(format!("expected bytes on `{name}`, found {:?}", message.kind())),
            },
        };
        let mesh = bytes(Self::IN_MESH, "mesh")?.ok_or("expected bytes on `mesh`, found nothing")?;
        let indices = bytes(Self::IN_INDICES, "indices")?;
        let indices: Option<Vec<u32>> =
            indices.map(|bytes| bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect());
        let positions = positions(mesh, stride as usize);
        let mesh = MeshDistance::new(&positions, indices.as_deref()).ok_or("there is no triangle in the mesh")?;
        let bound = if self.bound > 0.0 { self.bound as f32 } else { (mesh.reach() * 1.1).max(1e-3) };
        let resolution = self.resolution as usize;
        let step = 2.0 * bound / resolution as f32;
        let place = |at: usize| -bound + (at as f32 + 0.5) * step;
        let mut distances = vec![0; resolution.pow(3) * 4];
        let signed = self.signed;
        distances.par_chunks_exact_mut(resolution * 4).enumerate().for_each(|(row, bytes)| {
            let (y, z) = (place(row % resolution), place(row / resolution));
            for (x, value) in bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *value = mesh.distance(Vec3::new(place(x), y, z), signed).to_le_bytes();
            }
        });
        let metadata = Value::object([
            ("resolution", Value::from(self.resolution)),
            ("bound", f64::from(bound).into()),
            ("voxelCount", self.resolution.pow(3).into()),
            ("triangleCount", (mesh.len() as i64).into()),
            ("dataType", "f32".into()),
            ("format", "sdf_volume".into()),
            ("signed", signed.into()),
            ("adapter", crate::backend::CPU.into()),
        ]);
        Ok((distances, metadata))
    }
}
