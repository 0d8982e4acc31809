//! `Script`: the order in which a run does things, written down or followed.
//!
//! What a run does depends on its actors, on what comes from outside, and on two orders that chance decides: in which order the
//! packets of different connections reach a node, and in which order ticks start. Beside them there are a few more, where a
//! node asks for them: which of the packets an inport gives that keeps its newest, and in which order the outputs of ticks leave
//! that overlap. With all of them written down, a run of deterministic actors can be repeated, tick by tick. A run without a
//! script has none of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use reflow_message::Message;
use rustc_hash::FxHashMap;

/// How often something happened in a row.
type Times = (u32, u32);

/// What one look at an inport that keeps its newest has given: the shelf, and the packets that were merged, or the one: a
/// connection, and its how-manieth packet.
pub type Pull = (u32, Vec<(u32, u64)>);

/// In the order of packets: a tick of the node starts.
const TICK: u32 = u32::MAX;

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
    /// For each node the order of packets: a connection of its own, and how many packets of it in a row. Of nodes that keep
    /// their newest packets also how many ticks started in between.
    pub arrivals: Vec<Vec<Times>>,
    /// For each node what its inports have given that keep their newest, in order.
    pub pulls: Vec<Vec<Pull>>,
    /// For each node whose ticks overlap and are not ordered, the numbers of its ticks, as they left.
    pub leaves: Vec<Vec<u64>>,
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
    pulls: Mutex<Vec<Vec<Pull>>>,
    leaves: Mutex<Vec<Vec<u64>>>,
    outside: Mutex<Vec<OutsideEntry>>,
    doors: Mutex<Vec<Door>>,
    started: AtomicU64,
}

/// A connection from outside, made for the first packet to an inport.
#[derive(Debug)]
struct Door {
    node: u32,
    id: Arc<str>,
    name: Arc<str>,
    link: u32,
}

impl Recorder {
    fn recording(&self, nodes: Vec<String>) -> Recording {
        let mut recording = Recording {
            nodes,
            ticks: self.ticks.lock().clone(),
            arrivals: self.arrivals.lock().clone(),
            pulls: self.pulls.lock().clone(),
            leaves: self.leaves.lock().clone(),
            outside: self.outside.lock().clone(),
        };
        let numbers = numbers(&self.doors.lock(), &recording.outside);
        let number = |node: u32, link: &mut u32| *link = numbers.get(&(node, *link)).copied().unwrap_or(*link);
        for (node, arrivals) in (0..).zip(&mut recording.arrivals) {
            arrivals.iter_mut().for_each(|(link, _)| number(node, link));
        }
        for (node, pulls) in (0..).zip(&mut recording.pulls) {
            pulls.iter_mut().flat_map(|(_, packets)| packets).for_each(|(link, _)| number(node, link));
        }
        recording
    }
}

/// The numbers that connections from outside have in a run that is fed in the order of these entries, by node and by the number
/// they had: senders side by side may have made them in another order.
fn numbers(doors: &[Door], outside: &[OutsideEntry]) -> FxHashMap<(u32, u32), u32> {
    let mut first: FxHashMap<(&str, &str), usize> = FxHashMap::default();
    for (at, entry) in outside.iter().enumerate().filter(|(_, entry)| matches!(entry.what, Outside::Packet(_))) {
        first.entry((&entry.node, &entry.name)).or_insert(at);
    }
    let place = |door: &Door| first.get(&(&*door.id, &*door.name)).copied().unwrap_or(usize::MAX);
    let (mut made, mut fed): (Vec<_>, Vec<_>) = doors.iter().map(|door| (door, door)).unzip();
    made.sort_by_key(|door| door.node);
    fed.sort_by_key(|door| (door.node, place(door)));
    fed.iter().zip(made).map(|(fed, made)| ((fed.node, fed.link), made.link)).collect()
}

/// Lets happen what was written down, in that order.
#[derive(Debug)]
pub struct Player {
    recording: Recording,
    arrivals: Mutex<Vec<Cursor>>,
    shelves: Mutex<FxHashMap<(u32, u32), Shelf>>,
    order: Mutex<Order>,
    total: u64,
}

