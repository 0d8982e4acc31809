//! Counters of a node, always on. Each node keeps its own; nobody shares a cache line on the packet path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::clock::Clock;

/// Raises `value` to at least `to`.
pub(crate) fn raise(value: &mut usize, to: usize) {
    if to > *value {
        *value = to;
    }
}

/// The counters of one node.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) ticks: Counter,
    pub(crate) packets_in: Counter,
    pub(crate) packets_out: Counter,
    /// Packets that no node took, but listeners or outports of the network.
    pub(crate) heard: Counter,
    pub(crate) failures: Counter,
    pub(crate) retries: Counter,
    pub(crate) late: Counter,
    pub(crate) undelivered: Counter,
    pub(crate) stray: Counter,
    pub(crate) unmatched: Counter,
    pub(crate) cached: Counter,
    pub(crate) clock: Arc<Clock>,
}

impl Counters {
    /// Counts ticks of one packet each.
    pub(crate) fn count_ticks(&self, count: usize) {
        self.ticks.tally(count as u64);
        self.packets_in.tally(count as u64);
    }

    /// Counts a tick when it starts: it may take long, and somebody may be watching.
    pub(crate) fn count_tick(&self, packets: usize) {
        self.ticks.tally(1);
        self.packets_in.tally(packets as u64);
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        if amount > 0 {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// [`add`](Self::add) for a counter that only the caller writes.
    pub(crate) fn tally(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What [`Network::stats`](crate::Network::stats) tells about one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeStats {
    /// The node.
    pub node: String,
    /// Its component.
    pub component: String,
    /// Its state, see [`NodeState`](crate::NodeState).
    pub state: &'static str,
    /// Ticks that were started.
    pub ticks: u64,
    /// Packets that ticks have taken.
    pub packets_in: u64,
    /// Packets that were put into mailboxes, once for every connection; those that only listeners and outports of the network take,
    /// once.
    pub packets_out: u64,
    /// Ticks that were given up: their last attempt failed.
    pub failures: u64,
    /// Attempts that were tried again.
    pub retries: u64,
    /// Attempts that were ended a second time, or after they had been given up.
    pub late: u64,
    /// Packets for this node that no tick took, and packets of this node whose target had ended.
    pub undelivered: u64,
    /// Packets put on outports that are neither declared nor connected.
    pub stray: u64,
    /// Packets that found no partner.
    pub unmatched: u64,
    /// Ticks whose result was known and that did not run.
    pub cached: u64,
    /// Packets that newer ones replaced, or for which its connections had no room.
    pub dropped: u64,
    /// Time spent in ticks, and in work beside them, until now, in seconds, without the waits for room and for frames of streams.
    pub busy_s: f64,
    /// Time that ticks, or what they produced, waited for room, in mailboxes and in streams, until now, in seconds.
    pub blocked_s: f64,
    /// Packets that wait in its mailbox now.
    pub queued: usize,
    /// The most that ever waited on one of its connections.
    pub queue_high_water: usize,
    /// How full its fullest connection is, from 0 to 1.
    pub queue_fill: f64,
}
