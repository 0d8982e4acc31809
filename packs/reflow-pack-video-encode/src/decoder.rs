//! `tpl_video_decoder`: a file becomes frames.

use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;
use reflow_pack_sdk::StreamError;
use reflow_pack_sdk::prelude::*;

use crate::color::{Decoded, Matrix, to_rgba};
use crate::frames::{Stop, next};
use crate::mp4;

/// Decodes an H.264 video to a stream of raw RGBA frames.
///
/// A file on `input` is Bytes, or a stream of them: MP4 (whole or in fragments, as `tpl_video_encoder` writes them) or the bit stream of H.264
/// with start codes (Annex B). `stream` carries RGBA frames (`video/raw-rgba`) with `width`, `height`, `fps`, `frameCount` (where the file
/// says it) and `format` in its metadata; a slow reader slows the decoding down. `metadata` says the same at the end, with the number of
/// frames that were decoded. Colour is read as the file says: BT.709 unless it is marked BT.601.
///
/// `tpl_video_input` with `load` `bytes` fetches files for this.
///
/// # Errors
///
/// On `error`, and as an Error frame where the stream has begun: no video, a file that is cut off, another codec, what the decoder
/// refuses.
#[derive(Component)]
#[component(id = "tpl_video_decoder", title = "Video Decoder", category = "video", blocking)]
#[inport(input: Either<Bytes, Stream>, required, "The file.")]
#[outport(stream: Stream, "RGBA frames.")]
#[outport(metadata: JsonObject, "What was decoded.")]
#[outport(error: ErrorText, "Why there are no frames, or no more.")]
pub(crate) struct VideoDecoder {
    /// Frames after this many are left; 0 means all.
    #[config(key = "maxFrames")]
    max_frames: u64,
    /// Frames that may wait in the stream.
    #[config(default = 4, min = 1, max = 256)]
    buffer: u32,
    /// Frames a second, where the file does not say.
    #[config(default = 30.0, min = 0.001)]
    fps: f64,
    /// The largest file.
    #[config(key = "maxBytes", default = 1 << 30, unit = "bytes", min = 1)]
    max_bytes: u64,
}

impl Actor for VideoDecoder {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.decode(tick) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

/// What is known before decoding.
struct Plan<'a> {
    /// Bit streams with start codes, one for each picture or piece.
    units: Box<dyn Iterator<Item = Vec<u8>> + 'a>,
    /// What is shown of the pictures, where the file says so.
    shown: Option<(usize, usize)>,
    fps: f64,
    count: Option<usize>,
    matrix: Matrix,
    full_range: bool,
}

impl VideoDecoder {
    fn file(&self, tick: &mut Tick<'_>) -> Result<Option<reflow_pack_sdk::Bytes>, String> {
        let message = tick.take(Self::IN_INPUT).ok_or("expected a file on `input`")?;
        if let Some(bytes) = message.to_bytes() {
            return Ok(Some(bytes));
        }
        let mut reader = message
            .take_stream()
            .map_err(|_| format!("expected Bytes or a stream of them on `input`, found {:?}", message.kind()))?;
        let node = tick.node().clone();
        let mut bytes = Vec::new();
        loop {
            match next(&mut reader, &node) {
                Ok(Frame::Data(data)) => {
                    if bytes.len() as u64 + data.len() as u64 > self.max_bytes {
                        return Err(format!("the file is longer than {} bytes (config `maxBytes`)", self.max_bytes));
                    }
                    bytes.extend_from_slice(&data);
                }
                Ok(_) => {}
                Err(Stop::End) => return Ok(Some(bytes.into())),
                Err(Stop::Error(text)) => return Err(format!("the stream failed after {} bytes: {text}", bytes.len())),
                Err(Stop::Cancelled) => return Ok(None),
            }
        }
    }