/// What an inport gives that keeps its newest.
#[derive(Debug, Default)]
struct Shelf {
    pulls: VecDeque<Vec<(u32, u64)>>,
    /// Those of them that the node knows of.
    handed: usize,
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
        let mut shelves: FxHashMap<(u32, u32), Shelf> = FxHashMap::default();
        for (node, pulls) in (0..).zip(&recording.pulls) {
            for (shelf, pull) in pulls {
                shelves.entry((node, *shelf)).or_default().pulls.push_back(pull.clone());
            }
        }
        Arc::new(Self::Player(Player { recording, arrivals, shelves: Mutex::new(shelves), order, total }))
    }

    /// What was written down so far.
    pub fn recording(&self, nodes: Vec<String>) -> Recording {
        match self {
            Self::Player(player) => player.recording.clone(),
            Self::Recorder(recorder) => recorder.recording(nodes),
        }
    }

    /// A connection from outside is made.
    pub(crate) fn note_door(&self, node: u32, id: &Arc<str>, name: Arc<str>, link: u32) {
        if let Self::Recorder(recorder) = self {
            recorder.doors.lock().push(Door { node, id: Arc::clone(id), name, link });
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
            count(of_node(&mut recorder.arrivals.lock(), node), link);
        }
    }

    /// A tick starts of a node that keeps its newest packets.
    pub(crate) fn note_tick_among_arrivals(&self, node: u32) {
        match self {
            Self::Recorder(_) => self.note_arrival(node, TICK),
            Self::Player(player) => player.pass_tick(node),
        }
    }

    /// An inport that keeps its newest has given something.
    pub(crate) fn note_pull(&self, node: u32, shelf: u32, packets: Vec<(u32, u64)>) {
        if let Self::Recorder(recorder) = self {
            of_node(&mut recorder.pulls.lock(), node).push((shelf, packets));
        }
    }

    /// The outputs of a tick leave that others overlap.
    pub(crate) fn note_leave(&self, node: u32, sequence: u64) {
        if let Self::Recorder(recorder) = self {
            of_node(&mut recorder.leaves.lock(), node).push(sequence);
        }
    }

    /// A tick of a node starts. The answer is whose turn it is then.
    pub(crate) fn start_tick(&self, node: u32) -> Next {
        match self {
            Self::Recorder(recorder) => {
                let mut ticks = recorder.ticks.lock();
                count(&mut ticks, node);
                recorder.started.fetch_add(1, Ordering::AcqRel);
                Next::Nobody
            }
            Self::Player(player) => {
                let mut order = player.order.lock();
                if order.position < player.total {
                    order.cursor.advance(&player.recording.ticks);
                }
                order.position += 1;
                // After the recording it is everybody's, which needs saying once.
                if order.position > player.total { Next::Nobody } else { player.next(&order) }
            }
        }
    }

    /// Whether a tick of the node may start now; of a source, to which nothing comes that it could be for.
    pub(crate) fn is_turn(&self, node: u32, is_source: bool) -> bool {
        let Self::Player(player) = self else { return true };
        let order = player.order.lock();
        let is_next = if order.position < player.total {
            order.cursor.peek(&player.recording.ticks) == Some(node)
        } else {
            // What comes after the recording is in nobody's order. A source has had its ticks.
            !is_source
        };
        order.position < order.limit && is_next
    }

    /// The player that it is, if it is one.
    pub fn player_of(&self) -> Option<&Player> {
        if let Self::Player(player) = self { Some(player) } else { None }
    }
}

/// What there is of a node.
fn of_node<T: Default>(all: &mut Vec<T>, node: u32) -> &mut T {
    if all.len() <= node as usize {
        all.resize_with(node as usize + 1, T::default);
    }
    &mut all[node as usize]
}

impl Player {
    /// Whether all packets have come that had when the next tick of a node started.
    pub(crate) fn may_tick(&self, node: u32) -> bool {
        let Some(rows) = self.recording.arrivals.get(node as usize) else { return true };
        let next = self.arrivals.lock()[node as usize].peek(rows);
        next.is_none_or(|next| next == TICK)
    }

    /// Whether another packet of a node is next.
    pub(crate) fn has_arrivals(&self, node: u32) -> bool {
        let Some(rows) = self.recording.arrivals.get(node as usize) else { return false };
        self.arrivals.lock()[node as usize].peek(rows).is_some_and(|next| next != TICK)
    }

    fn pass_tick(&self, node: u32) {
        let Some(rows) = self.recording.arrivals.get(node as usize) else { return };
        let cursor = &mut self.arrivals.lock()[node as usize];
        if cursor.peek(rows) == Some(TICK) {
            cursor.advance(rows);
        }
    }

