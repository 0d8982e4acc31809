//! `tpl_video_encoder`: frames become a file.

use openh264::encoder::{Complexity as Effort, Profile as Tools};
use reflow_pack_sdk::StreamError;
use reflow_pack_sdk::prelude::*;

use crate::coder::{AccessUnit, Coder, Settings};
use crate::frames::{Opening, Stop, next};
use crate::h264::{H264, annex_b};
use crate::mp4::{Description, File, Fragments, Track};
use crate::rate::Rate;

/// Encodes a stream of raw frames to H.264, or to AV1 where the pack was built with it, and sends an MP4 file when the stream ends.
///
/// A stream begins with metadata: `width` and `height` (512 where they are not given), `fps` (a number or a fraction such as
/// `"30000/1001"`; 29.97 is 30000/1001; the config's where there is none), `format` (`rgba8`, `rgb8`, `bgra8`, `gray8`; else the content type
/// counts: `video/raw-rgba`, `video/raw-rgb`, `video/raw-bgra`, `video/raw-gray`; else RGBA) and `timestampsMicros` (when each frame is shown, if
/// not at a constant rate). A Data frame is one picture or several whole ones; alpha is dropped. Frames are encoded as they come.
///
/// Colour is converted to 4:2:0 with BT.709, limited range, and the file says so. Key frames are where `keyframeInterval` puts them and
/// listed, so players seek. An odd size is padded and cut off again by the file. With one thread, the same frames are the same bytes.
///
/// With the container `mp4` the file leaves by `output` after End. With `fmp4` and `annexb` it leaves by `stream` while it is encoded, in
/// fragments of a second, or a picture a frame, and nothing is kept; where nobody reads `stream`, `output` has it at the end.
/// `metadata` follows in any case: `format`, `codec`, `width`, `height`, `fps`, `frameCount`, `fileSize`, `duration` in seconds and `keyframes`.
///
/// # Errors
///
/// On `error`, with the number of the frame: no metadata, no frames, a size or rate that cannot be meant, data that is no whole number of
/// frames, an Error frame in the stream, what the encoder refuses. Pictures may have 3840 × 2160 pixels at most.
#[derive(Component)]
#[component(id = "tpl_video_encoder", title = "Video Encoder", category = "video", blocking)]
#[inport(stream: Stream, required, "Raw frames.")]
#[outport(output: Bytes, "The file.")]
#[outport(metadata: JsonObject, "What became of the frames.")]
#[outport(stream: Stream, "The file while it is encoded, with the containers `fmp4` (video/mp4) and `annexb` (video/h264).")]
#[outport(error: ErrorText, "Why there is no file.")]
pub(crate) struct VideoEncoder {
    /// Frames a second, when the stream does not say; a number or a fraction.
    #[config(default = Value::Integer(30))]
    fps: Value,
    /// What a second may take.
    #[config(default = 5000, unit = "kbit/s", min = 1, max = 1_000_000)]
    bitrate: u32,
    /// How good pictures are, from 0 to 100, in place of a bit rate.
    #[config(min = 0, max = 100)]
    quality: Option<f64>,
    /// The quantizer of H.264, from 0 (best) to 51, in place of a bit rate; five times as much for AV1.
    #[config(min = 0, max = 51)]
    qp: Option<u8>,
    /// Frames from one key frame to the next; two seconds when not given.
    #[config(key = "keyframeInterval", min = 1)]
    keyframe_interval: Option<u32>,
    /// The tools of H.264 that are used.
    #[config(default = Profile::High)]
    profile: Profile,
    /// How hard the encoder tries.
    #[config(default = Complexity::Low)]
    complexity: Complexity,
    /// Threads of the encoder; the same frames give the same bytes with one.
    #[config(default = 1, min = 1, max = 16)]
    threads: u16,
    /// What is around the pictures.
    #[config(default = Container::Mp4)]
    container: Container,
    /// The codec.
    #[config(default = Codec::H264)]
    codec: Codec,
}

