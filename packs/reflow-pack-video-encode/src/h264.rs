//! The encoder: pictures in, access units out.

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange, RateControlMode, UsageType,
    VuiConfig,
};
use openh264::formats::YUVSlices;
use openh264_sys2::{ENCODER_OPTION_TRACE_LEVEL, WELS_LOG_QUIET};

use crate::coder::{AccessUnit, Coder, Settings};
use crate::color::Planes;
use crate::mp4::Description;
use crate::sps;

/// The largest picture that the encoder takes, in any orientation.
pub(crate) const LARGEST: (usize, usize) = (3840, 2160);

/// A running encoder.
pub(crate) struct H264 {
    settings: Settings,
    encoder: Encoder,
    planes: Planes,
    sps: Vec<u8>,
    pps: Vec<u8>,
    frames: u32,
    /// What it quantizes with at least, above 0 after a picture that did not fit.
    least: u8,
}

/// Quantizers for pictures of which nothing can be left out, such as noise: coded, they are larger than the encoder has room for.
const COARSER: [u8; 5] = [20, 28, 36, 44, 51];

/// An encoder that quantizes with `least` at least.
fn open(settings: &Settings, least: u8) -> Result<Encoder, String> {
    let quantizer = settings.qp.map(|qp| qp.clamp(least, 51));
    let quantizer = quantizer.map_or(QpRange::new(least, 51), |qp| QpRange::new(qp, qp));
    let mode = if settings.qp.is_some() { RateControlMode::Quality } else { RateControlMode::Bitrate };
    let config = EncoderConfig::new()
        .bitrate(BitRate::from_bps(settings.bitrate))
        .max_frame_rate(FrameRate::from_hz(settings.rate.number() as f32))
        .rate_control_mode(mode)
        .qp(quantizer)
        .skip_frames(false)
        .profile(settings.profile)
        .complexity(settings.complexity)
        .usage_type(UsageType::CameraVideoRealTime)
        // Key frames are where they were asked for, and nowhere else.
        .scene_change_detect(false)
        .adaptive_quantization(settings.qp.is_none())
        .background_detection(settings.qp.is_none())
        .intra_frame_period(IntraFramePeriod::from_num_frames(settings.keyframe_interval))
        .num_threads(settings.threads)
        .vui(VuiConfig::bt709());
    let mut encoder =
        Encoder::with_api_config(OpenH264API::from_source(), config).map_err(|error| error.to_string())?;
    // It would write its doubts to stderr as soon as it starts.
    let mut quiet = WELS_LOG_QUIET;
    // SAFETY: the option is a number, which the encoder copies.
    unsafe { encoder.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut quiet).cast()) };
    Ok(encoder)
}

impl H264 {
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        let Settings { width, height, .. } = settings;
        let (longer, shorter) = (width.max(height), width.min(height));
        if width == 0 || height == 0 {
            return Err(format!("a picture of {width} × {height} pixels cannot be encoded; both must be at least 1"));
        }
        if longer > LARGEST.0 || shorter > LARGEST.1 {
            return Err(format!(
                "a picture of {width} × {height} pixels is too large for the encoder; it takes up to {} × {}, or {1} × {0}",
                LARGEST.0, LARGEST.1
            ));
        }
        let encoder = open(&settings, 0)?;
        // Whole blocks, so that the encoder adds nothing of its own at the edges.
        let coded = |size: usize| size.next_multiple_of(16);
        Ok(Self {
            settings,
            encoder,
            planes: Planes::new(coded(width), coded(height)),
            sps: Vec::new(),
            pps: Vec::new(),
            frames: 0,
            least: 0,
        })
    }

    /// One picture: NAL units, each behind its length in four bytes; without parameter sets.
    fn unit(&mut self, pixels: &[u8]) -> Result<AccessUnit, String> {
        let Settings { width, height, format, keyframe_interval, .. } = self.settings;
        self.planes.fill(pixels, width, height, format);
        let Planes { width: coded_width, height: coded_height, y, u, v } = &self.planes;
        let chroma = coded_width / 2;
        let picture = YUVSlices::new((y, u, v), (*coded_width, *coded_height), (*coded_width, chroma, chroma));
        if self.frames > 0 && self.frames.is_multiple_of(keyframe_interval) {
            if self.least > 0 {
                // What did not fit is over, perhaps.
                self.least = 0;
                self.encoder = open(&self.settings, self.least)?;
            }
            self.encoder.force_intra_frame();
        }
        // Rate control measures time by this.
        let milliseconds = u64::from(self.frames) * 1000 * u64::from(self.settings.rate.seconds)
            / u64::from(self.settings.rate.frames);
        let at = || openh264::Timestamp::from_millis(milliseconds);
        // An encoder that had no room is of no use any more, so that a new one tries again.
        let coded = loop {
            match self.encoder.encode_at(&picture, at()) {
                Ok(coded) => break coded,
                Err(error) => {
                    let tried = self.least.max(self.settings.qp.unwrap_or(0));
                    let coarser = COARSER.into_iter().find(|least| *least > tried);
                    self.least = coarser.ok_or_else(|| format!("the encoder refused it: {error}"))?;
                    self.encoder = open(&self.settings, self.least)?;
                }
            }
        };
        let is_key = coded.frame_type() == FrameType::IDR;
        let mut data = Vec::new();
        for layer in (0..coded.num_layers()).filter_map(|at| coded.layer(at)) {
            for nal in (0..layer.nal_count()).filter_map(|at| layer.nal_unit(at)) {
                let nal = nal.strip_prefix(&[0, 0, 0, 1]).or(nal.strip_prefix(&[0, 0, 1])).unwrap_or(nal);
                match nal.first().map(|header| header & 31) {
                    Some(7) if self.sps.is_empty() => {
                        let even = |size: usize| size.next_multiple_of(2) as u32;
                        let cropped = sps::cropped(nal, even(width), even(height));
                        self.sps = cropped.unwrap_or_else(|| nal.to_vec());
                    }
                    Some(8) if self.pps.is_empty() => self.pps = nal.to_vec(),
                    Some(7 | 8) | None => {}
                    Some(_) => {
                        data.extend_from_slice(&(nal.len() as u32).to_be_bytes());
                        data.extend_from_slice(nal);
                    }
                }
            }
        }
        if data.is_empty() || self.sps.len() < 4 || self.pps.is_empty() {
            return Err("the encoder left it out".to_string());
        }
        self.frames += 1;
        Ok(AccessUnit { data, is_key })
    }
}

impl Coder for H264 {
    fn encode(&mut self, pixels: &[u8]) -> Result<Vec<AccessUnit>, String> {
        self.unit(pixels).map(|unit| vec![unit])
    }

    fn finish(&mut self) -> Result<Vec<AccessUnit>, String> {
        Ok(Vec::new())
    }

    fn description(&self) -> Description {
        Description::Avc { sps: self.sps.clone(), pps: self.pps.clone() }
    }
}

/// An access unit between start codes, with the parameter sets before a picture where playing can begin.
pub(crate) fn annex_b(unit: &AccessUnit, sps: &[u8], pps: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(unit.data.len() + 64);
    let sets: &[&[u8]] = if unit.is_key { &[sps, pps] } else { &[] };
    for nal in sets.iter().copied().chain(nals(&unit.data)) {
        bytes.extend_from_slice(&[0, 0, 0, 1]);
        bytes.extend_from_slice(nal);
    }
    bytes
}

/// The NAL units of data in which each stands behind its length.
pub(crate) fn nals(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let (nal, behind) = behind.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        rest = behind;
        Some(nal)
    })
}
