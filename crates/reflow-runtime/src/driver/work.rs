//! A turn of a node: ticks, in the style that its actor and its policy ask for.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;

use reflow_message::Message;

use super::body::Body;
use super::call::{Call, run_sync};
use super::{Driver, Style, TURN};
use crate::assembler::{Assembler, Intake};
use crate::attempt::Packets;
use crate::failure::Failure;
use crate::mailbox::{LinkInfo, Sleep};
use crate::origin::Origin;
use crate::packet::{Control, Packet};
use crate::recorder::key_of;

/// Ticks after which credits are given back, where connections have room for many packets.
const RELEASE_EVERY: usize = 32;

impl Driver {
    /// Looks into the mailbox, and deals with everything in it but packets and signals.
    pub(super) fn look(&mut self) {
        self.exchange(Sleep::No);
        self.sort_control();
    }

    pub(super) fn sort_control(&mut self) {
        while let Some(control) = self.control.pop_front() {
            match control {
                Control::Signal(signal) => self.signals.push_back(signal),
                Control::Completion(completion) => self.complete(completion),
                // It only had to wake the node.
                Control::Poke => {}
                Control::Unanswered(question) => self.end_question(&question),
                Control::Withdrawn => self.withdraw(),
                Control::Gathered(end) => {
                    let hosted = self.node().hosted;
                    let left = self.assembler.gatherer().map(|gatherer| gatherer.end(*end, hosted)).unwrap_or_default();
                    self.let_go(left.others);
                    self.settle_group(left.gone, left.settled.as_deref());
                    if let Some(awaited) = &self.node().awaited_groups {
                        awaited.fetch_sub(1, Ordering::Relaxed);
                    }
                }
                Control::Ended(origin, question) => {
                    if let Some(question) = question {
                        self.end_asked_origin(origin, &question);
                    }
                    if let Some(pairing) = self.assembler.pairing() {
                        pairing.end_origin(origin);
                        self.release_lone();
                    }
                }
            }
        }
    }

    /// Whether signals can be handed over: between ticks, unless the node runs several at once.
    pub(super) fn takes_signals(&self) -> bool {
        let beside_ticks = matches!(self.style, Style::Concurrent(_)) && !matches!(self.body, Body::Async(..));
        !self.signals.is_empty() && (self.open.active() == 0 || beside_ticks)
    }

    /// Hands signals to the actor, if it can take them now.
    pub(super) async fn hand_signals(&mut self) {
        while self.takes_signals() && !self.is_cancelled() {
            let Some(signal) = self.signals.pop_front() else { break };
            self.handle.node().mailbox.signal_taken(&signal.signal);
            let result = self.call(Call::Signal(&signal)).await;
            if let Err(failure) = result {
                self.report(failure, false);
            }
            self.flush().await;
        }
    }

    /// Whether another tick may start now.
    pub(super) fn may_start(&self) -> bool {
        let waits_for_signal = matches!(self.body, Body::Async(..)) && !self.signals.is_empty();
        self.open.has_place()
            && !self.finish
            && !self.failed
            && !waits_for_signal
            && !self.is_cancelled()
            && self.is_turn()
    }

    /// Runs ticks for a turn.
    pub(super) async fn work(&mut self) {
        self.tell_clock(1);
        // Seldom, and large: they have no room in the task of every node.
        if self.open.is_unwinding() {
            Box::pin(self.replace_stuck()).await;
        }
        if self.open.is_backing_off() {
            Box::pin(self.start_again()).await;
        }
        let before = self.sequence;
        match self.style {
            Style::Computes => self.work_sync().await,
            Style::Single | Style::Concurrent(_) => self.work_ticks().await,
            Style::Batches(limit) => self.work_batch(limit).await,
        }
        self.tell_clock(0);
        // A node that feeds itself finds its next packet at once, turn after turn, and others wait for its thread.
        self.since_pause += self.sequence - before;
        if self.since_pause >= TURN as u64 || self.body.gives_way() {
            self.since_pause = 0;
            yield_now().await;
        }
    }