/// The tools of H.264 that are used.
#[derive(Clone, Copy, Choice)]
enum Profile {
    /// What every decoder has.
    Baseline,
    /// With arithmetic coding.
    Main,
    /// With arithmetic coding and the larger transform.
    High,
}

/// How hard the encoder tries.
#[derive(Clone, Copy, Choice)]
enum Complexity {
    /// Fast.
    Low,
    /// In between.
    Medium,
    /// Slow.
    High,
}

/// What is around the pictures.
#[derive(Clone, Copy, PartialEq, Choice)]
enum Container {
    /// An MP4 file, whole.
    Mp4,
    /// An MP4 file in fragments.
    Fmp4,
    /// Nothing: the bit stream of H.264 with start codes. There is none of AV1.
    Annexb,
}

/// The codec.
#[derive(Clone, Copy, Choice)]
enum Codec {
    /// H.264.
    #[choice("h264", "avc", "avc1")]
    H264,
    /// AV1: smaller and slower.
    #[cfg(feature = "av1")]
    #[choice("av1", "av01")]
    Av1,
}

/// Frames that may wait in the outgoing stream.
const WAITING: usize = 16;

impl Actor for VideoEncoder {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let reader = tick.take(Self::IN_STREAM).and_then(|message| message.take_stream().ok());
        let encoded = match reader {
            Some(reader) => self.encode(tick, reader),
            None => Err("expected a stream of raw frames on `stream` that nobody else reads".to_string()),
        };
        match encoded {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl VideoEncoder {
    fn encode(&self, tick: &mut Tick<'_>, mut reader: StreamReader) -> Result<(), String> {
        let node = tick.node().clone();
        let begin = match next(&mut reader, &node) {
            Ok(Frame::Begin(begin)) => begin,
            Ok(_) => {
                return Err("no frames: data came before a Begin frame that says width, height and fps".to_string());
            }
            Err(Stop::End) => return Err("no frames: the stream is empty".to_string()),
            Err(Stop::Error(text)) => return Err(format!("the stream failed before its first frame: {text}")),
            Err(Stop::Cancelled) => return Ok(()),
        };
        let opening = Opening::read(&begin)?;
        let settings = self.settings(&opening)?;
        let mut encoder = self.encoder(settings)?;
        let mut sink = Sink::new(self.container, self.codec.word(), settings.rate);
        let mut frames = 0_usize;
        let result = loop {
            match next(&mut reader, &node) {
                Ok(Frame::Data(data)) => {
                    let size = opening.size();
                    if data.is_empty() || data.len() % size != 0 {
                        break Err(format!(
                            "frame {frames}: {} bytes are no whole number of {} × {} frames of {size} bytes",
                            data.len(),
                            opening.width,
                            opening.height
                        ));
                    }
                    let mut encode = |pixels| {
                        let units = encoder.encode(pixels).map_err(|text| format!("frame {frames}: {text}"))?;
                        frames += 1;
                        sink.push_all(tick, &*encoder, &opening, units)
                    };
                    if let Err(text) = data.chunks_exact(size).try_for_each(&mut encode) {
                        break Err(text);
                    }
                }
                Ok(_) => break Err(format!("frame {frames}: a second Begin frame; one stream is one file")),
                Err(Stop::End) if frames == 0 => {
                    break Err("no frames: the stream ended before its first one".to_string());
                }
                Err(Stop::End) => {
                    break encoder.finish().and_then(|units| sink.push_all(tick, &*encoder, &opening, units));
                }
                Err(Stop::Error(text)) => break Err(format!("the stream failed after {frames} frames: {text}")),
                Err(Stop::Cancelled) => return Ok(()),
            }
        };
        if let Err(text) = result {
            sink.fail(&text);
            return Err(text);
        }
        let (words, file) = sink.finish(&*encoder, &opening)?;
        let metadata = Value::object([
            ("format", Value::from(words.format)),
            ("codec", self.codec.word().into()),
            ("width", (opening.width as i64).into()),
            ("height", (opening.height as i64).into()),
            ("fps", settings.rate.to_value()),
            ("frameCount", (frames as i64).into()),
            ("fileSize", (words.size as i64).into()),
            ("duration", (words.duration as f64 / f64::from(settings.rate.timescale().0)).into()),
            ("keyframes", (words.keys as i64).into()),
        ]);
        if let Some(file) = file {
            tick.emit(Self::OUT_OUTPUT, Message::bytes(file));
        }
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    fn encoder(&self, settings: Settings) -> Result<Box<dyn Coder>, String> {
        match self.codec {
            Codec::H264 => Ok(Box::new(H264::new(settings)?)),
            #[cfg(feature = "av1")]
            Codec::Av1 if self.container == Container::Annexb => {
                Err("config `container`: `annexb` is a bit stream of H.264; AV1 goes into `mp4` or `fmp4`".to_string())
            }
            #[cfg(feature = "av1")]
            Codec::Av1 => Ok(Box::new(crate::av1::Av1::new(settings)?)),
        }
    }

    fn settings(&self, opening: &Opening) -> Result<Settings, String> {
        let rate = match opening.rate {
            Some(rate) => rate,
            None => Rate::read(&self.fps).ok_or_else(|| {
                format!("config `fps`: expected a number above 0 or a fraction, found {}", self.fps.to_json_string())
            })?,
        };
        let from_quality = |quality: f64| (51.0 - quality / 100.0 * 41.0).round() as u8;
        Ok(Settings {
            width: opening.width,
            height: opening.height,
            format: opening.format,
            rate,
            bitrate: self.bitrate.saturating_mul(1000).min(i32::MAX as u32),
            qp: self.qp.or(self.quality.map(from_quality)),
            keyframe_interval: self.keyframe_interval.unwrap_or((rate.number() * 2.0).round().max(1.0) as u32),
            profile: match self.profile {
                Profile::Baseline => Tools::Baseline,
                Profile::Main => Tools::Main,
                Profile::High => Tools::High,
            },
            complexity: match self.complexity {
                Complexity::Low => Effort::Low,
                Complexity::Medium => Effort::Medium,
                Complexity::High => Effort::High,
            },
            threads: self.threads,
        })
    }
}

/// How long a frame is shown, in units of the time scale: as long as the stream says, or as all.
fn duration(opening: &Opening, rate: Rate, frame: usize) -> u32 {
    let (timescale, constant) = rate.timescale();
    let place = |micros: i64| i128::from(micros) * i128::from(timescale) / 1_000_000;
    match (opening.timestamps.get(frame), opening.timestamps.get(frame + 1)) {
        (Some(now), Some(then)) if then > now => (place(*then) - place(*now)).clamp(1, i128::from(u32::MAX)) as u32,
        _ => constant,
    }
}

/// What is to be said of a file that is complete.
struct Words {
    format: &'static str,
    size: u64,
    duration: u64,
    keys: u64,
}

/// Where encoded pictures go.
struct Sink {
    container: Container,
    codec: &'static str,
    rate: Rate,
    /// Pictures that came.
    frames: usize,
    file: File,
    fragments: Option<Fragments>,
    outlet: Option<StreamWriter>,
    /// What leaves by `output` because nobody reads `stream`.
    kept: Vec<u8>,
    words: Words,
}

impl Sink {
    fn new(container: Container, codec: &'static str, rate: Rate) -> Self {
        let format = match container {
            Container::Mp4 => "mp4",
            Container::Fmp4 => "fmp4",
            Container::Annexb => "h264",
        };
        Self {
            container,
            codec,
            rate,
            frames: 0,
            file: File::default(),
            fragments: None,
            outlet: None,
            kept: Vec::new(),
            words: Words { format, size: 0, duration: 0, keys: 0 },
        }
    }

    fn push_all(
        &mut self,
        tick: &mut Tick<'_>,
        encoder: &dyn Coder,
        opening: &Opening,
        units: Vec<AccessUnit>,
    ) -> Result<(), String> {
        units.into_iter().try_for_each(|unit| {
            let duration = duration(opening, self.rate, self.frames);
            self.frames += 1;
            self.push(tick, encoder, opening, unit, duration)
        })
    }

    fn push(
        &mut self,
        tick: &mut Tick<'_>,
        encoder: &dyn Coder,
        opening: &Opening,
        unit: AccessUnit,
        duration: u32,
    ) -> Result<(), String> {
        let is_first = self.words.duration == 0;
        self.words.duration += u64::from(duration);
        self.words.keys += u64::from(unit.is_key);
        if is_first && self.container != Container::Mp4 {
            self.open(tick, opening)?;
        }
        match self.container {
            Container::Mp4 => self.file.push(&unit.data, duration, unit.is_key),
            Container::Fmp4 => {
                if self.fragments.is_none() {
                    let track = self.track(encoder, opening);
                    let second = u64::from(track.timescale);
                    let (fragments, start) = Fragments::new(&track, second);
                    self.fragments = Some(fragments);
                    self.put(start)?;
                }
                let full =
                    self.fragments.as_mut().and_then(|fragments| fragments.push(&unit.data, duration, unit.is_key));
                if let Some(full) = full {
                    self.put(full)?;
                }
            }
            Container::Annexb => {
                if let Description::Avc { sps, pps } = encoder.description() {
                    self.put(annex_b(&unit, &sps, &pps))?;
                }
            }
        }
        Ok(())
    }

    /// Opens the stream that takes what is encoded.
    fn open(&mut self, tick: &mut Tick<'_>, opening: &Opening) -> Result<(), String> {
        let content_type = if self.container == Container::Fmp4 { "video/mp4" } else { "video/h264" };
        let outlet = StreamWriter::new(tick.node(), "stream", Some(content_type), WAITING);
        let handle = outlet.handle(None).map_err(|error| error.to_string())?;
        tick.send_now_blocking(VideoEncoder::OUT_STREAM, handle).map_err(|error| error.to_string())?;
        let metadata = Value::object([
            ("width", Value::from(opening.width as i64)),
            ("height", (opening.height as i64).into()),
            ("codec", self.codec.into()),
            ("format", self.words.format.into()),
        ]);
        let begin = Begin { content_type: Some(content_type.into()), size_hint: None, metadata: Some(metadata) };
        self.outlet = Some(outlet);
        self.write(Frame::Begin(begin))
    }

    /// Writes to the reader, if there is one still.
    fn write(&mut self, frame: Frame) -> Result<(), String> {
        let Some(outlet) = &self.outlet else { return Ok(()) };
        match outlet.write_blocking(frame, None) {
            Ok(()) => Ok(()),
            Err(StreamError::Closed) if self.words.size == 0 => {
                // Nobody is there: the file leaves whole.
                self.outlet = None;
                Ok(())
            }
            Err(StreamError::Closed) => Err("the reader of `stream` has gone before the end".to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn put(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        if self.outlet.is_some() {
            self.write(Frame::Data(bytes.clone().into()))?;
        }
        if self.outlet.is_none() {
            self.kept.extend_from_slice(&bytes);
        }
        self.words.size += bytes.len() as u64;
        Ok(())
    }

    fn fail(self, text: &str) {
        if let Some(outlet) = self.outlet {
            let _ = outlet.write_blocking(Frame::Error(text.to_string()), None);
        }
    }

    fn finish(mut self, encoder: &dyn Coder, opening: &Opening) -> Result<(Words, Option<Vec<u8>>), String> {
        match self.container {
            Container::Mp4 => {
                let track = self.track(encoder, opening);
                let file = self.file.finish(&track);
                self.words.size = file.len() as u64;
                return Ok((self.words, Some(file)));
            }
            Container::Fmp4 => {
                if let Some(fragments) = self.fragments.take() {
                    let last = fragments.finish();
                    self.put(last)?;
                }
            }
            Container::Annexb => {}
        }
        let is_read = self.outlet.is_some();
        self.write(Frame::End)?;
        Ok((self.words, (!is_read).then_some(self.kept)))
    }

    fn track(&self, encoder: &dyn Coder, opening: &Opening) -> Track {
        Track {
            width: opening.width as u32,
            height: opening.height as u32,
            timescale: self.rate.timescale().0,
            description: encoder.description(),
        }
    }
}
