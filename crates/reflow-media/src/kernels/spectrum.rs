//! Short-time spectra: framing, transforms, and overlapping windows put together again.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// The largest transform that is made.
pub const MOST_SIZE: usize = 1 << 20;

/// The smallest Hann window that is not 0 everywhere.
pub const LEAST_SIZE: u64 = 3;

/// The largest hop at which Hann windows of `size` samples leave no sample out: then a signal can be put together again.
pub const fn most_hop(size: u64) -> u64 {
    size / 2
}

/// How a piece of a signal fades in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// 0.5 - 0.5 cos.
    Hann,
    /// 0.54 - 0.46 cos.
    Hamming,
    /// 0.42 - 0.5 cos + 0.08 cos of the double.
    Blackman,
    /// It does not.
    Rectangular,
}

impl Window {
    /// A symmetric window of `size` samples.
    pub fn of(self, size: usize) -> Vec<f32> {
        let steps = size.saturating_sub(1).max(1) as f64;
        let value = |at: usize| {
            let turn = TAU * at as f64 / steps;
            match self {
                Self::Hann => 0.5 * (1.0 - turn.cos()),
                Self::Hamming => 0.54 - 0.46 * turn.cos(),
                Self::Blackman => 0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos(),
                Self::Rectangular => 1.0,
            }
        };
        (0..size).map(|at| value(at) as f32).collect()
    }
}

/// Cuts a signal into overlapping pieces, however it comes: the first when `size` samples are here, then one every `hop` samples.
#[derive(Clone, Debug)]
pub struct Framer {
    size: usize,
    hop: usize,
    kept: Vec<f32>,
    /// Samples that lie between two pieces and are still to come.
    skip: usize,
}

impl Framer {
    /// A framer that has seen `lead` samples of silence; a hop of 0 counts as 1.
    pub fn new(size: usize, hop: usize, lead: usize) -> Self {
        Self { size: size.max(1), hop: hop.max(1), kept: vec![0.0; lead], skip: 0 }
    }

    /// Takes in samples and shows every piece that is whole.
    pub fn feed(&mut self, samples: &[f32], mut each: impl FnMut(&[f32])) {
        let skipped = self.skip.min(samples.len());
        self.skip -= skipped;
        self.kept.extend_from_slice(&samples[skipped..]);
        let mut at = 0;
        while self.kept.len() - at >= self.size {
            each(&self.kept[at..at + self.size]);
            let next = at + self.hop;
            at = next.min(self.kept.len());
            self.skip = next - at;
        }
        self.kept.drain(..at);
    }
}

/// A real transform of one size and its inverse, with the memory they need.
pub struct Transform {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    samples: Vec<f32>,
    /// The bins, from 0 to half the rate.
    pub bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Transform {
    /// The transform of `size` samples, from 1 to [`MOST_SIZE`].
    pub fn new(size: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            samples: vec![0.0; size],
            bins: vec![Complex32::default(); size / 2 + 1],
            scratch: vec![Complex32::default(); scratch],
            forward,
            inverse,
        }
    }

    /// The bins of samples under a window; not normalised.
    pub fn forward(&mut self, samples: &[f32], window: &[f32]) -> &mut [Complex32] {
        for ((to, sample), weight) in self.samples.iter_mut().zip(samples).zip(window) {
            *to = sample * weight;
        }
        let done = self.forward.process_with_scratch(&mut self.samples, &mut self.bins, &mut self.scratch);
        debug_assert!(done.is_ok(), "the buffers have the sizes of the plan");
        &mut self.bins
    }

    /// The samples that the bins stand for. The bins are used up.
    pub fn inverse(&mut self) -> &mut [f32] {
        let size = self.samples.len();
        // A real signal has no imaginary part there; rounding may have left some.
        self.bins[0].im = 0.0;
        if size.is_multiple_of(2) {
            self.bins[size / 2].im = 0.0;
        }
        let done = self.inverse.process_with_scratch(&mut self.bins, &mut self.samples, &mut self.scratch);
        debug_assert!(done.is_ok(), "the buffers have the sizes of the plan");
        let scale = 1.0 / size as f32;
        self.samples.iter_mut().for_each(|sample| *sample *= scale);
        &mut self.samples
    }
}

/// Sums of squared windows below this are no basis for a division.
const FAINT: f32 = 1e-6;

/// Adds up overlapping pieces under their window, and divides by what the windows come to.
#[derive(Clone, Debug)]
pub struct OverlapAdd {
    window: Vec<f32>,
    hop: usize,
    sums: Vec<f32>,
    weights: Vec<f32>,
}

impl OverlapAdd {
    /// Nothing so far.
    pub fn new(window: Vec<f32>, hop: usize) -> Self {
        let room = window.len().max(hop.max(1));
        Self { sums: vec![0.0; room], weights: vec![0.0; room], window, hop: hop.max(1) }
    }

    /// Adds a piece, which the window was applied to once, and appends the `hop` samples that no later one reaches.
    pub fn add(&mut self, piece: &[f32], out: &mut Vec<f32>) {
        let pieces = piece.iter().zip(&self.window);
        for ((sum, weight), (sample, window)) in self.sums.iter_mut().zip(&mut self.weights).zip(pieces) {
            *sum += sample * window;
            *weight += window * window;
        }
        self.give(self.hop, out);
    }

    /// Appends what later pieces would have reached.
    pub fn rest(&mut self, out: &mut Vec<f32>) {
        self.give(self.window.len().saturating_sub(self.hop), out);
    }

