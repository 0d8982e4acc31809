//! Logs of which a part waits in the journal: what is read, when, and what is still to be read.

use std::collections::BTreeSet;

use super::{Inner, Mailbox};
use crate::packet::Packet;
use crate::stats::raise;

/// Packets of a log that wait in the mailbox; others wait in the journal.
pub(crate) const WINDOW: usize = 2048;

/// Packets to be read from a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) link: u32,
    pub(crate) stream: u32,
    pub(crate) from: u64,
}

/// The part of a log that waits in the journal.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) stream: u32,
    /// The position of the next packet to be read.
    pub(super) from: u64,
    /// How far the log goes.
    pub(super) end: u64,
    /// What was taken already, beyond that.
    pub(super) taken: BTreeSet<u64>,
    pub(super) loading: bool,
    /// Whether the link closes with its last packet.
    pub(super) closing: bool,
}

impl Mailbox {
    /// The link is a log, of which packets from `from` to `end` wait in the journal; what is in `taken` does not count.
    pub(crate) fn page(&self, link: u32, stream: u32, from: u64, end: u64, taken: BTreeSet<u64>) {
        let mut inner = self.inner.lock();
        inner.pages = true;
        let page = Page { stream, from, end, taken, loading: false, closing: false };
        inner.links[link as usize].page = Some(Box::new(page));
    }

    /// Takes in what was read from the journal; packets that are not there any more, and whether to wake the consumer. `None`
    /// says that nothing could be read.
    pub(crate) fn loaded(&self, link: u32, kept: Option<Vec<(u64, Packet)>>, limit: usize) -> (Vec<u32>, bool) {
        let mut gone = Vec::new();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let entry = &mut inner.links[link as usize];
        let Some(page) = entry.page.as_mut() else { return (gone, false) };
        page.loading = false;
        let Some(kept) = kept else { return (gone, false) };
        let is_all = kept.len() < limit;
        for (position, packet) in kept {
            let missing = (page.from..position.min(page.end)).filter(|position| !page.taken.remove(position));
            gone.extend(missing.map(|position| position as u32));
            page.from = position + 1;
            if !page.taken.remove(&position) {
                entry.used += 1;
                inner.queue.push_back(packet);
            }
        }
        if is_all && page.from < page.end {
            let missing = (page.from..page.end).filter(|position| !page.taken.contains(position));
            gone.extend(missing.map(|position| position as u32));
            page.from = page.end;
        }
        raise(&mut entry.high_water, entry.used);
        if page.closing && page.from >= page.end {
            entry.closed = true;
            inner.open_links -= 1;
        }
        inner.consumer_asleep = false;
        (gone, true)
    }
}

impl Inner {
    /// Whether the packet of a log waits in the journal, because enough of them are here.
    pub(super) fn put_off(&mut self, packet: &Packet) -> bool {
        let link = &mut self.links[packet.link as usize];
        let used = link.used;
        let Some(page) = link.page.as_mut() else { return false };
        let position = page.end + u64::from(packet.position.wrapping_sub(page.end as u32));
        let behind = page.from < page.end || page.loading;
        page.end = position + 1;
        // What descends from something is held as long as it is on its way.
        if behind || used >= WINDOW && packet.origin.is_none() {
            return true;
        }
        page.from = page.end;
        false
    }

    /// A log that has room for packets which wait in the journal.
    pub(super) fn next_load(&mut self) -> Option<Load> {
        for (index, link) in (0_u32..).zip(&mut self.links) {
            if let Some(page) = link.page.as_mut()
                && !page.loading
                && page.from < page.end
                && link.used <= WINDOW / 2
            {
                page.loading = true;
                return Some(Load { link: index, stream: page.stream, from: page.from });
            }
        }
        None
    }
}
