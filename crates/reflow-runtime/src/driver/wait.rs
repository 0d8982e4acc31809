//! Where a node's task waits: for something to do, and for room at its targets.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use smallvec::{SmallVec, smallvec};

use super::stretch::Stretch;
use super::{Driver, Turn};
use crate::assembler::Assembler;
use crate::delivery::Delivery;
use crate::mailbox::Sleep;
use crate::node_state::NodeState;
use crate::run::Run;

impl Driver {
    /// Waits until there is something to do.
    pub(super) async fn turn(&mut self) -> Turn {
        poll_fn(|cx| self.poll_turn(cx)).await
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let sleeper = std::sync::Arc::clone(&self.handle.node().sleeper);
        self.waker.hand_to(&sleeper, cx);
        sleeper.rise();
        if self.handle.is_cancelled() {
            return Poll::Ready(Turn::Cancelled);
        }
        let changed = self.poll_open(cx);
        if changed || self.takes_signals() || self.finish && self.open.is_empty() {
            return Poll::Ready(Turn::Work);
        }
        let may_start = self.may_start();
        if may_start && self.assembler.is_ready() {
            return Poll::Ready(Turn::Work);
        }
        let idle = self.open.is_empty();
        let waits = self.waits_for_arrival();
        let sleep = if waits {
            Sleep::More(&sleeper)
        } else if !(may_start || idle && self.batch.is_empty()) {
            Sleep::Occupied(&sleeper)
        } else if may_start && self.source || !self.batch.is_empty() {
            Sleep::No
        } else {
            Sleep::Empty(&sleeper)
        };
        let before = self.batch.len();
        let taken = self.exchange_all(sleep);
        if let Some(asleep) = taken.asleep
            && (self.batch.len() > before || waits && !self.waits_for_arrival())
        {
            // A recording has let something come that was there already.
            if asleep {
                sleeper.stay_awake();
            }
            self.sort_control();
            return Poll::Ready(Turn::Work);
        }
        let Some(asleep) = taken.asleep else {
            self.sort_control();
            return Poll::Ready(Turn::Work);
        };
        if self.open.active() == 0 && !self.open.is_backing_off() {
            self.handle.run().set_state(self.node(), NodeState::Waiting, false);
        }
        let end = if self.is_cancelled() {
            Some(Turn::Cancelled)
        } else if idle && self.batch.is_empty() && !self.expects_arrival() && self.let_hopeless_go(taken.open_links) {
            Some(Turn::Work)
        } else if idle && self.batch.is_empty() && !self.expects_arrival() && self.is_exhausted(taken.open_links) {
            // What came in before the last producer closed is not seen by the look above: look once more.
            self.look();
            let nothing = self.batch.is_empty() && self.signals.is_empty() && !self.assembler.is_ready();
            Some(if nothing { Turn::Closed } else { Turn::Work })
        } else if !self.outbox.is_empty() {
            // Packets that found no partner leave without a tick.
            Some(Turn::Work)
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
    fn is_exhausted(&self, open_links: usize) -> bool {
        let (node, run) = (self.node(), self.handle.run());
        if node.exhausted.load(Ordering::Acquire) {
            return true;
        }
        if node.awaits_groups() && !run.rings_ended.load(Ordering::Acquire) {
            // Other branches may hold its groups for longer than its own.
            return false;
        }
        if self.may_be_sent_to() {
            return false;
        }
        if run.keeps_retained() && self.body.is_retained() {
            return false;
        }
        if open_links == 0 {
            return true;
        }
        if matches!(self.assembler, Assembler::Any) {
            return false;
        }
        let closed = self.closed_ports();
        // On a ring the last producer ends after this node, and not before it.
        self.assembler.is_exhausted(&closed) && (!self.assembler.may_be_left_alone(&closed) || self.is_on_ring())
    }

    /// Whether packets may come that no connection brings, or by a recording.
    fn may_be_sent_to(&self) -> bool {
        let node = self.node();
        node.holds.load(Ordering::Acquire) > 0 || self.handle.run().outside_may_send(node) || self.is_told_its_ticks()
    }

    fn closed_ports(&self) -> SmallVec<[bool; 16]> {
        let node = self.node();
        let mut closed: SmallVec<[bool; 16]> = smallvec![true; node.declared_inports];
        node.mailbox.closed_ports(&mut closed);
        closed
    }

    fn is_on_ring(&self) -> bool {
        *self.on_ring.get_or_init(|| {
            let rings = self.handle.run().nodes_on_rings();
            rings.get(self.handle.index() as usize).is_some_and(Option::is_some)
        })
    }

    /// Lets go of packets whose partners can come no more since inports have closed; whether there is something to do now.
    fn let_hopeless_go(&mut self, open_links: usize) -> bool {
        let pairs = matches!(&self.assembler, Assembler::All(pairing) if pairing.matches());
        if !pairs || open_links == self.open_links || self.may_be_sent_to() {
            return false;
        }
        let closed = self.closed_ports();
        // What came in before a producer closed comes first.
        self.look();
        if !self.batch.is_empty() || !self.signals.is_empty() {
            return true;
        }
        self.open_links = open_links;
        let Some(pairing) = self.assembler.pairing() else { return false };
        pairing.close_ports(&closed);
        let some = !pairing.lone.is_empty();
        self.release_lone();
        some
    }

    /// Hands everything in the outbox over, waiting for room. What the run's end leaves behind is counted.
    pub(super) async fn flush(&mut self) {
        loop {
            self.submit();
            if !self.outbox.is_empty() {
                poll_fn(|cx| self.poll_flush(cx)).await;
            }
            if self.node().departures.is_none() || !self.pass_turn() {
                return;
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A packet that finds no room registers the sleeper, so its waker has to be there before.
        self.waker.hand_to(&self.handle.node().sleeper, cx);
        self.handle.node().sleeper.rise();
        if self.open.is_awaited() && self.handle.node().mailbox.has_control() {
            // A call that has returned is at work no longer: a stall must not go unnoticed for it.
            self.look();
        }
        if !self.open.is_empty() {
            // Attempts that are open go on while others wait for room.
            self.poll_open(cx);
        }
        let (run, node) = (self.handle.run(), self.handle.node());
        let mut released = false;
        loop {
            if run.is_cancelled() {
                let left = self.stretch.as_mut().map_or(0, Stretch::clear);
                node.counters.undelivered.add(left as u64);
            }
            let leave = match run.deliver(Some(node), &mut self.outbox, &node.sleeper) {
                Delivery::Done { .. } => {
                    let stretch = self.stretch.as_mut();
                    if stretch.is_some_and(|stretch| stretch.hand_over(run, node, &mut self.outbox)) {
                        continue;
                    }
                    break;
                }
                Delivery::Refused(refused) => {
                    self.report_overflow(&refused);
                    continue;
                }
                Delivery::Full { leave } => leave,
            };
            if !released && self.released.iter().any(|count| *count > 0) {
                // A node that waits must not keep credits to itself: on a ring, giving them back may make the very room
                // that it waits for. So give them back, then look again.
                released = true;
                if leave {
                    node.sleeper.stay_awake();
                }
                node.mailbox.release(&mut self.released);
                continue;
            }
            if run.is_cancelled() && is_farewell_over(&mut self.farewell, run, cx) {
                if leave {
                    node.sleeper.stay_awake();
                }
                node.counters.undelivered.add(self.outbox.len() as u64);
                self.outbox.clear();
                break;
            }
            self.waiting.get_or_insert_with(|| node.waiting_for_room());
            if leave && node.sleeper.leave() {
                run.on_quiet();
            }
            return Poll::Pending;
        }
        (self.waiting, self.farewell) = (None, None);
        Poll::Ready(())
    }
}

/// Whether a listener without room is waited for no longer: as long as whoever stopped the run waits.
fn is_farewell_over(farewell: &mut Option<BoxFuture<'static, ()>>, run: &Run, cx: &mut Context<'_>) -> bool {
    let farewell = farewell.get_or_insert_with(|| {
        let (native, patience) = (std::sync::Arc::clone(run.native()), run.patience());
        Box::pin(async move { native.sleep_if_possible(patience).await })
    });
    farewell.as_mut().poll(cx).is_ready()
}
