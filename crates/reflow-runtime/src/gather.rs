//! Gathering: the packets that one tick of a node has given become lists again, in order, whatever became of each.
//!
//! The tick's packets are members of a group. Whatever may still bring a result of one holds its member, so the end of the group
//! is noticed by counting, as that of every origin is.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use reflow_message::{Message, Parts, Value, make_hosted};
use rustc_hash::FxHashMap;

use crate::assembler::{Held, Intake};
use crate::attempt::{Attempt, Packets};
use crate::event::FailedAttempt;
use crate::join::{Lone, Unmatched};
use crate::journal::{Op, TickKey};
use crate::mint::Turns;
use crate::origin::{Ends, Origin};

/// Bits of the number of a group that count; those above are its node.
pub(crate) const SERIAL_BITS: u32 = 26;

/// The pool of a journal that keeps groups.
pub(crate) const GROUPS: &str = "\u{0}groups";

/// A node whose ticks give packets that are gathered again.
#[derive(Debug)]
pub(crate) struct Scatter {
    /// The nodes that gather them.
    pub(crate) gathers: Arc<[GatheredBy]>,
    /// The outports that lead there.
    pub(crate) ports: Vec<bool>,
    /// Of a node whose packets only part here and meet at joins: its outports whose packets meet, in groups.
    pub(crate) fork: Option<Arc<[Vec<u16>]>>,
    /// Groups so far.
    pub(crate) serial: AtomicU64,
    /// Groups of ticks that an earlier process has begun.
    pub(crate) begun: Mutex<FxHashMap<TickKey, Origin>>,
}

/// A node that gathers what another one gives.
#[derive(Clone, Debug)]
pub(crate) struct GatheredBy {
    pub(crate) node: u32,
    /// Groups that it has not heard the end of.
    pub(crate) awaited: Arc<AtomicUsize>,
}

impl Scatter {
    pub(crate) fn new(ports: usize) -> Self {
        let (gathers, ports) = (Arc::from([]), vec![false; ports]);
        Self { gathers, ports, fork: None, serial: AtomicU64::new(1), begun: Mutex::default() }
    }
}

/// What one tick of a node gives.
pub(crate) struct Group {
    id: u64,
    /// The node.
    pub(crate) node: u32,
    gathers: Arc<[GatheredBy]>,
    /// What the tick descends from.
    pub(crate) parent: Option<Origin>,
    count: AtomicU32,
    /// Those of the tries of its tick that have failed.
    before: AtomicU32,
    failed: AtomicBool,
    failures: Mutex<Vec<(u32, Value)>>,
    ends: Weak<dyn Ends>,
    /// Whether a journal knows its members by their numbers.
    pub(crate) recorded: bool,
    /// The tick, as a journal knows it.
    key: Option<TickKey>,
    /// Of a fork: what a journal has of it.
    row: Option<Arc<Row>>,
    /// Of a fork: what has left by which outport.
    turns: Option<Turns>,
}

impl Group {
    /// What one tick of a fork gives.
    pub(crate) fn of_fork(mut self, turns: Turns) -> Self {
        self.turns = Some(turns);
        let (node, serial, ends) = (self.node, self.serial(), Weak::clone(&self.ends));
        self.row = self.recorded.then(|| Arc::new(Row { node, serial, ends, written: AtomicBool::new(false) }));
        self
    }

    pub(crate) fn row(&self) -> Option<&Arc<Row>> {
        self.row.as_ref()
    }

