//! `tpl_audio_spectrum`.

use reflow_component::prelude::*;

use crate::kernels::groups::{Groups, apart};
use crate::kernels::level::decibels;
use crate::kernels::spectrum::{Framer, Transform, Window};
use crate::rate::{SampleRate, check_complex, check_size};

/// Magnitude spectra of overlapping windows.
///
/// The first spectrum is that of the first `fftSize` samples, and then there is one every `hopSize` samples; what comes after the last is
/// not analysed. Each is a frame of `fftSize` / 2 + 1 32-bit floats: the absolute values of the Fourier transform under the window,
/// not normalised. Several channels give a spectrum each, one after the other. The stream is `audio/frequency-bins` with the metadata
/// `{fftSize, binCount, hopSize, sampleRate, binResolution}`, with `channels` where there are several, and leaves while the input still
/// comes; `stats` is `{totalSpectrumFrames, fftSize, binCount, hopSize, sampleRate}` when it has ended, and `{error: true}` when that was
/// with an error.
///
/// With the `layout` `complex` a frame has a real and an imaginary part for each bin, and the windows begin so early and end so late that
/// `tpl_ifft` gives the signal back, followed by less than `fftSize` samples of silence. (`layout` and `padding` in the metadata tell it.)
///
/// # Errors
///
/// An `fftSize` of 0 or above 1 048 576 is told on `error`, and so is a `hopSize` of more than half of it with the `layout` `complex`:
/// windows that do not overlap lose what lies between them.
#[derive(Component)]
#[component(id = "tpl_audio_spectrum", title = "Spectrum Analyzer", category = "media/analysis", filter)]
#[outport(stream: Stream, "The spectra.")]
#[outport(stats: JsonObject, "How many there were, and of what kind.")]
#[example(
    config = r#"{"fftSize": 4, "hopSize": 2, "sampleRate": 1000, "window": "rectangular"}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[1, 0, 0, 0, 0]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "content_type": "audio/frequency-bins", "metadata": {"fftSize": 4, "binCount": 3, "hopSize": 2, "sampleRate": 1000.0, "binResolution": 250.0}, "f32": [[1.0, 1.0, 1.0]]}], "stats": [{"totalSpectrumFrames": 1, "fftSize": 4, "binCount": 3, "hopSize": 2, "sampleRate": 1000.0}]}]"#
)]
pub(super) struct AudioSpectrum {
    /// Samples in a window.
    #[config(key = "fftSize", default = 2048, range = 256..=16_384, lenient)]
    fft_size: u64,
    /// Samples from one window to the next.
    #[config(key = "hopSize", default = 512, range = 64..=8_192, lenient)]
    hop_size: u64,
    /// How windows fade in and out.
    #[config]
    window: WindowShape,
    /// What a frame holds of each bin.
    #[config]
    layout: Layout,
    /// In what magnitudes are given.
    #[config]
    scale: Scale,
    #[config(group)]
    rate: SampleRate,
}

/// How windows fade in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum WindowShape {
    /// 0.5 - 0.5 cos.
    #[default]
    Hann,
    /// 0.54 - 0.46 cos.
    Hamming,
    /// 0.42 - 0.5 cos + 0.08 cos of the double.
    Blackman,
    /// They do not.
    Rectangular,
}

/// What a frame holds of each bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Layout {
    /// Its magnitude.
    #[default]
    Magnitude,
    /// Its real and its imaginary part, under a Hann window.
    Complex,
}

/// In what magnitudes are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Scale {
    /// As they are.
    #[default]
    Linear,
    /// In decibels.
    Db,
}

pub(super) struct State {
    groups: Groups<f32>,
    framers: Vec<Framer>,
    transform: Transform,
    window: Vec<f32>,
    layout: Layout,
    scale: Scale,
    hop: usize,
    rate: f64,
    count: u64,
}

impl State {
    fn analyse(&mut self, samples: &[f32], out: &mut Frames) {
        let Self { framers, transform, window, layout, scale, count, .. } = self;
        let mut spectra: Vec<Vec<Vec<f32>>> = vec![Vec::new(); framers.len()];
        let channels = apart(samples, framers.len());
        for ((framer, channel), spectra) in framers.iter_mut().zip(channels).zip(&mut spectra) {
            framer.feed(&channel, |samples| {
                let bins = transform.forward(samples, window).iter();
                spectra.push(match (*layout, *scale) {
                    (Layout::Complex, _) => bins.flat_map(|bin| [bin.re, bin.im]).collect(),
                    (_, Scale::Linear) => bins.map(|bin| bin.norm()).collect(),
                    (_, Scale::Db) => bins.map(|bin| decibels(f64::from(bin.norm())) as f32).collect(),
                });
            });
        }
        // One of each channel after the other.
        let mut spectra: Vec<_> = spectra.into_iter().map(Vec::into_iter).collect();
        while let Some(first) = spectra[0].next() {
            for spectrum in std::iter::once(first).chain(spectra[1..].iter_mut().filter_map(Iterator::next)) {
                *count += 1;
                out.push(spectrum);
            }
        }
    }

