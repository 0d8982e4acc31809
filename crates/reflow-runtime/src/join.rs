//! `Matcher`: packets that wait for their partners, by the origin or a key that they have in common.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reflow_message::{Message, Value};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::assembler::Held;

/// Why a packet leaves without a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    /// Nothing that could be its partner is on its way any more.
    NoPartner,
    /// It waited for as long as the rule says.
    Timeout,
    /// More packets waited than the rule says.
    Bound,
    /// It has no key.
    NoKey,
    /// The node has come to its end.
    Closed,
    /// Its place in a list is taken.
    Another,
}

impl Unmatched {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoPartner => "no_partner",
            Self::Timeout => "timeout",
            Self::Bound => "bound",
            Self::NoKey => "no_key",
            Self::Closed => "closed",
            Self::Another => "another",
        }
    }
}

/// What leaves without a partner.
#[derive(Debug)]
pub(crate) struct Lone {
    pub(crate) port: u16,
    pub(crate) held: Held,
    pub(crate) why: Unmatched,
}

/// What the packets of a group have in common.
#[derive(Clone, Debug)]
pub(crate) enum Common {
    /// Their origin.
    Origin,
    /// The value at this path in each, by place of the port in the group.
    Key(Vec<Path>),
}

/// The way to a value inside of another.
pub(crate) type Path = Vec<Arc<str>>;

/// The way that a text such as `order.id` describes.
pub(crate) fn path(text: &str) -> Path {
    text.split('.').filter(|name| !name.is_empty()).map(Into::into).collect()
}

/// Packets that wait for partners, for one group of ports.
#[derive(Debug)]
pub(crate) struct Matcher {
    ports: Vec<u16>,
    common: Common,
    /// The node where what meets here parts, if that is no source.
    fork: Option<u32>,
    timeout: Option<Duration>,
    bound: Option<usize>,
    /// The bit of the node among those that put packets aside.
    join: u64,
    entries: FxHashMap<u64, Entry>,
    /// Entries by age, where age matters; those that are complete meanwhile are skipped.
    ages: VecDeque<(Instant, u64, u64)>,
    born: u64,
    waiting: usize,
    /// Ports that bring nothing more.
    closed: SmallVec<[u16; 2]>,
}

/// Packets of one origin or key, by place of their port in the group.
#[derive(Debug)]
struct Entry {
    born: u64,
    key: Option<Value>,
    queues: SmallVec<[VecDeque<Held>; 2]>,
}

impl Entry {
    /// Whether a match can still come, once these ports bring nothing more.
    fn is_hopeful(&self, ports: &[u16], is_closed: &impl Fn(usize) -> bool) -> bool {
        self.queues.iter().zip(ports).all(|(queue, port)| !queue.is_empty() || !is_closed(usize::from(*port)))
    }
}

/// One packet of each port of the group.
pub(crate) type Match = SmallVec<[(u16, Held); 2]>;

impl Matcher {
    pub(crate) fn new(
        ports: Vec<u16>,
        common: Common,
        timeout: Option<Duration>,
        bound: Option<usize>,
        join: u64,
    ) -> Self {
        Self {
            ports,
            common,
            fork: None,
            timeout,
            bound,
            join,
            entries: FxHashMap::default(),
            ages: VecDeque::new(),
            born: 0,
            waiting: 0,
            closed: SmallVec::new(),
        }
    }

    /// For packets that part at this node.
    #[must_use]
    pub(crate) fn parting_at(mut self, fork: Option<u32>) -> Self {
        self.fork = fork;
        self
    }

    /// One of the same kind that nothing waits in.
    pub(crate) fn fresh(&self) -> Self {
        Self::new(self.ports.clone(), self.common.clone(), self.timeout, self.bound, self.join).parting_at(self.fork)
    }

