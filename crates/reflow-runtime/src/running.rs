//! `Running`: a started network, from outside.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use reflow_graph::Direction;
use reflow_message::{Message, Value, block_until};

use crate::actor::Signal;
use crate::error::{NetworkError, SendError};
use crate::event::{Event, FailedAttempt};
use crate::network::Endpoint;
use crate::outside::OutsideSend;
use crate::question::Question;
use crate::run::{Run, RunState};
use crate::script::Script;
use crate::stats::NodeStats;
use crate::tap::{Listener, Tap};
use crate::time::VirtualTime;

/// Packets that may wait for a listener.
pub const DEFAULT_LISTENER_CAPACITY: usize = 1024;

/// A started network. Cloning gives another handle on the same run; dropping the last one does not stop it.
#[derive(Clone, Debug)]
pub struct Running {
    run: Arc<Run>,
    inports: Arc<IndexMap<String, Endpoint>>,
    outputs: Arc<Vec<(String, Arc<Tap>)>>,
    collects: bool,
}

/// How a run stands or ended.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// How it ended.
    pub state: RunState,
    /// Why it was stopped, if it was.
    pub reason: Option<String>,
    /// States and counters of all nodes.
    pub nodes: Vec<NodeStats>,
    /// Ticks whose last attempt failed; the first thousand.
    pub failures: Vec<FailedAttempt>,
    /// Failures beyond those.
    pub failures_dropped: u64,
}

impl Running {
    /// `outputs` are the taps of the network's outports, if what leaves by them is kept.
    pub(crate) fn new(
        run: Arc<Run>,
        inports: IndexMap<String, Endpoint>,
        outputs: Option<Vec<(String, Arc<Tap>)>>,
    ) -> Self {
        let collects = outputs.is_some();
        Self { run, inports: Arc::new(inports), outputs: Arc::new(outputs.unwrap_or_default()), collects }
    }

    /// The number of this run in its process.
    pub fn number(&self) -> u64 {
        self.run.number
    }

    /// A text that tells this run from others.
    pub fn id(&self) -> &str {
        &self.run.id
    }

    /// Whether every node has ended.
    pub fn is_ended(&self) -> bool {
        self.run.state() != RunState::Running
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.run.is_cancelled()
    }

    /// Sends a packet to an inport of a node, blocking the thread while there is no room.
    ///
    /// # Errors
    /// The outer one when there is no such node or port, the inner one when the packet could not be delivered.
    pub fn send(&self, node: &str, port: &str, message: Message) -> Result<Result<(), SendError>, NetworkError> {
        self.send_with(node, port, message, |mut send| {
            loop {
                if let Some(result) = send.wait(Duration::from_hours(1)) {
                    return result;
                }
            }
        })
    }

