//! `tpl_pitch_shift`.

use reflow_component::prelude::*;

use crate::kernels::groups::{Groups, apart, together};
use crate::kernels::pitch::Shifter;
use crate::kernels::spectrum::Stft;
use crate::rate::check_size;

/// Changes the pitch and keeps the length.
///
/// A phase vocoder: every peak of a spectrum is moved to 2^(`semitones` / 12) times its frequency, together with the bins around it,
/// and its phase goes on where it was (Laroche and Dolson 1999). Samples leave up to a window later than they came, and as many; with 0
/// semitones they pass as they are. Channels are shifted each by itself.
#[derive(Component)]
#[component(id = "tpl_pitch_shift", title = "Pitch Shift", category = "media/spectral", filter)]
#[example(
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, -0.25]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.5, -0.25]]}]}]"#
)]
pub(super) struct PitchShift {
    /// How far up, or down.
    #[config(default = 0.0, range = -24..=24, lenient)]
    semitones: f64,
    /// Samples in a window.
    #[config(key = "fftSize", default = 4096, range = 1_024..=16_384, lenient)]
    fft_size: u64,
    /// Samples from one window to the next; at most a quarter of a window counts.
    #[config(key = "hopSize", default = 256, range = 64..=4_096, lenient)]
    hop_size: u64,
}

pub(super) struct State {
    groups: Groups<f32>,
    /// None when nothing is shifted.
    channels: Vec<(Stft, Shifter)>,
}

impl Filter for PitchShift {
    type Sample = f32;
    type State = State;

    fn check(&self) -> Result<(), String> {
        check_size("fftSize", self.fft_size, 4)?;
        if self.semitones.abs() > 120.0 {
            return Err(format!("`semitones` must be from -120 to 120, not {}", self.semitones));
        }
        Ok(())
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let size = self.fft_size as usize;
        // With less overlap, phases are a matter of luck.
        let hop = (self.hop_size as usize).clamp(1, size / 4);
        let ratio = 2_f64.powf(self.semitones / 12.0);
        let count = if self.semitones == 0.0 { 0 } else { opening.channels() };
        let channels = (0..count).map(|_| (Stft::new(size, hop), Shifter::new(ratio, size, hop))).collect();
        Ok(State { groups: Groups::new(opening.channels()), channels })
    }

    fn data(state: &mut State, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        if state.channels.is_empty() {
            out.push(samples);
            return Ok(());
        }
        let samples = state.groups.whole(samples);
        let mut finished = vec![Vec::new(); state.channels.len()];
        let parts = apart(&samples, state.channels.len());
        for (((stft, shifter), part), finished) in state.channels.iter_mut().zip(parts).zip(&mut finished) {
            stft.process(&part, finished, |bins| shifter.shift(bins));
        }
        out.push(together(&finished));
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        let mut finished = vec![Vec::new(); state.channels.len()];
        for ((stft, shifter), finished) in state.channels.iter_mut().zip(&mut finished) {
            stft.end(finished, |bins| shifter.shift(bins));
        }
        let last = together(&finished);
        if !last.is_empty() {
            out.push(last);
        }
        Ok(())
    }
}
