//! Weighed sums of samples around others, in fixed point.

use super::wide::Kernel;

/// Samples that are summed up at once, in registers: lines have a multiple of them.
pub const BLOCK: usize = 128;

/// Copies of a weight: a vector of them is loaded, which is faster than spreading one.
const LANES: usize = 16;

/// Weights that share a scale.
const GROUP: usize = 32;

/// A sample is a byte times 128, so that two of them are added without a carry.
pub const SAMPLE_BITS: u32 = 7;

/// Weights of a window that is the same on both sides, and that add up to 1.
///
/// Sums are 16 bits wide, of which 8 are behind the point, and every product loses what is below them. Weights far outside of a large window
/// are small, so they are summed up first, by groups, with as many more bits behind the point as their sum leaves room for.
/// What is lost on average is added, and so the result is the nearest byte but for what is within a few hundredths of the middle
/// between two.
pub struct Weights {
    radius: usize,
    groups: Vec<Group>,
    /// What is added to every sum: a half, and what products lose.
    round: u16,
}

struct Group {
    weights: Vec<[u16; LANES]>,
    /// Bits that the sum has behind the point, beside 8.
    shift: u32,
}

impl Weights {
    /// Weights from the middle outwards; both sides together add up to 1.
    pub fn new(from_middle: &[f64]) -> Self {
        // Both samples of a pair are added before they are weighed; in the middle that is twice the same one.
        let half = |(at, weight): (usize, &f64)| if at == 0 { weight / 2.0 } else { *weight };
        let halves: Vec<f64> = from_middle.iter().enumerate().map(half).collect();
        let mut groups = Vec::new();
        let (mut rest, mut round) = (0.5, 128.0);
        for weights in halves.chunks(GROUP) {
            let sum: f64 = weights.iter().sum();
            // The weights of a group, and with them its sum, stay below 2^16, also when they are rounded.
            let shift = (0..8).take_while(|shift| sum * f64::from(2_u32 << shift) < 0.4995).count() as u32;
            let scale = f64::from(1_u32 << (17 + shift));
            let rounded: Vec<u16> = weights.iter().map(|weight| (weight * scale).round() as u16).collect();
            rest -= rounded.iter().map(|weight| f64::from(*weight) / scale).sum::<f64>();
            round += 0.5 * weights.len() as f64 / f64::from(1_u32 << shift) + if shift > 0 { 0.5 } else { 0.0 };
            groups.push((rounded, shift));
        }
        // What rounding has added or taken away is made up for in the middle, where it weighs least.
        if let Some((weights, shift)) = groups.first_mut() {
            weights[0] = (f64::from(weights[0]) + rest * f64::from(1_u32 << (17 + *shift))).round() as u16;
        }
        let copies = |weights: Vec<u16>| weights.into_iter().map(|weight| [weight; LANES]).collect();
        let groups = groups.into_iter().map(|(weights, shift)| Group { weights: copies(weights), shift });
        Self { radius: from_middle.len().saturating_sub(1), groups: groups.collect(), round: round as u16 }
    }

    /// How far the window reaches.
    pub fn radius(&self) -> usize {
        self.radius
    }
}

/// Sums up samples that are `step` apart, for each of many places: the window of the first one begins where `samples` does.
pub struct Sums<'a> {
    /// The window.
    pub weights: &'a Weights,
    /// The samples, as many as windows reach.
    pub samples: &'a [u16],
    /// How many samples further on the next one is that is summed up.
    pub step: usize,
    /// The sums, which are samples again: bytes times 128. What is behind their last block is not summed up.
    pub sums: &'a mut [u16],
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { weights, samples, step, sums } = self;
        let middle = weights.radius * step;
        assert!(samples.len() >= sums.len() + 2 * middle, "the last window has samples");
        for (number, target) in sums.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let (mut before, mut after) = (number * BLOCK + middle, number * BLOCK + middle);
            let mut total = [weights.round; BLOCK];
            for group in &weights.groups {
                let mut sums = [0_u16; BLOCK];
                for weight in &group.weights {
                    let (left, right) = (samples[before..].first_chunk(), samples[after..].first_chunk());
                    let (Some(left), Some(right)) = (left, right) else { return };
                    weigh(&mut sums, left, right, weight);
                    // Below 0 only behind the last weight.
                    before = before.wrapping_sub(step);
                    after += step;
                }
                for at in 0..BLOCK {
                    total[at] = total[at].saturating_add(sums[at] >> group.shift);
                }
            }
            for at in 0..BLOCK {
                target[at] = (total[at] >> 8) << SAMPLE_BITS;
            }
        }
    }
}

