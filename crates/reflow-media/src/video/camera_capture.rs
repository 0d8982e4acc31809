//! `tpl_camera_capture`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reflow_component::prelude::*;
use reflow_runtime::{Begin, Frame, StreamWriter};
use tokio::time::{Instant, sleep_until};

use crate::devices::cameras::{Cameras, Format, Raw, Wish};
use crate::devices::{self, Captures, Devices, Feed, Live, Losses, Pieces, Released, Work, is_true};
use crate::kernels::camera::{Layout, Pixels, to_rgba, with_tables};
use crate::kernels::pattern::test_picture;
use crate::kernels::pixel::bytes_of;

/// Frames of video from a camera, or test pictures.
///
/// A packet on `start` begins a capture: `stream` carries RGBA frames, `fps` a second, and `metadata` says `{source: "camera", backend,
/// deviceId, width, height, fps, format: "rgba8", contentType, frameCount, timestampMicros}`, as the stream itself does. It ends after
/// `frameCount` frames, or when something true comes on `stop` (a Flow, true, a number that is not 0, a text that is neither empty nor
/// `false`): that ends the capture that was begun last and still goes on, and `metadata` is `{stopped: true, streamId}`, or `{stopped: false}`
/// when there is none; a camera is free then.
///
/// With the `backend` `native` the frames are those of a camera (`Video4Linux`, in builds with the feature `cameras`): of `deviceId`, which is
/// its name or a part of it, its file, or its number, and of the mode that comes nearest to `width`, `height` and `fps`; what it became is in
/// the metadata, with `deviceName`. YUYV, UYVY, NV12, RGB, BGR, grey and Motion JPEG are read. A camera does not wait: of frames that nobody
/// takes in time the newest `bufferSize` are kept. How many were lost is the fact `lost` of the node, a warning, and in the
/// `{ended: true, streamId, frames, lost}` that leaves by `metadata` when the capture of a camera has ended. A camera that is unplugged, or gives
/// nothing for 10 seconds, ends the stream with an error.
///
/// When `bufferSize` test pictures are unread the capture waits, or with `dropFrames` leaves the oldest out, as with a camera.
/// Test picture *n*, with *p* = *n* mod 255: red is (255 *x* / width + *p*) mod 255, green (255 *y* / height + 2 *p*) mod 255, and blue 210
/// where *x* / 32 + *y* / 32 + *n* is even and 90 elsewhere, all in whole numbers.
///
/// # Errors
///
/// `Camera backend '…' is not available in this build. …`, that there is no such camera, with those that there are, why it does not work, and
/// a size of more than 512 MiB a frame.
#[derive(Component)]
#[component(id = "tpl_camera_capture", title = "Camera Capture", category = "media/video", asynchronous)]
#[inport(start: Any, "Begins a capture.")]
#[inport(stop: Any, "Ends the last one.")]
#[outport(stream: Stream, "The frames.")]
#[outport(metadata: JsonObject, "What is captured, what was stopped, and what came of a camera.")]
#[outport(error: ErrorText, "Why there is no capture.")]
#[example(steps = r#"[{"stop": {"type": "Flow"}}]"#, outputs = r#"[{"metadata": [{"stopped": false}]}]"#)]
pub(super) struct CameraCapture {
    /// Where frames come from, in any letter case: `mock`, `test-pattern` or `test_pattern` are test pictures; `native`, `nokhwa` and
    /// `auto` are a camera.
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
    /// Frames in a capture; 0 goes on until it is stopped, as a camera does where this is left out.
    #[config(key = "frameCount", default = 1, lenient)]
    frame_count: u64,
    /// Frames that wait for the reader; 0 counts as 1.
    #[config(key = "bufferSize", default = 4, lenient)]
    buffer_size: usize,
    /// Whether test pictures for which there is no room are left out.
    #[config(key = "dropFrames", lenient)]
    drop_frames: bool,
    /// The camera; where it is left out, the first one.
    #[config(key = "deviceId", default = MOCK.to_string(), lenient)]
    device_id: String,
    #[config(whole)]
    config: Value,
    #[state]
    captures: Captures,
}

/// What test pictures are said to come from.
const MOCK: &str = "mock-camera";

const CONTENT_TYPE: &str = "video/raw-rgba";

/// What a capture is, as the stream says it.
struct Facts {
    backend: String,
    device: String,
    width: usize,
    height: usize,
    fps: Value,
    count: u64,
}

