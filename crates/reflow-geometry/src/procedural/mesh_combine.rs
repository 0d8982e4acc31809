//! `tpl_mesh_combine`.

use reflow_component::prelude::*;

use crate::kernels::layout::{Layout, vertex_count};

/// Appends a mesh to another one.
///
/// Meshes have three vertices for every triangle, and both the same layout. A side that is no Bytes counts as empty.
#[derive(Component)]
#[component(id = "tpl_mesh_combine", title = "Mesh Combine", category = "procedural", firing = all)]
#[inport("mesh_a": Bytes, required, "The mesh to begin with.")]
#[inport("mesh_b": Bytes, required, "The mesh behind it.")]
#[outport(mesh: Bytes, "Both.")]
#[outport(metadata: JsonObject, "The number of vertices and their layout.")]
#[outport(error: ErrorText, "Why there is no mesh.")]
#[example(
    config = r#"{"stride": 1}"#,
    steps = r#"[{"mesh_a": {"type": "Bytes", "data": [1]}, "mesh_b": {"type": "Bytes", "data": [2, 3]}}]"#,
    outputs = r#"[{"mesh": [{"data": [1, 2, 3], "type": "Bytes"}], "metadata": [{"format": "pos3_f32", "stride": 1, "vertexCount": 3}]}]"#
)]
pub(super) struct MeshCombine {
    /// What a vertex takes.
    #[config(default = 24, unit = "bytes", lenient)]
    stride: u32,
}

impl Actor for MeshCombine {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let [first, second] = [Self::IN_MESH_A, Self::IN_MESH_B].map(|port| tick.read(port));
        let [first, second] = [&first, &second].map(|mesh| mesh.as_deref().unwrap_or_default());
        let stride = self.stride as usize;
        let counts = [first, second].map(|mesh| vertex_count(mesh.len(), stride, 1));
        let count = match counts {
            [Ok(first), Ok(second)] => first + second,
            [Err(error), _] | [_, Err(error)] => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let metadata = Value::object([
            ("vertexCount", Value::from(count)),
            ("stride", self.stride.into()),
            ("format", Layout::of_stride(stride).name().into()),
        ]);
        tick.write(Self::OUT_MESH, [first, second].concat());
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
    fn cut_vertices_and_no_stride_are_told() {
        let mesh = |length: usize| json!({"type": "Bytes", "data": vec![0; length]});
        let error = |config: serde_json::Value| {
            let outputs = run::<MeshCombine>(config, [json!({"mesh_a": mesh(24), "mesh_b": mesh(25)})]);
            outputs[0]["error"][0]["data"].as_str().map(str::to_string).unwrap_or_default()
        };
        assert_eq!(error(json!({})), "25 bytes are no whole number of vertices of 24 bytes");
        assert_eq!(error(json!({"stride": 0})), "Stride 0 is too small for a vertex (need at least 1 bytes)");
    }
}
