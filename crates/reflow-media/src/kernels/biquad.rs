//! Second-order filters.
//!
//! The coefficients are those of the *Audio EQ Cookbook* (Robert Bristow-Johnson, a W3C note of 2021); the form is the
//! transposed direct form II, whose state is kept with 64 bits.

use std::f64::consts::TAU;

/// What a filter lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// What is below the frequency.
    Lowpass,
    /// What is above it.
    Highpass,
    /// What is near it, unchanged at the frequency itself.
    Bandpass,
    /// All but what is near it.
    Notch,
    /// Everything, with another phase.
    Allpass,
    /// Everything, what is near it louder or softer.
    Peaking,
    /// Everything, what is below it louder or softer.
    LowShelf,
    /// Everything, what is above it louder or softer.
    HighShelf,
}

/// The coefficients of a section, divided by a0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Section {
    /// The section with a response at a frequency. The frequency is taken between 1 Hz and 0.49 of the rate, `q` from 0.01 on and
    /// the gain, which counts for peaks and shelves, between -200 and 200 dB.
    pub fn new(response: Response, frequency: f64, q: f64, gain_db: f64, rate: f64) -> Self {
        let frequency = frequency.max(1.0).min(0.49 * rate);
        let (sin, cos) = (TAU * frequency / rate).sin_cos();
        let alpha = sin / (2.0 * q.max(0.01));
        let gain = 10_f64.powf(gain_db.clamp(-200.0, 200.0) / 40.0);
        let plain = [1.0 + alpha, -2.0 * cos, 1.0 - alpha];
        let (b, a) = match response {
            Response::Lowpass => ([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], plain),
            Response::Highpass => ([f64::midpoint(1.0, cos), -(1.0 + cos), f64::midpoint(1.0, cos)], plain),
            Response::Bandpass => ([alpha, 0.0, -alpha], plain),
            Response::Notch => ([1.0, -2.0 * cos, 1.0], plain),
            Response::Allpass => ([1.0 - alpha, -2.0 * cos, 1.0 + alpha], plain),
            Response::Peaking => (
                [1.0 + alpha * gain, -2.0 * cos, 1.0 - alpha * gain],
                [1.0 + alpha / gain, -2.0 * cos, 1.0 - alpha / gain],
            ),
            Response::LowShelf => shelf(gain, cos, 2.0 * gain.sqrt() * alpha),
            Response::HighShelf => {
                // The low shelf with the frequencies turned round: cos and every middle coefficient change their signs.
                let (b, a) = shelf(gain, -cos, 2.0 * gain.sqrt() * alpha);
                ([b[0], -b[1], b[2]], [a[0], -a[1], a[2]])
            }
        };
        Self { b: b.map(|b| b / a[0]), a: [a[1] / a[0], a[2] / a[0]] }
    }

    /// A section with these coefficients, those of the feedback divided by the first of them, which is 1 then.
    pub fn of(b: [f64; 3], a: [f64; 2]) -> Self {
        Self { b, a }
    }

    /// Amplitude of a sine of this frequency behind the filter, for one of 1 before it: |H(e^jw)|.
    pub fn magnitude(&self, frequency: f64, rate: f64) -> f64 {
        let size = |[c0, c1, c2]: [f64; 3]| {
            let (sin, cos) = (TAU * frequency / rate).sin_cos();
            let (sin2, cos2) = (2.0 * TAU * frequency / rate).sin_cos();
            (c0 + c1 * cos + c2 * cos2).hypot(c1 * sin + c2 * sin2)
        };
        size(self.b) / size([1.0, self.a[0], self.a[1]])
    }

    /// One sample through the section. What is no finite number passes as it is and leaves no trace.
    #[inline]
    fn step(&self, state: &mut [f64; 2], sample: f32) -> f32 {
        if !sample.is_finite() {
            return sample;
        }
        let x = f64::from(sample);
        let y = self.b[0] * x + state[0];
        state[0] = self.b[1] * x - self.a[0] * y + state[1];
        state[1] = self.b[2] * x - self.a[1] * y;
        y as f32
    }
}

fn shelf(gain: f64, cos: f64, slope: f64) -> ([f64; 3], [f64; 3]) {
    let (up, down) = (gain + 1.0, gain - 1.0);
    let b = [gain * (up - down * cos + slope), 2.0 * gain * (down - up * cos), gain * (up - down * cos - slope)];
    let a = [up + down * cos + slope, -2.0 * (down + up * cos), up + down * cos - slope];
    (b, a)
}

/// Sections one after the other, with a state for each channel of interleaved samples.
#[derive(Clone, Debug)]
pub struct Bank {
    sections: Vec<Section>,
    /// The states of a channel's sections lie together.
    states: Vec<[f64; 2]>,
    channels: usize,
    /// The channel of the next sample.
    at: usize,
}

