//! `Departures`: packets that ticks send at once while others of their node go on, in the order of the ticks.
//!
//! The first tick that is not over sends as it likes. What a later one sends is kept here until the ticks before it are over, up to
//! a limit; beyond that, its senders wait as they do for room.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use reflow_message::Message;

use crate::activity::Sleeper;
use crate::attempt::Packets;
use crate::origin::Origin;

/// Packets of a node that may be kept, and about how many bytes.
const KEPT: usize = 1024;
const KEPT_BYTES: u64 = 16 << 20;

/// Packets that leave together, and what they descend from.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) sequence: u64,
    pub(crate) packets: Packets,
    pub(crate) origin: Option<Origin>,
}

impl Kept {
    fn bytes(&self) -> u64 {
        self.packets.iter().map(|(_, message): &(u16, Message)| message.payload_bytes()).sum()
    }
}

/// What became of packets that a tick brought.
pub(crate) enum Departure {
    /// It is the tick's turn: they leave now.
    Now(Kept),
    /// They leave when it is.
    Later,
    /// Too much is kept already, and the sleeper was put to sleep until there is a change.
    Full {
        /// What they were.
        kept: Kept,
        /// [`Sleeper::fall_asleep`]'s answer.
        leave: bool,
    },
}

/// The packets of a node that wait for the turn of their ticks.
#[derive(Debug)]
pub(crate) struct Departures(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The first tick that is not over: it sends at once, as do those that are over.
    first: u64,
    kept: BTreeMap<u64, Vec<Kept>>,
    packets: usize,
    bytes: u64,
    waiting: Vec<Arc<Sleeper>>,
}

impl Departures {
    pub(crate) fn new() -> Self {
        let kept = BTreeMap::new();
        Self(Mutex::new(State { first: u64::MAX, kept, packets: 0, bytes: 0, waiting: Vec::new() }))
    }

    /// Whether what the tick sends leaves at once.
    pub(crate) fn is_turn(&self, sequence: u64) -> bool {
        sequence <= self.0.lock().first
    }

    /// Takes packets of a tick, or says that they leave now, or that they have to wait. With `keep: false` they are never kept.
    pub(crate) fn offer(&self, kept: Kept, keep: bool, sleeper: &Arc<Sleeper>) -> Departure {
        let mut state = self.0.lock();
        if kept.sequence <= state.first {
            return Departure::Now(kept);
        }
        if keep && state.packets < KEPT && state.bytes < KEPT_BYTES {
            state.keep(kept);
            return Departure::Later;
        }
        state.waiting.push(Arc::clone(sleeper));
        Departure::Full { kept, leave: sleeper.fall_asleep(false) }
    }

    /// Keeps packets whatever there is already.
    pub(crate) fn put(&self, kept: Kept) {
        self.0.lock().keep(kept);
    }

    /// Takes what is kept for a tick, and for those before it.
    pub(crate) fn take(&self, sequence: u64) -> Vec<Kept> {
        let mut state = self.0.lock();
        let taken = state.take(sequence);
        let woken = if taken.is_empty() { Vec::new() } else { std::mem::take(&mut state.waiting) };
        drop(state);
        woken.iter().for_each(|sleeper| sleeper.wake());
        taken
    }

    /// Makes this the first tick, unless there is something that was kept for it: the answer, which is to leave before.
    pub(crate) fn pass(&self, first: u64) -> Vec<Kept> {
        let mut state = self.0.lock();
        if state.first == first {
            return Vec::new();
        }
        let taken = state.take(first);
        if taken.is_empty() {
            state.first = first;
        }
        let woken = std::mem::take(&mut state.waiting);
        drop(state);
        woken.iter().for_each(|sleeper| sleeper.wake());
        taken
    }

    /// A sender that waited does so no more.
    pub(crate) fn forget_waiting(&self, sleeper: &Arc<Sleeper>) {
        self.0.lock().waiting.retain(|known| !Arc::ptr_eq(known, sleeper));
    }
}

impl State {
    fn keep(&mut self, kept: Kept) {
        self.packets += kept.packets.len();
        self.bytes += kept.bytes();
        self.kept.entry(kept.sequence).or_default().push(kept);
    }

    fn take(&mut self, last: u64) -> Vec<Kept> {
        let mut taken = Vec::new();
        while let Some(entry) = self.kept.first_entry().filter(|entry| *entry.key() <= last) {
            taken.extend(entry.remove());
        }
        for kept in &taken {
            self.packets -= kept.packets.len();
            self.bytes = self.bytes.saturating_sub(kept.bytes());
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::activity::Activity;

    fn kept(sequence: u64, number: i64) -> Kept {
        Kept { sequence, packets: smallvec![(0, Message::Integer(number))], origin: None }
    }

    fn numbers(kept: &[Kept]) -> Vec<Message> {
        kept.iter().flat_map(|kept| kept.packets.iter().map(|(_, message)| message.clone())).collect()
    }

    fn sleeper() -> Arc<Sleeper> {
        let activity = Arc::new(Activity::default());
        activity.begin();
        Sleeper::new(activity)
    }

    #[test]
    fn what_a_later_tick_sends_is_kept_until_its_turn() {
        let (departures, sleeper) = (Departures::new(), sleeper());
        assert!(departures.pass(1).is_empty());
        assert!(matches!(departures.offer(kept(1, 10), true, &sleeper), Departure::Now(_)));
        for (tick, number) in [(3, 30), (2, 20), (2, 21)] {
            assert!(matches!(departures.offer(kept(tick, number), true, &sleeper), Departure::Later));
        }
        assert_eq!(numbers(&departures.pass(2)), [20, 21].map(Message::Integer));
        assert!(!departures.is_turn(2), "what was kept for it has to leave first");
        assert!(departures.pass(2).is_empty());
        assert!(departures.is_turn(2) && !departures.is_turn(3));
        assert_eq!(numbers(&departures.take(3)), [30].map(Message::Integer));
    }

    #[test]
    fn senders_wait_when_too_much_is_kept_and_are_woken_by_a_change() {
        let (departures, sleeper) = (Departures::new(), sleeper());
        departures.pass(1);
        for number in 0..KEPT as i64 {
            assert!(matches!(departures.offer(kept(2, number), true, &sleeper), Departure::Later));
        }
        let Departure::Full { leave, kept: back } = departures.offer(kept(3, 7), true, &sleeper) else {
            panic!("there is no room")
        };
        assert!(leave);
        assert_eq!(numbers(&[back]), [Message::Integer(7)]);
        let _ = sleeper.leave();
        assert_eq!(departures.pass(2).len(), KEPT);
        assert!(sleeper.fall_asleep(false), "it was woken");
        assert!(matches!(departures.offer(kept(3, 7), true, &sleeper), Departure::Later));
        assert!(matches!(departures.offer(kept(3, 8), false, &sleeper), Departure::Full { .. }));
        departures.forget_waiting(&sleeper);
        assert!(departures.0.lock().waiting.is_empty());
    }
}
