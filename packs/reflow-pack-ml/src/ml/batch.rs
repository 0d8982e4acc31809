//! Tensors that wait for others, to be put together for one run, and the clock that waits no longer than it was told.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use reflow_pack_sdk::SendError;
use reflow_pack_sdk::prelude::*;

use super::answer::{Loaded, Ports};
use crate::tensor::Tensor;

/// How soon the clock tries again to send what found no room.
const AGAIN: Duration = Duration::from_millis(5);

/// The batch of one node, which its ticks fill and its clock watches.
#[derive(Default)]
pub(super) struct Batch {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ports: Ports,
    /// Until it is told otherwise the clock lives as long as the node.
    patience: Option<Duration>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Tensor>,
    /// The model that they wait for.
    loaded: Option<Arc<Loaded>>,
    /// What the clock could not send yet. It starts no other batch before that is out, and a tick that runs one takes it along.
    outbox: VecDeque<(usize, Message)>,
    /// When the clock is to act, and the node, which is busy until then.
    until: Option<(Instant, NodeHandle)>,
    /// What went wrong in the clock, for the next tick to tell.
    failed: Option<String>,
    is_closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Runs what waits, and puts what comes of it behind what is still to be sent.
    fn run(&mut self, node: &NodeHandle, ports: Ports) -> Result<(), String> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(loaded) = self.loaded.as_ref().filter(|_| !waiting.is_empty()) else { return Ok(()) };
        let packets = loaded.answer_batch(&waiting, node, ports)?;
        self.outbox.extend(packets);
        Ok(())
    }
}

impl Batch {
    /// Adds a tensor. When there are enough, everything that is ready to be sent is the answer.
    pub(super) fn add(
        &mut self,
        tick: &mut Tick<'_>,
        loaded: &Arc<Loaded>,
        inputs: Vec<Tensor>,
        (size, patience): (usize, Option<Duration>),
        ports: Ports,
    ) -> Result<Vec<(usize, Message)>, String> {
        let shared = self.shared.get_or_insert_with(|| {
            let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), ports, patience });
            if patience.is_some() {
                let clock = Arc::clone(&shared);
                // Without a thread there is no clock, and batches wait until they are full.
                let _ = thread::Builder::new().name("reflow-batch".into()).spawn(move || clock.watch());
            }
            shared
        });
        let shared = Arc::clone(shared);
        let mut state = shared.lock();
        if let Some(why) = state.failed.take() {
            state.waiting.extend(inputs);
            return Err(why);
        }
        // Tensors that wait are for the model that there was when they came.
        let is_other = state.loaded.as_ref().is_some_and(|known| !Arc::ptr_eq(known, loaded));
        let mut result = Ok(());
        if is_other {
            result = state.run(tick.node(), ports);
        }
        state.loaded = Some(Arc::clone(loaded));
        state.waiting.extend(inputs);
        if result.is_ok() && state.waiting.len() >= size {
            result = state.run(tick.node(), ports);
        }
        result?;
        if state.waiting.is_empty() {
            state.until = None;
            return Ok(state.outbox.drain(..).collect());
        }
        if let (None, Some(patience)) = (&state.until, shared.patience) {
            state.until = tick.background().map(|node| (Instant::now() + patience, node));
            shared.changed.notify_all();
        }
        Ok(Vec::new())
    }

    /// Runs what is left.
    pub(super) fn finish(&mut self, node: &NodeHandle, ports: Ports) -> Result<Vec<(usize, Message)>, String> {
        let Some(shared) = &self.shared else { return Ok(Vec::new()) };
        let mut state = shared.lock();
        let result = state.run(node, ports);
        state.until = None;
        let failed = state.failed.take();
        let packets = state.outbox.drain(..).collect();
        result?;
        failed.map_or(Ok(packets), Err)
    }

    /// No more tensors come, and nothing is sent any more.
    pub(super) fn close(&mut self) {
        if let Some(shared) = self.shared.take() {
            let mut state = shared.lock();
            state.is_closed = true;
            state.until = None;
            shared.changed.notify_all();
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// The clock: runs a batch that has waited long enough, and sends what comes of it as there is room.
    fn watch(&self) {
        let mut state = self.lock();
        while !state.is_closed {
            let Some((until, node)) = &state.until else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                (state, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let node = node.clone();
            if state.outbox.is_empty()
                && let Err(why) = state.run(&node, self.ports)
            {
                node.log("error", why.as_str());
                state.failed = Some(why);
            }
            while let Some((port, message)) = state.outbox.pop_front() {
                match node.send_blocking(port, message.clone(), Some(Duration::ZERO)) {
                    Ok(()) => {}
                    Err(SendError::TimedOut) => {
                        state.outbox.push_front((port, message));
                        break;
                    }
                    Err(_) => {
                        state.outbox.clear();
                        state.is_closed = true;
                    }
                }
            }
            // Those that came meanwhile have waited for as long as it took to send what came before them.
            state.until = match state.until.take() {
                Some((_, node)) if !state.outbox.is_empty() => Some((Instant::now() + AGAIN, node)),
                Some((_, node)) if !state.waiting.is_empty() => Some((Instant::now(), node)),
                _ => None,
            };
        }
    }
}
