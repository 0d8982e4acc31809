//! Spectral subtraction (S. F. Boll, *Suppression of acoustic noise in speech using spectral subtraction*, 1979).

use realfft::num_complex::Complex32;

use super::spectrum::{Framer, Stft, Transform, Window};

/// What is left of a bin at least: less sounds like music.
const FLOOR: f32 = 0.05;

/// One channel: it learns what noise is like from the beginning, then takes it away.
pub struct Denoiser {
    size: usize,
    hop: usize,
    strength: f32,
    /// The magnitudes of noise: sums while it learns, then `strength` times their mean.
    profile: Vec<f32>,
    stage: Stage,
}

enum Stage {
    Learning { framer: Framer, transform: Transform, window: Vec<f32>, count: usize },
    Working(Stft),
}

impl Denoiser {
    /// One that learns. The size is at least 1.
    pub fn new(size: usize, hop: usize, strength: f64) -> Self {
        let (size, hop) = (size.max(1), hop.max(1));
        let stage = Stage::Learning {
            framer: Framer::new(size, hop, 0),
            transform: Transform::new(size),
            window: Window::Hann.of(size),
            count: 0,
        };
        Self { size, hop, strength: strength as f32, profile: vec![0.0; size / 2 + 1], stage }
    }

    /// Learns from samples, or appends them without what was learnt.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let profile = &mut self.profile;
        match &mut self.stage {
            Stage::Learning { framer, transform, window, count } => {
                framer.feed(samples, |samples| {
                    let bins = transform.forward(samples, window);
                    profile.iter_mut().zip(bins).for_each(|(sum, bin)| *sum += bin.norm());
                    *count += 1;
                });
                out.extend_from_slice(samples);
            }
            Stage::Working(stft) => stft.process(samples, out, |bins| subtract(bins, profile)),
        }
    }

    /// Has learnt enough.
    pub fn learnt(&mut self) {
        if let Stage::Learning { count, .. } = self.stage {
            let scale = self.strength / count.max(1) as f32;
            self.profile.iter_mut().for_each(|sum| *sum *= scale);
            self.stage = Stage::Working(Stft::new(self.size, self.hop));
        }
    }

    /// Appends the rest.
    pub fn end(&mut self, out: &mut Vec<f32>) {
        if let Stage::Working(stft) = &mut self.stage {
            stft.end(out, |bins| subtract(bins, &self.profile));
        }
    }
}

/// Makes bins smaller by the magnitudes of a profile; their phases stay.
fn subtract(bins: &mut [Complex32], profile: &[f32]) {
    for (bin, noise) in bins.iter_mut().zip(profile) {
        let magnitude = bin.norm();
        if *noise > 0.0 && magnitude > 0.0 {
            *bin *= (magnitude - noise).max(FLOOR * magnitude) / magnitude;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_goes_and_a_tone_stays() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            0.05 * ((state >> 8) as f32 / 8_388_608.0 - 1.0)
        };
        let tone = |n: usize| 0.5 * (0.2 * n as f32).sin();
        let (mut denoiser, mut out) = (Denoiser::new(512, 128, 1.5), Vec::new());
        let quiet: Vec<f32> = (0..8192).map(|_| noise()).collect();
        denoiser.process(&quiet, &mut out);
        assert_eq!(out, quiet);
        denoiser.learnt();
        let loud: Vec<f32> = (0..8192).map(|n| tone(n) + noise()).collect();
        out.clear();
        denoiser.process(&loud, &mut out);
        denoiser.process(&quiet, &mut out);
        denoiser.end(&mut out);
        let error = |samples: &[f32]| (0..4096).map(|n| (samples[n + 2048] - tone(n + 2048)).powi(2)).sum::<f32>();
        assert!(error(&out) < 0.5 * error(&loud), "{} {}", error(&out), error(&loud));
        let power = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
        assert!(power(&out[10_000..16_384]) < 0.1 * power(&quiet[1808..]));
    }
}
