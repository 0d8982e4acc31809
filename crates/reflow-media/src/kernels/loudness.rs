//! Loudness of a programme (ITU-R BS.1770-4, EBU R 128).

use std::f64::consts::PI;

use super::biquad::{Bank, Section};

/// Tenths of a second in a block; one begins every tenth.
const BLOCK: usize = 4;

/// Measures the integrated loudness of interleaved samples.
pub struct Loudness {
    weighting: Bank,
    weights: Vec<f64>,
    tenth: usize,
    /// Energies of whole tenths of a second, and of the one that is being filled.
    energies: Vec<f64>,
    energy: f64,
    groups: usize,
    at: usize,
}

impl Loudness {
    /// Nothing heard so far.
    pub fn new(rate: f64, channels: usize) -> Self {
        let channels = channels.max(1);
        // Left, right, centre, low frequencies, and the two surround channels of six.
        let weights = if channels == 6 { vec![1.0, 1.0, 1.0, 0.0, 1.41, 1.41] } else { vec![1.0; channels] };
        Self {
            weighting: Bank::new(vec![head(rate), low_cut(rate)], channels),
            weights,
            tenth: (rate / 10.0).round().max(1.0) as usize,
            energies: Vec::new(),
            energy: 0.0,
            groups: 0,
            at: 0,
        }
    }

    /// Takes in samples.
    pub fn process(&mut self, samples: &[f32]) {
        let mut weighted = samples.to_vec();
        self.weighting.process(&mut weighted);
        for sample in weighted {
            if sample.is_finite() {
                self.energy += self.weights[self.at] * f64::from(sample) * f64::from(sample);
            }
            self.at += 1;
            if self.at == self.weights.len() {
                (self.at, self.groups) = (0, self.groups + 1);
                if self.groups == self.tenth {
                    self.energies.push(self.energy / self.tenth as f64);
                    (self.energy, self.groups) = (0.0, 0);
                }
            }
        }
    }

    /// The loudness in LUFS of what is not silence; `None` where all is. What is shorter than a block counts whole.
    pub fn integrated(&self) -> Option<f64> {
        let mean = |tenths: &[f64]| tenths.iter().sum::<f64>() / tenths.len() as f64;
        let mut blocks: Vec<f64> = self.energies.windows(BLOCK).map(mean).collect();
        if blocks.is_empty() {
            let heard = self.energies.iter().sum::<f64>() * self.tenth as f64 + self.energy;
            blocks.push(heard / (self.energies.len() * self.tenth + self.groups).max(1) as f64);
        }
        blocks.retain(|energy| level(*energy) > -70.0);
        let gate = level(mean(&blocks)) - 10.0;
        blocks.retain(|energy| level(*energy) > gate);
        (!blocks.is_empty()).then(|| level(mean(&blocks)))
    }
}

fn level(energy: f64) -> f64 {
    -0.691 + 10.0 * energy.log10()
}

/// The shelf that stands for a head, at any rate: its analogue form, brought over by the bilinear transform.
fn head(rate: f64) -> Section {
    let (frequency, gain, q) = (1_681.974_450_955_533, 3.999_843_853_973_347, 0.707_175_236_955_419_6);
    let k = (PI * frequency / rate).tan();
    let high = 10_f64.powf(gain / 20.0);
    let band = high.powf(0.499_666_774_154_541_6);
    let a0 = 1.0 + k / q + k * k;
    let b = [(high + band * k / q + k * k) / a0, 2.0 * (k * k - high) / a0, (high - band * k / q + k * k) / a0];
    Section::of(b, [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0])
}

/// The highpass behind it.
fn low_cut(rate: f64) -> Section {
    let (frequency, q) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);
    let k = (PI * frequency / rate).tan();
    let a0 = 1.0 + k / q + k * k;
    Section::of([1.0, -2.0, 1.0], [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn sine(level_db: f64, seconds: f64, channels: usize) -> Vec<f32> {
        let amplitude = 10_f64.powf(level_db / 20.0);
        let at = |n: usize| (amplitude * (TAU * 1000.0 * n as f64 / 48_000.0).sin()) as f32;
        (0..(seconds * 48_000.0) as usize).flat_map(|n| std::iter::repeat_n(at(n), channels)).collect()
    }

    fn loudness(samples: &[f32], channels: usize) -> Option<f64> {
        let mut loudness = Loudness::new(48_000.0, channels);
        samples.chunks(1001).for_each(|block| loudness.process(block));
        loudness.integrated()
    }

    #[test]
    fn the_test_signals_of_ebu_tech_3341_have_their_loudness() {
        let close = |samples: &[f32], wanted: f64| {
            let found = loudness(samples, 2).unwrap();
            assert!((found - wanted).abs() < 0.1, "{found} instead of {wanted}");
        };
        close(&sine(-23.0, 5.0, 2), -23.0);
        close(&sine(-33.0, 5.0, 2), -33.0);
        // Case 3: the soft ends are gated away.
        let case: Vec<f32> =
            [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)].iter().flat_map(|(db, s)| sine(*db, *s, 2)).collect();
        close(&case, -23.0);
    }

    #[test]
    fn silence_has_none_and_short_sounds_have_one() {
        assert_eq!(loudness(&vec![0.0; 96_000], 1), None);
        assert_eq!(loudness(&[], 1), None);
        assert!((loudness(&sine(-20.0, 0.05, 1), 1).unwrap() + 23.0).abs() < 1.0);
    }
}
