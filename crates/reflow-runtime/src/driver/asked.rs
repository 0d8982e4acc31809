//! Packets of questions on their way through a node: those of different questions do not meet, and nothing of a question that
//! was cancelled goes on.

use std::sync::Arc;

use super::Driver;
use super::open::Stage;
use crate::assembler::{Assembler, Held, Intake};
use crate::join::Lone;
use crate::question::Hold;

impl Driver {
    /// Takes a packet of a question in; whether that completes a tick.
    pub(super) fn take_asked(&mut self, mut held: Held) -> bool {
        let links = &self.links;
        let port = links[held.link as usize].port;
        let mut intake = Intake {
            mailbox: &self.handle.node().mailbox,
            links,
            released: &mut self.released,
            gone: self.recorded.then_some(&mut self.gone),
        };
        let Some(origin) = held.origin.clone() else { return false };
        let Some(question) = origin.question() else { return false };
        if question.is_cancelled() {
            intake.release(&mut held);
            intake.drop_held(held);
            return false;
        }
        let direct = matches!(self.assembler, Assembler::Any) || port == 0 && self.assembler.is_single();
        if direct && !self.asked.contains_key(&question.id()) {
            return Assembler::Any.offer(port, held, &mut self.attempt, &mut intake);
        }
        // Whoever asks bounds what waits.
        intake.release(&mut held);
        let index = self.handle.index();
        let assembler = self.asked.entry(question.id()).or_insert_with(|| {
            question.put_aside(index, true);
            self.assembler.for_question(&mut intake)
        });
        let complete = assembler.offer(port, held, &mut self.attempt, &mut intake);
        assembler.put_aside();
        let lone = assembler.pairing().map(|pairing| std::mem::take(&mut pairing.lone)).unwrap_or_default();
        if complete && assembler.is_blank() {
            self.asked.remove(&question.id());
            question.put_aside(index, false);
        }
        self.let_go(lone);
        self.attempt.origin = complete.then_some(origin);
        complete
    }

    /// Nothing of a question is left but what waits here.
    pub(super) fn end_question(&mut self, question: &Arc<Hold>) {
        let Some(assembler) = self.asked.remove(&question.id()) else { return };
        if question.is_cancelled() {
            return;
        }
        // They hold what they descend from no longer, and go on with what is left of it.
        let origin = self.handle.run().origin_of(question);
        let mut lone = assembler.leftovers();
        lone.iter_mut().for_each(|lone| lone.held.origin = Some(origin.clone()));
        self.let_go(lone);
    }

    /// Nothing that descends from an origin of a question is on its way any more.
    pub(super) fn end_asked_origin(&mut self, origin: u64, question: &Arc<Hold>) {
        let assembler = self.asked.get_mut(&question.id());
        let Some(pairing) = assembler.and_then(Assembler::pairing) else { return };
        pairing.end_origin(origin);
        let lone = std::mem::take(&mut pairing.lone);
        self.let_go(lone);
    }

    /// The node takes nothing more: what waits for partners leaves without one.
    pub(super) fn release_asked(&mut self) {
        let lone: Vec<Lone> = self.asked.drain().flat_map(|(_, assembler)| assembler.leftovers()).collect();
        self.let_go(lone);
    }

    /// Ends attempts that nobody wants to know the end of any more.
    pub(super) fn withdraw(&mut self) {
        for mut open in self.open.take_cancelled() {
            let (sequence, number) = (open.attempt.sequence, open.attempt.number);
            self.abandon_open(sequence, number);
            open.stage = Stage::GivenUp(None);
            if self.open.leaves_at_once(sequence) {
                self.leave(open);
            } else {
                self.open.put(open);
            }
        }
        self.let_followers_leave();
    }
}
