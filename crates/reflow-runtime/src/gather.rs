//! Gathering: the packets that one tick of a node has given become lists again, in order, whatever became of each.
//!
//! The tick's packets are members of a group. Whatever may still bring a result of one holds its member, so the end of the group
//! is noticed by counting, as that of every origin is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use reflow_message::{Message, Value};
use rustc_hash::FxHashMap;

use crate::assembler::{Held, Intake};
use crate::attempt::{Attempt, Packets};
use crate::event::FailedAttempt;
use crate::join::{Lone, Unmatched};
use crate::origin::{Ends, Origin};

/// A node whose ticks give packets that are gathered again.
#[derive(Debug)]
pub(crate) struct Scatter {
    /// The nodes that gather them.
    pub(crate) gathers: Arc<[u32]>,
    /// The outports that lead there.
    pub(crate) ports: Vec<bool>,
}

/// What one tick of a node gives.
pub(crate) struct Group {
    id: u64,
    /// The node.
    pub(crate) node: u32,
    gathers: Arc<[u32]>,
    /// What the tick descends from.
    pub(crate) parent: Option<Origin>,
    count: AtomicU32,
    failed: AtomicBool,
    failures: Mutex<Vec<(u32, Value)>>,
    ends: Weak<dyn Ends>,
}

impl Group {
    pub(crate) fn new(node: u32, gathers: &Arc<[u32]>, parent: Option<Origin>, ends: Weak<dyn Ends>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            node,
            gathers: Arc::clone(gathers),
            parent,
            count: AtomicU32::new(0),
            failed: AtomicBool::new(false),
            failures: Mutex::default(),
            ends,
        }
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
    }

    /// A tick on the packet in this place has failed for good.
    pub(crate) fn note(&self, place: u32, failed: &FailedAttempt) {
        let failure = Value::object([
            ("error", Value::String(Arc::clone(&failed.failure.message))),
            ("reason", Value::String(Arc::clone(&failed.failure.reason))),
            ("node", Value::String(Arc::clone(&failed.actor))),
            ("attempts", failed.attempt.into()),
        ]);
        self.failures.lock().push((place, failure));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(ends) = self.ends.upgrade() else { return };
        let end = GroupEnd {
            id: self.id,
            parent: self.parent.take(),
            count: *self.count.get_mut(),
            failures: std::mem::take(self.failures.get_mut()),
            failed: *self.failed.get_mut(),
        };
        for node in self.gathers.iter() {
            ends.group_ended(*node, end.clone());
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", self.id)
    }
}

/// Nothing of a group is left.
#[derive(Clone, Debug)]
pub(crate) struct GroupEnd {
    id: u64,
    parent: Option<Origin>,
    count: u32,
    failures: Vec<(u32, Value)>,
    failed: bool,
}

/// The results that wait for the end of their groups, and lists that wait for a tick.
#[derive(Debug)]
pub(crate) struct Gatherer {
    scatter: u32,
    /// The inports that get lists.
    ports: Vec<u16>,
    open: FxHashMap<u64, Vec<(u32, u16, Message)>>,
    ready: VecDeque<(Packets, Option<Origin>)>,
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
        self.open.entry(group).or_default().push((index, port, held.message));
        None
    }

    /// The next list.
    pub(crate) fn take(&mut self, attempt: &mut Attempt) -> bool {
        let Some((inputs, origin)) = self.ready.pop_front() else { return false };
        (attempt.inputs, attempt.origin) = (inputs, origin);
        true
    }

    /// Makes the list of a group that has ended. The answer is what came for a place that had a result already.
    pub(crate) fn end(&mut self, end: GroupEnd) -> Vec<Lone> {
        let results = self.open.remove(&end.id).unwrap_or_default();
        if end.failed || end.parent.as_ref().is_some_and(Origin::is_cancelled) {
            return Vec::new();
        }
        let mut others = Vec::new();
        let count = end.count as usize;
        let mut lists: Vec<(u16, Vec<Option<Message>>)> =
            self.ports.iter().map(|port| (*port, vec![None; count])).collect();
        for (index, port, message) in results {
            let list = lists.iter_mut().find(|(known, _)| *known == port);
            match list.and_then(|(_, list)| list.get_mut(index as usize)) {
                Some(place @ None) => *place = Some(message),
                _ => others.push(Lone { port, held: Held::without_credit(message), why: Unmatched::Another }),
            }
        }
        for (index, failure) in end.failures {
            for (_, list) in &mut lists {
                if let Some(place @ None) = list.get_mut(index as usize) {
                    *place = Some(Message::Object(failure.clone()));
                }
            }
        }
        let inputs = lists.into_iter().map(|(port, list)| (port, list_of(&list))).collect();
        self.ready.push_back((inputs, end.parent));
        others
    }
}

/// One message with all of these; a place without a result is null.
fn list_of(items: &[Option<Message>]) -> Message {
    let host = items.iter().flatten().find_map(|item| match item {
        Message::Host(host) => Some(Arc::clone(host)),
        _ => None,
    });
    if let Some(host) = host
        && let Some(list) = host.list_of(items)
    {
        return list;
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
