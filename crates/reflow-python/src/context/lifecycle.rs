//! How an attempt goes from its beginning to its end, as its node drives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use reflow_runtime::{AtWork, Attempt, Completion, Failure, Message, NodeHandle, Outcome, Packets};

use super::packets::put;
use super::{Conclusion, Phase, PyContext, Start, State};
use crate::errors::ContextError;
use crate::failures::failure_of;
use crate::inputs;
use crate::plain;

impl PyContext {
    /// Makes it the context of a new attempt, whose inputs it takes.
    pub(crate) fn begin(&self, py: Python<'_>, attempt: &mut Attempt, start: Start) {
        // What it replaces goes when the state is no longer held.
        let _old = {
            let mut state = self.state.lock(py);
            state.phase = if start.detached { Phase::Pending } else { Phase::Running };
            state.outcome = None;
            state.unsettled = false;
            (state.sequence, state.number) = (attempt.sequence, attempt.number);
            (state.finish, state.deferred, state.abandoned, state.quiet_end) = (false, false, false, false);
            (state.inside, state.outlived) = (start.detached, false);
            state.deadline = start.deadline;
            (state.origin, state.late_origin) = (attempt.origin.clone(), None);
            // Swapped, not moved: packets are kept in place, and that is the better part of what a tick copies.
            std::mem::swap(&mut state.inputs, &mut attempt.inputs);
            std::mem::swap(&mut state.emitted, &mut attempt.emitted);
            (std::mem::replace(&mut state.inputs_dict, start.inputs_dict), state.task.take())
        };
        attempt.inputs.clear();
        attempt.emitted.clear();
    }

    /// The dict of an earlier tick with the packets of the next one, if it can serve again.
    pub(crate) fn refill_inputs(&self, py: Python<'_>, dict: Py<PyDict>, packets: &Packets) -> Option<Py<PyDict>> {
        inputs::refill(py, &self.names, &self.node, dict, packets)
    }

    /// A generator goes on (`true`) or has yielded.
    pub(crate) fn step(&self, py: Python<'_>, enters: bool) {
        let key = {
            let mut state = self.state.lock(py);
            state.phase = match (state.phase, enters) {
                (Phase::Between, true) => Phase::Running,
                (Phase::Running, false) => Phase::Between,
                (phase, _) => phase,
            };
            (state.sequence, state.number)
        };
        if !enters {
            self.node.returned(key.0, key.1);
        }
    }

    /// What `run` has left when it returned. The outputs of an attempt that is done are its own then.
    pub(crate) fn conclude(&self, py: Python<'_>, attempt: &mut Attempt) -> Conclusion {
        self.step(py, false);
        let mut state = self.state.lock(py);
        match state.outcome.take() {
            Some(result) => {
                // Keeps the attempt resolved for whoever still holds it.
                state.end();
                attempt.finish |= state.finish;
                let unsettled = std::mem::take(&mut state.unsettled);
                match result {
                    Ok(()) => {
                        std::mem::swap(&mut state.emitted, &mut attempt.emitted);
                        let (inputs_dict, may_stay) = (state.inputs_dict.take(), inputs::may_stay(&state.inputs));
                        drop(state);
                        let inputs_dict = inputs_dict.filter(|_| may_stay);
                        // The variables of `run` are gone.
                        let mut emitted = attempt.emitted.iter_mut();
                        if unsettled && let Err(error) = emitted.try_for_each(|(_, message)| plain::settle(py, message))
                        {
                            attempt.emitted.clear();
                            return Conclusion::Failed(failure_of(py, error));
                        }
                        Conclusion::Done { inputs_dict }
                    }
                    Err(failure) => Conclusion::Failed(failure),
                }
            }
            None => Conclusion::Unresolved,
        }
    }

    /// Leaves the attempt open: somebody holds it and will resolve it later, or has just done so.
    pub(crate) fn leave_open(&self, py: Python<'_>) {
        let completion = {
            let mut state = self.state.lock(py);
            match state.outcome.take() {
                Some(result) => Some(state.complete(result)),
                None => {
                    state.phase = Phase::Pending;
                    None
                }
            }
        };
        if let Some(completion) = completion {
            self.deliver_end(py, completion);
        }
    }

