//! Following the level of a signal.

/// What the level of a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detector {
    /// Its absolute value.
    Peak,
    /// The root of the mean square.
    Rms,
}

/// A level that rises with one speed and falls with another (a one-pole filter with two coefficients).
#[derive(Clone, Debug)]
pub struct Envelope {
    attack: f64,
    release: f64,
    detector: Detector,
    level: f64,
}

/// The coefficient with which a one-pole filter comes to 1 - 1/e of a step in so many milliseconds; 0 is at once.
pub fn coefficient(milliseconds: f64, rate: f64) -> f64 {
    if milliseconds <= 0.0 { 0.0 } else { (-1.0 / (milliseconds * 0.001 * rate)).exp() }
}

impl Envelope {
    /// An envelope at rest, for samples that come `rate` times a second.
    pub fn new(attack_ms: f64, release_ms: f64, rate: f64, detector: Detector) -> Self {
        Self { attack: coefficient(attack_ms, rate), release: coefficient(release_ms, rate), detector, level: 0.0 }
    }

    /// Takes in a sample and gives the level. What is no finite number leaves the level as it is.
    #[inline]
    pub fn step(&mut self, sample: f32) -> f64 {
        let sample = f64::from(sample);
        if sample.is_finite() {
            let level = if self.detector == Detector::Peak { sample.abs() } else { sample * sample };
            let coefficient = if level > self.level { self.attack } else { self.release };
            self.level = coefficient * self.level + (1.0 - coefficient) * level;
        }
        if self.detector == Detector::Peak { self.level } else { self.level.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_followed_in_its_time() {
        let mut envelope = Envelope::new(10.0, 100.0, 1000.0, Detector::Peak);
        let level = (0..10).map(|_| envelope.step(-1.0)).last().unwrap_or_default();
        assert!((level - (1.0 - (-1.0_f64).exp())).abs() < 1e-12, "{level}");
        let fallen = (0..100).map(|_| envelope.step(0.0)).last().unwrap_or_default();
        assert!((fallen - level * (-1.0_f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_leaves_no_trace() {
        let mut envelope = Envelope::new(0.0, 0.0, 1000.0, Detector::Rms);
        assert_eq!(envelope.step(0.5), 0.5);
        assert_eq!([envelope.step(f32::NAN), envelope.step(f32::INFINITY), envelope.step(0.25)], [0.5, 0.5, 0.25]);
    }
}
