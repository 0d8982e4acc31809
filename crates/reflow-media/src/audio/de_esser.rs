//! `tpl_de_esser`.

use reflow_component::prelude::*;

use crate::grouped::Changing;
use crate::kernels::biquad::{Bank, Response, Section};
use crate::kernels::dynamics::{Curve, loudest};
use crate::kernels::envelope::{Detector, Envelope};
use crate::rate::{SampleRate, check_ratio};

/// Turns the signal down while a narrow high band is loud.
///
/// The band is that of a second-order bandpass with a quality factor of 2; its level is that of a peak detector with an attack of
/// 0.5 ms and a release of 20 ms. What it is above `thresholdDb`, in decibels, is divided by `ratio`: for the whole signal, or with the
/// `mode` `split` for the band alone. Of several channels the loudest counts, and all are turned down alike.
#[derive(Component)]
#[component(id = "tpl_de_esser", title = "De-Esser", category = "media/dynamics", filter)]
#[example(
    config = r#"{"sampleRate": 8000, "frequency": 2000, "thresholdDb": -60}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[1, 0, -1, 0, 1]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.05829614, 0.0, -0.023417255, 0.0, 0.014888787]]}]}]"#
)]
pub(super) struct DeEsser {
    /// The middle of the band.
    #[config(default = 6_000.0, range = 2_000..=12_000, unit = "Hz", lenient)]
    frequency: f64,
    /// The level of the band above which it works.
    #[config(key = "thresholdDb", default = -20.0, range = -60..=0, unit = "dB", lenient)]
    threshold_db: f64,
    /// What the level above the threshold is divided by; at least 1.
    #[config(default = 4.0, range = 1..=20, lenient)]
    ratio: f64,
    /// What is turned down.
    #[config]
    mode: Turned,
    #[config(group)]
    rate: SampleRate,
}

/// What is turned down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Turned {
    /// The whole signal.
    #[default]
    Wide,
    /// The band.
    Split,
}

impl Filter for DeEsser {
    type Sample = f32;
    type State = Changing<f32>;

    fn check(&self) -> Result<(), String> {
        check_ratio(self.ratio)?;
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Changing<f32>, String> {
        let rate = self.rate.of(opening);
        let section = Section::new(Response::Bandpass, self.frequency, 2.0, 0.0, rate);
        let mut bandpass = Bank::new(vec![section], opening.channels());
        let mut envelope = Envelope::new(0.5, 20.0, rate, Detector::Peak);
        let curve = Curve::new(self.threshold_db, self.ratio, 0.0);
        let is_wide = self.mode == Turned::Wide;
        Ok(Changing::new(opening.channels(), move |samples, channels| {
            let mut band = samples.to_vec();
            bandpass.process(&mut band);
            for (group, band) in samples.chunks_mut(channels).zip(band.chunks(channels)) {
                let gain = curve.compress(envelope.step(loudest(band)));
                for (sample, band) in group.iter_mut().zip(band) {
                    let part = if is_wide { *sample } else { *band };
                    *sample = (f64::from(*sample) + f64::from(part) * (gain - 1.0)) as f32;
                }
            }
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
