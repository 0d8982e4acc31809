//! `tpl_stl_import`.

use reflow_component::prelude::*;

use super::read;

/// Reads STL, bytes or text.
///
/// Every corner gets the normal of its triangle, made one of length 1 and computed where it is zero.
#[derive(Component)]
#[component(id = "tpl_stl_import", title = "STL Import", category = "mesh-io", heavy)]
#[inport("file_data": Bytes, required, "The file.")]
#[outport(mesh: Bytes, "Three vertices for every triangle, of position and normal: 6 floats of 32 bits each.")]
#[outport(metadata: JsonObject, "Counts and the layout.")]
#[outport(error: ErrorText, "Why there is no mesh.")]
#[example(
    steps = r#"[{"file_data": {"type": "Bytes", "data": [1, 2]}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "STL file too small"}]}]"#
)]
pub(super) struct StlImport {
    /// Whether corners at the same place share the mean of their normals.
    #[config(key = "smoothNormals", default = false, lenient)]
    smooth: bool,
}

impl Actor for StlImport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(file) = tick.read(Self::IN_FILE_DATA) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on file_data port");
        };
        match read::stl(&file, self.smooth) {
            Ok(imported) => {
                tick.write(Self::OUT_MESH, imported.mesh);
                tick.write(Self::OUT_METADATA, imported.metadata);
                Ok(())
            }
            Err(problem) => tick.report(Self::OUT_ERROR, problem),
        }
    }
}
