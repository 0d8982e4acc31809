//! `NodeHandle`: the node of a running network, for its actor, its host, and threads that send later.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use reflow_message::{Message, Value};
use smallvec::smallvec;

use crate::attempt::{Completion, Packets};
use crate::awaited::SignalWait;
use crate::changes::Changes;
use crate::error::SendError;
use crate::event::{Event, FailedAttempt};
use crate::failure::{Failure, LONGEST_WORD, shortened};
use crate::journal::{JournalError, Op};
use crate::node::Node;
use crate::origin::Origin;
use crate::packet::Control;
use crate::policy::Policy;
use crate::pool::Pools;
use crate::port_table::number;
use crate::run::Run;
use crate::sender::{BlockingSend, Caller, Sender, Sending};
use crate::tick::{PortIndex, Unread};
use crate::time::VirtualTime;
use crate::vars::VarChange;

/// The longest that an actor may have to say at once, in bytes.
const LONGEST_LOG: usize = 64 << 10;

/// What is shown of something that an actor says: a long text is cut, other large data are described.
fn shown(data: Value) -> Value {
    match data {
        Value::String(text) => Value::String(shortened(text, LONGEST_LOG)),
        data => {
            let message = Message::Object(data);
            if message.payload_bytes() > LONGEST_LOG as u64 { message.described() } else { message }.to_value()
        }
    }
}

