//! Sending a packet into a running network from outside.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reflow_graph::Direction;
use reflow_message::{Message, block_until};

use crate::activity::Sleeper;
use crate::error::SendError;
use crate::event::Event;
use crate::mailbox::{Offer, Outgoing};
use crate::run::Run;

/// A packet from outside that waits for room. It counts as activity of the run until it is in or given up.
pub struct OutsideSend {
    run: Arc<Run>,
    pending: Option<Outgoing>,
    sleeper: Arc<Sleeper>,
}

impl OutsideSend {
    pub(crate) fn new(run: Arc<Run>, outgoing: Outgoing) -> Self {
        run.activity.begin();
        let sleeper = Sleeper::new(Arc::clone(&run.activity));
        Self { run, pending: Some(outgoing), sleeper }
    }

    pub(crate) fn poll(&mut self) -> Poll<Result<(), SendError>> {
        self.sleeper.rise();
        let Some(Outgoing { target, link, port, message }) = self.pending.take() else { return Poll::Ready(Ok(())) };
        let node = &self.run.nodes[target as usize];
        if self.run.is_cancelled() {
            return Poll::Ready(Err(SendError::Stopped { node: Arc::clone(&node.id), message }));
        }
        let traced = self.run.events.wants_packets().then(|| message.clone());
        let kept = message.clone();
        match node.mailbox.offer(link, message, &self.sleeper) {
            Offer::Taken { wake } => {
                if let Some(message) = traced {
                    let (actor, port) = self.run.boundaries.shown(Direction::In, &node.id, node.inport_name(port), "");
                    self.run.events.emit(Event::MessageReceived { actor, port, message });
                }
                if wake {
                    node.sleeper.wake();
                }
                Poll::Ready(Ok(()))
            }
            Offer::Full { message, leave } => {
                self.pending = Some(Outgoing { target, link, port, message });
                if leave && self.sleeper.leave() {
                    self.run.on_quiet();
                }
                Poll::Pending
            }
            Offer::Closed => Poll::Ready(Err(SendError::Ended { node: Arc::clone(&node.id), message: kept })),
        }
    }

    /// Sends it if there is room, for hosts with futures of their own; ready when it is in.
    ///
    /// # Errors
    /// [`SendError`] gives the message back when the node has ended or the run was stopped.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.sleeper.set_waker(cx.waker());
        self.poll()
    }

    /// Blocks the thread until there is room, for `step` at most; `None` says to look around and call again.
    pub fn wait(&mut self, step: Duration) -> Option<Result<(), SendError>> {
        block_until(Some(Instant::now() + step), |cx| {
            self.sleeper.set_waker(cx.waker());
            self.poll()
        })
    }

    /// Gives up waiting.
    pub fn give_up(self) -> SendError {
        let (node, message) = match &self.pending {
            Some(outgoing) => (Arc::clone(&self.run.nodes[outgoing.target as usize].id), outgoing.message.clone()),
            None => ("?".into(), Message::Flow),
        };
        SendError::TimedOut { node, message }
    }
}

impl Drop for OutsideSend {
    fn drop(&mut self) {
        if let Some(outgoing) = &self.pending {
            self.run.forget_waiting(outgoing, &self.sleeper);
        }
        self.sleeper.rise();
        self.run.end_activity();
    }
}
