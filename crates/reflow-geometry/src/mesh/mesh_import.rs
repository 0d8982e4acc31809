//! `tpl_mesh_import`.

use reflow_component::kind::OneOf;
use reflow_component::prelude::*;

use super::{Imported, read, warn};
use crate::kernels::mesh::obj::Keep;
use crate::kernels::mesh::sniff::{self, Format};

/// Reads a mesh of whatever format.
///
/// The format is told by what is in the file: glTF, STL, OBJ, PLY or FBX. OBJ without any face is an empty mesh, and `error` says so.
#[derive(Component)]
#[component(id = "tpl_mesh_import", title = "Mesh Import", category = "mesh-io", heavy)]
#[inport("file_data": Either<Bytes, Text>, required, "The file.")]
#[outport(mesh: Bytes, "Three vertices for every triangle, of 32-bit floats: position, normal, then what the format has.")]
#[outport(metadata: JsonObject, "The format, counts and the layout.")]
#[outport(error: ErrorText, "Why there is no mesh, or an empty one.")]
#[example(
    steps = r#"[{"file_data": "abc"}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Unknown format: unknown"}]}]"#
)]
pub(super) struct MeshImport {
    /// The format.
    #[config(default = Wanted::Auto.into(), lenient)]
    format: Word<Wanted>,
    #[config(whole)]
    config: Value,
}

#[derive(Choice, Clone, Copy)]
enum Wanted {
    /// Told by what is in the file.
    Auto,
    /// glTF of bytes.
    Glb,
    /// glTF as JSON.
    Gltf,
    /// STL.
    Stl,
    /// Wavefront OBJ.
    Obj,
    /// Stanford PLY.
    Ply,
    /// FBX of bytes.
    Fbx,
}

impl Actor for MeshImport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let imported = match tick.read(Self::IN_FILE_DATA) {
            Some(OneOf::First(bytes)) => self.import(&bytes),
            Some(OneOf::Second(text)) => self.import(text.as_bytes()),
            None => Err("Expected Bytes on file_data port".to_string()),
        };
        match imported {
            Ok(Imported { mesh, metadata, warning }) => {
                warn(tick, Self::OUT_ERROR, warning);
                tick.write(Self::OUT_MESH, mesh);
                tick.write(Self::OUT_METADATA, metadata);
                Ok(())
            }
            Err(problem) => tick.report(Self::OUT_ERROR, problem),
        }
    }
}

impl MeshImport {
    fn import(&self, bytes: &[u8]) -> Result<Imported, String> {
        let format = match self.format.meaning("format")? {
            Wanted::Auto => sniff::format(bytes).ok_or("Unknown format: unknown")?,
            Wanted::Glb => Format::Glb,
            Wanted::Gltf => Format::Gltf,
            Wanted::Stl => Format::Stl,
            Wanted::Obj => Format::Obj,
            Wanted::Ply => Format::Ply,
            Wanted::Fbx => Format::Fbx,
        };
        match format {
            Format::Glb | Format::Gltf => super::gltf_import::import(bytes, &self.config),
            Format::Stl => read::stl(bytes, false),
            Format::Obj => read::obj(bytes, Keep::default()),
            Format::Ply => read::ply(bytes),
            Format::Fbx => super::fbx_import::import(bytes, &self.config),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn formats_that_are_none_are_told() {
        let outputs = run::<MeshImport>(json!({"format": "step"}), [json!({"file_data": "v 0 0 0"})]);
        assert_eq!(outputs[0]["error"][0]["data"], "Unknown format: step");
    }

    #[test]
    fn obj_without_faces_is_told() {
        let outputs = run::<MeshImport>(json!({}), [json!({"file_data": "v 0 0 0\n"})]);
        assert_eq!(outputs[0]["error"][0]["data"], "OBJ has no faces");
        assert_eq!(outputs[0]["metadata"][0]["vertexCount"], 0);
    }
}
