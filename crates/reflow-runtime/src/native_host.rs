//! The native host: one tokio runtime, shared by all running networks and gone with the last of them.

use std::future::Future;
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
    runtime: Mutex<Option<Runtime>>,
    compute: ComputePool,
    process: u32,
}

impl NativeHost {
    /// The host of this process. After a fork the child gets one of its own: threads do not survive a fork.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock();
        if let Some(host) = shared.upgrade().filter(|host| host.process == std::process::id()) {
            return host;
        }
        let host = Arc::new(Self {
            runtime: Mutex::new(None),
            compute: ComputePool::new(cores()),
            process: std::process::id(),
        });
        *shared = Arc::downgrade(&host);
        host
    }

    /// A handle on the runtime, which is started by the first call.
    pub(crate) fn handle(&self) -> Handle {
        let mut runtime = self.runtime.lock();
        runtime
            .get_or_insert_with(|| {
                // Said outright: tokio panics on a TOKIO_WORKER_THREADS that is no number above 0.
                let asked = std::env::var("TOKIO_WORKER_THREADS").ok().and_then(|number| number.parse().ok());
                Builder::new_multi_thread()
                    .worker_threads(asked.filter(|number| *number > 0).unwrap_or_else(cores))
                    .thread_name("reflow-native")
                    .enable_all()
                    .build()
                    .expect("the operating system starts threads")
            })
            .handle()
            .clone()
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
            runtime.shutdown_background();
        } else {
            // The threads behind it stayed in the parent process.
            std::mem::forget(runtime);
        }
    }
}
