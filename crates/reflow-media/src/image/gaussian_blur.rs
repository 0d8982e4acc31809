//! `tpl_gaussian_blur`.

use reflow_component::prelude::*;

use crate::kernels::blur::{blur, blur_opaque};

/// Blurs an image.
///
/// The image has 4 bytes a pixel, rows from top to bottom, and all of them are blurred alike; with `premultiply` colours count as far as
/// they are opaque. Bytes behind the last pixel stay.
/// The weights are exp(-i² / 2σ²) with σ = `radius` / 3, and neighbours beyond an edge are the pixel at the edge. Rows are blurred first,
/// then columns, each rounded to bytes, in fixed point: a byte in a hundred is 1 beside what the formula gives.
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
    #[config(default = 512, unit = "pixels", lenient)]
    width: u32,
    /// Rows; as many as there are when it is left out.
    #[config(lenient)]
    height: Option<u32>,
    /// How far the blur reaches; 0 changes nothing.
    #[config(default = 3, range = 0..=1024, unit = "pixels", lenient)]
    radius: u32,
    /// Whether the colours of transparent pixels are kept from bleeding into others.
    #[config(lenient)]
    premultiply: bool,
}

/// A blur that reaches further takes as long as the picture is large, and more.
const FARTHEST: u32 = 1024;

impl GaussianBlur {
    fn check(&self) -> Result<(), String> {
        match (self.width, self.radius) {
            (0, _) => Err("`width` must be at least 1, not 0".to_string()),
            (_, radius) if radius > FARTHEST => Err(format!("`radius` must be at most {FARTHEST}, not {radius}")),
            _ => Ok(()),
        }
    }
}

impl Actor for GaussianBlur {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let pixels = tick.need(Self::IN_IMAGE)?;
        if let Err(problem) = self.check() {
            return tick.report(Self::OUT_ERROR, problem);
        }
        let row = self.width as usize * 4;
        let height = self.height.map_or(pixels.len() / row, |height| height as usize);
        if row.checked_mul(height).is_none_or(|needed| pixels.len() < needed) {
            let text = format!("{} bytes are too few for {} × {height} pixels", pixels.len(), self.width);
            return tick.report(Self::OUT_ERROR, text);
        }
        let (image, behind) = pixels.split_at(row * height);
        let work = if self.premultiply { blur_opaque } else { blur };
        let mut blurred = work(image, self.width as usize, self.radius as usize);
        blurred.extend_from_slice(behind);
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

    #[test]
    fn what_cannot_work_is_told() {
        let image = json!({"image": {"type": "Bytes", "data": [0, 0, 0, 0]}});
        let problem = |config| run::<GaussianBlur>(config, [image.clone()])[0]["error"][0]["data"].clone();
        assert_eq!(problem(json!({"width": 0})), "`width` must be at least 1, not 0");
        assert_eq!(problem(json!({"width": 1, "radius": 5000})), "`radius` must be at most 1024, not 5000");
    }
}
