//! `tpl_sdf_live_render`.

use std::time::Duration;

use glam::Vec3;
use reflow_pack_sdk::StreamError;
use reflow_pack_sdk::prelude::*;

use super::field::{Field, View};
use crate::backend::{Backend, Drawer};

/// Draws the tree of a distance field again and again into one video stream.
///
/// A tree comes on `sdf` or `scene`, the camera on `camera` (`{pos, target, fov}`, each optional), the time on `time` (Integer or Float, in seconds).
/// What came is remembered; once there is a tree, every packet appends one frame to the stream, in order. `camera` and `time` keep their newest
/// packet while a frame is drawn. The first frame opens the stream (`video/raw-rgba`, with `width`, `height`, `fps` and `format` in its
/// metadata), which ends when the node does. `metadata` `{width, height, format, frame, adapter}` follows each frame.
///
/// The settings of a whole scene count where the config does not say otherwise. A slow reader slows the node down, or misses frames with the policy
/// `drop`; four frames wait for it at most.
///
/// # Errors
///
/// On `error`: a tree that cannot be read or drawn, a camera that is none, a backend that is not there. The stream goes on.
#[derive(Component)]
#[component(id = "tpl_sdf_live_render", title = "SDF Live Render", category = "sdf", blocking)]
#[inport(sdf: Any, "The tree of the field.")]
#[inport(scene: Any, "The tree of the field, as a scene.")]
#[inport(camera: Any, latest, "Where the camera is and what it looks at.")]
#[inport(time: Any, latest, "The time, in seconds.")]
#[outport(stream: Stream, "The frames.")]
#[outport(metadata: JsonObject, "What is known of each frame.")]
#[outport(error: ErrorText, "Why a frame is missing.")]
pub(crate) struct SdfLiveRender {
    #[config(group)]
    view: View,
    /// Frames a second, as the stream says.
    #[config(default = 60.0, min = 0.001)]
    fps: f64,
    /// What happens to a frame that finds no room.
    #[config(key = "dropPolicy", default = DropPolicy::Block)]
    policy: DropPolicy,
    /// What draws.
    #[config(default = Backend::Auto)]
    backend: Backend,
    #[config(whole)]
    config: Value,
    #[state]
    field: Option<Field>,
    #[state]
    camera: Camera,
    #[state]
    time: Option<f32>,
    #[state]
    stream: Option<StreamWriter>,
    #[state]
    is_closed: bool,
    #[state]
    frames: i64,
    #[state]
    drawer: Drawer,
}

/// What happens to a frame that finds no room.
#[derive(Clone, Copy, PartialEq, Choice)]
enum DropPolicy {
    /// It waits, and the node with it.
    Block,
    /// It is left out.
    Drop,
}

/// What came on `camera`.
#[derive(Default)]
struct Camera {
    pos: Option<Vec3>,
    target: Option<Vec3>,
    fov: Option<f32>,
}

/// Frames that wait for the reader.
const WAITING: usize = 4;

/// How long the end of the stream may wait for room.
const LAST: Duration = Duration::from_millis(500);

fn vector(value: &Value, name: &str) -> Result<Option<Vec3>, String> {
    let Some(list) = value.get(name).filter(|list| !list.is_null()) else { return Ok(None) };
    let numbers: Vec<f32> =
        list.as_array().unwrap_or_default().iter().filter_map(Value::as_number).map(|n| n as f32).collect();
    match numbers[..] {
        [x, y, z] => Ok(Some(Vec3::new(x, y, z))),
        _ => Err(format!("`{name}` of a camera is a list of three numbers, found {}", list.to_json_string())),
    }
}

impl Camera {
    fn read(message: &Message) -> Result<Self, String> {
        let value = message.as_value().filter(|value| value.as_object().is_some());
        let value =
            value.ok_or_else(|| format!("expected {{pos, target, fov}} on `camera`, found {:?}", message.kind()))?;
        let fov = value.get("fov").and_then(Value::as_number).map(|fov| fov as f32);
        Ok(Self { pos: vector(&value, "pos")?, target: vector(&value, "target")?, fov })
    }
}

impl Actor for SdfLiveRender {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.draw(tick) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }

    fn finalize(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(stream) = self.stream.take() {
            let _ = stream.write_blocking(Frame::End, None);
        }
        Ok(())
    }

    fn has_finalize(&self) -> bool {
        true
    }

    fn teardown(&mut self) {
        if let Some(stream) = self.stream.take() {
            let _ = stream.write_blocking(Frame::End, Some(LAST));
        }
    }
}

