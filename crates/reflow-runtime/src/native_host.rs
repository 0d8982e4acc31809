//! The native host: one tokio runtime, shared by all running networks and gone with the last of them.

use std::future::Future;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::compute::ComputePool;
use crate::host::{Host, NodeTask};

static SHARED: Mutex<Weak<NativeHost>> = Mutex::new(Weak::new());

/// Polls native nodes on tokio's worker threads. The threads start with the first work and end with the last network.
pub(crate) struct NativeHost {
    runtime: Mutex<Option<Running>>,
    /// Whether its clock is paused, and advances when nothing is at work.
    paused: bool,
    compute: ComputePool,
    process: u32,
}

/// The runtime of a host.
enum Running {
    Threads(Runtime),
    /// One with a paused clock, on a thread of its own that ends with the sender.
    Paused(Handle, tokio::sync::oneshot::Sender<()>),
}

impl NativeHost {
    /// A host of its own whose clock is paused.
    pub(crate) fn paused() -> Arc<Self> {
        Arc::new(Self::new(true))
    }

    fn new(paused: bool) -> Self {
        let (compute, process) = (ComputePool::new(cores()), std::process::id());
        Self { runtime: Mutex::new(None), paused, compute, process }
    }

    /// The host of this process. After a fork the child gets one of its own: threads do not survive a fork.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock();
        if let Some(host) = shared.upgrade().filter(|host| host.process == std::process::id()) {
            return host;
        }
        let host = Arc::new(Self::new(false));
        *shared = Arc::downgrade(&host);
        host
    }

    /// A handle on the runtime, which is started by the first call. Who may need it says so when a run starts.
    pub(crate) fn handle(&self) -> Handle {
        self.prepare().expect("the operating system gives what a runtime needs")
    }

    /// Starts the runtime, if that was not done before.
    ///
    /// # Errors
    /// When the operating system gives no more threads or files.
    pub(crate) fn prepare(&self) -> io::Result<Handle> {
        let mut runtime = self.runtime.lock();
        let running = match &mut *runtime {
            Some(running) => running,
            none => none.insert(if self.paused { paused()? } else { threads()? }),
        };
        Ok(match running {
            Running::Threads(runtime) => runtime.handle().clone(),
            Running::Paused(handle, _) => handle.clone(),
        })
    }

    /// Where heavy work runs.
    pub(crate) fn compute(&self) -> &ComputePool {
        &self.compute
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.handle().spawn(future)
    }

    /// Sleeps on the runtime's timer, whoever polls the future.
    pub(crate) fn sleep(&self, duration: Duration) -> tokio::time::Sleep {
        let handle = self.handle();
        let _guard = handle.enter();
        tokio::time::sleep(duration)
    }

    /// The same where it is no harm if there is no runtime: then it is over at once.
    pub(crate) async fn sleep_if_possible(&self, duration: Duration) {
        let sleep = self.prepare().map(|handle| {
            let _guard = handle.enter();
            tokio::time::sleep(duration)
        });
        if let (Ok(sleep), false) = (sleep, duration.is_zero()) {
            sleep.await;
        }
    }
}

fn threads() -> io::Result<Running> {
    // Said outright: tokio panics on a TOKIO_WORKER_THREADS that is no number above 0.
    let asked = std::env::var("TOKIO_WORKER_THREADS").ok().and_then(|number| number.parse().ok());
    let runtime = Builder::new_multi_thread()
        .worker_threads(asked.filter(|number| *number > 0).unwrap_or_else(cores))
        .thread_name("reflow-native")
        .enable_all()
        .build()?;
    Ok(Running::Threads(runtime))
}

/// A runtime with a paused clock: it needs a thread of its own, on which it looks for the next thing that is due.
fn paused() -> io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serve = move || {
        // An error says that its host is gone, too.
        let _ = runtime.block_on(stopped);
        runtime.shutdown_background();
    };
    std::thread::Builder::new().name("reflow-virtual".into()).spawn(serve)?;
    Ok(Running::Paused(handle, stop))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

impl Host for NativeHost {
    fn spawn(&self, task: NodeTask) {
        self.handle().spawn(task);
    }
}

impl Drop for NativeHost {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.get_mut().take() else { return };
        if self.process == std::process::id() {
            // Not `drop`, which waits and must not run on a thread of the runtime itself.
            match runtime {
                Running::Threads(runtime) => runtime.shutdown_background(),
                Running::Paused(_, stop) => drop(stop),
            }
        } else {
            // The threads behind it stayed in the parent process.
            std::mem::forget(runtime);
        }
    }
}
