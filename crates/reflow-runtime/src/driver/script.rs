//! A node whose run has a script: its packets and ticks are written down, or come in the order that was.

use std::sync::Arc;

use reflow_message::Message;

use super::Driver;
use crate::packet::Packet;
use crate::script::{Script, Taking};

impl Driver {
    fn script(&self) -> Option<&Arc<Script>> {
        self.handle.run().script.as_ref()
    }

    /// Whether another tick of the node may start now.
    pub(super) fn is_turn(&self) -> bool {
        let node = self.handle.index();
        self.script().is_none_or(|script| script.is_turn(node, self.source)) && !self.waits_for_arrival()
    }

    /// Whether a recording says when the ticks of the node come, which nothing else does.
    pub(super) fn is_told_its_ticks(&self) -> bool {
        self.source && self.script().is_some_and(|script| script.player_of().is_some())
    }

    /// Whether packets have yet to come that were there when the next tick of the recording started.
    pub(super) fn waits_for_arrival(&self) -> bool {
        let player = self.script().filter(|_| self.node().keeps_newest).and_then(|script| script.player_of());
        player.is_some_and(|player| !player.may_tick(self.handle.index()))
    }

    /// Whether a recording has another packet for the node, which has come or will.
    pub(super) fn expects_arrival(&self) -> bool {
        let player = self.script().and_then(|script| script.player_of());
        player.is_some_and(|player| player.has_arrivals(self.handle.index()))
    }

    /// A tick starts.
    pub(super) fn note_start(&self) {
        let Some(script) = self.script() else { return };
        if self.node().keeps_newest {
            script.note_tick_among_arrivals(self.handle.index());
        }
        self.handle.run().poke_next(script.start_tick(self.handle.index()));
    }

    /// The outputs of a tick leave now, after what was kept of it.
    pub(super) fn note_leave(&mut self, sequence: u64) {
        self.leave_kept(sequence);
        self.open.note_left(sequence);
        if let Some(script) = self.script().filter(|_| !self.open.is_ordered()) {
            script.note_leave(self.handle.index(), sequence);
        }
    }

    /// Packets have come, after so many that were there.
    pub(super) fn note_arrivals(&mut self, before: usize) {
        let Some(script) = self.script().map(Arc::clone) else { return };
        let node = self.handle.index();
        let Some(player) = script.player_of() else {
            self.batch.iter().skip(before).for_each(|packet| script.note_arrival(node, packet.link));
            return;
        };
        let mailbox = &self.handle.node().mailbox;
        for packet in self.batch.drain(before..) {
            // What an inport keeps has a place when its time has come.
            if mailbox.shelf_of_link(packet.link).is_none() {
                self.ahead.entry(packet.link).or_default().push_back(packet);
            }
        }
        loop {
            let has = |link: u32| match mailbox.shelf_of_link(link) {
                // What was never taken off its shelf only has to be there.
                Some(shelf) => player
                    .next_pull(node, shelf, |packets| mailbox.has_kept(packets))
                    .unwrap_or_else(|| mailbox.keeps_some(link)),
                None => self.ahead.get(&link).is_some_and(|packets| !packets.is_empty()),
            };
            let next = match player.takes(node, has) {
                Taking::Next(link) => match mailbox.shelf_of_link(link) {
                    Some(shelf) => {
                        player.hand(node, shelf);
                        Some(Packet { link, position: 0, message: Message::Flow, origin: None })
                    }
                    None => self.ahead.get_mut(&link).and_then(std::collections::VecDeque::pop_front),
                },
                Taking::Waits => None,
                Taking::Any => self.ahead.values_mut().find_map(std::collections::VecDeque::pop_front),
            };
            match next {
                Some(packet) => self.batch.push_back(packet),
                None => return,
            }
        }
    }
}
