//! `tpl_audio_normalize`.

use reflow_component::prelude::*;

use crate::kernels::level::{amplitude, peak, scale};
use crate::kernels::loudness::Loudness;
use crate::rate::SampleRate;

/// Scales a whole stream so that its highest peak, or its loudness, meets a target.
///
/// All frames are kept until the stream has ended, well or not, and then leave in order, as they were cut. Silence stays as it is.
/// With the `mode` `loudness` the measure is the integrated loudness of EBU R 128, and `targetLufs` the target. A stream of more than
/// `maxBytes` bytes ends in an error.
#[derive(Component)]
#[component(id = "tpl_audio_normalize", title = "Normalize", category = "media/audio", filter)]
#[example(
    config = r#"{"targetDb": 0}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.25, -0.5]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.5, -1.0]]}]}]"#
)]
pub(super) struct AudioNormalize {
    /// The peak there is to be, below full scale.
    #[config(key = "targetDb", default = -1.0, range = -30..=0, unit = "dB", lenient)]
    target_db: f64,
    /// What is brought to the target.
    #[config]
    mode: Measure,
    /// The loudness there is to be.
    #[config(key = "targetLufs", default = -23.0, range = -40..=-5, unit = "LUFS", lenient)]
    target_lufs: f64,
    /// The longest stream that is kept.
    #[config(key = "maxBytes", default = 268_435_456, unit = "bytes", lenient)]
    max_bytes: u64,
    #[config(group)]
    rate: SampleRate,
}

/// What is brought to a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Measure {
    /// The highest peak.
    #[default]
    Peak,
    /// The integrated loudness.
    Loudness,
}

pub(super) struct State {
    kept: Vec<Vec<f32>>,
    room: u64,
    peak: f32,
    target: f64,
    loudness: Option<(Loudness, f64)>,
}

impl State {
    fn factor(&self) -> f32 {
        match &self.loudness {
            Some((loudness, target)) => loudness.integrated().map_or(1.0, |found| amplitude(target - found) as f32),
            None if self.peak == 0.0 => 1.0,
            None => (self.target / f64::from(self.peak)) as f32,
        }
    }

    fn give(&mut self, out: &mut Frames) {
        let factor = self.factor();
        for mut samples in std::mem::take(&mut self.kept) {
            scale(&mut samples, factor);
            out.push(samples);
        }
    }
}

impl Filter for AudioNormalize {
    type Sample = f32;
    type State = State;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let measure = || (Loudness::new(self.rate.of(opening), opening.channels()), self.target_lufs);
        let loudness = (self.mode == Measure::Loudness).then(measure);
        Ok(State { kept: Vec::new(), room: self.max_bytes, peak: 0.0, target: amplitude(self.target_db), loudness })
    }

    fn data(state: &mut State, samples: Vec<f32>, _out: &mut Frames) -> Result<(), String> {
        // An empty frame takes room, too.
        let bytes = (samples.len() as u64 * 4).max(size_of::<Vec<f32>>() as u64);
        state.room = state.room.checked_sub(bytes).ok_or("the stream is longer than `maxBytes`")?;
        state.peak = state.peak.max(peak(&samples));
        if let Some((loudness, _)) = &mut state.loudness {
            loudness.process(&samples);
        }
        state.kept.push(samples);
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        state.give(out);
        Ok(())
    }

    fn fail(state: &mut State, out: &mut Frames) {
        state.give(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::{frames, stream_of, streamed};

    fn input(samples: &[f32]) -> Message {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        stream_of(None, frames([&bytes[..]]))
    }

    #[test]
    fn loudness_meets_its_target() {
        let config = Value::object([
            ("mode", Value::from("loudness")),
            ("targetLufs", (-14).into()),
            ("sampleRate", 48_000.into()),
        ]);
        let tone: Vec<f32> = (0..96_000).map(|n| 0.01 * (n as f32 * 0.131).sin()).collect();
        let (_, samples) = streamed::<AudioNormalize, f32>(config, input(&tone));
        let mut loudness = Loudness::new(48_000.0, 1);
        loudness.process(&samples);
        assert!((loudness.integrated().unwrap() + 14.0).abs() < 0.05);
    }

    #[test]
    #[should_panic(expected = "longer than `maxBytes`")]
    fn what_is_kept_is_bounded() {
        streamed::<AudioNormalize, f32>(Value::object([("maxBytes", 8)]), input(&[0.0; 3]));
    }
}