impl Facts {
    fn value(&self) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Value::object([
            ("source", Value::from("camera")),
            ("backend", self.backend.as_str().into()),
            ("deviceId", self.device.as_str().into()),
            ("width", self.width.into()),
            ("height", self.height.into()),
            ("fps", self.fps.clone()),
            ("format", "rgba8".into()),
            ("contentType", CONTENT_TYPE.into()),
            ("frameCount", self.count.into()),
            ("timestampMicros", (now.as_micros() as u64).into()),
        ])
    }
}

impl CameraCapture {
    async fn start(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let backend = self.backend.to_lowercase();
        match backend.as_str() {
            "mock" | "test-pattern" | "test_pattern" => self.pictures(tick, backend),
            "native" | "nokhwa" | "auto" => self.camera(tick, backend, Cameras).await,
            #[cfg(test)]
            "synthetic" => self.camera(tick, backend, crate::devices::synthetic::Cameras).await,
            _ => Err(format!(
                "Camera backend '{}' is not available in this build. There are `mock` and `test-pattern`, which are test \
                 pictures, and `native`, which is a camera",
                self.backend
            )),
        }
    }

    fn side(side: u64) -> usize {
        usize::try_from(side.max(1)).unwrap_or(usize::MAX)
    }

    fn pictures(&mut self, tick: &mut Tick<'_>, backend: String) -> Result<(), String> {
        let (width, height) = (Self::side(self.width), Self::side(self.height));
        let fps = self.fps.max(1);
        let facts =
            Facts { backend, device: self.device_id.clone(), width, height, fps: fps.into(), count: self.frame_count };
        let pause = Duration::from_secs(1).div_f64(fps as f64);
        let pictures = Pictures { width, height, pause, count: self.frame_count, number: 0, start: None };
        let room = self.buffer_size.max(1);
        let (shot, room) =
            if self.drop_frames { (Shot::Live(pictures, Feed::new(room)), 1) } else { (Shot::Waiting(pictures), room) };
        self.begin(tick, &facts, facts.value(), room, None, shot)
    }

