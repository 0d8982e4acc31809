//! Shifting pitch in the frequency domain (J. Laroche and M. Dolson, *New phase-vocoder techniques for pitch-shifting*, 1999).
//!
//! Every peak of a spectrum is moved to its new frequency together with the bins around it, whose phases so stay related as
//! they were. The phase of a moved peak goes on where the frame before left it.

use std::f64::consts::{PI, TAU};

use realfft::num_complex::{Complex32, Complex64};

/// Shifts the spectra of one signal.
pub struct Shifter {
    ratio: f64,
    size: usize,
    hop: f64,
    /// The phases of the frame before.
    phases: Vec<f64>,
    /// By how much each bin of the frame before was turned.
    turns: Vec<f64>,
    levels: Vec<f32>,
    shifted: Vec<Complex32>,
}

impl Shifter {
    /// Multiplies frequencies by `ratio`, in spectra of `size` samples that come every `hop` samples.
    pub fn new(ratio: f64, size: usize, hop: usize) -> Self {
        let bins = size / 2 + 1;
        let (phases, turns) = (vec![0.0; bins], vec![0.0; bins]);
        let (levels, shifted) = (vec![0.0; bins], vec![Complex32::default(); bins]);
        Self { ratio, size, hop: hop.max(1) as f64, phases, turns, levels, shifted }
    }

    /// Shifts the next spectrum in place.
    pub fn shift(&mut self, bins: &mut [Complex32]) {
        self.shifted.fill(Complex32::default());
        self.levels.iter_mut().zip(&*bins).for_each(|(level, bin)| *level = bin.norm_sqr());
        let mut from = 0;
        while let Some(peak) = self.next_peak(from) {
            let until = self.next_peak(peak + 1).map_or(bins.len(), |next| self.valley(peak, next));
            self.move_region(bins, from..until, peak);
            from = until;
        }
        self.phases.iter_mut().zip(&*bins).for_each(|(phase, bin)| *phase = f64::from(bin.arg()));
        bins.copy_from_slice(&self.shifted);
    }

    /// The first bin from `from` on that is louder than two on either side.
    fn next_peak(&self, from: usize) -> Option<usize> {
        let levels = &self.levels;
        (from..levels.len()).find(|at| {
            let level = levels[*at];
            let before = &levels[at.saturating_sub(2)..*at];
            let after = &levels[at + 1..(at + 3).min(levels.len())];
            level > 0.0 && before.iter().all(|other| *other < level) && after.iter().all(|other| *other <= level)
        })
    }

    /// The softest bin between two peaks.
    fn valley(&self, peak: usize, next: usize) -> usize {
        let softer = |a: &usize, b: &usize| self.levels[*a].total_cmp(&self.levels[*b]);
        (peak + 1..next).min_by(softer).unwrap_or(next)
    }

    fn move_region(&mut self, bins: &[Complex32], region: std::ops::Range<usize>, peak: usize) {
        let expected = TAU * peak as f64 / self.size as f64;
        let step = f64::from(bins[peak].arg()) - self.phases[peak] - expected * self.hop;
        let frequency = expected + wrapped(step) / self.hop;
        let change = frequency * (self.ratio - 1.0);
        let turn = wrapped(self.turns[peak] + change * self.hop);
        let by = (change * self.size as f64 / TAU).round() as isize;
        let factor = Complex64::from_polar(1.0, turn);
        let factor = Complex32::new(factor.re as f32, factor.im as f32);
        for at in region {
            if let Some(to) = at.checked_add_signed(by).and_then(|at| self.shifted.get_mut(at)) {
                *to += bins[at] * factor;
            }
            self.turns[at] = turn;
        }
    }
}

/// An angle between -pi and pi.
fn wrapped(angle: f64) -> f64 {
    angle - TAU * ((angle + PI) / TAU).floor()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::spectrum::Stft;

    fn shifted(samples: &[f32], ratio: f64, size: usize, hop: usize) -> Vec<f32> {
        let (mut stft, mut shifter, mut out) = (Stft::new(size, hop), Shifter::new(ratio, size, hop), Vec::new());
        stft.process(samples, &mut out, |bins| shifter.shift(bins));
        stft.end(&mut out, |bins| shifter.shift(bins));
        out
    }

    /// The frequency with which the signal passes 0 upwards, in turns a sample, and its amplitude.
    fn measured(samples: &[f32]) -> (f64, f32) {
        let up: Vec<usize> = (1..samples.len()).filter(|n| samples[n - 1] < 0.0 && samples[*n] >= 0.0).collect();
        let (first, last) = (up[0], up[up.len() - 1]);
        let at = |n: usize| n as f64 - f64::from(samples[n] / (samples[n] - samples[n - 1]));
        let loudest = samples.iter().fold(0.0, |loudest: f32, sample| loudest.max(sample.abs()));
        ((up.len() - 1) as f64 / (at(last) - at(first)), loudest)
    }

    #[test]
    fn a_sine_has_its_new_frequency_and_its_old_amplitude() {
        for semitones in [-12, -7, -1, 3, 7, 12] {
            let (ratio, frequency) = (2_f64.powf(f64::from(semitones) / 12.0), 440.0 / 44_100.0);
            let samples: Vec<f32> = (0..44_100).map(|n| 0.5 * (TAU * frequency * f64::from(n)).sin() as f32).collect();
            let out = shifted(&samples, ratio, 4096, 256);
            assert_eq!(out.len(), samples.len());
            let (found, amplitude) = measured(&out[8192..36_000]);
            assert!((found / (frequency * ratio) - 1.0).abs() < 1e-3, "{semitones}: {found}");
            assert!((0.4..0.6).contains(&amplitude), "{semitones}: {amplitude}");
        }
    }

    #[test]
    fn no_change_is_no_change() {
        let samples: Vec<f32> = (0..3000).map(|n| ((n * n) as f32 * 0.001).sin()).collect();
        let out = shifted(&samples, 1.0, 256, 64);
        assert!(samples.iter().zip(&out).all(|(a, b)| (a - b).abs() < 1e-3));
    }
}
