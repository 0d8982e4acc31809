//! `tpl_camera_capture`.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reflow_component::prelude::*;
use reflow_runtime::{Begin, Frame, StreamWriter};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::kernels::pattern::test_picture;
use crate::kernels::pixel::bytes_of;

/// Frames of video from a camera, or test pictures.
///
/// A packet on `start` begins a capture: `stream` carries RGBA frames, `fps` a second, and `metadata` says `{source: "camera", backend,
/// deviceId, width, height, fps, format: "rgba8", contentType, frameCount, timestampMicros}`, as the stream itself does. It ends after
/// `frameCount` frames, or when something true comes on `stop` (a Flow, true, a number that is not 0, a text that is neither empty nor
/// `false`): that ends the capture that was begun last and still goes on, and `metadata` is `{stopped: true, streamId}`, or `{stopped: false}`
/// when there is none. When `bufferSize` frames are unread the capture waits, or with `dropFrames` leaves frames out.
///
/// Test picture *n*, with *p* = *n* mod 255: red is (255 *x* / width + *p*) mod 255, green (255 *y* / height + 2 *p*) mod 255, and blue 210
/// where *x* / 32 + *y* / 32 + *n* is even and 90 elsewhere, all in whole numbers.
///
/// # Errors
///
/// `Camera backend '…' is not available in this build. …`, and a size of more than 512 MiB a frame.
#[derive(Component)]
#[component(id = "tpl_camera_capture", title = "Camera Capture", category = "media/video")]
#[inport(start: Any, "Begins a capture.")]
#[inport(stop: Any, "Ends the last one.")]
#[outport(stream: Stream, "The frames.")]
#[outport(metadata: JsonObject, "What is captured, and what was stopped.")]
#[outport(error: ErrorText, "Why there is no capture.")]
#[example(steps = r#"[{"stop": {"type": "Flow"}}]"#, outputs = r#"[{"metadata": [{"stopped": false}]}]"#)]
pub(super) struct CameraCapture {
    /// Where frames come from, in any letter case: `mock`, `test-pattern` or `test_pattern` are test pictures; `native`, `nokhwa` and
    /// `auto` need a build with a camera.
    #[config(default = "mock".to_string(), lenient)]
    backend: String,
    /// Pixels in a row; 0 counts as 1.
    #[config(default = 640, unit = "pixels", lenient)]
    width: u64,
    /// Rows; 0 counts as 1.
    #[config(default = 480, unit = "pixels", lenient)]
    height: u64,
    /// Frames a second; 0 counts as 1.
    #[config(default = 30, lenient)]
    fps: u64,
    /// Frames in a capture; 0 goes on until it is stopped.
    #[config(key = "frameCount", default = 1, lenient)]
    frame_count: u64,
    /// Frames that wait for the reader; 0 counts as 1.
    #[config(key = "bufferSize", default = 4, lenient)]
    buffer_size: usize,
    /// Whether frames for which there is no room are left out.
    #[config(key = "dropFrames", lenient)]
    drop_frames: bool,
    /// The camera.
    #[config(key = "deviceId", default = "mock-camera".to_string(), lenient)]
    device_id: String,
    /// Captures that may still go on, the newest last.
    #[state]
    captures: Vec<Capture>,
}

/// A capture that goes on.
struct Capture {
    stream: u64,
    stop: Arc<Notify>,
    background: reflow_runtime::Background,
}

/// What is captured.
#[derive(Clone, Copy)]
struct Plan {
    width: usize,
    height: usize,
    fps: u64,
    count: u64,
    drops: bool,
}

const CONTENT_TYPE: &str = "video/raw-rgba";

