//! Ticks that wait for a signal: an approval, an answer of somebody outside.
//!
//! A signal that a tick has taken belongs to that tick until it commits: another try of it gets it again, and where a journal is
//! kept, so does the tick in the next process. One that comes before anybody waits for it stays until somebody does, if the actor
//! takes no signals otherwise.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use reflow_message::Value;
use rustc_hash::FxHashMap;

use crate::actor::Signal;
use crate::journal::Op;
use crate::mailbox::takes_signal;
use crate::node_handle::NodeHandle;

/// The pool of a journal that keeps when waits with a limit began.
pub(crate) const WAITS: &str = "\u{0}waits";

/// A signal that has come.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) signal: Signal,
    /// Its number in the journal, if there is one.
    pub(crate) number: Option<u64>,
}

/// The signals that ticks of a node wait for, or have taken.
#[derive(Debug, Default)]
pub(crate) struct AwaitedSignals {
    /// Made when it is first needed: few nodes take signals.
    inner: OnceLock<Box<Mutex<Inner>>>,
    /// Whether a tick ever waited.
    used: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order that they began to.
    waiting: Vec<Arc<Awaited>>,
    /// Signals that nobody has waited for yet.
    kept: VecDeque<Received>,
    taken: Vec<Taken>,
    /// Waits with a limit of ticks that are open, by tick.
    begun: Vec<(u64, Arc<str>)>,
    /// When such waits began in earlier processes, in milliseconds since 1970.
    known: FxHashMap<Arc<str>, u64>,
}

/// A signal that an open tick has taken.
#[derive(Debug)]
struct Taken {
    sequence: u64,
    attempt: u32,
    received: Received,
}

#[derive(Debug)]
struct Awaited {
    kind: Arc<str>,
    /// What the member `id` of its payload has to be.
    id: Option<Value>,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    received: Option<Received>,
    waker: Option<Waker>,
}

impl Awaited {
    fn is_meant(&self, signal: &Signal) -> bool {
        *self.kind == *signal.kind && self.id.as_ref().is_none_or(|id| signal.data.get("id") == Some(id))
    }

    fn give(&self, received: Received) {
        let waker = {
            let mut slot = self.slot.lock();
            slot.received = Some(received);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What becomes of a signal.
pub(crate) enum Taking {
    /// Somebody waited for it, or will.
    Kept,
    /// The actor takes it between its ticks.
    Queued(Received),
    /// Too many wait already.
    Full,
}

impl AwaitedSignals {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.get_or_init(Box::default).lock()
    }

    /// Takes a signal in: for the first that waits for it, or for those who will, if the actor does not hear of it otherwise.
    /// `note` is told before anybody gets it, and whether it is for somebody who waits.
    pub(crate) fn take_in(&self, received: Received, hears: bool, note: impl FnOnce(&Received, bool)) -> Taking {
        let mut inner = self.inner();
        if let Some(at) = inner.waiting.iter().position(|awaited| awaited.is_meant(&received.signal)) {
            let awaited = inner.waiting.remove(at);
            note(&received, true);
            drop(inner);
            awaited.give(received);
            return Taking::Kept;
        }
        if hears {
            note(&received, false);
            return Taking::Queued(received);
        }
        let bytes = inner.kept.iter().map(|kept| kept.signal.bytes()).sum();
        if !takes_signal(inner.kept.len(), bytes, received.signal.bytes()) {
            return Taking::Full;
        }
        note(&received, true);
        inner.kept.push_back(received);
        Taking::Kept
    }

    /// A signal of an earlier process.
    pub(crate) fn restore(&self, received: Received) {
        self.inner().kept.push_back(received);
    }

    /// When a wait began in an earlier process.
    pub(crate) fn restore_wait(&self, key: &str, began_ms: u64) {
        self.inner().known.insert(key.into(), began_ms);
    }

    /// Whether a tick has ever waited for a signal.
    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }

    /// A tick is over: the numbers of the signals that it took, and the keys of its waits.
    pub(crate) fn over(&self, sequence: u64) -> (Vec<u64>, Vec<Arc<str>>) {
        if !self.is_used() {
            return (Vec::new(), Vec::new());
        }
        let mut inner = self.inner();
        let taken: Vec<_> = inner.taken.extract_if(.., |taken| taken.sequence == sequence).collect();
        let begun: Vec<_> = inner.begun.extract_if(.., |(tick, _)| *tick == sequence).map(|(_, key)| key).collect();
        drop(inner);
        (taken.iter().filter_map(|taken| taken.received.number).collect(), begun)
    }

    /// The same, for a journal.
    pub(crate) fn over_ops(&self, node: u32, sequence: u64, ops: &mut Vec<Op>) {
        let (taken, begun) = self.over(sequence);
        ops.extend(taken.into_iter().map(|number| Op::SignalTaken { number }));
        ops.extend(begun.into_iter().map(|key| Op::Pool { node, pool: WAITS.into(), id: Some(key), value: None }));
    }

    fn told(&self) -> Value {
        let tell = |awaited: &Arc<Awaited>| {
            let id = awaited.id.clone().unwrap_or_default();
            Value::object([("kind", Value::String(Arc::clone(&awaited.kind))), ("id", id)])
        };
        Value::array(self.inner().waiting.iter().map(tell).collect::<Vec<_>>())
    }
}

/// A wait for a signal. Dropping it ends it.
#[derive(Debug)]
pub struct SignalWait {
    node: NodeHandle,
    awaited: Arc<Awaited>,
    tick: (u64, u32),
    waited: Duration,
}

impl SignalWait {
    pub(crate) fn new(node: NodeHandle, kind: &str, id: Option<Value>, tick: (u64, u32), limited: bool) -> Self {
        let awaited = Arc::new(Awaited { kind: kind.into(), id, slot: Mutex::default() });
        let mut wait = Self { node, awaited, tick, waited: Duration::ZERO };
        wait.list().used.store(true, Ordering::Release);
        if limited {
            wait.waited = wait.note_begin();
        }
        let known = {
            let mut inner = wait.list().inner();
            let inner = &mut *inner;
            // What an earlier try of the tick was given, it need not be given again.
            let (sequence, attempt) = tick;
            let is_own = |taken: &Taken| {
                taken.sequence == sequence && taken.attempt < attempt && wait.awaited.is_meant(&taken.received.signal)
            };
            match inner.taken.iter().position(is_own).filter(|_| sequence > 0) {
                Some(at) => {
                    wait.awaited.slot.lock().received = Some(inner.taken.remove(at).received);
                    true
                }
                None => match inner.kept.iter().position(|kept| wait.awaited.is_meant(&kept.signal)) {
                    Some(at) => {
                        wait.awaited.slot.lock().received = inner.kept.remove(at);
                        true
                    }
                    None => {
                        inner.waiting.push(Arc::clone(&wait.awaited));
                        false
                    }
                },
            }
        };
        if !known {
            wait.tell();
        }
        wait
    }

