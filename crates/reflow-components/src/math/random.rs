//! `tpl_math_random`.

use std::hash::{BuildHasher, RandomState};

use super::number::{Precision, Rounded};
use crate::prelude::*;

/// Draws a random number from a range, one for every trigger.
///
/// `result` is uniform from `min` up to but not including `max`, a Float with `precision` decimals. Limits given the wrong
/// way round are swapped; where they are equal the result is that value. A packet of any kind on any inport is a trigger.
///
/// With a `seed` every run draws the same sequence, on every machine (SplitMix64; Steele, Lea, Flood, *Fast Splittable
/// Pseudorandom Number Generators*, 2014). It is not for secrets.
#[derive(Component)]
#[component(id = "tpl_math_random", title = "Random", category = "math", prepare, open_ports)]
#[inport(trigger: Any, "Whatever comes asks for a number.")]
#[outport(result: Rounded, "The number.")]
#[example(
    config = r#"{"min": 5, "max": 5}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"result": [5.0]}]"#
)]
pub(super) struct Random {
    /// Lower end, included.
    #[config(default = 0.0, lenient)]
    min: f64,
    /// Upper end, not included.
    #[config(default = 1.0, lenient)]
    max: f64,
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
    /// Where the sequence starts; another one every time when it is left out.
    #[config(lenient)]
    seed: Option<i64>,
    #[state]
    state: u64,
}

impl Random {
    fn prepare(&mut self) {
        (self.min, self.max) = (self.min.min(self.max), self.min.max(self.max));
        self.state = self.seed.map_or_else(|| RandomState::new().hash_one(0), |seed| seed as u64);
    }

    /// Uniform in `0.0..1.0`, with 53 random bits.
    fn draw(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Actor for Random {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let part = self.draw();
        // A range wider than the largest number is halved before and doubled after.
        let value = 2.0 * (self.min / 2.0 + part * (self.max / 2.0 - self.min / 2.0));
        tick.emit(Self::OUT_RESULT, self.precision.round(value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::{Value as Json, json};

    fn draws(config: Json, count: usize) -> Vec<f64> {
        let outputs = run::<Random>(config, vec![json!({"trigger": 1}); count]);
        outputs.iter().map(|step| step["result"][0].as_f64().unwrap()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let config = json!({"seed": 42, "min": 8, "max": -8});
        assert_eq!(draws(config.clone(), 20), draws(config, 20));
        assert_ne!(draws(json!({}), 5), draws(json!({}), 5));
    }

    #[test]
    fn the_whole_range_is_used_evenly() {
        let values = draws(json!({"seed": 7, "min": -1, "max": 3}), 2_000);
        assert!(values.iter().all(|value| (-1.0..=3.0).contains(value)));
        for quarter in 0..4 {
            let low = f64::from(quarter) - 1.0;
            let count = values.iter().filter(|value| (low..low + 1.0).contains(*value)).count();
            assert!((430..570).contains(&count), "{count} of 2000 in quarter {quarter}");
        }
    }

    #[test]
    fn the_widest_range_does_not_overflow() {
        let values = draws(json!({"min": f64::MIN, "max": f64::MAX}), 50);
        assert!(values.iter().all(|value| value.is_finite()));
    }
}
