//! `Script`: the order in which a run does things, written down or followed.
//!
//! What a run does depends on its actors, on what comes from outside, and on two orders that chance decides: in which order the
//! packets of different connections reach a node, and in which order ticks start. With both written down, a run of
//! deterministic actors can be repeated, tick by tick. A run without a script has none of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use reflow_message::Message;

/// How often something happened in a row.
type Times = (u32, u32);

/// Something that came from outside.
#[derive(Clone, Debug)]
pub struct OutsideEntry {
    /// When, from the start of the run.
    pub at: Duration,
    /// How many ticks had started before.
    pub tick: u64,
    /// The node it was for.
    pub node: Arc<str>,
    /// The inport of a packet, or the kind of a signal.
    pub name: Arc<str>,
    /// What it was.
    pub what: Outside,
}

/// What can come from outside.
#[derive(Clone, Debug)]
pub enum Outside {
    /// A packet.
    Packet(Message),
    /// A signal, with its payload.
    Signal(Message),
    /// Nothing more.
    Closed,
}

/// What a run was like, to be repeated.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Ids of the nodes: the others refer to them by place.
    pub nodes: Vec<String>,
    /// The order of ticks: a node, and how many of its ticks in a row.
    pub ticks: Vec<Times>,
    /// For each node the order of packets: a connection of its own, and how many packets of it in a row.
    pub arrivals: Vec<Vec<Times>>,
    /// What came from outside, in order.
    pub outside: Vec<OutsideEntry>,
}

fn count(rows: &mut Vec<Times>, what: u32) {
    match rows.last_mut() {
        Some((last, times)) if *last == what && *times < u32::MAX => *times += 1,
        _ => rows.push((what, 1)),
    }
}

/// A place in rows of [`Times`].
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    row: usize,
    used: u32,
}

impl Cursor {
    fn peek(&self, rows: &[Times]) -> Option<u32> {
        rows.get(self.row).map(|(what, _)| *what)
    }

    fn advance(&mut self, rows: &[Times]) {
        self.used += 1;
        if rows.get(self.row).is_some_and(|(_, times)| self.used >= *times) {
            (self.row, self.used) = (self.row + 1, 0);
        }
    }
}

/// The script of a run.
#[derive(Debug)]
pub enum Script {
    /// Written down.
    Recorder(Recorder),
    /// Followed.
    Player(Player),
}

/// Writes down what happens.
#[derive(Debug, Default)]
pub struct Recorder {
    ticks: Mutex<Vec<Times>>,
    arrivals: Mutex<Vec<Vec<Times>>>,
    outside: Mutex<Vec<OutsideEntry>>,
    started: AtomicU64,
}

/// Lets happen what was written down, in that order.
#[derive(Debug)]
pub struct Player {
    recording: Recording,
    arrivals: Mutex<Vec<Cursor>>,
    order: Mutex<Order>,
    total: u64,
}

#[derive(Debug, Default)]
struct Order {
    cursor: Cursor,
    /// Ticks that have started.
    position: u64,
    /// Ticks that may.
    limit: u64,
    /// Whether everything from outside was sent.
    fed: bool,
}

impl Script {
    /// One that is written.
    pub fn recorder() -> Arc<Self> {
        Arc::new(Self::Recorder(Recorder::default()))
    }

    /// One that is followed, up to so many ticks.
    pub fn player(recording: Recording, limit: u64) -> Arc<Self> {
        let total = recording.ticks.iter().map(|(_, times)| u64::from(*times)).sum();
        let arrivals = Mutex::new(vec![Cursor::default(); recording.arrivals.len()]);
        let order = Mutex::new(Order { limit, ..Order::default() });
        Arc::new(Self::Player(Player { recording, arrivals, order, total }))
    }

    /// What was written down so far.
    pub fn recording(&self, nodes: Vec<String>) -> Recording {
        match self {
            Self::Player(player) => player.recording.clone(),
            Self::Recorder(recorder) => Recording {
                nodes,
                ticks: recorder.ticks.lock().clone(),
                arrivals: recorder.arrivals.lock().clone(),
                outside: recorder.outside.lock().clone(),
            },
        }
    }

    /// Something comes from outside.
    pub(crate) fn note_outside(&self, at: Duration, node: &Arc<str>, name: &Arc<str>, what: Outside) {
        if let Self::Recorder(recorder) = self {
            let tick = recorder.started.load(Ordering::Acquire);
            let entry = OutsideEntry { at, tick, node: Arc::clone(node), name: Arc::clone(name), what };
            recorder.outside.lock().push(entry);
        }
    }

    /// A packet of a connection reaches a node.
    pub(crate) fn note_arrival(&self, node: u32, link: u32) {
        if let Self::Recorder(recorder) = self {
            let mut arrivals = recorder.arrivals.lock();
            if arrivals.len() <= node as usize {
                arrivals.resize_with(node as usize + 1, Vec::new);
            }
            count(&mut arrivals[node as usize], link);
        }
    }