impl SdfLiveRender {
    fn draw(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        for port in [Self::IN_SDF, Self::IN_SCENE] {
            if let Some(message) = tick.input(port) {
                self.field = Some(Field::read(message)?);
            }
        }
        if let Some(message) = tick.input(Self::IN_CAMERA) {
            self.camera = Camera::read(message)?;
        }
        if let Some(message) = tick.input(Self::IN_TIME) {
            let time = message
                .as_number()
                .ok_or_else(|| format!("expected a number on `time`, found {:?}", message.kind()))?;
            self.time = Some(time as f32);
        }
        let Some(field) = &self.field else { return Ok(()) };
        let settings = self.settings(field);
        let shader = field.shader(&settings)?;
        let drawn = field.draw(&mut self.drawer, self.backend, tick.node(), &settings, &shader)?;
        let size = (i64::from(settings.width), i64::from(settings.height));
        if self.stream.is_none() && !self.is_closed {
            let stream = StreamWriter::new(tick.node(), "stream", Some("video/raw-rgba"), WAITING);
            let handle = stream.handle(None).map_err(|error| error.to_string())?;
            tick.send_now_blocking(Self::OUT_STREAM, handle).map_err(|error| error.to_string())?;
            let fps = if self.fps.fract() == 0.0 { Value::from(self.fps as i64) } else { self.fps.into() };
            let metadata =
                [("width", size.0.into()), ("height", size.1.into()), ("fps", fps), ("format", "RGBA8".into())];
            let begin = Begin {
                content_type: Some("video/raw-rgba".into()),
                size_hint: None,
                metadata: Some(Value::object::<_, Value>(metadata)),
            };
            self.stream = Some(stream);
            self.append(Frame::Begin(begin), None)?;
        }
        let patience = (self.policy == DropPolicy::Drop).then_some(Duration::ZERO);
        let frame = self.frames;
        let is_in = self.append(Frame::Data(drawn.pixels.into()), patience)?;
        if is_in {
            self.frames += 1;
        }
        let metadata = Value::object([
            ("width", Value::from(size.0)),
            ("height", size.1.into()),
            ("format", "RGBA8".into()),
            ("frame", frame.into()),
            ("dropped", (!is_in).into()),
            ("timestampMicros", ((frame as f64 * 1e6 / self.fps).round() as i64).into()),
            ("adapter", drawn.adapter.into()),
        ]);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    /// Writes a frame; `false` when there was no room for it, or nobody reads.
    fn append(&mut self, frame: Frame, patience: Option<Duration>) -> Result<bool, String> {
        let Some(stream) = &self.stream else { return Ok(false) };
        match stream.write_blocking(frame, patience) {
            Ok(()) => Ok(true),
            Err(StreamError::TimedOut) => Ok(false),
            Err(StreamError::Closed) => {
                self.stream = None;
                self.is_closed = true;
                Ok(false)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// The config, the scene's own settings where it says nothing, and what came.
    fn settings(&self, field: &Field) -> reflow_shading::kernels::sdf::Settings {
        let mut settings = self.view.settings();
        if let Some(own) = &field.own {
            let is_said = |name: &str| self.config.get(name).is_some_and(|value| !value.is_null());
            macro_rules! own {
                ($($key:literal => $field:ident),+) => {
                    $(if !is_said($key) { settings.$field = own.$field.clone(); })+
                };
            }
            own!("fov" => fov, "maxSteps" => max_steps, "softShadows" => soft_shadows, "ao" => ao, "ambient" => ambient,
                 "shadowK" => shadow_k, "lightDir" => light_dir, "lightColor" => light_color, "background" => background,
                 "width" => width, "height" => height, "time" => time);
            if !["cameraPosX", "cameraPosY", "cameraPosZ"].into_iter().any(is_said) {
                settings.camera_pos = own.camera_pos;
            }
            if !["cameraTargetX", "cameraTargetY", "cameraTargetZ"].into_iter().any(is_said) {
                settings.camera_target = own.camera_target;
            }
            settings.custom_shade_wgsl.clone_from(&own.custom_shade_wgsl);
        }
        settings.camera_pos = self.camera.pos.unwrap_or(settings.camera_pos);
        settings.camera_target = self.camera.target.unwrap_or(settings.camera_target);
        settings.fov = self.camera.fov.unwrap_or(settings.fov);
        settings.time = self.time.unwrap_or(settings.time);
        settings
    }
}
