//! `tpl_ml_packet_probe`.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use reflow_pack_sdk::prelude::*;

use crate::frame::Frame;
use crate::media;
use crate::tensor::Tensor;

/// Passes a packet on and describes it.
///
/// `summary` of a tensor is `{kind: "tensor", tensor: {name, dtype, shape, bytes, expectedBytes}}`, of a frame `{kind: "video-frame", frame:
/// {width, height, format, bytes}}`; detections, landmarks, regions and models are known by their fields. Anything else is told by its kind, with the
/// value or the length. `count` (packets so far), `ratePerSecond` (since the first one) and `ageMs` (since the timestamp in the metadata, where it
/// is one of the clock) follow; with `stats` also `min`, `max` and `mean` of a tensor's values.
///
/// # Errors
///
/// On `error`: a packet on another port.
#[derive(Component)]
#[component(id = "tpl_ml_packet_probe", title = "Packet Probe", category = "ml", open_ports)]
#[inport(input: Any, required, "Anything.")]
#[outport(summary: JsonObject, "What it is.")]
#[outport(output: Any, "The packet itself.")]
#[outport(error: ErrorText, "A packet on another port.")]
pub(crate) struct Probe {
    /// Whether the values of tensors are looked at.
    #[config]
    stats: bool,
    #[state]
    count: u64,
    #[state]
    first: Option<Instant>,
}

impl Actor for Probe {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else {
            let ports: Vec<String> = tick.inputs().map(|(port, _)| tick.node().inport_name(port)).collect();
            return crate::report(
                tick,
                Self::OUT_ERROR,
                format!("expected a packet on `input`, found one on {}", ports.join(", ")),
            );
        };
        self.count += 1;
        let first = *self.first.get_or_insert_with(Instant::now);
        let (summary, metadata) = self.describe(&message);
        let mut more = vec![("count", Value::from(self.count as i64))];
        let seconds = first.elapsed().as_secs_f64();
        if self.count > 1 && seconds > 0.0 {
            more.push(("ratePerSecond", ((self.count - 1) as f64 / seconds).into()));
        }
        if let Some(age) = age(&metadata) {
            more.push(("ageMs", age.into()));
        }
        tick.write(Self::OUT_SUMMARY, summary.merged_with(&Value::object(more)));
        tick.emit(Self::OUT_OUTPUT, message);
        Ok(())
    }
}

/// Milliseconds since a timestamp, where it is one of the clock: of this century.
fn age(metadata: &Value) -> Option<f64> {
    let micros = metadata.get("timestamp")?.get("micros")?.as_integer()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_micros() as i64;
    (micros > 946_684_800_000_000).then(|| (now - micros) as f64 / 1000.0)
}

impl Probe {
    /// What the packet is, and its metadata.
    fn describe(&self, message: &Message) -> (Value, Value) {
        let kind = |word: &str, more: &[(&'static str, Value)]| {
            let members = [("kind", Value::from(word))].into_iter().chain(more.iter().cloned());
            (Value::object(members), Value::Null)
        };
        let length = |bytes: usize| ("length", Value::from(bytes as i64));
        if !matches!(message.kind(), Kind::StreamHandle | Kind::Flow | Kind::Boolean | Kind::Integer | Kind::Float) {
            if let Ok(tensor) = Tensor::read(Some(message)) {
                return (self.tensor(&tensor), tensor.metadata);
            }
            if let Ok((payload, data)) = media::read(message, "video-frame") {
                let bytes = data.len();
                if let Ok(frame) = Frame::of(&payload, data) {
                    let told = Value::object([
                        ("width", Value::from(frame.width as i64)),
                        ("height", (frame.height as i64).into()),
                        ("format", frame.format.to_value()),
                        ("bytes", (bytes as i64).into()),
                    ]);
                    return (kind("video-frame", &[("frame", told)]).0, frame.metadata);
                }
            }
            if let Ok(value) = media::object(Some(message), "an object")
                && let Some((word, more)) = known(&value)
            {
                return (kind(word, &more).0, media::metadata(&value));
            }
        }
        match message.kind() {
            Kind::Flow => kind("flow", &[]),
            Kind::Boolean => kind("boolean", &[("value", message.as_boolean().into())]),
            Kind::Integer => kind("integer", &[("value", message.as_integer().into())]),
            Kind::Float => kind("float", &[("value", message.as_number().into())]),
            Kind::String => kind("string", &[length(message.as_text().map_or(0, str::len))]),
            Kind::Bytes => kind("bytes", &[length(message.as_bytes().map_or(0, <[u8]>::len))]),
            Kind::Encoded => kind("encoded", &[length(message.as_bytes().map_or(0, <[u8]>::len))]),
            Kind::StreamHandle => {
                let told = message.as_value().unwrap_or_default();
                let member = |name: &str| told.get(name).cloned().unwrap_or_default();
                let members = [
                    ("streamId", member("stream_id")),
                    ("contentType", member("content_type")),
                    ("sizeHint", member("size_hint")),
                ];
                kind("stream", &members)
            }
            Kind::Object => kind("object", &[]),
            Kind::Array => {
                let items = message.as_value().and_then(|value| value.as_array().map(<[Value]>::len));
                kind("array", &[length(items.unwrap_or_default())])
            }
            Kind::Error => kind("error", &[("message", message.as_text().into())]),
            _ => kind("other", &[]),
        }
    }

    fn tensor(&self, tensor: &Tensor) -> Value {
        let mut told = vec![
            ("name", Value::from(tensor.name.as_deref())),
            ("dtype", tensor.dtype.word().into()),
            ("shape", Value::array(tensor.dims.iter().map(|dim| *dim as i64))),
            ("bytes", (tensor.data.len() as i64).into()),
            ("expectedBytes", tensor.expected().map(|bytes| bytes as i64).into()),
        ];
        if let Some(values) = tensor.floats().filter(|values| self.stats && !values.is_empty()) {
            let (mut least, mut most, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
            for value in values.iter().map(|value| f64::from(*value)) {
                (least, most, sum) = (least.min(value), most.max(value), sum + value);
            }
            told.extend([
                ("min", Value::from(least)),
                ("max", most.into()),
                ("mean", (sum / values.len() as f64).into()),
            ]);
        }
        Value::object([("kind", Value::from("tensor")), ("tensor", Value::object(told))])
    }
}

/// The objects of this pack, by their fields.
fn known(value: &Value) -> Option<(&'static str, Vec<(&'static str, Value)>)> {
    let count = |name: &str| value.get(name).and_then(Value::as_array).map(|list| Value::from(list.len() as i64));
    if let Some(detections) = count("detections") {
        return Some(("detections", vec![("length", detections)]));
    }
    if let Some(landmarks) = count("landmarks") {
        return Some(("landmarks", vec![("length", landmarks)]));
    }
    if let Some(rect) = value.get("rect").filter(|rect| rect.get("centerX").is_some()) {
        return Some(("roi", vec![("rect", rect.clone())]));
    }
    if value.get("backend").is_some() && value.get("id").is_some() && count("outputs").is_some() {
        let member = |name: &'static str| (name, value.get(name).cloned().unwrap_or_default());
        return Some(("model", vec![member("id"), member("backend"), member("task")]));
    }
    None
}
