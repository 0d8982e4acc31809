//! Messages in the forms of recorded cases: streams as `{"type": "@stream", …}`, bytes as `{"type": "@bytes", …}`.

use reflow_component::testing::{frames_of, stream_of};
use reflow_runtime::{Begin, Frame, Message, StreamHandle};
use serde_json::{Value as Json, json};

/// How bytes are written.
const FORMS: [&str; 4] = ["b64", "f32", "f64", "u8"];

/// The message that a case sends.
pub(crate) fn message(written: &Json) -> Result<Message, String> {
    match written["type"].as_str() {
        Some("@stream") => Ok(stream(written)),
        Some("@bytes") => {
            let form = FORMS.into_iter().find(|form| !written[*form].is_null()).ok_or("@bytes without bytes")?;
            Ok(Message::bytes(pack(form, &written[form])))
        }
        _ => Message::from_wire(&written.into()).map_err(|error| error.to_string()),
    }
}

fn stream(written: &Json) -> Message {
    let text = |value: &Json| value.as_str().map(Into::into);
    let mut frames = Vec::new();
    if let Some(begin) = written.get("begin").filter(|begin| !begin.is_null()) {
        frames.push(Frame::Begin(Begin {
            content_type: text(&begin["content_type"]),
            size_hint: begin["size_hint"].as_u64(),
            metadata: begin.get("metadata").filter(|metadata| !metadata.is_null()).map(Into::into),
        }));
    }
    for form in FORMS {
        let data = written[format!("frames_{form}")].as_array().into_iter().flatten();
        frames.extend(data.map(|frame| Frame::Data(pack(form, frame).into())));
    }
    if let Some(error) = text(&written["error"]) {
        frames.push(Frame::Error(error));
    } else if written["end"].as_bool().unwrap_or(true) {
        frames.push(Frame::End);
    }
    let message = stream_of(written["content_type"].as_str(), frames);
    let (Message::StreamHandle(handle), Some(size)) = (&message, written["size_hint"].as_u64()) else { return message };
    // The size stands on the handle, which finds its stream by the number.
    let StreamHandle { stream_id, origin_actor, origin_port, content_type, .. } = &**handle;
    let (actor, port) = (origin_actor.clone(), origin_port.clone());
    Message::StreamHandle(StreamHandle::from_parts(*stream_id, actor, port, content_type.clone(), Some(size)).into())
}

/// What a case expects of a message that came out on a port.
pub(crate) fn written(message: &Message, form: Option<&str>, is_joined: bool) -> Json {
    match (message, form) {
        (Message::Bytes(bytes), Some(form)) => json!({"type": "Bytes", form: unpack(form, bytes)}),
        (Message::StreamHandle(handle), form) => {
            let form = form.unwrap_or("b64");
            let mut out = json!({
                "type": "@stream", "content_type": handle.content_type.as_deref(), "size_hint": handle.size_hint, "end": "open",
            });
            let mut data: Vec<Vec<u8>> = Vec::new();
            for frame in frames_of(message) {
                match frame {
                    Frame::Begin(Begin { content_type, size_hint, .. }) => {
                        out["begin"] = json!({"content_type": content_type.as_deref(), "size_hint": size_hint});
                    }
                    Frame::Data(bytes) => data.push(bytes.to_vec()),
                    Frame::End => out["end"] = "end".into(),
                    Frame::Error(text) => (out["end"], out["error"]) = ("error".into(), text.as_ref().into()),
                }
            }
            if is_joined {
                data = vec![data.concat()];
            }
            out[format!("frames_{form}")] = data.iter().map(|bytes| unpack(form, bytes)).collect();
            out
        }
        (message, _) => (&message.to_wire()).into(),
    }
}

fn pack(form: &str, data: &Json) -> Vec<u8> {
    if form == "b64" {
        return decoded(data.as_str().unwrap_or_default());
    }
    let numbers = data.as_array().into_iter().flatten().map(|number| number.as_f64().unwrap_or(f64::NAN));
    match form {
        "f32" => numbers.flat_map(|number| (number as f32).to_le_bytes()).collect(),
        "f64" => numbers.flat_map(f64::to_le_bytes).collect(),
        _ => numbers.map(|number| number as u8).collect(),
    }
}

fn unpack(form: &str, bytes: &[u8]) -> Json {
    fn number(number: f64) -> Json {
        if number.is_finite() { number.into() } else { number.to_string().into() }
    }
    match form {
        "f32" => bytes.as_chunks().0.iter().map(|bytes| number(f32::from_le_bytes(*bytes).into())).collect(),
        "f64" => bytes.as_chunks().0.iter().map(|bytes| number(f64::from_le_bytes(*bytes))).collect(),
        "b64" => encoded(bytes).into(),
        _ => bytes.iter().map(|byte| Json::from(*byte)).collect(),
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char;
            text.push(if at <= three.len() { digit } else { '=' });
        }
    }
    text
}

/// The bytes that base64 text stands for.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| DIGITS.iter().position(|digit| *digit == byte);
    let digits: Vec<u32> = text.bytes().filter_map(digit).map(|digit| digit as u32).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0_u32, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}
