//! Microphones: by the crate `cpal`, with the feature `microphones`.

/// How a microphone is to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Samples of each channel in a second; `None` leaves that to the device.
    pub(crate) rate: Option<u32>,
    /// Channels; `None` leaves that to the device.
    pub(crate) channels: Option<u16>,
}

/// How a microphone works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// Samples of each channel in a second.
    pub(crate) rate: u32,
    /// Channels, which are interleaved.
    pub(crate) channels: u16,
}

impl Format {
    /// Samples of each channel in so many milliseconds.
    pub(crate) fn samples(self, ms: u64) -> u64 {
        (u128::from(ms) * u128::from(self.rate) / 1000).try_into().unwrap_or(u64::MAX)
    }
}

#[cfg(not(feature = "microphones"))]
pub(crate) use super::absent::Microphones;
#[cfg(feature = "microphones")]
pub(crate) use with::Microphones;

#[cfg(feature = "microphones")]
mod with {
    use std::sync::Arc;
    use std::time::Duration;

    use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
    use cpal::{
        Device, ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig,
        SupportedStreamConfigRange,
    };
    use parking_lot::{Condvar, Mutex};

    use super::{Format, Wish};
    use crate::devices::{Devices, Name, Opened, Source};

    pub(crate) struct Microphones;

    impl Devices for Microphones {
        type Device = Device;
        type Wish = Wish;
        type Format = Format;
        type Piece = Vec<f32>;

        const KIND: &str = "microphone";

        fn list(&self) -> Result<Vec<(Name, Device)>, String> {
            let host = cpal::default_host();
            let default = host.default_input_device().and_then(|device| device.id().ok());
            let devices = host.input_devices().map_err(|error| error.to_string())?;
            let named = |device: Device| {
                let id = device.id().ok()?;
                let text = device.description().map_or_else(|_| id.id().to_string(), |told| told.name().to_string());
                let is_other = Some(&id) != default.as_ref();
                Some((is_other, Name { id: id.id().to_string(), text }, device))
            };
            let mut listed: Vec<_> = devices.filter_map(named).collect();
            listed.sort_by_key(|(is_other, ..)| *is_other);
            Ok(listed.into_iter().map(|(_, name, device)| (name, device)).collect())
        }

        fn open(&self, device: Device, wish: &Wish) -> Result<Opened<Self>, String> {
            let text = |error: cpal::Error| error.to_string();
            let chosen = choose(&device, wish)?;
            let config = chosen.config();
            let format = Format { rate: config.sample_rate, channels: config.channels };
            let most = usize::from(config.channels) * config.sample_rate as usize;
            let heard = Arc::new(Heard { state: Mutex::default(), came: Condvar::new(), most });
            let ear = Ear(Arc::clone(&heard));
            let stream = match chosen.sample_format() {
                SampleFormat::I8 => ear.listen::<i8>(&device, config),
                SampleFormat::I16 => ear.listen::<i16>(&device, config),
                SampleFormat::I24 => ear.listen::<cpal::I24>(&device, config),
                SampleFormat::I32 => ear.listen::<i32>(&device, config),
                SampleFormat::I64 => ear.listen::<i64>(&device, config),
                SampleFormat::U8 => ear.listen::<u8>(&device, config),
                SampleFormat::U16 => ear.listen::<u16>(&device, config),
                SampleFormat::U24 => ear.listen::<cpal::U24>(&device, config),
                SampleFormat::U32 => ear.listen::<u32>(&device, config),
                SampleFormat::U64 => ear.listen::<u64>(&device, config),
                SampleFormat::F32 => ear.listen::<f32>(&device, config),
                SampleFormat::F64 => ear.listen::<f64>(&device, config),
                other => return Err(format!("its samples cannot be read ({other})")),
            };
            let stream = stream.map_err(text)?;
            stream.play().map_err(text)?;
            Ok((format, Box::new(Microphone { heard, channels: u64::from(config.channels.max(1)), _stream: stream })))
        }

