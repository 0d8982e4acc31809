//! Video frames.

use std::time::Duration;

use reflow_pack_sdk::StreamError;
use reflow_pack_sdk::prelude::*;

use crate::envelope;
use crate::media::{self, Data};

/// The layout of a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Rgba8,
    Rgb8,
    Bgra8,
    Gray8,
    F32Rgb,
    F32Rgba,
    /// Something else; it counts as four channels of a byte.
    Unknown(String),
}

impl Format {
    /// The format that a label or a content type names.
    pub(crate) fn from_label(label: &str) -> Option<Self> {
        let label = label.to_ascii_lowercase();
        let label = label.split(';').next().unwrap_or_default().trim();
        let raw = label.strip_prefix("image/raw-").or_else(|| label.strip_prefix("video/raw-"));
        Some(match raw.unwrap_or(label) {
            "rgba8" | "rgba" => Self::Rgba8,
            "rgb8" | "rgb" => Self::Rgb8,
            "bgra8" | "bgra" => Self::Bgra8,
            "gray8" | "grey8" | "luma8" | "gray" | "grey" => Self::Gray8,
            "f32-rgb" | "float32-rgb" => Self::F32Rgb,
            "f32-rgba" | "float32-rgba" => Self::F32Rgba,
            _ => return None,
        })
    }

    fn read(value: Option<&Value>) -> Result<Self, String> {
        match value {
            None | Some(Value::Null) => Ok(Self::Rgba8),
            Some(Value::String(label)) => {
                Ok(Self::from_label(label).unwrap_or_else(|| Self::Unknown(label.to_string())))
            }
            Some(value) => match value.get("unknown").and_then(Value::as_str) {
                Some(label) => Ok(Self::Unknown(label.to_string())),
                None => Err(format!(
                    "the format of a frame is a label or {{unknown: label}}, found {}",
                    value.to_json_string()
                )),
            },
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Rgba8 => "rgba8".into(),
            Self::Rgb8 => "rgb8".into(),
            Self::Bgra8 => "bgra8".into(),
            Self::Gray8 => "gray8".into(),
            Self::F32Rgb => "f32-rgb".into(),
            Self::F32Rgba => "f32-rgba".into(),
            Self::Unknown(label) => Value::object([("unknown", label.as_str())]),
        }
    }

    pub(crate) fn channels(&self) -> usize {
        match self {
            Self::Gray8 => 1,
            Self::Rgb8 | Self::F32Rgb => 3,
            _ => 4,
        }
    }

    pub(crate) fn is_float(&self) -> bool {
        matches!(self, Self::F32Rgb | Self::F32Rgba)
    }

    /// Bytes of a pixel.
    pub(crate) fn pixel(&self) -> usize {
        self.channels() * if self.is_float() { 4 } else { 1 }
    }
}

/// A frame whose rows are all there.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) format: Format,
    /// Bytes from one row to the next.
    pub(crate) stride: usize,
    pub(crate) metadata: Value,
    pub(crate) data: Data,
}

/// The widest and highest frame.
const LONGEST: i64 = 1 << 20;

impl Frame {
    pub(crate) fn new(width: usize, height: usize, format: Format, metadata: Value, data: Vec<u8>) -> Self {
        let stride = width * format.pixel();
        Self { width, height, format, stride, metadata, data: Data::Own(data) }
    }

