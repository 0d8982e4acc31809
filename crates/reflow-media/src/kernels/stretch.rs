//! Changing the length of a signal and not its pitch (WSOLA: W. Verhelst and M. Roelands, *An overlap-add technique based on
//! waveform similarity*, 1993).

use std::f64::consts::TAU;

/// A signal on its way to another length. Samples are interleaved.
pub struct Stretcher {
    ratio: f64,
    channels: usize,
    window: Vec<f32>,
    hop: usize,
    reach: usize,
    /// Groups of the signal from `start` on, one of each channel, and their sums.
    input: Vec<f32>,
    mix: Vec<f32>,
    start: u64,
    /// What the pieces so far come to, and their windows.
    sums: Vec<f32>,
    weights: Vec<f32>,
    /// Pieces so far, and where the last one was taken from.
    pieces: u64,
    last: u64,
    came: u64,
    went: u64,
}

impl Stretcher {
    /// Makes a signal `ratio` times as long, in pieces of `size` groups (at least 4), of which four overlap.
    pub fn new(ratio: f64, size: usize, channels: usize) -> Self {
        let (size, channels) = (size.max(4), channels.max(1));
        // Of the middles of the samples: it is 0 nowhere.
        let window = |at: usize| (0.5 - 0.5 * (TAU * (at as f64 + 0.5) / size as f64).cos()) as f32;
        Self {
            ratio,
            channels,
            window: (0..size).map(window).collect(),
            hop: size / 4,
            reach: size / 8,
            input: Vec::new(),
            mix: Vec::new(),
            start: 0,
            sums: vec![0.0; size * channels],
            weights: vec![0.0; size],
            pieces: 0,
            last: 0,
            came: 0,
            went: 0,
        }
    }

