//! `tpl_ifft`.

use realfft::num_complex::Complex32;
use reflow_component::prelude::*;

use crate::kernels::groups::together;
use crate::kernels::spectrum::{OverlapAdd, Transform, Window};
use crate::rate::{check_complex, check_size};

/// Turns spectra back into samples.
///
/// A frame of magnitudes becomes samples with the phase 0: the first `fftSize` / 2 + 1 count, missing ones are 0. They go through the
/// inverse transform, are divided by `fftSize`, multiplied by a Hann window and added at the place of the frame, `hopSize` samples after
/// the one before; then the `hopSize` samples that are finished leave. What sounds the same, but for the phases, comes of it.
///
/// When the metadata of the stream says `layout: "complex"`, as that of `tpl_audio_spectrum` may, a frame holds a real and an imaginary
/// part for each bin. Then the sums are divided by those of the squared windows, the samples of the `padding` are dropped, the last
/// samples leave at the end, and the signal is as it was. Where the metadata names several `channels`, frames belong to them in turn.
///
/// # Errors
///
/// An `fftSize` of 0 or above 1 048 576 is told on `error`, and so is a `hopSize` of more than twice that. With the layout `complex` the
/// stream is an Error for an `fftSize` below 3, and for a `hopSize` of more than half of it.
#[derive(Component)]
#[component(id = "tpl_ifft", title = "Inverse FFT", category = "media/spectral", filter)]
#[example(
    config = r#"{"fftSize": 3, "hopSize": 3}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[6, 0]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "metadata": {"fftSize": 3, "hopSize": 3}, "f32": [[0.0, 2.0, 0.0]]}]}]"#
)]
pub(super) struct Ifft {
    /// Samples in a window, as upstream.
    #[config(key = "fftSize", default = 2048, range = 256..=16_384, lenient)]
    fft_size: u64,
    /// Samples from one window to the next, as upstream.
    #[config(key = "hopSize", default = 512, range = 64..=8_192, lenient)]
    hop_size: u64,
}

pub(super) struct State {
    transform: Transform,
    window: Vec<f32>,
    hop: usize,
    how: How,
    channels: usize,
    /// Samples of the channels whose frames have come.
    begun: Vec<Vec<f32>>,
}

enum How {
    /// Sums, per channel.
    Magnitudes(Vec<Vec<f32>>),
    /// Sums and weights, and how many samples are still to be dropped, per channel.
    Complex(Vec<(OverlapAdd, usize)>),
}

impl State {
    fn frame(&mut self, values: &[f32]) -> Vec<f32> {
        let channel = self.begun.len();
        let bins = &mut self.transform.bins;
        bins.fill(Complex32::default());
        match &mut self.how {
            How::Magnitudes(sums) => {
                bins.iter_mut().zip(values).for_each(|(bin, magnitude)| bin.re = *magnitude);
                let sums = &mut sums[channel];
                let samples = self.transform.inverse().iter().zip(&self.window);
                sums.iter_mut().zip(samples).for_each(|(sum, (sample, window))| *sum += sample * window);
                let finished = sums[..self.hop].to_vec();
                sums.copy_within(self.hop.., 0);
                let kept = sums.len() - self.hop;
                sums[kept..].fill(0.0);
                finished
            }
            How::Complex(overlaps) => {
                let parts = values.as_chunks::<2>().0;
                bins.iter_mut().zip(parts).for_each(|(bin, [re, im])| *bin = Complex32::new(*re, *im));
                let (overlap, lead) = &mut overlaps[channel];
                let mut finished = Vec::new();
                overlap.add(self.transform.inverse(), &mut finished);
                dropped(&mut finished, lead);
                finished
            }
        }
    }

    fn channel(&mut self, samples: Vec<f32>, out: &mut Frames) {
        self.begun.push(samples);
        if self.begun.len() == self.channels {
            out.push(together(&std::mem::take(&mut self.begun)));
        }
    }
}