impl Bank {
    /// A bank at rest.
    pub fn new(sections: Vec<Section>, channels: usize) -> Self {
        let channels = channels.max(1);
        Self { states: vec![[0.0; 2]; sections.len() * channels], sections, channels, at: 0 }
    }

    /// Filters samples in place; each section's output is rounded to a sample.
    pub fn process(&mut self, samples: &mut [f32]) {
        if self.sections.is_empty() {
            return;
        }
        if let (1, [section]) = (self.channels, &self.sections[..]) {
            // The state stays in registers.
            let mut state = self.states[0];
            samples.iter_mut().for_each(|sample| *sample = section.step(&mut state, *sample));
            self.states[0] = state;
            return;
        }
        let count = self.sections.len();
        for sample in samples {
            let states = &mut self.states[self.at * count..(self.at + 1) * count];
            for (section, state) in self.sections.iter().zip(states) {
                *sample = section.step(state, *sample);
            }
            self.at = if self.at + 1 == self.channels { 0 } else { self.at + 1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: f64 = 48_000.0;

    const ALL: [Response; 8] = [
        Response::Lowpass,
        Response::Highpass,
        Response::Bandpass,
        Response::Notch,
        Response::Allpass,
        Response::Peaking,
        Response::LowShelf,
        Response::HighShelf,
    ];

    #[test]
    fn responses_are_what_their_names_say() {
        let magnitude = |response, at| {
            Section::new(response, 1000.0, std::f64::consts::FRAC_1_SQRT_2, 6.0, RATE).magnitude(at, RATE)
        };
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 2e-3, "{found} instead of {wanted}");
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let (six, three) = (10_f64.powf(6.0 / 20.0), 10_f64.powf(3.0 / 20.0));
        for (response, low, middle, high) in [
            (Response::Lowpass, 1.0, half, 0.0),
            (Response::Highpass, 0.0, half, 1.0),
            (Response::Bandpass, 0.0, 1.0, 0.0),
            (Response::Notch, 1.0, 0.0, 1.0),
            (Response::Allpass, 1.0, 1.0, 1.0),
            (Response::Peaking, 1.0, six, 1.0),
            (Response::LowShelf, six, three, 1.0),
            (Response::HighShelf, 1.0, three, six),
        ] {
            near(magnitude(response, 1.0), low);
            near(magnitude(response, 1000.0), middle);
            near(magnitude(response, 23_999.0), high);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_measured_response_is_that_of_the_formula(kind in 0..8_usize, frequency in 200.0..8000.0_f64, probe in 100.0..10_000.0_f64, q in 0.3..4.0_f64) {
            let section = Section::new(ALL[kind], frequency, q, 6.0, RATE);
            let mut samples: Vec<f32> = (0..48_000).map(|n| (TAU * probe * f64::from(n) / RATE).sin() as f32).collect();
            Bank::new(vec![section], 1).process(&mut samples);
            // The amplitude at the probe's frequency, once the filter has settled.
            let settled = &samples[24_000..];
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in settled.iter().enumerate() {
                let (sin, cos) = (TAU * probe * n as f64 / RATE).sin_cos();
                (re, im) = (re + f64::from(*sample) * cos, im + f64::from(*sample) * sin);
            }
            let measured = 2.0 * re.hypot(im) / settled.len() as f64;
            prop_assert!((measured - section.magnitude(probe, RATE)).abs() < 5e-3, "{measured}");
        }

        #[test]
        fn channels_and_cuts_do_not_matter(samples in prop::collection::vec(-1.0..1.0_f32, 0..80), channels in 1..4_usize, cut in 0..80_usize, count in 0..4_usize) {
            let sections = vec![Section::new(Response::Peaking, 900.0, 0.8, -9.0, 8000.0); count];
            let mut expected = samples.clone();
            for channel in 0..channels {
                let mut alone: Vec<f32> = samples.iter().skip(channel).step_by(channels).copied().collect();
                Bank::new(sections.clone(), 1).process(&mut alone);
                expected.iter_mut().skip(channel).step_by(channels).zip(alone).for_each(|(to, from)| *to = from);
            }
            let (mut found, mut bank) = (samples, Bank::new(sections, channels));
            let (first, second) = { let cut = cut.min(found.len()); found.split_at_mut(cut) };
            bank.process(first);
            bank.process(second);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn nothing_makes_the_state_useless() {
        for response in ALL {
            for (frequency, q, gain, rate) in
                [(0.0, 0.0, 1e308, 1.0), (1e308, 1e308, -1e308, 1e-300), (-5.0, -5.0, 0.0, 1e308)]
            {
                let mut samples = [1.0, f32::NAN, 0.5, f32::INFINITY, 0.25, 0.0];
                Bank::new(vec![Section::new(response, frequency, q, gain, rate)], 1).process(&mut samples);
                assert!(samples[4].is_finite() && samples[5].is_finite(), "{response:?} {samples:?}");
            }
        }
    }
}