/// Whom an outport leads to.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Whether there are nodes or listeners of a host, which take plain values as they are.
    pub hosted: bool,
    /// One of the other nodes, if there are any.
    pub other: Option<Arc<str>>,
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
    ///
    /// What tick `sequence` is given stays its own until it commits: another try of it gets it again. Where a journal is kept and
    /// the wait is `limited`, its beginning is written down, see [`SignalWait::waited`].
    pub fn wait_signal(
        &self,
        kind: &str,
        id: Option<Value>,
        (sequence, attempt): (u64, u32),
        limited: bool,
    ) -> SignalWait {
        SignalWait::new(self.clone(), kind, id, (sequence, attempt), limited)
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

    /// Whether its task is light work: no time limit of its ticks has to be kept, no clock, and nothing is written or looked up.
    pub fn waits_for_packets_only(&self) -> bool {
        let node = self.node();
        node.recorder.is_none()
            && node.results.is_none()
            && self.run.time.is_none()
            && self.run.script.is_none()
            && self.policy().is_none_or(|policy| policy.timeout_ms.is_none())
    }

    /// The node's pools, to be read.
    pub fn pools(&self) -> &Pools {
        &self.node().pools
    }

    /// Puts `value` under `id` into a pool, for a tick or for none (0), in place of what was there.
    pub fn pool_upsert(&self, tick: u64, pool: &str, id: &str, value: Value) {
        let pools = self.pools();
        let Some(changes) = self.kept_changes(tick) else { return pools.upsert(pool, id, value) };
        changes.make(tick, || {
            pools.upsert(pool, id, value.clone());
            ((), Some(self.pool_op(pool, Some(id), Some(value))))
        });
    }

    /// Takes the value under `id` out of a pool, for a tick or for none (0), if there is one.
    pub fn pool_remove(&self, tick: u64, pool: &str, id: &str) -> Option<Value> {
        let pools = self.pools();
        let Some(changes) = self.kept_changes(tick) else { return pools.remove(pool, id) };
        changes.make(tick, || {
            let removed = pools.remove(pool, id);
            let op = removed.is_some().then(|| self.pool_op(pool, Some(id), None));
            (removed, op)
        })
    }

    /// Empties a pool, for a tick or for none (0).
    pub fn pool_clear(&self, tick: u64, pool: &str) {
        let pools = self.pools();
        let Some(changes) = self.kept_changes(tick) else {
            pools.clear(pool);
            return;
        };
        changes.make(tick, || ((), pools.clear(pool).then(|| self.pool_op(pool, None, None))));
    }

    /// What keeps the changes of a tick until they are written down, if they are: those of one that is over, and is run again for
    /// what it leaves in its actor, were.
    fn kept_changes(&self, tick: u64) -> Option<&Changes> {
        let recorder = self.node().recorder.as_ref().filter(|recorder| !recorder.has_changed(tick))?;
        Some(&recorder.changes)
    }

    fn pool_op(&self, pool: &str, id: Option<&str>, value: Option<Value>) -> Op {
        Op::Pool { node: self.index, pool: pool.into(), id: id.map(Into::into), value }
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
        self.node().inports.read().to_vec()
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
        self.named(links.iter().map(|link| link.port))
    }

    /// The same without those that are fed from outside alone: what it says is the same all through a run.
    pub fn inports_connected_at_start(&self) -> Vec<Arc<str>> {
        let links = self.node().mailbox.links();
        self.named(links.iter().filter(|link| !link.outside).map(|link| link.port))
    }

    fn named(&self, linked: impl Iterator<Item = u16>) -> Vec<Arc<str>> {
        let mut ports: Vec<u16> = linked.chain(self.node().doors.iter().copied()).collect();
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

    /// Outports whose packets somebody takes: nodes, an outport of the network, or a listener.
    pub fn heard_outports(&self) -> Vec<u16> {
        let node = self.node();
        let mut ports: Vec<u16> = self.connected_outports().iter().filter_map(|name| node.outport(name)).collect();
        ports.extend(node.answers.iter().map(|(port, _)| *port));
        if node.tapped.load(Ordering::Relaxed) {
            // The lock of the run is never taken inside of the node's.
            let taps = node.taps.read().clone();
            ports.extend(taps.into_iter().filter(|(_, tap)| self.run.tap(*tap).is_some()).map(|(port, _)| port));
        }
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Tells listeners something; `level` is `debug`, `info`, `warning` or `error`. A text that is longer than 64 KiB is cut, other
    /// data of that size are described.
    pub fn log(&self, level: &str, data: impl Into<Value>) {
        let data = shown(data.into());
        let level = shortened(level.into(), LONGEST_WORD);
        self.run.events.emit(Event::ActorLog { actor: Arc::clone(self.id()), level, data });
    }

    /// Tells that a packet was not sent, which whoever wanted to send it does not hear of.
    pub fn tell_unsent(&self, error: &SendError) {
        let node = self.node();
        node.counters.failures.add(1);
        self.run.fail(FailedAttempt {
            actor: Arc::clone(&node.id),
            component: Arc::clone(&node.component),
            failure: Failure::new(format!("{error}: a packet was not sent")).with_reason("overflow"),
            attempt: 1,
            tick: 0,
            inputs: Vec::new(),
            will_retry: false,
        });
    }

    /// Keeps a fact about the node for whoever asks the running network: where it listens, for example. A newer one of
    /// the same name replaces it. Listeners are told; of a large one, its size.
    ///
    /// # Errors
    /// A text that says that the name is too long, or that there are too many facts, or too large ones.
    pub fn publish(&self, name: &str, value: impl Into<Value>) -> Result<(), String> {
        let value = value.into();
        let name = self.node().facts.put(name, value.clone())?;
        self.tell_published(name, value);
        Ok(())
    }

    /// Keeps a fact that the runtime itself knows of the node.
    pub(crate) fn publish_own(&self, name: &str, value: Value) {
        let name = self.node().facts.put_own(name, value.clone());
        self.tell_published(name, value);
    }

    fn tell_published(&self, name: Arc<str>, value: Value) {
        let value = shown(value);
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
    /// Where a journal is kept, this waits until what the tick took is on the disk: in another process it has that place, too.
    ///
    /// # Errors
    /// When nothing can be written down any more.
    pub fn idempotency_key(&self, sequence: u64) -> Result<String, JournalError> {
        let (run, node) = (self.run_id(), self.id());
        let Some(recorder) = &self.node().recorder else { return Ok(format!("{run}/{node}/{sequence}")) };
        recorder.submit()?;
        recorder.journal.sync()?;
        let key = recorder.key(sequence);
        if key.link == u32::MAX {
            return Ok(format!("{run}/{node}/{}", key.position));
        }
        // The tick that has given a list took its packet elsewhere.
        let gathers = self.node().awaited_groups.is_some();
        let port = if gathers { "list".into() } else { self.node().inport_of(key.link) };
        Ok(format!("{run}/{node}/{port}.{}.{}", key.link, key.position))
    }

    /// The variables of the run.
    pub fn vars(&self) -> &crate::Vars {
        &self.run.vars
    }

    /// Changes a variable of the run for a tick, or for none (0); the answer is its new value. All nodes see it at once; where a
    /// journal is kept, it is written down when the tick commits. A tick that is over, and is run again for what it leaves in its
    /// actor, has made its changes before.
    ///
    /// # Errors
    /// A text that says why it cannot be changed.
    pub fn change_var(&self, tick: u64, change: VarChange) -> Result<Value, String> {
        let vars = &self.run.vars;
        let value = match self.node().recorder.as_ref() {
            None => vars.change(&change)?,
            Some(recorder) if recorder.has_changed(tick) => {
                let path = change.path();
                return if path.is_empty() { Ok(vars.all()) } else { Ok(vars.get(path)?.unwrap_or_default()) };
            }
            Some(recorder) => recorder.changes.make(tick, || {
                let made = vars.change(&change);
                let op = made.is_ok().then_some(Op::Var(change));
                (made, op)
            })?,
        };
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
        self.send_as(number(port.index()), message.into(), origin, caller).await
    }

    /// Sends packets together that descend from `origin` and came of what ticks have [held](crate::Tick::hold): with
    /// them that is read.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_releasing(
        &self,
        unread: Unread,
        origin: Option<&Origin>,
        packets: impl IntoIterator<Item = (usize, Message)>,
    ) -> Result<(), SendError> {
        let caller = if self.holds { Caller::Counted } else { Caller::Other };
        let packets = packets.into_iter().map(|(port, message)| (number(port), message)).collect();
        self.deliver(Sender::releasing(self, packets, origin, caller, unread)?).await
    }

    pub(crate) async fn send_as(
        &self,
        port: u16,
        message: Message,
        origin: Option<&Origin>,
        caller: Caller,
    ) -> Result<(), SendError> {
        self.deliver(Sender::new(self, smallvec![(port, message)], origin, caller)?).await
    }

    async fn deliver(&self, mut sender: Sender<&Self>) -> Result<(), SendError> {
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

    /// A new origin for packets that `caller` sends together by these outports, in this order; `None` where nothing behind the node
    /// needs it. Those that an earlier process has sent are no other turn of their outports.
    pub fn origin_of(&self, caller: Caller, ports: impl Iterator<Item = u16> + Clone) -> Option<Origin> {
        let node = self.node();
        node.mint.as_ref()?;
        let left = match (&node.recorder, caller) {
            (Some(recorder), Caller::Attempt { sequence, .. } | Caller::Tick { sequence }) => {
                recorder.left_of(sequence, ports.clone().count())
            }
            _ => 0,
        };
        let fresh = ports.skip(left);
        fresh.clone().next()?;
        node.new_origin(fresh)
    }

    /// Sends messages together, blocking the thread while there is no room, for at most as long as `timeout`: by the clock of the
    /// run, for whoever works for an attempt. Only if it has to wait, it does so inside `block`, where a host can let go of what its thread holds. The packets descend from `origin`.
    ///
    /// # Errors
    /// [`SendError`] gives the first message back when the node has ended, the run was stopped or the time is over.
    pub fn send_blocking(
        &self,
        packets: Packets,
        origin: Option<&Origin>,
        caller: Caller,
        timeout: Option<Duration>,
        block: impl FnOnce(BlockingSend<'_>) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut sender = Sender::new(self, packets, origin, caller)?;
        // Nobody can be woken yet, so a full target is asked once more inside `block`.
        match sender.poll() {
            Poll::Ready(result) => result,
            Poll::Pending => block(BlockingSend::new(sender, timeout)),
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
        if !at_targets || !node.tapped.load(Ordering::Relaxed) {
            return at_targets;
        }
        // The lock of the run is never taken inside of the node's.
        let taps = node.taps.read().clone();
        let mut listeners = taps.iter().filter(|(at, _)| *at == port).filter_map(|(_, tap)| self.run.tap(*tap));
        listeners.all(|tap| tap.has_room())
    }

    /// Messages on their way together, for hosts with futures of their own. They are sent by polling; dropping it gives up what was
    /// not delivered yet.
    ///
    /// # Errors
    /// [`SendError`] gives the first message back when the node has ended or the run was stopped.
    pub fn sending(&self, packets: Packets, origin: Option<&Origin>, caller: Caller) -> Result<Sending, SendError> {
        Sender::new(self.clone(), packets, origin, caller).map(Sending)
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
