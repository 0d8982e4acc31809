//! `tpl_cv_video_stream_to_frames`.

use std::time::Duration;

use reflow_pack_sdk::SendError;
use reflow_pack_sdk::prelude::*;

use crate::frame::{Format, Frame, StreamFrame, next};
use crate::media::metadata as own_metadata;

/// Cuts a raw video stream into frame packets with sequence numbers and timestamps.
///
/// A stream sends `metadata` `{attached: true, source, streamId, originActor, originPort, contentType, dropPolicy}` at once. What its Begin
/// frame says (`width`, `height`, `format`, `fps`, `timestampMicros` or `startTimestampMicros`) comes before the config, and leaves by
/// `metadata` too. For each frame there is a packet on `frame`, with `timestamp` {micros: base + round(i·1000000/fps)}, `sequence` i,
/// `streamId` (a text there, a number elsewhere), `source` and fields, and a word on `metadata`. A frame may come in pieces; several
/// may come at once. After the last one, or `maxFrames`, `done` says how many there were, and the stream is let go.
///
/// With the policy `block` a slow reader slows the stream down; with `drop` a frame that finds no room is left out; with `latest` it waits,
/// and the next one takes its place.
///
/// # Errors
///
/// On `error`: no stream, one that was read already, no width or height when data comes, bytes at the end that are no whole
/// frame (skipped unless `strictFrameSize`), an Error frame in the stream.
#[derive(Component)]
#[component(id = "tpl_cv_video_stream_to_frames", title = "Video Stream to Frames", category = "cv", blocking)]
#[inport(stream: Stream, required, "The stream.")]
#[outport(frame: Bytes, "A frame.")]
#[outport(metadata: JsonObject, "What is known of the stream, and of each frame.")]
#[outport(done: JsonObject, "How many frames there were.")]
#[outport(error: ErrorText, "What is wrong with the stream.")]
pub(crate) struct StreamToFrames {
    /// Columns, when Begin does not say.
    #[config(lenient)]
    width: Option<u64>,
    /// Rows, when Begin does not say.
    #[config(lenient)]
    height: Option<u64>,
    /// The format of pixels, when Begin does not say; the content type's when not given, else `rgba8`.
    #[config(lenient)]
    format: Option<String>,
    /// Frames a second, for timestamps.
    #[config(default = 30.0, lenient)]
    fps: f64,
    /// The time of the first frame; the larger of this and `startTimestampMicros` counts.
    #[config(key = "timestampMicros", unit = "µs", lenient)]
    timestamp: i64,
    /// The same.
    #[config(key = "startTimestampMicros", unit = "µs", lenient)]
    start_timestamp: i64,
    /// Frames after this many are left; 0 means all.
    #[config(key = "maxFrames", lenient)]
    max_frames: u64,
    /// Whether bytes that are no whole frame are an error.
    #[config(key = "strictFrameSize", default = true, lenient)]
    strict: bool,
    /// Whether the end is told.
    #[config(key = "emitDone", default = true, lenient)]
    emit_done: bool,
    /// What happens to a frame that finds no room.
    #[config(key = "dropPolicy", default = DropPolicy::Block, lenient)]
    policy: DropPolicy,
    /// What the metadata of frames calls their source.
    #[config(default = "video-stream".to_string(), lenient)]
    source: String,
}

/// What happens to a frame that finds no room.
#[derive(Clone, Copy, PartialEq, Choice)]
enum DropPolicy {
    /// It waits, and the stream with it.
    Block,
    /// It is left out.
    Drop,
    /// It waits, and the next one takes its place.
    Latest,
}

/// What is known of the frames.
struct Plan {
    width: usize,
    height: usize,
    format: Format,
    fps: f64,
    base: i64,
}

/// Where the stream comes from.
struct Origin {
    id: Value,
    actor: Value,
    port: Value,
    content_type: Option<String>,
}

impl Origin {
    fn of(message: &Message) -> Self {
        let told = message.as_value().unwrap_or_default();
        let member = |name: &str| told.get(name).cloned().unwrap_or_default();
        let content_type = told.get("content_type").and_then(Value::as_str).map(ToString::to_string);
        Self { id: member("stream_id"), actor: member("origin_actor"), port: member("origin_port"), content_type }
    }
}

/// A frame that is to be sent, and the word on it.
type Packet = (Message, Value);

struct Course {
    origin: Origin,
    plan: Option<Plan>,
    rest: Vec<u8>,
    frames: u64,
    dropped: u64,
    waiting: Option<Packet>,
}

