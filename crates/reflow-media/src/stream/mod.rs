//! The family `stream/plumbing`: streams of any data.

mod bytes_to_stream;
mod relay;
mod stream_buffer;
mod stream_stats;
mod stream_tee;
mod stream_throttle;
mod stream_to_bytes;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<bytes_to_stream::BytesToStream>(),
        Entry::of::<stream_to_bytes::StreamToBytes>(),
        Entry::of::<stream_tee::StreamTee>(),
        Entry::of::<stream_buffer::StreamBuffer>(),
        Entry::of::<stream_throttle::StreamThrottle>(),
        Entry::of::<stream_stats::StreamStats>(),
    ]
}
