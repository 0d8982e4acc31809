//! Actors of packs that wait.

use std::future::poll_fn;
use std::task::Poll;

use reflow_pack_sdk::abi::REFLOW_PENDING;
use reflow_runtime::{AsyncActor as RuntimeActor, Failure, Signal, Tick, async_trait};

use super::call::{ForeignActor, HostTick, Method, Way};
use super::node::HostNode;

/// An actor of a pack whose calls may answer `pending`.
pub(super) struct AsyncActor {
    actor: ForeignActor,
    node: Option<HostNode>,
}

impl AsyncActor {
    pub(super) fn new(actor: ForeignActor) -> Self {
        Self { actor, node: None }
    }

    async fn call(&mut self, tick: &mut Tick<'_>, method: Method) -> Result<(), Failure> {
        let node = self.node.get_or_insert_with(|| self.actor.node(tick.node()));
        // Its place does not change between polls: the future that holds it is pinned.
        let mut host_tick = HostTick::waiting(node, tick);
        let mut pending = PendingCall { actor: &mut self.actor, is_pending: false };
        poll_fn(|cx| {
            if let Way::Async { waker, .. } = &mut host_tick.way {
                *waker = Some(cx.waker().clone());
            }
            let status = if pending.is_pending {
                pending.actor.resume(&mut host_tick)
            } else {
                pending.actor.call(&method, &mut host_tick)
            };
            pending.is_pending = status == REFLOW_PENDING;
            if pending.is_pending { Poll::Pending } else { Poll::Ready(host_tick.outcome(status)) }
        })
        .await
    }
}

/// Cancels a call when its future is dropped in the middle, while its tick is still there.
struct PendingCall<'a> {
    actor: &'a mut ForeignActor,
    is_pending: bool,
}

impl Drop for PendingCall<'_> {
    fn drop(&mut self) {
        if self.is_pending {
            self.actor.cancel();
        }
    }
}

#[async_trait]
impl RuntimeActor for AsyncActor {
    async fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, Method::Setup).await
    }

    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, Method::Run).await
    }

    async fn on_signal(&mut self, tick: &mut Tick<'_>, signal: &Signal) -> Result<(), Failure> {
        self.call(tick, Method::Signal(signal.clone())).await
    }

    async fn finalize(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, Method::Finalize).await
    }

    fn has_setup(&self) -> bool {
        self.actor.has_setup()
    }

    fn has_finalize(&self) -> bool {
        self.actor.has_finalize()
    }
}
