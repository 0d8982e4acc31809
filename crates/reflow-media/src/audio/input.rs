//! `tpl_audio_input`.

use std::time::Duration;

use reflow_component::prelude::*;
use reflow_component::stream::{Outlet, produce};
use reflow_runtime::{Begin, Frame, StreamWriter};

use super::stream_display::Playback;
use crate::devices::microphones::{Format, Microphones, Wish};
use crate::devices::{self, Captures, Devices, Live, Losses, Name, Pieces, Work, is_true};
use crate::files::sound::SoundReader;
use crate::source::{Answer, Fetcher, Question, address, device, extension};

/// Looks at a file of sound behind an address and reads it, or listens to a microphone.
///
/// A packet on `source` asks; the address is `url`, or the text that came: `http://`, `https://`, `file://`, `data:`, or a path.
/// `audioData` and `metadata` are `{url, contentType, size, playback}`. With the `load` `none` a server is asked for no more than that
/// (HEAD, or one byte where it knows no HEAD). With `bytes`, the file leaves by `bytes`; with `pcm`, `stream` carries its samples:
/// interleaved 32-bit floats, decoded while they are read, with `sampleRate`, `channels` and `durationMs` in the metadata of the stream.
/// WAV, FLAC, MP3 and Ogg Vorbis are read; where `acceptedFormats` is left out, `pcm` takes any of them.
///
/// The address `device:` is a microphone (in builds with the feature `microphones`): `device:NAME` the one of that name or a part of it, or
/// of that number, and `device:` alone the one that the platform prefers. With `pcm`, `stream` carries what it hears as it comes, for
/// `durationMs` or until something true comes on `stop`: that ends the recording that was begun last, and `metadata` is `{stopped: true,
/// streamId}`, or `{stopped: false}` when there is none. A microphone does not wait: of sound that nobody takes in time the newest `bufferMs`
/// are kept. How many samples (of each channel) were lost is the fact `lost` of the node, a warning, and in the `{ended: true, streamId, samples,
/// lost}` that leaves by `metadata` in the end. One that is unplugged, or gives nothing for 10 seconds, ends the stream with an error.
///
/// # Errors
///
/// `Audio fetch failed with status … for …`, `Audio fetch failed for …: …`, `Unsupported audio format: …. Accepted: …`, `Audio exceeds
/// maximum file size: … bytes (max: … bytes)`, `Audio decode error: …`, and an Error when there is no address. A file that ends too early
/// ends the stream with an error. `Audio capture failed: …` says that there is no such microphone, with those that there are, or why it does
/// not work.
#[derive(Component)]
#[component(id = "tpl_audio_input", title = "Audio Input", category = "media/audio", asynchronous)]
#[inport(source: Text, "The address, where none is configured; asks.")]
#[inport(stop: Any, "Ends the last recording.")]
#[outport(audioData: JsonObject, "What is known of the file.")]
#[outport(metadata: JsonObject, "The same, what was stopped, and what came of a microphone.")]
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
    /// Samples a second of a microphone; 0 leaves that to it.
    #[config(key = "sampleRate", unit = "Hz", lenient)]
    sample_rate: u32,
    /// Channels of a microphone; 0 leaves that to it.
    #[config(lenient)]
    channels: u16,
    /// How long a microphone is listened to; 0 goes on until it is stopped.
    #[config(key = "durationMs", unit = "ms", lenient)]
    duration_ms: u64,
    /// Sound of a microphone that waits for the reader.
    #[config(key = "bufferMs", default = 1000, unit = "ms", lenient)]
    buffer_ms: u64,
    #[config(whole)]
    config: Value,
    #[state]
    fetcher: Fetcher,
    #[state]
    captures: Captures,
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
    async fn listen_to(&mut self, tick: &mut Tick<'_>, address: &str, wanted: &str) -> Result<(), String> {
        #[cfg(test)]
        if let Some(wanted) = wanted.strip_prefix("synthetic:") {
            return self.listen(tick, address, wanted, crate::devices::synthetic::Microphones).await;
        }
        self.listen(tick, address, wanted, Microphones).await
    }

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

/// What sound is, as the stream says it.
const CONTENT_TYPE: &str = "audio/raw-pcm-f32";

