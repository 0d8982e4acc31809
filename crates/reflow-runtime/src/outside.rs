//! Sending a packet into a running network from outside.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reflow_message::{Message, block_until};

use crate::activity::Sleeper;
use crate::delivery::Delivery;
use crate::error::SendError;
use crate::packet::Outgoing;
use crate::run::Run;
use crate::script::Outside;

/// How a packet from outside comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It needs room, as on any connection.
    Counted,
    /// It is of a question, and needs none.
    Asked,
}

/// A packet from outside that waits for room. It counts as activity of the run until it is in or given up.
pub struct OutsideSend {
    run: Arc<Run>,
    target: u32,
    pending: VecDeque<Outgoing>,
    message: Message,
    /// The name of the inport.
    port: Arc<str>,
    sleeper: Arc<Sleeper>,
}

impl OutsideSend {
    pub(crate) fn new(run: Arc<Run>, outgoing: Outgoing) -> Self {
        run.activity.begin();
        let (target, message) = (outgoing.target, outgoing.packet.message.clone());
        // Only a script asks for it.
        let port_name = if run.script.is_some() {
            run.nodes[target as usize].inport_name(outgoing.port)
        } else {
            Arc::clone(&run.nodes[target as usize].id)
        };
        let pending = VecDeque::from([outgoing]);
        let sleeper = Sleeper::new(Arc::clone(&run.activity));
        let port = port_name;
        Self { run, target, pending, message, port, sleeper }
    }

    pub(crate) fn poll(&mut self) -> Poll<Result<(), SendError>> {
        self.sleeper.rise();
        let node = Arc::clone(&self.run.nodes[self.target as usize].id);
        if self.run.is_cancelled() {
            return Poll::Ready(Err(SendError::Stopped { node, message: self.give_back() }));
        }
        match self.run.deliver(None, &mut self.pending, &self.sleeper) {
            Delivery::Done { undelivered: 0 } => {
                let message = &self.message;
                self.run.note_outside(self.target, &self.port, || Outside::Packet(message.clone()));
                Poll::Ready(Ok(()))
            }
            Delivery::Done { .. } => Poll::Ready(Err(SendError::Ended { node, message: self.give_back() })),
            Delivery::Refused(refused) => {
                let to = self.run.nodes[refused.target as usize].place(refused.packet.link);
                Poll::Ready(Err(SendError::Overflow { node, to, message: self.give_back() }))
            }
            Delivery::Full { leave } => {
                if leave && self.sleeper.leave() {
                    self.run.on_quiet();
                }
                Poll::Pending
            }
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
    pub fn give_up(mut self) -> SendError {
        let node = Arc::clone(&self.run.nodes[self.target as usize].id);
        SendError::TimedOut { node, message: self.give_back() }
    }

    fn give_back(&mut self) -> Message {
        std::mem::replace(&mut self.message, Message::Flow)
    }
}

impl Drop for OutsideSend {
    fn drop(&mut self) {
        if let Some(outgoing) = self.pending.front() {
            self.run.forget_waiting(outgoing, &self.sleeper);
            if !self.run.is_cancelled() {
                self.run.record_gone(self.pending.iter());
            }
        }
        self.sleeper.rise();
        self.run.end_activity();
    }
}
