//! A node of a running network, and the handle that actors, hosts and threads use it through.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use reflow_message::{Message, Object, Value};

use crate::activity::Sleeper;
use crate::attempt::Completion;
use crate::awaited::{AwaitedSignals, SignalWait};
use crate::cache::Results;
use crate::connection::Overflow;
use crate::error::SendError;
use crate::event::Event;
use crate::failure::{Failure, shortened};
use crate::gate::Gate;
use crate::gather::{Group, Scatter};
use crate::mailbox::{Control, Mailbox, Outgoing, Packet, Room};
use crate::marks::Marks;
use crate::open_attempts::OpenAttempts;
use crate::origin::{Ends, Mint, Origin};
use crate::policy::Policy;
use crate::pool::Pools;
use crate::rechunk::Rechunker;
use crate::recorder::Recorder;
use crate::run::Run;
use crate::sender::{BlockingSend, Caller, Sender, Sending};
use crate::stats::{Counters, NodeStats};
use crate::stray::Strays;
use crate::tick::PortIndex;
use crate::time::VirtualTime;
use crate::vars::VarChange;

/// The longest that an actor may have to say at once, in bytes.
const LONGEST_LOG: usize = 64 << 10;

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum NodeState {
    /// It waits for packets, for room or for its turn.
    Waiting,
    /// It runs ticks.
    Running,
    /// It waits before another attempt.
    BackingOff,
    /// It came to its end.
    Finished,
    /// It could not start, or its end came by a failure.
    Failed,
    /// It ended without a tick, because nothing reached it.
    Skipped,
    /// The run was stopped before it came to its end.
    Cancelled,
}

impl NodeState {
    const ALL: [Self; 7] =
        [Self::Waiting, Self::Running, Self::BackingOff, Self::Finished, Self::Failed, Self::Skipped, Self::Cancelled];