    /// Takes in whole groups and appends what is finished.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.take(samples);
        // Nothing that would be too much if this were all.
        while self.went + self.hop as u64 <= self.total() && self.is_fed() {
            self.piece(out, u64::MAX);
        }
    }

    /// How many groups what has come so far makes.
    fn total(&self) -> u64 {
        (self.came as f64 * self.ratio).round() as u64
    }

    /// Appends the rest: in all, the nearest whole number to `ratio` times as many groups as came.
    pub fn end(&mut self, out: &mut Vec<f32>) {
        let total = self.total();
        self.mirror(total.min(self.window.len() as u64));
        // Pieces reach into this, but not with what is heard of them.
        self.extend(&vec![0.0; self.window.len() * self.channels]);
        while self.went < total {
            self.piece(out, total - self.went);
        }
    }

    fn take(&mut self, samples: &[f32]) {
        self.came += (samples.len() / self.channels) as u64;
        self.extend(samples);
    }

    fn extend(&mut self, samples: &[f32]) {
        self.input.extend_from_slice(samples);
        self.mix.extend(samples.chunks_exact(self.channels).map(|group| group.iter().sum::<f32>()));
    }

    /// Makes a signal that is too short for a piece longer, to and fro.
    fn mirror(&mut self, least: u64) {
        while self.came > 0 && self.came < least {
            let missing = (least - self.came) as usize;
            let groups = self.input.chunks_exact(self.channels).rev().take(missing);
            let mirrored: Vec<f32> = groups.flatten().copied().collect();
            self.take(&mirrored);
        }
    }

    /// Where the next piece would be taken from if nothing had to match.
    fn nominal(&self) -> u64 {
        (self.pieces as f64 * self.hop as f64 / self.ratio).round() as u64
    }

    /// Whether all that the next piece may need is here.
    fn is_fed(&self) -> bool {
        let follows = if self.pieces == 0 { 0 } else { self.last + self.hop as u64 };
        (self.nominal() + self.reach as u64).max(follows) + self.window.len() as u64 <= self.came
    }

    /// Adds the next piece, and appends what no later one reaches. After its beginning, `rest` groups are still to go.
    fn piece(&mut self, out: &mut Vec<f32>, rest: u64) {
        let size = self.window.len();
        let heard = rest.min(size as u64);
        let from = if self.pieces == 0 { 0 } else { self.best(heard) };
        let at = (from - self.start) as usize * self.channels;
        let pieces = self.input[at..at + size * self.channels].chunks_exact(self.channels);
        let sums = self.sums.chunks_exact_mut(self.channels).zip(&mut self.weights);
        for (((sum, weight), group), window) in sums.zip(pieces).zip(&self.window) {
            sum.iter_mut().zip(group).for_each(|(sum, sample)| *sum += sample * window);
            *weight += window;
        }
        (self.pieces, self.last) = (self.pieces + 1, from);
        self.give(out, rest);
        self.forget();
    }

    /// The place near the nominal one that looks most like what follows the last piece. The groups of the piece that are heard
    /// lie within the signal.
    fn best(&self, heard: u64) -> u64 {
        let (reach, length) = (self.reach as u64, self.hop.min(heard as usize));
        let part = |from: u64| &self.mix[(from - self.start) as usize..][..length];
        let wanted = part(self.last + self.hop as u64);
        let latest = self.came - heard;
        let nominal = self.nominal().min(latest);
        let last = (self.nominal() + reach).min(latest);
        let first = last.saturating_sub(2 * reach).max(self.start);
        let mut best = (f32::NEG_INFINITY, nominal);
        for from in first..=last {
            let candidate = part(from);
            let product: f32 = wanted.iter().zip(candidate).map(|(a, b)| a * b).sum();
            let energy: f32 = candidate.iter().map(|sample| sample * sample).sum();
            let score = product / (energy + 1e-9).sqrt();
            // Of equally good ones, the one that is nearest to where it should be.
            if score > best.0 || score == best.0 && from.abs_diff(nominal) < best.1.abs_diff(nominal) {
                best = (score, from);
            }
        }
        best.1
    }

    fn give(&mut self, out: &mut Vec<f32>, rest: u64) {
        let count = (self.hop as u64).min(rest) as usize;
        let finished = self.sums.chunks_exact(self.channels).zip(&self.weights).take(count);
        out.extend(finished.flat_map(|(group, weight)| group.iter().map(move |sum| sum / weight)));
        self.went += count as u64;
        let (moved, size) = (self.hop * self.channels, self.sums.len());
        self.sums.copy_within(moved.., 0);
        self.sums[size - moved..].fill(0.0);
        self.weights.copy_within(self.hop.., 0);
        let kept = self.weights.len() - self.hop;
        self.weights[kept..].fill(0.0);
    }

    /// Lets go of what no piece can need any more, the last ones of a signal that ends here included.
    fn forget(&mut self) {
        let last = self.came.saturating_sub((self.window.len() + 2 * self.reach) as u64);
        let keep = (self.last + self.hop as u64).min(self.nominal().saturating_sub(self.reach as u64)).min(last);
        let passed = (keep.saturating_sub(self.start) as usize).min(self.mix.len());
        self.mix.drain(..passed);
        self.input.drain(..passed * self.channels);
        self.start += passed as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretched(samples: &[f32], ratio: f64, size: usize, channels: usize, block: usize) -> Vec<f32> {
        let (mut stretcher, mut out) = (Stretcher::new(ratio, size, channels), Vec::new());
        samples.chunks(block * channels).for_each(|block| stretcher.process(block, &mut out));
        stretcher.end(&mut out);
        out
    }

    #[test]
    fn a_sine_keeps_its_frequency_and_its_amplitude() {
        let samples: Vec<f32> = (0..20_000).map(|n| 0.5 * (0.05 * n as f32).sin()).collect();
        for ratio in [0.5, 0.8, 1.3, 2.0, 3.7] {
            let out = stretched(&samples, ratio, 1024, 1, 777);
            assert_eq!(out.len(), (20_000.0 * ratio).round() as usize);
            let middle = &out[out.len() / 4..out.len() * 3 / 4];
            let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
            let frequency = crossings as f64 / middle.len() as f64 * TAU;
            assert!((frequency / 0.05 - 1.0).abs() < 0.02, "{ratio}: {frequency}");
            let loudest = middle.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
            assert!((0.45..0.55).contains(&loudest), "{ratio}: {loudest}");
        }
    }

    #[test]
    fn the_level_holds_to_the_end() {
        for (length, size, ratio) in
            [(2000, 1024, 4.0), (20_000, 1024, 1.5), (300, 1024, 2.0), (300, 1024, 0.5), (5, 8, 3.0)]
        {
            let out = stretched(&vec![0.3; length], ratio, size, 1, 777);
            assert!(out.iter().all(|sample| (sample - 0.3).abs() < 1e-4), "{length} {ratio}: {out:?}");
        }
        let samples: Vec<f32> = (0..20_000).map(|n| 0.5 * (0.05 * n as f32).sin()).collect();
        for ratio in [0.5, 1.1, 2.0, 4.0] {
            let out = stretched(&samples, ratio, 1024, 1, 777);
            for block in out[out.len() - 2048..].chunks(256) {
                let rms = (block.iter().map(|sample| sample * sample).sum::<f32>() / block.len() as f32).sqrt();
                assert!((0.31..0.4).contains(&rms), "{ratio}: {rms}");
            }
        }
    }

    #[test]
    fn the_end_of_a_signal_is_the_end() {
        // It fades, so that the last samples tell where they are from.
        let samples: Vec<f32> = (0..8000).map(|n| (1.0 - n as f32 / 8000.0) * (0.7 * n as f32).sin()).collect();
        for ratio in [0.6, 1.01, 1.7, 3.0] {
            let out = stretched(&samples, ratio, 512, 1, 777);
            let loudest = out[out.len() - 64..].iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
            assert!(loudest < 0.06, "{ratio}: {loudest}");
        }
    }

    proptest! {
        #[test]
        fn lengths_are_right_and_cuts_do_not_matter(
            length in 0..400_usize, ratio in 0.05..8.0_f64, size in 1..60_usize, channels in 1..4_usize, block in 1..100_usize,
        ) {
            let samples: Vec<f32> = (0..length * channels).map(|n| (n as f32 * 0.3).sin()).collect();
            let out = stretched(&samples, ratio, size, channels, block);
            prop_assert_eq!(out.len(), (length as f64 * ratio).round() as usize * channels);
            prop_assert_eq!(&out, &stretched(&samples, ratio, size, channels, length + 1));
            prop_assert!(out.iter().all(|sample| sample.abs() < 1.01));
        }
    }
}
