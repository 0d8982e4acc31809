//! `tpl_noise_gate`.

use reflow_component::prelude::*;

use crate::grouped::Changing;
use crate::kernels::dynamics::{Curve, Gate, ride};
use crate::kernels::envelope::{Detector, Envelope};
use crate::rate::{SampleRate, check_ratio};

/// Turns down what is quieter than a threshold.
///
/// What the level, that of a peak detector, is below `thresholdDb` in decibels is multiplied by `ratio`. `attackMs` and `releaseMs` are
/// the detector's, not the gain's. A gate that is open stays so until the level is below `closeThresholdDb`, and `holdMs` longer. Of
/// several channels the loudest counts, and all are turned down alike.
#[derive(Component)]
#[component(id = "tpl_noise_gate", title = "Noise Gate", category = "media/dynamics", filter)]
#[example(
    config = r#"{"thresholdDb": 0, "ratio": 2, "attackMs": 0, "releaseMs": 0}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[1, 0.5]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[1.0, 0.35355338]]}]}]"#
)]
pub(super) struct NoiseGate {
    /// Where it begins.
    #[config(key = "thresholdDb", default = -40.0, range = -80..=0, unit = "dB", lenient)]
    threshold_db: f64,
    /// What the level below the threshold is multiplied by; at least 1.
    #[config(default = 10.0, range = 1..=100, lenient)]
    ratio: f64,
    /// How fast the level rises; 0 is at once.
    #[config(key = "attackMs", default = 1.0, range = 0.01..=100.0, unit = "ms", lenient)]
    attack_ms: f64,
    /// How fast it falls; 0 is at once.
    #[config(key = "releaseMs", default = 50.0, range = 1..=2_000, unit = "ms", lenient)]
    release_ms: f64,
    /// How long it stays open when the level has fallen.
    #[config(key = "holdMs", default = 0.0, range = 0..=2_000, unit = "ms", min = 0, lenient)]
    hold_ms: f64,
    /// Below which level it closes; below the threshold when it is left out.
    #[config(key = "closeThresholdDb", range = -80..=0, unit = "dB", lenient)]
    close_threshold_db: Option<f64>,
    #[config(group)]
    rate: SampleRate,
}

impl Filter for NoiseGate {
    type Sample = f32;
    type State = Changing<f32>;

    fn check(&self) -> Result<(), String> {
        check_ratio(self.ratio)?;
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Changing<f32>, String> {
        let rate = self.rate.of(opening);
        let mut envelope = Envelope::new(self.attack_ms, self.release_ms, rate, Detector::Peak);
        let curve = Curve::new(self.threshold_db, self.ratio, 0.0);
        let close = self.close_threshold_db.unwrap_or(self.threshold_db);
        let mut gate = Gate::new(self.threshold_db, close, (self.hold_ms * rate / 1000.0) as u64);
        Ok(Changing::new(opening.channels(), move |samples, channels| {
            ride(samples, channels, &mut envelope, |level| if gate.step(level) { 1.0 } else { curve.expand(level) });
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
