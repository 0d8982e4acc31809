//! Ticks that wait for a signal: an approval, an answer of somebody outside.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use reflow_message::Value;

use crate::actor::Signal;
use crate::node_handle::NodeHandle;

/// The signals that ticks of a node wait for, in the order that they began to.
#[derive(Debug, Default)]
pub(crate) struct AwaitedSignals(Mutex<Vec<Arc<Awaited>>>);

#[derive(Debug)]
struct Awaited {
    kind: Arc<str>,
    /// What the member `id` of its payload has to be.
    id: Option<Value>,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    data: Option<Value>,
    waker: Option<Waker>,
}

impl Awaited {
    fn is_meant(&self, signal: &Signal) -> bool {
        *self.kind == *signal.kind && self.id.as_ref().is_none_or(|id| signal.data.get("id") == Some(id))
    }
}

impl AwaitedSignals {
    /// Hands a signal to the first that waits for it; whether there was one.
    pub(crate) fn offer(&self, signal: &Signal) -> bool {
        let mut waiting = self.0.lock();
        let Some(at) = waiting.iter().position(|awaited| awaited.is_meant(signal)) else { return false };
        let awaited = waiting.remove(at);
        drop(waiting);
        let waker = {
            let mut slot = awaited.slot.lock();
            slot.data = Some(signal.data.clone());
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn told(&self) -> Value {
        let tell = |awaited: &Arc<Awaited>| {
            let id = awaited.id.clone().unwrap_or_default();
            Value::object([("kind", Value::String(Arc::clone(&awaited.kind))), ("id", id)])
        };
        Value::array(self.0.lock().iter().map(tell).collect::<Vec<_>>())
    }
}

/// A wait for a signal. Dropping it ends it.
#[derive(Debug)]
pub struct SignalWait {
    node: NodeHandle,
    awaited: Arc<Awaited>,
}

impl SignalWait {
    pub(crate) fn new(node: NodeHandle, kind: &str, id: Option<Value>) -> Self {
        let awaited = Arc::new(Awaited { kind: kind.into(), id, slot: Mutex::default() });
        let wait = Self { node, awaited };
        wait.list().0.lock().push(Arc::clone(&wait.awaited));
        wait.tell();
        wait
    }

    fn list(&self) -> &AwaitedSignals {
        &self.node.node().awaited
    }

    /// Whoever looks at the node sees what it waits for.
    fn tell(&self) {
        self.node.publish("waiting", self.list().told());
    }

    /// The payload of the signal, when it has come.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Value> {
        let mut slot = self.awaited.slot.lock();
        match slot.data.take() {
            Some(data) => Poll::Ready(data),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for SignalWait {
    fn drop(&mut self) {
        self.list().0.lock().retain(|known| !Arc::ptr_eq(known, &self.awaited));
        self.tell();
    }
}
