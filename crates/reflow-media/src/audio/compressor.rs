//! `tpl_compressor`.

use reflow_component::prelude::*;

use crate::grouped::Changing;
use crate::kernels::dynamics::{Curve, ride};
use crate::kernels::envelope::{Detector, Envelope};
use crate::kernels::level::amplitude;
use crate::rate::{SampleRate, check_ratio};

/// Turns down what is louder than a threshold.
///
/// The level is that of a peak detector with the coefficients exp(-1 / (`attackMs` · `sampleRate` / 1000)) and the same of
/// `releaseMs`; it works on the sample that it comes from. What it is above `thresholdDb`, in decibels, is divided by `ratio`; within
/// `kneeDb` above the threshold less of it. `makeupDb` is added to everything. Of several channels the loudest counts, and all are turned
/// down alike.
#[derive(Component)]
#[component(id = "tpl_compressor", title = "Compressor", category = "media/dynamics", filter)]
#[example(
    config = r#"{"thresholdDb": 0, "ratio": 2, "kneeDb": 0, "attackMs": 0, "releaseMs": 0}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, 4]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.5, 2.0]]}]}]"#
)]
pub(super) struct Compressor {
    /// Where it begins.
    #[config(key = "thresholdDb", default = -20.0, range = -60..=0, unit = "dB", lenient)]
    threshold_db: f64,
    /// What the level above the threshold is divided by; at least 1.
    #[config(default = 4.0, range = 1..=100, lenient)]
    ratio: f64,
    /// How fast the level rises; 0 is at once.
    #[config(key = "attackMs", default = 10.0, range = 0.01..=500.0, unit = "ms", lenient)]
    attack_ms: f64,
    /// How fast it falls; 0 is at once.
    #[config(key = "releaseMs", default = 100.0, range = 1..=5_000, unit = "ms", lenient)]
    release_ms: f64,
    /// Width of the knee above the threshold; 0 is a hard one.
    #[config(key = "kneeDb", default = 6.0, range = 0..=24, unit = "dB", lenient)]
    knee_db: f64,
    /// Gain of everything.
    #[config(key = "makeupDb", default = 0.0, range = 0..=30, unit = "dB", lenient)]
    makeup_db: f64,
    #[config(group)]
    rate: SampleRate,
}

impl Filter for Compressor {
    type Sample = f32;
    type State = Changing<f32>;

    fn check(&self) -> Result<(), String> {
        check_ratio(self.ratio)?;
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Changing<f32>, String> {
        let mut envelope = Envelope::new(self.attack_ms, self.release_ms, self.rate.of(opening), Detector::Peak);
        let curve = Curve::new(self.threshold_db, self.ratio, self.knee_db);
        let makeup = amplitude(self.makeup_db);
        Ok(Changing::new(opening.channels(), move |samples, channels| {
            ride(samples, channels, &mut envelope, |level| curve.compress(level) * makeup);
        }))
    }

    fn data(state: &mut Changing<f32>, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        state.data(samples, out);
        Ok(())
    }

    fn end(state: &mut Changing<f32>, out: &mut Frames) -> Result<(), String> {
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
    fn channels_are_turned_down_alike_however_they_are_cut() {
        let config = json!({"thresholdDb": 0, "ratio": 2, "kneeDb": 0, "attackMs": 0, "releaseMs": 0});
        let stream = json!({"type": "@stream", "metadata": {"channels": 2}, "f32": [[4.0], [1.0, 0.5, 0.25, 9.0]]});
        let outputs = run::<Compressor>(config, [json!({"stream": stream})]);
        assert_eq!(outputs[0]["stream"][0]["f32"], json!([[], [2.0, 0.5, 0.5, 0.25], [3.0]]));
    }

    #[test]
    fn a_ratio_below_1_is_refused() {
        let outputs = run::<Compressor>(json!({"ratio": 0}), [json!({"stream": {"type": "@stream", "f32": []}})]);
        assert_eq!(outputs[0]["error"][0]["data"], "`ratio` must be at least 1, not 0");
    }
}
