//! Levels and what they do to samples.

/// The factor that a number of decibels stands for.
pub fn amplitude(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

/// Multiplies all samples.
pub fn scale(samples: &mut [f32], factor: f32) {
    samples.iter_mut().for_each(|sample| *sample *= factor);
}
