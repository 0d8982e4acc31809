//! `tpl_crossover`.

use reflow_component::prelude::*;

use crate::kernels::biquad::{Bank, Response, Section};
use crate::rate::SampleRate;

/// Splits a stream into three bands.
///
/// Both splits are Linkwitz-Riley filters of the fourth order: two equal second-order sections with a quality factor of 0.707. `low` is
/// what is below `lowFrequency`; of the rest, `mid` is what is below `highFrequency` and `high` what is above. With `flatSum` the low
/// band takes the same turn of phase that the upper split gives the others, so that the three add up to what came in, but for its
/// phase. A slow reader of one band holds the others up; one that has gone does not.
#[derive(Component)]
#[component(id = "tpl_crossover", title = "Crossover", category = "media/spectral", filter)]
#[outport(low: Stream, "What is below the lower frequency.")]
#[outport(mid: Stream, "What is between the frequencies.")]
#[outport(high: Stream, "What is above the higher frequency.")]
#[example(
    config = r#"{"sampleRate": 8000, "lowFrequency": 1000, "highFrequency": 2000}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[1, 0, 0]]}}]"#,
    outputs = r#"[{"low": [{"type": "@stream", "f32": [[0.0095308665, 0.056094136, 0.14812833]]}], "mid": [{"type": "@stream", "f32": [[0.027771505, 0.05236381, -0.06507235]]}], "high": [{"type": "@stream", "f32": [[0.027771505, -0.16980822, 0.4047053]]}]}]"#
)]
pub(super) struct Crossover {
    /// Where low and middle part.
    #[config(key = "lowFrequency", default = 200.0, range = 20..=2_000, unit = "Hz", lenient)]
    low_frequency: f64,
    /// Where middle and high part.
    #[config(key = "highFrequency", default = 4_000.0, range = 500..=16_000, unit = "Hz", lenient)]
    high_frequency: f64,
    /// Whether the three bands add up to a flat response.
    #[config(key = "flatSum", lenient)]
    flat_sum: bool,
    #[config(group)]
    rate: SampleRate,
}

pub(super) struct Bands {
    low: Bank,
    rest: Bank,
    mid: Bank,
    high: Bank,
}

const Q: f64 = 0.707;

impl Filter for Crossover {
    type Sample = f32;
    type State = Bands;

    fn check(&self) -> Result<(), String> {
        self.rate.check()
    }

    fn describe(&self, incoming: &Opening) -> Opening {
        Opening { size_hint: None, ..incoming.clone() }
    }

    fn begin(&self, opening: &mut Opening) -> Result<Bands, String> {
        let rate = self.rate.of(opening);
        let section = |response, frequency| Section::new(response, frequency, Q, 0.0, rate);
        let bank = |sections| Bank::new(sections, opening.channels());
        let twice = |response, frequency| vec![section(response, frequency); 2];
        let mut low = twice(Response::Lowpass, self.low_frequency);
        if self.flat_sum {
            low.push(section(Response::Allpass, self.high_frequency));
        }
        Ok(Bands {
            low: bank(low),
            rest: bank(twice(Response::Highpass, self.low_frequency)),
            mid: bank(twice(Response::Lowpass, self.high_frequency)),
            high: bank(twice(Response::Highpass, self.high_frequency)),
        })
    }

    fn data(bands: &mut Bands, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        let (mut low, mut mid) = (samples.clone(), samples);
        bands.low.process(&mut low);
        bands.rest.process(&mut mid);
        let mut high = mid.clone();
        bands.mid.process(&mut mid);
        bands.high.process(&mut high);
        out.push_to(Self::OUT_LOW, low);
        out.push_to(Self::OUT_MID, mid);
        out.push_to(Self::OUT_HIGH, high);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_flat_sum_has_the_energy_of_what_came_in() {
        let mut impulse = vec![0.0; 4096];
        impulse[0] = 1.0;
        let step = json!({"stream": {"type": "@stream", "f32": [impulse]}});
        let config = json!({"flatSum": true, "sampleRate": 48_000, "lowFrequency": 600, "highFrequency": 3000});
        let outputs = run::<Crossover>(config, [step]);
        let at = |band: &str, n: usize| outputs[0][band][0]["f32"][0][n].as_f64().unwrap();
        let energy: f64 = (0..4096).map(|n| (at("low", n) + at("mid", n) + at("high", n)).powi(2)).sum();
        assert!((energy - 1.0).abs() < 1e-2, "{energy}");
    }
}
