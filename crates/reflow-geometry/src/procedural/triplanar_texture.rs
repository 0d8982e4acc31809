//! `tpl_triplanar_texture`.

use reflow_component::prelude::*;

use super::sampling::Sampler;
use crate::kernels::layout::vertex_count;
use crate::kernels::texture::triplanar;

/// Colours the vertices of a mesh by projecting a picture along the three axes.
///
/// The picture is taken at (y, z), (x, z) and (x, y), times `scale`, and the three colours are blended by the parts of the
/// normal to the power of `sharpness`. A vertex without a normal counts as looking up.
#[derive(Component)]
#[component(id = "tpl_triplanar_texture", title = "Triplanar Texture", category = "procedural", firing = all, heavy)]
#[inport(mesh: Bytes, required, "Vertices of 32-bit floats: position first, normal next.")]
#[inport(texture: Bytes, required, "A picture as PNG or JPEG.")]
#[outport(mesh: Bytes, "The vertices, each with red, green and blue behind it.")]
#[outport(metadata: JsonObject, "The number of vertices, their layout, and the size of the picture.")]
#[outport(error: ErrorText, "Why there is no mesh.")]
#[example(
    steps = r#"[{"mesh": "x", "texture": "x"}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Expected Bytes on mesh port"}]}]"#
)]
pub(super) struct TriplanarTexture {
    /// How often the picture is repeated in a unit.
    #[config(default = 1.0, lenient)]
    scale: f64,
    /// How sharply the three projections are told apart.
    #[config(default = 2.0, min = 0, lenient)]
    sharpness: f64,
    /// What a vertex takes.
    #[config(default = 24, unit = "bytes", lenient)]
    stride: u32,
    #[config(group)]
    sampler: Sampler,
}

impl Actor for TriplanarTexture {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(mesh) = tick.read(Self::IN_MESH) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on mesh port");
        };
        let Some(texture) = tick.read(Self::IN_TEXTURE) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on texture port");
        };
        let stride = self.stride as usize;
        let count = match vertex_count(mesh.len(), stride, 12) {
            Ok(count) => count,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let picture = match self.sampler.decode(&texture) {
            Ok(picture) => picture,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        let projection = (self.scale as f32, self.sharpness as f32);
        let painted = triplanar(&mesh, stride, &picture.texture, projection, picture.sampling);
        let layout = [
            ("vertexCount", Value::from(count)),
            ("stride", (stride + 12).into()),
            ("format", "pos3_normal3_color3_f32".into()),
            ("mapping", "triplanar".into()),
        ];
        tick.write(Self::OUT_MESH, painted);
        tick.write(Self::OUT_METADATA, Value::object(layout.into_iter().chain(picture.facts)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn sides_that_a_normal_does_not_see_do_not_make_a_colour_of_no_numbers() {
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_pixel(1, 1, image::Rgb([255, 0, 0]))
            .write_to(&mut file, image::ImageFormat::Png)
            .unwrap();
        let vertex = crate::kernels::floats::write_f32(&[0.5, 0.5, 0.5, 0.0, 1.0, 0.0]);
        let inputs = json!({
            "mesh": {"type": "Bytes", "data": vertex},
            "texture": {"type": "Bytes", "data": file.into_inner()},
        });
        let red = crate::kernels::floats::write_f32(&[1.0, 0.0, 0.0]);
        for sharpness in [-1.0, 0.0, 1e300] {
            let mesh =
                &run::<TriplanarTexture>(json!({"sharpness": sharpness}), [inputs.clone()])[0]["mesh"][0]["data"];
            assert_eq!(mesh.as_array().unwrap()[24..], red, "{sharpness}");
        }
    }

    #[test]
    fn what_is_no_picture_is_told() {
        let bytes = json!({"type": "Bytes", "data": [1, 2, 3]});
        let empty = json!({"type": "Bytes", "data": []});
        let outputs = run::<TriplanarTexture>(json!({}), [json!({"mesh": empty, "texture": bytes})]);
        let text = outputs[0]["error"][0]["data"].as_str().unwrap_or_default();
        assert!(text.starts_with("Failed to decode texture image"), "{text}");
    }
}