    fn stats(&self) -> Value {
        Value::object([
            ("totalSpectrumFrames", Value::from(self.count)),
            ("fftSize", self.window.len().into()),
            ("binCount", (self.window.len() / 2 + 1).into()),
            ("hopSize", self.hop.into()),
            ("sampleRate", self.rate.into()),
        ])
    }
}

const CONTENT_TYPE: &str = "audio/frequency-bins";

impl Filter for AudioSpectrum {
    type Sample = f32;
    type State = State;

    fn check(&self) -> Result<(), String> {
        if self.layout == Layout::Complex {
            check_complex(self.fft_size, self.hop_size)?;
        } else {
            check_size("fftSize", self.fft_size, 1)?;
        }
        self.rate.check()
    }

    fn describe(&self, _incoming: &Opening) -> Opening {
        Opening { content_type: Some(CONTENT_TYPE.into()), ..Opening::default() }
    }

    fn begin(&self, opening: &mut Opening) -> Result<State, String> {
        let (rate, channels) = (self.rate.of(opening), opening.channels());
        let (size, hop) = (self.fft_size as usize, self.hop_size.max(1) as usize);
        *opening = self.describe(opening);
        opening.add([
            ("fftSize", Value::from(size)),
            ("binCount", (size / 2 + 1).into()),
            ("hopSize", self.hop_size.into()),
            ("sampleRate", rate.into()),
            ("binResolution", (rate / size as f64).into()),
        ]);
        if channels > 1 {
            opening.add([("channels", channels)]);
        }
        let is_complex = self.layout == Layout::Complex;
        let lead = if is_complex { size.saturating_sub(hop) } else { 0 };
        if is_complex {
            opening.add([("layout", Value::from("complex")), ("padding", lead.into())]);
        }
        let window = match self.window {
            WindowShape::Hann => Window::Hann,
            _ if is_complex => Window::Hann,
            WindowShape::Hamming => Window::Hamming,
            WindowShape::Blackman => Window::Blackman,
            WindowShape::Rectangular => Window::Rectangular,
        };
        Ok(State {
            groups: Groups::new(channels),
            framers: vec![Framer::new(size, hop, lead); channels],
            transform: Transform::new(size),
            window: window.of(size),
            layout: self.layout,
            scale: self.scale,
            hop: self.hop_size as usize,
            rate,
            count: 0,
        })
    }

    fn data(state: &mut State, samples: Vec<f32>, out: &mut Frames) -> Result<(), String> {
        let samples = state.groups.whole(samples);
        state.analyse(&samples, out);
        Ok(())
    }

    fn end(state: &mut State, out: &mut Frames) -> Result<(), String> {
        if state.layout == Layout::Complex {
            let silence = vec![0.0; (state.window.len() - 1) * state.framers.len()];
            state.analyse(&silence, out);
        }
        out.send(Self::OUT_STATS, state.stats());
        Ok(())
    }

    fn fail(_state: &mut State, out: &mut Frames) {
        out.send(Self::OUT_STATS, Value::object([("error", true)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn channels_have_their_own_spectra() {
        let stream = json!({"type": "@stream", "metadata": {"channels": 2}, "f32": [[1, 2, 0, 0, 0, 0], [0, 0]]});
        let config = json!({"fftSize": 4, "hopSize": 4, "window": "rectangular"});
        let outputs = run::<AudioSpectrum>(config, [json!({"stream": stream})]);
        assert_eq!(outputs[0]["stream"][0]["f32"], json!([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]));
        assert_eq!(outputs[0]["stream"][0]["metadata"]["channels"], 2);
    }

    #[test]
    fn an_error_is_told_by_the_stats() {
        let stream = json!({"type": "@stream", "f32": [[1.0]], "error": "broken"});
        let outputs = run::<AudioSpectrum>(json!({}), [json!({"stream": stream})]);
        assert_eq!(outputs[0]["stats"], json!([{"error": true}]));
        assert_eq!(outputs[0]["stream"][0]["error"], "broken");
    }

    #[test]
    fn sizes_that_cannot_be_are_told() {
        for size in [json!(0), json!(1_u64 << 40)] {
            let outputs =
                run::<AudioSpectrum>(json!({"fftSize": size}), [json!({"stream": {"type": "@stream", "f32": []}})]);
            let text = format!("`fftSize` must be from 1 to 1048576, not {size}");
            assert_eq!(outputs[0], json!({"error": [{"type": "Error", "data": text}]}));
        }
    }
}
