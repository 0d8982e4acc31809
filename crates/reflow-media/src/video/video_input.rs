//! `tpl_video_input`.

use std::time::Duration;

use reflow_component::prelude::*;
use reflow_component::stream::{Outlet, produce};
use reflow_runtime::Frame;

use super::link::{Embedded, stream_type, vimeo, youtube};
use crate::files::picture::{Picture, animation};
use crate::source::{Answer, Fetcher, Question, address};

/// Looks at a video behind an address, makes an address of a player, or reads the pictures of an animation.
///
/// A packet on `source` asks; the address is `url`, or the text that came. `videoData` and `metadata` depend on the kind of `source`:
///
/// * `url` and `upload` ask the server, or the disk, as `tpl_audio_input` does: `{url, contentType, size, playback}`. `upload` takes any
///   content type and size.
/// * `stream` is `{url, streamType, playback}`, with `reachable` in `metadata`: `auto` becomes `hls` for a `.m3u8` and `dash` for a `.mpd`.
/// * `youtube` and `vimeo` are `{embedUrl, videoId, platform, playback}`, of the address alone.
///
/// With the `load` `bytes`, the file of an `url` or `upload` leaves by `bytes`. With `frames`, `stream` carries the pictures of an animated
/// GIF, WebP or PNG as RGBA frames (`video/raw-rgba`, with `width`, `height` and `fps` in its metadata), decoded while they are read.
/// Other videos, MP4 for example, are decoded by `tpl_video_decoder` of the pack `reflow.pack.video_encode`, which takes what leaves by
/// `bytes`; an Error says so.
///
/// # Errors
///
/// `Video fetch failed with status … for …`, `Video fetch failed for …: …`, `Unsupported video format: …. Accepted: …`, `Video exceeds
/// maximum file size: …`, `Unsupported source type: …`, `Video decode error: …`, and an Error when there is no address.
#[derive(Component)]
#[component(id = "tpl_video_input", title = "Video Input", category = "media/video", asynchronous)]
#[inport(source: Text, "The address, where none is configured; asks.")]
#[outport(videoData: JsonObject, "What is known of the video.")]
#[outport(metadata: JsonObject, "The same, and where it comes from.")]
#[outport(bytes: Bytes, "The file.")]
#[outport(stream: Stream, "The pictures of an animation.")]
#[outport(error: ErrorText, "Why there is none.")]
#[example(
    config = r#"{"source": "vimeo"}"#,
    steps = r#"[{"source": "https://vimeo.com/76979871"}]"#,
    outputs = r#"[{"videoData": [{"embedUrl": "https://player.vimeo.com/video/76979871", "videoId": "76979871", "platform": "vimeo", "playback": {"autoplay": false, "loop": false, "muted": false, "showControls": true}}], "metadata": [{"source": "vimeo", "url": "https://vimeo.com/76979871", "videoId": "76979871", "embedUrl": "https://player.vimeo.com/video/76979871", "playback": {"autoplay": false, "loop": false, "muted": false, "showControls": true}}]}]"#
)]
pub(super) struct VideoInput {
    /// What kind of address it is.
    #[config(default = Kind::Url.into(), lenient)]
    source: Word<Kind>,
    /// The address; it counts before what comes.
    #[config(lenient)]
    url: Option<String>,
    /// Content types that are accepted for an `url`, separated by commas.
    #[config(key = "acceptedFormats", default = "video/mp4,video/webm,video/ogg".to_string(), lenient)]
    accepted_formats: String,
    /// The largest file of an `url`.
    #[config(key = "maxFileSize", default = 100, unit = "MiB", lenient)]
    max_file_size: u64,
    /// What a `stream` is sent as.
    #[config(key = "streamType", default = "auto".to_string(), lenient)]
    stream_type: String,
    /// Passed on.
    #[config(lenient)]
    autoplay: bool,
    /// Passed on.
    #[config(key = "loop", lenient)]
    repeat: bool,
    /// Passed on.
    #[config(lenient)]
    muted: bool,
    /// Passed on.
    #[config(key = "showControls", default = true, lenient)]
    show_controls: bool,
    /// What is read of it.
    #[config]
    load: Load,
    #[config(whole)]
    config: Value,
    #[state]
    fetcher: Fetcher,
}

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum Kind {
    /// A file of a kind that is accepted.
    Url,
    /// A file.
    Upload,
    /// Something live.
    Stream,
    /// A page of `YouTube`.
    Youtube,
    /// A page of Vimeo.
    Vimeo,
}

/// What is read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Load {
    /// Nothing but what is said of it.
    #[default]
    None,
    /// All of it.
    Bytes,
    /// The pictures of an animation.
    Frames,
}

const TIMEOUT: Duration = Duration::from_mins(2);

impl VideoInput {
    fn playback(&self) -> Value {
        Value::object([
            ("autoplay", self.autoplay),
            ("loop", self.repeat),
            ("muted", self.muted),
            ("showControls", self.show_controls),
        ])
    }