    /// Tells the clock how many ticks go on: those that are open, or so many that are about to begin.
    fn tell_clock(&self, least: usize) {
        self.node().counters.clock.set_ticks(self.open.active().max(least));
    }

    /// The fast path: ticks back to back, their outputs together.
    async fn work_sync(&mut self) {
        let mut ticks = self.run_stretch();
        if !self.outbox.is_empty() {
            return self.flush().await;
        }
        let goes_on =
            |driver: &Self| driver.outbox.len() < TURN && !driver.finish && !driver.failed && !driver.is_cancelled();
        while ticks < TURN && goes_on(self) && self.assemble() {
            ticks += 1;
            self.count_tick();
            let Body::Sync(actor) = &mut self.body else { break };
            let result = run_sync(&mut **actor, &self.handle, &mut self.attempt);
            self.finish |= self.attempt.finish;
            if !self.recorded {
                self.route_sent();
            }
            match result {
                Ok(()) => {
                    self.commit_current();
                    self.submit_before_end();
                    self.attempt.origin = None;
                }
                Err(failure) => self.end_failed(failure),
            }
        }
        self.flush().await;
    }

    /// The tick of an actor that computes has failed.
    pub(super) fn end_failed(&mut self, failure: Failure) {
        if !self.is_cancelled() {
            let mut attempt = std::mem::take(&mut self.attempt);
            let routed = self.give_up(&mut attempt, failure);
            self.leave_failed(&mut attempt, routed.as_ref());
            self.submit_before_end();
        }
    }

    fn count_tick(&self) {
        self.node().counters.count_tick(self.attempt.inputs.len());
    }

    /// Ticks that are delivered before the next one, or go on while others start.
    async fn work_ticks(&mut self) {
        // What has ended elsewhere leaves before the next tick begins.
        self.flush().await;
        // Where an attempt keeps nothing, and one runs at a time, most ticks begin and end in one step. Whatever has to see
        // commits (a journal, say) has to keep the node from it.
        let is_plain = self.style == Style::Single
            && self.policy().is_none()
            && self.node().scatter.is_none()
            && matches!(self.body, Body::Hosted(..))
            && !self.recorded
            && !self.node().cuts();
        let mut ticks = 0;
        while ticks < TURN && self.may_start() && self.assemble() {
            ticks += 1;
            self.count_tick();
            self.release_while_working(ticks);
            if !is_plain {
                self.start().await;
            } else if let Some(step) = self.run_at_once() {
                self.follow_attempt(step, Packets::new(), None).await;
            }
            self.flush().await;
            if !self.control.is_empty() || !self.signals.is_empty() || self.body.gives_way() {
                break;
            }
        }
        self.flush().await;
    }

    /// Many ticks in one call.
    async fn work_batch(&mut self, limit: usize) {
        self.flush().await;
        if self.may_start() && !self.run_column(limit) {
            let mut attempts = std::mem::take(&mut self.batched);
            while attempts.len() < limit && self.assemble() {
                self.count_tick();
                attempts.push(std::mem::take(&mut self.attempt));
            }
            if !attempts.is_empty() {
                self.start_batch(&mut attempts, Vec::new());
            }
            self.batched = attempts;
        }
        self.flush().await;
    }

    /// Gives credits back in the middle of a turn: its ticks may take long, and producers need not wait for all of them.
    fn release_while_working(&mut self, ticks: usize) {
        if self.tight || ticks.is_multiple_of(RELEASE_EVERY) {
            self.handle.node().mailbox.release(&mut self.released);
        }
    }

    /// Puts the inputs of the next tick into the attempt, if a tick is complete.
    pub(super) fn assemble(&mut self) -> bool {
        let attempt = &mut self.attempt;
        attempt.clear();
        attempt.number = 1;
        let complete = self.is_turn() && (self.source || self.assemble_inputs());
        if complete {
            self.note_start();
            self.sequence += 1;
            self.attempt.sequence = self.sequence;
            self.attempt.meet_node(self.handle.node());
            if self.handle.node().scatter.is_some() {
                let origin = self.attempt.origin.take();
                let key = self.recorded.then(|| key_of(&self.attempt));
                self.attempt.origin = self.handle.node().scattering(self.handle.index(), origin, key);
            }
        }
        complete
    }

