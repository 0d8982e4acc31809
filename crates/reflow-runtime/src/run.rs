//! `Run`: a network that was started, until everything of it is gone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use reflow_graph::Direction;
use reflow_message::{Message, Value};
use rustc_hash::FxHashMap;
use tokio::sync::watch;

use crate::activity::Activity;
use crate::actor::Signal;
use crate::awaited::{Received, Taking};
use crate::budget::{Budget, Charge};
use crate::cache::ResultCache;
use crate::connection::Overflow;
use crate::error::{NetworkError, SendError, suggestion};
use crate::event::{Event, FailedAttempt};
use crate::event_bus::EventBus;
use crate::gather::{Group, GroupEnd, KnownGroup, Settled, row};
use crate::journal::{Batch, Journal, Op, Payload};
use crate::mailbox::{MAX_SIGNALS, Refused, Room};
use crate::native_host::NativeHost;
use crate::node::{Node, Route, TAP};
use crate::node_handle::NodeHandle;
use crate::node_state::NodeState;
use crate::origin::{Ends, Mint, Origin, WeakOrigin, member_of};
use crate::outside::{OutsideSend, Way};
use crate::packet::{Control, Outgoing, Packet};
use crate::question::{Asked, Hold, QuestionEnd};
use crate::script::{Outside, Script};
use crate::stall::Stall;
use crate::subgraph::Boundaries;
use crate::tap::{Listener, Tap};
use crate::time::VirtualTime;
use crate::vars::Vars;

/// Failures kept for the result of a run; later ones are only counted and sent as events.
const KEPT_FAILURES: usize = 1000;

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It has not.
    Running,
    /// Every node came to its end.
    Finished,
    /// A node failed.
    Failed,
    /// It was stopped.
    Cancelled,
}

impl RunState {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A started network. Nodes refer to each other by index, so that the run owns everything and nothing owns the run twice.
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) id: String,
    started: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) index: FxHashMap<Arc<str>, u32>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) events: Arc<EventBus>,
    pub(crate) taps: RwLock<FxHashMap<u32, Arc<Tap>>>,
    next_tap: AtomicU32,
    pub(crate) capacity: usize,
    /// How subgraphs look from their outside.
    pub(crate) boundaries: Arc<Boundaries>,
    /// Nodes that put packets aside until their partners come.
    joining: Vec<u32>,
    /// Where packets from outside get their origin.
    pub(crate) outside_mint: Option<Mint>,
    /// The variables that all nodes share.
    pub(crate) vars: Vars,
    /// Nodes that wait for something before they begin.
    pub(crate) gated: Vec<u32>,
    /// Where it writes down what it does.
    pub(crate) journal: Option<JournalOfRun>,
    /// Origins of packets of an earlier process.
    known_origins: Mutex<FxHashMap<u64, WeakOrigin>>,
    /// Groups of an earlier process.
    known_groups: Mutex<FxHashMap<u64, Weak<Group>>>,
    /// Nodes that have gathered a group, of those that others have yet to.
    gathered: Mutex<FxHashMap<u64, Vec<u32>>>,
    ends: Weak<dyn Ends>,
    native: Arc<NativeHost>,
    /// The order in which it does things, if that is written down or given.
    pub(crate) script: Option<Arc<Script>>,
    /// Results of ticks.
    pub(crate) cache: Arc<dyn ResultCache>,
    /// When it began, in milliseconds since 1970.
    pub(crate) began_ms: u64,
    /// Its clock, if it is a virtual one.
    pub(crate) time: Option<Arc<VirtualTime>>,
    live: AtomicUsize,
    outside_open: AtomicBool,
    pub(crate) rings_ended: AtomicBool,
    cancelled: AtomicBool,
    cancel: watch::Sender<bool>,
    pub(crate) failed: AtomicBool,
    /// Names of the outports of the network.
    pub(crate) outports: Vec<String>,
    /// Questions that have not ended.
    pub(crate) questions: Mutex<FxHashMap<u64, Weak<Asked>>>,
    /// What its failures may keep of the packets that led to them.
    kept: Arc<Budget>,
    end: Mutex<End>,
}

#[derive(Debug, Default)]
struct End {
    completed: bool,
    completed_at: Option<Instant>,
    /// Nothing is busy, and who waits for room waits for packets that only the outside can bring.
    starved: bool,
    waiting: Vec<Waker>,
    failures: Vec<(FailedAttempt, Option<Charge>)>,
    failures_dropped: u64,
    reason: Option<String>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({})", self.id)
    }
}

