//! `tpl_biquad_filter`, and the words for responses.

use reflow_component::prelude::*;

use crate::kernels::biquad::{Bank, Response, Section};
use crate::rate::SampleRate;

/// What a second-order filter lets pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
pub(super) enum FilterType {
    /// What is below the frequency.
    #[default]
    #[choice("lowpass", "lpf")]
    Lowpass,
    /// What is above the frequency.
    #[choice("highpass", "hpf")]
    Highpass,
    /// What is near the frequency, which itself stays as it is.
    #[choice("bandpass", "bpf")]
    Bandpass,
    /// All but what is near the frequency.
    Notch,
    /// Everything, with another phase.
    Allpass,
    /// Everything; what is near the frequency by the gain louder.
    #[choice("peaking", "eq")]
    Peaking,
    /// Everything; what is below the frequency by the gain louder.
    #[choice("lowshelf")]
    LowShelf,
    /// Everything; what is above the frequency by the gain louder.
    #[choice("highshelf")]
    HighShelf,
}

impl From<FilterType> for Response {
    fn from(kind: FilterType) -> Self {
        match kind {
            FilterType::Lowpass => Self::Lowpass,
            FilterType::Highpass => Self::Highpass,
            FilterType::Bandpass => Self::Bandpass,
            FilterType::Notch => Self::Notch,
            FilterType::Allpass => Self::Allpass,
            FilterType::Peaking => Self::Peaking,
            FilterType::LowShelf => Self::LowShelf,
            FilterType::HighShelf => Self::HighShelf,
        }
    }
}

/// A second-order filter with a choice of responses.
///
/// The coefficients are those of the *Audio EQ Cookbook* (Bristow-Johnson), the form is the transposed direct form II with a state of
/// 64-bit floats for each channel. The frequency is taken between 1 Hz and 0.49 of the sample rate, `q` from 0.01 on. Samples that are
/// no finite numbers pass as they are and leave no trace.
///
/// # Errors
///
/// An unknown `filterType` is told on `error` (`Unknown filter type: …`) in place of a stream, and so is a `sampleRate` that is not
/// above 0.
#[derive(Component)]
#[component(id = "tpl_biquad_filter", title = "Biquad Filter", category = "media/filters", filter)]
#[example(
    config = r#"{"filterType": "highpass", "frequency": 2000, "sampleRate": 8000, "q": 0.5}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[1, 0, 0]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[0.25, -0.5, 0.25]]}]}]"#
)]
pub(super) struct BiquadFilter {
    /// The response.
    #[config(key = "filterType", default = FilterType::Lowpass.into(), lenient)]
    filter_type: Word<FilterType>,
    /// Corner or centre.
    #[config(default = 1000.0, range = 20..=20_000, unit = "Hz", lenient)]
    frequency: f64,
    /// Quality factor: more is narrower.
    #[config(default = 0.707, range = 0.1..=30.0, lenient)]
    q: f64,
    /// Gain of peaks and shelves.
    #[config(key = "gainDb", default = 0.0, range = -24..=24, unit = "dB", lenient)]
    gain_db: f64,
    #[config(group)]
    rate: SampleRate,
}

impl Filter for BiquadFilter {
    type Sample = f32;
    type State = Bank;

    fn check(&self) -> Result<(), String> {
        self.filter_type.meaning("filter type")?;
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Bank, String> {
        let response = self.filter_type.meaning("filter type")?.into();
        let section = Section::new(response, self.frequency, self.q, self.gain_db, self.rate.of(opening));
        Ok(Bank::new(vec![section], opening.channels()))
    }

    fn data(bank: &mut Bank, mut samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        bank.process(&mut samples);
        out.push(samples);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn what_cannot_work_is_told() {
        let stream = || json!({"stream": {"type": "@stream", "f32": [[1.0]]}});
        let outputs = run::<BiquadFilter>(json!({"filterType": "comb"}), [stream()]);
        assert_eq!(outputs[0], json!({"error": [{"type": "Error", "data": "Unknown filter type: comb"}]}));
        let outputs = run::<BiquadFilter>(json!({"sampleRate": 0}), [stream()]);
        assert_eq!(outputs[0]["error"][0]["data"], "`sampleRate` must be above 0, not 0");
    }

    #[test]
    fn a_stream_knows_its_rate() {
        let stream = |rate: u32| json!({"stream": {"type": "@stream", "metadata": {"sampleRate": rate}, "f32": [[1.0, 0.0, 0.0]]}});
        let told = run::<BiquadFilter>(json!({}), [stream(8000)]);
        let given = run::<BiquadFilter>(json!({"sampleRate": 8000}), [stream(96_000)]);
        assert_eq!(told[0]["stream"][0]["f32"], given[0]["stream"][0]["f32"]);
    }
}
