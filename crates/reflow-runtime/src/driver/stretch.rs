//! Ticks where nobody looks on: packets go through an actor that computes, or as a column through one that takes batches, and into
//! the mailbox of the one node behind it together. Whatever has to see them one by one has them go the long way.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use reflow_message::Message;

use super::body::Body;
use super::call::contain;
use super::{Driver, Style, TURN};
use crate::actor::Actor;
use crate::assembler::Assembler;
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::host::{Column, ColumnEnd, Step};
use crate::mailbox::LinkInfo;
use crate::node::{Node, Route};
use crate::node_handle::NodeHandle;
use crate::packet::{Outgoing, Packet};
use crate::run::Run;
use crate::tick::Tick;

/// Room for so many packets a node keeps.
const SMALL: usize = 8;

/// What a node needs for it that may run so.
pub(super) struct Stretch {
    /// The one connection that leaves the node, and its outport, if there is one.
    exit: Option<(u16, Route)>,
    /// Packets for it that leave together.
    leaving: VecDeque<Packet>,
}

impl Stretch {
    /// `None` for a node of which something has to see each packet or each tick, as long as it lives.
    pub(super) fn of(handle: &NodeHandle, style: Style, assembler: &Assembler) -> Option<Self> {
        let (node, run) = (handle.node(), handle.run());
        let is_recorded = node.recorder.is_some() || run.script.is_some() || node.results.is_some();
        let is_followed = node.mint.is_some() || node.scatter.is_some();
        let is_plain = matches!(style, Style::Computes | Style::Batches(_)) && node.policy.is_none();
        let is_simple = is_plain && matches!(assembler, Assembler::Any);
        if !is_simple || is_recorded || is_followed || node.cuts() || node.keeps_newest {
            return None;
        }
        let mut exits =
            (0..).zip(&node.routes).flat_map(|(port, routes)| routes.iter().map(move |route| (port, *route)));
        let exit = exits.next();
        exits.next().is_none().then_some(Self { exit, leaving: VecDeque::new() })
    }

    /// Hands over what leaves together. Where there is no room for all of it, one of the rest goes the long way before the others,
    /// and finds out why; whether it is so.
    pub(super) fn hand_over(&mut self, run: &Run, node: &Node, outbox: &mut VecDeque<Outgoing>) -> bool {
        let Some((port, Route { target, link, .. })) = self.exit.filter(|_| !self.leaving.is_empty()) else {
            return false;
        };
        run.hand_over_all(node, target, link, &mut self.leaving);
        let next = self.leaving.pop_front().map(|packet| Outgoing { target, port, packet });
        let is_left = next.is_some();
        outbox.extend(next);
        if self.leaving.is_empty() && self.leaving.capacity() > SMALL {
            self.leaving = VecDeque::new();
        }
        is_left
    }

    /// Throws away what leaves together; how many packets.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.leaving).len()
    }

    /// Takes what a tick has put out.
    fn take(&mut self, node: &Node, attempt: &mut Attempt) {
        let packets = attempt.sent.drain(..).chain(attempt.emitted.drain(..));
        packets.for_each(|(port, message)| self.put_all(node, port, [message]));
    }

    fn put_all(&mut self, node: &Node, port: u16, messages: impl IntoIterator<Item = Message>) {
        // No other outport leads anywhere.
        let Some((_, Route { link, .. })) = self.exit.filter(|(exit, _)| *exit == port) else { return };
        self.leaving.extend(messages.into_iter().map(|message| {
            node.put_out(&message);
            Packet { link, position: 0, message, origin: None }
        }));
    }
}

impl Driver {
    /// Runs ticks for a turn, as long as that goes without a look at each; how many.
    pub(super) fn run_stretch(&mut self) -> usize {
        let (node, run) = (self.handle.node(), self.handle.run());
        if self.stretch.is_none() || !self.outbox.is_empty() || run.looks_on(node) || run.events.wants_completions() {
            return 0;
        }
        self.attempt.clear();
        self.attempt.number = 1;
        let before = self.sequence;
        let mut ran = Ok(());
        while ran.is_ok() && self.stretch_goes_on(before) {
            ran = if self.source { self.stretch_source() } else { self.stretch_batch(before) };
        }
        let Some(stretch) = &mut self.stretch else { return 0 };
        self.finish |= self.attempt.finish;
        if ran.is_err() {
            // What it has sent leaves whatever becomes of a tick.
            ran = self.attempt.refuse_too_deep().and(ran);
            self.attempt.emitted.clear();
            stretch.take(self.handle.node(), &mut self.attempt);
        }
        stretch.hand_over(self.handle.run(), self.handle.node(), &mut self.outbox);
        if let Err(failure) = ran {
            self.end_failed(failure);
        }
        (self.sequence - before) as usize
    }

    fn stretch_goes_on(&self, before: u64) -> bool {
        let has_turn = self.sequence - before < TURN as u64 && !self.finish && !self.handle.run().is_cancelled();
        let has_room = self.stretch.as_ref().is_some_and(|stretch| stretch.leaving.len() < TURN);
        let next = || self.batch.front().is_some_and(|packet| is_plain(&self.links, packet));
        has_turn && has_room && (self.source || next())
    }

    /// One tick of a source.
    fn stretch_source(&mut self) -> Result<(), Failure> {
        let (Some(stretch), Body::Sync(actor)) = (&mut self.stretch, &mut self.body) else { return Ok(()) };
        self.sequence += 1;
        contain(|| run_plain(&mut **actor, &self.handle, &mut self.attempt, self.sequence))?;
        self.finish |= self.attempt.finish;
        stretch.take(self.handle.node(), &mut self.attempt);
        Ok(())
    }