impl std::fmt::Debug for NativeHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NativeHost")
    }
}

/// The parts that a run is made of.
pub(crate) struct RunParts {
    pub(crate) number: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) events: Arc<EventBus>,
    pub(crate) capacity: usize,
    pub(crate) boundaries: Arc<Boundaries>,
    pub(crate) outports: Vec<String>,
    pub(crate) virtual_time: bool,
    pub(crate) cache: Arc<dyn ResultCache>,
    pub(crate) script: Option<Arc<Script>>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
}

/// What a run has of its journal.
#[derive(Debug)]
pub(crate) struct JournalOfRun {
    pub(crate) journal: Arc<dyn Journal>,
    /// Streams so far.
    pub(crate) streams: AtomicU32,
    /// Streams of packets from outside.
    pub(crate) doors: Mutex<Vec<Door>>,
    /// Whether packets from outside had not all come when the process before this one ended.
    pub(crate) lacks_inputs: AtomicBool,
    /// The number of the last batch that came from outside.
    pub(crate) from_outside: AtomicU64,
    /// Signals so far.
    pub(crate) signals: AtomicU64,
}

/// A stream of packets from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) node: u32,
    pub(crate) port: u16,
    pub(crate) stream: u32,
    pub(crate) next: u64,
    /// Packets that earlier processes have taken.
    pub(crate) known: u64,
}

impl Run {
    pub(crate) fn new(parts: RunParts) -> Arc<Self> {
        let RunParts {
            number,
            mut nodes,
            activity,
            events,
            capacity,
            boundaries,
            outports,
            journal,
            virtual_time,
            cache,
            script,
        } = parts;
        let index = nodes.iter().zip(0..).map(|(node, index)| (Arc::clone(&node.id), index)).collect();
        let native = if virtual_time { NativeHost::paused() } else { NativeHost::shared() };
        let time = virtual_time.then(|| VirtualTime::new(&native));
        let kept = Arc::new(Budget::default());
        kept.set_limit(events.budget().limit());
        Arc::new_cyclic(|run: &Weak<Self>| {
            let ends: Weak<dyn Ends> = Weak::clone(run) as _;
            for (place, node) in (0_u32..).zip(&mut nodes) {
                if node.routes.iter().flatten().any(|route| route.carries) {
                    let (outports, ends) = (node.outports.len(), Weak::clone(&ends));
                    let is_source = node.is_source;
                    let mint =
                        if is_source { Mint::new(place, outports, ends) } else { Mint::of_summaries(outports, ends) };
                    node.mint = Some(mint);
                }
                if node.scatter.is_some() {
                    node.ends = Some(Weak::clone(&ends));
                }
            }
            let carries = nodes.iter().any(|node| node.carries);
            let outside_mint = carries.then(|| Mint::new(nodes.len() as u32, 1, Weak::clone(&ends)));
            let id = journal
                .as_ref()
                .map_or_else(|| format!("run-{}-{number}", std::process::id()), |journal| journal.run_id().to_owned());
            let gated = (0_u32..).zip(&nodes).filter(|(_, node)| node.gate.is_some()).map(|(place, _)| place).collect();
            let journal = journal.map(|journal| JournalOfRun {
                journal,
                streams: AtomicU32::new(0),
                doors: Mutex::default(),
                lacks_inputs: AtomicBool::new(false),
                from_outside: AtomicU64::new(0),
                signals: AtomicU64::new(0),
            });
            let joining = (0_u32..).zip(&nodes).filter(|(_, node)| node.join != 0).map(|(place, _)| place).collect();
            Self {
                number,
                joining,
                outside_mint,
                kept,
                vars: Vars::default(),
                gated,
                journal,
                known_origins: Mutex::default(),
                known_groups: Mutex::default(),
                gathered: Mutex::default(),
                ends,
                id,
                started: Instant::now(),
                live: AtomicUsize::new(nodes.len()),
                nodes,
                index,
                activity,
                events,
                taps: RwLock::default(),
                next_tap: AtomicU32::new(0),
                rings_ended: AtomicBool::new(false),
                capacity,
                boundaries,
                native,
                script,
                cache,
                began_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64,
                time,
                outside_open: AtomicBool::new(true),
                cancelled: AtomicBool::new(false),
                cancel: watch::Sender::new(false),
                failed: AtomicBool::new(false),
                outports,
                questions: Mutex::default(),
                end: Mutex::default(),
            }
        })
    }