    /// [`send`](Self::send); if it has to wait, it does so inside `block`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with(
        &self,
        node: &str,
        port: &str,
        message: Message,
        block: impl FnOnce(OutsideSend) -> Result<(), SendError>,
    ) -> Result<Result<(), SendError>, NetworkError> {
        let (node, port) = self.run.boundaries.behind(Direction::In, node, port)?;
        self.run.send(node, port, message, block)
    }

    /// A packet for an inport of a node that is sent by polling it, for hosts with futures of their own.
    ///
    /// # Errors
    /// When there is no such node or port.
    pub fn sending(&self, node: &str, port: &str, message: Message) -> Result<OutsideSend, NetworkError> {
        let (node, port) = self.run.boundaries.behind(Direction::In, node, port)?;
        self.run.outside_send(node, port, message)
    }

    /// Begins a question that comes in by that many inports. With `capacity` no more parts of its answer wait to be read; a
    /// node that has more waits.
    pub fn question(&self, inports: usize, capacity: Option<usize>) -> Question {
        Question::new(&self.run, inports, capacity)
    }

    /// A packet of a question for an inport of the network, or for `node.port`, that is sent by polling it.
    ///
    /// # Errors
    /// When there is no such inport.
    pub fn asking(&self, question: &Question, input: &str, message: Message) -> Result<OutsideSend, NetworkError> {
        let (node, port) = match self.inports.get(input) {
            Some(end) => self.run.boundaries.behind(Direction::In, &end.node, &end.port)?,
            None => {
                // Ids of nodes may hold dots; the longest one that exists wins.
                let mut known = None;
                for (at, _) in input.rmatch_indices('.') {
                    let end = self.run.boundaries.behind(Direction::In, &input[..at], &input[at + 1..])?;
                    if self.run.index.contains_key(end.0) {
                        known = Some(end);
                        break;
                    }
                }
                known.ok_or_else(|| NetworkError::UnknownInput { input: input.into() })?
            }
        };
        question.sending(node, port, message)
    }

    /// The order in which it does things, if that is written down or given.
    pub fn script(&self) -> Option<&Arc<Script>> {
        self.run.script.as_ref()
    }

    /// Ids of its nodes, by place.
    pub fn node_ids(&self) -> Vec<String> {
        self.run.nodes.iter().map(|node| node.id.to_string()).collect()
    }

    /// Lets so many ticks of a recording start.
    pub fn allow(&self, limit: u64) {
        let Some(player) = self.run.script.as_ref().and_then(|script| script.player_of()) else { return };
        // Busy until the node knows: a tick that may start is not missing before that.
        self.run.activity.begin();
        self.run.poke_next(player.allow(limit));
        self.run.end_activity();
    }

    /// Says that everything was sent that came from outside when the run was recorded.
    pub fn note_fed(&self) {
        if let Some(player) = self.run.script.as_ref().and_then(|script| script.player_of()) {
            player.note_fed();
            self.run.activity.begin();
            self.run.end_activity();
        }
    }

    /// Its clock, if it is a virtual one.
    pub fn virtual_time(&self) -> Option<&Arc<VirtualTime>> {
        self.run.time.as_ref()
    }

    /// Questions that have not ended.
    pub fn open_questions(&self) -> usize {
        self.run.questions.lock().len()
    }

    /// What an inport of the network as a whole leads to.
    pub fn inport(&self, name: &str) -> Option<&Endpoint> {
        self.inports.get(name)
    }

    /// Tells the network that nothing more comes from outside: nodes that only waited for that come to their end.
    pub fn close_inputs(&self) {
        self.run.close_outside();
    }

    /// Sends a signal to the actor of a node; it is handed over between ticks.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn signal(&self, node: &str, kind: &str, data: Value) -> Result<(), NetworkError> {
        self.run.signal(node, Signal { kind: kind.into(), data })
    }

    /// Listens to an outport. The listener takes part in back-pressure: while it is full, the node waits.
    ///
    /// # Errors
    /// When there is no such node or outport.
    pub fn listen(&self, node: &str, port: &str, capacity: usize) -> Result<Listener, NetworkError> {
        let (node, port) = self.run.boundaries.behind(Direction::Out, node, port)?;
        self.run.listen(node, port, capacity)
    }

    /// How long the run has been going on, or went on until it ended.
    pub fn elapsed(&self) -> Duration {
        self.run.elapsed()
    }

    /// States and counters of all nodes.
    pub fn stats(&self) -> Vec<NodeStats> {
        self.run.nodes.iter().map(crate::node::Node::stats).collect()
    }

    /// What a node tells about itself, by name: the `address` where it listens, for example.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn facts(&self, node: &str) -> Result<Value, NetworkError> {
        let index = self.run.node(node)?;
        Ok(self.run.nodes[index as usize].facts.all().into())
    }

    /// The variables of the run.
    pub fn vars(&self) -> &crate::Vars {
        &self.run.vars
    }

    /// Changes a variable of the run; the answer is its new value.
    ///
    /// # Errors
    /// A text that says why it cannot be changed.
    pub fn change_var(&self, change: crate::VarChange) -> Result<Value, String> {
        let value = self.run.vars.change(&change)?;
        self.run.write(vec![crate::journal::Op::Var(change)]);
        self.run.look_at_gates();
        Ok(value)
    }

    /// The run has got what it begins with: from now on another process can go on with it.
    pub fn note_begun(&self) {
        self.run.write(vec![crate::journal::Op::Begun]);
    }

    /// Waits until what came from outside so far (packets, signals, variables) is written down durably, where a journal is kept.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn sync_outside(&self) -> Result<(), crate::journal::JournalError> {
        let Some(journal) = &self.run.journal else { return Ok(()) };
        journal.journal.wait(journal.from_outside.load(std::sync::atomic::Ordering::Acquire))
    }

    /// Whether a journal is kept.
    pub fn is_kept(&self) -> bool {
        self.run.journal.is_some()
    }

    /// Waits until everything that the run has done is written down durably, where a journal is kept.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn sync(&self) -> Result<(), crate::journal::JournalError> {
        self.run.journal.as_ref().map_or(Ok(()), |journal| journal.journal.sync())
    }

    /// Whether packets from outside had not all come when the process before this one ended.
    pub fn lacks_inputs(&self) -> bool {
        self.run.journal.as_ref().is_some_and(|journal| journal.lacks_inputs.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Packets that earlier processes have taken for an inport from outside.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn known_inputs(&self, node: &str, port: &str) -> Result<u64, NetworkError> {
        let (node, port) = self.run.boundaries.behind(Direction::In, node, port)?;
        let node = self.run.node(node)?;
        let Some(journal) = &self.run.journal else { return Ok(0) };
        let port = self.run.nodes[node as usize].inport_of_graph(port);
        let doors = journal.doors.lock();
        Ok(doors.iter().find(|door| door.node == node && Some(door.port) == port).map_or(0, |door| door.known))
    }

    /// How the run stands.
    pub fn report(&self) -> RunReport {
        let (failures, failures_dropped) = self.run.failures();
        RunReport {
            state: self.run.state(),
            reason: self.run.reason(),
            nodes: self.stats(),
            failures,
            failures_dropped,
        }
    }

    /// Whether what leaves by the network's outports is kept.
    pub fn collects(&self) -> bool {
        self.collects
    }

    /// Counts a packet that could not be sent to a node.
    pub fn note_undelivered(&self, node: &str) {
        if let Ok(index) = self.run.node(node) {
            self.run.nodes[index as usize].counters.undelivered.add(1);
        }
    }

    /// What came out of the network's outports so far, by name; each packet is given once.
    pub fn take_outputs(&self) -> IndexMap<String, Vec<Message>> {
        self.outputs.iter().map(|(name, tap)| (name.clone(), tap.drain())).collect()
    }

    /// Ready when every node has ended, or (`idle_is_enough`) when nothing can move any more without the outside.
    pub fn poll_end(&self, cx: &mut Context<'_>, idle_is_enough: bool) -> Poll<()> {
        self.run.poll_end(cx, idle_is_enough)
    }

    /// Blocks until every node has ended or nothing can move any more without the outside; whether that came in time.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        block_until(deadline(timeout), |cx| self.poll_end(cx, true)).is_some()
    }

    /// Waits until every node has ended or nothing can move any more without the outside. Cancel safe.
    pub async fn wait_async(&self) {
        std::future::poll_fn(|cx| self.poll_end(cx, true)).await;
    }

    /// Asks the run to stop: no tick starts any more, running ones may end within `grace`, waiting ones are woken.
    pub fn cancel(&self, reason: &str, grace: Duration) {
        self.run.cancel_within(reason, grace);
    }

    /// Asks the run to stop and tells subscribers that the network was shut down.
    pub fn begin_shutdown(&self, reason: &str, grace: Duration) {
        self.run.events.emit(Event::NetworkShutdown);
        self.run.cancel_within(reason, grace);
    }

    /// The end of a cancellation, whether or not everything has stopped: the nodes that would not.
    pub fn end_cancel(&self) -> Vec<Arc<str>> {
        self.run.end_taps();
        let actors = self.run.live_nodes();
        if !actors.is_empty() {
            self.run.events.emit(Event::ShutdownIncomplete { actors: actors.clone() });
        }
        actors
    }

    /// The end of a shutdown, whether or not everything has stopped: the nodes that would not.
    pub fn end_shutdown(&self) -> Vec<Arc<str>> {
        let actors = self.end_cancel();
        self.run.events.close();
        actors
    }

    /// Stops the run and waits for its nodes to end, for `grace` at most; the nodes that would not stop.
    pub fn shutdown(&self, grace: Duration) -> Vec<Arc<str>> {
        self.begin_shutdown("shutdown", grace);
        block_until(deadline(Some(grace)), |cx| self.poll_end(cx, false));
        self.end_shutdown()
    }
}

fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}
