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
    /// How far the log went when this was asked for.
    pub(crate) end: u64,
}

/// The part of a log that waits in the journal.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) stream: u32,
    /// The position of the next packet to be read.
    pub(super) from: u64,
    /// How far the log goes.
    pub(super) end: u64,
    /// What does not wait there, beyond that: it was taken already, or comes by itself.
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

    /// Takes in what was read from the journal, at most `limit` packets; packets that are not there any more, and whether to wake
    /// the consumer. `None` says that nothing could be read.
    pub(crate) fn loaded(&self, load: Load, kept: Option<Vec<(u64, Packet)>>, limit: usize) -> (Vec<u32>, bool) {
        let mut gone = Vec::new();
        // Dropped after the lock: the end of an origin is told to mailboxes, perhaps to this one.
        let mut surplus = Vec::new();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let entry = &mut inner.links[load.link as usize];
        let Some(page) = entry.page.as_mut() else { return (gone, false) };
        page.loading = false;
        let Some(kept) = kept else { return (gone, false) };
        let is_all = kept.len() < limit || kept.last().is_some_and(|(position, _)| *position >= load.end);
        for (position, packet) in kept {
            if position >= load.end {
                // It has not come yet, or has come meanwhile and is read next.
                surplus.push(packet);
                continue;
            }
            page.pass(position, &mut gone);
            page.from = position + 1;
            if page.taken.remove(&position) {
                surplus.push(packet);
            } else {
                entry.used += 1;
                inner.queue.push_back(packet);
            }
        }
        if is_all {
            page.pass(load.end, &mut gone);
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

impl Page {
    /// Goes on to a position; what should have waited before it is not there any more.
    fn pass(&mut self, to: u64, gone: &mut Vec<u32>) {
        let missing = (self.from..to).filter(|position| !self.taken.remove(position));
        gone.extend(missing.map(|position| position as u32));
        self.from = to;
    }
}

impl Inner {
    /// Whether the packet of a log waits in the journal, because enough of them are here.
    pub(super) fn put_off(&mut self, packet: &Packet) -> bool {
        let link = &mut self.links[packet.link as usize];
        let used = link.used;
        let Some(page) = link.page.as_mut() else { return false };
        let ahead = packet.position.wrapping_sub(page.end as u32) as i32;
        // What another sender has overtaken comes by itself, wherever the log is.
        let Ok(ahead) = u64::try_from(ahead) else { return false };
        let overtaken = page.end..page.end + ahead;
        let behind = page.from < page.end || page.loading;
        page.end = overtaken.end + 1;
        if behind || used >= WINDOW {
            page.taken.extend(overtaken);
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
                return Some(Load { link: index, stream: page.stream, from: page.from, end: page.end });
            }
        }
        None
    }
}
