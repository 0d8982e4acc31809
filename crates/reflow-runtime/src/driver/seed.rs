//! A node before its first packet: what its driver is made of, in a fraction of the room. Many a node of a large network sees no
//! packet for long.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::{Driver, EndOfNode, Spare, drive};
use crate::actor::Instance;
use crate::assembler::Assembler;
use crate::host::NodeTask;
use crate::node_handle::NodeHandle;
use crate::node_state::NodeState;

/// What a node needs to begin.
pub(crate) struct Seed {
    pub(crate) instance: Instance,
    pub(crate) assembler: Assembler,
    /// Runs without inputs until it says that it is finished.
    pub(crate) source: bool,
    pub(crate) spare: Spare,
    /// Where an earlier process has stopped: after so many ticks, or at the end.
    pub(crate) progress: Option<(u64, Option<NodeState>)>,
}

impl Seed {
    /// The task of the node. It gets its driver when it has something to do.
    pub(crate) fn task(self, handle: NodeHandle) -> NodeTask {
        let end = EndOfNode::of(handle);
        if self.begins_at_once(&end.handle) {
            self.drive(end)
        } else {
            Box::pin(Dormant::Asleep(Box::new((self, end))))
        }
    }

    /// Whether there is something to do before the first packet.
    fn begins_at_once(&self, handle: &NodeHandle) -> bool {
        let (node, run) = (handle.node(), handle.run());
        let is_concurrent = node.policy.as_ref().is_some_and(|policy| policy.concurrency > 1);
        let is_told = node.recorder.is_some() || run.script.is_some() || node.gate.is_some();
        self.source || self.instance.has_setup() || is_concurrent || is_told
    }

    fn drive(self, end: EndOfNode) -> NodeTask {
        let Self { instance, assembler, source, spare, progress } = self;
        let mut driver = Box::new(Driver::new(end.handle.clone(), instance, assembler, source, spare));
        if let Some((ticks, ended)) = progress {
            driver.go_on(ticks, ended);
        }
        Box::pin(drive(end, driver))
    }
}

/// The task of a node that sleeps until its first packet.
enum Dormant {
    /// The actor is dropped before its end is told.
    Asleep(Box<(Seed, EndOfNode)>),
    Awake(NodeTask),
    Over,
}

impl Future for Dormant {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Asleep(parts) = &*self
            && sleeps(&parts.1.handle, cx)
        {
            return Poll::Pending;
        }
        *self = match std::mem::replace(&mut *self, Self::Over) {
            Self::Asleep(parts) => {
                let (seed, end) = *parts;
                Self::Awake(seed.drive(end))
            }
            awake => awake,
        };
        let Self::Awake(task) = &mut *self else { return Poll::Ready(()) };
        let polled = task.as_mut().poll(cx);
        if polled.is_ready() {
            *self = Self::Over;
        }
        polled
    }
}

/// Goes on sleeping, if nothing has come and all that may bring something still can.
fn sleeps(handle: &NodeHandle, cx: &Context<'_>) -> bool {
    let (node, run) = (handle.node(), handle.run());
    node.sleeper.set_waker(cx.waker());
    node.sleeper.rise();
    let Some(asleep) = node.mailbox.sleep_if_untouched(&node.sleeper) else { return false };
    if run.is_cancelled() || node.exhausted.load(Ordering::Acquire) {
        if asleep {
            node.sleeper.stay_awake();
        }
        return false;
    }
    if asleep && node.sleeper.leave() {
        run.on_quiet();
    }
    true
}
