//! What displays have in common: reading a stream to its end and telling its facts.

use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_runtime::{Frame, PortIndex, StreamReader};

/// The most bytes of a stream that are kept to be shown.
pub(crate) const MOST_SHOWN: usize = 64 << 20;

/// Whether somebody takes what leaves an outport.
pub(crate) fn leads_on(tick: &Tick<'_>, port: impl PortIndex) -> bool {
    tick.node().heard_outports().contains(&(port.index() as u16))
}

/// What a display has seen.
pub(crate) struct Seen {
    /// What was said of the stream; the content type is never missing.
    pub(crate) opening: Opening,
    pub(crate) content_type: Arc<str>,
    pub(crate) total_bytes: u64,
    pub(crate) chunks: u64,
    /// The data, if it was to be kept and is not too much.
    pub(crate) data: Option<Vec<u8>>,
}

/// Reads a stream to its end; `kind` is what should be in it, and `accepted` how its content type may begin.
pub(crate) async fn watch(reader: StreamReader, kind: &str, accepted: &str, keep: bool) -> Result<Seen, String> {
    let begin = match reader.read().await {
        Some(Frame::Begin(begin)) => begin,
        Some(Frame::Error(text)) => return Err(format!("Stream error: {text}")),
        Some(_) => return Err("Expected Begin frame, got data".to_string()),
        None => return Err("Expected Begin frame, got nothing".to_string()),
    };
    let content_type = begin.content_type.unwrap_or_else(|| "application/octet-stream".into());
    if !accepted.split(',').any(|prefix| content_type.starts_with(prefix.trim())) {
        return Err(format!("Unsupported {kind} stream format: {content_type}"));
    }
    let opening = Opening { size_hint: begin.size_hint, metadata: begin.metadata, is_told: true, ..Opening::default() };
    let mut seen = Seen { opening, content_type, total_bytes: 0, chunks: 0, data: keep.then(Vec::new) };
    loop {
        match reader.read().await {
            Some(Frame::Data(data)) => {
                seen.total_bytes += data.len() as u64;
                seen.chunks += 1;
                seen.data = seen.data.filter(|kept| kept.len() + data.len() <= MOST_SHOWN);
                if let Some(kept) = &mut seen.data {
                    kept.extend_from_slice(&data);
                }
            }
            Some(Frame::Begin(_)) => {}
            Some(Frame::Error(text)) => return Err(format!("Stream error during transfer: {text}")),
            Some(Frame::End) | None => return Ok(seen),
        }
    }
}

impl Seen {
    /// The facts that every display tells.
    pub(crate) fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("contentType", Value::String(Arc::clone(&self.content_type))),
            ("sizeHint", self.opening.size_hint.into()),
            ("totalBytes", self.total_bytes.into()),
            ("chunks", self.chunks.into()),
            ("streamMetadata", self.opening.metadata.clone().unwrap_or(Value::Null)),
        ]
    }

    /// Whole numbers of the metadata, null where there are none.
    pub(crate) fn numbers(&self, keys: &[&'static str]) -> Vec<(&'static str, Value)> {
        keys.iter().map(|key| (*key, self.opening.whole(key).into())).collect()
    }
}
