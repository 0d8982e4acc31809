//! What a node runs: the actor traits, in the shape that the runtime's own have.

use std::future::{Future, ready};

use crate::abi::{REFLOW_BLOCKING, REFLOW_HEAVY, REFLOW_SYNC, ReflowActor};
use crate::failure::Failure;
use crate::shell::Shell;
use crate::shell_async::AsyncShell;
use crate::tick::Tick;
use reflow_message::Value;

/// An actor that computes, or (made with [`Instance::new_blocking`]) one that may block its thread.
///
/// A panic is caught and counts as a failure. A failed tick sends nothing but what it [`send`](Tick::send)-ed itself; the
/// node's policy decides what happens next.
pub trait Actor: Send + 'static {
    /// Once, before the first tick.
    fn setup(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// One tick. `Ok` commits: what was emitted leaves together.
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure>;

    /// A signal from outside, between ticks.
    fn on_signal(&mut self, _tick: &mut Tick<'_>, _signal: &Signal) -> Result<(), Failure> {
        Ok(())
    }

    /// Once, when no further tick can come; may still send. Not called when the run is cancelled.
    fn finalize(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether [`finalize`](Self::finalize) does anything; asked once, when the actor is made. A node that never ran and
    /// has nothing to finalize ends as skipped.
    fn has_finalize(&self) -> bool {
        false
    }

    /// Once, at the very end, however the run ended; then the actor is dropped.
    fn teardown(&mut self) {}
}

/// An actor that may wait in the middle of a tick. Other nodes go on meanwhile.
///
/// Write the methods as `async fn`. A tick is cancelled by dropping its future, at any `.await`. The future is polled by
/// the runtime, so what it waits for must bring its own waking: [`Tick::sleep`], streams, [`Tick::send_now`], channels.
pub trait AsyncActor: Send + 'static {
    /// Once, before the first tick.
    fn setup(&mut self, _tick: &mut Tick<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        ready(Ok(()))
    }

    /// One tick. `Ok` commits: what was emitted leaves together.
    fn run(&mut self, tick: &mut Tick<'_>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// A signal from outside, between ticks.
    fn on_signal(
        &mut self,
        _tick: &mut Tick<'_>,
        _signal: &Signal,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        ready(Ok(()))
    }

    /// Once, when no further tick can come; may still send. Not called when the run is cancelled.
    fn finalize(&mut self, _tick: &mut Tick<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        ready(Ok(()))
    }

    /// As [`Actor::has_finalize`].
    fn has_finalize(&self) -> bool {
        false
    }

    /// Once, at the very end, however the run ended; then the actor is dropped.
    fn teardown(&mut self) {}
}

/// A word from outside with its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The word that says what it is.
    pub kind: String,
    /// Its data.
    pub data: Value,
}

/// The actor of one node, in one of its forms.
pub struct Instance(ReflowActor);

impl Instance {
    /// An actor that computes and never waits: the fast path.
    pub fn new<A: Actor>(actor: A) -> Self {
        Self(Shell::<A, REFLOW_SYNC>::wrap(actor))
    }

    /// An actor that may block its thread: files, databases, long computations. Each node has one tick at a time.
    pub fn new_blocking<A: Actor>(actor: A) -> Self {
        Self(Shell::<A, REFLOW_BLOCKING>::wrap(actor))
    }

    /// An actor that computes for long: its ticks run on the compute pool of the runtime, as many at once as there are cores,
    /// one after the other for each node.
    pub fn new_heavy<A: Actor>(actor: A) -> Self {
        Self(Shell::<A, REFLOW_HEAVY>::wrap(actor))
    }

    /// An actor that may wait.
    pub fn new_async<A: AsyncActor>(actor: A) -> Self {
        Self(AsyncShell::wrap(actor))
    }

    pub(crate) fn into_raw(self) -> ReflowActor {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: every shell has a table with a `destroy`, and nobody else owns the actor.
        unsafe {
            if let Some(destroy) = (*self.0.table).destroy {
                destroy(self.0.data);
            }
        }
    }
}