/// Adds weighed pairs to sums. The weight is an array, and of 16 bits, as the compiler knows the upper half of a product by that.
#[inline(always)]
fn weigh(sums: &mut [u16; BLOCK], left: &[u16; BLOCK], right: &[u16; BLOCK], weight: &[u16; LANES]) {
    let pairs = left.as_chunks::<LANES>().0.iter().zip(right.as_chunks::<LANES>().0);
    for (sums, (left, right)) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(pairs) {
        for at in 0..LANES {
            let both = left[at].wrapping_add(right[at]);
            sums[at] = sums[at].wrapping_add(((u32::from(both) * u32::from(weight[at])) >> 16) as u16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::wide::widest;
    use proptest::prelude::*;

    fn window(radius: usize, width: f64) -> Vec<f64> {
        let raw: Vec<f64> = (0..=radius).map(|at| (-((at * at) as f64) / (2.0 * width * width)).exp()).collect();
        let total = 2.0 * raw.iter().sum::<f64>() - raw[0];
        raw.iter().map(|weight| weight / total).collect()
    }

    fn sums(weights: &Weights, samples: &[u16], step: usize, count: usize) -> Vec<u16> {
        let (mut wide, mut plain) = (vec![0; count], vec![0; count]);
        widest(Sums { weights, samples, step, sums: &mut wide });
        Sums { weights, samples, step, sums: &mut plain }.run();
        assert_eq!(wide, plain);
        wide.iter().for_each(|sum| assert_eq!(sum % 128, 0));
        wide.into_iter().map(|sum| sum >> SAMPLE_BITS).collect()
    }

    #[test]
    fn what_is_the_same_all_around_stays() {
        // Every byte, in a column of its own.
        let columns: Vec<u16> = (0..256).collect();
        for radius in (0..70).chain([95, 96, 97, 255, 256, 500, 777, 1023, 1024]) {
            let samples: Vec<u16> = columns.iter().map(|byte| byte << SAMPLE_BITS).collect();
            let samples = samples.repeat(2 * radius + 1);
            for width in [radius as f64 / 3.0, 1e-3, 1e6] {
                let weights = Weights::new(&window(radius, width.max(1e-3)));
                assert_eq!(sums(&weights, &samples, 256, 256), columns, "{radius} {width}");
            }
        }
    }

    proptest! {
        #[test]
        fn sums_are_the_nearest_bytes_or_nearly(
            radius in 0..140_usize, width in 0.1..60.0_f64, step in 1..5_usize, seed in prop::collection::vec(any::<u8>(), 128 + 280 * 4),
        ) {
            let exact = window(radius, width);
            let samples: Vec<u16> = seed.iter().map(|byte| u16::from(*byte) << SAMPLE_BITS).collect();
            let found = sums(&Weights::new(&exact), &samples, step, BLOCK);
            for (at, found) in found.into_iter().enumerate() {
                let weighed = |offset: usize| exact[offset.abs_diff(radius)] * f64::from(seed[at + offset * step]);
                let sum: f64 = (0..=2 * radius).map(weighed).sum();
                prop_assert!((f64::from(found) - sum).abs() < 0.7, "{found} {sum}");
            }
        }
    }
}