        fn weight(format: &Format, samples: &Vec<f32>) -> usize {
            samples.len() / usize::from(format.channels.max(1))
        }
    }

    /// What the driver's thread hands over to ours, which takes it as soon as it comes. Blocks may be as short as a sample.
    struct Heard {
        state: Mutex<State>,
        came: Condvar,
        /// Samples that fit, a second of them.
        most: usize,
    }

    #[derive(Default)]
    struct State {
        samples: Vec<f32>,
        /// Samples of all channels that did not fit, and at least so many that the driver lost.
        lost: u64,
        end: Option<String>,
    }

    /// The end of the driver's thread.
    struct Ear(Arc<Heard>);

    impl Ear {
        fn listen<S: SizedSample>(self, device: &Device, config: StreamConfig) -> Result<cpal::Stream, cpal::Error>
        where
            f32: FromSample<S>,
        {
            let (channels, told) = (u64::from(config.channels), Arc::clone(&self.0));
            let heard = move |block: &[S], _: &cpal::InputCallbackInfo| {
                let mut state = self.0.state.lock();
                if state.samples.len() + block.len() > self.0.most.max(block.len()) {
                    state.lost += block.len() as u64;
                } else {
                    state.samples.extend(block.iter().map(|sample| f32::from_sample_(*sample)));
                }
                self.0.came.notify_one();
            };
            let failed = move |error: cpal::Error| {
                let mut state = told.state.lock();
                match error.kind() {
                    ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
                    // How many nobody says.
                    ErrorKind::Xrun => state.lost += channels,
                    _ => _ = state.end.get_or_insert_with(|| error.to_string()),
                }
                told.came.notify_one();
            };
            device.build_input_stream(config, heard, failed, None)
        }
    }

    struct Microphone {
        heard: Arc<Heard>,
        channels: u64,
        _stream: cpal::Stream,
    }

    impl Source<Vec<f32>> for Microphone {
        fn next(&mut self, wait: Duration) -> Result<Option<Vec<f32>>, String> {
            let mut state = self.heard.state.lock();
            if state.samples.is_empty() && state.end.is_none() {
                self.heard.came.wait_for(&mut state, wait);
            }
            let samples = std::mem::take(&mut state.samples);
            match (samples.is_empty(), &state.end) {
                (false, _) => Ok(Some(samples)),
                (true, Some(text)) => Err(text.clone()),
                (true, None) => Ok(None),
            }
        }

        fn lost(&self) -> u64 {
            self.heard.state.lock().lost / self.channels
        }
    }

    /// Ways to work that are told where none fits.
    const MOST_TOLD: usize = 8;

    /// The way to work that is wished for, the best of several.
    fn choose(device: &Device, wish: &Wish) -> Result<SupportedStreamConfig, String> {
        let text = |error: cpal::Error| error.to_string();
        if *wish == Wish::default() {
            return device.default_input_config().map_err(text);
        }
        let mut ways: Vec<_> = device.supported_input_configs().map_err(text)?.collect();
        ways.sort_by(|one, other| other.cmp_default_heuristics(one));
        let fitting = ways.iter().filter(|way| wish.channels.is_none_or(|channels| channels == way.channels()));
        let found = fitting.filter_map(|way| match wish.rate {
            Some(rate) => way.try_with_sample_rate(rate),
            None => way.try_with_standard_sample_rate().or(Some(way.with_max_sample_rate())),
        });
        let found = found.into_iter().next();
        found.ok_or_else(|| {
            ways.sort_by_key(SupportedStreamConfigRange::channels);
            let mut told: Vec<String> = ways
                .iter()
                .map(|way| {
                    let (channels, least, most) = (way.channels(), way.min_sample_rate(), way.max_sample_rate());
                    let plural = if channels == 1 { "" } else { "s" };
                    format!("{channels} channel{plural} at {least} to {most} samples a second")
                })
                .collect();
            told.dedup();
            let more = if told.len() > MOST_TOLD { ", and more" } else { "" };
            told.truncate(MOST_TOLD);
            format!("it gives {}{more}", told.join(", "))
        })
    }
}
