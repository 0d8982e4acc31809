//! `tpl_tone_map`.

use reflow_component::prelude::*;

use crate::kernels::tone;

/// Exposure, tone curve and gamma.
///
/// A colour *x* from 0 to 1 becomes curve(*x* · `exposure`)^(1 / `gamma`); alpha stays. The curves are ACES in the fit of Narkowicz (2015),
/// Reinhard's *x* / (1 + *x*), and Hable's of *Uncharted 2*; any other `mode` cuts at 1. Bytes are taken for light, or with the `inputSpace`
/// `srgb` for what a screen shows. With the `pixelType` `f32`, pixels are four 32-bit floats with the lowest byte first, of any brightness,
/// and RGBA bytes come of them.
///
/// # Errors
///
/// A `gamma` that is not above 0.
#[derive(Component)]
#[component(id = "tpl_tone_map", title = "Tone Map", category = "2d", heavy)]
#[inport(input: Bytes, required, "The pixels.")]
#[outport(output: Bytes, "The pixels, mapped.")]
#[outport(error: ErrorText, "Why there are none.")]
#[example(
    config = r#"{"mode": "reinhard", "gamma": 1}"#,
    steps = r#"[{"input": {"type": "Bytes", "data": [255, 0, 0, 7]}}]"#,
    outputs = r#"[{"output": [{"type": "Bytes", "data": [127, 0, 0, 7]}]}]"#
)]
pub(super) struct ToneMap {
    /// The curve.
    #[config(lenient)]
    mode: Curve,
    /// What light is multiplied by.
    #[config(default = 1.0, lenient)]
    exposure: f64,
    /// What the result is encoded with.
    #[config(default = 2.2, lenient)]
    gamma: f64,
    /// What bytes stand for.
    #[config(key = "inputSpace")]
    input_space: Space,
    /// What a pixel is made of.
    #[config(key = "pixelType")]
    pixel_type: PixelType,
}

/// How light is brought into what a screen can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Curve {
    /// The Academy's film curve, as Narkowicz fits it.
    #[default]
    Aces,
    /// *x* / (1 + *x*).
    Reinhard,
    /// Hable's film curve.
    #[choice("uncharted2")]
    Uncharted2,
    /// Everything above 1 is 1. Any other word means this, too.
    #[choice("clamp", ..)]
    Clamp,
}

/// What bytes stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Space {
    /// Light.
    #[default]
    Linear,
    /// What a screen shows.
    Srgb,
}

/// What a pixel is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum PixelType {
    /// Four bytes.
    #[default]
    #[choice("u8")]
    Bytes,
    /// Four floats.
    #[choice("f32")]
    Floats,
}

impl Actor for ToneMap {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let input = tick.need(Self::IN_INPUT)?;
        if self.gamma <= 0.0 {
            return tick.report(Self::OUT_ERROR, format!("`gamma` must be above 0, not {}", self.gamma));
        }
        let map = tone::ToneMap {
            curve: match self.mode {
                Curve::Aces => tone::Curve::Aces,
                Curve::Reinhard => tone::Curve::Reinhard,
                Curve::Uncharted2 => tone::Curve::Uncharted2,
                Curve::Clamp => tone::Curve::Clamp,
            },
            exposure: self.exposure as f32,
            gamma: self.gamma as f32,
            is_srgb: self.input_space == Space::Srgb,
        };
        if self.pixel_type == PixelType::Floats {
            let floats: Vec<f32> = input.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
            tick.write(Self::OUT_OUTPUT, map.floats(&floats));
        } else {
            let mut pixels = input.to_vec();
            map.bytes(&mut pixels);
            tick.write(Self::OUT_OUTPUT, pixels);
        }
        Ok(())
    }
}
