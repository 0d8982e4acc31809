//! Convolution with an impulse response, without delay.
//!
//! The first part of the response is multiplied out sample by sample. The rest is cut into blocks whose spectra are kept
//! (uniformly partitioned overlap-save: T. G. Stockham, 1966; Wefers, *Partitioned convolution algorithms*, 2015): what they
//! give for a block of the signal is known when the block before it is complete.

use std::sync::Arc;

use realfft::num_complex::Complex32;

use super::spectrum::Transform;

/// Up to this length, multiplying out is all that is done.
const DIRECT: usize = 128;

/// From this length on, longer blocks are less work.
const LONG: usize = 8192;

/// An impulse response, ready for signals.
pub struct Impulse {
    /// The first part, last sample first.
    head: Vec<f32>,
    /// Spectra of the blocks after it.
    blocks: Vec<Vec<Complex32>>,
    length: usize,
}

impl Impulse {
    /// Prepares a response.
    pub fn new(response: &[f32]) -> Self {
        let block = match response.len() {
            length @ ..=DIRECT => length,
            length if length <= LONG => DIRECT,
            _ => 512,
        };
        let head = response[..block].iter().rev().copied().collect();
        let later = if response.len() > block { response[block..].chunks(block) } else { [].chunks(1) };
        let mut transform = Transform::new((2 * block).max(1));
        let even = vec![1.0; 2 * block];
        let spectrum = |part: &[f32]| {
            let mut padded = part.to_vec();
            padded.resize(2 * block, 0.0);
            transform.forward(&padded, &even).to_vec()
        };
        Self { head, blocks: later.map(spectrum).collect(), length: response.len() }
    }

    /// How many samples it has.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// A signal on its way through an impulse response.
pub struct Convolver {
    impulse: Arc<Impulse>,
    /// The latest samples: those that the first part still reaches, then the block that is being filled.
    recent: Vec<f32>,
    late: Option<Late>,
}

/// What the blocks after the first part need and give.
struct Late {
    transform: Transform,
    even: Vec<f32>,
    /// Spectra of the latest pairs of blocks, the newest at `newest`.
    spectra: Vec<Vec<Complex32>>,
    newest: usize,
    /// The last two blocks of the signal, and how much of the second is here.
    pair: Vec<f32>,
    filled: usize,
    /// What the blocks add to the samples of the one that is being filled.
    sums: Vec<f32>,
}

impl Convolver {
    /// A signal that begins.
    pub fn new(impulse: Arc<Impulse>) -> Self {
        let block = impulse.head.len();
        let late = (!impulse.blocks.is_empty()).then(|| Late {
            transform: Transform::new(2 * block),
            even: vec![1.0; 2 * block],
            spectra: vec![vec![Complex32::default(); block + 1]; impulse.blocks.len()],
            newest: 0,
            pair: vec![0.0; 2 * block],
            filled: 0,
            sums: vec![0.0; block],
        });
        Self { recent: vec![0.0; block.saturating_sub(1)], impulse, late }
    }

    /// Replaces samples by as many of the result.
    pub fn process(&mut self, samples: &mut [f32]) {
        let block = self.impulse.head.len();
        if block == 0 {
            return samples.fill(0.0);
        }
        let mut rest = samples;
        while !rest.is_empty() {
            let room = self.late.as_ref().map_or(rest.len(), |late| block - late.filled).min(rest.len());
            let (part, after) = rest.split_at_mut(room);
            self.part(part);
            rest = after;
        }
    }

    fn part(&mut self, samples: &mut [f32]) {
        let Self { impulse, recent, late } = self;
        let reach = impulse.head.len() - 1;
        recent.extend_from_slice(samples);
        if let Some(late) = late {
            late.take(samples);
        }
        for (at, sample) in samples.iter_mut().enumerate() {
            *sample = product(&recent[at..=at + reach], &impulse.head);
        }
        let passed = recent.len() - reach;
        recent.drain(..passed);
        if let Some(late) = late {
            late.give(samples, &impulse.blocks);
        }
    }
}

impl Late {
    fn take(&mut self, samples: &[f32]) {
        let at = self.sums.len() + self.filled;
        self.pair[at..at + samples.len()].copy_from_slice(samples);
    }

    /// Adds the sums, and makes those of the next block when this one is full.
    fn give(&mut self, samples: &mut [f32], blocks: &[Vec<Complex32>]) {
        samples.iter_mut().zip(&self.sums[self.filled..]).for_each(|(sample, sum)| *sample += sum);
        self.filled += samples.len();
        let block = self.sums.len();
        if self.filled < block {
            return;
        }
        self.filled = 0;
        self.newest = (self.newest + self.spectra.len() - 1) % self.spectra.len();
        self.spectra[self.newest].copy_from_slice(self.transform.forward(&self.pair, &self.even));
        self.pair.copy_within(block.., 0);
        self.transform.bins.fill(Complex32::default());
        let (newer, older) = (&self.spectra[self.newest..], &self.spectra[..self.newest]);
        for (spectrum, response) in newer.iter().chain(older).zip(blocks) {
            let bins = self.transform.bins.iter_mut().zip(spectrum).zip(response);
            bins.for_each(|((bin, x), h)| *bin += x * h);
        }
        self.sums.copy_from_slice(&self.transform.inverse()[block..]);
    }
}

/// The sum of products, in lanes that the processor adds up side by side.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0_f32; 8];
    for (a, b) in a.0.iter().zip(b.0) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(samples: &[f32], response: &[f32]) -> Vec<f32> {
        let at = |n: usize| {
            (0..response.len().min(n + 1)).map(|k| f64::from(response[k]) * f64::from(samples[n - k])).sum::<f64>()
        };
        (0..samples.len()).map(|n| at(n) as f32).collect()
    }

    fn noise(length: usize, seed: u32) -> Vec<f32> {
        let mut state = seed | 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..length).map(|_| next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn it_is_what_the_sum_says_however_the_signal_comes(length in 0..700_usize, taps in 1..400_usize, seed: u32, cuts in prop::collection::vec(0..700_usize, 0..6)) {
            let (samples, response) = (noise(length, seed), noise(taps, !seed));
            let mut found = samples.clone();
            let mut convolver = Convolver::new(Arc::new(Impulse::new(&response)));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(length)).chain([0, length]).collect();
            cuts.sort_unstable();
            for cut in cuts.windows(2) {
                convolver.process(&mut found[cut[0]..cut[1]]);
            }
            for (found, wanted) in found.iter().zip(slow(&samples, &response)) {
                prop_assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
            }
        }
    }

    #[test]
    fn a_long_response_works_too() {
        let (samples, response) = (noise(3000, 7), noise(9000, 9));
        let mut found = samples.clone();
        Convolver::new(Arc::new(Impulse::new(&response))).process(&mut found);
        assert!(found.iter().zip(slow(&samples, &response)).all(|(found, wanted)| (found - wanted).abs() < 1e-2));
    }
}