    async fn camera<D>(&mut self, tick: &mut Tick<'_>, backend: String, cameras: D) -> Result<(), String>
    where
        D: Devices<Wish = Wish, Format = Format, Piece = Raw>,
    {
        if let Some(text) = D::absent() {
            return Err(format!("Camera backend '{}' is not available in this build. {text}", self.backend));
        }
        let wish = Wish { width: Self::side(self.width), height: Self::side(self.height), fps: self.fps.max(1) };
        let wanted = if self.device_id == MOCK { String::new() } else { self.device_id.clone() };
        let room = self.buffer_size.max(1);
        let opened = devices::open(cameras, wanted, wish, move |_| room).await;
        let Live { name, format, pieces } = opened.map_err(|text| format!("Camera capture failed: {text}"))?;
        let Format { layout, fps } = format;
        let fps = fps.unwrap_or(wish.fps as f64);
        let count = if self.config.get("frameCount").is_some() { self.frame_count } else { 0 };
        let facts = Facts {
            backend,
            device: name.id,
            width: layout.width,
            height: layout.height,
            fps: if fps.fract() == 0.0 { (fps as u64).into() } else { fps.into() },
            count,
        };
        let metadata = facts.value().merged_with(&Value::object([("deviceName", name.text)]));
        let released = pieces.released();
        let shot = Shot::Camera(Film { pieces, layout, count, frames: 0, unread: 0 });
        self.begin(tick, &facts, metadata, 1, Some(released), shot)
    }

    /// Sends the stream of a capture, which is filled beside the ticks.
    fn begin(
        &mut self,
        tick: &mut Tick<'_>,
        facts: &Facts,
        metadata: Value,
        room: usize,
        device: Option<Released>,
        shot: Shot,
    ) -> Result<(), String> {
        let (width, height) = (facts.width, facts.height);
        let bytes = bytes_of(width, height, 4).ok_or_else(|| format!("{width} × {height} pixels are too many"))?;
        let size_hint = facts.count.checked_mul(bytes as u64).filter(|bytes| *bytes > 0);
        let begin = Begin { content_type: Some(CONTENT_TYPE.into()), size_hint, metadata: Some(metadata.clone()) };
        let ports = [Self::OUT_STREAM.index(), Self::OUT_METADATA.index()];
        self.captures.begin(tick, ports, begin, room, device, shot)?;
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

/// Where the frames of a capture come from.
enum Shot {
    /// Test pictures, which wait for the reader.
    Waiting(Pictures),
    /// Test pictures, which do not.
    Live(Pictures, Feed<Vec<u8>>),
    Camera(Film),
}

impl Work for Shot {
    const WHAT: &'static str = "frames";

    async fn run(&mut self, writer: &StreamWriter, node: &NodeHandle, losses: &mut Losses) -> Result<(), String> {
        match self {
            Self::Waiting(pictures) => {
                while let Some(picture) = pictures.next(node).await {
                    if writer.write(Frame::Data(picture.into())).await.is_err() {
                        break;
                    }
                }
                Ok(())
            }
            Self::Live(pictures, feed) => {
                let making = async {
                    while let Some(picture) = pictures.next(node).await {
                        feed.push(picture, 1, 0);
                    }
                    feed.end(Ok(()));
                    std::future::pending::<()>().await;
                };
                let reading = async {
                    while let Some(picture) = feed.next().await? {
                        let writing = writer.write(Frame::Data(picture.into()));
                        if losses.during(|| feed.lost(), writing).await.is_err() {
                            break;
                        }
                    }
                    Ok(())
                };
                tokio::select! {
                    () = making => Ok(()),
                    read = reading => read,
                }
            }
            Self::Camera(film) => film.run(writer, node, losses).await,
        }
    }

    fn end(self, losses: &mut Losses) -> Option<u64> {
        match self {
            Self::Waiting(_) => None,
            Self::Live(_, feed) => {
                losses.tell(feed.lost());
                None
            }
            Self::Camera(film) => {
                losses.tell(film.lost());
                Some(film.frames)
            }
        }
    }
}

/// Test pictures, each at its time.
struct Pictures {
    width: usize,
    height: usize,
    pause: Duration,
    /// How many there are to be; 0 is no end.
    count: u64,
    number: u64,
    /// When the first one was made.
    start: Option<Instant>,
}

impl Pictures {
    async fn next(&mut self, node: &NodeHandle) -> Option<Vec<u8>> {
        let Self { width, height, number, .. } = *self;
        if number > 0 && number == self.count {
            return None;
        }
        let start = *self.start.get_or_insert_with(Instant::now);
        if number > 0 {
            // By the clock, so that a pause that was too long makes no later one.
            sleep_until(start + self.pause.mul_f64(number as f64).min(start.elapsed() + self.pause)).await;
        }
        self.number += 1;
        node.compute(move || test_picture(width, height, number)).await.ok()
    }
}

/// The pictures of a camera.
struct Film {
    pieces: Pieces<Raw>,
    layout: Layout,
    /// How many there are to be; 0 is no end.
    count: u64,
    frames: u64,
    /// Pictures that could not be read.
    unread: u64,
}

/// So many pictures in a row that cannot be read are not by chance.
const MOST_UNREAD: u64 = 30;

impl Film {
    async fn run(&mut self, writer: &StreamWriter, node: &NodeHandle, losses: &mut Losses) -> Result<(), String> {
        let mut in_a_row = 0;
        while let Some(raw) = self.pieces.next().await? {
            let layout = self.layout;
            match node.compute(move || rgba(&layout, &raw)).await.map_err(|failure| failure.message.to_string())? {
                Ok(pixels) => {
                    in_a_row = 0;
                    let writing = writer.write(Frame::Data(pixels.into()));
                    if losses.during(|| self.lost(), writing).await.is_err() {
                        return Ok(());
                    }
                    self.frames += 1;
                    if self.frames == self.count {
                        return Ok(());
                    }
                }
                Err(text) => {
                    (in_a_row, self.unread) = (in_a_row + 1, self.unread + 1);
                    if in_a_row == MOST_UNREAD {
                        return Err(format!("the pictures of the camera cannot be read: {text}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn lost(&self) -> u64 {
        self.pieces.lost() + self.unread
    }
}

fn rgba(layout: &Layout, raw: &[u8]) -> Result<Vec<u8>, String> {
    if layout.pixels != Pixels::Jpeg {
        return to_rgba(layout, raw);
    }
    let picture = crate::files::picture::decode(&with_tables(raw))?;
    if (picture.width, picture.height) != (layout.width, layout.height) {
        return Err(format!("it is of {} × {} pixels", picture.width, picture.height));
    }
    Ok(picture.pixels)
}

#[async_trait]
impl AsyncActor for CameraCapture {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.input(Self::IN_STOP).is_some_and(is_true) {
            let stopped = self.captures.stop().await;
            tick.send(Self::OUT_METADATA, Message::object(stopped));
        }
        if tick.input(Self::IN_START).is_some()
            && let Err(text) = self.start(tick).await
        {
            return tick.report(Self::OUT_ERROR, text);
        }
        Ok(())
    }
}
