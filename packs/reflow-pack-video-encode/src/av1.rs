//! AV1 by rav1e: pictures in, temporal units out. Nothing is reordered, and key frames are where they were asked for.

use openh264::encoder::Complexity;
use rav1e::color::{
    ChromaSampling, ColorDescription, ColorPrimaries, MatrixCoefficients, PixelRange, TransferCharacteristics,
};
use rav1e::config::SpeedSettings;
use rav1e::data::{FrameType, Rational};
use rav1e::prelude::SceneDetectionSpeed;
use rav1e::{Config, Context, EncoderConfig, EncoderStatus};

use crate::coder::{AccessUnit, Coder, Settings};
use crate::color::Planes;
use crate::mp4::Description;

/// The smallest and the largest picture, in any orientation.
const SMALLEST: usize = 16;
const LARGEST: (usize, usize) = (8192, 4352);

/// The most pictures from one key picture to the next that it knows, which no film has.
const LONGEST_INTERVAL: u32 = i32::MAX as u32 / 3;

/// An OBU that ends nothing and begins nothing in a file (AV1 in ISOBMFF, 2.4).
const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0];
/// The kind of the OBU that says what the pictures are.
const SEQUENCE_HEADER: u8 = 1;

/// A running encoder.
pub(crate) struct Av1 {
    settings: Settings,
    context: Context<u8>,
    planes: Planes,
    /// The sequence header, once it is known.
    sequence: Vec<u8>,
    frames: usize,
}

impl Av1 {
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        let Settings { width, height, rate, .. } = settings;
        // An odd size could be coded, but the encoder overlooks the chroma of its last column and row: it is padded, as that of H.264.
        let planes = Planes::new(width.next_multiple_of(2), height.next_multiple_of(2));
        let (longer, shorter) = (planes.width.max(planes.height), planes.width.min(planes.height));
        if shorter < SMALLEST || longer > LARGEST.0 || shorter > LARGEST.1 {
            return Err(format!(
                "a picture of {width} × {height} pixels cannot be encoded as AV1; it takes {SMALLEST} × {SMALLEST} to {} × {}, or {1} × {0}",
                LARGEST.0, LARGEST.1
            ));
        }
        let interval = settings.keyframe_interval.min(LONGEST_INTERVAL).into();
        let mut encoder = EncoderConfig {
            width: planes.width,
            height: planes.height,
            time_base: Rational::new(rate.seconds.into(), rate.frames.into()),
            chroma_sampling: ChromaSampling::Cs420,
            pixel_range: PixelRange::Limited,
            color_description: Some(ColorDescription {
                color_primaries: ColorPrimaries::BT709,
                transfer_characteristics: TransferCharacteristics::BT709,
                matrix_coefficients: MatrixCoefficients::BT709,
            }),
            min_key_frame_interval: interval,
            max_key_frame_interval: interval,
            low_latency: true,
            speed_settings: SpeedSettings::from_preset(match settings.complexity {
                Complexity::Low => 10,
                Complexity::Medium => 8,
                Complexity::High => 6,
            }),
            ..EncoderConfig::default()
        };
        encoder.speed_settings.scene_detection_mode = SceneDetectionSpeed::None;
        encoder.speed_settings.rdo_lookahead_frames = 1;
        match settings.qp {
            // Those of H.264 end at 51, those of AV1 at 255.
            Some(qp) => encoder.quantizer = usize::from(qp.min(51)) * 5,
            None => {
                encoder.quantizer = 255;
                encoder.bitrate = i32::try_from(settings.bitrate).unwrap_or(i32::MAX);
            }
        }
        let config = Config::new().with_encoder_config(encoder).with_threads(settings.threads.into());
        let context = config.new_context().map_err(|error| format!("the encoder refused its settings: {error}"))?;
        Ok(Self { settings, context, planes, sequence: Vec::new(), frames: 0 })
    }

    /// Everything that is ready.
    fn ready(&mut self) -> Result<Vec<AccessUnit>, String> {
        let mut units = Vec::new();
        loop {
            match self.context.receive_packet() {
                Ok(packet) => {
                    let data = packet.data.strip_prefix(&TEMPORAL_DELIMITER).unwrap_or(&packet.data).to_vec();
                    if self.sequence.is_empty() {
                        self.sequence =
                            sequence_header(&data).ok_or("the encoder did not say what its pictures are")?;
                    }
                    units.push(AccessUnit { data, is_key: packet.frame_type == FrameType::KEY });
                }
                Err(EncoderStatus::Encoded) => {}
                Err(EncoderStatus::NeedMoreData | EncoderStatus::LimitReached) => return Ok(units),
                Err(error) => return Err(format!("the encoder refused frame {}: {error}", self.frames)),
            }
        }
    }
}

