//! Things that happen in a signal.

/// A stretch of silence, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It has lasted long enough; it began at this sample.
    Begins(u64),
    /// It ended before this sample; it had begun at the other.
    Ends {
        /// The first sample that is no silence.
        at: u64,
        /// The first sample that was.
        since: u64,
    },
}

/// Finds stretches of samples below a threshold.
#[derive(Clone, Debug)]
pub struct SilenceFinder {
    threshold: f64,
    least: u64,
    at: u64,
    /// How many samples have been silent.
    run: u64,
}

impl SilenceFinder {
    /// Finds stretches of at least `least` samples (and at least one).
    pub fn new(threshold: f64, least: u64) -> Self {
        Self { threshold, least: least.max(1), at: 0, run: 0 }
    }

    /// The next sample.
    #[inline]
    pub fn step(&mut self, level: f32) -> Option<Silence> {
        let at = self.at;
        self.at += 1;
        if f64::from(level) < self.threshold {
            self.run += 1;
            return (self.run == self.least).then(|| Silence::Begins(at + 1 - self.run));
        }
        let run = std::mem::take(&mut self.run);
        (run >= self.least).then(|| Silence::Ends { at, since: at - run })
    }

    /// Samples so far.
    pub fn samples(&self) -> u64 {
        self.at
    }

    /// Whether it is silent now, for long enough.
    pub fn is_silent(&self) -> bool {
        self.run >= self.least
    }
}

/// Finds samples whose energy is far above the running average.
#[derive(Clone, Debug)]
pub struct PeakFinder {
    factor: f32,
    weight: f32,
    average: f32,
    interval: u64,
    at: u64,
    last: Option<u64>,
}

impl PeakFinder {
    /// Finds amplitudes `sensitivity` times the running level, which forgets in `window` samples, at least `interval` samples apart.
    pub fn new(sensitivity: f64, window: u64, interval: u64) -> Self {
        let factor = (sensitivity * sensitivity) as f32;
        Self { factor, weight: 1.0 / window.max(1) as f32, average: 0.0, interval, at: 0, last: None }
    }

    /// The next sample: its offset and its energy if it is a peak.
    #[inline]
    pub fn step(&mut self, level: f32) -> Option<(u64, f32)> {
        let (at, energy) = (self.at, level * level);
        self.at += 1;
        if !energy.is_finite() {
            return None;
        }
        self.average = self.average * (1.0 - self.weight) + energy * self.weight;
        // Before the first peak, as if there had been one at -1.
        let since = self.last.map_or(at + 1, |last| at - last);
        // Silence is as loud as its average, and no rise.
        if energy == 0.0 || energy < self.average * self.factor || since < self.interval {
            return None;
        }
        self.last = Some(at);
        Some((at, energy))
    }
}

/// The time of a sample in whole milliseconds.
pub fn milliseconds(sample: u64, rate: f64) -> u64 {
    (sample as f64 / rate * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_begins_with_its_first_sample() {
        let mut finder = SilenceFinder::new(0.01, 3);
        let levels = [0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0];
        let found: Vec<_> = levels.into_iter().filter_map(|level| finder.step(level)).collect();
        assert_eq!(found, [Silence::Begins(1), Silence::Ends { at: 5, since: 1 }]);
        assert!(!finder.is_silent());
        assert_eq!(finder.samples(), 10);
    }

    #[test]
    fn peaks_keep_their_distance() {
        let mut finder = PeakFinder::new(1.5, 10, 4);
        let mut levels = vec![0.0; 20];
        (levels[6], levels[8], levels[12]) = (1.0, 5.0, 5.0);
        let found: Vec<_> = levels.into_iter().filter_map(|level| finder.step(level)).map(|(at, _)| at).collect();
        assert_eq!(found, [6, 12]);
    }

    #[test]
    fn what_is_no_number_is_no_peak() {
        let mut finder = PeakFinder::new(1.0, 0, 0);
        assert_eq!(finder.step(f32::NAN), None);
        assert_eq!(finder.step(f32::INFINITY), None);
    }
}
