//! Heavy work: pieces that compute for long run on threads of their own, as many at once as there are cores, and never on
//! the threads that poll nodes.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

use crate::actor::{Actor, AsyncActor, Signal};
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::native_host::NativeHost;
use crate::node_handle::NodeHandle;
use crate::tick::Tick;

/// Room for as many pieces of heavy work as there are cores; the others wait in line.
pub(crate) struct ComputePool(Arc<Semaphore>);

impl ComputePool {
    pub(crate) fn new(cores: usize) -> Self {
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Runs `work` when its turn comes. Work whose future is dropped while it waits is never begun; work that runs goes on
    /// to its end, and nobody hears of it.
    async fn run<T: Send + 'static>(
        &self,
        host: &NativeHost,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        // The semaphore is never closed.
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(|error| Failure::new(error.to_string()))?;
        blocking(host, move || {
            let _place = place;
            work()
        })
        .await
    }
}

/// Runs `work` on a thread that may wait. A panic becomes a failure.
async fn blocking<T: Send + 'static>(
    host: &NativeHost,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let contained = move || catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Failure::from_panic(&*payload));
    let task = CancelledOnDrop(host.handle().spawn_blocking(contained));
    task.await.unwrap_or_else(|error| Err(Failure::new(error.to_string()).with_reason("cancelled")))
}

/// A blocking call that is not begun any more when nobody waits for it.
struct CancelledOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Future for CancelledOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for CancelledOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl NodeHandle {
    /// Runs `work`, which computes for long, on the compute pool: as many pieces at once as there are cores, in the order
    /// in which they were handed over. Other nodes go on meanwhile. Cancel safe: work that has not begun is dropped.
    ///
    /// # Errors
    /// What `work` panicked with.
    pub fn compute<T, W>(&self, work: W) -> impl Future<Output = Result<T, Failure>> + Send + use<T, W> + 'static
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let host = Arc::clone(self.run().native());
        let clock = Arc::clone(&self.node().counters.clock);
        let counted = move || {
            let _piece = clock.piece();
            work()
        };
        async move { host.compute().run(&host, counted).await }
    }

    /// Runs `work`, which waits for something (a file, a lock), on a thread that may wait. Cancel safe, as
    /// [`compute`](Self::compute).
    ///
    /// # Errors
    /// What `work` panicked with.
    pub fn blocking<T, W>(&self, work: W) -> impl Future<Output = Result<T, Failure>> + Send + use<T, W> + 'static
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let host = Arc::clone(self.run().native());
        async move { blocking(&host, work).await }
    }
}

/// An actor whose ticks run on threads of their own, one at a time and in order.
///
/// A tick that nobody waits for any more (the run was stopped, it took too long) keeps the actor until it returns, and what
/// it still sends is dropped; the next one waits for it.
pub(crate) struct DetachedActor {
    actor: Arc<Mutex<Box<dyn Actor>>>,
    has_setup: bool,
    has_finalize: bool,
    /// Whether it waits rather than computes.
    waits: bool,
}

#[derive(Clone)]
enum Call {
    Setup,
    Run,
    Signal(Signal),
    Finalize,
}

impl DetachedActor {
    pub(crate) fn new(actor: impl Actor, waits: bool) -> Self {
        let (has_setup, has_finalize) = (actor.has_setup(), actor.has_finalize());
        Self { actor: Arc::new(Mutex::new(Box::new(actor))), has_setup, has_finalize, waits }
    }

    async fn call(&mut self, tick: &mut Tick<'_>, call: Call) -> Result<(), Failure> {
        let mut actor: OwnedMutexGuard<Box<dyn Actor>> = Arc::clone(&self.actor).lock_owned().await;
        let (node, attempt) = tick.parts();
        // The actor gets the packets themselves, so that it can work on them in place; who tries again holds copies.
        let mut own = Attempt {
            sequence: attempt.sequence,
            number: attempt.number,
            inputs: std::mem::take(&mut attempt.inputs),
            ..Attempt::default()
        };
        let handle = node.clone();
        let work = move || {
            let tick = &mut Tick::new(&handle, &mut own);
            let result = match call {
                Call::Setup => actor.setup(tick),
                Call::Run => actor.run(tick),
                Call::Signal(signal) => actor.on_signal(tick, &signal),
                Call::Finalize => actor.finalize(tick),
            };
            (own, result)
        };
        let (own, result) = if self.waits { node.blocking(work).await? } else { node.compute(work).await? };
        let (_, attempt) = tick.parts();
        attempt.emitted = own.emitted;
        attempt.sent.extend(own.sent);
        attempt.finish |= own.finish;
        result
    }
}

#[async_trait]
impl AsyncActor for DetachedActor {
    async fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, Call::Setup).await
    }

    fn has_setup(&self) -> bool {
        self.has_setup
    }

    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, Call::Run).await
    }

    async fn on_signal(&mut self, tick: &mut Tick<'_>, signal: &Signal) -> Result<(), Failure> {
        self.call(tick, Call::Signal(signal.clone())).await
    }

    async fn finalize(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.call(tick, Call::Finalize).await
    }

    fn has_finalize(&self) -> bool {
        self.has_finalize
    }

    async fn teardown(&mut self) {
        // A tick that is still at it has the actor; it is dropped with it.
        if let Ok(mut actor) = self.actor.try_lock() {
            actor.teardown();
        }
    }
}
