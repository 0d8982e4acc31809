//! What a node runs: the actor traits.

use async_trait::async_trait;

use reflow_message::Value;

use crate::compute::DetachedActor;
use crate::failure::Failure;
use crate::host::HostedActor;
use crate::tick::Tick;

/// An actor that computes and never waits: the fast path.
///
/// Ticks run back to back on a worker thread of the runtime and their outputs leave in batches, so `run` must not block;
/// an actor that waits for anything (a timer, a file, the network) is an [`AsyncActor`], and one that computes for long is
/// wrapped by [`Instance::new_heavy`].
///
/// A panic is caught and counts as a failure. A failed tick sends nothing but what it [`send`](Tick::send)-ed itself; the
/// node's policy decides what happens next.
///
/// # Examples
/// ```
/// use reflow_runtime::{Actor, Failure, Message, Tick};
///
/// struct Double;
///
/// impl Actor for Double {
///     fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
///         let number = tick.input(0).and_then(Message::as_number).ok_or("expected a number")?;
///         tick.emit(0, number * 2.0);
///         Ok(())
///     }
/// }
/// ```
pub trait Actor: Send + 'static {
    /// Once, before the first tick.
    fn setup(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether `setup` is to run when the network starts: it sends, listens, or may fail. If not, it may wait until the first packet
    /// is there.
    fn has_setup(&self) -> bool {
        false
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

    /// Whether `finalize` does anything. A node that never ran and has nothing to finalize ends as skipped.
    fn has_finalize(&self) -> bool {
        false
    }

    /// Once, at the very end, however the run ended.
    fn teardown(&mut self) {}
}

/// An actor that may wait in the middle of a tick. Other nodes go on meanwhile.
///
/// A tick is cancelled by dropping its future, at any `.await`.
#[async_trait]
pub trait AsyncActor: Send + 'static {
    /// Once, before the first tick.
    async fn setup(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether `setup` is to run when the network starts: it sends, listens, or may fail. If not, it may wait until the first packet
    /// is there.
    fn has_setup(&self) -> bool {
        false
    }

    /// One tick. `Ok` commits: what was emitted leaves together.
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure>;

    /// A signal from outside, between ticks.
    async fn on_signal(&mut self, _tick: &mut Tick<'_>, _signal: &Signal) -> Result<(), Failure> {
        Ok(())
    }

    /// Once, when no further tick can come; may still send. Not called when the run is cancelled.
    async fn finalize(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether `finalize` does anything. A node that never ran and has nothing to finalize ends as skipped.
    fn has_finalize(&self) -> bool {
        false
    }

    /// Once, at the very end, however the run ended.
    async fn teardown(&mut self) {}
}

/// What [`Network::signal`](crate::Network::signal) brings to an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The word that says what it is.
    pub kind: String,
    /// Its data.
    pub data: Value,
}

impl Signal {
    /// About the memory that it takes while it waits.
    pub(crate) fn bytes(&self) -> u64 {
        self.data.bytes().saturating_add(self.kind.len() as u64)
    }
}

/// The actor of one node, in one of its forms.
pub enum Instance {
    /// Computes and never waits.
    Sync(Box<dyn Actor>),
    /// May wait inside a tick.
    Async(Box<dyn AsyncActor>),
    /// Belongs to a foreign host such as Python.
    Hosted(Box<dyn HostedActor>),
}

impl Instance {
    /// Wraps a sync actor.
    pub fn new(actor: impl Actor) -> Self {
        Self::Sync(Box::new(actor))
    }

    /// Wraps a sync actor that computes for long: its ticks run on the compute pool, one at a time and in order, while
    /// other nodes go on.
    pub fn new_heavy(actor: impl Actor) -> Self {
        Self::new_async(DetachedActor::new(actor, false))
    }

    /// Wraps a sync actor that may block its thread: files, databases. Its ticks run one at a time and in order, on threads
    /// that may wait, while other nodes go on.
    pub fn new_blocking(actor: impl Actor) -> Self {
        Self::new_async(DetachedActor::new(actor, true))
    }

    /// Whether it takes signals between its ticks.
    pub(crate) fn hears_signals(&self) -> bool {
        if let Self::Hosted(actor) = self { actor.hears_signals() } else { true }
    }

    /// Whether its setup is to run when the network starts.
    pub(crate) fn has_setup(&self) -> bool {
        match self {
            Self::Sync(actor) => actor.has_setup(),
            Self::Async(actor) => actor.has_setup(),
            Self::Hosted(actor) => actor.has_setup(),
        }
    }

    /// What runs behind a hosted actor, see [`HostedActor::identity`].
    pub(crate) fn identity(&self) -> Option<usize> {
        if let Self::Hosted(actor) = self { Some(actor.identity()) } else { None }
    }

    /// Wraps an async actor.
    pub fn new_async(actor: impl AsyncActor) -> Self {
        Self::Async(Box::new(actor))
    }
}
