//! A node of a running network.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};
use reflow_message::{End, Message, Value, Waiting};
use smallvec::SmallVec;

use crate::activity::Sleeper;
use crate::awaited::AwaitedSignals;
use crate::cache::Results;
use crate::connection::Overflow;
use crate::departures::Departures;
use crate::facts::Facts;
use crate::gate::Gate;
use crate::gather::{Group, Scatter};
use crate::journal::TickKey;
use crate::late::Late;
use crate::mailbox::{Mailbox, Room};
use crate::marks::Marks;
use crate::mint::{Mint, Turns};
use crate::node_state::NodeState;
use crate::open_attempts::OpenAttempts;
use crate::origin::{Ends, Origin};
use crate::packet::{Outgoing, Packet};
use crate::policy::Policy;
use crate::pool::Pools;
use crate::port_table::{MOST_PORTS, PortTable};
use crate::rechunk::Rechunker;
use crate::recorder::Recorder;
use crate::stats::{Counters, NodeStats};
use crate::stray::Strays;

/// Marks a target as a tap in [`Outgoing::target`].
pub(crate) const TAP: u32 = 1 << 31;

/// The target of a part of an answer: its link is the number of the outport of the network.
pub(crate) const ANSWER: u32 = u32::MAX;

/// Where an outport leads: a node and the number of the link in its mailbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) target: u32,
    pub(crate) link: u32,
    /// Whether something behind it needs to know what packets descend from.
    pub(crate) carries: bool,
}

/// What packets descend from that leave a node whose packets are gathered again.
pub(crate) struct Departing {
    /// Those that are gathered.
    pub(crate) member: Option<Origin>,
    /// The others.
    pub(crate) other: Option<Origin>,
}

/// One node of a run.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: Arc<str>,
    pub(crate) component: Arc<str>,
    pub(crate) config: Value,
    pub(crate) policy: Option<Box<Policy>>,
    /// Whether its actor belongs to a host and takes plain values as they are.
    pub(crate) hosted: bool,
    /// Whether its actor takes signals between its ticks.
    pub(crate) hears: bool,
    /// Inports that take values of components as they are, a bit each.
    pub(crate) as_is: u64,
    /// Names of the inports: the declared ones first, then those that something is connected to.
    pub(crate) inports: RwLock<PortTable>,
    /// Inports that packets come to from outside by name: of the network, and inputs of the run.
    pub(crate) doors: Vec<u16>,
    pub(crate) declared_inports: usize,
    /// Names of the outports, in the same way.
    pub(crate) outports: PortTable,
    pub(crate) routes: Vec<SmallVec<[Route; 1]>>,
    pub(crate) mailbox: Mailbox,
    pub(crate) sleeper: Arc<Sleeper>,
    pub(crate) counters: Counters,
    pub(crate) strays: Strays,
    pub(crate) late: Late,
    pub(crate) pools: Pools,
    /// What the actor tells about itself to whoever asks.
    pub(crate) facts: Facts,
    /// Signals that its ticks wait for.
    pub(crate) awaited: AwaitedSignals,
    pub(crate) state: AtomicU8,
    /// Attempts that go on elsewhere.
    pub(crate) open: OpenAttempts,
    /// What they send before their turn, if several may run at once and leave in order.
    pub(crate) departures: Option<Box<Departures>>,
    /// Background work that keeps the node alive.
    pub(crate) holds: AtomicUsize,
    /// Whether packets from outside may still come.
    pub(crate) outside: AtomicBool,
    /// Links for packets from outside, by inport.
    pub(crate) outside_links: Mutex<SmallVec<[(u16, u32); 1]>>,
    /// The same for packets of questions.
    pub(crate) asked_links: Mutex<SmallVec<[(u16, u32); 1]>>,
    /// Listeners on outports: port and number among the run's taps.
    pub(crate) taps: RwLock<Vec<(u16, u32)>>,
    pub(crate) tapped: AtomicBool,
    /// Outports that are outports of the network, with their number there.
    pub(crate) answers: SmallVec<[(u16, u16); 1]>,
    /// Whether the run has decided that nothing more can reach it.
    pub(crate) exhausted: AtomicBool,
    /// Whether it, or a node behind it, needs to know what packets descend from.
    pub(crate) carries: bool,
    /// Whether what it says of its own accord is new in the network, and not a summary of what it was told.
    pub(crate) is_source: bool,
    /// Where packets that descend from no other get their origin.
    pub(crate) mint: Option<Box<Mint>>,
    /// Its bit among the nodes that put packets aside until their partners come; 0 if it does not.
    pub(crate) join: u64,
    /// What it keeps of its open attempts, if their results are kept.
    pub(crate) results: Option<Box<Results>>,
    /// Whether the packets of its ticks are gathered again.
    pub(crate) scatter: Option<Box<Scatter>>,
    /// Of a node that gathers: groups that it has not heard the end of.
    pub(crate) awaited_groups: Option<Arc<AtomicUsize>>,
    /// Who is told of the ends of groups, if it is.
    pub(crate) ends: Option<Weak<dyn Ends>>,
    /// The outport of packets that found no partner.
    pub(crate) unmatched: Option<u16>,
    /// What writes down what it does, if that is to be known.
    pub(crate) recorder: Option<Box<Recorder>>,
    /// Connections that cut what goes over them.
    pub(crate) rechunkers: Vec<Rechunker>,
    /// What it waits for before it begins.
    pub(crate) gate: Option<Box<Gate>>,
    /// Whether it has begun.
    pub(crate) begun: AtomicBool,
    /// Whether gates wait for its first packet.
    pub(crate) watched: AtomicBool,
    /// What its ticks have left to go on from.
    pub(crate) marks: Marks,
    /// Whether it has connections of which older packets may be replaced.
    pub(crate) keeps_newest: bool,
    /// Inports that keep their newest packet; with `true`, objects are merged.
    pub(crate) latest: SmallVec<[(u16, bool); 1]>,
}