    /// Tells the node the end of the attempt, and after that, if `run` goes on, its return.
    fn deliver_end(&self, py: Python<'_>, end: Completion) {
        let (sequence, number, finish, goes_on) = (end.sequence, end.number, end.finish, end.goes_on);
        self.node.complete(end);
        if !goes_on {
            return;
        }
        let has_returned = {
            let mut state = self.state.lock(py);
            state.outlived = state.inside;
            !state.inside
        };
        if has_returned {
            // On another thread, just now.
            let outcome = Outcome::Failed(Failure::new("the call has returned"));
            self.node.complete(Completion { sequence, number, outcome, finish, goes_on: false });
        }
    }

    /// Ends the attempt without an answer.
    pub(crate) fn close(&self, py: Python<'_>) {
        self.state.lock(py).end();
    }

    pub(crate) fn is_deferred(&self, py: Python<'_>) -> bool {
        self.state.lock(py).deferred
    }

    pub(super) fn quiet_end(&self, py: Python<'_>) -> bool {
        self.state.lock(py).quiet_end
    }

    /// Lets the call end without an answer.
    pub(crate) fn allow_quiet_end(&self, py: Python<'_>) {
        self.state.lock(py).quiet_end = true;
    }

    /// Lets go of the packets of an attempt that nobody looks at any more.
    pub(crate) fn let_go(&self, py: Python<'_>) {
        let held = {
            let mut state = self.state.lock(py);
            (std::mem::take(&mut state.inputs), state.inputs_dict.take())
        };
        drop(held);
    }

    /// A copy of the inputs, for the node's own use.
    pub(crate) fn inputs_copy(&self, py: Python<'_>) -> Packets {
        let inputs = self.state.lock(py).inputs.clone();
        // The actor may still have what it was given.
        let settled = |message: Message| plain::settled(py, &message).unwrap_or(message);
        inputs.into_iter().map(|(port, message)| (port, settled(message))).collect()
    }

    /// Whether the loop that runs the ticks of the node may drive it, too.
    pub(crate) fn may_be_polled_on_loop(&self) -> bool {
        self.node.waits_for_packets_only()
    }

    /// Says that the tick goes on on an asyncio loop, which holds a virtual clock itself while it is at work.
    pub(crate) fn hand_to_loop(&self, py: Python<'_>) {
        let (sequence, number) = {
            let state = self.state.lock(py);
            (state.sequence, state.number)
        };
        self.node.hand_to_host(sequence, number);
    }

    pub(crate) fn node(&self) -> &NodeHandle {
        &self.node
    }

    pub(crate) fn run_number(&self) -> u64 {
        self.node.run_number()
    }

    /// Ends the node after this attempt.
    pub(crate) fn finish_node(&self, py: Python<'_>) {
        self.state.lock(py).finish = true;
    }

    pub(crate) fn asks_to_finish(&self, py: Python<'_>) -> bool {
        self.state.lock(py).finish
    }

    /// Takes what was emitted so far, for a generator that hands over its outputs step by step.
    pub(crate) fn take_emitted(&self, py: Python<'_>) -> Packets {
        std::mem::take(&mut self.state.lock(py).emitted)
    }

    /// Counts the attempt among those that outlive their tick.
    pub(crate) fn retain(&self, py: Python<'_>, retained: &Arc<AtomicUsize>) {
        let mut slot = self.retained.lock(py);
        if slot.is_none() {
            retained.fetch_add(1, Ordering::AcqRel);
            *slot = Some(Arc::clone(retained));
        }
    }

    /// Whether the attempt comes to its end by itself: its outcome is on its way, or nobody but who is to end it is at work for it, or a
    /// thread that cannot be told to stop.
    pub(crate) fn ends_by_itself(&self, py: Python<'_>, is_async: bool) -> bool {
        let state = self.state.lock(py);
        let is_over = state.phase == Phase::Over && !state.abandoned;
        is_over || state.is_left_to_others() || (state.inside || state.returning) && !is_async && !state.abandoned
    }