impl CameraCapture {
    fn start(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let backend = self.backend.to_lowercase();
        if !matches!(backend.as_str(), "mock" | "test-pattern" | "test_pattern") {
            return Err(format!(
                "Camera backend '{}' is not available in this build. It has test pictures only: `mock` and `test-pattern`; frames \
                 of a real camera come in through an actor that reads it, or a pack with such an actor",
                self.backend
            ));
        }
        let side = |side: u64| usize::try_from(side.max(1)).unwrap_or(usize::MAX);
        let (width, height) = (side(self.width), side(self.height));
        let bytes = bytes_of(width, height, 4).ok_or_else(|| format!("{width} × {height} pixels are too many"))?;
        let plan = Plan { width, height, fps: self.fps.max(1), count: self.frame_count, drops: self.drop_frames };
        let size_hint = self.frame_count.checked_mul(bytes as u64).filter(|bytes| *bytes > 0);
        let writer = StreamWriter::new(self.buffer_size.max(1), tick.node().id(), "stream", Some(CONTENT_TYPE));
        let handle = writer.handle(size_hint).map_err(|error| error.to_string())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let metadata = Value::object([
            ("source", Value::from("camera")),
            ("backend", backend.as_str().into()),
            ("deviceId", self.device_id.as_str().into()),
            ("width", width.into()),
            ("height", height.into()),
            ("fps", plan.fps.into()),
            ("format", "rgba8".into()),
            ("contentType", CONTENT_TYPE.into()),
            ("frameCount", self.frame_count.into()),
            ("timestampMicros", (now.as_micros() as u64).into()),
        ]);
        let begin = Begin { content_type: Some(CONTENT_TYPE.into()), size_hint, metadata: Some(metadata.clone()) };
        let (stream, stop) = (writer.id(), Arc::new(Notify::new()));
        tick.write(Self::OUT_STREAM, handle);
        tick.write(Self::OUT_METADATA, metadata);
        let stopped = Arc::clone(&stop);
        let background = tick.spawn(move |node| async move {
            tokio::select! {
                biased;
                () = stopped.notified() => {}
                () = capture(plan, begin, &writer, &node) => {}
            }
            // The reader may have gone.
            let _ = writer.write(Frame::End).await;
        });
        self.captures.push(Capture { stream, stop, background });
        Ok(())
    }

    /// Ends the newest capture that goes on.
    fn stop(&mut self) -> Value {
        match self.captures.pop() {
            Some(capture) => {
                capture.stop.notify_one();
                Value::object([("stopped", Value::from(true)), ("streamId", capture.stream.into())])
            }
            None => Value::object([("stopped", false)]),
        }
    }
}

async fn capture(plan: Plan, begin: Begin, writer: &StreamWriter, node: &NodeHandle) {
    let (start, pause) = (Instant::now(), Duration::from_secs(1).div_f64(plan.fps as f64));
    if writer.write(Frame::Begin(begin)).await.is_err() {
        return;
    }
    let mut number = 0_u64;
    loop {
        let Ok(picture) = node.compute(move || test_picture(plan.width, plan.height, number)).await else { return };
        let frame = Frame::Data(picture.into());
        if plan.drops {
            let mut frame = Some(frame);
            if let Poll::Ready(Err(_)) = writer.poll_write(&mut Context::from_waker(Waker::noop()), &mut frame) {
                return;
            }
        } else if writer.write(frame).await.is_err() {
            return;
        }
        number += 1;
        if number == plan.count {
            return;
        }
        // By the clock, so that a pause that was too long makes no later one.
        sleep_until(start + pause.mul_f64(number as f64).min(start.elapsed() + pause)).await;
    }
}

/// Whether a message says yes.
fn is_true(message: &Message) -> bool {
    match message {
        Message::Flow => true,
        Message::Boolean(value) => *value,
        Message::Integer(number) => *number != 0,
        Message::Float(number) => *number != 0.0,
        Message::String(text) => !text.is_empty() && &**text != "false",
        _ => false,
    }
}

impl Actor for CameraCapture {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.captures.retain(|capture| !capture.background.is_finished());
        if tick.input(Self::IN_STOP).is_some_and(is_true) {
            let stopped = self.stop();
            tick.send(Self::OUT_METADATA, Message::object(stopped));
        }
        if tick.input(Self::IN_START).is_some()
            && let Err(text) = self.start(tick)
        {
            return tick.report(Self::OUT_ERROR, text);
        }
        Ok(())
    }
}