impl AudioInput {
    /// Listens to a microphone.
    async fn listen<D>(
        &mut self,
        tick: &mut Tick<'_>,
        address: &str,
        wanted: &str,
        microphones: D,
    ) -> Result<(), String>
    where
        D: Devices<Wish = Wish, Format = Format, Piece = Vec<f32>>,
    {
        let facts = Value::object([
            ("url", Value::from(address)),
            ("contentType", CONTENT_TYPE.into()),
            ("size", Value::Null),
            ("playback", self.playback.value()),
        ]);
        let named = |name: Name| Value::object([("deviceId", Value::from(name.id)), ("deviceName", name.text.into())]);
        let facts = match self.load {
            Load::None => facts.merged_with(&named(devices::look(microphones, wanted.to_string()).await?)),
            Load::Bytes => return Err("a microphone has no file; the `load` `pcm` streams what it hears".to_string()),
            Load::Pcm => {
                let wish = Wish {
                    rate: (self.sample_rate > 0).then_some(self.sample_rate),
                    channels: (self.channels > 0).then_some(self.channels),
                };
                let buffer = self.buffer_ms;
                let room = move |format: &Format| usize::try_from(format.samples(buffer)).unwrap_or(usize::MAX);
                let opened = devices::open(microphones, wanted.to_string(), wish, room).await?;
                let Live { name, format, pieces } = opened;
                let facts = facts.merged_with(&named(name)).merged_with(&Value::object([
                    ("sampleRate", Value::from(u64::from(format.rate))),
                    ("channels", u64::from(format.channels).into()),
                    ("bitDepth", 32.into()),
                ]));
                let most = (self.duration_ms > 0).then(|| format.samples(self.duration_ms));
                let size_hint = most.and_then(|most| most.checked_mul(4 * u64::from(format.channels)));
                let metadata = Some(facts.clone());
                let begin = Begin { content_type: Some(CONTENT_TYPE.into()), size_hint, metadata };
                let ports = [Self::OUT_STREAM.index(), Self::OUT_METADATA.index()];
                let device = Some(pieces.released());
                let recording = Recording { pieces, channels: format.channels, most, heard: 0 };
                self.captures.begin(tick, ports, begin, 1, device, recording)?;
                facts
            }
        };
        tick.write(Self::OUT_AUDIODATA, facts.clone());
        tick.write(Self::OUT_METADATA, facts);
        Ok(())
    }
}

/// A microphone that is listened to.
struct Recording {
    pieces: Pieces<Vec<f32>>,
    channels: u16,
    /// How many samples of each channel there are to be.
    most: Option<u64>,
    heard: u64,
}

impl Work for Recording {
    const WHAT: &'static str = "samples";

    async fn run(&mut self, writer: &StreamWriter, _node: &NodeHandle, losses: &mut Losses) -> Result<(), String> {
        let channels = usize::from(self.channels.max(1));
        while let Some(mut samples) = self.pieces.next().await? {
            let left = self.most.map_or(usize::MAX, |most| usize::try_from(most - self.heard).unwrap_or(usize::MAX));
            samples.truncate(left.saturating_mul(channels));
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            let writing = writer.write(Frame::Data(bytes.into()));
            if losses.during(|| self.pieces.lost(), writing).await.is_err() {
                break;
            }
            self.heard += (samples.len() / channels) as u64;
            if self.most == Some(self.heard) {
                break;
            }
        }
        Ok(())
    }

    fn end(self, losses: &mut Losses) -> Option<u64> {
        losses.tell(self.pieces.lost());
        Some(self.heard)
    }
}

#[async_trait]
impl AsyncActor for AudioInput {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.input(Self::IN_STOP).is_some_and(is_true) {
            let stopped = self.captures.stop().await;
            tick.send(Self::OUT_METADATA, Message::object(stopped));
        }
        if tick.input(Self::IN_SOURCE).is_none() {
            return Ok(());
        }
        let found = match address(self.url.as_deref(), tick.input(Self::IN_SOURCE)) {
            Ok(address) => {
                if let Some(wanted) = device(&address) {
                    let listening = self.listen_to(tick, &address, wanted).await;
                    let told = listening.map_err(|text| format!("Audio capture failed: {text}"));
                    return told.or_else(|text| tick.report(Self::OUT_ERROR, text));
                }
                self.look(&address).await.map(|answer| (address, answer))
            }
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
        content_type: Some(CONTENT_TYPE.into()),
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
