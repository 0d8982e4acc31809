//! `tpl_envelope_follower`.

use reflow_component::prelude::*;
use reflow_component::stream::Channels;

use crate::kernels::envelope::{Detector, Envelope};
use crate::rate::SampleRate;

/// Replaces each sample by the level that is followed.
///
/// The level rises with the coefficient exp(-1 / (`attackMs` · `sampleRate` / 1000)) and falls with that of `releaseMs`, for each
/// channel by itself. The stream that comes of it is `audio/control-signal`, and `{attackMs, releaseMs, mode, sampleRate}` its
/// metadata, with `channels` where there are several.
#[derive(Component)]
#[component(id = "tpl_envelope_follower", title = "Envelope Follower", category = "media/analysis", filter)]
#[example(
    config = r#"{"attackMs": 0, "releaseMs": 0}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, -1]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "content_type": "audio/control-signal", "metadata": {"attackMs": 0.0, "releaseMs": 0.0, "mode": "peak", "sampleRate": 44100.0}, "f32": [[0.5, 1.0]]}]}]"#
)]
pub(super) struct EnvelopeFollower {
    /// How fast the level rises; 0 is at once.
    #[config(key = "attackMs", default = 5.0, range = 0.1..=500.0, unit = "ms", lenient)]
    attack_ms: f64,
    /// How fast it falls; 0 is at once.
    #[config(key = "releaseMs", default = 50.0, range = 1..=5_000, unit = "ms", lenient)]
    release_ms: f64,
    /// What the level of a sample is. Any other word means `peak`.
    #[config(default = Mode::Peak.into(), lenient)]
    mode: Word<Mode>,
    #[config(group)]
    rate: SampleRate,
}

/// What the level of a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum Mode {
    /// Its absolute value.
    Peak,
    /// The root of the mean square.
    Rms,
}

const CONTENT_TYPE: &str = "audio/control-signal";

impl Filter for EnvelopeFollower {
    type Sample = f32;
    type State = Channels<Envelope>;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn describe(&self, _incoming: &Opening) -> Opening {
        Opening { content_type: Some(CONTENT_TYPE.into()), ..Opening::default() }
    }

    fn begin(&self, opening: &mut Opening) -> Result<Channels<Envelope>, String> {
        let (rate, channels) = (self.rate.of(opening), opening.channels());
        let detector = if self.mode.meaning("mode") == Ok(Mode::Rms) { Detector::Rms } else { Detector::Peak };
        *opening = self.describe(opening);
        opening.add([
            ("attackMs", Value::from(self.attack_ms)),
            ("releaseMs", self.release_ms.into()),
            ("mode", self.mode.text().into()),
            ("sampleRate", rate.into()),
        ]);
        if channels > 1 {
            opening.add([("channels", channels)]);
        }
        Ok(Channels::new(channels, |_| Envelope::new(self.attack_ms, self.release_ms, rate, detector)))
    }

    fn data(envelopes: &mut Channels<Envelope>, mut samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        envelopes.each(&mut samples, |envelope, sample| *sample = envelope.step(*sample) as f32);
        out.push(samples);
        Ok(())
    }
}