    /// Whether a packet of this port waits here for partners.
    pub(crate) fn has(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Whether a packet may still come that is to find a partner here, or to be let go of.
    pub(crate) fn is_open(&self, is_closed: &impl Fn(usize) -> bool) -> bool {
        self.ports.iter().any(|port| !is_closed(usize::from(*port)))
    }

    /// Packets that wait for partners.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a match can still come, once these ports bring nothing more.
    pub(crate) fn can_complete(&self, is_closed: &impl Fn(usize) -> bool) -> bool {
        self.entries.values().any(|entry| entry.is_hopeful(&self.ports, is_closed))
    }

    /// These ports bring nothing more. Lets go of what can find no partner any more, and of what comes without one from now on.
    pub(crate) fn close_ports(&mut self, is_closed: &impl Fn(usize) -> bool, lone: &mut Vec<Lone>) {
        let closed = self.ports.iter().copied().filter(|port| is_closed(usize::from(*port))).collect();
        if self.closed == closed {
            return;
        }
        self.closed = closed;
        let hopeless = self.entries.iter().filter(|(_, entry)| !entry.is_hopeful(&self.ports, is_closed));
        let mut hopeless: Vec<_> = hopeless.map(|(hash, entry)| (entry.born, *hash)).collect();
        hopeless.sort_unstable();
        for (_, hash) in hopeless {
            self.release(hash, Unmatched::Closed, lone);
        }
    }

    /// Takes a packet in; the match that it completes, if it does. What leaves without a partner is put into `lone`.
    pub(crate) fn offer(&mut self, port: u16, mut held: Held, lone: &mut Vec<Lone>) -> Option<Match> {
        let place = self.ports.iter().position(|known| *known == port)?;
        if matches!(self.common, Common::Origin)
            && let Some(origin) = &mut held.origin
        {
            let own = origin.at_fork(self.fork);
            *origin = own;
        }
        let Some((hash, key)) = self.identity(place, &held) else {
            lone.push(Lone { port, held, why: Unmatched::NoKey });
            return None;
        };
        let count = self.ports.len();
        let born = self.born + 1;
        let entry = self.entries.entry(hash).or_insert_with(|| Entry {
            born,
            key,
            queues: (0..count).map(|_| VecDeque::new()).collect(),
        });
        if entry.born == born {
            self.born = born;
            if self.timeout.is_some() || self.bound.is_some() {
                self.ages.push_back((crate::time::now(), hash, born));
            }
        }
        let complete = entry.queues.iter().enumerate().all(|(at, queue)| at == place || !queue.is_empty());
        if !complete {
            if matches!(self.common, Common::Origin)
                && let Some(origin) = held.origin.take_if(|origin| !origin.is_summary())
            {
                // From now on the origin may end while the packet waits.
                origin.put_aside(self.join, true);
                held.aside = Some(origin.aside());
                entry.queues[place].push_back(held);
                self.waiting += 1;
                drop(origin);
            } else {
                entry.queues[place].push_back(held);
                self.waiting += 1;
            }
            let is_closed = |port: usize| self.closed.iter().any(|closed| usize::from(*closed) == port);
            if !self.closed.is_empty() && !entry.is_hopeful(&self.ports, &is_closed) {
                self.release(hash, Unmatched::Closed, lone);
            }
            self.keep_bound(lone);
            return None;
        }
        let mut found = Match::new();
        let origin = held.origin.take();
        let mut own = Some(held);
        for (at, (queue, port)) in entry.queues.iter_mut().zip(&self.ports).enumerate() {
            let partner = if at == place { own.take() } else { queue.pop_front() };
            found.extend(partner.map(|partner| (*port, partner)));
        }
        self.waiting -= count - 1;
        if entry.queues.iter().all(VecDeque::is_empty) {
            self.entries.remove(&hash);
            if let Some(origin) = &origin {
                origin.put_aside(self.join, false);
            }
        }
        // The match descends from what its last packet holds on to.
        if let Some((_, first)) = found.first_mut().filter(|_| origin.is_some()) {
            first.origin = origin;
        }
        Some(found)
    }

    /// What the packet is known by: a number, and the key it stands for.
    fn identity(&self, place: usize, held: &Held) -> Option<(u64, Option<Value>)> {
        match &self.common {
            // What descends from nothing known finds no partner, so each has a number of its own.
            Common::Origin => held.origin.as_ref().map(|origin| (origin.id(), None)),
            Common::Key(paths) => {
                let key = find(&held.message, paths.get(place)?)?;
                let mut hasher = DefaultHasher::new();
                key.to_string().hash(&mut hasher);
                let mut hash = hasher.finish();
                // Two keys with the same hash: the next number that is free, or is its own.
                while self.entries.get(&hash).is_some_and(|entry| entry.key.as_ref() != Some(&key)) {
                    hash = hash.wrapping_add(1);
                }
                Some((hash, Some(key)))
            }
        }
    }

    /// Nothing that descends from the origin is on its way any more.
    pub(crate) fn end(&mut self, origin: u64, lone: &mut Vec<Lone>) {
        if matches!(self.common, Common::Origin) {
            self.release(origin, Unmatched::NoPartner, lone);
        }
    }

    /// Lets go of what has waited for too long.
    pub(crate) fn expire(&mut self, now: Instant, lone: &mut Vec<Lone>) {
        let Some(timeout) = self.timeout else { return };
        while let Some((since, hash, born)) = self.ages.front().copied() {
            if self.is_current(hash, born) {
                if now.saturating_duration_since(since) < timeout {
                    break;
                }
                self.release(hash, Unmatched::Timeout, lone);
            }
            self.ages.pop_front();
        }
    }

    /// When something will have waited for too long.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        let timeout = self.timeout?;
        while let Some((since, hash, born)) = self.ages.front().copied() {
            if self.is_current(hash, born) {
                return since.checked_add(timeout);
            }
            self.ages.pop_front();
        }
        None
    }