    /// The word for it in events and statistics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the node has ended.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}

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

/// Whom an outport leads to.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Whether there are nodes or listeners of a host, which take plain values as they are.
    pub hosted: bool,
    /// One of the other nodes, if there are any.
    pub other: Option<Arc<str>>,
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
    /// Inports that take values of components as they are, a bit each.
    pub(crate) as_is: u64,
    /// Names of the inports: the declared ones first, then those that something is connected to.
    pub(crate) inports: RwLock<Vec<Arc<str>>>,
    /// Inports that packets come to from outside by name: of the network, and inputs of the run.
    pub(crate) doors: Vec<u16>,
    pub(crate) declared_inports: usize,
    /// Names of the outports, in the same way.
    pub(crate) outports: Vec<Arc<str>>,
    pub(crate) routes: Vec<SmallVec<[Route; 1]>>,
    pub(crate) mailbox: Mailbox,
    pub(crate) sleeper: Arc<Sleeper>,
    pub(crate) counters: Counters,
    pub(crate) strays: Strays,
    pub(crate) pools: Pools,
    /// What the actor tells about itself to whoever asks.
    pub(crate) facts: Mutex<Object>,
    /// Signals that its ticks wait for.
    pub(crate) awaited: AwaitedSignals,
    pub(crate) state: AtomicU8,
    /// Attempts that go on elsewhere.
    pub(crate) open: OpenAttempts,
    /// Background work that keeps the node alive.
    pub(crate) holds: AtomicUsize,
    /// Whether packets from outside may still come.
    pub(crate) outside: AtomicBool,
    /// Links for packets from outside, by inport.
    pub(crate) outside_links: Mutex<SmallVec<[(u16, u32); 1]>>,
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
    pub(crate) mint: Option<Mint>,
    /// Its bit among the nodes that put packets aside until their partners come; 0 if it does not.
    pub(crate) join: u64,
    /// What it keeps of its open attempts, if their results are kept.
    pub(crate) results: Option<Box<Results>>,
    /// Whether the packets of its ticks are gathered again.
    pub(crate) scatter: Option<Scatter>,
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
    /// Changes of variables that no tick has committed yet.
    pub(crate) var_changes: Mutex<Vec<VarChange>>,
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
        self.outports.iter().position(|known| **known == *name).map(|port| port as u16)
    }

    pub(crate) fn inport(&self, name: &str) -> Option<u16> {
        self.inports.read().iter().position(|known| **known == *name).map(|port| port as u16)
    }

    /// Whether connections cut what it sends.
    pub(crate) fn cuts(&self) -> bool {
        !self.rechunkers.is_empty()
    }

    /// Changes of variables since this was asked last.
    pub(crate) fn take_var_changes(&self) -> Vec<VarChange> {
        std::mem::take(&mut *self.var_changes.lock())
    }

    /// The index of an inport that nothing was connected to so far; new names are accepted as new ports.
    pub(crate) fn inport_or_new(&self, name: &str) -> u16 {
        let mut inports = self.inports.write();
        match inports.iter().position(|known| **known == *name) {
            Some(port) => port as u16,
            None => {
                inports.push(name.into());
                (inports.len() - 1) as u16
            }
        }
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
    pub(crate) fn scattering(&self, index: u32, origin: Option<Origin>) -> Option<Origin> {
        let (Some(scatter), Some(ends)) = (&self.scatter, &self.ends) else { return origin };
        Some(Origin::scatter(Group::new(index, &scatter.gathers, origin, Weak::clone(ends))))
    }

    /// What packets descend from that leave together by these outports of a node whose packets are gathered again: those that
    /// lead there, and the others.
    pub(crate) fn departing(&self, origin: Option<&Origin>, ports: &[u16]) -> Option<Departing> {
        let group = origin?.scattered()?;
        let leads = |port: &u16| self.leads_to_gather(*port);
        let member = ports.iter().any(leads).then(|| Origin::member(group));
        Some(Departing { member, other: group.parent.clone() })
    }

    pub(crate) fn leads_to_gather(&self, port: u16) -> bool {
        self.scatter.as_ref().and_then(|scatter| scatter.ports.get(usize::from(port))).copied().unwrap_or(false)
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
        let routes = self.routes.get(usize::from(port)).map_or(&[][..], |routes| routes);
        // What leaves a node whose packets are gathered is one of them, or no part of that.
        let departing = if self.scatter.is_some() { self.departing(origin, &[port]) } else { None };
        let origin = match &departing {
            Some(departing) => departing.member.as_ref().or(departing.other.as_ref()),
            None => origin,
        };
        let asked = origin.is_some_and(|origin| origin.question().is_some());
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
                put(Outgoing { target: ANSWER, port, packet });
            }
        }
        if self.tapped.load(Ordering::Relaxed) {
            let taps = self.taps.read();
            for (_, tap) in taps.iter().filter(|(at, _)| *at == port) {
                let packet = Packet { link: 0, position, message: message.clone(), origin: None };
                put(Outgoing { target: tap | TAP, port, packet });
            }
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
            packets_out: self.counters.packets_out.get(),
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

/// A node of a running network, for whoever works for it: its actor, its host, a thread that sends later.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    run: Arc<Run>,
    index: u32,
    /// Whether it belongs to background work, which is counted in the run's activity.
    holds: bool,
}

impl NodeHandle {
    pub(crate) fn new(run: Arc<Run>, index: u32) -> Self {
        Self { run, index, holds: false }
    }

    /// The handle for background work that holds the node.
    pub(crate) fn for_background(&self) -> Self {
        Self { run: Arc::clone(&self.run), index: self.index, holds: true }
    }

    pub(crate) fn run(&self) -> &Arc<Run> {
        &self.run
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn node(&self) -> &Node {
        &self.run.nodes[self.index as usize]
    }

    /// The node's id.
    pub fn id(&self) -> &Arc<str> {
        &self.node().id
    }

    /// The template id of the node.
    pub fn component(&self) -> &Arc<str> {
        &self.node().component
    }

    /// The number of this run in its process.
    pub fn run_number(&self) -> u64 {
        self.run.number
    }

    /// The clock of the run, if it is a virtual one.
    pub fn virtual_time(&self) -> Option<&Arc<VirtualTime>> {
        self.run.time.as_ref()
    }

    /// The moment, by the clock of the run.
    pub fn now(&self) -> Instant {
        self.run.time.as_ref().map_or_else(Instant::now, |time| time.now())
    }

    /// Sleeps by the clock of the run, whoever polls the future.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let sleep = self.run.native().sleep(time);
        // It must not outlive the runtime that it belongs to.
        let host = Arc::clone(self.run.native());
        async move {
            sleep.await;
            drop(host);
        }
    }

    /// Waits for a signal of this kind, with this `id` in its payload if one is given. It is handed over at once, also in the
    /// middle of a tick. `info` of the node has what it waits for as `waiting`.
    pub fn wait_signal(&self, kind: &str, id: Option<Value>) -> SignalWait {
        SignalWait::new(self.clone(), kind, id)
    }

