//! `Marks`: the values that ticks of a node have left to go on from.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use reflow_message::Message;
use rustc_hash::FxHashMap;

/// The values that ticks of a node have left to go on from, by number of the tick: kept over the tries of one tick, and for a
/// source over all its ticks.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    used: AtomicBool,
    over_ticks: bool,
    values: Mutex<FxHashMap<u64, Message>>,
}

impl Marks {
    /// Those of a node; of a source they hold over all its ticks.
    pub(crate) fn new(over_ticks: bool) -> Self {
        Self { over_ticks, ..Self::default() }
    }

    /// Whether there are any; costs next to nothing.
    pub(crate) fn are_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    fn key(&self, sequence: u64) -> u64 {
        if self.over_ticks { 0 } else { sequence }
    }

    pub(crate) fn set(&self, sequence: u64, value: Message) {
        let before = self.values.lock().insert(self.key(sequence), value);
        self.used.store(true, Ordering::Relaxed);
        drop(before);
    }

    pub(crate) fn get(&self, sequence: u64) -> Option<Message> {
        if !self.are_used() {
            return None;
        }
        self.values.lock().get(&self.key(sequence)).cloned()
    }

    /// The tick is over.
    pub(crate) fn forget(&self, sequence: u64) {
        if self.are_used() && !self.over_ticks {
            let gone = self.values.lock().remove(&sequence);
            drop(gone);
        }
    }
}