    fn plan<'a>(&self, file: &'a [u8]) -> Result<Plan<'a>, String> {
        if file.is_empty() {
            return Err("the file is empty".to_string());
        }
        if file.starts_with(&[0, 0, 0, 1]) || file.starts_with(&[0, 0, 1]) {
            let units = Box::new(openh264::nal_units(file).map(<[u8]>::to_vec));
            let (matrix, full_range) = (Matrix::Bt709, false);
            return Ok(Plan { units, shown: None, fps: self.fps, count: None, matrix, full_range });
        }
        let samples = mp4::read(file)?;
        if samples.entries.is_empty() {
            return Err("there are no frames in the file".to_string());
        }
        let duration: u64 = samples.entries.iter().map(|(_, sample)| u64::from(sample.duration)).sum();
        let count = samples.entries.len();
        let fps = if duration == 0 { self.fps } else { count as f64 * f64::from(samples.timescale) / duration as f64 };
        let mp4::Samples { width, height, sets, length_size, matrix, full_range, entries, .. } = samples;
        let units = entries.into_iter().enumerate().map(move |(index, (start, sample))| {
            let data = file.get(start..start + sample.size as usize).unwrap_or_default();
            let mut unit = Vec::with_capacity(data.len() + 128);
            let mut put = |nal: &[u8]| {
                unit.extend_from_slice(&[0, 0, 0, 1]);
                unit.extend_from_slice(nal);
            };
            if index == 0 {
                sets.iter().for_each(|set| put(set));
            }
            split(data, length_size).for_each(put);
            unit
        });
        let shown = Some((width as usize, height as usize));
        Ok(Plan { units: Box::new(units), shown, fps, count: Some(count), matrix, full_range })
    }

    fn decode(&self, tick: &mut Tick<'_>) -> Result<(), String> {
        let Some(file) = self.file(tick)? else { return Ok(()) };
        let plan = self.plan(&file)?;
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let mut decoder =
            Decoder::with_api_config(OpenH264API::from_source(), config).map_err(|error| error.to_string())?;
        let mut out = Out { plan: (plan.shown, plan.fps, plan.count), max: self.max_frames, ..Out::default() };
        let color = (plan.matrix, plan.full_range);
        let node = tick.node().clone();
        let mut problem = None;
        for (index, unit) in plan.units.enumerate() {
            if node.is_cancelled() {
                return Ok(());
            }
            if out.is_full() {
                break;
            }
            match decoder.decode(&unit) {
                Ok(Some(picture)) => {
                    let frame = rgba(&picture, plan.shown, color);
                    if !out.put(tick, self.buffer, frame)? {
                        return Ok(());
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    problem = Some(format!("frame {index}: the decoder refused it: {error}"));
                    break;
                }
            }
        }
        if problem.is_none() && !out.is_full() {
            // Pictures that wait for later ones.
            let frames: Vec<_> = decoder
                .flush_remaining()
                .map(|rest| rest.iter().map(|picture| rgba(picture, plan.shown, color)).collect())
                .unwrap_or_default();
            for frame in frames {
                if !out.put(tick, self.buffer, frame)? {
                    return Ok(());
                }
            }
        }
        if problem.is_none() && out.frames == 0 {
            problem = Some("there are no frames in the file".to_string());
        }
        if let Some(text) = problem {
            out.close(Frame::Error(text.clone()));
            return Err(text);
        }
        out.close(Frame::End);
        tick.write(Self::OUT_METADATA, out.metadata(Some(out.frames)));
        Ok(())
    }
}

/// A picture of RGBA with its size.
struct Rgba {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

fn rgba(picture: &impl YUVSource, shown: Option<(usize, usize)>, (matrix, full_range): (Matrix, bool)) -> Rgba {
    let (coded_width, coded_height) = picture.dimensions();
    let (width, height) = shown.unwrap_or((coded_width, coded_height));
    let (width, height) = (width.min(coded_width), height.min(coded_height));
    let (stride, chroma_stride, _) = picture.strides();
    let planes = Decoded { y: picture.y(), u: picture.u(), v: picture.v(), stride, chroma_stride };
    Rgba { width, height, pixels: to_rgba(planes, width, height, matrix, full_range) }
}

/// The stream that frames leave by.
#[derive(Default)]
struct Out {
    /// What is shown, frames a second, and how many frames there are, as far as the file says.
    plan: (Option<(usize, usize)>, f64, Option<usize>),
    size: (usize, usize),
    max: u64,
    frames: usize,
    writer: Option<StreamWriter>,
}

impl Out {
    fn is_full(&self) -> bool {
        self.max > 0 && self.frames as u64 >= self.max
    }

    fn metadata(&self, count: Option<usize>) -> Value {
        Value::object([
            ("width", Value::from(self.size.0 as i64)),
            ("height", (self.size.1 as i64).into()),
            ("fps", if self.plan.1.fract() == 0.0 { (self.plan.1 as i64).into() } else { self.plan.1.into() }),
            ("format", "rgba8".into()),
            ("codec", "h264".into()),
            ("frameCount", count.map(|count| count as i64).into()),
        ])
    }

    /// Writes a frame; `false` when nobody reads.
    fn put(&mut self, tick: &mut Tick<'_>, buffer: u32, frame: Rgba) -> Result<bool, String> {
        if self.writer.is_none() {
            self.size = (frame.width, frame.height);
            let writer = StreamWriter::new(tick.node(), "stream", Some("video/raw-rgba"), buffer as usize);
            let handle = writer.handle(None).map_err(|error| error.to_string())?;
            tick.send_now_blocking(VideoDecoder::OUT_STREAM, handle).map_err(|error| error.to_string())?;
            let metadata = Some(self.metadata(self.plan.2));
            let begin = Begin { content_type: Some("video/raw-rgba".into()), size_hint: None, metadata };
            if !written(&writer, Frame::Begin(begin))? {
                return Ok(false);
            }
            self.writer = Some(writer);
        }
        if (frame.width, frame.height) != self.size {
            return Err(format!("frame {}: the size of the pictures changes, which a stream cannot say", self.frames));
        }
        self.frames += 1;
        self.writer.as_ref().map_or(Ok(false), |writer| written(writer, Frame::Data(frame.pixels.into())))
    }

    fn close(&mut self, frame: Frame) {
        if let Some(writer) = self.writer.take() {
            let _ = writer.write_blocking(frame, None);
        }
    }
}

fn written(writer: &StreamWriter, frame: Frame) -> Result<bool, String> {
    match writer.write_blocking(frame, None) {
        Ok(()) => Ok(true),
        Err(StreamError::Closed) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// The NAL units of a sample in which each stands behind its length.
fn split(data: &[u8], length_size: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_at_checked(length_size)?;
        let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        let (nal, behind) = behind.split_at_checked(length)?;
        rest = behind;
        Some(nal)
    })
}