    /// Reads a packet, or a stream to its end.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(message: Option<Message>, node: &NodeHandle) -> Result<Self, String> {
        let message = message.ok_or("expected a frame, found nothing")?;
        if message.kind() == Kind::StreamHandle {
            return Self::of_stream(&message, node);
        }
        let (payload, data) = media::read(&message, "video-frame")?;
        Self::of(&payload, data)
    }

    pub(crate) fn of(payload: &Value, data: Data) -> Result<Self, String> {
        let side = |name: &str| match payload.get(name).and_then(Value::as_integer) {
            Some(side @ 1..=LONGEST) => Ok(side as usize),
            _ => Err(format!(
                "a frame has `{name}`, a whole number from 1, found {}",
                payload.get(name).cloned().unwrap_or_default().to_json_string()
            )),
        };
        let (width, height) = (side("width")?, side("height")?);
        let format = Format::read(payload.get("format"))?;
        let tight = width * format.pixel();
        let stride = match payload.get("stride") {
            None | Some(Value::Null) => tight,
            Some(stride) => match stride.as_integer().and_then(|stride| usize::try_from(stride).ok()) {
                Some(stride) if stride >= tight => stride,
                _ => {
                    return Err(format!(
                        "the stride of this frame is at least {tight} bytes, found {}",
                        stride.to_json_string()
                    ));
                }
            },
        };
        // The last row need not be filled up.
        let needed = (height - 1).checked_mul(stride).and_then(|bytes| bytes.checked_add(tight));
        if needed.is_none_or(|needed| data.len() < needed) {
            return Err(format!(
                "a frame of {width} × {height} pixels has at least {} bytes, this one has {}",
                needed.map_or("more than can be counted".to_string(), |bytes| bytes.to_string()),
                data.len()
            ));
        }
        Ok(Self { width, height, format, stride, metadata: media::metadata(payload), data })
    }

    fn of_stream(message: &Message, node: &NodeHandle) -> Result<Self, String> {
        let mut reader = message.take_stream().map_err(|error| error.to_string())?;
        let (mut begin, mut data) = (Begin::default(), Vec::new());
        loop {
            match next(&mut reader, node)? {
                Some(StreamFrame::Begin(found)) => begin = found,
                Some(StreamFrame::Data(bytes)) => data.extend_from_slice(&bytes),
                Some(StreamFrame::Error(text)) => return Err(format!("the stream failed: {text}")),
                Some(StreamFrame::End) | None => break,
            }
        }
        let told = begin.metadata.unwrap_or_default();
        let label = told.get("format").and_then(Value::as_str).or(begin.content_type.as_deref());
        let format = label.and_then(Format::from_label).unwrap_or(Format::Rgba8);
        let payload = told.merged_with(&Value::object([
            ("format", format.to_value()),
            ("stride", Value::Null),
            ("metadata", media::with_field(&media::metadata(&told), "streamMetadata", told.clone())),
        ]));
        Self::of(&payload, Data::Own(data))
    }

    /// The packet; its rows are tight.
    pub(crate) fn to_message(&self) -> Message {
        let tight = self.width * self.format.pixel();
        let payload = Value::object([
            ("width", Value::from(self.width as i64)),
            ("height", (self.height as i64).into()),
            ("format", self.format.to_value()),
            ("stride", Value::Null),
            ("metadata", self.metadata.clone()),
        ]);
        if self.stride == tight {
            return Message::bytes(envelope::encode("video-frame", payload, &self.data[..tight * self.height]));
        }
        let rows: Vec<u8> = (0..self.height).flat_map(|y| self.row(y)).copied().collect();
        Message::bytes(envelope::encode("video-frame", payload, &rows))
    }

    /// The pixels of a row.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.stride..][..self.width * self.format.pixel()]
    }

    /// A pixel.
    pub(crate) fn pixel(&self, x: usize, y: usize) -> &[u8] {
        let size = self.format.pixel();
        &self.row(y)[x * size..(x + 1) * size]
    }
}

pub(crate) use reflow_pack_sdk::Frame as StreamFrame;

/// How long a stream is waited for before the end of the run is looked for.
const PATIENCE: Duration = Duration::from_millis(100);

/// The next frame of a stream, `None` when it is closed.
///
/// # Errors
/// When the run was stopped.
pub(crate) fn next(reader: &mut StreamReader, node: &NodeHandle) -> Result<Option<StreamFrame>, String> {
    loop {
        match reader.read_blocking(Some(PATIENCE)) {
            Ok(frame) => return Ok(frame),
            Err(StreamError::TimedOut) if !node.is_cancelled() => {}
            Err(_) => return Err("the run was stopped".to_string()),
        }
    }
}
