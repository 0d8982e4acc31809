//! About how much memory messages take, for components that keep them, and texts that are not made larger than that.

use reflow_runtime::{AnyValue, Message, Value};

/// What a message takes beside what is in it.
const AROUND: usize = 64;

/// The most text that a component makes of one packet.
const MOST_TEXT: usize = 256 << 20;

/// Texts that are put together, no more of them than one packet may become.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MOST_TEXT)
    }
}

impl Room {
    /// Adds a piece to a text.
    ///
    /// # Errors
    /// When there would be too much.
    pub(crate) fn add(&mut self, text: &mut String, piece: &str) -> Result<(), String> {
        self.take(piece.len())?;
        text.push_str(piece);
        Ok(())
    }

    /// Adds JSON to a text.
    ///
    /// # Errors
    /// When there would be too much.
    pub(crate) fn add_json(&mut self, text: &mut String, value: &Value) -> Result<(), String> {
        self.add(text, &value.to_json().map_err(|error| error.to_string())?)
    }

    fn take(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| format!("The text would have more than {MOST_TEXT} bytes"))?;
        Ok(())
    }
}

/// About how many bytes a message takes. Parts that several messages share count for each.
pub(crate) fn bytes(message: &Message) -> usize {
    let inside = match message {
        Message::Bytes(bytes) | Message::Encoded(bytes) => bytes.len(),
        Message::String(text) | Message::Error(text) => text.len(),
        Message::Array(items) => value_bytes(&Value::Array(items.clone())),
        Message::Object(value) => value_bytes(value),
        Message::Optional(Some(value)) | Message::Event(value) | Message::Any(AnyValue::Value(value)) => {
            value_bytes(value)
        }
        _ => 0,
    };
    inside.saturating_add(AROUND)
}

/// About how many bytes a value takes.
pub(crate) fn value_bytes(value: &Value) -> usize {
    usize::try_from(value.bytes()).unwrap_or(usize::MAX)
}