    /// What the next place in the queue of a node stands for that a shelf has given; `hand` says that the node takes it.
    pub(crate) fn next_pull<T>(&self, node: u32, shelf: u32, look: impl FnOnce(&[(u32, u64)]) -> T) -> Option<T> {
        let shelves = self.shelves.lock();
        let shelf = shelves.get(&(node, shelf))?;
        shelf.pulls.get(shelf.handed).map(|pull| look(pull))
    }

    /// The node has taken a place.
    pub(crate) fn hand(&self, node: u32, shelf: u32) {
        if let Some(shelf) = self.shelves.lock().get_mut(&(node, shelf)) {
            shelf.handed += 1;
        }
    }

    /// What the shelf gives now.
    pub(crate) fn pull(&self, node: u32, shelf: u32) -> Option<Vec<(u32, u64)>> {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.get_mut(&(node, shelf))?;
        shelf.handed = shelf.handed.saturating_sub(1);
        shelf.pulls.pop_front()
    }

    /// The order in which the outputs of the ticks of a node leave.
    pub(crate) fn leaves(&self, node: u32) -> Option<VecDeque<u64>> {
        let leaves = self.recording.leaves.get(node as usize)?;
        (!leaves.is_empty()).then(|| leaves.iter().copied().collect())
    }

    /// Whether the next packet of a node is one of this connection; if so, the one after it is next.
    pub(crate) fn takes(&self, node: u32, has: impl Fn(u32) -> bool) -> Taking {
        let Some(rows) = self.recording.arrivals.get(node as usize) else { return Taking::Any };
        let mut arrivals = self.arrivals.lock();
        let cursor = &mut arrivals[node as usize];
        match cursor.peek(rows) {
            None => Taking::Any,
            Some(link) if link != TICK && has(link) => {
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

    /// Lets so many ticks start. The answer is whose turn it is.
    pub(crate) fn allow(&self, limit: u64) -> Next {
        let mut order = self.order.lock();
        order.limit = limit;
        self.next(&order)
    }

    fn next(&self, order: &Order) -> Next {
        if order.position >= order.limit {
            return Next::Nobody;
        }
        if order.position >= self.total {
            return Next::Everybody;
        }
        order.cursor.peek(&self.recording.ticks).map_or(Next::Nobody, Next::One)
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

/// Whose tick is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// No tick may start.
    Nobody,
    /// That of this node.
    One(u32),
    /// Whoever has something to do: the recording is over.
    Everybody,
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
            assert!(script.is_turn(node, true));
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
        assert!(script.is_turn(0, true) && !script.is_turn(1, true));
        assert_eq!(script.start_tick(0), Next::One(0));
        assert_eq!(script.start_tick(0), Next::One(1));
        player.note_fed();
        assert_eq!(player.missing(), Some(("b".into(), 3)));
        assert_eq!(script.start_tick(1), Next::Nobody, "three may start");
        assert!(!script.is_turn(0, false));
        assert_eq!(player.missing(), None);
        assert_eq!(player.allow(4), Next::One(0));
        assert_eq!(script.start_tick(0), Next::Nobody);
        assert_eq!(player.position(), (4, 4, 4));
        assert_eq!(player.allow(6), Next::Everybody);
        assert!(script.is_turn(1, false) && !script.is_turn(0, true), "a source has no more ticks than it had");
        assert_eq!(script.start_tick(1), Next::Nobody, "that was said");
        assert_eq!(player.takes(1, |link| link == 0), Taking::Waits);
        assert_eq!(player.takes(1, |link| link == 1), Taking::Next(1));
        assert_eq!(player.takes(1, |_| true), Taking::Next(0));
        assert_eq!(player.takes(1, |_| true), Taking::Next(0));
        assert_eq!(player.takes(1, |_| true), Taking::Any);
        assert_eq!(player.takes(0, |_| true), Taking::Any);
    }
    #[test]
    fn connections_from_outside_are_numbered_as_they_are_fed() {
        let script = Script::recorder();
        let id: Arc<str> = "n".into();
        // Two senders side by side: `b` made its connection first, and `a` was the first to send.
        script.note_door(0, &id, "b".into(), 4);
        script.note_door(0, &id, "a".into(), 5);
        for name in ["a", "b"] {
            script.note_outside(Duration::ZERO, &id, &name.into(), Outside::Packet(Message::Flow));
        }
        for link in [4, 5, 1] {
            script.note_arrival(0, link);
        }
        assert_eq!(script.recording(vec!["n".into()]).arrivals, [[(5, 1), (4, 1), (1, 1)]]);
    }
}
