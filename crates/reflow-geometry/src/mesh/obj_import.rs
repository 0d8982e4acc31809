//! `tpl_obj_import`.

use reflow_component::kind::OneOf;
use reflow_component::prelude::*;

use super::{read, warn};
use crate::kernels::mesh::obj::Keep;

/// Reads Wavefront OBJ.
///
/// All objects and groups become one mesh, in the order of the file; polygons become fans. Where the first corner of a
/// triangle has no normal, all three get that of the face. Materials are not read. A file without any face is an empty mesh, and
/// `error` says so.
#[derive(Component)]
#[component(id = "tpl_obj_import", title = "OBJ Import", category = "mesh-io", heavy)]
#[inport("file_data": Either<Bytes, Text>, required, "The file.")]
#[outport(mesh: Bytes, "Three vertices for every triangle, of 32-bit floats: position and normal, then what is kept.")]
#[outport(metadata: JsonObject, "Counts, the layout and the names of objects and groups.")]
#[outport(error: ErrorText, "Why there is no mesh, or an empty one.")]
#[example(
    steps = r#"[{"file_data": "o flat\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n"}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "OBJ: a face has vertex 9, but there are 3"}]}]"#
)]
pub(super) struct ObjImport {
    /// Whether texture coordinates are kept.
    #[config(key = "keepUv", default = false, lenient)]
    uv: bool,
    /// Whether colours of vertices are kept.
    #[config(key = "keepColors", default = false, lenient)]
    color: bool,
}

impl Actor for ObjImport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let keep = Keep { uv: self.uv, color: self.color };
        let imported = match tick.read(Self::IN_FILE_DATA) {
            Some(OneOf::First(bytes)) => read::obj(&bytes, keep),
            Some(OneOf::Second(text)) => read::obj(text.as_bytes(), keep),
            None => Err("Expected Bytes or String on file_data port".to_string()),
        };
        let imported = match imported {
            Ok(imported) => imported,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        warn(tick, Self::OUT_ERROR, imported.warning);
        tick.write(Self::OUT_MESH, imported.mesh);
        tick.write(Self::OUT_METADATA, imported.metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn texture_coordinates_and_colours_are_kept_when_that_is_asked_for() {
        let file = "v 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 0 1 0 1 0 0\nvt 0.5 1\nf 1/1 2/1 3/1\n";
        let outputs = run::<ObjImport>(json!({"keepUv": true, "keepColors": true}), [json!({"file_data": file})]);
        assert_eq!(outputs[0]["metadata"][0]["stride"], 44);
        assert_eq!(outputs[0]["mesh"][0]["data"].as_array().map(Vec::len), Some(132));
    }

    #[test]
    fn a_file_without_faces_is_an_empty_mesh_and_an_error() {
        let outputs = run::<ObjImport>(json!({}), [json!({"file_data": "v 0 0 0\n"})]);
        assert_eq!(outputs[0]["error"][0]["data"], "OBJ has no faces");
        assert_eq!(outputs[0]["metadata"][0]["modelCount"], 1);
    }
}
