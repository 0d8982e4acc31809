//! `tpl_obj_export`.

use reflow_component::prelude::*;

use crate::kernels::mesh::obj::write;
use crate::kernels::mesh::soup::Triangles;

/// Writes a mesh as Wavefront OBJ.
///
/// Normals, texture coordinates and colours are written when the stride is that of a layout with them; vertices that are equal
/// are written once. Vertices at the end that are no whole triangle are left out.
#[derive(Component)]
#[component(id = "tpl_obj_export", title = "OBJ Export", category = "mesh-io", heavy)]
#[inport(mesh: Bytes, required, "Three vertices for every triangle, of 32-bit floats: position first, normal next.")]
#[outport(output: Bytes, "The file.")]
#[outport(metadata: JsonObject, "Counts and the size of the file.")]
#[outport(error: ErrorText, "Why there is no file.")]
#[example(
    config = r#"{"stride": 4}"#,
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Stride 4 is too small for a vertex (need at least 12 bytes)"}]}]"#
)]
pub(super) struct ObjExport {
    /// The name of the object and its group.
    #[config(default = "reflow_mesh".to_string(), lenient)]
    name: String,
    /// What a vertex takes.
    #[config(default = 24, unit = "bytes", lenient)]
    stride: u32,
}

impl Actor for ObjExport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(mesh) = tick.read(Self::IN_MESH) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on mesh port");
        };
        let triangles = match Triangles::new(&mesh, self.stride as usize) {
            Ok(triangles) => triangles,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let count = triangles.vertex_count();
        let file = write(&triangles, &self.name);
        let metadata = Value::object([
            ("format", Value::from("obj")),
            ("vertexCount", count.into()),
            ("triangleCount", (count / 3).into()),
            ("size", file.len().into()),
        ]);
        tick.write(Self::OUT_OUTPUT, file);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn vertices_that_are_no_triangle_are_left_out_and_numbers_must_be_finite() {
        let bytes =
            |numbers: &[f32]| json!({"mesh": {"type": "Bytes", "data": crate::kernels::floats::write_f32(numbers)}});
        let outputs = run::<ObjExport>(json!({"stride": 12}), [bytes(&[0.0; 12]), bytes(&[f32::NAN; 9])]);
        assert_eq!(outputs[0]["metadata"][0]["vertexCount"], 3);
        assert_eq!(outputs[1]["error"][0]["data"], "Vertex 0 has a number that is not finite");
    }
}
