//! `tpl_limiter`.

use reflow_component::prelude::*;

use crate::kernels::dynamics::{Ahead, Curve, ride};
use crate::kernels::envelope::{Detector, Envelope, coefficient};
use crate::kernels::groups::Groups;
use crate::kernels::level::amplitude;
use crate::rate::SampleRate;

/// Keeps the level below a ceiling.
///
/// A compressor with an infinite ratio and a hard knee: the gain is ceiling / level where the level, that of a peak detector, is above.
/// With an attack above 0 the level rises too late for the first samples of a loud passage: they are cut at the ceiling, above which
/// nothing leaves. `lookaheadMs` spares them that: the gain has come down, smoothly, by the time a peak is there; `attackMs` does not
/// count then, and samples leave that much later, yet as many and at the same place in the stream.
#[derive(Component)]
#[component(id = "tpl_limiter", title = "Limiter", category = "media/dynamics", filter)]
#[example(
    config = r#"{"ceilingDb": 0, "attackMs": 0, "releaseMs": 0}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, -4]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.5, -1.0]]}]}]"#
)]
pub(super) struct Limiter {
    /// The highest level.
    #[config(key = "ceilingDb", default = -1.0, range = -30..=0, unit = "dB", lenient)]
    ceiling_db: f64,
    /// How fast the level rises; 0 is at once.
    #[config(key = "attackMs", default = 0.1, range = 0.01..=10.0, unit = "ms", lenient)]
    attack_ms: f64,
    /// How fast it falls; 0 is at once.
    #[config(key = "releaseMs", default = 50.0, range = 1..=1_000, unit = "ms", lenient)]
    release_ms: f64,
    /// How far it looks ahead; 0 is not at all.
    #[config(key = "lookaheadMs", default = 0.0, range = 0..=20, unit = "ms", min = 0, max = 1_000, lenient)]
    lookahead_ms: f64,
    #[config(group)]
    rate: SampleRate,
}

pub(super) struct State {
    groups: Groups<f32>,
    how: How,
}

enum How {
    AtOnce { envelope: Envelope, curve: Curve, ceiling: f32 },
    Ahead(Ahead),
}

impl State {
    fn limit(&mut self, mut samples: Vec<f32>, out: &mut Frames) {
        match &mut self.how {
            How::AtOnce { envelope, curve, ceiling } => {
                ride(&mut samples, self.groups.size(), envelope, |level| curve.compress(level));
                samples.iter_mut().for_each(|sample| *sample = sample.clamp(-*ceiling, *ceiling));
                out.push(samples);
            }
            How::Ahead(ahead) => {
                let mut limited = Vec::with_capacity(samples.len());
                ahead.process(&samples, &mut limited);
                out.push(limited);
            }
        }
    }
}

/// The longest time ahead, in groups of samples.
const MOST_AHEAD: f64 = 1e6;

impl Filter for Limiter {
    type Sample = f32;
    type State = State;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let (rate, channels) = (self.rate.of(opening), opening.channels());
        let groups = Groups::new(channels);
        let how = if self.lookahead_ms > 0.0 {
            let length = (self.lookahead_ms * rate / 1000.0).round().min(MOST_AHEAD) as usize;
            How::Ahead(Ahead::new(self.ceiling_db, length, coefficient(self.release_ms, rate), channels))
        } else {
            let envelope = Envelope::new(self.attack_ms, self.release_ms, rate, Detector::Peak);
            let curve = Curve::new(self.ceiling_db, f64::INFINITY, 0.0);
            How::AtOnce { envelope, curve, ceiling: amplitude(self.ceiling_db) as f32 }
        };
        Ok(State { groups, how })
    }

    fn data(state: &mut State, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        let samples = state.groups.whole(samples);
        state.limit(samples, out);
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        let mut rest = state.groups.rest();
        if let How::Ahead(ahead) = &mut state.how {
            // What is left of a group is one with silence in the other channels.
            let (missing, mut last) = (rest.len(), Vec::new());
            if missing > 0 {
                rest.resize(state.groups.size(), 0.0);
            }
            ahead.process(&rest, &mut last);
            ahead.end(&mut last);
            last.truncate(last.len() - (rest.len() - missing));
            if !last.is_empty() {
                out.push(last);
            }
        } else if !rest.is_empty() {
            state.limit(rest, out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_wall_lets_nothing_over_and_loses_nothing() {
        let samples: Vec<f64> = (0..501).map(|n| f64::from(n * 37 % 101) / 25.0 - 2.0).collect();
        let stream = json!({"type": "@stream", "metadata": {"channels": 2}, "f32": [samples[..100], samples[100..]]});
        let config = json!({"ceilingDb": -6, "lookaheadMs": 3, "sampleRate": 8000});
        let outputs = run::<Limiter>(config, [json!({"stream": stream})]);
        let frames = outputs[0]["stream"][0]["f32"].as_array().unwrap().iter();
        let limited: Vec<f64> =
            frames.flat_map(|frame| frame.as_array().unwrap()).map(|n| n.as_f64().unwrap()).collect();
        assert_eq!(limited.len(), samples.len());
        assert!(limited.iter().all(|sample| sample.abs() < 0.5013), "{limited:?}");
        assert!(limited.iter().zip(&samples).all(|(out, sample)| out * sample >= 0.0), "signs are where they were");
    }
}
