//! `tpl_brightness_contrast`.

use reflow_component::prelude::*;

use super::rows;
use crate::grouped::Changing;
use crate::kernels::pixel::Adjust;

/// Changes brightness, contrast and saturation of rows of pixels.
///
/// In this order, with every step rounded to bytes: *c* · `brightness`; ((*c* / 255 - 0.5) · `contrast` + 0.5) · 255; *g* + (*c* - *g*) ·
/// `saturation`, with *g* the grey of the pixel, (77 r + 150 g + 29 b) / 256. A factor of 1 leaves its step out; alpha stays. RGBA is
/// expected; other pixels are told by `channels` of the stream's metadata or by its content type.
#[derive(Component)]
#[component(id = "tpl_brightness_contrast", title = "Brightness / Contrast", category = "media/images", filter)]
#[example(
    config = r#"{"brightness": 2}"#,
    steps = r#"[{"stream": {"type": "@stream", "u8": [[10, 100, 200, 50]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "u8": [[20, 200, 255, 50]]}]}]"#
)]
pub(super) struct BrightnessContrast {
    /// Factor of the colours.
    #[config(default = 1.0, range = 0..=5, lenient)]
    brightness: f64,
    /// Factor of their distance from the middle.
    #[config(default = 1.0, range = 0..=5, lenient)]
    contrast: f64,
    /// Factor of their distance from grey; 0 is grey.
    #[config(default = 1.0, range = 0..=5, lenient)]
    saturation: f64,
}

impl Filter for BrightnessContrast {
    type Sample = u8;
    type State = Changing<u8>;

    fn begin(&self, opening: &mut Opening) -> Result<Self::State, String> {
        let adjust = Adjust::new(self.brightness as f32, self.contrast as f32, self.saturation as f32);
        let channels = rows::channels(opening).clamp(1, 4);
        Ok(Changing::new(channels, move |pixels, channels| adjust.apply(pixels, channels)))
    }

    fn data(state: &mut Self::State, bytes: Vec<u8>, out: &mut Frames) -> Result<(), String> {
        state.data(bytes, out);
        Ok(())
    }

    fn end(state: &mut Self::State, out: &mut Frames) -> Result<(), String> {
        state.end(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_pixel_that_a_frame_boundary_cuts_is_one() {
        let step = json!({"stream": {"type": "@stream", "u8": [[10, 20], [30, 40, 50], [60]]}});
        let outputs = run::<BrightnessContrast>(json!({"brightness": 0.5}), [step]);
        assert_eq!(outputs[0]["stream"][0]["u8"], json!([[], [5, 10, 15, 40], [], [50, 60]]));
    }
}