    /// Says that the host of the node's actor holds a virtual clock itself while it works for an attempt.
    pub fn hand_to_host(&self, sequence: u64, number: u32) {
        if let Some(time) = &self.run.time {
            time.hand_to_host((self.index, sequence, number));
        }
    }

    /// A text that tells this run from others.
    pub fn run_id(&self) -> &str {
        &self.run.id
    }

    /// The node's config; an empty object when it has none.
    pub fn config(&self) -> &Value {
        &self.node().config
    }

    /// What the node does when an attempt fails, if that is not the default.
    pub fn policy(&self) -> Option<&Policy> {
        self.node().policy.as_deref()
    }

    /// The node's pools.
    pub fn pools(&self) -> &Pools {
        &self.node().pools
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// Waits until the run is asked to stop. Cancel safe.
    pub async fn cancelled(&self) {
        // An error means that the run is gone, which is as good as cancelled.
        let _ = self.run.cancel_signal().wait_for(|cancelled| *cancelled).await;
    }

    /// The index of the outport called `name`; `None` when it is neither declared nor connected.
    pub fn outport(&self, name: &str) -> Option<u16> {
        self.node().outport(name)
    }

    /// The index of the inport called `name`.
    pub fn inport(&self, name: &str) -> Option<u16> {
        self.node().inport(name)
    }

    /// The names of all inports, by index.
    pub fn inports(&self) -> Vec<Arc<str>> {
        self.node().inports.read().clone()
    }

    /// The names of all outports, by index.
    pub fn outports(&self) -> &[Arc<str>] {
        &self.node().outports
    }

    /// The name of an inport.
    pub fn inport_name(&self, port: u16) -> Arc<str> {
        self.node().inport_name(port)
    }

    /// The name of an outport.
    pub fn outport_name(&self, port: u16) -> Arc<str> {
        self.node().outport_name(port)
    }

    /// Inports that something is connected to, an inport of the network as well.
    pub fn connected_inports(&self) -> Vec<Arc<str>> {
        let links = self.node().mailbox.links();
        let mut ports: Vec<u16> = links.iter().map(|link| link.port).chain(self.node().doors.iter().copied()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports.into_iter().map(|port| self.inport_name(port)).collect()
    }

    /// Outports that lead somewhere.
    pub fn connected_outports(&self) -> Vec<Arc<str>> {
        let node = self.node();
        (0_u16..)
            .zip(&node.routes)
            .filter(|(_, routes)| !routes.is_empty())
            .map(|(port, _)| node.rechunkers.iter().find(|cut| cut.to == port).map_or(port, |cut| cut.from))
            .map(|port| node.outport_name(port))
            .fold(Vec::new(), |mut names, name| {
                // A connection that cuts has a place of its own among the outports.
                if !names.contains(&name) {
                    names.push(name);
                }
                names
            })
    }

    /// Tells listeners something; `level` is `debug`, `info`, `warning` or `error`. A text that is longer than 64 KiB is cut, other
    /// data of that size are described.
    pub fn log(&self, level: &str, data: impl Into<Value>) {
        let data = match data.into() {
            Value::String(text) => Value::String(shortened(text, LONGEST_LOG)),
            data => {
                let message = Message::Object(data);
                if message.payload_bytes() > LONGEST_LOG as u64 { message.described() } else { message }.to_value()
            }
        };
        self.run.events.emit(Event::ActorLog { actor: Arc::clone(self.id()), level: level.into(), data });
    }

    /// Keeps a fact about the node for whoever asks the running network: where it listens, for example. A newer one of
    /// the same name replaces it. Listeners are told.
    pub fn publish(&self, name: &str, value: impl Into<Value>) {
        let (name, value): (Arc<str>, Value) = (name.into(), value.into());
        self.node().facts.lock().insert(Arc::clone(&name), value.clone());
        self.run.events.emit(Event::ActorPublished { actor: Arc::clone(self.id()), name, value });
    }

    /// Keeps a value that a tick can go on from: its next try, and that after a restart of the process. It is written down
    /// together with what leaves next. For a source it holds over all its ticks.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn checkpoint(&self, sequence: u64, value: Message) -> Result<(), Failure> {
        if let Some(recorder) = &self.node().recorder {
            recorder.checkpoint(sequence, &value)?;
        }
        self.node().marks.set(sequence, value);
        Ok(())
    }

    /// The value that a tick is to go on from.
    pub fn last_checkpoint(&self, sequence: u64) -> Option<Message> {
        self.node().marks.get(sequence)
    }

    /// A text that stands for a tick in the world outside: it is the same in all its tries, and after a restart of the process.
    pub fn idempotency_key(&self, sequence: u64) -> String {
        let (run, node) = (self.run_id(), self.id());
        match self.node().recorder.as_ref().map(|recorder| recorder.key(sequence)) {
            Some(key) if key.link != u32::MAX => {
                let port = self.node().inport_of(key.link);
                format!("{run}/{node}/{port}.{}.{}", key.link, key.position)
            }
            Some(key) => format!("{run}/{node}/{}", key.position),
            None => format!("{run}/{node}/{sequence}"),
        }
    }

    /// The variables of the run.
    pub fn vars(&self) -> &crate::Vars {
        &self.run.vars
    }

    /// Changes a variable of the run; the answer is its new value. All nodes see it at once; where a journal is kept, it is
    /// written down when the tick commits.
    ///
    /// # Errors
    /// A text that says why it cannot be changed.
    pub fn change_var(&self, change: VarChange) -> Result<Value, String> {
        let node = self.node();
        let mut changes = node.var_changes.lock();
        let value = self.run.vars.change(&change)?;
        if node.recorder.is_some() {
            changes.push(change);
        }
        drop(changes);
        self.run.look_at_gates();
        Ok(value)
    }

    /// Tells listeners how far the actor is, from 0 to 1, and in words.
    pub fn progress(&self, fraction: f64, text: &str) {
        self.run.events.emit(Event::ActorProgress {
            actor: Arc::clone(self.id()),
            fraction,
            text: shortened(text.into(), LONGEST_LOG),
        });
    }

    /// Sends a message at once, waiting for room. A dropped call has sent to some of the port's connections at most.
    ///
    /// # Errors
    /// [`SendError`] gives the message back when the node has ended or the run was stopped.
    pub async fn send(&self, port: impl PortIndex, message: impl Into<Message>) -> Result<(), SendError> {
        self.send_from(None, port, message).await
    }

    /// [`send`](Self::send) of a packet that descends from `origin`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_from(
        &self,
        origin: Option<&Origin>,
        port: impl PortIndex,
        message: impl Into<Message>,
    ) -> Result<(), SendError> {
        let caller = if self.holds { Caller::Counted } else { Caller::Other };
        self.send_as(port.index() as u16, message.into(), origin, caller).await
    }

