//! `tpl_chroma_key`.

use reflow_component::prelude::*;

use crate::grouped::Changing;
use crate::kernels::chroma::Key;
use crate::kernels::pixel::hsv;

/// Makes a background of one colour transparent.
///
/// A pixel is keyed when its hue is nearer than `tolerance` to that of `keyColor` and its saturation and value are 0.2 at least. The
/// strength is (1 - distance / tolerance) · (saturation - 0.2) / 0.8; alpha is multiplied by what is left of 1, and colours are brought
/// nearer to their grey by strength · `spillSuppression`. A `tolerance` of at most 1 counts in hundreds of degrees (0.3 is 30°), above that
/// in degrees. Pixels are RGBA.
#[derive(Component)]
#[component(id = "tpl_chroma_key", title = "Chroma Key", category = "media/images", filter)]
#[example(
    config = r#"{"spillSuppression": 0}"#,
    steps = r#"[{"stream": {"type": "@stream", "u8": [[0, 255, 0, 255, 255, 0, 0, 255]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "u8": [[0, 255, 0, 0, 255, 0, 0, 255]]}]}]"#
)]
pub(super) struct ChromaKey {
    /// The colour of the background: `green`, `blue`, or one such as `#30c040`. Anything else means green.
    #[config(key = "keyColor", default = "green".to_string(), lenient)]
    key_color: String,
    /// Hues that are nearer are keyed.
    #[config(default = 0.3, range = 0..=1, lenient)]
    tolerance: f64,
    /// How much of the colour goes where it is keyed.
    #[config(key = "spillSuppression", default = 0.5, range = 0..=1, lenient)]
    spill_suppression: f64,
}

impl ChromaKey {
    fn hue(&self) -> f32 {
        let text = self.key_color.trim();
        let byte = |digits: Option<&str>| digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let colour = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6)
            .and_then(|digits| Some([byte(digits.get(..2))?, byte(digits.get(2..4))?, byte(digits.get(4..))?]));
        match (colour, text) {
            (Some(colour), _) => hsv(colour)[0],
            (None, "blue") => 240.0,
            _ => 120.0,
        }
    }
}

impl Filter for ChromaKey {
    type Sample = u8;
    type State = Changing<u8>;

    fn begin(&self, _opening: &mut Opening) -> Result<Self::State, String> {
        let degrees = if self.tolerance <= 1.0 { self.tolerance * 100.0 } else { self.tolerance };
        let key = Key { hue: self.hue(), tolerance: degrees as f32, spill: self.spill_suppression as f32 };
        Ok(Changing::new(4, move |pixels, _| key.apply(pixels)))
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
    fn backgrounds_have_any_colour() {
        let step = || json!({"stream": {"type": "@stream", "u8": [[255, 0, 255, 200]]}});
        for (colour, alpha) in [("#ff00ff", 0), ("#FF00FE", 2), ("blue", 200), ("#ff00f", 200), ("#ééé", 200)] {
            let outputs = run::<ChromaKey>(json!({"keyColor": colour, "spillSuppression": 0}), [step()]);
            assert_eq!(outputs[0]["stream"][0]["u8"], json!([[255, 0, 255, alpha]]), "{colour}");
        }
    }
}
