//! `Origin`: which packet from outside, or from a source, a packet descends from.
//!
//! Whatever may still bring forth a descendant (a packet that waits, an open attempt, a packet that is held for another try)
//! holds the origin, so its end is noticed by counting alone, whatever became of the packets: passed on, filtered, failed,
//! dropped. Only nodes between a source and a node that needs origins have them; elsewhere there is none to carry.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use reflow_message::Value;

use crate::event::FailedAttempt;
use crate::gather::{Group, GroupEnd, Row};
use crate::question::Hold;

/// What a packet descends from. Copies share it; the last one to go ends it.
#[derive(Clone)]
pub struct Origin(Arc<Token>);

struct Token {
    id: u64,
    /// A bit for each joining node that has put a packet aside without holding its origin.
    aside: AtomicU64,
    ends: Weak<dyn Ends>,
    /// Whether a tick on one of its packets failed for good.
    failed: AtomicBool,
    on_end: Option<OnEnd>,
    /// The question that it belongs to.
    question: Option<Arc<Hold>>,
    place: Option<Place>,
}

/// What it is in a group of packets that are gathered again.
#[derive(Debug)]
enum Place {
    /// The tick that gives them.
    Scatter(Arc<Group>),
    /// One of them.
    Member(Arc<Group>, u32),
}

/// What is done once nothing of an origin is left; it is told whether a tick on one of its packets failed for good.
pub(crate) type OnEnd = Box<dyn FnOnce(bool) + Send + Sync>;

/// Who is told that nothing of an origin is left, although packets of it were put aside.
pub(crate) trait Ends: Send + Sync {
    /// `joins` has a bit for each joining node that is concerned. The question that it belongs to goes on until they have heard
    /// of it.
    fn origin_ended(&self, id: u64, joins: u64, question: Option<Arc<Hold>>);

    /// Nothing of a group is left whose results this node gathers.
    fn group_ended(&self, node: u32, end: GroupEnd);

    /// A tick on a packet of a group of this node failed for good, in this place; or the tick of the group itself did.
    fn group_noted(&self, _node: u32, _serial: u64, _failure: Option<(u32, Value)>) {}

    /// Nothing is left of what a tick of this fork gave, of which a journal knows.
    fn fork_ended(&self, _node: u32, _serial: u64) {}
}

