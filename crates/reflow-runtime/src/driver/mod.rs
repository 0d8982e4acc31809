//! The task of a node: takes packets, assembles ticks, runs the actor, sends what it produced.
//!
//! Ticks of actors that compute and never wait run back to back, as do those of hosted actors without a policy. Everything else
//! is an attempt in one table (`open`), whatever its style: it runs, goes on elsewhere, waits for another try, or waits for
//! earlier ones to leave. One at a time is a table with one place.

mod asked;
mod body;
mod cached;
mod call;
mod gate;
mod open;
mod outcome;
pub(crate) mod record;
mod script;
mod seed;
mod start;
mod stretch;
mod wait;
mod work;

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reflow_message::Waiting;

use self::body::Body;
use self::call::Call;
use self::open::Table;
use self::stretch::Stretch;
use crate::activity::Sleeper;
use crate::actor::Instance;
use crate::assembler::Assembler;
use crate::attempt::Attempt;
use crate::awaited::Received;
use crate::failure::Failure;
use crate::mailbox::LinkInfo;
use crate::node::Node;
use crate::node_handle::NodeHandle;
use crate::node_state::NodeState;
use crate::packet::{Control, Outgoing, Packet};
use crate::policy::{OnError, Policy};
use rustc_hash::FxHashMap;

pub(crate) use body::Spare;
pub(crate) use seed::Seed;

/// Ticks that a node runs, or packets that it produces, before others get a turn.
const TURN: usize = 128;
/// The outport that failures leave by under `on_error: route`.
pub(crate) const ERROR_PORT: &str = "error";

/// Runs one node to its end. Whatever happens inside, the run is told. The driver is in a box: a future has room for its arguments twice.
async fn drive(end: EndOfNode, driver: Box<Driver>) {
    let mut end = end;
    // Dropped before the end is told, and its actor with it.
    let mut driver = driver;
    match AssertUnwindSafe(driver.run()).catch_unwind().await {
        Ok((state, undelivered)) => (end.state, end.undelivered) = (state, undelivered),
        Err(_) => end.state = NodeState::Failed,
    }
}

/// Reports the end of a node, even when its task is dropped in the middle.
struct EndOfNode {
    handle: NodeHandle,
    state: NodeState,
    undelivered: usize,
}

impl EndOfNode {
    fn of(handle: NodeHandle) -> Self {
        Self { handle, state: NodeState::Cancelled, undelivered: 0 }
    }
}

impl Drop for EndOfNode {
    fn drop(&mut self) {
        // The task may be dropped while it sleeps; its end is an act of its own.
        self.handle.node().sleeper.rise();
        self.handle.tell_all_late();
        self.handle.run().node_ended(self.handle.index(), self.state, self.undelivered);
    }
}

/// The state of a node's task.
struct Driver {
    handle: NodeHandle,
    body: Body,
    assembler: Assembler,
    /// Packets of questions that wait for a tick, by question: those of different ones do not meet.
    asked: FxHashMap<u64, Assembler>,
    /// Packets that have come before their turn, by link, where a recording is followed.
    ahead: FxHashMap<u32, VecDeque<Packet>>,
    /// Runs without inputs until it says that it is finished.
    source: bool,
    /// Whether a connection has so little room that every credit counts.
    tight: bool,
    style: Style,
    waker: LastWaker,
    /// Attempts that are not over.
    open: Table,
    batch: VecDeque<Packet>,
    control: VecDeque<Control>,
    signals: VecDeque<Received>,
    links: Vec<LinkInfo>,
    released: Vec<u32>,
    /// Whether a journal wants to know what the node does.
    recorded: bool,
    /// Packets that no tick has taken, for the journal.
    gone: Vec<(u32, u32)>,
    outbox: VecDeque<Outgoing>,
    /// As long as there is no room for what is in the outbox.
    waiting: Option<Waiting>,
    /// How long that is waited for once the run was stopped.
    farewell: Option<BoxFuture<'static, ()>>,
    /// The attempt that is being assembled, or runs right now.
    attempt: Attempt,
    /// What it needs to run ticks without a look at each, if it may.
    stretch: Option<Stretch>,
    /// Attempts of a batch actor, for the next use.
    batched: Vec<Attempt>,
    sequence: u64,
    /// Ticks since others had a turn.
    since_pause: u64,
    finish: bool,
    failed: bool,
    /// The state in which an earlier process has ended it.
    ended: Option<NodeState>,
    /// How many of its connections were open when those of a pairing were last asked.
    open_links: usize,
    /// Whether it is on a ring, once somebody has asked.
    on_ring: OnceCell<bool>,
}

/// How the node's ticks are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Back to back, outputs together: the actor never waits.
    Computes,
    /// Each delivered before the next; what does not end at once is an open attempt.
    Single,
    /// Up to so many in one call.
    Batches(usize),
    /// Up to so many at once.
    Concurrent(usize),
}

/// The waker that the node's sleeper was given last: a task keeps its waker, so it is handed over once.
#[derive(Default)]
struct LastWaker(Option<Waker>);

impl LastWaker {
    fn hand_to(&mut self, sleeper: &Sleeper, cx: &Context<'_>) {
        if !self.0.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            self.0 = Some(cx.waker().clone());
            sleeper.set_waker(cx.waker());
        }
    }
}

/// What the next turn brings.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Work,
    Closed,
    Cancelled,
}

