//! `tpl_equalizer`.

use reflow_component::config::{Choice as _, ConfigValue, words_schema};
use reflow_component::prelude::*;

use super::biquad_filter::FilterType;
use crate::kernels::biquad::{Bank, Section};
use crate::rate::SampleRate;

/// A chain of second-order filters, one for each band.
///
/// The bands are applied in order, each as `tpl_biquad_filter` does. A band is `{type, frequency, gain, q}`: the `type` is one of that
/// component's, `peaking` where it is missing or unknown, `frequency` is 1000 Hz, `gain` 0 dB and `q` 1 where they are missing.
/// Without bands nothing changes.
#[derive(Component)]
#[component(id = "tpl_equalizer", title = "Equalizer", category = "media/filters", filter)]
#[example(
    config = r#"{"sampleRate": 8000, "bands": [{"type": "highshelf", "frequency": 2000, "gain": 12, "q": 0.5}]}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[1, 0, 0]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "f32": [[1.9952623, -1.3647383, 0.4667333]]}]}]"#
)]
pub(super) struct Equalizer {
    /// The bands.
    #[config(lenient)]
    bands: Vec<Band>,
    #[config(group)]
    rate: SampleRate,
}

#[derive(Clone, Copy, Debug)]
struct Band {
    kind: FilterType,
    frequency: f64,
    gain: f64,
    q: f64,
}

impl ConfigValue for Band {
    fn read(value: &Value) -> Result<Self, String> {
        let number =
            |key, default| value.get(key).and_then(Value::as_number).filter(|n| n.is_finite()).unwrap_or(default);
        let kind = value.get("type").and_then(Value::as_str).and_then(FilterType::from_word);
        Ok(Self {
            kind: kind.unwrap_or(FilterType::Peaking),
            frequency: number("frequency", 1000.0),
            gain: number("gain", 0.0),
            q: number("q", 1.0),
        })
    }

    fn to_value(&self) -> Value {
        Value::object([
            ("type", Value::from(self.kind.word())),
            ("frequency", self.frequency.into()),
            ("gain", self.gain.into()),
            ("q", self.q.into()),
        ])
    }

    fn schema() -> Value {
        let number = |unit: &'static str, default: f64| {
            Value::object([("type", Value::from("number")), ("default", default.into()), ("x-unit", unit.into())])
        };
        let properties = [
            ("type", words_schema::<FilterType>("examples")),
            ("frequency", number("Hz", 1000.0)),
            ("gain", number("dB", 0.0)),
            ("q", number("", 1.0)),
        ];
        Value::object([("type", Value::from("object")), ("properties", Value::object(properties))])
    }
}

impl Filter for Equalizer {
    type Sample = f32;
    type State = Bank;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn begin(&self, opening: &mut Opening) -> Result<Bank, String> {
        let rate = self.rate.of(opening);
        let section = |band: &Band| Section::new(band.kind.into(), band.frequency, band.q, band.gain, rate);
        Ok(Bank::new(self.bands.iter().map(section).collect(), opening.channels()))
    }

    fn data(bank: &mut Bank, mut samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        bank.process(&mut samples);
        out.push(samples);
        Ok(())
    }
}
