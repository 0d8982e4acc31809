//! `tpl_gltf_export`.

use reflow_component::prelude::*;

use crate::kernels::mesh::gltf::write::write;
use crate::kernels::mesh::soup::Triangles;

/// Writes a mesh as glTF 2.0 in one file (GLB).
///
/// The file has one mesh with a plain material. Normals, texture coordinates and colours are written when the stride is that of a
/// layout with them; normals get the length 1, and vertices that are equal are written once. Vertices at the end that are no whole
/// triangle are left out.
#[derive(Component)]
#[component(id = "tpl_gltf_export", title = "glTF Export", category = "mesh-io", heavy)]
#[inport(mesh: Bytes, required, "Three vertices for every triangle, of 32-bit floats: position first, normal next.")]
#[outport(output: Bytes, "The file.")]
#[outport(metadata: JsonObject, "Counts and the size of the file.")]
#[outport(error: ErrorText, "Why there is no file.")]
#[example(
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "The mesh has no triangle"}]}]"#
)]
pub(super) struct GltfExport {
    /// The name of the mesh and its node.
    #[config(default = "mesh".to_string(), lenient)]
    name: String,
    /// What a vertex takes.
    #[config(default = 24, unit = "bytes", lenient)]
    stride: u32,
}

impl Actor for GltfExport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(mesh) = tick.read(Self::IN_MESH) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on mesh port");
        };
        let written = Triangles::new(&mesh, self.stride as usize)
            .and_then(|triangles| Ok((triangles.vertex_count(), write(&triangles, &self.name)?)));
        let (count, file) = match written {
            Ok(written) => written,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let metadata = Value::object([
            ("format", Value::from("glb")),
            ("vertexCount", count.into()),
            ("triangleCount", (count / 3).into()),
            ("size", file.len().into()),
            ("hasNormals", (self.stride >= 24).into()),
        ]);
        tick.write(Self::OUT_OUTPUT, file);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}