impl Node {
    pub(crate) fn state(&self) -> NodeState {
        NodeState::ALL[usize::from(self.state.load(Ordering::Relaxed))]
    }

    pub(crate) fn outport(&self, name: &str) -> Option<u16> {
        self.outports.exact(name)
    }

    /// The inport that a graph means by this name, or somebody outside: case may not matter.
    pub(crate) fn inport_of_graph(&self, name: &str) -> Option<u16> {
        self.inports.read().find(name)
    }

    pub(crate) fn inport(&self, name: &str) -> Option<u16> {
        self.inports.read().exact(name)
    }

    /// Whether inports merge the objects that come while they keep one.
    pub(crate) fn merges(&self) -> bool {
        self.latest.iter().any(|(_, merges)| *merges)
    }

    /// A tick has committed: what was kept for it is not needed any more.
    #[inline]
    pub(crate) fn tick_is_over(&self, sequence: u64) {
        if self.marks.are_used() {
            self.marks.forget(sequence);
        }
        if self.awaited.is_used() {
            self.awaited.over(sequence);
        }
    }

    /// Whether connections cut what it sends.
    pub(crate) fn cuts(&self) -> bool {
        !self.rechunkers.is_empty()
    }

    /// The index of an inport that nothing was connected to so far; new names are accepted as new ports, as long as there may be
    /// more.
    pub(crate) fn inport_or_new(&self, name: &str) -> Option<u16> {
        let mut inports = self.inports.write();
        inports.find(name).or_else(|| (inports.len() < MOST_PORTS).then(|| inports.add(name.into())))
    }

    pub(crate) fn inport_name(&self, port: u16) -> Arc<str> {
        self.inports.read().get(usize::from(port)).cloned().unwrap_or_else(|| "?".into())
    }

    pub(crate) fn outport_name(&self, port: u16) -> Arc<str> {
        self.outports.get(usize::from(port)).cloned().unwrap_or_else(|| "?".into())
    }

    /// The inport that a link leads to.
    pub(crate) fn inport_of(&self, link: u32) -> Arc<str> {
        let port = self.mailbox.links().get(link as usize).map(|link| link.port);
        port.map_or_else(|| "?".into(), |port| self.inport_name(port))
    }

    /// The node and inport that a link leads to, for people.
    pub(crate) fn place(&self, link: u32) -> String {
        format!("{}.{}", self.id, self.inport_of(link))
    }

    /// How a link of this inport deals with packets for which there is no room.
    pub(crate) fn room(&self, port: u16, capacity: usize) -> Room {
        let latest = self.latest.iter().find(|(at, _)| *at == port);
        latest.map_or(Room::Bounded(capacity, Overflow::Wait), |(_, merges)| Room::Latest(*merges))
    }

    /// The origin of packets that leave together by these outports and descend from no other; `None` where nothing needs
    /// it.
    pub(crate) fn new_origin(&self, ports: impl Iterator<Item = u16> + Clone) -> Option<Origin> {
        self.mint.as_ref().map(|mint| mint.strike(ports))
    }

    /// What a tick of the node descends from whose packets are gathered again.
    pub(crate) fn scattering(&self, index: u32, origin: Option<Origin>, key: Option<TickKey>) -> Option<Origin> {
        let (Some(scatter), Some(ends)) = (&self.scatter, &self.ends) else { return origin };
        if scatter.fork.is_some() && origin.is_none() {
            // What leaves is new, and its mint tells it apart.
            return None;
        }
        let serial = scatter.serial.fetch_add(1, Ordering::Relaxed);
        let recorded = self.recorder.is_some();
        let group = Group::new((index, serial), &scatter.gathers, origin, Weak::clone(ends), recorded, key);
        Some(Origin::scatter(match &scatter.fork {
            Some(meeting) => group.of_fork(Turns::new(self.outports.len(), Arc::clone(meeting))),
            None => group,
        }))
    }

