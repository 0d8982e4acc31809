//! `tpl_bytes_to_stream`.

use reflow_component::prelude::*;
use reflow_component::stream::Outlet;
use reflow_runtime::{Buffer, Frame};

/// Cuts a buffer into a stream.
///
/// Every frame has `chunkSize` bytes, the last one what is left; nothing is copied. A text is streamed as UTF-8. The size is said
/// beforehand, and so is the `contentType` unless it is empty.
///
/// # Errors
///
/// `Expected Bytes or String on input port` for anything else, and an Error for a `chunkSize` of 0.
#[derive(Component)]
#[component(id = "tpl_bytes_to_stream", title = "Bytes to Stream", category = "stream/plumbing", producer)]
#[inport(input: Either<Bytes, Text>, required, "What to stream.")]
#[example(
    config = r#"{"chunkSize": 2, "contentType": "x/y"}"#,
    steps = r#"[{"input": {"type": "Bytes", "data": [1, 2, 3]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "content_type": "x/y", "size_hint": 3, "u8": [[1, 2], [3]]}]}]"#
)]
pub(super) struct BytesToStream {
    /// Bytes in a frame.
    #[config(key = "chunkSize", default = 65_536, range = 1_024..=1_048_576, unit = "bytes", lenient)]
    chunk_size: u64,
    /// What the data is.
    #[config(key = "contentType", lenient)]
    content_type: Option<String>,
}

#[async_trait]
impl Producer for BytesToStream {
    type Work = (Buffer, usize);

    async fn open(&mut self, tick: &mut Tick<'_>, opening: &mut Opening) -> Result<Self::Work, String> {
        let data: Buffer = match tick.input(Self::IN_INPUT) {
            Some(Message::Bytes(bytes)) => bytes.clone(),
            Some(Message::String(text)) => text.as_bytes().into(),
            _ => return Err("Expected Bytes or String on input port".to_string()),
        };
        if self.chunk_size == 0 {
            return Err("`chunkSize` must be at least 1, not 0".to_string());
        }
        opening.content_type = self.content_type.as_deref().filter(|text| !text.is_empty()).map(Into::into);
        opening.size_hint = Some(data.len() as u64);
        Ok((data, usize::try_from(self.chunk_size).unwrap_or(usize::MAX)))
    }

    async fn write((data, size): Self::Work, _node: NodeHandle, out: &mut Outlet) -> Result<(), String> {
        let mut rest = data.to_bytes();
        while !rest.is_empty() {
            let piece = rest.split_to(size.min(rest.len()));
            if !out.write(Frame::Data(Buffer::new(piece))).await {
                break;
            }
        }
        Ok(())
    }
}