    /// Lets go of everything.
    pub(crate) fn close(&mut self, lone: &mut Vec<Lone>) {
        let mut hashes: Vec<_> = self.entries.iter().map(|(hash, entry)| (entry.born, *hash)).collect();
        hashes.sort_unstable();
        for (_, hash) in hashes {
            self.release(hash, Unmatched::Closed, lone);
        }
        self.ages.clear();
    }

    fn is_current(&self, hash: u64, born: u64) -> bool {
        self.entries.get(&hash).is_some_and(|entry| entry.born == born)
    }

    fn keep_bound(&mut self, lone: &mut Vec<Lone>) {
        let Some(bound) = self.bound else { return };
        while self.waiting > bound {
            let Some((_, hash, born)) = self.ages.pop_front() else { break };
            if self.is_current(hash, born) {
                self.release(hash, Unmatched::Bound, lone);
            }
        }
    }

    fn release(&mut self, hash: u64, why: Unmatched, lone: &mut Vec<Lone>) {
        let Some(entry) = self.entries.remove(&hash) else { return };
        for (queue, port) in entry.queues.into_iter().zip(&self.ports) {
            self.waiting -= queue.len();
            lone.extend(queue.into_iter().map(|held| Lone { port: *port, held, why }));
        }
    }
}

/// The value at a path in a message.
fn find(message: &Message, path: &Path) -> Option<Value> {
    let member = match message {
        Message::Host(value) => value.member(path),
        known => path.iter().try_fold(known.to_value(), |value, name| value.get(name).cloned()),
    };
    match member? {
        Value::Null => None,
        // JSON knows one kind of number.
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(Value::Integer(number as i64)),
        value => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::assembler::Intake;
    use crate::connection::Overflow;
    use crate::mailbox::{Mailbox, Room};
    use crate::mint::Mint;
    use crate::origin::{Ends, Origin};

    #[derive(Default)]
    struct Told(Mutex<Vec<u64>>);

    impl Ends for Told {
        fn origin_ended(&self, id: u64, _joins: u64, _question: Option<Arc<crate::question::Hold>>) {
            self.0.lock().push(id);
        }

        fn group_ended(&self, _node: u32, _end: crate::gather::GroupEnd) {}
    }

    fn held(message: impl Into<Message>, origin: Option<Origin>) -> Held {
        let mailbox = Mailbox::default();
        mailbox.add_link(0, Room::Bounded(1, Overflow::Wait));
        let (links, mut released) = (mailbox.links(), vec![0]);
        Intake { mailbox: &mailbox, links: &links, released: &mut released, gone: None }.held(
            0,
            0,
            message.into(),
            origin,
        )
    }

    fn keyed(timeout: Option<Duration>, bound: Option<usize>) -> Matcher {
        let common = Common::Key(vec![path("id"), path("order.id")]);
        Matcher::new(vec![0, 1], common, timeout, bound, 0)
    }

    fn left(id: i64) -> Held {
        held(Value::object([("id", Value::from(id))]), None)
    }

    fn right(id: i64) -> Held {
        held(Value::object([("order", Value::object([("id", Value::from(id))]))]), None)
    }

    #[test]
    fn partners_by_key_find_each_other_in_any_order() {
        let (mut matcher, mut lone) = (keyed(None, None), Vec::new());
        assert!(matcher.offer(0, left(1), &mut lone).is_none());
        assert!(matcher.offer(0, left(2), &mut lone).is_none());
        assert!(matcher.offer(1, right(3), &mut lone).is_none());
        assert_eq!(matcher.offer(1, right(2), &mut lone).unwrap().len(), 2);
        assert!(matcher.can_complete(&|_| false));
        assert!(!matcher.can_complete(&|_| true));
        assert_eq!((matcher.waiting(), lone.len()), (2, 0));
        matcher.close(&mut lone);
        assert_eq!(
            lone.iter().map(|lone| (lone.port, lone.why)).collect::<Vec<_>>(),
            [(0, Unmatched::Closed), (1, Unmatched::Closed)]
        );
        assert_eq!(matcher.waiting(), 0);
    }

    #[test]
    fn what_can_find_no_partner_any_more_leaves_at_once() {
        let (mut matcher, mut lone) = (keyed(None, None), Vec::new());
        assert!(matcher.offer(0, left(1), &mut lone).is_none());
        assert!(matcher.offer(1, right(2), &mut lone).is_none());
        matcher.close_ports(&|_| false, &mut lone);
        assert!(lone.is_empty());
        matcher.close_ports(&|port| port == 0, &mut lone);
        assert_eq!(lone.iter().map(|lone| (lone.port, lone.why)).collect::<Vec<_>>(), [(1, Unmatched::Closed)]);
        assert!(matcher.is_open(&|port| port == 0) && !matcher.is_open(&|_| true));
        assert!(matcher.offer(1, right(3), &mut lone).is_none());
        assert_eq!((lone.len(), matcher.waiting()), (2, 1));
        assert!(matcher.offer(1, right(1), &mut lone).is_some(), "its partner has come before the end");
        assert!(matcher.offer(1, right(1), &mut lone).is_none());
        assert_eq!((lone.len(), matcher.waiting()), (3, 0));
    }

    #[test]
    fn the_oldest_goes_when_more_wait_than_the_bound_says() {
        let (mut matcher, mut lone) = (keyed(None, Some(2)), Vec::new());
        for id in 0..4 {
            assert!(matcher.offer(0, left(id), &mut lone).is_none());
        }
        assert_eq!(lone.len(), 2);
        assert!(lone.iter().all(|lone| lone.why == Unmatched::Bound));
        assert!(matcher.offer(1, right(3), &mut lone).is_some());
    }

    #[test]
    fn nothing_waits_for_longer_than_the_rule_says() {
        let (mut matcher, mut lone) = (keyed(Some(Duration::from_secs(5)), None), Vec::new());
        let now = Instant::now();
        assert!(matcher.offer(0, left(1), &mut lone).is_none());
        assert!(matcher.deadline().unwrap() >= now + Duration::from_secs(5));
        matcher.expire(now, &mut lone);
        assert!(lone.is_empty());
        matcher.expire(now + Duration::from_mins(1), &mut lone);
        assert_eq!(lone[0].why, Unmatched::Timeout);
        assert!(matcher.deadline().is_none());
    }

    #[test]
    fn what_has_no_key_finds_no_partner() {
        let (mut matcher, mut lone) = (keyed(None, None), Vec::new());
        assert!(matcher.offer(0, held(5, None), &mut lone).is_none());
        assert_eq!(lone[0].why, Unmatched::NoKey);
    }

    #[test]
    fn a_packet_aside_does_not_hold_its_origin_and_leaves_with_it() {
        let told = Arc::new(Told::default());
        let ends: Arc<dyn Ends> = Arc::clone(&told) as _;
        let mint = Mint::new(0, 1, Vec::new(), Arc::downgrade(&ends));
        let mut matcher = Matcher::new(vec![0, 1], Common::Origin, None, None, 1);
        let mut lone = Vec::new();
        let [matched, alone] = [(); 2].map(|()| mint.strike(std::iter::once(0)));
        assert!(matcher.offer(0, held(1, Some(matched.clone())), &mut lone).is_none());
        assert!(matcher.offer(0, held(2, Some(alone.clone())), &mut lone).is_none());
        let found = matcher.offer(1, held(1, Some(matched.clone())), &mut lone).unwrap();
        assert_eq!(found[0].1.origin.as_ref().map(Origin::id), Some(matched.id()));
        drop((found, matched));
        assert!(told.0.lock().is_empty(), "nobody waited for it any more");
        let id = alone.id();
        drop(alone);
        assert_eq!(*told.0.lock(), [id]);
        matcher.end(id, &mut lone);
        assert_eq!((lone.len(), lone[0].why, matcher.waiting()), (1, Unmatched::NoPartner, 0));
    }
}