/// Drops what is still to be dropped.
fn dropped(samples: &mut Vec<f32>, lead: &mut usize) {
    let count = (*lead).min(samples.len());
    samples.drain(..count);
    *lead -= count;
}

const CONTENT_TYPE: &str = "audio/raw-pcm-f32";

impl Filter for Ifft {
    type Sample = f32;
    type State = State;

    fn check(&self) -> Result<(), String> {
        check_size("fftSize", self.fft_size, 1)?;
        if self.hop_size > 2 * self.fft_size {
            return Err(format!("`hopSize` must be at most twice `fftSize`, not {}", self.hop_size));
        }
        Ok(())
    }

    fn describe(&self, _incoming: &Opening) -> Opening {
        Opening { content_type: Some(CONTENT_TYPE.into()), ..Opening::default() }
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let (size, hop, channels) = (self.fft_size as usize, self.hop_size.max(1) as usize, opening.channels());
        let window = Window::Hann.of(size);
        let lead = opening.whole("padding").unwrap_or(0).min(size as u64) as usize;
        let how = if opening.text("layout") == Some("complex") {
            check_complex(self.fft_size, self.hop_size)?;
            How::Complex(vec![(OverlapAdd::new(window.clone(), hop), lead); channels])
        } else {
            How::Magnitudes(vec![vec![0.0; 2 * size]; channels])
        };
        *opening = self.describe(opening);
        opening.add([("fftSize", self.fft_size), ("hopSize", self.hop_size)]);
        if channels > 1 {
            opening.add([("channels", channels)]);
        }
        Ok(State { transform: Transform::new(size), window, hop, how, channels, begun: Vec::new() })
    }

    fn data(state: &mut State, values: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        let samples = state.frame(&values);
        state.channel(samples, out);
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        state.begun.clear();
        if let How::Complex(overlaps) = &mut state.how {
            let rest = overlaps.iter_mut().map(|(overlap, lead)| {
                let mut rest = Vec::new();
                overlap.rest(&mut rest);
                dropped(&mut rest, lead);
                rest
            });
            let rest = together(&rest.collect::<Vec<_>>());
            if !rest.is_empty() {
                out.push(rest);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::spectrum::AudioSpectrum;
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn complex_spectra_give_the_signal_back() {
        let samples: Vec<f64> = (0..301).map(|n| f64::from((f64::from(n) * 0.7).sin() as f32)).collect();
        let config = json!({"fftSize": 30, "hopSize": 8, "layout": "complex"});
        let stream = json!({"type": "@stream", "metadata": {"channels": 2}, "f32": [samples[..77], samples[77..300]]});
        let mut spectra = run::<AudioSpectrum>(config.clone(), [json!({"stream": stream})])[0]["stream"][0].clone();
        spectra["type"] = "@stream".into();
        let outputs = run::<Ifft>(config, [json!({"stream": spectra})]);
        let frames = outputs[0]["stream"][0]["f32"].as_array().unwrap().iter();
        let found: Vec<f64> = frames.flat_map(|frame| frame.as_array().unwrap()).map(|n| n.as_f64().unwrap()).collect();
        assert!(found.len() >= 300 && found.len() < 360, "{}", found.len());
        assert!(found.iter().zip(&samples[..300]).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?}");
        assert!(found[300..].iter().all(|sample| sample.abs() < 1e-4));
    }

    #[test]
    fn windows_that_do_not_overlap_are_refused() {
        let config = json!({"fftSize": 8, "hopSize": 8, "layout": "complex"});
        let stream = json!({"type": "@stream", "metadata": {"layout": "complex"}, "f32": [vec![1.0; 10]]});
        let text = "`hopSize` must be at most 4, half of `fftSize`, for the layout `complex`, not 8";
        let spectra = run::<AudioSpectrum>(config.clone(), [json!({"stream": stream})]);
        assert_eq!(spectra[0]["error"][0]["data"], text);
        let samples = run::<Ifft>(config, [json!({"stream": stream})]);
        assert_eq!(samples[0]["stream"][0]["error"], text, "{samples:?}");
    }
}
