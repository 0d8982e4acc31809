//! `tpl_noise_reduction`.

use reflow_component::prelude::*;

use crate::kernels::denoise::Denoiser;
use crate::kernels::groups::{Groups, apart, together};
use crate::kernels::spectrum::{LEAST_SIZE, most_hop};
use crate::rate::{SampleRate, check_size};

/// Takes noise away that is heard alone at the beginning.
///
/// During the first `profileMs` the sound passes as it is, while the magnitudes of its spectra are averaged, bin by bin: the profile of
/// the noise. From the frame on that comes after, `strength` times the profile is taken from the magnitudes of every spectrum, of which a
/// twentieth is left at least; phases stay (spectral subtraction, Boll 1979). The windows are put together so that a `strength` of 0
/// gives what came in. Samples leave up to a window later than they came, and as many. Each channel has a profile of its own.
#[derive(Component)]
#[component(id = "tpl_noise_reduction", title = "Noise Reduction", category = "media/spectral", filter)]
#[example(
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, -0.25]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.5, -0.25]]}]}]"#
)]
pub(super) struct NoiseReduction {
    /// Samples in a window.
    #[config(key = "fftSize", default = 2048, range = 256..=16_384, lenient)]
    fft_size: u64,
    /// Samples from one window to the next; at most half a window counts.
    #[config(key = "hopSize", default = 512, range = 64..=8_192, lenient)]
    hop_size: u64,
    /// How long it learns.
    #[config(key = "profileMs", default = 500.0, range = 100..=5_000, unit = "ms", lenient)]
    profile_ms: f64,
    /// How much of the profile is taken away.
    #[config(default = 1.0, range = 0..=3, lenient)]
    strength: f64,
    #[config(group)]
    rate: SampleRate,
}

pub(super) struct State {
    groups: Groups<f32>,
    channels: Vec<Denoiser>,
    /// Samples of each channel that are still to be learnt from; `None` when it has learnt.
    learning: Option<u64>,
}

impl Filter for NoiseReduction {
    type Sample = f32;
    type State = State;

    fn check(&self) -> Result<(), String> {
        check_size("fftSize", self.fft_size, LEAST_SIZE)?;
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let (size, hop) = (self.fft_size as usize, self.hop_size.clamp(1, most_hop(self.fft_size)) as usize);
        let channels = (0..opening.channels()).map(|_| Denoiser::new(size, hop, self.strength)).collect();
        let learning = (self.profile_ms.max(0.0) * self.rate.of(opening) / 1000.0).ceil() as u64;
        Ok(State { groups: Groups::new(opening.channels()), channels, learning: Some(learning) })
    }

    fn data(state: &mut State, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        let samples = state.groups.whole(samples);
        let mut finished = vec![Vec::new(); state.channels.len()];
        let parts = apart(&samples, state.channels.len());
        for ((denoiser, part), finished) in state.channels.iter_mut().zip(&parts).zip(&mut finished) {
            denoiser.process(part, finished);
        }
        out.push(together(&finished));
        if let Some(left) = state.learning {
            let left = left.saturating_sub(parts[0].len() as u64);
            state.learning = (left > 0).then_some(left);
            if left == 0 {
                state.channels.iter_mut().for_each(Denoiser::learnt);
            }
        }
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        let mut finished = vec![Vec::new(); state.channels.len()];
        state.channels.iter_mut().zip(&mut finished).for_each(|(denoiser, finished)| denoiser.end(finished));
        let last = together(&finished);
        if !last.is_empty() {
            out.push(last);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::{Value as Json, json};

    fn reduced(config: &Json, samples: &[f32]) -> Json {
        let stream = json!({"type": "@stream", "f32": [samples[..100], samples[100..]]});
        let mut config = config.clone();
        config["profileMs"] = 0.into();
        config["strength"] = 0.into();
        run::<NoiseReduction>(config, [json!({"stream": stream})])[0].take()
    }

    #[test]
    fn windows_overlap_whatever_the_hop_is() {
        let samples: Vec<f32> = (0..2000).map(|n| (n as f32 * 0.1).sin()).collect();
        for config in
            [json!({"fftSize": 256}), json!({"fftSize": 16, "hopSize": 20}), json!({"fftSize": 3, "hopSize": 0})]
        {
            let outputs = reduced(&config, &samples);
            let frames = outputs["stream"][0]["f32"].as_array().unwrap().iter();
            let found: Vec<f64> =
                frames.flat_map(|frame| frame.as_array().unwrap()).map(|n| n.as_f64().unwrap()).collect();
            assert_eq!(found.len(), samples.len());
            assert!(found.iter().zip(&samples).all(|(a, b)| (a - f64::from(*b)).abs() < 1e-4), "{config}");
        }
        assert_eq!(
            reduced(&json!({"fftSize": 2}), &samples)["error"][0]["data"],
            "`fftSize` must be from 3 to 1048576, not 2"
        );
    }
}
