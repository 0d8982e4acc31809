//! About how much memory messages take, for components that keep them, and texts that are not made larger than that.

use reflow_runtime::{AnyValue, Message, Value};

/// What a value takes beside its text.
const VALUE: usize = 24;

/// What a list, an object or a message takes beside what is in it.
const AROUND: usize = 64;

/// More than any limit here: what shares its parts may be endless for whoever walks through it.
const ENDLESS: usize = 1 << 30;

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
        // Written, a value takes about half the room at the least; numbers and words less than they count for.
        if value_bytes(value) / 32 > self.0 {
            return self.take(usize::MAX);
        }
        self.add(text, &value.to_json_string())
    }

    fn take(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| format!("The text would have more than {MOST_TEXT} bytes"))?;
        Ok(())
    }
}

/// About how many bytes a message takes. Parts that several messages share count for each.
pub(crate) fn bytes(message: &Message) -> usize {
    AROUND
        + match message {
            Message::Bytes(bytes) | Message::Encoded(bytes) => bytes.len(),
            Message::String(text) | Message::Error(text) => text.len(),
            Message::Array(items) => items.iter().map(value_bytes).sum(),
            Message::Object(value) => value_bytes(value),
            Message::Optional(Some(value)) | Message::Event(value) | Message::Any(AnyValue::Value(value)) => {
                value_bytes(value)
            }
            _ => 0,
        }
}

/// About how many bytes a value takes; no more are counted than any limit is.
pub(crate) fn value_bytes(value: &Value) -> usize {
    let (mut sum, mut open) = (0_usize, vec![value]);
    while let Some(value) = open.pop().filter(|_| sum < ENDLESS) {
        sum = sum.saturating_add(match value {
            Value::String(text) => VALUE + text.len(),
            Value::Array(items) => {
                open.extend(items.iter());
                AROUND
            }
            Value::Object(members) => {
                open.extend(members.values());
                AROUND + members.keys().map(|key| VALUE + key.len()).sum::<usize>()
            }
            _ => VALUE,
        });
    }
    sum
}
