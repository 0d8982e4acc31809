//! `tpl_dc_offset`.

use reflow_component::prelude::*;

use crate::kernels::biquad::{Bank, Response, Section};
use crate::rate::SampleRate;

/// Removes a constant offset.
///
/// A second-order highpass with a quality factor of 0.707, whose state has 64 bits because its corner is so low.
#[derive(Component)]
#[component(id = "tpl_dc_offset", title = "DC Offset Removal", category = "media/audio", filter)]
#[example(
    config = r#"{"cutoffHz": 250, "sampleRate": 1000}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[1, 1, 1, 1]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.2928749, -0.2928749, -0.050227925, 0.050227925]]}]}]"#
)]
pub(super) struct DcOffset {
    /// What is below it goes.
    #[config(key = "cutoffHz", default = 5.0, range = 1..=50, unit = "Hz", lenient)]
    cutoff_hz: f64,
    #[config(group)]
    rate: SampleRate,
}

impl Filter for DcOffset {
    type Sample = f32;
    type State = Bank;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Bank, String> {
        let section = Section::new(Response::Highpass, self.cutoff_hz, 0.707, 0.0, self.rate.of(opening));
        Ok(Bank::new(vec![section], opening.channels()))
    }

    fn data(bank: &mut Bank, mut samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        bank.process(&mut samples);
        out.push(samples);
        Ok(())
    }
}
