//! `tpl_peak_detect`.

use reflow_component::prelude::*;

use crate::grouped::{MOST_TOLD, Watch, Watching};
use crate::kernels::detect::{PeakFinder, milliseconds};
use crate::kernels::dynamics::loudest;
use crate::rate::SampleRate;

/// Passes sound on and reports sudden rises of energy.
///
/// A sample that is not 0 is a peak when its energy *e* (its square) is at least the running average times the square of `sensitivity`,
/// and the last peak is at least `minIntervalMs` back. The average takes in every sample first, with a weight of one by the number of samples in
/// `windowMs`. A peak gives `{event: "peak", sampleOffset, timeMs, energy}` as it happens, and the end of the stream
/// `{event: "summary", totalPeaks, peaks}` with the first 10 000 of them. Offsets count from 0, and samples of several channels
/// together; the loudest counts. Events leave also when nothing is connected to `stream`.
#[derive(Component)]
#[component(id = "tpl_peak_detect", title = "Peak Detect", category = "media/analysis", filter)]
#[outport(stream: Stream, "The stream, unchanged.")]
#[outport(events: JsonObject, "What happens, as it happens.")]
#[example(
    config = r#"{"sampleRate": 1000, "minIntervalMs": 2, "sensitivity": 2}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0, 0, 0.5]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.0, 0.0, 0.5]]}], "events": [{"event": "peak", "sampleOffset": 2, "timeMs": 2, "energy": 0.25}, {"event": "summary", "totalPeaks": 1, "peaks": [{"event": "peak", "sampleOffset": 2, "timeMs": 2, "energy": 0.25}]}]}]"#
)]
pub(super) struct PeakDetect {
    /// How far above the running level the amplitude of a peak is.
    #[config(default = 3.0, range = 1..=20, lenient)]
    sensitivity: f64,
    /// How long the running average remembers.
    #[config(key = "windowMs", default = 50.0, range = 5..=500, unit = "ms", lenient)]
    window_ms: f64,
    /// The shortest time between two peaks, and before the first one.
    #[config(key = "minIntervalMs", default = 100.0, range = 10..=5_000, unit = "ms", lenient)]
    min_interval_ms: f64,
    #[config(group)]
    rate: SampleRate,
}

/// The peaks of a stream.
pub(super) struct Peaks {
    finder: PeakFinder,
    rate: f64,
    total: u64,
    listed: Vec<Value>,
}

impl Watch for Peaks {
    fn look(&mut self, group: &[f32]) -> Option<Value> {
        let (at, energy) = self.finder.step(loudest(group))?;
        let event = Value::object([
            ("event", Value::from("peak")),
            ("sampleOffset", at.into()),
            ("timeMs", milliseconds(at, self.rate).into()),
            ("energy", f64::from(energy).into()),
        ]);
        self.total += 1;
        if self.listed.len() < MOST_TOLD {
            self.listed.push(event.clone());
        }
        Some(event)
    }

    fn summary(&mut self) -> Value {
        let peaks = Value::array(std::mem::take(&mut self.listed));
        Value::object([("event", Value::from("summary")), ("totalPeaks", self.total.into()), ("peaks", peaks)])
    }
}

impl Filter for PeakDetect {
    type Sample = f32;
    type State = Watching<Peaks>;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Self::State, String> {
        let rate = self.rate.of(opening);
        let samples = |ms: f64| (ms * rate / 1000.0) as u64;
        let finder = PeakFinder::new(self.sensitivity, samples(self.window_ms), samples(self.min_interval_ms));
        let peaks = Peaks { finder, rate, total: 0, listed: Vec::new() };
        Ok(Watching::new(opening.channels(), peaks, Self::OUT_EVENTS))
    }

    fn data(state: &mut Self::State, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        state.data(samples, out);
        Ok(())
    }

    fn end(state: &mut Self::State, out: &mut Frames) -> Result<(), String> {
        state.end(out);
        Ok(())
    }

    fn fail(state: &mut Self::State, out: &mut Frames) {
        state.end(out);
    }
}
