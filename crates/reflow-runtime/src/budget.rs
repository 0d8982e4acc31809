//! `Budget`: how many bytes of payloads may be kept beside the packets on their way, by events and by the record of failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reflow_message::Message;

/// What is kept, unless the config says otherwise.
pub const DEFAULT_KEPT_BYTES: u64 = 16 << 20;
/// Payloads up to this count nothing: the number of what is kept has a bound, too.
const SMALL: u64 = 256;

/// Bytes that may be kept.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: AtomicU64,
    used: AtomicU64,
}

/// Part of a budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { limit: DEFAULT_KEPT_BYTES.into(), used: AtomicU64::new(0) }
    }
}

impl Budget {
    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Makes the messages ready to be kept: what there is no room for is described.
    pub(crate) fn keep<'a>(self: &Arc<Self>, messages: impl Iterator<Item = &'a mut Message>) -> Option<Charge> {
        let mut charge: Option<Charge> = None;
        for message in messages {
            if let Message::StreamHandle(handle) = message {
                // Keeping the right to read would keep its writer waiting.
                *message = Message::StreamHandle(Arc::new(handle.without_end()));
            }
            let bytes = message.payload_bytes();
            if bytes <= SMALL {
                continue;
            }
            if !self.take(bytes) {
                *message = message.described();
                continue;
            }
            charge.get_or_insert_with(|| Charge { budget: Arc::clone(self), bytes: 0 }).bytes += bytes;
        }
        charge
    }

    fn take(&self, bytes: u64) -> bool {
        let limit = self.limit();
        let more = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_described_until_there_is() {
        let budget = Arc::new(Budget::default());
        budget.set_limit(2500);
        let made = || Message::bytes(vec![7; 1000]);
        let mut messages = [made(), made(), made(), Message::Integer(1)];
        let charge = budget.keep(messages.iter_mut());
        assert_eq!(messages[1], made());
        assert_eq!(messages[2], Message::string("<Bytes of 1000 bytes, not kept>"));
        assert_eq!(messages[3], Message::Integer(1));
        drop(charge);
        let mut again = made();
        assert!(budget.keep(std::iter::once(&mut again)).is_some());
        assert_eq!(again, made());
    }

    #[test]
    fn whoever_keeps_a_stream_does_not_keep_its_writer_waiting() {
        let writer = reflow_message::StreamWriter::new(0, "", "", None);
        let mut message = Message::StreamHandle(writer.handle(None).unwrap());
        let _ = Arc::new(Budget::default()).keep(std::iter::once(&mut message));
        let mut frame = Some(reflow_message::Frame::End);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(matches!(writer.poll_write(&mut cx, &mut frame), std::task::Poll::Ready(Err(_))));
    }
}
