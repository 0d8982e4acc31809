//! What a message carries of a tensor or frame, in all forms that are accepted.

use std::ops::Deref;

use reflow_pack_sdk::prelude::*;

use crate::envelope;

/// Bytes that are owned, or a part of a message's.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Own(Vec<u8>),
    Part(reflow_pack_sdk::Bytes, usize),
}

impl Deref for Data {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Part(bytes, start) => bytes.get(*start..).unwrap_or_default(),
        }
    }
}

/// Payload and bytes of a packet of `kind`: as Bytes, as an Object with `data` or in it, as JSON text of that.
///
/// # Errors
/// What is wrong with the packet.
pub(crate) fn read(message: &Message, kind: &str) -> Result<(Value, Data), String> {
    if let Some(bytes) = message.to_bytes() {
        return match envelope::decode(&bytes) {
            Ok(packet) if packet.kind == kind => {
                let start = bytes.len() - packet.data.len();
                Ok((packet.payload, Data::Part(bytes.clone(), start)))
            }
            Ok(packet) => Err(format!("expected a media packet of the kind `{kind}`, found `{}`", packet.kind)),
            // Encoded messages may be the JSON form.
            Err(error) => match serde_json::from_slice(&bytes) {
                Ok(value) if message.kind() == Kind::Encoded => from_json(&value, kind),
                _ => Err(error),
            },
        };
    }
    match message.kind() {
        Kind::String => {
            let text = message.as_text().unwrap_or_default();
            let value: Value =
                serde_json::from_str(text).map_err(|error| format!("a text that is no JSON: {error}"))?;
            from_json(&value, kind)
        }
        Kind::Flow | Kind::StreamHandle => {
            Err(format!("expected a media packet of the kind `{kind}`, found {:?}", message.kind()))
        }
        _ => match message.as_value() {
            Some(value) => from_json(&value, kind),
            None => Err(format!("expected a media packet of the kind `{kind}`, found {:?}", message.kind())),
        },
    }
}

/// The JSON form.
pub(crate) fn from_json(value: &Value, kind: &str) -> Result<(Value, Data), String> {
    let members = value.as_object().ok_or_else(|| format!("expected a {kind}, found {}", value.kind()))?;
    if let Some(found) = members.get("kind").and_then(Value::as_str)
        && found != kind
    {
        return Err(format!("expected a media packet of the kind `{kind}`, found `{found}`"));
    }
    if let Some(payload) = members.get("payload") {
        return from_json(&payload.merged_with(&Value::object([("data", value.get("data").cloned())])), kind);
    }
    // `{data: {…}, metadata}`: the fields are one level down.
    if let Some(inner @ Value::Object(_)) = members.get("data") {
        let metadata = members.get("metadata").cloned().unwrap_or_default();
        let inner = if inner.get("metadata").is_some() || metadata.is_null() {
            inner.clone()
        } else {
            inner.merged_with(&Value::object([("metadata", metadata)]))
        };
        return from_json(&inner, kind);
    }
    let data = members
        .get("data")
        .and_then(Value::as_array)
        .ok_or_else(|| format!("a {kind} has `data`, an array of bytes"))?;
    let byte = |item: &Value| item.as_integer().and_then(|byte| u8::try_from(byte).ok());
    let bytes: Option<Vec<u8>> = data.iter().map(byte).collect();
    let bytes = bytes.ok_or_else(|| format!("`data` of a {kind} is an array of bytes, from 0 to 255"))?;
    let mut payload = members.clone();
    payload.remove("data");
    Ok((payload.into(), Data::Own(bytes)))
}

/// A plain object, or the JSON text of one: detections, landmarks, regions, models.
///
/// # Errors
/// What was found instead.
pub(crate) fn object(message: Option<&Message>, what: &str) -> Result<Value, String> {
    let message = message.ok_or_else(|| format!("expected {what}"))?;
    let value = match message.kind() {
        Kind::String => {
            let text = message.as_text().unwrap_or_default();
            serde_json::from_str(text)
                .map_err(|error| format!("expected {what}, found a text that is no JSON: {error}"))?
        }
        Kind::Bytes | Kind::Encoded => {
            let bytes = message.as_bytes().unwrap_or_default();
            serde_json::from_slice(bytes)
                .map_err(|error| format!("expected {what}, found bytes that are no JSON: {error}"))?
        }
        _ => message.as_value().unwrap_or_default(),
    };
    if value.as_object().is_none() {
        return Err(format!("expected {what}, an object, found {}", found(message, &value)));
    }
    Ok(value)
}

fn found(message: &Message, value: &Value) -> String {
    if value.is_null() { format!("{:?}", message.kind()) } else { value.kind().to_string() }
}

/// Metadata with one more entry in its `fields`.
pub(crate) fn with_field(metadata: &Value, name: &str, value: impl Into<Value>) -> Value {
    let fields = metadata.get("fields").cloned().unwrap_or_else(|| Value::Object(Object::new().into()));
    let fields = fields.merged_with(&Value::object([(name, value.into())]));
    let metadata = if metadata.as_object().is_some() { metadata.clone() } else { Value::Object(Object::new().into()) };
    metadata.merged_with(&Value::object([("fields", fields)]))
}

/// An entry in the `fields` of metadata.
pub(crate) fn field<'a>(metadata: &'a Value, name: &str) -> Option<&'a Value> {
    metadata.get("fields")?.get(name)
}

/// Metadata, `{}` where there is none.
pub(crate) fn metadata(payload: &Value) -> Value {
    match payload.get("metadata") {
        Some(metadata @ Value::Object(_)) => metadata.clone(),
        _ => Value::Object(Object::new().into()),
    }
}
