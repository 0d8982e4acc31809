//! `tpl_heightmap_to_mesh`.

use reflow_component::prelude::*;

use super::grid_width;
use crate::kernels::floats::{read_f64, write_f32, write_u32};
use crate::kernels::heightmap::{Size, surface};

/// Makes a surface of a grid of heights.
///
/// It is centred around the origin, and y is up. A vertex is position, normal and texture coordinates: 8 floats of 32 bits.
/// `mesh` has all vertices and behind them, from byte `vertexBytes` on, the indices as unsigned 32-bit integers; with `indexed`
/// false it has three vertices for every triangle, which is what other components take.
#[derive(Component)]
#[component(id = "tpl_heightmap_to_mesh", title = "Heightmap to Mesh", category = "procedural", heavy)]
#[inport(input: Bytes, required, "The heights: 64-bit floats, row by row.")]
#[outport(mesh: Bytes, "The vertices, and the indices behind them.")]
#[outport(vertices: Bytes, "The vertices alone.")]
#[outport(indices: Bytes, "The indices alone.")]
#[outport(metadata: JsonObject, "Counts, sizes and the layout. `stride` counts floats; without indices there is `strideBytes` as well.")]
#[outport(error: ErrorText, "Why there is no mesh.")]
#[example(
    config = r#"{"width": 1}"#,
    steps = r#"[{"input": {"type": "Bytes", "data": [0, 0, 0, 0, 0, 0, 0, 0]}}]"#,
    outputs = r#"[{"indices": [{"data": [], "type": "Bytes"}], "mesh": [{"data": [0, 0, 160, 192, 0, 0, 0, 0, 0, 0, 160, 192, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "type": "Bytes"}], "metadata": [{"format": "pos3_normal3_uv2_f32", "gridHeight": 1, "gridWidth": 1, "heightScale": 10.0, "indexBytes": 0, "indexCount": 0, "meshDepth": 10.0, "meshWidth": 10.0, "stride": 8, "triangleCount": 0, "vertexBytes": 32, "vertexCount": 1}], "vertices": [{"data": [0, 0, 160, 192, 0, 0, 0, 0, 0, 0, 160, 192, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "type": "Bytes"}]}]"#
)]
pub(super) struct HeightmapToMesh {
    /// Heights in a row; as many as there are rows when it is left out.
    #[config(lenient)]
    width: Option<u32>,
    /// What heights are multiplied with.
    #[config(key = "heightScale", default = 10.0, lenient)]
    height_scale: f64,
    /// The size along x.
    #[config(key = "meshWidth", default = 10.0, lenient)]
    mesh_width: f64,
    /// The size along z.
    #[config(key = "meshDepth", default = 10.0, lenient)]
    mesh_depth: f64,
    /// Whether triangles share vertices.
    #[config(default = true, lenient)]
    indexed: bool,
}

impl Actor for HeightmapToMesh {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(bytes) = tick.read(Self::IN_INPUT) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes (f64 LE height grid) on input");
        };
        let heights = read_f64(&bytes);
        let width = match grid_width(self.width, heights.len()) {
            Ok(width) => width,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        let [width_scale, height_scale, depth] =
            [self.mesh_width, self.height_scale, self.mesh_depth].map(|size| size as f32);
        let surface = surface(&heights, width, Size { width: width_scale, height: height_scale, depth });
        if let Some(at) = surface.vertices.iter().position(|vertex| vertex.iter().any(|part| !part.is_finite())) {
            return tick.report(
                Self::OUT_ERROR,
                format!("Height {at}, or the size of the mesh, is not a finite number, or too large"),
            );
        }
        let vertices = write_f32(surface.vertices.as_flattened());
        let indices = write_u32(&surface.indices);
        let soup = || -> Vec<f32> {
            let corners = surface.indices.iter().filter_map(|index| surface.vertices.get(*index as usize));
            corners.flatten().copied().collect()
        };
        let mesh = if self.indexed { [&vertices[..], &indices].concat() } else { write_f32(&soup()) };
        let count = if self.indexed { surface.vertices.len() } else { surface.indices.len() };
        let vertex_bytes = if self.indexed { vertices.len() } else { mesh.len() };
        let index_count = if self.indexed { surface.indices.len() } else { 0 };
        // Configs that are older than soups know no further key.
        let stride_bytes = (!self.indexed).then(|| ("strideBytes", Value::from(32)));
        let members = [
            ("vertexCount", Value::from(count)),
            ("triangleCount", (surface.indices.len() / 3).into()),
            ("indexCount", index_count.into()),
            ("gridWidth", width.into()),
            ("gridHeight", (heights.len() / width).into()),
            ("heightScale", self.height_scale.into()),
            ("meshWidth", self.mesh_width.into()),
            ("meshDepth", self.mesh_depth.into()),
            ("stride", 8.into()),
            ("format", "pos3_normal3_uv2_f32".into()),
            ("vertexBytes", vertex_bytes.into()),
            ("indexBytes", (index_count * 4).into()),
        ];
        tick.write(Self::OUT_MESH, mesh);
        tick.write(Self::OUT_VERTICES, vertices);
        tick.write(Self::OUT_INDICES, indices);
        tick.write(Self::OUT_METADATA, Value::object(members.into_iter().chain(stride_bytes)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    fn bytes(heights: &[f64]) -> serde_json::Value {
        json!({"input": {"type": "Bytes", "data": crate::kernels::floats::write_f64(heights)}})
    }

    #[test]
    fn a_soup_has_three_vertices_a_triangle() {
        let outputs = run::<HeightmapToMesh>(json!({"indexed": false}), [bytes(&[0.0; 4])]);
        assert_eq!(outputs[0]["mesh"][0]["data"].as_array().map(Vec::len), Some(6 * 32));
        let metadata = &outputs[0]["metadata"][0];
        assert_eq!([&metadata["vertexCount"], &metadata["indexBytes"]], [6, 0]);
    }

    #[test]
    fn heights_that_are_no_numbers_are_told() {
        let outputs = run::<HeightmapToMesh>(json!({}), [bytes(&[0.0, f64::NAN, 0.0, 0.0])]);
        assert_eq!(
            outputs[0]["error"][0]["data"],
            "Height 1, or the size of the mesh, is not a finite number, or too large"
        );
    }
}
