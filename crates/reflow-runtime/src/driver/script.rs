//! A node whose run has a script: its packets and ticks are written down, or come in the order that was.

use std::sync::Arc;

use super::Driver;
use crate::script::{Script, Taking};

impl Driver {
    fn script(&self) -> Option<&Arc<Script>> {
        self.handle.run().script.as_ref()
    }

    /// Whether another tick of the node may start now.
    pub(super) fn is_turn(&self) -> bool {
        self.script().is_none_or(|script| script.is_turn(self.handle.index()))
    }

    /// A tick starts.
    pub(super) fn note_start(&self) {
        let next = self.script().and_then(|script| script.start_tick(self.handle.index()));
        if let Some(next) = next {
            self.handle.run().poke(next);
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
        for packet in self.batch.drain(before..) {
            self.ahead.entry(packet.link).or_default().push_back(packet);
        }
        loop {
            let has = |link: u32| self.ahead.get(&link).is_some_and(|packets| !packets.is_empty());
            let next = match player.takes(node, has) {
                Taking::Next(link) => self.ahead.get_mut(&link).and_then(std::collections::VecDeque::pop_front),
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
