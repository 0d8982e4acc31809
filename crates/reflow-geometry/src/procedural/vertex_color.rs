//! `tpl_vertex_color`.

use reflow_component::prelude::*;

use crate::kernels::floats::{read_f32, read_f64};
use crate::kernels::layout::vertex_count;
use crate::kernels::paint::{Paint, Pattern};

/// Paints a pattern of two colours onto the vertices of a mesh.
///
/// The pattern follows the texture coordinates and, where there is one, a grid of noise from -1 to 1, which stays once it was
/// received. Vertices without texture coordinates count as at (0, 0).
#[derive(Component)]
#[component(id = "tpl_vertex_color", title = "Vertex Color", category = "procedural", firing = required(mesh, uv), heavy)]
#[inport(mesh: Bytes, required, "Vertices of position and normal: 6 floats of 32 bits each.")]
#[inport(uv: Bytes, required, "Their texture coordinates: 2 floats of 32 bits each.")]
#[inport(noise: Bytes, "A grid of noise: 64-bit floats, row by row.")]
#[outport("colored_mesh": Bytes, "The vertices, each with red, green and blue behind it.")]
#[outport(metadata: JsonObject, "The number of vertices and their layout.")]
#[outport(error: ErrorText, "What does not fit together.")]
#[example(
    config = r#"{"pattern": "solid", "color1": [1, 0, 0]}"#,
    steps = r#"[{"mesh": {"type": "Bytes", "data": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}, "uv": {"type": "Bytes", "data": [0, 0, 0, 0, 0, 0, 0, 0]}}]"#,
    outputs = r#"[{"colored_mesh": [{"data": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 0, 0, 0, 0, 0], "type": "Bytes"}], "metadata": [{"format": "pos3_normal3_color3_f32", "stride": 36, "vertexCount": 1}]}]"#
)]
pub(super) struct VertexColor {
    /// The first colour: red, green and blue from 0 to 1.
    #[config(key = "color1", default = [0.35, 0.4, 0.25].map(Value::from).to_vec(), lenient)]
    first: Vec<Value>,
    /// The second colour.
    #[config(key = "color2", default = [0.15, 0.2, 0.1].map(Value::from).to_vec(), lenient)]
    second: Vec<Value>,
    /// The pattern.
    #[config(default = Look::Skin, lenient)]
    pattern: Look,
    /// How fine the pattern is.
    #[config(key = "noiseScale", default = 5.0, lenient)]
    scale: f64,
    /// Numbers in a row of noise.
    #[config(key = "noiseWidth", default = 64, lenient)]
    noise_width: u32,
}

#[derive(Choice, Clone, Copy)]
enum Look {
    /// The skin of a snake: stripes, diamonds, noise, and a paler belly.
    Skin,
    /// The first colour alone.
    Solid,
    /// From the first colour to the second along u.
    #[choice("gradientU")]
    AlongU,
    /// From the first colour to the second along v.
    #[choice("gradientV")]
    AlongV,
    /// From the first colour to the second by the noise.
    Noise,
}

