//! Actors of packs that block or compute for long: each call runs on a thread of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reflow_runtime::{AsyncActor, Attempt, Failure, Signal, Tick, async_trait};
use tokio::sync::{Mutex, mpsc};

use super::call::{ForeignActor, HostTick, Method, Request};
use super::node::HostNode;
use super::secret::Secrets;

/// An actor of a pack whose calls may block their thread, or that belong on the compute pool.
///
/// A call that nobody waits for any more (the run was stopped, the attempt took too long) keeps its thread and the actor
/// until it returns; what it still sends is dropped.
pub(super) struct BlockingActor {
    /// Locked for as long as a call lasts, also one that was given up.
    actor: Arc<Mutex<ForeignActor>>,
    node: Option<Arc<HostNode>>,
    has_setup: bool,
    has_finalize: bool,
    secrets: Secrets,
    /// Whether it computes rather than waits.
    is_heavy: bool,
}

impl BlockingActor {
    pub(super) fn new(actor: ForeignActor, is_heavy: bool) -> Self {
        let (has_setup, has_finalize) = (actor.has_setup(), actor.has_finalize());
        let secrets = actor.secrets().clone();
        Self { actor: Arc::new(Mutex::new(actor)), node: None, has_setup, has_finalize, secrets, is_heavy }
    }

    async fn call(&mut self, tick: &mut Tick<'_>, method: Method) -> Result<(), Failure> {
        let node = self.node.get_or_insert_with(|| Arc::new(HostNode::new(tick.node().clone(), self.secrets.clone())));
        let node = Arc::clone(node);
        let (_, attempt) = tick.parts();
        let mut attempt = Attempt {
            sequence: attempt.sequence,
            number: attempt.number,
            inputs: attempt.inputs.clone(),
            origin: attempt.origin.clone(),
            ..Attempt::default()
        };
        let mut actor = Arc::clone(&self.actor).lock_owned().await;
        let abandoned = Abandoned(Arc::new(AtomicBool::new(false)));
        let is_abandoned = Arc::clone(&abandoned.0);
        let (requests, mut requested) = mpsc::unbounded_channel::<Request>();
        let work = move || {
            if is_abandoned.load(Ordering::Acquire) {
                return (attempt, Err(Failure::new("nobody waits for this tick any more")));
            }
            let mut tick = HostTick::blocking(&node, &mut attempt, requests, is_abandoned);
            let status = actor.call(&method, &mut tick);
            let result = tick.outcome(status);
            drop(tick);
            (attempt, result)
        };
        let handle = tick.node();
        let mut work: Pin<Box<dyn Future<Output = _> + Send>> =
            if self.is_heavy { Box::pin(handle.compute(work)) } else { Box::pin(handle.blocking(work)) };
        let (done, result) = loop {
            tokio::select! {
                done = &mut work => break done?,
                Some(reply) = requested.recv() => {
                    // The thread waits for the answer, unless it is gone.
                    let _ = reply.send(HostNode::background(tick, &self.secrets));
                }
            }
        };
        let (_, attempt) = tick.parts();
        attempt.emitted = done.emitted;
        attempt.sent.extend(done.sent);
        attempt.finish |= done.finish;
        result
    }
}

/// Tells a call, by being dropped, that nobody waits for it any more.
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[async_trait]
impl AsyncActor for BlockingActor {
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
        self.has_setup
    }

    fn has_finalize(&self) -> bool {
        self.has_finalize
    }
}