impl Actor for StreamToFrames {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let reader = tick.take(Self::IN_STREAM).ok_or_else(|| "expected a stream".to_string()).and_then(|message| {
            let reader = message.take_stream().map_err(|error| format!("expected a stream on `stream`: {error}"))?;
            Ok((Origin::of(&message), reader))
        });
        let (origin, reader) = match reader {
            Ok(reader) => reader,
            Err(text) => return crate::report(tick, Self::OUT_ERROR, text),
        };
        let attached = Value::object([
            ("attached", Value::from(true)),
            ("source", "videoStreamToFrames".into()),
            ("streamId", origin.id.clone()),
            ("originActor", origin.actor.clone()),
            ("originPort", origin.port.clone()),
            ("contentType", origin.content_type.as_deref().into()),
            ("dropPolicy", self.policy.word().into()),
        ]);
        tick.send_now_blocking(Self::OUT_METADATA, Message::object(attached))?;
        let mut course = Course { origin, plan: None, rest: Vec::new(), frames: 0, dropped: 0, waiting: None };
        match self.read(tick, reader, &mut course) {
            Ok(()) => {
                if self.emit_done {
                    let done = Value::object([
                        ("done", Value::from(true)),
                        ("streamId", course.origin.id),
                        ("frames", (course.frames as i64).into()),
                        ("droppedFrames", (course.dropped as i64).into()),
                    ]);
                    tick.write(Self::OUT_DONE, done);
                }
                Ok(())
            }
            Err(_) if tick.node().is_cancelled() => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl StreamToFrames {
    fn read(&self, tick: &mut Tick<'_>, mut reader: StreamReader, course: &mut Course) -> Result<(), String> {
        let node = tick.node().clone();
        loop {
            match next(&mut reader, &node)? {
                Some(StreamFrame::Begin(begin)) => {
                    let told = begin.metadata.clone().unwrap_or_default();
                    let content_type = begin.content_type.clone().or(course.origin.content_type.clone());
                    let plan = self.plan(&told, content_type.as_deref());
                    let (width, height) = match &plan {
                        Ok(plan) => (Some(plan.width as i64), Some(plan.height as i64)),
                        Err(_) => (None, None),
                    };
                    let format = plan.as_ref().map_or(Value::Null, |plan| plan.format.to_value());
                    let fps = plan.as_ref().map_or(self.fps, |plan| plan.fps);
                    let word = Value::object([
                        ("source", Value::from(self.source.as_str())),
                        ("streamId", course.origin.id.clone()),
                        ("width", width.into()),
                        ("height", height.into()),
                        ("format", format),
                        ("fps", fps.into()),
                        ("contentType", content_type.into()),
                        ("streamMetadata", told),
                    ]);
                    self.deliver(tick, Self::OUT_METADATA.index(), Message::object(word))?;
                    course.plan = plan.ok();
                }
                Some(StreamFrame::Data(data)) => {
                    if course.plan.is_none() {
                        course.plan = Some(self.plan(&Value::Null, course.origin.content_type.as_deref())?);
                    }
                    course.rest.extend_from_slice(&data);
                    if self.cut(tick, course)? {
                        break;
                    }
                }
                Some(StreamFrame::Error(text)) => {
                    return Err(format!("the stream failed after {} frames: {text}", course.frames));
                }
                Some(StreamFrame::End) | None => {
                    if !course.rest.is_empty() && self.strict {
                        return Err(format!(
                            "frame {}: {} bytes at the end of the stream are no whole frame",
                            course.frames,
                            course.rest.len()
                        ));
                    }
                    break;
                }
            }
        }
        if let Some((frame, word)) = course.waiting.take() {
            self.deliver(tick, Self::OUT_FRAME.index(), frame)?;
            self.deliver(tick, Self::OUT_METADATA.index(), Message::object(word))?;
        }
        Ok(())
    }

    fn deliver(&self, tick: &mut Tick<'_>, port: usize, message: Message) -> Result<(), String> {
        tick.send_now_blocking(port, message).map_err(|error| error.to_string())
    }

    fn plan(&self, told: &Value, content_type: Option<&str>) -> Result<Plan, String> {
        let side = |name: &str, otherwise: Option<u64>| {
            let told = told.get(name).and_then(Value::as_integer).and_then(|side| u64::try_from(side).ok());
            told.or(otherwise).filter(|side| (1..=1 << 20).contains(side)).map(|side| side as usize).ok_or_else(|| {
                format!("the {name} of the frames is not known: neither Begin nor config `{name}` says it")
            })
        };
        let label = told.get("format").and_then(Value::as_str).or(self.format.as_deref()).or(content_type);
        let number = |name: &str| told.get(name).and_then(Value::as_number).filter(|number| number.is_finite());
        let base = match (number("timestampMicros"), number("startTimestampMicros")) {
            (None, None) => self.timestamp.max(self.start_timestamp),
            (a, b) => a.unwrap_or(f64::MIN).max(b.unwrap_or(f64::MIN)) as i64,
        };
        Ok(Plan {
            width: side("width", self.width)?,
            height: side("height", self.height)?,
            format: label.and_then(Format::from_label).unwrap_or(Format::Rgba8),
            fps: number("fps").unwrap_or(self.fps).max(0.001),
            base,
        })
    }

    /// Sends the whole frames that are there; `true` when there have been enough.
    fn cut(&self, tick: &mut Tick<'_>, course: &mut Course) -> Result<bool, String> {
        let Some(plan) = &course.plan else { return Ok(false) };
        let size = plan.width * plan.height * plan.format.pixel();
        let bytes = std::mem::take(&mut course.rest);
        let mut whole = bytes.chunks_exact(size);
        let mut packets = Vec::new();
        for pixels in &mut whole {
            if self.max_frames > 0 && course.frames == self.max_frames {
                break;
            }
            packets.push(self.packet(plan, &course.origin, course.frames, pixels));
            course.frames += 1;
        }
        course.rest = whole.remainder().to_vec();
        for packet in packets {
            self.put(tick, &mut course.waiting, &mut course.dropped, packet)?;
        }
        Ok(self.max_frames > 0 && course.frames >= self.max_frames)
    }

    fn packet(&self, plan: &Plan, origin: &Origin, index: u64, pixels: &[u8]) -> Packet {
        let micros = plan.base + (index as f64 * 1e6 / plan.fps).round() as i64;
        let index = index as i64;
        let id = origin.id.as_str().map_or_else(|| origin.id.to_json_string(), ToString::to_string);
        let fields = Value::object([
            ("sourceStreamId", origin.id.clone()),
            ("originActor", origin.actor.clone()),
            ("originPort", origin.port.clone()),
            ("frameIndex", index.into()),
        ]);
        let metadata = Value::object([
            ("timestamp", Value::object([("micros", micros)])),
            ("sequence", index.into()),
            ("streamId", id.into()),
            ("source", self.source.as_str().into()),
            ("fields", fields),
        ]);
        let word = Value::object([
            ("frameIndex", Value::from(index)),
            ("sequence", index.into()),
            ("timestampMicros", micros.into()),
            ("streamId", origin.id.clone()),
            ("width", (plan.width as i64).into()),
            ("height", (plan.height as i64).into()),
            ("format", plan.format.to_value()),
        ]);
        let metadata = own_metadata(&Value::object([("metadata", metadata)]));
        let frame = Frame::new(plan.width, plan.height, plan.format.clone(), metadata, pixels.to_vec());
        (frame.to_message(), word)
    }

    fn put(
        &self,
        tick: &mut Tick<'_>,
        waiting: &mut Option<Packet>,
        dropped: &mut u64,
        packet: Packet,
    ) -> Result<(), String> {
        if self.policy == DropPolicy::Block {
            self.deliver(tick, Self::OUT_FRAME.index(), packet.0)?;
            return self.deliver(tick, Self::OUT_METADATA.index(), Message::object(packet.1));
        }
        // A frame that has waited goes first, if there is room for it by now.
        if let Some(older) = waiting.take()
            && !self.offer(tick, &older)?
        {
            *dropped += 1;
        }
        if !self.offer(tick, &packet)? {
            match self.policy {
                DropPolicy::Latest => *waiting = Some(packet),
                _ => *dropped += 1,
            }
        }
        Ok(())
    }

    /// Sends a frame if there is room for it now.
    fn offer(&self, tick: &mut Tick<'_>, (frame, word): &Packet) -> Result<bool, String> {
        match tick.node().send_blocking(Self::OUT_FRAME, frame.clone(), Some(Duration::ZERO)) {
            Ok(()) => {
                self.deliver(tick, Self::OUT_METADATA.index(), Message::object(word.clone()))?;
                Ok(true)
            }
            Err(SendError::TimedOut) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }
}
