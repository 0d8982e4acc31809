//! Shelves where a script is written or followed: which packets they give is part of it.

use std::sync::Arc;

use reflow_message::Message;
use rustc_hash::FxHashMap;

use super::link::Shelved;
use super::{Inner, Mailbox};
use crate::script::Script;

/// What a mailbox needs to write or follow a script.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) script: Arc<Script>,
    /// The index of the node.
    node: u32,
    /// Where a recording is followed, what shelves would keep, by link and how-manieth packet of it.
    pub(super) kept: FxHashMap<(u32, u64), Shelved>,
}

impl Mailbox {
    /// The node has a script, and this index.
    pub(crate) fn follow(&self, script: Arc<Script>, node: u32) {
        self.inner.lock().scripted = Some(Box::new(Scripted { script, node, kept: FxHashMap::default() }));
    }

    /// The shelf that the packets of a link are kept on.
    pub(crate) fn shelf_of_link(&self, link: u32) -> Option<u32> {
        self.inner.lock().links.get(link as usize)?.shelf.map(|shelf| shelf as u32)
    }

    /// Whether these packets have come, where a recording is followed.
    pub(crate) fn has_kept(&self, packets: &[(u32, u64)]) -> bool {
        let inner = self.inner.lock();
        packets.iter().all(|packet| inner.scripted.as_ref().is_some_and(|scripted| scripted.kept.contains_key(packet)))
    }

    /// Whether some packet of the link has come and was not taken, where a recording is followed.
    pub(crate) fn keeps_some(&self, link: u32) -> bool {
        let inner = self.inner.lock();
        inner.scripted.iter().flat_map(|scripted| scripted.kept.keys()).any(|(known, _)| *known == link)
    }
}

impl Inner {
    /// What a shelf gives: it is written down, or what was.
    pub(super) fn pull_by_script(&mut self, at: usize) -> Option<Shelved> {
        let Scripted { script, node, kept } = self.scripted.as_deref_mut()?;
        let node = *node;
        let shelf = &mut self.shelves[at];
        let Some(player) = script.player_of() else {
            let packet = shelf.packets.pop_front()?;
            script.note_pull(node, at as u32, shelf.made_of.pop_front().unwrap_or_default());
            return Some(packet);
        };
        let mut given: Option<Shelved> = None;
        for (link, place) in player.pull(node, at as u32)? {
            let Some(next) = kept.remove(&(link, place)) else { continue };
            // What came before over this connection was replaced.
            kept.retain(|(known, at), _| *known != link || *at > place);
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
