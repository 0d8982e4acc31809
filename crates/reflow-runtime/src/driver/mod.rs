//! The task of a node: takes packets, assembles ticks, runs the actor, sends what it produced.

mod call;
mod concurrent;
mod outcome;
mod wait;
mod work;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};

use futures_util::FutureExt;

use self::call::Call;
use self::concurrent::Open;
use crate::activity::Sleeper;
use crate::actor::{AsyncActor, Instance};
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::firing::Assembler;
use crate::mailbox::{Control, Outgoing, Packet};
use crate::node::{Node, NodeHandle, NodeState};
use crate::policy::{OnError, Policy};

/// Ticks that a node runs, or packets that it produces, before others get a turn.
const TURN: usize = 128;
/// The outport that failures leave by under `on_error: route`.
pub(crate) const ERROR_PORT: &str = "error";

/// Runs one node to its end. Whatever happens inside, the run is told.
pub(crate) async fn drive(driver: Driver) {
    let mut end = EndOfNode { handle: driver.handle.clone(), state: NodeState::Cancelled, undelivered: 0 };
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

impl Drop for EndOfNode {
    fn drop(&mut self) {
        // The task may be dropped while it sleeps; its end is an act of its own.
        self.handle.node().sleeper.rise();
        self.handle.run().node_ended(self.handle.index(), self.state, self.undelivered);
    }
}

/// The state of a node's task.
pub(crate) struct Driver {
    handle: NodeHandle,
    instance: Instance,
    assembler: Assembler,
    /// Runs without inputs until it says that it is finished.
    source: bool,
    /// Whether a connection has so little room that every credit counts.
    tight: bool,
    style: Style,
    waker: LastWaker,
    /// Attempts that run at once.
    open: Vec<Open>,
    /// Async actors for those attempts and whether each was set up, and where more of them come from.
    lanes: Vec<(Box<dyn AsyncActor>, bool)>,
    spare: Spare,
    batch: VecDeque<Packet>,
    control: VecDeque<Control>,
    link_ports: Vec<u16>,
    released: Vec<u32>,
    outbox: VecDeque<Outgoing>,
    attempt: Attempt,
    /// Attempts of a batch actor.
    attempts: Vec<Attempt>,
    sequence: u64,
    /// Ticks since others had a turn.
    since_pause: usize,
    finish: bool,
    failed: bool,
}

/// How the node's ticks are run.
#[derive(Clone, Copy)]
enum Style {
    /// Back to back, outputs together: the actor never waits.
    Computes,
    /// One at a time, each delivered before the next.
    Single,
    /// The same without a policy: the actor is called directly, and only what does not end at once takes the long way.
    Hosted,
    /// Up to so many in one call.
    Batches(usize),
    /// Up to so many at once.
    Concurrent(usize),
}

/// Makes another async actor for the node.
pub(crate) type Spare = Box<dyn Fn() -> Option<Box<dyn AsyncActor>> + Send>;

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
enum Turn {
    Work,
    Closed,
    Cancelled,
}

impl Driver {
    pub(crate) fn new(
        handle: NodeHandle,
        instance: Instance,
        assembler: Assembler,
        source: bool,
        spare: Spare,
    ) -> Self {
        let link_ports = handle.node().mailbox.link_ports();
        let concurrency = handle.node().policy.as_ref().map_or(1, |policy| policy.concurrency);
        let style = match &instance {
            Instance::Sync(_) if handle.node().policy.is_none() => Style::Computes,
            Instance::Async(_) | Instance::Hosted(_) if concurrency > 1 => Style::Concurrent(concurrency),
            Instance::Hosted(actor) if actor.batch_limit() > 1 => Style::Batches(actor.batch_limit()),
            Instance::Hosted(_) if handle.node().policy.is_none() => Style::Hosted,
            _ => Style::Single,
        };
        Self {
            style,
            tight: handle.node().mailbox.is_tight(),
            waker: LastWaker::default(),
            open: Vec::new(),
            lanes: Vec::new(),
            spare,
            handle,
            instance,
            assembler,
            source,
            batch: VecDeque::new(),
            control: VecDeque::new(),
            released: vec![0; link_ports.len()],
            link_ports,
            outbox: VecDeque::new(),
            attempt: Attempt::default(),
            attempts: Vec::new(),
            sequence: 0,
            since_pause: 0,
            finish: false,
            failed: false,
        }
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

    async fn run(mut self) -> (NodeState, usize) {
        let state = self.live().await;
        self.teardown().await;
        self.outbox.clear();
        let held = self.batch.len() + self.assembler.held();
        (state, held)
    }

    async fn live(&mut self) -> NodeState {
        if let Err(failure) = self.call(Call::Setup).await {
            self.attempt.clear();
            self.report(failure, false);
            return self.after_failure(OnError::Continue, NodeState::Failed);
        }
        if let Style::Concurrent(limit) = self.style
            && let Err(failure) = self.prepare_lanes(limit).await
        {
            self.report(failure, false);
            return NodeState::Failed;
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
            self.signals().await;
            self.work().await;
            if self.failed {
                return if self.is_cancelled() { NodeState::Failed } else { self.close(NodeState::Failed).await };
            }
            if self.finish {
                break NodeState::Finished;
            }
        };
        self.close(state).await
    }

    /// One async actor for each attempt that may run at once.
    async fn prepare_lanes(&mut self, limit: usize) -> Result<(), Failure> {
        if !matches!(self.instance, Instance::Async(_)) {
            return Ok(());
        }
        for _ in 0..limit {
            let Some(actor) = (self.spare)() else { return Err("the component makes no further actors".into()) };
            let own = std::mem::replace(&mut self.instance, Instance::Async(actor));
            let result = self.call(Call::Setup).await;
            if let Instance::Async(actor) = std::mem::replace(&mut self.instance, own) {
                self.lanes.push((actor, true));
            }
            result?;
        }
        Ok(())
    }

    /// The orderly end: finalize once, send what it sends.
    async fn close(&mut self, state: NodeState) -> NodeState {
        if self.is_cancelled() {
            return NodeState::Cancelled;
        }
        let ticks = self.sequence;
        if !self.has_finalize() {
            return if ticks == 0 && state == NodeState::Finished { NodeState::Skipped } else { state };
        }
        if state == NodeState::Failed {
            return state;
        }
        let result = self.call(Call::Finalize).await;
        self.flush().await;
        match result {
            Ok(()) => state,
            Err(failure) => {
                self.report(failure, false);
                NodeState::Failed
            }
        }
    }

    fn has_finalize(&self) -> bool {
        match &self.instance {
            Instance::Sync(actor) => actor.has_finalize(),
            Instance::Async(actor) => actor.has_finalize(),
            Instance::Hosted(actor) => actor.has_finalize(),
        }
    }

    async fn teardown(&mut self) {
        self.open.clear();
        for (mut actor, _) in std::mem::take(&mut self.lanes) {
            if let Err(payload) = AssertUnwindSafe(actor.teardown()).catch_unwind().await {
                self.report(Failure::from_panic(&*payload), false);
            }
        }
        // A panic here has nobody left to tell but the trace.
        let panicked = match &mut self.instance {
            Instance::Sync(actor) => catch_unwind(AssertUnwindSafe(|| actor.teardown())).err(),
            Instance::Async(actor) => AssertUnwindSafe(actor.teardown()).catch_unwind().await.err(),
            Instance::Hosted(actor) => catch_unwind(AssertUnwindSafe(|| actor.teardown())).err(),
        };
        if let Some(payload) = panicked {
            self.report(Failure::from_panic(&*payload), false);
        }
    }
}