    /// How long it has been going on in earlier processes.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Writes the beginning of a wait down; how long ago it was, if an earlier process has begun it.
    fn note_begin(&self) -> Duration {
        let Some(recorder) = &self.node.node().recorder else { return Duration::ZERO };
        let (sequence, attempt) = self.tick;
        let tick = recorder.key(sequence);
        let (kind, id) = (&self.awaited.kind, self.awaited.id.clone().unwrap_or_default().to_json_string());
        let now = crate::recorder::now_ms();
        let mut inner = self.list().inner();
        let key = (0..u32::MAX)
            .map(|turn| Arc::from(format!("{}.{}.{attempt}/{kind}/{id}/{turn}", tick.link, tick.position)))
            .find(|key: &Arc<str>| !inner.begun.iter().any(|(_, known)| known == key));
        let Some(key) = key else { return Duration::ZERO };
        inner.begun.push((sequence, Arc::clone(&key)));
        if let Some(began) = inner.known.remove(&key) {
            return Duration::from_millis(now.saturating_sub(began));
        }
        drop(inner);
        let value = Some(Value::from(now as i64));
        recorder.note(Op::Pool { node: self.node.index(), pool: WAITS.into(), id: Some(key), value });
        if let Err(error) = recorder.submit() {
            self.node.run().stop_failed(&error.to_string());
        }
        Duration::ZERO
    }

    fn list(&self) -> &AwaitedSignals {
        &self.node.node().awaited
    }

    /// Whoever looks at the node sees what it waits for.
    fn tell(&self) {
        self.node.publish_own("waiting", self.list().told());
    }

    /// The payload of the signal, when it has come.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Value> {
        let received = {
            let mut slot = self.awaited.slot.lock();
            match slot.received.take() {
                Some(received) => received,
                None => {
                    slot.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        let data = received.signal.data.clone();
        self.take(received);
        Poll::Ready(data)
    }

    /// The tick has it now.
    fn take(&self, received: Received) {
        let (sequence, attempt) = self.tick;
        if sequence == 0 {
            // A call beside the ticks, which is not run again.
            if let (Some(number), Some(recorder)) = (received.number, &self.node.node().recorder) {
                recorder.note(Op::SignalTaken { number });
            }
            return;
        }
        self.list().inner().taken.push(Taken { sequence, attempt, received });
    }
}

impl Drop for SignalWait {
    fn drop(&mut self) {
        {
            let mut inner = self.list().inner();
            inner.waiting.retain(|known| !Arc::ptr_eq(known, &self.awaited));
            // It came too late for this one.
            if let Some(received) = self.awaited.slot.lock().received.take() {
                match inner.waiting.iter().position(|awaited| awaited.is_meant(&received.signal)) {
                    Some(at) => {
                        let next = inner.waiting.remove(at);
                        drop(inner);
                        next.give(received);
                    }
                    None => inner.kept.push_front(received),
                }
            }
        }
        self.tell();
    }
}
