//! Waiting for the start gate of a node.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use super::Driver;
use crate::gate::Standing;
use crate::mailbox::Sleep;

impl Driver {
    /// Waits until the gate of the node is open; `Some(false)` when it never will be, `None` when the run was stopped. Packets
    /// arrive meanwhile.
    pub(super) async fn pass_gate(&mut self) -> Option<bool> {
        let passed = self.wait_for_gate().await;
        self.node().begun.store(true, Ordering::Release);
        passed
    }

    async fn wait_for_gate(&mut self) -> Option<bool> {
        if self.node().gate.is_none() {
            return Some(true);
        }
        poll_fn(|cx| {
            let sleeper = Arc::clone(&self.handle.node().sleeper);
            sleeper.set_waker(cx.waker());
            sleeper.rise();
            loop {
                if self.is_cancelled() {
                    return Poll::Ready(None);
                }
                let (node, run) = (self.handle.node(), self.handle.run());
                match node.gate.as_ref().map_or(Standing::Open, |gate| gate.stands(run)) {
                    Standing::Open => return Poll::Ready(Some(true)),
                    Standing::Never => return Poll::Ready(Some(false)),
                    Standing::Closed if node.exhausted.load(Ordering::Acquire) => return Poll::Ready(Some(false)),
                    Standing::Closed => {}
                }
                let taken = self.exchange(Sleep::Occupied(&sleeper));
                self.sort_control();
                if let Some(asleep) = taken {
                    if asleep && sleeper.leave() {
                        self.handle.run().on_quiet();
                    }
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}
