//! `Sending`: packets of one `send_async` on their way, which an asyncio task polls.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;
use pyo3::prelude::*;
use reflow_runtime::{Caller, NodeHandle, Origin, OutsideSend, Packets, SendError, Sending};

use crate::errors;
use crate::wait::LoopWaker;

/// Who waits to send by one context, in order: packets of one sender do not overtake each other.
#[derive(Default)]
pub(crate) struct SendQueue(Mutex<VecDeque<(Arc<()>, Waker)>>);

impl SendQueue {
    /// Whether somebody waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.0.lock().is_empty()
    }

    /// Whether it is the turn of `ticket`; if not, `waker` is called when it is.
    fn is_first(&self, ticket: &Arc<()>, waker: &Waker) -> bool {
        let mut queue = self.0.lock();
        match queue.iter_mut().find(|(known, _)| Arc::ptr_eq(known, ticket)) {
            Some((_, known)) => known.clone_from(waker),
            None => queue.push_back((Arc::clone(ticket), waker.clone())),
        }
        queue.front().is_some_and(|(first, _)| Arc::ptr_eq(first, ticket))
    }

    fn leave(&self, ticket: &Arc<()>) {
        let next = {
            let mut queue = self.0.lock();
            queue.retain(|(known, _)| !Arc::ptr_eq(known, ticket));
            queue.front().map(|(_, waker)| waker.clone())
        };
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// Packets of a context that leave together.
struct FromContext {
    node: NodeHandle,
    caller: Caller,
    origin: Option<Origin>,
    packets: Option<Packets>,
    current: Option<Sending>,
    /// Whether a generator yielded them: it does not hear of a connection that has no room.
    yielded: bool,
    queue: Arc<SendQueue>,
    ticket: Arc<()>,
}

impl FromContext {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if !self.queue.is_first(&self.ticket, cx.waker()) {
            return Poll::Pending;
        }
        if let Some(packets) = self.packets.take().filter(|packets| !packets.is_empty()) {
            self.current = Some(self.node.sending(packets, self.origin.as_ref(), self.caller)?);
        }
        let Some(current) = &mut self.current else { return Poll::Ready(Ok(())) };
        let sent = ready!(current.poll(cx));
        self.current = None;
        Poll::Ready(match sent {
            Err(error @ SendError::Overflow { .. }) if self.yielded => {
                self.node.tell_unsent(&error);
                Ok(())
            }
            sent => sent,
        })
    }
}

impl Drop for FromContext {
    fn drop(&mut self) {
        // First, so that who comes next does not meet this one.
        self.current = None;
        self.queue.leave(&self.ticket);
    }
}

enum OnTheWay {
    Context(FromContext),
    Outside(OutsideSend),
}

/// Packets on their way into a network. Dropping it gives up what was not delivered yet.
#[pyclass(name = "_Sending", module = "offbit_reflow._native", frozen)]
pub(crate) struct PySending {
    packets: Mutex<Option<OnTheWay>>,
    waker: Arc<LoopWaker>,
}

impl PySending {
    pub(crate) fn from_context(
        node: NodeHandle,
        caller: Caller,
        origin: Option<Origin>,
        packets: Packets,
        yielded: bool,
        queue: Arc<SendQueue>,
    ) -> Self {
        let (packets, ticket) = (Some(packets), Arc::default());
        Self::new(OnTheWay::Context(FromContext {
            node,
            caller,
            origin,
            packets,
            current: None,
            yielded,
            queue,
            ticket,
        }))
    }

    pub(crate) fn from_outside(send: OutsideSend) -> Self {
        Self::new(OnTheWay::Outside(send))
    }

    /// Whether all of it could be sent without waiting.
    pub(crate) fn sends_at_once(&self) -> PyResult<bool> {
        Ok(self.poll(None)?.is_some())
    }

    fn new(packets: OnTheWay) -> Self {
        Self { packets: Mutex::new(Some(packets)), waker: Arc::default() }
    }
}

#[pymethods]
impl PySending {
    /// See `EventStream._poll`: an empty tuple when everything is delivered.
    #[pyo3(name = "_poll", signature = (wake=None))]
    fn poll(&self, wake: Option<Py<PyAny>>) -> PyResult<Option<[u8; 0]>> {
        let waker = self.waker.waker(wake);
        let cx = &mut Context::from_waker(&waker);
        let mut packets = self.packets.lock();
        let sent = match packets.as_mut() {
            Some(OnTheWay::Context(send)) => send.poll(cx),
            Some(OnTheWay::Outside(send)) => send.poll_send(cx),
            None => Poll::Ready(Ok(())),
        };
        let Poll::Ready(result) = sent else { return Ok(None) };
        *packets = None;
        result.map(|()| Some([])).map_err(|error| errors::send(&error))
    }

    /// See `EventStream._forget`; what was not delivered yet is given up.
    fn _forget(&self, wake: Py<PyAny>) {
        self.packets.lock().take();
        self.waker.forget(&wake);
    }
}
