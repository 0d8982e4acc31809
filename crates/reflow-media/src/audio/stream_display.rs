//! `tpl_audio_stream_display`.

use reflow_component::prelude::*;

use crate::display::{Seen, leads_on, watch};
use crate::files::wav;
use crate::reading::Readers;

/// Reads a stream of sound to its end and reports its facts.
///
/// `metadata` is `{contentType, sizeHint, totalBytes, chunks, sampleRate, channels, bitDepth, durationMs, playback, streamMetadata}`:
/// what the first frame says, null where it says nothing, and what was counted. A stream that closes without an end has ended. With
/// `preview`, or when it leads somewhere, `audio` is a file that a notebook or a browser plays: samples (`audio/raw-pcm-f32`) as WAV, anything else as it came, up to
/// 64 MiB. Up to 16 streams are read at once.
///
/// # Errors
///
/// `Expected Begin frame, got data`, `Unsupported audio stream format: …`, `Stream error: …` and `Stream error during transfer: …`.
#[derive(Component)]
#[component(id = "tpl_audio_stream_display", title = "Audio Stream Display", category = "media/audio", asynchronous)]
#[inport(stream: Stream, required, "The stream to watch.")]
#[outport(metadata: JsonObject, "What is known of it.")]
#[outport(audio: Bytes, "The sound as a file.")]
#[outport(error: ErrorText, "Why there are no facts.")]
#[example(
    config = r#"{"preview": false}"#,
    steps = r#"[{"stream": {"type": "@stream", "f32": [[0.5, -0.25]], "metadata": {"sampleRate": 8000}}}]"#,
    outputs = r#"[{"metadata": [{"bitDepth": null, "channels": null, "chunks": 1, "contentType": "audio/raw-pcm-f32", "durationMs": null, "playback": {"autoplay": false, "loop": false, "showWaveform": true}, "sampleRate": 8000, "sizeHint": null, "streamMetadata": {"sampleRate": 8000}, "totalBytes": 8}]}]"#
)]
pub(super) struct AudioStreamDisplay {
    #[config(group)]
    playback: Playback,
    /// How content types may begin that are accepted, separated by commas.
    #[config(key = "acceptedFormats", default = FORMATS.to_string(), lenient)]
    accepted_formats: String,
    /// Whether the sound is given as a file; where it is left out, it is when `audio` leads somewhere.
    #[config(lenient)]
    preview: Option<bool>,
    #[state]
    readers: Readers,
}

const FORMATS: &str = "audio/mpeg,audio/wav,audio/ogg,audio/webm,audio/aac,audio/flac,audio/raw-pcm";

/// How sound is to be played; it is passed on.
#[derive(ConfigGroup)]
pub(super) struct Playback {
    /// Passed on.
    #[config(lenient)]
    autoplay: bool,
    /// Passed on.
    #[config(key = "loop", lenient)]
    repeat: bool,
    /// Passed on.
    #[config(key = "showWaveform", default = true, lenient)]
    show_waveform: bool,
}

impl Playback {
    pub(super) fn value(&self) -> Value {
        Value::object([("autoplay", self.autoplay), ("loop", self.repeat), ("showWaveform", self.show_waveform)])
    }
}

fn file(seen: &mut Seen) -> Option<Vec<u8>> {
    let data = seen.data.take()?;
    let is_samples = seen.content_type.starts_with("audio/raw-pcm");
    let rate = seen.opening.sample_rate().unwrap_or(44_100.0);
    Some(if is_samples { wav::file(&data, rate as u32, seen.opening.channels() as u16) } else { data })
}

#[async_trait]
impl AsyncActor for AudioStreamDisplay {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (accepted, playback, preview) = (self.accepted_formats.clone(), self.playback.value(), self.preview);
        let preview = preview.unwrap_or_else(|| leads_on(tick, Self::OUT_AUDIO));
        let work = move |_handle, reader, _node| async move {
            let mut seen = watch(reader, "audio", &accepted, preview).await?;
            let mut facts = seen.facts();
            facts.extend(seen.numbers(&["sampleRate", "channels", "bitDepth", "durationMs"]));
            facts.push(("playback", playback));
            let mut found = vec![(Self::OUT_METADATA.index(), Message::object(Value::object(facts)))];
            found.extend(file(&mut seen).map(|file| (Self::OUT_AUDIO.index(), Message::bytes(file))));
            Ok(found)
        };
        self.readers.read(tick, Self::IN_STREAM, Self::OUT_ERROR, work).await
    }
}