impl Driver {
    fn new(handle: NodeHandle, instance: Instance, assembler: Assembler, source: bool, spare: Spare) -> Self {
        let links = handle.node().mailbox.links();
        let policy = handle.node().policy.as_deref();
        let concurrency = policy.map_or(1, |policy| policy.concurrency);
        let style = match &instance {
            Instance::Sync(_) if policy.is_none() => Style::Computes,
            Instance::Sync(_) => Style::Single,
            Instance::Hosted(actor) if actor.batch_limit() > 1 => Style::Batches(actor.batch_limit()),
            _ if concurrency > 1 => Style::Concurrent(concurrency),
            _ => Style::Single,
        };
        let limit = if let Style::Concurrent(limit) = style { limit } else { 1 };
        // A source that goes on after a restart has given what its first ticks give, and nothing else.
        let ordered = policy.is_none_or(|policy| policy.ordered) || source && handle.node().recorder.is_some();
        let player = handle.run().script.as_ref().and_then(|script| script.player_of());
        let order = player.and_then(|player| player.leaves(handle.index()));
        Self {
            stretch: Stretch::of(&handle, style, &assembler),
            style,
            tight: handle.node().mailbox.is_tight(),
            waker: LastWaker::default(),
            open: Table::new(limit, ordered, order),
            body: Body::new(instance, spare),
            assembler,
            asked: FxHashMap::default(),
            ahead: FxHashMap::default(),
            source,
            batch: VecDeque::new(),
            control: VecDeque::new(),
            signals: VecDeque::new(),
            released: vec![0; links.len()],
            recorded: handle.node().recorder.is_some(),
            gone: Vec::new(),
            links,
            outbox: VecDeque::new(),
            waiting: None,
            farewell: None,
            attempt: Attempt::default(),
            batched: Vec::new(),
            sequence: 0,
            since_pause: 0,
            finish: false,
            failed: false,
            ended: None,
            open_links: usize::MAX,
            on_ring: OnceCell::new(),
            handle,
        }
    }

    /// Goes on where an earlier process has stopped: after so many ticks, or at the end.
    fn go_on(&mut self, ticks: u64, ended: Option<NodeState>) {
        (self.sequence, self.ended) = (ticks, ended);
    }

    fn node(&self) -> &Node {
        self.handle.node()
    }

    fn is_cancelled(&self) -> bool {
        self.handle.run().is_cancelled()
    }

    fn policy(&self) -> Option<&Policy> {
        self.node().policy.as_deref()
    }

    async fn run(&mut self) -> (NodeState, usize) {
        if let Some(state) = self.ended {
            return (state, 0);
        }
        let state = self.live().await;
        // What is done once has a place of its own: the future of a node is as large as what it waits for at most.
        Box::pin(self.give_up_open()).await;
        Box::pin(self.teardown()).await;
        self.node().counters.clock.set_ticks(0);
        self.outbox.clear();
        let held = self.batch.len() + self.assembler.held();
        (state, held)
    }

    async fn live(&mut self) -> NodeState {
        if let Style::Concurrent(limit) = self.style
            && let Err(failure) = self.body.fill(limit)
        {
            self.report(failure, false);
            return NodeState::Failed;
        }
        match Box::pin(self.pass_gate()).await {
            Some(true) => {}
            Some(false) => return NodeState::Skipped,
            None => return NodeState::Cancelled,
        }
        if let Err(failure) = Box::pin(self.call(Call::Setup)).await {
            self.attempt.clear();
            if self.was_interrupted(&failure) {
                return NodeState::Cancelled;
            }
            self.report(failure, false);
            return self.after_failure(OnError::Continue, NodeState::Failed);
        }
        self.flush().await;
        let mut ran = false;
        let state = loop {
            match self.turn().await {
                Turn::Work => {}
                Turn::Closed => break NodeState::Finished,
                Turn::Cancelled => return NodeState::Cancelled,
            }
            // Told once: a node goes back and forth between waiting and running with every packet.
            self.handle.run().set_state(self.node(), NodeState::Running, !ran);
            ran = true;
            if self.takes_signals() {
                Box::pin(self.hand_signals()).await;
            }
            self.work().await;
            if self.failed {
                return if self.is_cancelled() {
                    NodeState::Failed
                } else {
                    Box::pin(self.close(NodeState::Failed)).await
                };
            }
            if self.finish && self.open.is_empty() {
                break NodeState::Finished;
            }
        };
        Box::pin(self.close(state)).await
    }

    /// The orderly end: finalize once, send what it sends.
    async fn close(&mut self, state: NodeState) -> NodeState {
        if self.is_cancelled() {
            return NodeState::Cancelled;
        }
        if let Some(pairing) = self.assembler.pairing() {
            pairing.close();
            self.release_lone();
            self.release_asked();
            self.flush().await;
        }
        let ticks = self.sequence;
        self.flush_rechunked();
        self.flush().await;
        if !self.body.has_finalize() {
            return if ticks == 0 && state == NodeState::Finished { NodeState::Skipped } else { state };
        }
        if state == NodeState::Failed {
            return state;
        }
        let result = self.call(Call::Finalize).await;
        self.flush().await;
        match result {
            Ok(()) => state,
            Err(failure) if self.was_interrupted(&failure) => NodeState::Cancelled,
            Err(failure) => {
                self.report(failure, false);
                NodeState::Failed
            }
        }
    }

    /// Whether a call ended because the run was stopped, and not by a fault of its own.
    fn was_interrupted(&self, failure: &Failure) -> bool {
        self.is_cancelled() && *failure.reason == *"cancelled"
    }

    async fn teardown(&mut self) {
        self.leave_thread().await;
        // A panic here has nobody left to tell but the trace.
        for failure in self.body.teardown().await {
            self.report(Failure::from_panic(&*failure), false);
        }
    }
}
