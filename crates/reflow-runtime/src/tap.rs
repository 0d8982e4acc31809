//! Taps: readers outside the network that listen to an outport, with back-pressure like any connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use reflow_message::Message;

use crate::activity::Sleeper;
use crate::network::Endpoint;

/// About how many bytes may wait for a listener, beside one packet of any size.
const MOST_BYTES: u64 = 32 << 20;

/// A bounded queue between an outport and a reader outside.
#[derive(Debug)]
pub(crate) struct Tap {
    capacity: usize,
    most_bytes: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Message>,
    /// The bytes in it, where they are bounded.
    bytes: u64,
    waiting: Vec<Arc<Sleeper>>,
    readers: Vec<Waker>,
    /// The node has ended.
    ended: bool,
    reader_gone: bool,
}

/// What became of a packet offered to a tap.
pub(crate) enum TapOffer {
    Taken,
    Full { message: Message, leave: bool },
}

impl Tap {
    /// One for somebody who listens while the network runs.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { capacity: capacity.max(1), most_bytes: MOST_BYTES, inner: Mutex::default() })
    }

    /// One that keeps everything.
    pub(crate) fn unbounded() -> Arc<Self> {
        Arc::new(Self { capacity: usize::MAX, most_bytes: u64::MAX, inner: Mutex::default() })
    }

    /// Whether what comes is looked at only when the run has ended.
    pub(crate) fn keeps_everything(&self) -> bool {
        self.capacity == usize::MAX
    }

    fn has_room_in(&self, inner: &Inner) -> bool {
        inner.queue.len() < self.capacity && (inner.bytes < self.most_bytes || inner.queue.is_empty())
    }

    fn bytes_of(&self, message: &Message) -> u64 {
        if self.most_bytes == u64::MAX { 0 } else { message.payload_bytes() }
    }

    /// Offers a packet; a reader that is gone takes everything.
    pub(crate) fn offer(&self, message: Message, sleeper: &Arc<Sleeper>) -> TapOffer {
        // Before anything is held: to estimate a value of a host may run code of that.
        let bytes = self.bytes_of(&message);
        let mut inner = self.inner.lock();
        if inner.reader_gone {
            return TapOffer::Taken;
        }
        if !self.has_room_in(&inner) {
            if !inner.waiting.iter().any(|known| Arc::ptr_eq(known, sleeper)) {
                inner.waiting.push(Arc::clone(sleeper));
            }
            return TapOffer::Full { message, leave: sleeper.fall_asleep(true) };
        }
        inner.bytes += bytes;
        inner.queue.push_back(message);
        let readers = std::mem::take(&mut inner.readers);
        drop(inner);
        readers.into_iter().for_each(Waker::wake);
        TapOffer::Taken
    }

    /// Puts packets in that came before, whether or not there is room.
    pub(crate) fn restore(&self, messages: impl IntoIterator<Item = Message>) {
        let messages: Vec<_> = messages.into_iter().collect();
        let bytes: u64 = messages.iter().map(|message| self.bytes_of(message)).sum();
        let mut inner = self.inner.lock();
        inner.bytes += bytes;
        inner.queue.extend(messages);
    }

    /// Lets whoever waits for room look around: the run was stopped.
    pub(crate) fn stir(&self) {
        let waiting = std::mem::take(&mut self.inner.lock().waiting);
        waiting.iter().for_each(|sleeper| sleeper.wake());
    }

    /// No further packet will come.
    pub(crate) fn end(&self) {
        let (readers, waiting) = {
            let mut inner = self.inner.lock();
            inner.ended = true;
            (std::mem::take(&mut inner.readers), std::mem::take(&mut inner.waiting))
        };
        waiting.iter().for_each(|sleeper| sleeper.wake());
        readers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn has_room(&self) -> bool {
        let inner = self.inner.lock();
        inner.reader_gone || self.has_room_in(&inner)
    }

    /// Whoever waited for room does so no more.
    pub(crate) fn forget_waiting(&self, sleeper: &Arc<Sleeper>) {
        self.inner.lock().waiting.retain(|known| !Arc::ptr_eq(known, sleeper));
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.inner.lock().reader_gone
    }

    /// Everything that waits.
    pub(crate) fn drain(&self) -> Vec<Message> {
        let (messages, waiting) = {
            let mut inner = self.inner.lock();
            inner.bytes = 0;
            (std::mem::take(&mut inner.queue).into(), std::mem::take(&mut inner.waiting))
        };
        waiting.iter().for_each(|sleeper| sleeper.wake());
        messages
    }
}

/// Taps of listeners that came before the run they are to listen to.
#[derive(Debug, Default)]
pub(crate) struct Doorstep(Vec<(Endpoint, Arc<Tap>)>);

impl Doorstep {
    pub(crate) fn add(&mut self, at: Endpoint, capacity: usize) -> Listener {
        let tap = Tap::new(capacity);
        self.0.retain(|(_, known)| !known.is_gone());
        self.0.push((at, Arc::clone(&tap)));
        Listener(tap)
    }

    /// Where they want to listen.
    pub(crate) fn ends(&self) -> Vec<Endpoint> {
        self.0.iter().filter(|(_, tap)| !tap.is_gone()).map(|(end, _)| end.clone()).collect()
    }

    /// Hands them over to the run that begins.
    pub(crate) fn take(&mut self) -> Vec<(Endpoint, Arc<Tap>)> {
        self.0.retain(|(_, tap)| !tap.is_gone());
        std::mem::take(&mut self.0)
    }

    /// There will be no run.
    pub(crate) fn end(&mut self) {
        self.take().iter().for_each(|(_, tap)| tap.end());
    }
}

/// The reading end of a tap on an outport. Dropping it frees the producer.
#[derive(Debug)]
pub struct Listener(pub(crate) Arc<Tap>);

impl Listener {
    /// The next packet; `None` once the node has ended and everything was read.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut inner = self.0.inner.lock();
        if let Some(message) = inner.queue.pop_front() {
            inner.bytes = inner.bytes.saturating_sub(self.0.bytes_of(&message));
            let waiting = std::mem::take(&mut inner.waiting);
            drop(inner);
            waiting.iter().for_each(|sleeper| sleeper.wake());
            return Poll::Ready(Some(message));
        }
        if inner.ended {
            return Poll::Ready(None);
        }
        if !inner.readers.iter().any(|known| known.will_wake(cx.waker())) {
            inner.readers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let waiting = {
            let mut inner = self.0.inner.lock();
            inner.reader_gone = true;
            inner.queue.clear();
            std::mem::take(&mut inner.waiting)
        };
        waiting.iter().for_each(|sleeper| sleeper.wake());
    }
}
