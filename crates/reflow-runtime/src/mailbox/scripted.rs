//! Shelves where a script is written or followed: which packets they give is part of it.

use std::sync::Arc;

use reflow_message::Message;

use super::link::Shelved;
use super::{Inner, Mailbox};
use crate::script::Script;

impl Mailbox {
    /// The node has a script, and this index.
    pub(crate) fn follow(&self, script: Arc<Script>, node: u32) {
        self.inner.lock().script = Some((script, node));
    }

    /// The shelf that the packets of a link are kept on.
    pub(crate) fn shelf_of_link(&self, link: u32) -> Option<u32> {
        self.inner.lock().links.get(link as usize)?.shelf.map(|shelf| shelf as u32)
    }

    /// Whether these packets have come, where a recording is followed.
    pub(crate) fn has_kept(&self, packets: &[(u32, u64)]) -> bool {
        let inner = self.inner.lock();
        packets.iter().all(|packet| inner.kept.contains_key(packet))
    }

    /// Whether some packet of the link has come and was not taken, where a recording is followed.
    pub(crate) fn keeps_some(&self, link: u32) -> bool {
        self.inner.lock().kept.keys().any(|(known, _)| *known == link)
    }
}

impl Inner {
    /// What a shelf gives: it is written down, or what was.
    pub(super) fn pull_by_script(&mut self, at: usize) -> Option<Shelved> {
        let (script, node) = self.script.clone()?;
        let shelf = &mut self.shelves[at];
        let Some(player) = script.player_of() else {
            let packet = shelf.packets.pop_front()?;
            script.note_pull(node, at as u32, shelf.made_of.pop_front().unwrap_or_default());
            return Some(packet);
        };
        let mut given: Option<Shelved> = None;
        for (link, place) in player.pull(node, at as u32)? {
            let Some(next) = self.kept.remove(&(link, place)) else { continue };
            // What came before over this connection was replaced.
            self.kept.retain(|(known, at), _| *known != link || *at > place);
            given = Some(match (given, next) {
                (Some((Message::Object(old), ..)), (Message::Object(new), origin, position)) => {
                    (Message::Object(old.merged_with(&new)), origin, position)
                }
                (_, next) => next,
            });
        }
        given
    }
}
