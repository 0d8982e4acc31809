//! Frame rates as fractions.

use reflow_pack_sdk::Value;

/// Frames a second, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Frames in `seconds`.
    pub(crate) frames: u32,
    pub(crate) seconds: u32,
}

/// The fastest rate that is taken for one.
const MOST: f64 = 1000.0;

impl Rate {
    /// The rate that a number means: 29.97 is 30000/1001, as everywhere in video.
    pub(crate) fn from_number(number: f64) -> Option<Self> {
        if !(number > 0.0 && number <= MOST) {
            return None;
        }
        let whole = number.round();
        if whole >= 1.0 && (number - whole).abs() < 1e-6 {
            return Some(Self { frames: whole as u32, seconds: 1 });
        }
        // NTSC rates, as exactly as people write them.
        if whole >= 1.0 && (number - whole * 1000.0 / 1001.0).abs() < 0.006 {
            return Some(Self { frames: whole as u32 * 1000, seconds: 1001 });
        }
        Self { frames: (number * 1000.0).round() as u32, seconds: 1000 }.reduced()
    }

    /// A number, a text (`"30000/1001"`, `"25"`), or a list of numerator and denominator.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        if let Some(number) = value.as_number() {
            return Self::from_number(number);
        }
        let (frames, seconds) = match value {
            Value::String(text) => match text.split_once('/') {
                Some((frames, seconds)) => (frames.trim().parse().ok()?, seconds.trim().parse().ok()?),
                None => return text.trim().parse().ok().and_then(Self::from_number),
            },
            value => {
                let part = |index, key| {
                    value.at(index).or_else(|| value.get(key)).and_then(Value::as_integer)?.try_into().ok()
                };
                (part(0, "numerator")?, part(1, "denominator")?)
            }
        };
        Self { frames, seconds }.reduced()
    }

    fn reduced(self) -> Option<Self> {
        let (mut a, mut b) = (self.frames, self.seconds);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let reduced = Self { frames: self.frames.checked_div(a)?, seconds: self.seconds.checked_div(a)? };
        let number = f64::from(reduced.frames) / f64::from(reduced.seconds.max(1));
        (reduced.frames > 0 && reduced.seconds > 0 && number <= MOST).then_some(reduced)
    }

    /// Frames a second.
    pub(crate) fn number(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }

    /// Units of time in a second, and the units of a frame, so that frames are exactly as long as they are. 90,000 where that works.
    pub(crate) fn timescale(self) -> (u32, u32) {
        let units = 90_000 * u64::from(self.seconds);
        if units % u64::from(self.frames) == 0
            && let Ok(duration) = u32::try_from(units / u64::from(self.frames))
        {
            return (90_000, duration);
        }
        // At least 10,000 units a second, for what is timed beside the frames.
        let times = 10_000_u32.div_ceil(self.frames);
        (self.frames.saturating_mul(times), self.seconds.saturating_mul(times))
    }

    /// For people and for metadata: a whole number where it is one.
    pub(crate) fn to_value(self) -> Value {
        if self.seconds == 1 { i64::from(self.frames).into() } else { self.number().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(frames: u32, seconds: u32) -> Option<Rate> {
        Some(Rate { frames, seconds })
    }

    #[test]
    fn numbers_are_the_rates_that_people_mean() {
        assert_eq!(Rate::from_number(30.0), rate(30, 1));
        assert_eq!(Rate::from_number(29.97), rate(30000, 1001));
        assert_eq!(Rate::from_number(29.97003), rate(30000, 1001));
        assert_eq!(Rate::from_number(23.976), rate(24000, 1001));
        assert_eq!(Rate::from_number(59.94), rate(60000, 1001));
        assert_eq!(Rate::from_number(12.5), rate(25, 2));
        assert_eq!(Rate::from_number(0.5), rate(1, 2));
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(Rate::from_number(wrong), None);
        }
    }

    #[test]
    fn fractions_are_read() {
        assert_eq!(Rate::read(&"30000/1001".into()), rate(30000, 1001));
        assert_eq!(Rate::read(&"50/2".into()), rate(25, 1));
        assert_eq!(Rate::read(&Value::array([24000_i64, 1001])), rate(24000, 1001));
        for wrong in ["1/0", "0/1", "x", "-1/2"] {
            assert_eq!(Rate::read(&wrong.into()), None, "{wrong}");
        }
    }

    #[test]
    fn frames_are_exactly_as_long_as_they_are() {
        assert_eq!(Rate { frames: 30, seconds: 1 }.timescale(), (90_000, 3000));
        assert_eq!(Rate { frames: 30000, seconds: 1001 }.timescale(), (90_000, 3003));
        assert_eq!(Rate { frames: 24000, seconds: 1001 }.timescale(), (24_000, 1001));
        assert_eq!(Rate { frames: 7, seconds: 1 }.timescale(), (10_003, 1429));
    }
}
