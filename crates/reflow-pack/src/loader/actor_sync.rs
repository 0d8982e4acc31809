//! Actors of packs that compute.

use reflow_runtime::{Actor, Failure, Signal, Tick};

use super::call::{ForeignActor, HostTick, Method};
use super::node::HostNode;

/// An actor of a pack as the runtime's fast path sees it.
pub(super) struct SyncActor {
    actor: ForeignActor,
    /// The node, once the actor has seen it.
    node: Option<HostNode>,
}

impl SyncActor {
    pub(super) fn new(actor: ForeignActor) -> Self {
        Self { actor, node: None }
    }

    #[inline]
    fn call(&mut self, tick: &mut Tick<'_>, method: &Method) -> Result<(), Failure> {
        let node = self.node.get_or_insert_with(|| self.actor.node(tick.node()));
        let mut tick = HostTick::computing(node, tick);
        let status = self.actor.call(method, &mut tick);
        tick.outcome(status)
    }
}

impl Actor for SyncActor {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, &Method::Setup)
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, &Method::Run)
    }

    fn on_signal(&mut self, tick: &mut Tick<'_>, signal: &Signal) -> Result<(), Failure> {
        self.call(tick, &Method::Signal(signal.clone()))
    }

    fn finalize(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, &Method::Finalize)
    }

    fn has_setup(&self) -> bool {
        self.actor.has_setup()
    }

    fn has_finalize(&self) -> bool {
        self.actor.has_finalize()
    }
}
