//! `tpl_audio_input`.

use std::time::Duration;

use reflow_component::prelude::*;
use reflow_component::stream::{Outlet, produce};
use reflow_runtime::Frame;

use super::stream_display::Playback;
use crate::files::sound::SoundReader;
use crate::source::{Answer, Fetcher, Question, address, extension};

/// Looks at a file of sound behind an address, and reads it.
///
/// A packet on `source` asks; the address is `url`, or the text that came: `http://`, `https://`, `file://`, `data:`, or a path.
/// `audioData` and `metadata` are `{url, contentType, size, playback}`. With the `load` `none` a server is asked for no more than that
/// (HEAD, or one byte where it knows no HEAD). With `bytes`, the file leaves by `bytes`; with `pcm`, `stream` carries its samples:
/// interleaved 32-bit floats, decoded while they are read, with `sampleRate`, `channels` and `durationMs` in the metadata of the stream.
/// WAV, FLAC, MP3 and Ogg Vorbis are read; where `acceptedFormats` is left out, `pcm` takes any of them.
///
/// # Errors
///
/// `Audio fetch failed with status … for …`, `Audio fetch failed for …: …`, `Unsupported audio format: …. Accepted: …`, `Audio exceeds
/// maximum file size: … bytes (max: … bytes)`, `Audio decode error: …`, and an Error when there is no address. A file that ends too early
/// ends the stream with an error.
#[derive(Component)]
#[component(id = "tpl_audio_input", title = "Audio Input", category = "media/audio", asynchronous)]
#[inport(source: Text, "The address, where none is configured; asks.")]
#[outport(audioData: JsonObject, "What is known of the file.")]
#[outport(metadata: JsonObject, "The same.")]
#[outport(bytes: Bytes, "The file.")]
#[outport(stream: Stream, "Its samples.")]
#[outport(error: ErrorText, "Why there is none.")]
#[example(
    steps = r#"[{"source": "/no/such.wav"}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Audio fetch failed for /no/such.wav: No such file or directory (os error 2)"}]}]"#
)]
pub(super) struct AudioInput {
    /// The address; it counts before what comes.
    #[config(lenient)]
    url: Option<String>,
    /// Content types that are accepted, separated by commas.
    #[config(key = "acceptedFormats", default = FORMATS.to_string(), lenient)]
    accepted_formats: String,
    /// The largest file.
    #[config(key = "maxFileSize", default = 50, unit = "MiB", lenient)]
    max_file_size: u64,
    #[config(group)]
    playback: Playback,
    /// What is read of it.
    #[config]
    load: Load,
    #[config(whole)]
    config: Value,
    #[state]
    fetcher: Fetcher,
}

/// What is read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Load {
    /// Nothing but what is said of it.
    #[default]
    None,
    /// All of it.
    Bytes,
    /// Its samples.
    Pcm,
}

const FORMATS: &str = "audio/mpeg,audio/wav,audio/ogg,audio/webm";

impl AudioInput {
    async fn look(&mut self, address: &str) -> Result<Answer, String> {
        let is_chosen = self.config.get("acceptedFormats").and_then(Value::as_str).is_some();
        let question = Question {
            kind: "Audio",
            accepted: (is_chosen || self.load != Load::Pcm).then_some(&self.accepted_formats),
            most: Some(self.max_file_size.saturating_mul(1 << 20)),
            load: self.load != Load::None,
            timeout: Duration::from_mins(1),
            default_type: "application/octet-stream",
        };
        self.fetcher.look(address, &question).await
    }
}

