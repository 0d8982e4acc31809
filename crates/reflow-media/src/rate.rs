//! The config key `sampleRate`.

use reflow_component::prelude::*;

use crate::kernels::spectrum::{LEAST_SIZE, MOST_SIZE, most_hop};

/// How many samples a second there are.
#[derive(ConfigGroup)]
pub(crate) struct SampleRate {
    /// Samples a second. Where it is left out, what the stream says of itself counts (`sampleRate` of its metadata).
    #[config(key = "sampleRate", default = 44_100.0, range = 8_000..=192_000, unit = "Hz", lenient)]
    rate: f64,
    #[config(whole)]
    config: Value,
}

impl SampleRate {
    /// Refuses a rate that cannot be.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.rate > 0.0 { Ok(()) } else { Err(format!("`sampleRate` must be above 0, not {}", self.rate)) }
    }

    /// The rate of a stream.
    pub(crate) fn of(&self, opening: &Opening) -> f64 {
        let is_given = self.config.get("sampleRate").and_then(Value::as_number).is_some_and(f64::is_finite);
        if is_given { self.rate } else { opening.sample_rate().unwrap_or(self.rate) }
    }
}

/// Refuses a ratio that would turn things round.
pub(crate) fn check_ratio(ratio: f64) -> Result<(), String> {
    if ratio >= 1.0 { Ok(()) } else { Err(format!("`ratio` must be at least 1, not {ratio}")) }
}

/// Refuses windows by which a signal cannot be taken apart and put together again.
pub(crate) fn check_complex(size: u64, hop: u64) -> Result<(), String> {
    check_size("fftSize", size, LEAST_SIZE)?;
    let most = most_hop(size);
    if hop <= most {
        Ok(())
    } else {
        Err(format!("`hopSize` must be at most {most}, half of `fftSize`, for the layout `complex`, not {hop}"))
    }
}

/// Refuses the size of a transform or block that nothing can be done with.
pub(crate) fn check_size(key: &str, size: u64, least: u64) -> Result<(), String> {
    let most = MOST_SIZE as u64;
    if (least..=most).contains(&size) {
        Ok(())
    } else {
        Err(format!("`{key}` must be from {least} to {most}, not {size}"))
    }
}