    fn give(&mut self, count: usize, out: &mut Vec<f32>) {
        let finished = self.sums[..count].iter().zip(&self.weights);
        out.extend(finished.map(|(sum, weight)| if *weight > FAINT { sum / weight } else { *sum }));
        for kept in [&mut self.sums, &mut self.weights] {
            kept.copy_within(count.., 0);
            let end = kept.len() - count;
            kept[end..].fill(0.0);
        }
    }
}

/// A signal taken apart into spectra and put together again, sample for sample where it was.
pub struct Stft {
    framer: Framer,
    window: Vec<f32>,
    transform: Transform,
    overlap: OverlapAdd,
    /// Samples of the silence before the signal that are still to be dropped.
    lead: usize,
    came: u64,
    went: u64,
    piece: Vec<f32>,
}

impl Stft {
    /// Spectra of `size` samples every `hop` samples, under a Hann window.
    pub fn new(size: usize, hop: usize) -> Self {
        let (size, hop) = (size.max(1), hop.max(1));
        let (lead, window) = (size.saturating_sub(hop), Window::Hann.of(size));
        let framer = Framer::new(size, hop, lead);
        let (transform, overlap) = (Transform::new(size), OverlapAdd::new(window.clone(), hop));
        Self { framer, window, transform, overlap, lead, came: 0, went: 0, piece: Vec::new() }
    }

    /// Takes in samples, lets `change` work on every spectrum, and appends what is finished.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>, mut change: impl FnMut(&mut [Complex32])) {
        self.came += samples.len() as u64;
        self.feed(samples, out, &mut change);
    }

    /// Appends the rest: in all, as many samples come out as went in.
    pub fn end(&mut self, out: &mut Vec<f32>, mut change: impl FnMut(&mut [Complex32])) {
        let silence = vec![0.0; self.framer.hop.min(MOST_SIZE)];
        while self.went < self.came {
            self.feed(&silence, out, &mut change);
        }
    }

    fn feed(&mut self, samples: &[f32], out: &mut Vec<f32>, change: &mut impl FnMut(&mut [Complex32])) {
        let Self { framer, window, transform, overlap, piece, .. } = self;
        piece.clear();
        framer.feed(samples, |samples| {
            change(transform.forward(samples, window));
            overlap.add(transform.inverse(), piece);
        });
        let dropped = self.lead.min(self.piece.len());
        self.lead -= dropped;
        let missing = (self.came - self.went).min((self.piece.len() - dropped) as u64) as usize;
        self.went += missing as u64;
        out.extend_from_slice(&self.piece[dropped..dropped + missing]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition.
    fn slow(samples: &[f32]) -> Vec<Complex32> {
        let size = samples.len();
        let bin = |k: usize| {
            samples.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, sample)| {
                let (sin, cos) = (-TAU * (k * n % size) as f64 / size as f64).sin_cos();
                (re + f64::from(*sample) * cos, im + f64::from(*sample) * sin)
            })
        };
        (0..=size / 2).map(bin).map(|(re, im)| Complex32::new(re as f32, im as f32)).collect()
    }

    proptest! {
        #[test]
        fn a_transform_is_what_the_definition_says(samples in prop::collection::vec(-1.0..1.0_f32, 1..70)) {
            let mut transform = Transform::new(samples.len());
            let found = transform.forward(&samples, &vec![1.0; samples.len()]).to_vec();
            for (found, wanted) in found.iter().zip(slow(&samples)) {
                prop_assert!((found - wanted).norm() < 1e-4, "{found} {wanted}");
            }
            for (back, sample) in transform.inverse().iter().zip(&samples) {
                prop_assert!((back - sample).abs() < 1e-5);
            }
        }

        #[test]
        fn pieces_come_where_they_should(length in 0..100_usize, size in 1..20_usize, hop in 1..30_usize, cut in 0..100_usize) {
            let samples: Vec<f32> = (0..length).map(|n| n as f32).collect();
            let (mut framer, mut firsts) = (Framer::new(size, hop, 0), Vec::new());
            let cut = cut.min(length);
            for part in [&samples[..cut], &samples[cut..]] {
                framer.feed(part, |piece| firsts.push((piece[0] as usize, piece.len())));
            }
            let wanted: Vec<_> = (0..length).step_by(hop).filter(|at| at + size <= length).map(|at| (at, size)).collect();
            prop_assert_eq!(firsts, wanted);
        }

        #[test]
        fn what_is_taken_apart_comes_together_again(
            samples in prop::collection::vec(-1.0..1.0_f32, 0..200), size in 4..40_usize, overlap in 2..5_usize, cut in 0..200_usize,
        ) {
            let (mut stft, mut out) = (Stft::new(size, size / overlap), Vec::new());
            let cut = cut.min(samples.len());
            stft.process(&samples[..cut], &mut out, |_| {});
            stft.process(&samples[cut..], &mut out, |_| {});
            stft.end(&mut out, |_| {});
            prop_assert_eq!(out.len(), samples.len());
            for (found, sample) in out.iter().zip(&samples) {
                prop_assert!((found - sample).abs() < 1e-3, "{found} {sample}");
            }
        }
    }

    #[test]
    fn sizes_at_the_edge_work() {
        for (size, hop) in [(1, 1), (1, 5), (2, 1), (3, 7), (8, 8)] {
            let (mut stft, mut out) = (Stft::new(size, hop), Vec::new());
            stft.process(&[0.5; 20], &mut out, |_| {});
            stft.end(&mut out, |_| {});
            assert_eq!(out.len(), 20, "{size} {hop}");
            assert!(out.iter().all(|sample| sample.is_finite()));
        }
    }
}