impl Coder for Av1 {
    fn encode(&mut self, pixels: &[u8]) -> Result<Vec<AccessUnit>, String> {
        let Settings { width, height, format, .. } = self.settings;
        self.planes.fill(pixels, width, height, format);
        let mut frame = self.context.new_frame();
        let Planes { width: stride, y, u, v, .. } = &self.planes;
        for (plane, (pixels, stride)) in frame.planes.iter_mut().zip([(y, *stride), (u, stride / 2), (v, stride / 2)]) {
            plane.copy_from_raw_u8(pixels, stride, 1);
        }
        self.context.send_frame(frame).map_err(|error| format!("the encoder refused it: {error}"))?;
        self.frames += 1;
        self.ready()
    }

    fn finish(&mut self) -> Result<Vec<AccessUnit>, String> {
        self.context.flush();
        self.ready()
    }

    fn description(&self) -> Description {
        Description::Av1 { configuration: [self.context.container_sequence_header(), self.sequence.clone()].concat() }
    }
}

/// The sequence header among the OBUs of a temporal unit, as it stands there.
fn sequence_header(data: &[u8]) -> Option<Vec<u8>> {
    let mut rest = data;
    loop {
        let (header, behind) = rest.split_first()?;
        let (kind, has_extension, has_size) = (header >> 3 & 15, header & 4 != 0, header & 2 != 0);
        let behind = behind.get(usize::from(has_extension)..)?;
        if !has_size {
            return (kind == SEQUENCE_HEADER).then(|| rest.to_vec());
        }
        let bytes = behind.iter().position(|byte| byte & 0x80 == 0).filter(|bytes| *bytes < 8)? + 1;
        let size = behind.iter().take(bytes).rev().fold(0_usize, |size, byte| size << 7 | usize::from(byte & 0x7f));
        let length = (rest.len() - behind.len()).checked_add(bytes)?.checked_add(size)?;
        let (unit, next) = rest.split_at_checked(length)?;
        if kind == SEQUENCE_HEADER {
            return Some(unit.to_vec());
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use openh264::encoder::Profile;

    use super::*;
    use crate::picture::Format;
    use crate::rate::Rate;

    fn settings(width: usize, height: usize) -> Settings {
        Settings {
            width,
            height,
            format: Format::Gray,
            rate: Rate { frames: 25, seconds: 1 },
            bitrate: 500_000,
            qp: None,
            keyframe_interval: 4,
            profile: Profile::High,
            complexity: Complexity::Low,
            threads: 1,
        }
    }

    #[test]
    fn every_picture_becomes_a_unit_in_order() {
        let encoded = || {
            let mut coder = Av1::new(settings(33, 17)).unwrap();
            let mut units = Vec::new();
            for at in 0..10_u8 {
                units.extend(coder.encode(&[at * 20; 33 * 17]).unwrap());
            }
            units.extend(coder.finish().unwrap());
            (units, coder.description())
        };
        let (units, description) = encoded();
        let keys: Vec<_> = units.iter().map(|unit| unit.is_key).collect();
        assert_eq!(keys, (0..10).map(|at| at % 4 == 0).collect::<Vec<_>>());
        let Description::Av1 { configuration } = description else { panic!("no AV1") };
        // Marker and version; behind the four bytes stands the sequence header.
        assert_eq!((configuration[0], configuration[4] >> 3), (0x81, SEQUENCE_HEADER));
        for unit in &units {
            assert!(!unit.data.starts_with(&TEMPORAL_DELIMITER));
            assert_eq!(unit.is_key, sequence_header(&unit.data).is_some());
        }
        let again = encoded().0;
        assert!(units.iter().zip(&again).all(|(one, other)| one.data == other.data), "the same frames, other bytes");
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        for (width, height) in [(14, 64), (64, 14), (0, 0), (8193, 100), (5000, 5000)] {
            assert!(Av1::new(settings(width, height)).err().unwrap().contains("cannot be encoded as AV1"));
        }
    }

    #[test]
    fn no_interval_is_too_long() {
        assert!(Av1::new(Settings { keyframe_interval: u32::MAX, ..settings(64, 64) }).is_ok());
    }

    #[test]
    fn a_sequence_header_is_found_or_not() {
        assert_eq!(sequence_header(&[0x12, 0, 0x0a, 2, 7, 8, 0x32, 0]), Some(vec![0x0a, 2, 7, 8]));
        assert_eq!(sequence_header(&[0x0e, 0, 0x81, 0x00, 9]), Some(vec![0x0e, 0, 0x81, 0x00, 9]));
        for wrong in [
            &[][..],
            &[0x12],
            &[0x0a, 9, 1],
            &[0x0a, 0xff, 0xff],
            &[0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            assert_eq!(sequence_header(wrong), None, "{wrong:?}");
        }
    }
}