impl Origin {
    pub(crate) fn new(id: u64, ends: Weak<dyn Ends>, on_end: Option<OnEnd>, question: Option<Arc<Hold>>) -> Self {
        let (aside, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        Self(Arc::new(Token { id, aside, ends, failed, on_end, question, place: None }))
    }

    /// The origin of a packet of a question.
    pub(crate) fn asked(ends: Weak<dyn Ends>, question: Arc<Hold>) -> Self {
        Self::new(alone(), ends, None, Some(question))
    }

    fn in_group(place: Place) -> Self {
        let id = match &place {
            Place::Member(group, index) if group.recorded => member_id(group.id(), *index),
            _ => alone(),
        };
        Self::with_id(id, place)
    }

    fn with_id(id: u64, place: Place) -> Self {
        let group = match &place {
            Place::Scatter(group) | Place::Member(group, _) => group,
        };
        let question = group.parent.as_ref().and_then(|parent| parent.0.question.clone());
        let ends = group.ends();
        let (aside, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        let place = Some(place);
        Self(Arc::new(Token { id, aside, ends, failed, on_end: None, question, place }))
    }

    /// The origin of a tick whose packets are gathered again.
    pub(crate) fn scatter(group: Group) -> Self {
        Self::in_group(Place::Scatter(Arc::new(group)))
    }

    /// The group that the packets of its tick belong to.
    pub(crate) fn scattered(&self) -> Option<&Arc<Group>> {
        if let Some(Place::Scatter(group)) = &self.0.place { Some(group) } else { None }
    }

    /// The group that it is a packet of.
    pub(crate) fn group(&self) -> Option<&Arc<Group>> {
        if let Some(Place::Member(group, _)) = &self.0.place { Some(group) } else { None }
    }

    /// The origin of the next packet of a group, which leaves by these outports.
    pub(crate) fn member(group: &Arc<Group>, ports: impl Iterator<Item = u16>) -> Self {
        let made = |place: u32| Self::in_group(Place::Member(Arc::clone(group), place));
        match group.turns() {
            Some(turns) => turns.strike(ports, |turn| made(turn as u32)),
            None => made(group.next()),
        }
    }

    /// What a join knows it by whose packets part at this node, or where they come from: what it was told apart by at forks in
    /// between does not matter there.
    pub(crate) fn at_fork(&self, fork: Option<u32>) -> Self {
        let mut origin = self;
        while let Some(Place::Member(group, _)) = &origin.0.place
            && group.is_fork()
            && Some(group.node) != fork
            && let Some(parent) = &group.parent
        {
            origin = parent;
        }
        origin.clone()
    }

    /// What it descends from before all forks and groups.
    #[must_use]
    pub fn root(&self) -> Self {
        let mut origin = self;
        while let Some(Place::Member(group, _) | Place::Scatter(group)) = &origin.0.place
            && let Some(parent) = &group.parent
        {
            origin = parent;
        }
        origin.clone()
    }

    /// The origin of a packet of a group in that place, which an earlier process has sent.
    pub(crate) fn known_member(group: &Arc<Group>, index: u32) -> Self {
        Self::in_group(Place::Member(Arc::clone(group), index))
    }

    /// The origin of the tick of a group that an earlier process has begun.
    pub(crate) fn known_scatter(group: &Arc<Group>) -> Self {
        Self::in_group(Place::Scatter(Arc::clone(group)))
    }

    /// The group of a tick of this node that it belongs to, and its place there.
    pub(crate) fn place_in(&self, scatter: u32) -> Option<(u64, u32)> {
        let mut origin = self;
        loop {
            let group = match origin.0.place.as_ref()? {
                Place::Member(group, index) if group.node == scatter => return Some((group.id(), *index)),
                Place::Member(group, _) | Place::Scatter(group) => group,
            };
            origin = group.parent.as_ref()?;
        }
    }

    /// What a journal has of the forks that it has come through since a tick of this node.
    pub(crate) fn rows_since(&self, scatter: u32) -> Vec<Arc<Row>> {
        let mut rows = Vec::new();
        let mut origin = self;
        while let Some(Place::Member(group, _) | Place::Scatter(group)) = &origin.0.place
            && group.node != scatter
        {
            rows.extend(group.row().cloned());
            let Some(parent) = &group.parent else { break };
            origin = parent;
        }
        rows
    }

    /// Tells whoever follows it that a tick on one of its packets failed for good: the list that it is gathered in, or else
    /// the question.
    pub(crate) fn tell_failure(&self, failed: &FailedAttempt) {
        let mut origin = self;
        loop {
            match &origin.0.place {
                Some(Place::Member(group, index)) if !group.is_fork() => return group.note(*index, failed),
                Some(Place::Member(group, _) | Place::Scatter(group)) => {
                    group.fail();
                    match &group.parent {
                        Some(parent) => origin = parent,
                        None => return,
                    }
                }
                None => {
                    if let Some(question) = &origin.0.question {
                        question.fail(failed);
                    }
                    return;
                }
            }
        }
    }

    /// The question that it belongs to.
    pub(crate) fn question(&self) -> Option<&Arc<Hold>> {
        self.0.question.as_ref()
    }

    /// Whether nobody wants to know what comes of it any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.question.as_ref().is_some_and(|question| question.is_cancelled())
    }

    /// An origin that packets have had in an earlier process.
    pub(crate) fn known(id: u64, ends: Weak<dyn Ends>) -> Self {
        Self::new(id, ends, None, None)
    }

    /// What is behind it, without holding it.
    pub(crate) fn weak(&self) -> WeakOrigin {
        WeakOrigin(Arc::downgrade(&self.0))
    }

    /// Tells origins of one run apart.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The same, for packets that leave after everything of the origin may have ended.
    pub fn later(&self) -> LateOrigin {
        let question = self.0.question.as_ref().map(Arc::downgrade);
        LateOrigin { id: self.0.id, ends: Weak::clone(&self.0.ends), question }
    }

    /// The same for a packet that waits for its partner.
    pub(crate) fn aside(&self) -> Aside {
        let place = self.group().cloned().zip(self.place());
        Aside { late: self.later(), place }
    }

    /// The same for one that may wait for longer than anybody asks for it.
    pub(crate) fn loose(&self) -> Aside {
        Aside { late: self.later(), place: None }
    }

    fn place(&self) -> Option<u32> {
        if let Some(Place::Member(_, index)) = &self.0.place { Some(*index) } else { None }
    }

    /// Whether a node that is no source has said it of its own accord: others may say theirs at any time.
    pub(crate) fn is_summary(&self) -> bool {
        self.0.id >> SERIAL_BITS == 0
    }

    /// Notes that a tick on one of its packets failed for good.
    pub(crate) fn note_failure(&self) {
        let mut origin = self;
        loop {
            origin.0.failed.store(true, Ordering::Release);
            match &origin.0.place {
                Some(Place::Member(group, _) | Place::Scatter(group)) if group.is_fork() => match &group.parent {
                    Some(parent) => origin = parent,
                    None => return,
                },
                _ => return,
            }
        }
    }

    /// Notes that a joining node has put packets of it aside, or has none any more.
    pub(crate) fn put_aside(&self, join: u64, aside: bool) {
        if aside {
            self.0.aside.fetch_or(join, Ordering::AcqRel);
        } else {
            self.0.aside.fetch_and(!join, Ordering::AcqRel);
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let joins = *self.aside.get_mut();
        if joins != 0
            && let Some(ends) = self.ends.upgrade()
        {
            ends.origin_ended(self.id, joins, self.question.take());
        }
        if let Some(on_end) = self.on_end.take() {
            on_end(*self.failed.get_mut());
        }
        if let Some(Place::Scatter(group)) = &self.place
            && let Some(turns) = group.turns()
        {
            // The tick is over: none of its packets is still to leave by another outport.
            turns.close();
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({}.{})", self.0.id >> SERIAL_BITS, self.0.id & ((1 << SERIAL_BITS) - 1))
    }
}

/// An origin that is known without being held.
pub(crate) struct WeakOrigin(Weak<Token>);

impl WeakOrigin {
    pub(crate) fn upgrade(&self) -> Option<Origin> {
        self.0.upgrade().map(Origin)
    }

    /// Whether somebody holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl fmt::Debug for WeakOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakOrigin")
    }
}

/// An origin that is remembered without being held.
#[derive(Clone)]
pub struct LateOrigin {
    id: u64,
    ends: Weak<dyn Ends>,
    question: Option<Weak<Hold>>,
}

impl LateOrigin {
    /// The origin again: what is sent under it may find that nobody waits any more.
    pub fn revive(&self) -> Origin {
        let question = self.question.as_ref().and_then(Weak::upgrade);
        Origin::new(self.id, Weak::clone(&self.ends), None, question)
    }
}

impl fmt::Debug for LateOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LateOrigin({})", self.id)
    }
}