#[async_trait]
impl AsyncActor for AudioInput {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let found = match address(self.url.as_deref(), tick.input(Self::IN_SOURCE)) {
            Ok(address) => self.look(&address).await.map(|answer| (address, answer)),
            Err(text) => Err(text),
        };
        let (address, answer) = match found {
            Ok(found) => found,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        let facts = Value::object([
            ("url", Value::from(address.as_str())),
            ("contentType", answer.content_type.as_str().into()),
            ("size", answer.size.into()),
            ("playback", self.playback.value()),
        ]);
        match self.load {
            Load::None => {}
            Load::Bytes => tick.write(Self::OUT_BYTES, answer.content),
            Load::Pcm => {
                let content = answer.content;
                let opened = tick.node().compute(move || SoundReader::open(content, extension(&address).as_deref()));
                match opened.await? {
                    Ok(reader) => read(tick, reader)?,
                    Err(text) => return tick.report(Self::OUT_ERROR, format!("Audio decode error: {text}")),
                }
            }
        }
        tick.write(Self::OUT_AUDIODATA, facts.clone());
        tick.write(Self::OUT_METADATA, facts);
        Ok(())
    }
}

/// Streams the samples of a file, which is decoded as they are read.
fn read(tick: &mut Tick<'_>, reader: SoundReader) -> Result<(), Failure> {
    let sound = reader.sound;
    let mut opening = Opening {
        content_type: Some("audio/raw-pcm-f32".into()),
        size_hint: sound.length.and_then(|length| length.checked_mul(4 * sound.channels as u64)),
        ..Opening::default()
    };
    opening.add([("sampleRate", u64::from(sound.rate)), ("channels", sound.channels as u64), ("bitDepth", 32)]);
    if let Some(length) = sound.length {
        opening.add([("durationMs", (length as f64 / f64::from(sound.rate) * 1000.0) as u64)]);
    }
    produce(tick, AudioInput::OUT_STREAM, opening, |node, mut out| async move {
        let written = write(reader, &node, &mut out).await;
        (out, written)
    })
}

async fn write(mut reader: SoundReader, node: &NodeHandle, out: &mut Outlet) -> Result<(), String> {
    loop {
        let step = node.compute(move || {
            let block = reader.read();
            (reader, block)
        });
        let (back, block) = step.await.map_err(|failure| failure.message.to_string())?;
        reader = back;
        let Some(samples) = block.map_err(|text| format!("Audio decode error: {text}"))? else { break };
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        if !out.write(Frame::Data(bytes.into())).await {
            break;
        }
    }
    if reader.damaged() > 0 {
        node.log("warning", format!("{} packets of the file could not be decoded", reader.damaged()).as_str());
    }
    Ok(())
}

#[cfg(all(test, feature = "audio-files"))]
mod tests {
    use super::*;
    use crate::files::wav;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_file_is_read_sample_for_sample() {
        let path = std::env::temp_dir().join(format!("reflow-input-{}.wav", std::process::id()));
        let samples: Vec<u8> = [0.5_f32, -0.25, 1.0, 0.0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::fs::write(&path, wav::file(&samples, 8000, 2)).unwrap();
        let outputs = run::<AudioInput>(json!({"load": "pcm"}), [json!({"source": path.to_str().unwrap()})]);
        let stream = &outputs[0]["stream"][0];
        assert_eq!(stream["f32"], json!([[0.5, -0.25, 1.0, 0.0]]));
        assert_eq!(stream["metadata"], json!({"sampleRate": 8000, "channels": 2, "bitDepth": 32, "durationMs": 0}));
        assert_eq!(outputs[0]["metadata"][0]["contentType"], "audio/wav");
        let outputs =
            run::<AudioInput>(json!({"load": "bytes", "maxFileSize": 0}), [json!({"source": path.to_str().unwrap()})]);
        assert_eq!(outputs[0]["error"][0]["data"], "Audio exceeds maximum file size: 74 bytes (max: 0 bytes)");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_no_sound_is_told() {
        let outputs = run::<AudioInput>(json!({"load": "pcm"}), [json!({"source": "data:audio/wav;base64,UklGRg=="})]);
        assert!(outputs[0]["error"][0]["data"].as_str().unwrap().starts_with("Audio decode error: "), "{outputs:?}");
        let outputs = run::<AudioInput>(json!({}), [json!({"source": 5})]);
        assert_eq!(outputs[0]["error"][0]["data"], "no address: set `url`, or send a text to `source`");
    }
}