    /// `run` has returned on a thread of its own, which looks at what it gave; with `false`, that is over.
    pub(crate) fn set_returning(&self, py: Python<'_>, returning: bool) {
        self.state.lock(py).returning = returning;
    }

    /// Tells the attempt that nobody wants its outcome any more; who is still at work for it, the end of which
    /// [`unwound`](Self::unwound), or the end of what was deferred, will tell.
    pub(crate) fn abandon(&self, py: Python<'_>) -> AtWork {
        let (task, inside, deferred) = {
            let mut state = self.state.lock(py);
            let deferred = state.is_left_to_others();
            state.outlived |= deferred;
            state.abandoned = true;
            state.stopped = self.node.is_cancelled();
            state.phase = Phase::Over;
            state.let_origin_go();
            (state.task.take(), state.inside, deferred)
        };
        // A loop that is closed has no task to cancel any more.
        let cancel = |task: Py<PyAny>| task.bind(py).call0().and_then(|unwinds| unwinds.is_truthy()).unwrap_or(false);
        match (inside && task.is_none_or(cancel), deferred) {
            (true, _) => AtWork::Call,
            (false, true) => AtWork::Deferral,
            (false, false) => AtWork::Nobody,
        }
    }

    /// Who was to end an attempt that is over has nothing more to do for it.
    fn end_deferral(&self, py: Python<'_>) {
        let completion = {
            let mut state = self.state.lock(py);
            let is_awaited = state.abandoned && !state.inside && std::mem::take(&mut state.outlived);
            is_awaited.then(|| state.given_up())
        };
        if let Some(completion) = completion {
            self.node.complete(completion);
        }
    }

    /// A task of its own is about to run the attempt.
    pub(crate) fn enter(&self, py: Python<'_>) {
        self.state.lock(py).inside = true;
    }

    /// The call of the attempt has returned; if the attempt was over before, its node waits for nothing else.
    pub(crate) fn unwound(&self, py: Python<'_>) {
        let (task, completion) = {
            let mut state = self.state.lock(py);
            let is_awaited = state.inside && (state.abandoned || state.outlived);
            let completion = is_awaited.then(|| state.given_up());
            (state.inside, state.outlived) = (false, false);
            (state.task.take(), completion)
        };
        // Let go of it only when the state is not held any more.
        drop(task);
        if let Some(completion) = completion {
            self.node.complete(completion);
        }
    }

    /// Whether nobody wants its outcome any more.
    pub(crate) fn is_abandoned(&self, py: Python<'_>) -> bool {
        self.state.lock(py).abandoned
    }

    /// An error for an attempt whose time limit has passed: what it would send stands for nothing any more. In a run that was
    /// stopped, the node says so itself.
    pub(super) fn refuse_if_given_up(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.state.lock(py);
        if state.abandoned && !state.stopped { Err(given_up()) } else { Ok(()) }
    }

    /// What cancels the task that runs it. By now that may have ended, or be one that nobody waits for.
    pub(crate) fn set_task(&self, py: Python<'_>, cancel: Py<PyAny>) {
        let is_late = {
            let mut state = self.state.lock(py);
            let is_late = state.abandoned || !state.inside;
            if !is_late {
                state.task = Some(cancel.clone_ref(py));
            }
            is_late
        };
        if is_late {
            // Where there is nothing to cancel, that does nothing.
            let _ = cancel.bind(py).call0();
        }
    }

    /// Fails the attempt for the host. One that is resolved keeps its first outcome, and the second one is told.
    pub(crate) fn fail_with(&self, py: Python<'_>, failure: Failure) {
        if self.is_abandoned(py) {
            return;
        }
        if self.is_resolved(py) {
            return self.node.tell_late("a tick failed after it had been ended", &format!(": {failure}"));
        }
        // Nobody else can have resolved it meanwhile but another thread, who was first then.
        let _ = self.resolve(py, Err(failure), None);
    }