    /// From the start to now, or to the end.
    pub(crate) fn elapsed(&self) -> Duration {
        self.end.lock().completed_at.map_or_else(|| self.started.elapsed(), |end| end - self.started)
    }

    pub(crate) fn native(&self) -> &Arc<NativeHost> {
        &self.native
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn cancel_signal(&self) -> watch::Receiver<bool> {
        self.cancel.subscribe()
    }

    /// Whether packets from outside may still reach `node`.
    pub(crate) fn outside_may_send(&self, node: &Node) -> bool {
        self.outside_open.load(Ordering::Acquire) && node.outside.load(Ordering::Acquire)
    }

    /// Whether finished attempts that somebody still holds keep their node alive.
    pub(crate) fn keeps_retained(&self) -> bool {
        self.outside_open.load(Ordering::Acquire)
    }

    pub(crate) fn node(&self, id: &str) -> Result<u32, NetworkError> {
        self.index.get(id).copied().ok_or_else(|| NetworkError::UnknownNode {
            what: "the call".into(),
            node: id.into(),
            suggestion: suggestion(id, self.nodes.iter().map(|node| &*node.id)),
        })
    }

    // ---- from outside -------------------------------------------------------------------------------------------------

    /// The link for packets from outside to an inport of a node.
    fn outside_link(&self, index: u32, port: u16, way: Way) -> u32 {
        let node = &self.nodes[index as usize];
        // A journal and a recording count all packets of an inport together.
        if way == Way::Asked && self.journal.is_none() && self.script.is_none() {
            let mut links = node.asked_links.lock();
            if let Some((_, link)) = links.iter().find(|(at, _)| *at == port) {
                return *link;
            }
            let link = node.mailbox.add_outside_link(port, Room::Bounded(usize::MAX, Overflow::Wait));
            links.push((port, link));
            return link;
        }
        let mut links = node.outside_links.lock();
        if let Some((_, link)) = links.iter().find(|(at, _)| *at == port) {
            return *link;
        }
        let link = node.mailbox.add_outside_link(port, node.room(port, self.capacity));
        links.push((port, link));
        if let Some(journal) = &self.journal {
            let stream = journal.streams.fetch_add(1, Ordering::Relaxed);
            journal.doors.lock().push(Door { node: index, port, stream, next: 0, known: 0 });
            let mut ops = vec![Op::Door { stream, node: index, port: node.inport_name(port), link }];
            self.write(std::mem::take(&mut ops));
        }
        link
    }

    /// Sends a packet from outside, waiting inside `block` if there is no room.
    pub(crate) fn send(
        self: &Arc<Self>,
        node: &str,
        port: &str,
        message: Message,
        block: impl FnOnce(OutsideSend) -> Result<(), SendError>,
    ) -> Result<Result<(), SendError>, NetworkError> {
        let mut send = self.outside_send(node, port, message)?;
        Ok(match send.poll() {
            Poll::Ready(result) => result,
            Poll::Pending => block(send),
        })
    }

    /// A packet from outside, not yet sent.
    pub(crate) fn outside_send(
        self: &Arc<Self>,
        node: &str,
        port: &str,
        message: Message,
    ) -> Result<OutsideSend, NetworkError> {
        self.outside_send_as(node, port, message, Way::Counted, |node, _| self.outside_origin(node))
    }

    /// A packet from outside, not yet sent, of this origin.
    pub(crate) fn outside_send_as(
        self: &Arc<Self>,
        node: &str,
        port: &str,
        message: Message,
        way: Way,
        origin: impl FnOnce(u32, u16) -> Option<Origin>,
    ) -> Result<OutsideSend, NetworkError> {
        let index = self.node(node)?;
        let target = &self.nodes[index as usize];
        let port_index = match target.inport(port) {
            Some(port) => port,
            None if target.declared_inports == 0 => target.inport_or_new(port),
            None => return Err(NetworkError::unknown_port(node, Direction::In, port, &target.inports.read())),
        };
        let message = if target.hosted {
            message
        } else {
            let known = message.known().cloned();
            known.map_err(|error| NetworkError::BadValue {
                node: node.into(),
                port: port.into(),
                problem: error.to_string(),
            })?
        };
        let link = self.outside_link(index, port_index, way);
        let origin = origin(index, port_index);
        let position = self.record_outside(index, port_index, &message, origin.as_ref())?;
        let packet = Packet { link, position, message, origin };
        let outgoing = Outgoing { target: index, port: port_index, packet };
        Ok(OutsideSend::new(Arc::clone(self), outgoing))
    }

    /// Nothing more comes from outside: nodes that only waited for that come to their end.
    pub(crate) fn close_outside(&self) {
        if self.outside_open.swap(false, Ordering::AcqRel) {
            if !self.nodes.is_empty() {
                self.note_outside(0, &"".into(), || Outside::Closed);
            }
            if !self.is_cancelled() {
                self.write(vec![Op::InputsClosed]);
            }
            for index in 0..self.nodes.len() as u32 {
                self.poke(index);
            }
        }
    }

    /// The origin of a packet from outside for this node.
    pub(crate) fn outside_origin(&self, node: u32) -> Option<Origin> {
        let mint = self.outside_mint.as_ref().filter(|_| self.nodes[node as usize].carries)?;
        Some(mint.strike(std::iter::once(0)))
    }

    pub(crate) fn signal(&self, node: &str, signal: Signal) -> Result<(), NetworkError> {
        let index = self.node(node)?;
        let at = &self.nodes[index as usize];
        if at.state().is_ended() {
            return Err(NetworkError::Ended { node: node.into() });
        }
        self.note_outside(index, &signal.kind.as_str().into(), || {
            Outside::Signal(Message::Object(signal.data.clone()))
        });
        let number = self.journal.as_ref().map(|journal| journal.signals.fetch_add(1, Ordering::Relaxed));
        // Written down before anybody acts on it.
        let note = |received: &Received, awaited| {
            let Some(number) = received.number else { return };
            let (kind, data) = (received.signal.kind.clone(), received.signal.data.clone());
            self.write(vec![Op::Signal { node: index, kind, data, number, awaited }]);
        };
        let too_many = || NetworkError::TooManySignals { node: node.into(), waiting: MAX_SIGNALS };
        let received = match at.awaited.take_in(Received { signal, number }, at.hears, note) {
            Taking::Kept => return Ok(()),
            Taking::Queued(received) => received,
            Taking::Full => return Err(too_many()),
        };
        self.control(index, Control::Signal(received)).map_err(|refused| {
            if let Some(number) = number {
                self.write(vec![Op::SignalTaken { number }]);
            }
            match refused {
                Refused::Closed => NetworkError::Ended { node: node.into() },
                Refused::Full => too_many(),
            }
        })
    }

    pub(crate) fn poke(&self, index: u32) {
        // A node that has ended needs no look around.
        let _ = self.control(index, Control::Poke);
    }

    /// An origin of packets of a question.
    pub(crate) fn origin_of(self: &Arc<Self>, question: &Arc<Hold>) -> Origin {
        let run: Weak<Self> = Arc::downgrade(self);
        Origin::asked(run, Arc::clone(question))
    }

    /// Tells a node something that it needs not know once it has ended.
    pub(crate) fn tell(&self, index: u32, control: Control) {
        let _ = self.control(index, control);
    }

    /// Makes every node look for attempts that nobody wants to know the end of any more.
    pub(crate) fn withdraw_attempts(&self) {
        for index in 0..self.nodes.len() as u32 {
            self.tell(index, Control::Withdrawn);
        }
    }

    pub(crate) fn control(&self, index: u32, control: Control) -> Result<(), Refused> {
        let node = &self.nodes[index as usize];
        if node.state().is_ended() {
            return Err(Refused::Closed);
        }
        // A count for the call: the node is woken and counted before it ends, and does not sleep before it has looked.
        self.activity.begin();
        let taken = node.mailbox.control(control);
        if taken.is_ok() {
            node.sleeper.wake();
        }
        self.end_activity();
        taken
    }

    /// Closes the mailbox of a node; how many packets that loses.
    fn close_mailbox(node: &Node) -> usize {
        let left = node.mailbox.close();
        drop(left.rest);
        left.packets
    }

    /// A listener on an outport. It ends when the node has ended.
    pub(crate) fn listen(&self, node: &str, port: &str, capacity: usize) -> Result<Listener, NetworkError> {
        self.listen_with(node, port, Tap::new(capacity)).map(Listener)
    }

    pub(crate) fn listen_with(&self, node: &str, port: &str, tap: Arc<Tap>) -> Result<Arc<Tap>, NetworkError> {
        let node = &self.nodes[self.node(node)? as usize];
        let unknown = || NetworkError::unknown_port(&node.id, Direction::Out, port, &node.outports);
        Ok(self.add_tap(node, node.outport(port).ok_or_else(unknown)?, tap))
    }

    pub(crate) fn add_tap(&self, node: &Node, port: u16, tap: Arc<Tap>) -> Arc<Tap> {
        let mut taps = self.taps.write();
        taps.retain(|_, known| !known.is_gone());
        let number = self.next_tap.fetch_add(1, Ordering::Relaxed) & !TAP;
        taps.insert(number, Arc::clone(&tap));
        {
            let mut on_node = node.taps.write();
            on_node.retain(|(_, known)| taps.contains_key(known));
            on_node.push((port, number));
        }
        drop(taps);
        node.tapped.store(true, Ordering::Release);
        if node.state().is_ended() {
            tap.end();
        }
        tap
    }

    pub(crate) fn tap(&self, number: u32) -> Option<Arc<Tap>> {
        self.taps.read().get(&number).cloned()
    }

    // ---- life ---------------------------------------------------------------------------------------------------------

    pub(crate) fn end_activity(&self) {
        if self.activity.end() {
            self.on_quiet();
        }
    }

    /// Stops a run that does not do what its script says.
    fn check_script(&self) {
        let Some(player) = self.script.as_ref().and_then(|script| script.player_of()) else { return };
        if !self.activity.is_quiet() || self.is_cancelled() {
            return;
        }
        if let Some((node, tick)) = player.missing() {
            self.stop_failed(&format!(
                "the run differs from its recording: tick {tick} was one of node `{node}`, which has nothing to run on now"
            ));
        }
    }

    /// Writes down what came from outside.
    pub(crate) fn note_outside(&self, node: u32, name: &Arc<str>, what: impl FnOnce() -> Outside) {
        if let Some(script) = &self.script {
            let at = self.started.elapsed();
            script.note_outside(at, &self.nodes[node as usize].id, name, what());
        }
    }

    /// Nobody is busy any more: the network is idle, or it waits for room, or for a listener. Called once for each time the
    /// count of busy ones reaches zero.
    pub(crate) fn on_quiet(&self) {
        self.check_script();
        let mut end = self.end.lock();
        if !self.activity.is_quiet() {
            return;
        }
        let live = self.live.load(Ordering::Acquire) > 0;
        end.starved = false;
        if live && self.activity.blocked() > 0 {
            drop(end);
            if self.resolve_stall() == Stall::Resolved {
                return;
            }
            end = self.end.lock();
            if !self.activity.is_quiet() {
                return;
            }
            end.starved = true;
        }
        let closed = !self.outside_open.load(Ordering::Acquire) && !self.is_cancelled();
        if live && closed && !self.rings_ended.swap(true, Ordering::AcqRel) {
            drop(end);
            return self.end_rings();
        }
        let waiting = std::mem::take(&mut end.waiting);
        let completed = !live && end.completed_at.is_none();
        if completed {
            end.completed_at = Some(Instant::now());
        }
        drop(end);
        if !self.is_cancelled() {
            self.events.emit(Event::NetworkIdle);
        }
        if completed {
            self.complete();
        }
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Nodes on a ring wait for each other and never see their inports close, and gates may wait for what nobody says: when
    /// nothing moves any more, they are told.
    fn end_rings(&self) {
        for index in &self.gated {
            let node = &self.nodes[*index as usize];
            if !node.begun.load(Ordering::Acquire) {
                node.exhausted.store(true, Ordering::Release);
                self.poke(*index);
            }
        }
        for (index, _) in (0_u32..).zip(self.nodes_on_rings()).filter(|(_, ring)| ring.is_some()) {
            self.nodes[index as usize].exhausted.store(true, Ordering::Release);
            self.poke(index);
        }
        // Without a live ring nobody was poked, and nobody would come back to report idleness.
        self.activity.begin();
        self.end_activity();
    }

    /// Notes a failure and tells listeners.
    pub(crate) fn fail(&self, failed: FailedAttempt) {
        if !failed.will_retry {
            let mut kept = failed.clone();
            let charge = self.kept.keep(kept.inputs.iter_mut().map(|(_, message)| message));
            let mut end = self.end.lock();
            if end.failures.len() < KEPT_FAILURES {
                end.failures.push((kept, charge));
            } else {
                end.failures_dropped += 1;
            }
        }
        self.events.emit(Event::ActorFailed(Box::new(failed)));
    }

    /// A failure that ends the run.
    pub(crate) fn stop_failed(&self, reason: &str) {
        self.failed.store(true, Ordering::Release);
        self.cancel(reason);
    }

    /// Stops the run: no tick starts any more, what waits is given up.
    pub(crate) fn cancel(&self, reason: &str) {
        if self.cancelled.swap(true, Ordering::AcqRel) {
            return;
        }
        self.end.lock().reason = Some(reason.into());
        self.activity.begin();
        self.cancel.send_replace(true);
        for node in &self.nodes {
            node.counters.undelivered.add(Self::close_mailbox(node) as u64);
            node.sleeper.wake();
        }
        for tap in self.taps.read().values() {
            tap.end();
        }
        let questions = std::mem::take(&mut *self.questions.lock());
        questions.values().filter_map(Weak::upgrade).for_each(|asked| asked.end(QuestionEnd::Stopped));
        self.end_activity();
    }

    pub(crate) fn set_state(&self, node: &Node, state: NodeState, tell: bool) {
        let before = node.state();
        if before == state || before.is_ended() {
            return;
        }
        node.state.store(state as u8, Ordering::Relaxed);
        if tell
            && !state.is_ended()
            && let Some(recorder) = &node.recorder
        {
            recorder.note_state(state.name());
        }
        if tell {
            self.events.emit(Event::NodeStateChanged {
                actor: Arc::clone(&node.id),
                from: before.name(),
                to: state.name(),
            });
        }
    }

    /// The last act of a node: its connections close, and the run ends with the last node.
    pub(crate) fn node_ended(&self, index: u32, state: NodeState, undelivered: usize) {
        let node = &self.nodes[index as usize];
        let undelivered = (undelivered + Self::close_mailbox(node)) as u64;
        node.counters.undelivered.add(undelivered);
        if undelivered > 0 {
            self.events.emit(Event::PacketsUndelivered { actor: Arc::clone(&node.id), count: undelivered });
        }
        self.set_state(node, state, true);
        self.record_end(index, node, state);
        if !self.gated.is_empty() {
            self.look_at_gates();
        }
        for Route { target, link, .. } in node.routes.iter().flatten() {
            let target = &self.nodes[*target as usize];
            if target.mailbox.close_link(*link) {
                target.sleeper.wake();
            }
        }
        for (_, tap) in node.taps.read().iter() {
            if let Some(tap) = self.tap(*tap) {
                tap.end();
            }
        }
        self.live.fetch_sub(1, Ordering::AcqRel);
        self.end_activity();
    }

    /// Every node has ended (or there was none).
    fn complete(&self) {
        if let Some(journal) = &self.journal {
            let (state, reason) = (self.final_state().name(), self.reason());
            self.write(vec![Op::Ended { state, reason }]);
            // Whoever waits for the end finds it on the disk.
            if let Err(error) = journal.journal.sync() {
                self.note_broken(&error.to_string());
            }
        }
        self.events.emit(Event::NetworkCompleted { state: self.final_state().name() });
        self.events.run_ended();
        // Last, so that whoever waits for the end finds it in the trace.
        let waiting = {
            let mut end = self.end.lock();
            end.completed = true;
            std::mem::take(&mut end.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn final_state(&self) -> RunState {
        if self.failed.load(Ordering::Acquire) || self.nodes.iter().any(|node| node.state() == NodeState::Failed) {
            RunState::Failed
        } else if self.is_cancelled() && self.nodes.iter().any(|node| node.state() == NodeState::Cancelled) {
            RunState::Cancelled
        } else {
            RunState::Finished
        }
    }

    pub(crate) fn state(&self) -> RunState {
        if self.end.lock().completed { self.final_state() } else { RunState::Running }
    }

    /// Whether nothing can move without the outside.
    fn is_idle(&self, end: &End) -> bool {
        self.activity.is_quiet() && (end.starved || self.activity.blocked() == 0)
    }

    /// Ready when every node has ended, or (`idle_is_enough`) nothing can move without the outside.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>, idle_is_enough: bool) -> Poll<()> {
        let mut end = self.end.lock();
        let live = self.live.load(Ordering::Acquire) > 0;
        if end.completed || (idle_is_enough && live && self.is_idle(&end)) {
            return Poll::Ready(());
        }
        if !end.waiting.iter().any(|known| known.will_wake(cx.waker())) {
            end.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// How many packets the nodes have sent.
    pub(crate) fn packets_sent(&self) -> u64 {
        self.nodes.iter().map(|node| node.counters.packets_out.get()).sum()
    }

    /// Nodes that have not ended.
    pub(crate) fn live_nodes(&self) -> Vec<Arc<str>> {
        self.nodes.iter().filter(|node| !node.state().is_ended()).map(|node| Arc::clone(&node.id)).collect()
    }

    pub(crate) fn failures(&self) -> (Vec<FailedAttempt>, u64) {
        let end = self.end.lock();
        (end.failures.iter().map(|(failed, _)| failed.clone()).collect(), end.failures_dropped)
    }

    pub(crate) fn reason(&self) -> Option<String> {
        self.end.lock().reason.clone()
    }

    // ---- the journal --------------------------------------------------------------------------------------------------

    /// Writes something down that belongs to no node's ticks.
    pub(crate) fn write(&self, ops: Vec<Op>) {
        let Some(journal) = &self.journal else { return };
        match journal.journal.write(Batch { bytes: Vec::new(), ops }) {
            Ok(number) => {
                journal.from_outside.fetch_max(number, Ordering::AcqRel);
            }
            Err(error) => self.note_broken(&error.to_string()),
        }
    }

    /// Nothing can be written down any more: the run fails.
    fn note_broken(&self, problem: &str) {
        self.failed.store(true, Ordering::Release);
        if self.is_cancelled() {
            self.end.lock().reason = Some(problem.into());
        } else {
            self.cancel(problem);
        }
    }

    /// Writes a packet from outside down; its position.
    fn record_outside(
        &self,
        node: u32,
        port: u16,
        message: &Message,
        origin: Option<&Origin>,
    ) -> Result<u32, NetworkError> {
        let Some(journal) = &self.journal else { return Ok(0) };
        let mut bytes = Vec::new();
        message.pack(&mut bytes).map_err(|error| NetworkError::BadValue {
            node: self.nodes[node as usize].id.to_string(),
            port: self.nodes[node as usize].inport_name(port).to_string(),
            problem: format!("it cannot be kept in the store: {error}"),
        })?;
        let mut doors = journal.doors.lock();
        let Some(door) = doors.iter_mut().find(|door| (door.node, door.port) == (node, port)) else { return Ok(0) };
        let position = door.next;
        door.next += 1;
        let payload = Payload::Inline { at: 0, len: bytes.len() as u32 };
        let op = Op::Output { stream: door.stream, position, origin: origin.map_or(0, Origin::id), payload };
        // Still locked: positions are written in order.
        let number = journal.journal.write(Batch { bytes, ops: vec![op] })?;
        journal.from_outside.fetch_max(number, Ordering::AcqRel);
        Ok(position as u32)
    }

    /// Packets were given up on their way.
    pub(crate) fn record_gone<'a>(&self, packets: impl Iterator<Item = &'a Outgoing>) {
        if self.journal.is_none() {
            return;
        }
        for outgoing in packets.filter(|outgoing| outgoing.target & TAP == 0) {
            if let Some(recorder) = &self.nodes[outgoing.target as usize].recorder {
                recorder.drop_packets([(outgoing.packet.link, outgoing.packet.position)]);
            }
        }
    }

    /// Writes the end of a node down, after everything that it has done.
    fn record_end(&self, index: u32, node: &Node, state: NodeState) {
        let Some(recorder) = &node.recorder else { return };
        // A node that a failure has stopped is tried again by whoever goes on with the run.
        let stopped = self.is_cancelled() && state == NodeState::Failed;
        let ended = state.is_ended() && state != NodeState::Cancelled && !stopped;
        recorder.note(Op::State { node: index, state: state.name(), ended });
        if let Err(error) = recorder.submit() {
            self.note_broken(&error.to_string());
        }
    }

    /// The origin that a packet of an earlier process has had.
    pub(crate) fn known_origin(&self, id: u64) -> Option<Origin> {
        if id == 0 {
            return None;
        }
        let mut known = self.known_origins.lock();
        if let Some(origin) = known.get(&id).and_then(WeakOrigin::upgrade) {
            return Some(origin);
        }
        let member = member_of(id).and_then(|(group, place)| {
            let group = self.known_groups.lock().get(&group).and_then(Weak::upgrade)?;
            Some(Origin::known_member(&group, place))
        });
        if known.len().is_power_of_two() {
            known.retain(|_, origin| origin.upgrade().is_some());
        }
        let origin = member.unwrap_or_else(|| Origin::known(id, Weak::clone(&self.ends)));
        known.insert(id, origin.weak());
        Some(origin)
    }

    /// Begins with failures that there were before.
    pub(crate) fn restore_failures(&self, failures: Vec<FailedAttempt>, dropped: u64) {
        let mut end = self.end.lock();
        end.failures = failures.into_iter().map(|failed| (failed, None)).collect();
        end.failures_dropped = dropped;
    }

    pub(crate) fn handle(self: &Arc<Self>, index: u32) -> NodeHandle {
        NodeHandle::new(Arc::clone(self), index)
    }
}

impl Run {
    /// Makes the groups again that an earlier process has left, and gives them to be held.
    pub(crate) fn restore_groups(&self, known: &BTreeMap<u64, KnownGroup>) -> Vec<Origin> {
        let mut held = Vec::new();
        let mut open: Vec<u64> = known.keys().copied().collect();
        // A group in another one comes after that.
        open.sort_by_key(|id| depth_of(*id, known, 0));
        for id in open {
            let group = &known[&id];
            let (node, serial) =
                ((id >> crate::gather::SERIAL_BITS) as u32, id & ((1 << crate::gather::SERIAL_BITS) - 1));
            let Some(scatter) = self.nodes.get(node as usize).and_then(|node| node.scatter.as_ref()) else { continue };
            scatter.serial.fetch_max(serial + 1, Ordering::Relaxed);
            let left: Arc<[u32]> = scatter.gathers.iter().copied().filter(|by| !group.gathered.contains(by)).collect();
            let parent = self.known_origin(group.parent);
            let made = Arc::new(Group::new((node, serial), &left, parent, Weak::clone(&self.ends), true));
            made.restore(group.count, group.failed, group.failures.clone());
            self.gathered.lock().insert(id, group.gathered.clone());
            self.known_groups.lock().insert(id, Arc::downgrade(&made));
            let origin = Origin::known_scatter(&made);
            if let Some(tick) = group.tick {
                scatter.begun.lock().insert(tick, origin.clone());
            }
            held.push(origin);
        }
        held
    }

    /// A node that gathers has dealt with a group: what the journal need not know any more.
    pub(crate) fn settled_ops(&self, by: u32, settled: Option<Box<Settled>>, ops: &mut Vec<Op>) {
        let Some(settled) = settled else { return };
        let Settled { node, serial, failed } = *settled;
        let Some(scatter) = self.nodes.get(node as usize).and_then(|node| node.scatter.as_ref()) else { return };
        let id = Group::id_of(node, serial);
        let mut gathered = self.gathered.lock();
        let all = gathered.entry(id).or_default();
        all.push(by);
        if scatter.gathers.iter().any(|gather| !all.contains(gather)) {
            return ops.push(row(node, format!("{serial}.by.{by}"), Some(true.into())));
        }
        let marks = gathered.remove(&id).unwrap_or_default();
        drop(gathered);
        ops.push(row(node, serial.to_string(), None));
        ops.push(row(node, format!("{serial}.failed"), None));
        ops.extend(failed.into_iter().map(|place| row(node, format!("{serial}.{place}"), None)));
        ops.extend(marks.iter().filter(|mark| **mark != by).map(|mark| row(node, format!("{serial}.by.{mark}"), None)));
    }
}

impl Ends for Run {
    fn group_noted(&self, node: u32, serial: u64, failure: Option<(u32, Value)>) {
        let Some(recorder) = self.nodes.get(node as usize).and_then(|node| node.recorder.as_ref()) else { return };
        recorder.note(match failure {
            Some((place, failure)) => row(node, format!("{serial}.{place}"), Some(failure)),
            None => row(node, format!("{serial}.failed"), Some(true.into())),
        });
        if let Err(error) = recorder.submit() {
            self.note_broken(&error.to_string());
        }
    }

    fn group_ended(&self, node: u32, end: GroupEnd) {
        // A node that has ended gathers nothing any more.
        let _ = self.control(node, Control::Gathered(Box::new(end)));
    }

    fn origin_ended(&self, id: u64, joins: u64, question: Option<Arc<Hold>>) {
        for index in self.joining.iter().filter(|index| self.nodes[**index as usize].join & joins != 0) {
            // A node that has ended has nothing aside any more.
            let _ = self.control(*index, Control::Ended(id, question.clone()));
        }
    }
}

/// How many groups a group is in.
fn depth_of(id: u64, known: &BTreeMap<u64, KnownGroup>, depth: u32) -> u32 {
    let outer = known.get(&id).and_then(|group| member_of(group.parent)).map(|(outer, _)| outer);
    match outer.filter(|outer| known.contains_key(outer) && depth < 1000) {
        Some(outer) => depth_of(outer, known, depth + 1) + 1,
        None => 0,
    }
}
