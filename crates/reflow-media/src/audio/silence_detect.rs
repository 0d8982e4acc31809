//! `tpl_silence_detect`.

use reflow_component::prelude::*;

use crate::grouped::{MOST_TOLD, Watch, Watching};
use crate::kernels::detect::{Silence, SilenceFinder, milliseconds};
use crate::kernels::dynamics::loudest;
use crate::kernels::level::amplitude;
use crate::rate::SampleRate;

/// Passes sound on and reports stretches of silence.
///
/// When all channels have been below the threshold for `minDurationMs`, `{event: "silence.start", sampleOffset, timeMs}` leaves by
/// `events`, with the offset of the first silent sample; the first loud one after it gives `{event: "silence.end", sampleOffset, timeMs,
/// durationMs}`. When the stream has ended, `{event: "silence.summary", totalSamples, silenceRegions, isSilentAtEnd}` tells the regions
/// `{startMs, endMs, durationMs}` that have ended, the first 10 000 of them. Offsets count from 0, and samples of several channels together.
/// Every event leaves as it happens, also when nothing is connected to `stream`.
#[derive(Component)]
#[component(id = "tpl_silence_detect", title = "Silence Detect", category = "media/analysis", filter)]
#[outport(stream: Stream, "The stream, unchanged.")]
#[outport(events: JsonObject, "What happens, as it happens.")]
#[example(
    config = r#"{"sampleRate": 1000, "minDurationMs": 2}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, 0, 0, 0.5]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.5, 0.0, 0.0, 0.5]]}], "events": [{"event": "silence.start", "sampleOffset": 1, "timeMs": 1}, {"event": "silence.end", "sampleOffset": 3, "timeMs": 3, "durationMs": 2}, {"event": "silence.summary", "totalSamples": 4, "silenceRegions": [{"startMs": 1, "endMs": 3, "durationMs": 2}], "isSilentAtEnd": false}]}]"#
)]
pub(super) struct SilenceDetect {
    /// The level below which a sample is silent.
    #[config(key = "thresholdDb", default = -40.0, range = -80..=0, unit = "dB", lenient)]
    threshold_db: f64,
    /// The shortest silence that is reported.
    #[config(key = "minDurationMs", default = 500, range = 50..=10_000, unit = "ms", lenient)]
    min_duration_ms: u64,
    #[config(group)]
    rate: SampleRate,
}

/// The silences of a stream.
pub(super) struct Silences {
    finder: SilenceFinder,
    rate: f64,
    regions: Vec<Value>,
}

impl Watch for Silences {
    fn look(&mut self, group: &[f32]) -> Option<Value> {
        let time = |sample| milliseconds(sample, self.rate);
        Some(match self.finder.step(level(group))? {
            Silence::Begins(at) => Value::object([
                ("event", Value::from("silence.start")),
                ("sampleOffset", at.into()),
                ("timeMs", time(at).into()),
            ]),
            Silence::Ends { at, since } => {
                let (start, end) = (time(since), time(at));
                if self.regions.len() < MOST_TOLD {
                    self.regions.push(Value::object([("startMs", start), ("endMs", end), ("durationMs", end - start)]));
                }
                Value::object([
                    ("event", Value::from("silence.end")),
                    ("sampleOffset", at.into()),
                    ("timeMs", end.into()),
                    ("durationMs", (end - start).into()),
                ])
            }
        })
    }

    fn summary(&mut self) -> Value {
        Value::object([
            ("event", Value::from("silence.summary")),
            ("totalSamples", self.finder.samples().into()),
            ("silenceRegions", Value::array(std::mem::take(&mut self.regions))),
            ("isSilentAtEnd", self.finder.is_silent().into()),
        ])
    }
}

/// What is no number is not silent.
fn level(group: &[f32]) -> f32 {
    if group.iter().any(|sample| sample.is_nan()) { f32::INFINITY } else { loudest(group) }
}

impl Filter for SilenceDetect {
    type Sample = f32;
    type State = Watching<Silences>;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Self::State, String> {
        let rate = self.rate.of(opening);
        let least = (self.min_duration_ms as f64 * rate / 1000.0) as u64;
        let finder = SilenceFinder::new(amplitude(self.threshold_db), least);
        Ok(Watching::new(opening.channels(), Silences { finder, rate, regions: Vec::new() }, Self::OUT_EVENTS))
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