    /// Resolves with what a returned value stands for. None stands for nothing: the answer was given, or will be. An attempt
    /// that is resolved keeps its first outcome, and the second one is told.
    pub(crate) fn returned(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if value.is_none() || self.is_abandoned(value.py()) {
            return Ok(());
        }
        if self.is_resolved(value.py()) {
            // What else it returns is of no interest once the tick has been ended.
            if value.is_instance_of::<PyDict>() {
                self.node.tell_late("run() returned outputs after the tick had been ended: they are not sent", "");
            }
            return Ok(());
        }
        let packets = self.outputs(value)?;
        self.resolve(value.py(), Ok(()), Some(packets))
    }

    /// Resolves with the outputs of a returned dict. One that is resolved keeps its first outcome, and the second one is told.
    pub(crate) fn done_with(&self, outputs: &Bound<'_, PyAny>) -> PyResult<()> {
        // It was returned, and is nobody else's.
        let packets = self.packets(outputs, 1)?;
        if self.is_abandoned(outputs.py()) {
            return Ok(());
        }
        if self.is_resolved(outputs.py()) {
            if !packets.is_empty() {
                self.node.tell_late("run() returned outputs after the tick had been ended: they are not sent", "");
            }
            return Ok(());
        }
        self.resolve(outputs.py(), Ok(()), Some(packets))
    }

    pub(crate) fn is_resolved(&self, py: Python<'_>) -> bool {
        let state = self.state.lock(py);
        state.outcome.is_some() || state.phase == Phase::Over
    }

    pub(super) fn resolve(
        &self,
        py: Python<'_>,
        result: Result<(), Failure>,
        outputs: Option<Packets>,
    ) -> PyResult<()> {
        // Dropped at the end, when the state is no longer held.
        let mut replaced = Packets::new();
        let completion = {
            let mut state = self.state.lock(py);
            if state.abandoned {
                let stopped = state.stopped;
                drop(state);
                self.end_deferral(py);
                if stopped {
                    // Whoever ends a tick late need not know that the network was shut down meanwhile.
                    return Ok(());
                }
                self.node.tell_late("a tick was ended after it had been given up: its time limit has passed", "");
                return Err(given_up());
            }
            if state.outcome.is_some() || state.phase == Phase::Over {
                let is_late = state.phase == Phase::Over;
                drop(state);
                if is_late {
                    self.node.tell_late("a tick was ended a second time: done() and fail() may be called once", "");
                }
                return Err(ContextError::new_err(
                    "this tick is already resolved: done() and fail() may be called once",
                ));
            }
            match outputs {
                Some(outputs) if state.emitted.is_empty() => state.emitted = outputs,
                outputs => {
                    for (port, message) in outputs.into_iter().flatten() {
                        replaced.extend(put(&mut state.emitted, port, message).map(|message| (port, message)));
                    }
                }
            }
            if matches!(state.phase, Phase::Running | Phase::Between) {
                state.outcome = Some(result);
                return Ok(());
            }
            state.complete(result)
        };
        self.deliver_end(py, completion);
        Ok(())
    }
}

impl State {
    fn is_left_to_others(&self) -> bool {
        self.deferred && !self.inside && self.phase == Phase::Pending && !self.abandoned
    }

    fn end(&mut self) {
        self.phase = Phase::Over;
        self.outcome = Some(Ok(()));
        self.let_origin_go();
    }

    /// What is over holds its origin no longer; what is sent through it later is still known by it.
    fn let_origin_go(&mut self) {
        if let Some(origin) = self.origin.take() {
            self.late_origin = Some(origin.later());
        }
    }

    /// The end of what went on for an attempt that was given up.
    pub(super) fn given_up(&self) -> Completion {
        Completion {
            sequence: self.sequence,
            number: self.number,
            outcome: Outcome::Failed(Failure::new("the attempt was given up")),
            finish: self.finish,
            goes_on: false,
        }
    }

    /// The end of an open attempt, for its node.
    fn complete(&mut self, result: Result<(), Failure>) -> Completion {
        self.end();
        let outcome = match result {
            Ok(()) => Outcome::Done(std::mem::take(&mut self.emitted)),
            Err(failure) => Outcome::Failed(failure),
        };
        Completion { sequence: self.sequence, number: self.number, outcome, finish: self.finish, goes_on: self.inside }
    }
}

fn given_up() -> PyErr {
    ContextError::new_err("this attempt was given up: its time limit has passed")
}