    /// Ticks on the packets that wait. What a tick puts out takes the place of the packet that fired it, so that one list of packets
    /// travels through many nodes. It ends with a tick that puts out more than there is place for.
    fn stretch_batch(&mut self, before: u64) -> Result<(), Failure> {
        let (Some(stretch), Body::Sync(actor)) = (&mut self.stretch, &mut self.body) else { return Ok(()) };
        let (run, attempt) = (self.handle.run(), &mut self.attempt);
        let exit = stretch.exit.map(|(port, route)| (port, route.link));
        let limit = TURN - (self.sequence - before) as usize;
        let places = self.batch.make_contiguous();
        let (mut taken, mut left) = (0, 0);
        let ran = contain(|| {
            while taken < limit && !self.finish && !run.is_cancelled() {
                let Some(packet) = places.get_mut(taken).filter(|packet| is_plain(&self.links, packet)) else { break };
                taken += 1;
                self.sequence += 1;
                self.released[packet.link as usize] += 1;
                let port = self.links[packet.link as usize].port;
                attempt.inputs.push((port, std::mem::replace(&mut packet.message, Message::Flow)));
                run_plain(&mut **actor, &self.handle, attempt, self.sequence)?;
                self.finish |= attempt.finish;
                if !attempt.inputs.is_empty() {
                    attempt.inputs.clear();
                }
                if !attempt.sent.is_empty() || attempt.emitted.len() > 1 {
                    break;
                }
                if let Some((port, message)) = attempt.emitted.pop()
                    && let Some((_, link)) = exit.filter(|(exit, _)| *exit == port)
                {
                    self.handle.node().put_out(&message);
                    let place = &mut places[left];
                    left += 1;
                    place.message = message;
                    place.link = link;
                    place.position = 0;
                }
            }
            Ok(())
        });
        if taken == self.batch.len() && stretch.leaving.is_empty() {
            self.batch.truncate(left);
            std::mem::swap(&mut self.batch, &mut stretch.leaving);
        } else {
            stretch.leaving.extend(self.batch.drain(..taken).take(left));
        }
        if ran.is_ok() {
            stretch.take(self.handle.node(), attempt);
        }
        ran
    }
}

impl Driver {
    /// Runs a batch of packets that wait as a column, if nothing has to see its ticks one by one; whether it did.
    pub(super) fn run_column(&mut self, limit: usize) -> bool {
        let (node, run) = (self.handle.node(), self.handle.run());
        let (Some(stretch), Body::Hosted(actor, ..)) = (&mut self.stretch, &mut self.body) else { return false };
        let is_seen = run.looks_on(node) || run.events.wants_completions();
        if is_seen || self.source || !self.open.is_empty() || !self.outbox.is_empty() {
            return false;
        }
        let links = &self.links;
        let Some(port) = self.batch.front().and_then(|first| links.get(first.link as usize)).map(|link| link.port)
        else {
            return false;
        };
        let count = self.batch.len().min(limit);
        let fits = |packet: &Packet| is_plain(links, packet) && links[packet.link as usize].port == port;
        if !self.batch.iter().take(count).all(fits) {
            return false;
        }
        let mut messages = Vec::with_capacity(count);
        for packet in self.batch.drain(..count) {
            self.released[packet.link as usize] += 1;
            node.receive(&packet.message);
            messages.push(packet.message);
        }
        let first = self.sequence + 1;
        let column = Column { first, port, messages };
        self.sequence += count as u64;
        node.counters.count_ticks(count);
        let ran = catch_unwind(AssertUnwindSafe(|| actor.run_column(&self.handle, column)));
        match ran {
            Ok(ColumnEnd::Done(columns)) => {
                (first..=self.sequence).for_each(|sequence| node.tick_is_over(sequence));
                if self.batch.is_empty() && stretch.leaving.is_empty() {
                    std::mem::swap(&mut self.batch, &mut stretch.leaving);
                }
                columns.into_iter().for_each(|(port, messages)| stretch.put_all(node, port, messages));
                stretch.hand_over(run, node, &mut self.outbox);
            }
            Ok(ColumnEnd::Apart(mut attempts, others)) => self.end_batch(&mut attempts, others, Vec::new()),
            Err(payload) => {
                let mut attempts = Attempt::first_tries(first, count);
                let others = Step::failed_each(count, &Failure::from_panic(&*payload));
                self.end_batch(&mut attempts, others, Vec::new());
            }
        }
        true
    }
}

/// One tick of an actor that computes. It may panic.
#[inline]
fn run_plain(actor: &mut dyn Actor, handle: &NodeHandle, attempt: &mut Attempt, sequence: u64) -> Result<(), Failure> {
    attempt.sequence = sequence;
    handle.node().counters.count_tick(attempt.inputs.len());
    attempt.meet_node(handle.node());
    attempt.meet_component(handle.node())?;
    actor.run(&mut Tick::new(handle, attempt))?;
    attempt.refuse_too_deep()?;
    handle.node().tick_is_over(sequence);
    Ok(())
}

/// Whether a tick may take the packet without a look at what it descends from or where it waits.
fn is_plain(links: &[LinkInfo], packet: &Packet) -> bool {
    packet.origin.is_none() && super::work::is_plain(links, packet)
}
