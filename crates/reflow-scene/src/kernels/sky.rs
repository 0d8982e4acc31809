//! The colors of a procedural sky.

/// What a sky looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sky {
    /// The color above.
    pub zenith: [f64; 3],
    /// The color at the horizon.
    pub horizon: [f64; 3],
    /// How much day it is, from 0 to 1.
    pub day: f64,
    /// How much sunset.
    pub sunset: f64,
}

/// The sky under a sun at this height, from -1 to 1. Below the horizon it darkens.
pub fn sky(height: f64) -> Sky {
    let day = height.clamp(0.0, 1.0);
    let sunset = (1.0 - 5.0 * (day - 0.1).abs()).max(0.0);
    // Twilight ends where the sun is as far below the horizon as a fifth of its highest.
    let light = (1.0 + height.min(0.0) * 5.0).max(0.05);
    let zenith = [0.1 + 0.15 * day + 0.4 * sunset, 0.15 + 0.35 * day + 0.1 * sunset, 0.3 + 0.4 * day - 0.1 * sunset];
    let horizon = [0.5 + 0.3 * sunset, 0.55 + 0.15 * day + 0.1 * sunset, 0.6 + 0.2 * day - 0.15 * sunset];
    let dimmed = |color: [f64; 3]| if light < 1.0 { color.map(|part| part * light) } else { color };
    Sky { zenith: dimmed(zenith), horizon: dimmed(horizon), day, sunset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_darker_than_days() {
        let light = |height| sky(height).horizon.iter().sum::<f64>();
        assert!(light(-0.5) < light(-0.1) && light(-0.1) < light(0.0) && light(0.0) < light(1.0));
        assert!(sky(f64::MIN).zenith.iter().all(|part| part.is_finite()));
    }
}
