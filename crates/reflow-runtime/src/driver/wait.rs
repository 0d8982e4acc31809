//! Where a node's task waits: for something to do, and for room at its targets.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::{Driver, Turn};
use crate::actor::Instance;
use crate::firing::Assembler;
use crate::node::{NodeState, TAP};

impl Driver {
    /// Waits until there is something to do.
    pub(super) async fn turn(&mut self) -> Turn {
        poll_fn(|cx| self.poll_turn(cx)).await
    }

    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let sleeper = &self.handle.node().sleeper;
        self.waker.hand_to(sleeper, cx);
        sleeper.rise();
        if self.handle.is_cancelled() {
            return Poll::Ready(Turn::Cancelled);
        }
        let busy = self.source || !self.open.is_empty() || !self.batch.is_empty() || !self.control.is_empty();
        let mailbox = &self.handle.node().mailbox;
        let may_sleep = (!busy).then_some(sleeper);
        let taken = mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, may_sleep);
        let Some(asleep) = taken.asleep else { return Poll::Ready(Turn::Work) };
        self.handle.run().set_state(self.node(), NodeState::Waiting, false);
        let end = if self.is_cancelled() {
            Some(Turn::Cancelled)
        } else if self.is_exhausted(taken.open_links) {
            // What came in before the last producer closed is not seen by the look above: look once more.
            mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, None);
            let nothing = self.batch.is_empty() && self.control.is_empty();
            Some(if nothing { Turn::Closed } else { Turn::Work })
        } else {
            None
        };
        match end {
            Some(turn) => {
                if asleep {
                    sleeper.stay_awake();
                }
                Poll::Ready(turn)
            }
            None => {
                if asleep && sleeper.leave() {
                    self.handle.run().on_quiet();
                }
                self.since_pause = 0;
                Poll::Pending
            }
        }
    }

    /// Whether no further tick can come.
    pub(super) fn is_exhausted(&self, open_links: usize) -> bool {
        let (node, run) = (self.node(), self.handle.run());
        if node.exhausted.load(Ordering::Acquire) {
            return true;
        }
        if node.holds.load(Ordering::Acquire) > 0 || run.outside_may_send(node) {
            return false;
        }
        if matches!(&self.instance, Instance::Hosted(actor) if run.keeps_retained() && actor.is_retained()) {
            return false;
        }
        if open_links == 0 {
            return true;
        }
        let mut closed = vec![true; node.declared_inports];
        node.mailbox.closed_ports(&mut closed);
        !matches!(self.assembler, Assembler::Any) && self.assembler.is_exhausted(&closed)
    }

    /// Hands everything in the outbox over, waiting for room. What the run's end leaves behind is counted.
    pub(super) async fn flush(&mut self) {
        if !self.outbox.is_empty() {
            poll_fn(|cx| self.poll_flush(cx)).await;
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (run, node) = (self.handle.run(), self.handle.node());
        let sleeper = &node.sleeper;
        // A packet that finds no room registers the sleeper, so its waker has to be there before.
        self.waker.hand_to(sleeper, cx);
        sleeper.rise();
        node.counters.clock.unblock();
        let mut released = false;
        let mut delivered = 0;
        while let Some(front) = self.outbox.front() {
            if run.is_cancelled() {
                node.counters.undelivered.add(self.outbox.len() as u64);
                self.outbox.clear();
                break;
            }
            let target = front.target;
            let leave = if target & TAP == 0 {
                let target_node = &run.nodes[target as usize];
                let traced = run.events.wants_packets();
                let before = self.outbox.len();
                let mut trace = Vec::new();
                let offer = target_node.mailbox.offer_many(target, &mut self.outbox, sleeper, |outgoing| {
                    if traced {
                        trace.push((outgoing.port, outgoing.link, outgoing.message.clone()));
                    }
                });
                delivered += before - self.outbox.len() - offer.undelivered;
                node.counters.undelivered.add(offer.undelivered as u64);
                for (port, link, message) in trace {
                    run.trace_sent(node, port, target_node, link, message);
                }
                if offer.wake {
                    target_node.sleeper.wake();
                }
                offer.leave
            } else {
                match self.outbox.pop_front().map(|outgoing| run.deliver(node, outgoing, sleeper)) {
                    Some(Err((outgoing, leave))) => {
                        self.outbox.push_front(outgoing);
                        Some(leave)
                    }
                    _ => None,
                }
            };
            let Some(leave) = leave else { continue };
            if !released && self.released.iter().any(|count| *count > 0) {
                // A node that waits must not keep credits to itself: on a ring, giving them back may make the very room
                // that it waits for. So give them back, then look again.
                released = true;
                if leave {
                    sleeper.stay_awake();
                }
                node.mailbox.release(&mut self.released);
                continue;
            }
            node.counters.packets_out.add(delivered as u64);
            node.counters.clock.block();
            if leave && sleeper.leave() {
                run.on_quiet();
            }
            return Poll::Pending;
        }
        node.counters.packets_out.add(delivered as u64);
        Poll::Ready(())
    }
}
