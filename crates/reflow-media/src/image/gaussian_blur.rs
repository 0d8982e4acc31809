//! `tpl_gaussian_blur`.

use reflow_component::prelude::*;

use crate::kernels::blur::{blur, blur_opaque};

/// Blurs an image.
///
/// The image has 4 bytes a pixel, rows from top to bottom, and all of them are blurred alike; with `premultiply` colours count as far as
/// they are opaque. Bytes behind the last pixel stay.
/// The weights are exp(-i² / 2σ²) with σ = `radius` / 3, and neighbours beyond an edge are the pixel at the edge.
#[derive(Component)]
#[component(id = "tpl_gaussian_blur", title = "Gaussian Blur", category = "2d", firing = required(image), heavy)]
#[inport(image: Bytes, required, "The pixels.")]
#[outport(image: Bytes, "The pixels, blurred.")]
#[outport(metadata: JsonObject, "Width, height and radius.")]
#[outport(error: ErrorText, "Why there is no image.")]
#[example(
    config = r#"{"width": 1, "radius": 1}"#,
    steps = r#"[{"image": {"type": "Bytes", "data": [1, 2, 3, 4]}}]"#,
    outputs = r#"[{"image": [{"type": "Bytes", "data": [1, 2, 3, 4]}], "metadata": [{"width": 1, "height": 1, "radius": 1}]}]"#
)]
pub(super) struct GaussianBlur {
    /// Pixels in a row.
    #[config(default = 512, min = 1, lenient)]
    width: u32,
    /// Rows; as many as there are when it is left out.
    #[config(lenient)]
    height: Option<u32>,
    /// How far the blur reaches; 0 changes nothing.
    #[config(default = 3, max = 1024, unit = "pixels", lenient)]
    radius: u32,
    /// Whether the colours of transparent pixels are kept from bleeding into others.
    #[config(lenient)]
    premultiply: bool,
}

impl Actor for GaussianBlur {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let pixels = tick.need(Self::IN_IMAGE)?;
        let row = self.width as usize * 4;
        let height = self.height.map_or(pixels.len() / row, |height| height as usize);
        if row.checked_mul(height).is_none_or(|needed| pixels.len() < needed) {
            let text = format!("{} bytes are too few for {} × {height} pixels", pixels.len(), self.width);
            return tick.report(Self::OUT_ERROR, text);
        }
        let mut blurred = pixels.to_vec();
        let work = if self.premultiply { blur_opaque } else { blur };
        work(&mut blurred[..row * height], self.width as usize, self.radius as usize);
        let numbers = [("width", self.width.into()), ("height", height.into()), ("radius", self.radius.into())];
        tick.write(Self::OUT_IMAGE, blurred);
        tick.write(Self::OUT_METADATA, Value::object::<_, Value>(numbers));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn too_few_bytes_are_told() {
        let image = json!({"image": {"type": "Bytes", "data": [0, 0, 0, 0]}});
        let outputs = run::<GaussianBlur>(json!({"width": 2, "height": 1}), [image]);
        assert_eq!(outputs[0]["error"][0]["data"], "4 bytes are too few for 2 × 1 pixels");
    }
}