    pub(crate) async fn send_as(
        &self,
        port: u16,
        message: Message,
        origin: Option<&Origin>,
        caller: Caller,
    ) -> Result<(), SendError> {
        let mut sender = Sender::new(self, port, message, origin, caller)?;
        std::future::poll_fn(|cx| {
            sender.sleeper.set_waker(cx.waker());
            sender.poll()
        })
        .await
    }

    /// [`send`](Self::send) by name. A port that nobody is connected to takes everything.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_named(&self, port: &str, message: impl Into<Message>) -> Result<(), SendError> {
        match self.outport(port) {
            Some(port) => self.send(usize::from(port), message).await,
            None => {
                self.lost(port, 1);
                Ok(())
            }
        }
    }

    /// A new origin for packets that this node brings into the network, however many and by whichever outports: they belong
    /// together, and to nothing else. `None` where nothing behind the node needs it. `on_end` runs once nothing that descends
    /// from them is left on its way or in work, and is told whether a tick on it failed for good; it runs at once if there is no
    /// origin.
    pub fn new_origin(&self, on_end: impl FnOnce(bool) + Send + Sync + 'static) -> Option<Origin> {
        match &self.node().mint {
            Some(mint) => Some(mint.strike_alone(Box::new(on_end))),
            None => {
                on_end(false);
                None
            }
        }
    }

    /// A new origin for packets that leave together by these outports; `None` where nothing behind the node needs it.
    pub fn origin_of(&self, ports: impl Iterator<Item = u16> + Clone) -> Option<Origin> {
        self.node().new_origin(ports)
    }

    /// Sends a message at once, blocking the thread while there is no room, until `deadline`. Only if it has to wait, it does
    /// so inside `block`, where a host can let go of what its thread holds. The packet descends from `origin`.
    ///
    /// # Errors
    /// [`SendError`] gives the message back when the node has ended, the run was stopped or the deadline has passed.
    pub fn send_blocking(
        &self,
        port: u16,
        message: Message,
        origin: Option<&Origin>,
        caller: Caller,
        deadline: Option<Instant>,
        block: impl FnOnce(BlockingSend<'_>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut sender = Sender::new(self, port, message, origin, caller)?;
        // Nobody can be woken yet, so a full target is asked once more inside `block`.
        match sender.poll() {
            Poll::Ready(result) => result,
            Poll::Pending => block(BlockingSend::new(sender, deadline)),
        }
    }

    /// Whether the outport leads to nodes that take plain values of a host as they are, and whether it leads to others.
    pub fn targets(&self, port: u16) -> Targets {
        let routes = self.node().routes.get(usize::from(port)).into_iter().flatten();
        let answers = self.node().answers.iter().any(|(at, _)| *at == port);
        let mut targets = Targets { hosted: answers || self.node().tapped.load(Ordering::Relaxed), other: None };
        for route in routes {
            let target = &self.run.nodes[route.target as usize];
            if target.hosted {
                targets.hosted = true;
            } else {
                targets.other = Some(Arc::clone(&target.id));
            }
        }
        targets
    }

    /// Whether a message sent to the outport would find room everywhere right now.
    pub fn has_room(&self, port: u16) -> bool {
        let node = self.node();
        let mut routes = node.routes.get(usize::from(port)).into_iter().flatten();
        let at_targets = routes.all(|route| self.run.nodes[route.target as usize].mailbox.has_room(route.link));
        let taps = node.taps.read();
        let mut listeners = taps.iter().filter(|(at, _)| *at == port).filter_map(|(_, tap)| self.run.tap(*tap));
        at_targets && listeners.all(|tap| tap.has_room())
    }

    /// A message on its way, for hosts with futures of their own. It is sent by polling it; dropping it gives up what was not
    /// delivered yet.
    ///
    /// # Errors
    /// [`SendError`] gives the message back when the node has ended or the run was stopped.
    pub fn sending(
        &self,
        port: u16,
        message: Message,
        origin: Option<&Origin>,
        caller: Caller,
    ) -> Result<Sending, SendError> {
        Sender::new(self.clone(), port, message, origin, caller).map(Sending)
    }

    /// Says that `run` has returned for an attempt: the node's task is not on its stack any more.
    pub fn returned(&self, sequence: u64, number: u32) {
        if self.node().open.returned((sequence, number), &self.run.activity) {
            // A thread beside the tick may have said so in the moment after it: whether anybody is busy is looked at again.
            self.run.activity.begin();
            self.run.end_activity();
        }
    }

    /// Ends an attempt that went on elsewhere; harmless when it has ended already. The call of one that was abandoned ends with
    /// this, too.
    pub fn complete(&self, completion: Completion) {
        let node = self.node();
        // A stopped node takes no completion any more, but may wait for this one.
        let _ = node.mailbox.control(Control::Completion(completion));
        node.sleeper.wake();
    }

    /// Says that an attempt was ended a second time, or after it had been given up: that changes nothing, but is told.
    pub fn tell_late(&self, what: &str) {
        self.node().counters.late.add(1);
        self.log("warning", what);
    }

    /// Makes the node look around: something it waits for may have changed.
    pub fn poke(&self) {
        self.run.poke(self.index);
    }

    pub(crate) fn begin_hold(&self) {
        self.run.activity.begin();
        self.node().holds.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn end_hold(&self) {
        self.node().holds.fetch_sub(1, Ordering::AcqRel);
        self.poke();
        self.run.end_activity();
    }
}

impl Run {
    /// Whoever waited for room for this packet does so no more.
    pub(crate) fn forget_waiting(&self, outgoing: &Outgoing, sleeper: &Arc<Sleeper>) {
        if outgoing.target == ANSWER {
            if let Some(question) = outgoing.packet.origin.as_ref().and_then(Origin::question) {
                question.forget_waiting(sleeper);
            }
        } else if outgoing.target & TAP == 0 {
            self.nodes[outgoing.target as usize].mailbox.forget_waiting(outgoing.packet.link, sleeper);
        } else if let Some(tap) = self.tap(outgoing.target & !TAP) {
            tap.forget_waiting(sleeper);
        }
    }
}
