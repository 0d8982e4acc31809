//! The families of sound: filters on streams of samples, 32-bit floats, lowest byte first.

mod biquad_filter;
mod compressor;
mod convolve;
mod crossover;
mod dc_offset;
mod de_esser;
mod envelope_follower;
mod equalizer;
mod gain;
mod ifft;
mod input;
mod limiter;
mod noise_gate;
mod noise_reduction;
mod normalize;
mod peak_detect;
mod pitch_shift;
mod silence_detect;
mod spectrum;
mod stream_display;
mod time_stretch;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<gain::AudioGain>(),
        Entry::of::<normalize::AudioNormalize>(),
        Entry::of::<biquad_filter::BiquadFilter>(),
        Entry::of::<equalizer::Equalizer>(),
        Entry::of::<compressor::Compressor>(),
        Entry::of::<limiter::Limiter>(),
        Entry::of::<noise_gate::NoiseGate>(),
        Entry::of::<de_esser::DeEsser>(),
        Entry::of::<dc_offset::DcOffset>(),
        Entry::of::<crossover::Crossover>(),
        Entry::of::<spectrum::AudioSpectrum>(),
        Entry::of::<envelope_follower::EnvelopeFollower>(),
        Entry::of::<silence_detect::SilenceDetect>(),
        Entry::of::<peak_detect::PeakDetect>(),
        Entry::of::<ifft::Ifft>(),
        Entry::of::<convolve::Convolve>(),
        Entry::of::<noise_reduction::NoiseReduction>(),
        Entry::of::<pitch_shift::PitchShift>(),
        Entry::of::<time_stretch::TimeStretch>(),
        Entry::of::<input::AudioInput>(),
        Entry::of::<stream_display::AudioStreamDisplay>(),
    ]
}