    /// A tick of a node starts. The answer is the node whose turn it is then.
    pub(crate) fn start_tick(&self, node: u32) -> Option<u32> {
        match self {
            Self::Recorder(recorder) => {
                let mut ticks = recorder.ticks.lock();
                count(&mut ticks, node);
                recorder.started.fetch_add(1, Ordering::AcqRel);
                None
            }
            Self::Player(player) => {
                let mut order = player.order.lock();
                if order.position < player.total {
                    order.cursor.advance(&player.recording.ticks);
                }
                order.position += 1;
                if order.position < order.limit { order.cursor.peek(&player.recording.ticks) } else { None }
            }
        }
    }

    /// Whether a tick of the node may start now.
    pub(crate) fn is_turn(&self, node: u32) -> bool {
        let Self::Player(player) = self else { return true };
        let order = player.order.lock();
        // What comes after the recording is in nobody's order.
        let is_next = order.position >= player.total || order.cursor.peek(&player.recording.ticks) == Some(node);
        order.position < order.limit && is_next
    }

    /// The player that it is, if it is one.
    pub fn player_of(&self) -> Option<&Player> {
        if let Self::Player(player) = self { Some(player) } else { None }
    }
}

impl Player {
    /// Whether the next packet of a node is one of this connection; if so, the one after it is next.
    pub(crate) fn takes(&self, node: u32, has: impl Fn(u32) -> bool) -> Taking {
        let Some(rows) = self.recording.arrivals.get(node as usize) else { return Taking::Any };
        let mut arrivals = self.arrivals.lock();
        let cursor = &mut arrivals[node as usize];
        match cursor.peek(rows) {
            None => Taking::Any,
            Some(link) if has(link) => {
                cursor.advance(rows);
                Taking::Next(link)
            }
            Some(_) => Taking::Waits,
        }
    }

    /// How many ticks have started, how many may, and how many there are.
    pub fn position(&self) -> (u64, u64, u64) {
        let order = self.order.lock();
        (order.position, order.limit, self.total)
    }

    /// Lets so many ticks start. The answer is the node whose turn it is.
    pub(crate) fn allow(&self, limit: u64) -> Option<u32> {
        let mut order = self.order.lock();
        order.limit = limit;
        order.cursor.peek(&self.recording.ticks).filter(|_| order.position < limit)
    }

    /// Everything from outside was sent.
    pub(crate) fn note_fed(&self) {
        self.order.lock().fed = true;
    }

    /// The node whose tick was next although nothing moves any more, and the number of that tick.
    pub(crate) fn missing(&self) -> Option<(String, u64)> {
        let order = self.order.lock();
        if !order.fed || order.position >= order.limit.min(self.total) {
            return None;
        }
        let node = order.cursor.peek(&self.recording.ticks)?;
        Some((self.recording.nodes.get(node as usize).cloned().unwrap_or_default(), order.position + 1))
    }
}

/// Which packet a node takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taking {
    /// One of this connection.
    Next(u32),
    /// It waits for another one.
    Waits,
    /// Whichever comes.
    Any,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_followed() {
        let script = Script::recorder();
        for node in [0, 0, 1, 0] {
            assert!(script.is_turn(node));
            script.start_tick(node);
        }
        for link in [1, 0, 0] {
            script.note_arrival(1, link);
        }
        let recording = script.recording(vec!["a".into(), "b".into()]);
        assert_eq!(recording.ticks, [(0, 2), (1, 1), (0, 1)]);
        assert_eq!(recording.arrivals, [vec![], vec![(1, 1), (0, 2)]]);

        let script = Script::player(recording, 3);
        let player = script.player_of().unwrap();
        assert!(script.is_turn(0) && !script.is_turn(1));
        assert_eq!(script.start_tick(0), Some(0));
        assert_eq!(script.start_tick(0), Some(1));
        player.note_fed();
        assert_eq!(player.missing(), Some(("b".into(), 3)));
        assert_eq!(script.start_tick(1), None, "three may start");
        assert!(!script.is_turn(0));
        assert_eq!(player.missing(), None);
        assert_eq!(player.allow(4), Some(0));
        script.start_tick(0);
        assert_eq!(player.position(), (4, 4, 4));
        assert_eq!(player.takes(1, |link| link == 0), Taking::Waits);
        assert_eq!(player.takes(1, |link| link == 1), Taking::Next(1));
        assert_eq!(player.takes(1, |_| true), Taking::Next(0));
        assert_eq!(player.takes(1, |_| true), Taking::Next(0));
        assert_eq!(player.takes(1, |_| true), Taking::Any);
        assert_eq!(player.takes(0, |_| true), Taking::Any);
    }
}
