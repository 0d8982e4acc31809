//! `tpl_stream_to_bytes`.

use reflow_component::prelude::*;

use crate::reading::{Readers, Whole, whole};

/// Collects a stream into one buffer.
///
/// When the stream has ended, `output` is all its data and `metadata` is `{contentType, size, streamMetadata}`. Up to 16 streams are read
/// at once, so that one that goes on for long holds up no other; what ends first leaves first.
///
/// # Errors
///
/// `Stream error: …` when the stream ends with an error, or has more than `maxBytes` bytes.
#[derive(Component)]
#[component(id = "tpl_stream_to_bytes", title = "Stream to Bytes", category = "stream/plumbing", asynchronous)]
#[inport(stream: Stream, required, "The stream to collect.")]
#[outport(output: Bytes, "All its data.")]
#[outport(metadata: JsonObject, "What was said of it, and its size.")]
#[outport(error: ErrorText, "Why there is no output.")]
#[example(
    steps = r#"[{"stream": {"type": "@stream", "content_type": "x/y", "u8": [[1, 2], [3]]}}]"#,
    outputs = r#"[{"output": [{"type": "Bytes", "data": [1, 2, 3]}], "metadata": [{"contentType": "x/y", "size": 3, "streamMetadata": null}]}]"#
)]
pub(super) struct StreamToBytes {
    /// The longest stream that is collected.
    #[config(key = "maxBytes", default = 268_435_456, unit = "bytes", lenient)]
    max_bytes: usize,
    #[state]
    readers: Readers,
}

#[async_trait]
impl AsyncActor for StreamToBytes {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let most = self.max_bytes;
        let collect = move |handle: std::sync::Arc<reflow_runtime::StreamHandle>, reader, _node| async move {
            let Whole { opening, data, .. } = whole(&handle, &reader, most).await?;
            let metadata = Value::object([
                ("contentType", Value::from(opening.content_type)),
                ("size", data.len().into()),
                ("streamMetadata", opening.metadata.unwrap_or(Value::Null)),
            ]);
            Ok(vec![
                (Self::OUT_OUTPUT.index(), Message::bytes(data)),
                (Self::OUT_METADATA.index(), Message::object(metadata)),
            ])
        };
        self.readers.read(tick, Self::IN_STREAM, Self::OUT_ERROR, collect).await
    }
}
