//! Reading a stream of raw frames: what Begin says of them, and whole frames out of its data.

use std::time::Duration;

use reflow_pack_sdk::StreamError;
use reflow_pack_sdk::prelude::*;

use crate::picture::Format;
use crate::rate::Rate;

/// How long a stream is waited for before the end of the run is looked for.
const PATIENCE: Duration = Duration::from_millis(100);

/// The size of frames of which a metadata object says none.
const SIDE: usize = 512;

/// What is known of frames.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) format: Format,
    /// What the stream says of its rate.
    pub(crate) rate: Option<Rate>,
    /// When each frame is shown, in microseconds, if the stream says so.
    pub(crate) timestamps: Vec<i64>,
}

/// Why a stream gives no more.
pub(crate) enum Stop {
    /// It is over.
    End,
    /// The run was stopped.
    Cancelled,
    /// It ended with an error.
    Error(String),
}

/// The next frame of a stream, looking for the end of the run meanwhile.
pub(crate) fn next(reader: &mut StreamReader, node: &NodeHandle) -> Result<Frame, Stop> {
    loop {
        if node.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        match reader.read_blocking(Some(PATIENCE)) {
            Ok(Some(Frame::End) | None) => return Err(Stop::End),
            Ok(Some(Frame::Error(text))) => return Err(Stop::Error(text)),
            Ok(Some(frame)) => return Ok(frame),
            Err(StreamError::TimedOut) => {}
            Err(error) => return Err(Stop::Error(error.to_string())),
        }
    }
}

impl Opening {
    /// Reads what Begin says.
    ///
    /// # Errors
    /// What cannot be meant.
    pub(crate) fn read(begin: &Begin) -> Result<Self, String> {
        let metadata = begin
            .metadata
            .as_ref()
            .ok_or("no frames: the Begin frame has no metadata; expected width, height and fps")?;
        let side = |name: &str| match metadata.get(name) {
            None | Some(Value::Null) => Ok(SIDE),
            Some(value) => {
                let number =
                    value.as_number().filter(|number| *number >= 1.0 && number.fract() == 0.0 && *number <= 65_535.0);
                number.map(|number| number as usize).ok_or_else(|| {
                    format!(
                        "`{name}` in the metadata of the Begin frame: expected a whole number from 1, found {}",
                        value.to_json_string()
                    )
                })
            }
        };
        let (width, height) = (side("width")?, side("height")?);
        let label = metadata.get("format").and_then(Value::as_str);
        let format = match label {
            Some(label) => Format::from_label(label).ok_or_else(|| {
                format!(
                    "`format` in the metadata of the Begin frame: expected rgba8, rgb8, bgra8 or gray8, found {label:?}"
                )
            })?,
            None => begin.content_type.as_deref().and_then(Format::from_label).unwrap_or(Format::Rgba),
        };
        let rate = match metadata.get("fps") {
            None | Some(Value::Null) => None,
            Some(value) => Some(Rate::read(value).ok_or_else(|| {
                format!(
                    "`fps` in the metadata of the Begin frame: expected a number above 0 or a fraction, found {}",
                    value.to_json_string()
                )
            })?),
        };
        let timestamps = metadata.get("timestampsMicros").and_then(Value::as_array).unwrap_or_default();
        let timestamps = timestamps.iter().map_while(Value::as_integer).collect();
        Ok(Self { width, height, format, rate, timestamps })
    }

    /// Bytes of a frame.
    pub(crate) fn size(&self) -> usize {
        self.width * self.height * self.format.bytes()
    }
}