    fn note_written(&self) {
        if let Some(row) = &self.row {
            row.written.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn turns(&self) -> Option<&Turns> {
        self.turns.as_ref()
    }

    /// Whether its packets are told apart only for joins, and nobody gathers them.
    pub(crate) fn is_fork(&self) -> bool {
        self.turns.is_some()
    }

    pub(crate) fn new(
        (node, serial): (u32, u64),
        gathers: &Arc<[GatheredBy]>,
        parent: Option<Origin>,
        ends: Weak<dyn Ends>,
        recorded: bool,
        key: Option<TickKey>,
    ) -> Self {
        gathers.iter().for_each(|by| _ = by.awaited.fetch_add(1, Ordering::Relaxed));
        Self {
            id: Self::id_of(node, serial),
            node,
            gathers: Arc::clone(gathers),
            parent,
            count: AtomicU32::new(0),
            before: AtomicU32::new(0),
            failed: AtomicBool::new(false),
            failures: Mutex::default(),
            ends,
            recorded,
            key,
            row: None,
            turns: None,
        }
    }

    /// The number of a group of that node.
    pub(crate) fn id_of(node: u32, serial: u64) -> u64 {
        u64::from(node) << SERIAL_BITS | serial & ((1 << SERIAL_BITS) - 1)
    }

    /// Its number among the groups of its node.
    pub(crate) fn serial(&self) -> u64 {
        self.id & ((1 << SERIAL_BITS) - 1)
    }

    /// Packets so far.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Goes on as it was in an earlier process.
    pub(crate) fn restore(&self, known: &KnownGroup) {
        self.count.store(known.count, Ordering::Relaxed);
        self.before.store(known.before, Ordering::Relaxed);
        self.note_written();
        // A tick that is open had failed, and that was lost: it is run again.
        self.failed.store(known.failed && known.tick.is_none(), Ordering::Relaxed);
        self.failures.lock().clone_from(&known.failures);
        if let Some(turns) = &self.turns {
            turns.restore(&known.left, &known.left_before);
        }
    }

    /// Another try of its tick begins: what earlier ones have sent stays.
    pub(crate) fn begin_another_try(&self) {
        self.before.store(self.count(), Ordering::Relaxed);
        if let Some(turns) = &self.turns {
            turns.begin_another_try();
        }
    }

    /// A try of its tick is run again from its beginning.
    pub(crate) fn begin_again(&self) {
        self.count.store(self.before.load(Ordering::Relaxed), Ordering::Relaxed);
        if let Some(turns) = &self.turns {
            turns.begin_again();
        }
    }

    /// Whether a journal has to know of it.
    pub(crate) fn is_news(&self) -> bool {
        let is_written = self.row.as_ref().is_some_and(|row| row.written.load(Ordering::Relaxed));
        is_written || self.turns.as_ref().is_none_or(Turns::has_begun)
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn ends(&self) -> Weak<dyn Ends> {
        Weak::clone(&self.ends)
    }

    /// The place of the next packet.
    pub(crate) fn next(&self) -> u32 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// The tick itself has failed: there is no list.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        if self.recorded
            && !self.is_fork()
            && let Some(ends) = self.ends.upgrade()
        {
            ends.group_noted(self.node, self.serial(), None);
        }
    }

    /// There is no list, and nobody need be told.
    pub(crate) fn let_go(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// A tick on the packet in this place has failed for good.
    pub(crate) fn note(&self, place: u32, failed: &FailedAttempt) {
        let failure = Value::object([
            ("error", Value::String(Arc::clone(&failed.failure.message))),
            ("reason", Value::String(Arc::clone(&failed.failure.reason))),
            ("node", Value::String(Arc::clone(&failed.actor))),
            ("attempts", failed.attempt.into()),
        ]);
        if self.recorded
            && let Some(ends) = self.ends.upgrade()
        {
            ends.group_noted(self.node, self.serial(), Some((place, failure.clone())));
        }
        self.failures.lock().push((place, failure));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(ends) = self.ends.upgrade() else { return };
        let end = GroupEnd {
            id: self.id,
            recorded: self.recorded,
            key: self.key,
            parent: self.parent.take(),
            count: *self.count.get_mut(),
            failures: std::mem::take(self.failures.get_mut()),
            failed: *self.failed.get_mut(),
        };
        for by in self.gathers.iter() {
            ends.group_ended(by.node, end.clone());
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", self.id)
    }
}

/// What a journal has of what a tick of a fork gave. It stays as long as a packet may come out of the journal again: those that wait for
/// the rest of their list are not on their way any more, but they are not read.
pub(crate) struct Row {
    node: u32,
    serial: u64,
    ends: Weak<dyn Ends>,
    /// Whether there is one.
    written: AtomicBool,
}

impl Drop for Row {
    fn drop(&mut self) {
        if *self.written.get_mut()
            && let Some(ends) = self.ends.upgrade()
        {
            ends.fork_ended(self.node, self.serial);
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}.{})", self.node, self.serial)
    }
}

/// Nothing of a group is left.
#[derive(Clone, Debug)]
pub(crate) struct GroupEnd {
    id: u64,
    recorded: bool,
    key: Option<TickKey>,
    parent: Option<Origin>,
    count: u32,
    failures: Vec<(u32, Value)>,
    failed: bool,
}

/// A group of which a journal need not know any more, once a node that gathers has dealt with it.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The node whose tick it was, and the number of the group there.
    pub(crate) node: u32,
    pub(crate) serial: u64,
    /// That tick. The one that gathers has no packet that names it when all results were dropped, or there never was one.
    pub(crate) key: Option<TickKey>,
    /// Places with failures.
    pub(crate) failed: Vec<u32>,
    /// What its results have come through: held until the list is written down.
    #[expect(dead_code, reason = "it is held, and nothing more")]
    rows: Vec<Arc<Row>>,
}

impl GroupEnd {
    fn settled(&self, results: &mut [Gained]) -> Option<Box<Settled>> {
        let node = (self.id >> SERIAL_BITS) as u32;
        let failed = self.failures.iter().map(|(place, _)| *place).collect();
        let rows = results.iter_mut().flat_map(|result| std::mem::take(&mut result.rows)).collect();
        let (serial, key) = (self.id & ((1 << SERIAL_BITS) - 1), self.key);
        self.recorded.then(|| Box::new(Settled { node, serial, key, failed, rows }))
    }
}

/// The results that wait for the end of their groups, and lists that wait for a tick.
#[derive(Debug)]
pub(crate) struct Gatherer {
    scatter: u32,
    /// The inports that get lists.
    ports: Vec<u16>,
    open: FxHashMap<u64, Vec<Gained>>,
    ready: VecDeque<Ready>,
}

/// A result that waits.
#[derive(Debug)]
struct Gained {
    place: u32,
    port: u16,
    message: Message,
    /// Where it came from: link and position.
    from: (u32, u32),
    /// What it has come through.
    rows: Vec<Arc<Row>>,
}

/// A list that waits for a tick.
#[derive(Debug)]
struct Ready {
    inputs: Packets,
    origin: Option<Origin>,
    taken: Vec<(u32, u32)>,
    settled: Option<Box<Settled>>,
}

/// What the end of a group leaves beside its list.
#[derive(Debug, Default)]
pub(crate) struct Leavings {
    /// What came for a place that had a result already.
    pub(crate) others: Vec<Lone>,
    /// Packets that no tick will take: link and position.
    pub(crate) gone: Vec<(u32, u32)>,
    /// A group without a list.
    pub(crate) settled: Option<Box<Settled>>,
}

impl Gatherer {
    pub(crate) fn new(scatter: u32, ports: Vec<u16>) -> Self {
        Self { scatter, ports, open: FxHashMap::default(), ready: VecDeque::new() }
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Results that wait.
    pub(crate) fn held(&self) -> usize {
        self.open.values().map(Vec::len).sum()
    }

    /// Takes a result in; what belongs to no group is given back.
    pub(crate) fn put(&mut self, port: u16, mut held: Held, intake: &mut Intake<'_>) -> Option<Lone> {
        intake.fetch(&mut held);
        intake.release(&mut held);
        let place = held.origin.as_ref().and_then(|origin| origin.place_in(self.scatter));
        let Some((group, index)) = place else { return Some(Lone { port, held, why: Unmatched::NoPartner }) };
        let from = (held.link, held.position);
        let rows = held.origin.as_ref().map(|origin| origin.rows_since(self.scatter)).unwrap_or_default();
        self.open.entry(group).or_default().push(Gained { place: index, port, message: held.message, from, rows });
        None
    }

    /// The next list.
    pub(crate) fn take(&mut self, attempt: &mut Attempt) -> bool {
        let Some(Ready { inputs, origin, taken, settled }) = self.ready.pop_front() else { return false };
        (attempt.inputs, attempt.origin, attempt.taken, attempt.settled) = (inputs, origin, taken, settled);
        true
    }

    /// Makes the list of a group that has ended.
    pub(crate) fn end(&mut self, end: GroupEnd, hosted: bool) -> Leavings {
        let mut results = self.open.remove(&end.id).unwrap_or_default();
        let settled = end.settled(&mut results);
        if end.failed || end.parent.as_ref().is_some_and(Origin::is_cancelled) {
            let gone = results.iter().map(|result| result.from).collect();
            return Leavings { others: Vec::new(), gone, settled };
        }
        let mut taken = Vec::new();
        let mut others = Vec::new();
        let count = end.count as usize;
        let mut lists: Vec<(u16, Vec<Option<Message>>)> =
            self.ports.iter().map(|port| (*port, vec![None; count])).collect();
        for Gained { place, port, message, from, .. } in results {
            let list = lists.iter_mut().find(|(known, _)| *known == port);
            match list.and_then(|(_, list)| list.get_mut(place as usize)) {
                Some(place @ None) => {
                    *place = Some(message);
                    taken.push(from);
                }
                _ => {
                    let mut held = Held::without_credit(message);
                    (held.link, held.position) = from;
                    others.push(Lone { port, held, why: Unmatched::Another });
                }
            }
        }
        for (index, failure) in end.failures {
            for (_, list) in &mut lists {
                if let Some(place @ None) = list.get_mut(index as usize) {
                    *place = Some(Message::Object(failure.clone()));
                }
            }
        }
        let inputs = lists.into_iter().map(|(port, list)| (port, list_of(&list, hosted))).collect();
        if end.recorded {
            // The first of them names a tick of whose list an older journal does not say where it comes from.
            taken.sort_unstable();
        } else {
            taken.clear();
        }
        self.ready.push_back(Ready { inputs, origin: end.parent, taken, settled });
        Leavings { others, ..Leavings::default() }
    }
}

/// One message with all of these; a place without a result is null. For an actor of a host it is a list of that, if there are
/// results that are more than JSON-shaped data.
fn list_of(items: &[Option<Message>], hosted: bool) -> Message {
    if hosted && items.iter().flatten().any(Message::is_more_than_data) {
        let part = |item: &Option<Message>| item.clone().map_or(Parts::Value(Value::Null), Parts::Message);
        if let Some(list) = make_hosted(Parts::List(items.iter().map(part).collect()), None) {
            return list;
        }
    }
    let value = |item: &Option<Message>| match item {
        None => Value::Null,
        Some(item) => item.known().map_or_else(
            |error| Value::object([("error", Value::from(error.to_string())), ("reason", "conversion".into())]),
            Message::to_value,
        ),
    };
    Message::Array(items.iter().map(value).collect::<Vec<_>>().into())
}

/// What a journal keeps of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownGroup {
    /// What its tick descends from.
    pub(crate) parent: u64,
    /// The tick.
    pub(crate) key: Option<TickKey>,
    /// The same while it is open.
    pub(crate) tick: Option<TickKey>,
    pub(crate) count: u32,
    pub(crate) before: u32,
    /// Of a fork: what has left by each outport, and what of that in tries that have failed.
    pub(crate) left: Vec<u64>,
    pub(crate) left_before: Vec<u64>,
    pub(crate) failed: bool,
    pub(crate) failures: Vec<(u32, Value)>,
    /// Nodes that have gathered it.
    pub(crate) gathered: Vec<u32>,
    /// Whether there is a row of the group itself.
    pub(crate) is_there: bool,
}

impl KnownGroup {
    /// Reads what the pool of a node has of its groups, by number.
    pub(crate) fn read(rows: impl IntoIterator<Item = (String, Value)>) -> BTreeMap<u64, Self> {
        let mut groups: BTreeMap<u64, Self> = BTreeMap::new();
        for (id, value) in rows {
            let mut parts = id.split('.');
            let Some(serial) = parts.next().and_then(|serial| serial.parse().ok()) else { continue };
            let group = groups.entry(serial).or_default();
            let number = |value: Option<&Value>| value.and_then(Value::as_integer).unwrap_or_default();
            let numbers = |value: Option<&Value>| -> Vec<u64> {
                let all = value.and_then(Value::as_array).unwrap_or_default();
                all.iter().map(|value| number(Some(value)) as u64).collect()
            };
            match (parts.next(), parts.next()) {
                (None, _) => {
                    group.is_there = true;
                    group.parent = number(value.get("parent")) as u64;
                    group.count = number(value.get("count")) as u32;
                    group.before = number(value.get("before")) as u32;
                    group.left = numbers(value.get("left"));
                    group.left_before = numbers(value.get("left before"));
                    group.tick = value.get("link").map(|link| TickKey {
                        link: number(Some(link)) as u32,
                        position: number(value.get("position")) as u64,
                    });
                    let of = numbers(value.get("of"));
                    let over = of.first().zip(of.get(1));
                    group.key = group.tick.or(over.map(|(link, at)| TickKey { link: *link as u32, position: *at }));
                }
                (Some("failed"), _) => group.failed = true,
                (Some("by"), Some(node)) => group.gathered.extend(node.parse::<u32>()),
                (Some(place), _) => {
                    if let Ok(place) = place.parse() {
                        group.failures.push((place, value));
                    }
                }
            }
        }
        groups
    }

    pub(crate) fn failed_places(&self) -> Vec<u32> {
        self.failures.iter().map(|(place, _)| *place).collect()
    }

    /// The rows that there may be of a group with this number.
    pub(crate) fn rows(serial: u64, failed: &[u32], gathered: &[u32]) -> impl Iterator<Item = String> {
        let parts = failed.iter().map(ToString::to_string).chain(gathered.iter().map(|node| format!("by.{node}")));
        let parts: Vec<String> = parts.collect();
        let own = [serial.to_string(), format!("{serial}.failed")];
        own.into_iter().chain(parts.into_iter().map(move |part| format!("{serial}.{part}")))
    }
}

/// The row of a group; with the tick while that is open.
pub(crate) fn group_op(group: &Group, tick: Option<TickKey>) -> Op {
    group.note_written();
    let parent = group.parent.as_ref().map_or(0, Origin::id);
    let mut members = vec![("parent", Value::from(parent as i64))];
    if group.turns.is_none() {
        members.push(("count", Value::from(group.count())));
    }
    if let (None, None, Some(key)) = (tick, &group.turns, group.key) {
        members.push(("of", Value::array([Value::from(key.link), Value::from(key.position as i64)])));
    }
    if let Some(tick) = tick {
        members.push(("link", Value::from(tick.link)));
        members.push(("position", Value::from(tick.position as i64)));
        match &group.turns {
            None => members.push(("before", Value::from(group.before.load(Ordering::Relaxed)))),
            Some(turns) => {
                let (left, before) = turns.left();
                let numbers = |all: Vec<u64>| Value::array(all.into_iter().map(|turn| Value::from(turn as i64)));
                members.extend([("left", numbers(left)), ("left before", numbers(before))]);
            }
        }
    }
    row(group.node, group.serial().to_string(), Some(Value::object(members)))
}

/// A row about a group of a node.
pub(crate) fn row(node: u32, id: String, value: Option<Value>) -> Op {
    Op::Pool { node, pool: GROUPS.into(), id: Some(id.into()), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Ends for Nobody {
        fn origin_ended(&self, _id: u64, _joins: u64, _question: Option<Arc<crate::question::Hold>>) {}

        fn group_ended(&self, _node: u32, _end: GroupEnd) {}
    }

    fn group(serial: u64) -> Group {
        let nobody: Arc<dyn Ends> = Arc::new(Nobody);
        Group::new((3, serial), &Arc::from([]), None, Arc::downgrade(&nobody), true, None)
    }

    #[test]
    fn a_list_is_known_by_the_same_packet_in_whichever_order_its_results_came() {
        let mut gatherer = Gatherer::new(3, vec![0]);
        let gained = |place, from| Gained { place, port: 0, message: Message::Flow, from, rows: Vec::new() };
        gatherer.open.insert(7, vec![gained(2, (1, 5)), gained(0, (0, 9)), gained(1, (0, 8))]);
        let (failures, failed) = (Vec::new(), false);
        let end = GroupEnd { id: 7, recorded: true, key: None, parent: None, count: 3, failures, failed };
        gatherer.end(end, false);
        let mut attempt = Attempt::default();
        assert!(gatherer.take(&mut attempt));
        assert_eq!(attempt.taken, [(0, 8), (0, 9), (1, 5)]);
    }

    #[test]
    fn a_list_of_which_nothing_is_left_is_known_by_the_tick_that_gave_it() {
        let of = Value::array([3, 7].map(Value::from));
        let members = [("parent", Value::from(1)), ("count", Value::from(0)), ("of", of)];
        let known = KnownGroup::read([("5".to_owned(), Value::object(members))]);
        let key = TickKey { link: 3, position: 7 };
        assert_eq!((known[&5].key, known[&5].tick), (Some(key), None));
        let mut gatherer = Gatherer::new(3, vec![0]);
        let (key, failures, failed) = (Some(key), Vec::new(), false);
        gatherer.end(GroupEnd { id: 7, recorded: true, key, parent: None, count: 0, failures, failed }, false);
        let mut attempt = Attempt::default();
        assert!(gatherer.take(&mut attempt) && attempt.taken.is_empty());
        assert_eq!(Some(crate::recorder::key_of(&attempt)), key);
    }

    #[test]
    fn a_tick_that_is_run_again_has_not_failed_before() {
        let open = [("parent", 1), ("count", 4), ("before", 1), ("link", 0), ("position", 2)];
        let over = [("parent", 1), ("count", 4)];
        let failed = |serial: u64| (format!("{serial}.failed"), Value::from(true));
        let rows = [("5".to_owned(), Value::object(open)), failed(5), ("6".to_owned(), Value::object(over)), failed(6)];
        let known = KnownGroup::read(rows.into_iter().chain([failed(7)]));
        let restored = |serial: u64| {
            let group = group(serial);
            group.restore(&known[&serial]);
            group
        };
        let (open, over) = (restored(5), restored(6));
        assert!(!open.failed.load(Ordering::Relaxed) && over.failed.load(Ordering::Relaxed));
        // What earlier tries have sent is out, what this one had sent is sent again.
        open.begin_again();
        assert_eq!((open.count(), over.count()), (1, 4));
        assert!(!known[&7].is_there, "nothing was written of it but that");
    }
}
