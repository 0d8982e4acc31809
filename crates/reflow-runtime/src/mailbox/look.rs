//! What others want to know of a mailbox: how full it is, who waits for it, what it lacks.

use rustc_hash::FxHashSet;

use super::Mailbox;
use super::link::Fit;

/// How full a mailbox is.
pub(crate) struct Fill {
    pub(crate) queued: usize,
    pub(crate) high_water: usize,
    pub(crate) fullest: f64,
    pub(crate) dropped: u64,
}

impl Mailbox {
    /// Whether some link has room for a few packets only.
    pub(crate) fn is_tight(&self) -> bool {
        self.inner.lock().links.iter().any(|link| link.capacity < 64)
    }

    /// Whether a packet would find room on the link.
    pub(crate) fn has_room(&self, link: u32) -> bool {
        let inner = self.inner.lock();
        inner.closed || !matches!(inner.room(link), Fit::Full)
    }

    /// The links that somebody waits for: number, capacity, and how many wait.
    pub(crate) fn blocked_links(&self) -> Vec<(u32, usize, usize)> {
        let inner = self.inner.lock();
        (0_u32..)
            .zip(&inner.links)
            .filter(|(_, link)| !link.waiting.is_empty() && link.used >= link.capacity)
            .map(|(index, link)| (index, link.capacity, link.waiting.len()))
            .collect()
    }

    /// Whether each link leads to an inport of which the node has no packet.
    pub(crate) fn starved_links(&self) -> Vec<bool> {
        let inner = self.inner.lock();
        let fed: FxHashSet<u16> = inner.links.iter().filter(|link| link.used > 0).map(|link| link.port).collect();
        inner.links.iter().map(|link| !fed.contains(&link.port)).collect()
    }

    /// Packets that wait now, and the most that ever waited on one link.
    pub(crate) fn fill(&self) -> Fill {
        let inner = self.inner.lock();
        let bounded = || inner.links.iter().filter(|link| link.capacity != usize::MAX);
        Fill {
            queued: inner.links.iter().map(|link| link.used).sum(),
            high_water: inner.links.iter().map(|link| link.high_water).max().unwrap_or(0),
            fullest: bounded().map(|link| link.used as f64 / link.capacity as f64).fold(0.0, f64::max),
            dropped: inner.dropped,
        }
    }
}
