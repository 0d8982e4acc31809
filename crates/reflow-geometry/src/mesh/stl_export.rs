//! `tpl_stl_export`.

use reflow_component::prelude::*;

use crate::kernels::mesh::soup::{Triangles, WriteError};
use crate::kernels::mesh::stl::write;

/// Writes a mesh as STL of bytes.
///
/// Every triangle has the normal of its face, (0, 1, 0) without an area. Vertices at the end that are no whole triangle are left
/// out.
#[derive(Component)]
#[component(id = "tpl_stl_export", title = "STL Export", category = "mesh-io", heavy)]
#[inport(mesh: Bytes, required, "Three vertices for every triangle, of 32-bit floats: position first.")]
#[outport(output: Bytes, "The file.")]
#[outport(metadata: JsonObject, "The number of triangles and the size of the file.")]
#[outport(error: ErrorText, "Why there is no file.")]
#[example(
    config = r#"{"stride": 4}"#,
    steps = r#"[{"mesh": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Stride 4 is too small for a vertex (need at least 12 bytes)"}]}]"#
)]
pub(super) struct StlExport {
    /// What a vertex takes.
    #[config(default = 24, unit = "bytes", lenient)]
    stride: u32,
}

impl Actor for StlExport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(mesh) = tick.read(Self::IN_MESH) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on mesh port");
        };
        let file = match self.file(&mesh) {
            Ok(file) => file,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let metadata = Value::object([
            ("format", Value::from("stl")),
            ("triangleCount", (file.len().saturating_sub(84) / 50).into()),
            ("size", file.len().into()),
        ]);
        tick.write(Self::OUT_OUTPUT, file);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

impl StlExport {
    fn file(&self, mesh: &[u8]) -> Result<Vec<u8>, WriteError> {
        write(&Triangles::new(mesh, self.stride as usize)?)
    }
}
