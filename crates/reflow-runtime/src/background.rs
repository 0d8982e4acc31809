//! Work that goes on beside a node's ticks: timers, servers, long reads.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::node_handle::NodeHandle;

/// A handle on work that [`Tick::spawn`](crate::Tick::spawn) started. Dropping it lets the work go on.
#[derive(Debug)]
pub struct Background(AbortHandle);

impl Background {
    /// Ends the work at its next `.await`.
    pub fn cancel(&self) {
        self.0.abort();
    }

    /// Whether the work has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Runs `work` until it ends, or until the run is cancelled and `farewell` has passed.
pub(crate) fn spawn<F>(node: &NodeHandle, farewell: Duration, work: impl FnOnce(NodeHandle) -> F) -> Background
where
    F: Future<Output = ()> + Send + 'static,
{
    let hold = Hold::new(node.clone());
    // Boxed, so that what it takes to run a task is compiled once.
    run(hold, farewell, Box::pin(work(node.for_background())))
}

fn run(hold: Hold, farewell: Duration, work: Pin<Box<dyn Future<Output = ()> + Send>>) -> Background {
    let run = Arc::clone(hold.0.run());
    let mut cancelled = run.cancel_signal();
    let task = run.native().spawn(async move {
        let hold = hold;
        // After it, and so dropped before it: what the work holds is gone when its node is let go.
        let mut work = work;
        let mut work = poll_fn(|cx| {
            let _piece = hold.0.node().counters.clock.piece();
            work.as_mut().poll(cx)
        });
        tokio::select! {
            biased;
            _ = cancelled.wait_for(|cancelled| *cancelled) => {}
            () = &mut work => return,
        }
        if !farewell.is_zero() {
            // Whether it came to its end or not, it ends here.
            let _ = tokio::time::timeout(farewell, work).await;
        }
    });
    Background(task.abort_handle())
}

/// Keeps a node alive and its run busy, until it is dropped.
struct Hold(NodeHandle);

impl Hold {
    fn new(node: NodeHandle) -> Self {
        node.begin_hold();
        Self(node)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.end_hold();
    }
}