    /// What packets descend from that leave together by these outports of a node whose packets are gathered again: those that
    /// lead there, and the others.
    pub(crate) fn departing(&self, origin: Option<&Origin>, ports: &[u16]) -> Option<Departing> {
        let group = origin?.scattered()?;
        let leads = |port: &u16| self.leads_to_gather(*port);
        let member = ports.iter().any(leads).then(|| Origin::member(group, ports.iter().copied().filter(leads)));
        Some(Departing { member, other: group.parent.clone() })
    }

    /// Whether results that it gathers may still lead to a list, or to an empty one.
    pub(crate) fn awaits_groups(&self) -> bool {
        self.awaited_groups.as_ref().is_some_and(|awaited| awaited.load(Ordering::Relaxed) > 0)
    }

    pub(crate) fn leads_to_gather(&self, port: u16) -> bool {
        self.scatter.as_ref().and_then(|scatter| scatter.ports.get(usize::from(port))).copied().unwrap_or(false)
    }

    /// The node takes `message` in: a stream is its to read.
    #[inline]
    pub(crate) fn receive(&self, message: &Message) {
        if let Message::StreamHandle(handle) = message {
            handle.sent_to(&self.counters.clock);
        }
    }

    /// The node puts `message` out: a stream that it did not get from another is one that it writes.
    #[inline]
    pub(crate) fn put_out(&self, message: &Message) {
        if let Message::StreamHandle(handle) = message {
            handle.sent_by(&self.counters.clock);
        }
    }

    /// What it produced waits for room from now on.
    pub(crate) fn waiting_for_room(&self) -> Waiting {
        Waiting::begin(Some(Arc::clone(&self.counters.clock) as _), End::Writing)
    }

    /// Hands `message` to `put`, once for every connection and listener of the outport.
    pub(crate) fn address(
        &self,
        port: u16,
        message: Message,
        origin: Option<&Origin>,
        position: u32,
        mut put: impl FnMut(Outgoing),
    ) {
        self.put_out(&message);
        let routes = self.routes.get(usize::from(port)).map_or(&[][..], |routes| routes);
        // What leaves a node whose packets are gathered is one of them, or no part of that.
        let departing = if self.scatter.is_some() { self.departing(origin, &[port]) } else { None };
        let origin = match &departing {
            Some(departing) => departing.member.as_ref().or(departing.other.as_ref()),
            None => origin,
        };
        let asked = origin.is_some_and(|origin| origin.question().is_some());
        let mut is_heard = false;
        if asked && let Some(origin) = origin {
            if origin.is_cancelled() {
                return;
            }
            for (_, outport) in self.answers.iter().filter(|(at, _)| *at == port) {
                let packet = Packet {
                    link: (*outport).into(),
                    position: 0,
                    message: message.clone(),
                    origin: Some(origin.clone()),
                };
                is_heard = true;
                put(Outgoing { target: ANSWER, port, packet });
            }
        }
        if self.tapped.load(Ordering::Relaxed) {
            let taps = self.taps.read();
            for (_, tap) in taps.iter().filter(|(at, _)| *at == port) {
                let packet = Packet { link: 0, position, message: message.clone(), origin: None };
                is_heard = true;
                put(Outgoing { target: tap | TAP, port, packet });
            }
        }
        // Nor does a node take it in pieces.
        if is_heard && routes.is_empty() && !self.rechunkers.iter().any(|cut| cut.from == port) {
            self.counters.heard.add(1);
        }
        if let Some((last, others)) = routes.split_last() {
            let to = |route: &Route, message| {
                let origin = if route.carries || asked { origin.cloned() } else { None };
                let packet = Packet { link: route.link, position, message, origin };
                Outgoing { target: route.target, port, packet }
            };
            others.iter().for_each(|route| put(to(route, message.clone())));
            put(to(last, message));
        }
    }

    pub(crate) fn stats(&self) -> NodeStats {
        let fill = self.mailbox.fill();
        let times = self.counters.clock.read();
        NodeStats {
            node: self.id.to_string(),
            component: self.component.to_string(),
            state: self.state().name(),
            ticks: self.counters.ticks.get(),
            packets_in: self.counters.packets_in.get(),
            packets_out: self.counters.packets_out.get() + self.counters.heard.get(),
            failures: self.counters.failures.get(),
            retries: self.counters.retries.get(),
            late: self.counters.late.get(),
            undelivered: self.counters.undelivered.get(),
            stray: self.counters.stray.get(),
            unmatched: self.counters.unmatched.get(),
            cached: self.counters.cached.get(),
            dropped: fill.dropped,
            busy_s: times.busy.as_secs_f64(),
            blocked_s: times.blocked.as_secs_f64(),
            queued: fill.queued,
            queue_high_water: fill.high_water,
            queue_fill: fill.fullest,
        }
    }
}
