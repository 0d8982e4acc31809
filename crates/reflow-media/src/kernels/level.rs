//! Levels and what they do to samples.

/// What the level of silence is taken for, in decibels.
const SILENCE: f64 = -150.0;

/// The factor that a number of decibels stands for.
pub fn amplitude(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

/// The decibels that a factor comes to; -150 for silence.
pub fn decibels(amplitude: f64) -> f64 {
    if amplitude > 0.0 { 20.0 * amplitude.log10() } else { SILENCE }
}

/// Multiplies all samples.
pub fn scale(samples: &mut [f32], factor: f32) {
    samples.iter_mut().for_each(|sample| *sample *= factor);
}

/// The largest absolute value; what is no finite number does not count.
pub fn peak(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample.abs()).filter(|level| level.is_finite()).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decibels_and_amplitudes_are_inverse(number in -140.0..200.0_f64) {
            prop_assert!((decibels(amplitude(number)) - number).abs() < 1e-9);
        }

        #[test]
        fn a_gain_and_its_inverse_change_nothing(samples in prop::collection::vec(-10.0..10.0_f32, 0..50), by in -60.0..60.0_f64) {
            let mut scaled = samples.clone();
            scale(&mut scaled, amplitude(by) as f32);
            scale(&mut scaled, amplitude(-by) as f32);
            prop_assert!(samples.iter().zip(&scaled).all(|(a, b)| (a - b).abs() <= 1e-5 * a.abs().max(1e-3)));
        }
    }

    #[test]
    fn the_peak_is_that_of_the_numbers() {
        assert_eq!(peak(&[0.5, -0.75, f32::NAN, f32::INFINITY]), 0.75);
        assert_eq!((peak(&[]), decibels(0.0)), (0.0, -150.0));
    }
}