    async fn file(&mut self, tick: &mut Tick<'_>, kind: Kind, address: &str) -> Result<(), String> {
        let is_upload = kind == Kind::Upload;
        let is_chosen = self.config.get("acceptedFormats").and_then(Value::as_str).is_some();
        let is_any = is_upload || self.load == Load::Frames && !is_chosen;
        let question = Question {
            kind: "Video",
            accepted: (!is_any).then_some(&self.accepted_formats),
            most: (!is_upload).then(|| self.max_file_size.saturating_mul(1 << 20)),
            load: self.load != Load::None,
            timeout: TIMEOUT,
            default_type: if is_upload { "video/mp4" } else { "application/octet-stream" },
        };
        let Answer { content_type, size, content } = self.fetcher.look(address, &question).await?;
        let data = Value::object([
            ("url", Value::from(address)),
            ("contentType", content_type.as_str().into()),
            ("size", size.into()),
            ("playback", self.playback()),
        ]);
        match self.load {
            Load::None => {}
            Load::Bytes => tick.write(Self::OUT_BYTES, content),
            Load::Frames => frames(tick, content, &content_type).await?,
        }
        let metadata = data.merged_with(&Value::object([("source", if is_upload { "upload" } else { "url" })]));
        tick.write(Self::OUT_VIDEODATA, data);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    async fn live(&mut self, tick: &mut Tick<'_>, address: &str) {
        let question = Question {
            kind: "Video",
            accepted: None,
            most: None,
            load: false,
            timeout: TIMEOUT,
            default_type: "application/octet-stream",
        };
        let is_reachable = self.fetcher.look(address, &question).await.is_ok();
        let sent_as = if self.stream_type == "auto" { stream_type(address) } else { &self.stream_type };
        let data = Value::object([
            ("url", Value::from(address)),
            ("streamType", sent_as.into()),
            ("playback", self.playback()),
        ]);
        let more = [("source", Value::from("stream")), ("reachable", is_reachable.into())];
        tick.write(Self::OUT_METADATA, data.merged_with(&Value::object(more)));
        tick.write(Self::OUT_VIDEODATA, data);
    }

    fn page(&self, tick: &mut Tick<'_>, platform: &str, address: &str, embedded: &Embedded<'_>) {
        let (id, player) = (Value::from(embedded.id), Value::from(&*embedded.player));
        let data = [
            ("embedUrl", player.clone()),
            ("videoId", id.clone()),
            ("platform", platform.into()),
            ("playback", self.playback()),
        ];
        let metadata = [
            ("source", platform.into()),
            ("url", address.into()),
            ("videoId", id),
            ("embedUrl", player),
            ("playback", self.playback()),
        ];
        tick.write(Self::OUT_VIDEODATA, Value::object(data));
        tick.write(Self::OUT_METADATA, Value::object::<_, Value>(metadata));
    }
}

#[async_trait]
impl AsyncActor for VideoInput {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Ok(kind) = self.source.meaning("source type") else {
            return tick.report(Self::OUT_ERROR, format!("Unsupported source type: {}", self.source.text()));
        };
        let address = match address(self.url.as_deref(), tick.input(Self::IN_SOURCE)) {
            Ok(address) => address,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        match kind {
            Kind::Url | Kind::Upload => {
                if let Err(text) = self.file(tick, kind, &address).await {
                    return tick.report(Self::OUT_ERROR, text);
                }
            }
            Kind::Stream => self.live(tick, &address).await,
            Kind::Youtube => self.page(tick, "youtube", &address, &youtube(&address)),
            Kind::Vimeo => self.page(tick, "vimeo", &address, &vimeo(&address)),
        }
        Ok(())
    }
}

/// Streams the pictures of an animation. The first one is read before, for its size and to know that there is one.
async fn frames(tick: &mut Tick<'_>, file: Vec<u8>, content_type: &str) -> Result<(), String> {
    let (to, mut pictures) = tokio::sync::mpsc::channel(2);
    // It is decoded on a thread of its own, which waits for its reader.
    let decoding =
        tokio::task::spawn_blocking(move || animation(file, |picture, ms| to.blocking_send((picture, ms)).is_ok()));
    let Some((first, ms)) = pictures.recv().await else {
        let why = decoding.await.map_err(|error| error.to_string()).and_then(|decoded| decoded);
        let why = why.err().unwrap_or_else(|| "there are no pictures in it".to_string());
        return Err(format!(
            "Video decode error: {why}. Animated GIF, WebP and PNG are read; for {content_type}, `load` `bytes` and the \
             `tpl_video_decoder` of the pack `reflow.pack.video_encode`"
        ));
    };
    let mut opening = Opening { content_type: Some("video/raw-rgba".into()), ..Opening::default() };
    opening.add([("width", Value::from(first.width)), ("height", first.height.into())]);
    opening.add([("format", Value::from("rgba8")), ("fps", (1000.0 / ms.max(1) as f64).into())]);
    let produced = produce(tick, VideoInput::OUT_STREAM, opening, move |_node, mut out| async move {
        let mut next = Some((first, ms));
        while let Some((picture, _)) = next {
            if !write(picture, &mut out).await {
                return (out, Ok(()));
            }
            next = pictures.recv().await;
        }
        let decoded = decoding.await.map_err(|error| error.to_string()).and_then(|decoded| decoded);
        (out, decoded.map_err(|text| format!("Video decode error: {text}")))
    });
    produced.map_err(|failure| failure.message.to_string())
}

async fn write(picture: Picture, out: &mut Outlet) -> bool {
    out.write(Frame::Data(picture.pixels.into())).await
}
