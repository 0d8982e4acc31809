//! `tpl_audio_gain`.

use reflow_component::prelude::*;

use crate::kernels::level::{amplitude, scale};

/// Multiplies every sample by a constant.
///
/// The factor is `gainLinear` where it is set, 0 included, and 10^(`gainDb`/20) otherwise. Nothing is clipped.
#[derive(Component)]
#[component(id = "tpl_audio_gain", title = "Audio Gain", category = "media/audio", filter)]
#[example(
    config = r#"{"gainLinear": 2}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, -0.25], [1]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[1.0, -0.5], [2.0]]}]}]"#
)]
pub(super) struct AudioGain {
    /// Gain where `gainLinear` is not set.
    #[config(key = "gainDb", default = 0.0, range = -60..=60, unit = "dB", lenient)]
    gain_db: f64,
    /// Factor.
    #[config(key = "gainLinear", range = 0..=100, lenient)]
    gain_linear: Option<f64>,
}

impl Filter for AudioGain {
    type Sample = f32;
    type State = f32;

    fn begin(&self, _opening: &mut Opening) -> Result<f32, String> {
        Ok(self.gain_linear.unwrap_or_else(|| amplitude(self.gain_db)) as f32)
    }

    fn data(factor: &mut f32, mut samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        scale(&mut samples, *factor);
        out.push(samples);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::{frames, stream_of, streamed};

    #[test]
    fn a_sample_that_a_frame_boundary_cuts_is_not_lost() {
        let bytes: Vec<u8> = [0.5_f32, -0.25].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let input = stream_of(None, frames([&bytes[..3], &bytes[3..]]));
        let twice = Value::object([("gainLinear", 2)]);
        let (_, samples) = streamed::<AudioGain, f32>(twice, input);
        assert_eq!(samples, [1.0, -0.5]);
    }
}