/// The origin of a packet that waits for its partner: it may end meanwhile, but not what it is a part of.
#[derive(Debug)]
pub(crate) struct Aside {
    late: LateOrigin,
    place: Option<(Arc<Group>, u32)>,
}

impl Aside {
    /// The origin again.
    pub(crate) fn revive(self) -> Origin {
        match self.place {
            Some((group, index)) => Origin::with_id(self.late.id, Place::Member(group, index)),
            None => self.late.revive(),
        }
    }
}

/// Bits of an id that count; those above are its place of birth.
pub(crate) const SERIAL_BITS: u32 = 40;

/// The place of birth of origins that are alone.
const ALONE: u64 = 1 << 63;

/// A number that no other origin of this process has.
pub(crate) fn alone() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    ALONE | NEXT.fetch_add(1, Ordering::Relaxed) & (MEMBER - 1)
}

/// The packets of groups that a journal knows: above their place in the group is its number.
const MEMBER: u64 = 1 << 62;
const PLACE_BITS: u32 = 24;

/// Whether a journal can number the packets of groups of this node.
pub(crate) fn can_number_groups_of(node: u32) -> bool {
    Group::id_of(node, 0) < MEMBER >> PLACE_BITS
}

/// The number of the packet in a place of a group that a journal knows.
pub(crate) fn member_id(group: u64, place: u32) -> u64 {
    ALONE | MEMBER | (group << PLACE_BITS) & (MEMBER - 1) | u64::from(place) & ((1 << PLACE_BITS) - 1)
}

/// The group and the place that such a number stands for.
pub(crate) fn member_of(id: u64) -> Option<(u64, u32)> {
    let is_member = id & (ALONE | MEMBER) == ALONE | MEMBER;
    is_member.then_some(((id & (MEMBER - 1)) >> PLACE_BITS, (id & ((1 << PLACE_BITS) - 1)) as u32))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::mint::Mint;
    use parking_lot::Mutex;

    #[derive(Default)]
    pub(crate) struct Told(pub(crate) Mutex<Vec<(u64, u64)>>);

    impl Ends for Told {
        fn origin_ended(&self, id: u64, joins: u64, _question: Option<Arc<Hold>>) {
            self.0.lock().push((id, joins));
        }

        fn group_ended(&self, _node: u32, _end: GroupEnd) {}
    }

    pub(crate) fn mint(told: &Arc<Told>) -> Mint {
        let told: Arc<dyn Ends> = Arc::clone(told) as _;
        Mint::new(3, 2, Vec::new(), Arc::downgrade(&told))
    }

    #[test]
    fn the_end_of_one_that_is_alone_tells_of_failures() {
        let told = Arc::new(Told::default());
        let ends = Arc::new(Mutex::new(Vec::new()));
        let strike = |mint: &Mint| {
            let ends = Arc::clone(&ends);
            mint.strike_alone(Box::new(move |failed| ends.lock().push(failed)))
        };
        // Mints of several nodes do not know of each other.
        let (one, other) = (strike(&mint(&told)), strike(&mint(&told)));
        assert!(one.id() != other.id() && !one.is_summary());
        other.clone().note_failure();
        assert!(ends.lock().is_empty());
        drop(one);
        drop(other);
        assert_eq!(*ends.lock(), [false, true]);
    }

    #[test]
    fn the_last_holder_tells_joins_that_have_something_aside() {
        let told = Arc::new(Told::default());
        let mint = mint(&told);
        let (quiet, waited) = (mint.strike([0].into_iter()), mint.strike([0].into_iter()));
        quiet.put_aside(1, true);
        quiet.put_aside(1, false);
        drop(quiet);
        waited.put_aside(0b10, true);
        let (copy, id) = (waited.clone(), waited.id());
        drop(waited);
        assert!(told.0.lock().is_empty());
        drop(copy);
        assert_eq!(*told.0.lock(), [(id, 0b10)]);
    }
}
