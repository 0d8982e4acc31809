//! How a run comes to its end: quiet, failed, cancelled, or finished node by node.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::{End, Run};
use crate::event::{Event, FailedAttempt};
use crate::journal::Op;
use crate::node::{Node, Route};
use crate::node_state::NodeState;
use crate::question::QuestionEnd;
use crate::script::Outside;
use crate::stall::Stall;

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

impl Run {
    pub(crate) fn end_activity(&self) {
        if self.activity.end() {
            self.on_quiet();
        }
    }

    /// Stops a run that does not do what its script says.
    pub(super) fn check_script(&self) {
        let Some(player) = self.script.as_ref().and_then(|script| script.player_of()) else { return };
        let Some((node, tick)) = player.missing() else { return };
        if !self.activity.is_quiet() || self.is_cancelled() {
            return;
        }
        // Still missing after nobody was busy: it did not start meanwhile, so nobody will start it.
        if player.missing().is_some_and(|(_, still)| still == tick) {
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

    /// Nodes on a ring wait for each other and never see their inports close, and gates and gathers may wait for what nobody says:
    /// when nothing moves any more, they are told.
    pub(super) fn end_rings(&self) {
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
        // Groups that somebody holds for ever never end.
        for (index, _) in (0_u32..).zip(&self.nodes).filter(|(_, node)| node.awaits_groups()) {
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
        self.stop(reason);
    }

    /// [`cancel`](Self::cancel) by somebody who waits so long for what goes on. Most of that is for ticks that others are to end, the
    /// rest for what is to be done after them.
    pub(crate) fn cancel_within(&self, reason: &str, grace: Duration) {
        *self.patience.lock() = Instant::now().checked_add(grace / 5 * 4);
        self.stop(reason);
        if grace.is_zero() {
            self.end_taps();
        }
    }

    /// How long a tick that somebody is to end may still take, once the run was stopped.
    pub(crate) fn patience(&self) -> Duration {
        self.patience.lock().map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Stops the run, and nobody waits for what is still at work.
    pub(crate) fn cancel(&self, reason: &str) {
        self.stop(reason);
        self.end_taps();
    }

    /// Nothing more comes to listeners, and to what the network's outports are kept in.
    pub(crate) fn end_taps(&self) {
        for tap in self.taps.read().values() {
            tap.end();
        }
    }

    /// Stops the run: no tick starts any more, what waits is given up. What running ticks put out yet goes to listeners.
    fn stop(&self, reason: &str) {
        if self.cancelled.swap(true, Ordering::AcqRel) {
            return;
        }
        self.end.lock().reason = Some(reason.into());
        self.activity.begin();
        self.cancel.send_replace(true);
        for node in &self.nodes {
            node.counters.undelivered.add(Self::close_mailbox(node, false) as u64);
            node.sleeper.wake();
        }
        for tap in self.taps.read().values() {
            tap.stir();
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
        let undelivered = (undelivered + Self::close_mailbox(node, true)) as u64;
        node.counters.undelivered.add(undelivered);
        if undelivered > 0 {
            self.events.emit(Event::PacketsUndelivered { actor: Arc::clone(&node.id), count: undelivered });
        }
        self.set_state(node, state, true);
        self.record_end(index, node, state);
        if !self.gated.is_empty() {
            self.look_at_gates();
        }
        if let Some(mint) = &node.mint {
            mint.close();
        }
        for Route { target, link, .. } in node.routes.iter().flatten() {
            let target = &self.nodes[*target as usize];
            if target.mailbox.close_link(*link) {
                target.sleeper.wake();
            }
        }
        // Whoever listens takes the lock of the run first, and the one of the node inside.
        let taps = node.taps.read().clone();
        taps.iter().filter_map(|(_, tap)| self.tap(*tap)).for_each(|tap| tap.end());
        self.live.fetch_sub(1, Ordering::AcqRel);
        self.end_activity();
    }

    /// Every node has ended (or there was none).
    pub(super) fn complete(&self) {
        if let Some(journal) = &self.journal {
            let (state, reason) = (self.final_state().name(), self.reason());
            self.write(vec![Op::Ended { state, reason }]);
            journal.journal.end();
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

    pub(super) fn final_state(&self) -> RunState {
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
    pub(super) fn is_idle(&self, end: &End) -> bool {
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
}