impl Actor for VertexColor {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let [Some(mesh), Some(uv)] = [Self::IN_MESH, Self::IN_UV].map(|port| tick.read(port)) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on mesh and uv ports");
        };
        let noise = match (tick.input(Self::IN_NOISE), tick.read(Self::IN_NOISE)) {
            (None, _) => Vec::new(),
            (_, Some(noise)) => read_f64(&noise),
            _ => return tick.report(Self::OUT_ERROR, "Expected Bytes on noise port"),
        };
        if !noise.is_empty() && self.noise_width == 0 {
            return tick.report(Self::OUT_ERROR, "Noise of width 0 is no grid");
        }
        let count = match vertex_count(mesh.len(), 24, 24) {
            Ok(count) => count,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let uv = read_f32(&uv);
        if uv.len() != count * 2 {
            // The mesh is painted all the same.
            let text = format!("{} texture coordinates for {count} vertices", uv.len() / 2);
            tick.node().log("warning", &*text);
            tick.send(Self::OUT_ERROR, Message::error(text));
        }
        let paint = Paint {
            pattern: self.pattern.into(),
            colors: [color(&self.first, [0.35, 0.4, 0.25]), color(&self.second, [0.15, 0.2, 0.1])],
            scale: self.scale as f32,
            noise: &noise,
            noise_width: self.noise_width as usize,
        };
        let uv = uv.as_chunks::<2>().0.iter().copied().chain(std::iter::repeat([0.0; 2]));
        let mut painted = Vec::with_capacity(count * 36);
        for (at, (vertex, uv)) in mesh.chunks_exact(24).zip(uv).enumerate() {
            let color = paint.color(uv);
            if color.iter().any(|part| part.is_nan()) {
                let text = format!("The pattern has no colour for vertex {at}: its coordinates are none, or too large");
                return tick.report(Self::OUT_ERROR, text);
            }
            painted.extend(vertex);
            painted.extend(color.iter().flat_map(|part| part.to_le_bytes()));
        }
        let metadata = Value::object([
            ("vertexCount", Value::from(count)),
            ("stride", 36.into()),
            ("format", "pos3_normal3_color3_f32".into()),
        ]);
        tick.write(Self::OUT_COLORED_MESH, painted);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

impl From<Look> for Pattern {
    fn from(look: Look) -> Self {
        match look {
            Look::Skin => Self::Skin,
            Look::Solid => Self::Solid,
            Look::AlongU => Self::AlongU,
            Look::AlongV => Self::AlongV,
            Look::Noise => Self::Noise,
        }
    }
}

/// A colour, with a default for each part that is missing.
fn color(parts: &[Value], default: [f32; 3]) -> [f32; 3] {
    let part = |index: usize| parts.get(index).and_then(Value::as_number).map(|part| part as f32);
    std::array::from_fn(|index| part(index).filter(|part| part.is_finite()).unwrap_or(default[index]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    fn step(mesh: usize, uv: usize) -> serde_json::Value {
        let bytes = |length: usize| json!({"type": "Bytes", "data": vec![0; length]});
        json!({"mesh": bytes(mesh), "uv": bytes(uv)})
    }

    #[test]
    fn missing_coordinates_are_told_and_count_as_zero() {
        let outputs = run::<VertexColor>(json!({}), [step(48, 8)]);
        assert_eq!(outputs[0]["error"][0]["data"], "1 texture coordinates for 2 vertices");
        let painted = outputs[0]["colored_mesh"][0]["data"].as_array().unwrap();
        assert_eq!(painted[24..36], painted[60..72]);
    }

    #[test]
    fn what_makes_no_colour_is_told() {
        let text = "The pattern has no colour for vertex 0: its coordinates are none, or too large";
        let uv = crate::kernels::floats::write_f32(&[f32::NAN, 0.0]);
        for (config, uv) in [(json!({}), uv), (json!({"noiseScale": 1e300}), vec![0; 8])] {
            let inputs = json!({"mesh": {"type": "Bytes", "data": vec![0; 24]}, "uv": {"type": "Bytes", "data": uv}});
            let outputs = run::<VertexColor>(config, [inputs]);
            assert_eq!(outputs[0]["error"][0]["data"], text);
            assert!(outputs[0].get("colored_mesh").is_none());
        }
        let mut inputs = step(24, 8);
        inputs["noise"] = json!(5);
        assert_eq!(run::<VertexColor>(json!({}), [inputs])[0]["error"][0]["data"], "Expected Bytes on noise port");
    }

    #[test]
    fn cut_vertices_are_told() {
        let outputs = run::<VertexColor>(json!({}), [step(47, 8)]);
        assert_eq!(outputs[0]["error"][0]["data"], "47 bytes are no whole number of vertices of 24 bytes");
    }
}
