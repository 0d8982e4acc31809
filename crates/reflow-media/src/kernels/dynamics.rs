//! Gain that depends on the level: compressors, limiters, gates.

use std::collections::VecDeque;

use super::envelope::Envelope;
use super::level::{amplitude, decibels};

/// What a level is turned down by.
#[derive(Clone, Copy, Debug)]
pub struct Curve {
    threshold: f64,
    threshold_db: f64,
    /// 1 - 1 / ratio.
    slope: f64,
    knee_db: f64,
}

impl Curve {
    /// A curve from a threshold on; an infinite ratio lets nothing above it. The knee lies above the threshold.
    pub fn new(threshold_db: f64, ratio: f64, knee_db: f64) -> Self {
        let threshold = amplitude(threshold_db);
        Self { threshold, threshold_db: decibels(threshold), slope: 1.0 - 1.0 / ratio, knee_db }
    }

    /// The gain that keeps what is above the threshold down.
    #[inline]
    pub fn compress(&self, level: f64) -> f64 {
        if level <= self.threshold {
            return 1.0;
        }
        let over = decibels(level) - self.threshold_db;
        let bend = if self.knee_db > 0.0 { (over / self.knee_db).min(1.0) } else { 1.0 };
        amplitude(-over * bend * self.slope)
    }

    /// The gain that takes what is below the threshold further down.
    #[inline]
    pub fn expand(&self, level: f64) -> f64 {
        if level < self.threshold { amplitude(-(self.threshold_db - decibels(level)) * self.slope) } else { 1.0 }
    }
}

/// The level of the loudest of some samples.
#[inline]
pub fn loudest(group: &[f32]) -> f32 {
    group.iter().fold(0.0, |loudest: f32, sample| loudest.max(sample.abs()))
}

/// Turns groups of samples, one of each channel, up or down: all of a group by the gain that belongs to the level of the loudest.
pub fn ride(samples: &mut [f32], channels: usize, envelope: &mut Envelope, mut gain: impl FnMut(f64) -> f64) {
    for group in samples.chunks_mut(channels.max(1)) {
        let factor = gain(envelope.step(loudest(group)));
        group.iter_mut().for_each(|sample| *sample = (f64::from(*sample) * factor) as f32);
    }
}

/// When a gate is open: above one threshold it opens, below another it closes, and only after a while.
#[derive(Clone, Debug)]
pub struct Gate {
    open: f64,
    close: f64,
    hold: u64,
    is_open: bool,
    /// How long the level has been below the lower threshold.
    below: u64,
}

impl Gate {
    /// A closed gate. With equal thresholds and no hold it is open whenever the level is not below.
    pub fn new(open_db: f64, close_db: f64, hold: u64) -> Self {
        let (open, close) = (amplitude(open_db), amplitude(close_db.min(open_db)));
        Self { open, close, hold, is_open: false, below: 0 }
    }

    /// Whether it is open at this level.
    #[inline]
    pub fn step(&mut self, level: f64) -> bool {
        if level >= self.open || self.is_open && level >= self.close {
            (self.is_open, self.below) = (true, 0);
        } else if self.is_open {
            self.below += 1;
            self.is_open = self.below <= self.hold;
        }
        self.is_open
    }
}

/// A limiter that sees what is coming: the gain has come down, smoothly, by the time a peak is there (a minimum over the time
/// ahead, averaged over the same time).
#[derive(Clone, Debug)]
pub struct Ahead {
    ceiling: f64,
    channels: usize,
    release: f64,
    /// Samples on their way.
    waiting: VecDeque<f32>,
    /// The smallest gains that groups of the time ahead need, in rising order, each with the number of its group.
    least: VecDeque<(u64, f64)>,
    /// The gains whose average counts.
    held: VecDeque<f64>,
    sum: f64,
    gain: f64,
    length: usize,
    came: u64,
}

impl Ahead {
    /// A limiter that looks `length` groups ahead; the gain comes back with the coefficient `release`.
    pub fn new(ceiling_db: f64, length: usize, release: f64, channels: usize) -> Self {
        let length = length.max(1);
        Self {
            ceiling: amplitude(ceiling_db),
            channels: channels.max(1),
            release,
            waiting: VecDeque::new(),
            least: VecDeque::new(),
            held: std::iter::repeat_n(1.0, length).collect(),
            sum: length as f64,
            gain: 1.0,
            length,
            came: 0,
        }
    }