    fn assemble_inputs(&mut self) -> bool {
        let keeps_newest = self.handle.node().keeps_newest;
        if matches!(self.assembler, Assembler::Any) && !keeps_newest {
            while let Some(packet) = self.batch.pop_front_if(|packet| is_plain(&self.links, packet)) {
                self.released[packet.link as usize] += 1;
                if packet.origin.as_ref().is_some_and(Origin::is_cancelled) {
                    if self.recorded {
                        self.gone.push((packet.link, packet.position));
                    }
                    continue;
                }
                if self.recorded {
                    self.attempt.taken.push((packet.link, packet.position));
                }
                self.attempt.origin = packet.origin;
                self.attempt.inputs.push((self.links[packet.link as usize].port, packet.message));
                return true;
            }
        }
        if keeps_newest {
            self.remember_newest();
        }
        let mut intake = Intake {
            mailbox: &self.handle.node().mailbox,
            links: &self.links,
            released: &mut self.released,
            gone: self.recorded.then_some(&mut self.gone),
        };
        if self.assembler.take(&mut self.attempt, &mut intake) {
            return true;
        }
        let complete = loop {
            let Some(Packet { link, position, message, origin }) = self.batch.pop_front() else { break false };
            if link as usize >= self.links.len() {
                self.refresh_links();
            }
            let mut intake = Intake {
                mailbox: &self.handle.node().mailbox,
                links: &self.links,
                released: &mut self.released,
                gone: self.recorded.then_some(&mut self.gone),
            };
            let held = intake.held(link, position, message, origin);
            if let Some(gatherer) = self.assembler.gatherer() {
                let port = self.links[link as usize].port;
                let lone = gatherer.put(port, held, &mut intake);
                self.let_go(lone.into_iter().collect());
                continue;
            }
            if held.origin.as_ref().is_some_and(|origin| origin.question().is_some()) {
                if self.take_asked(held) {
                    break true;
                }
                continue;
            }
            if self.assembler.offer(self.links[link as usize].port, held, &mut self.attempt, &mut intake) {
                break true;
            }
        };
        self.note_lone();
        if !complete {
            self.attempt.origin = None;
        }
        complete
    }

    fn note_lone(&mut self) {
        if self.assembler.pairing().is_some_and(|pairing| !pairing.lone.is_empty()) {
            self.release_lone();
        }
    }

    fn refresh_links(&mut self) {
        self.links = self.handle.node().mailbox.links();
        self.released.resize(self.links.len(), 0);
        self.tight = self.handle.node().mailbox.is_tight();
    }

    /// Takes in what has come meanwhile: packets of inports that are remembered count as soon as they are there, whatever
    /// came before them to other inports.
    fn remember_newest(&mut self) {
        self.exchange(Sleep::No);
        if !self.assembler.remembers() || self.batch.is_empty() {
            return;
        }
        if self.batch.iter().any(|packet| packet.link as usize >= self.links.len()) {
            self.refresh_links();
        }
        let links = &self.links;
        let mut intake = Intake {
            mailbox: &self.handle.node().mailbox,
            links,
            released: &mut self.released,
            gone: self.recorded.then_some(&mut self.gone),
        };
        let assembler = &mut self.assembler;
        self.batch.retain_mut(|packet| {
            let LinkInfo { port, shelved, .. } = links[packet.link as usize];
            let placed = shelved && packet.origin.is_none();
            if placed {
                let held = intake.held(packet.link, packet.position, Message::Flow, packet.origin.take());
                assembler.put(port, held, &mut intake);
            }
            !placed
        });
    }
}

/// Whether a packet is in the queue itself, and came over a link that the node knows.
pub(super) fn is_plain(links: &[LinkInfo], packet: &Packet) -> bool {
    links.get(packet.link as usize).is_some_and(|link| !link.shelved)
}

/// Lets other tasks of the host have a turn.
pub(super) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