    /// Takes in whole groups and gives those whose time has come, as many as it has seen enough for.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for group in samples.chunks_exact(self.channels) {
            self.waiting.extend(group);
            let level = f64::from(loudest(group));
            // What is no finite number turns nothing down.
            self.take(if level > self.ceiling && level.is_finite() { self.ceiling / level } else { 1.0 });
            if self.came > self.length as u64 {
                self.give(out);
            }
        }
    }

    /// What is still on its way.
    pub fn end(&mut self, out: &mut Vec<f32>) {
        while !self.waiting.is_empty() {
            self.take(1.0);
            if self.came > self.length as u64 {
                self.give(out);
            }
        }
    }

    /// Takes in the gain that the newest group needs.
    fn take(&mut self, need: f64) {
        self.came += 1;
        while self.least.back().is_some_and(|(_, least)| *least >= need) {
            self.least.pop_back();
        }
        self.least.push_back((self.came, need));
        while self.least.front().is_some_and(|(at, _)| *at + self.length as u64 <= self.came) {
            self.least.pop_front();
        }
        let least = self.least.front().map_or(1.0, |(_, least)| *least);
        self.gain = if least < self.gain { least } else { least + (self.gain - least) * self.release };
        self.sum += self.gain;
        self.held.push_back(self.gain);
        self.sum -= self.held.pop_front().unwrap_or_default();
    }

    fn give(&mut self, out: &mut Vec<f32>) {
        let gain = self.sum / self.length as f64;
        let ceiling = self.ceiling as f32;
        let group = self.waiting.drain(..self.channels.min(self.waiting.len()));
        out.extend(group.map(|sample| (f64::from(sample) * gain) as f32).map(|sample| sample.clamp(-ceiling, ceiling)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::envelope::Detector;
    use proptest::prelude::*;

    #[test]
    fn what_is_above_is_divided_by_the_ratio() {
        let curve = Curve::new(-20.0, 4.0, 0.0);
        let out = |db: f64| decibels(amplitude(db) * curve.compress(amplitude(db)));
        assert!((out(-8.0) - (-20.0 + 12.0 / 4.0)).abs() < 1e-9);
        assert_eq!(out(-30.0), -30.0);
        let gate = Curve::new(-20.0, 2.0, 0.0);
        assert!((decibels(gate.expand(amplitude(-30.0))) - -5.0).abs() < 1e-9);
        assert_eq!(gate.expand(amplitude(-19.0)), 1.0);
    }

    proptest! {
        #[test]
        fn a_knee_is_continuous(threshold in -60.0..0.0_f64, ratio in 1.0..50.0_f64, knee in 0.1..24.0_f64) {
            let curve = Curve::new(threshold, ratio, knee);
            let gain = |db: f64| decibels(curve.compress(amplitude(threshold + db)));
            prop_assert!((gain(1e-9)).abs() < 1e-6);
            prop_assert!((gain(knee - 1e-7) - gain(knee + 1e-7)).abs() < 1e-5);
        }

        #[test]
        fn nothing_is_above_the_ceiling_that_was_seen_coming(
            samples in prop::collection::vec(-4.0..4.0_f32, 0..200), length in 1..20_usize, cut in 0..200_usize,
        ) {
            let mut ahead = Ahead::new(-6.0, length, 0.9, 1);
            let (mut out, cut) = (Vec::new(), cut.min(samples.len()));
            ahead.process(&samples[..cut], &mut out);
            ahead.process(&samples[cut..], &mut out);
            ahead.end(&mut out);
            prop_assert_eq!(out.len(), samples.len());
            prop_assert!(out.iter().all(|sample| f64::from(sample.abs()) <= amplitude(-6.0) + 1e-6));
        }
    }

    #[test]
    fn the_gain_alone_keeps_a_peak_down() {
        // Without the clamp at the end: a lone peak comes out at the ceiling exactly.
        let mut samples = vec![0.1_f32; 64];
        samples[32] = 2.0;
        let (mut ahead, mut out) = (Ahead::new(0.0, 8, 0.0, 1), Vec::new());
        ahead.process(&samples, &mut out);
        ahead.end(&mut out);
        assert!((out[32] - 1.0).abs() < 1e-6 && out[20] == 0.1 && out[28] < 0.1, "{out:?}");
    }

    #[test]
    fn what_is_no_number_turns_nothing_down() {
        let mut samples = vec![0.1_f32; 64];
        (samples[30], samples[40]) = (f32::INFINITY, f32::NAN);
        let (mut ahead, mut out) = (Ahead::new(0.0, 8, 0.999, 1), Vec::new());
        ahead.process(&samples, &mut out);
        ahead.end(&mut out);
        let others = out.iter().enumerate().filter(|(at, _)| ![30, 40].contains(at));
        assert!(others.map(|(_, sample)| *sample).all(|sample| sample == 0.1) && out[30] == 1.0 && out[40].is_nan());
    }

    #[test]
    fn a_gate_waits_before_it_closes() {
        let mut gate = Gate::new(-6.0, -20.0, 2);
        let open = [0.1, 0.6, 0.2, 0.05, 0.05, 0.05, 0.2].map(|level| gate.step(level));
        assert_eq!(open, [false, true, true, true, true, false, false]);
    }

    #[test]
    fn channels_are_turned_down_together() {
        let mut samples = [1.0, 0.5, 0.25, 0.1];
        let mut envelope = Envelope::new(0.0, 0.0, 1000.0, Detector::Peak);
        let curve = Curve::new(amplitude(0.0).log10(), f64::INFINITY, 0.0);
        ride(&mut samples, 2, &mut envelope, |level| curve.compress(2.0 * level));
        assert!((samples[0] - 0.5).abs() < 1e-6 && (samples[1] - 0.25).abs() < 1e-6);
        assert_eq!(samples[2..], [0.25, 0.1]);
    }
}
