//! Ticks over the boundary.

use std::ptr;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use reflow_pack_sdk::abi::{
    REFLOW_CLOSED, REFLOW_FOREVER, REFLOW_INVALID, REFLOW_OK, REFLOW_PENDING, ReflowFailure, ReflowMessage, ReflowNode,
    ReflowStatus, ReflowTick, ReflowWaker,
};
use reflow_pack_sdk::waker;
use reflow_runtime::{Attempt, Caller, Failure, Message};

use super::call::{HostTick, Way};
use super::foreign::{self, guard, sized};
use super::message;
use super::node::{HostNode, send_blocking};

/// Looks at the tick of a call.
///
/// # Safety
/// `tick` is null or the tick of a call that lasts, and this is its thread.
unsafe fn look<'a>(tick: *mut ReflowTick) -> Option<&'a mut HostTick> {
    // SAFETY: as this function demands.
    unsafe { tick.cast::<HostTick>().as_mut() }
}

/// Calls `body` with the attempt.
///
/// # Safety
/// As [`look`].
#[inline]
unsafe fn with<T>(tick: *mut ReflowTick, otherwise: T, body: impl FnOnce(&mut Attempt) -> T) -> T {
    // SAFETY: as this function demands; the attempt lives as long as the tick.
    guard(None, || unsafe { look(tick) }.map(|tick| body(unsafe { &mut *tick.attempt }))).unwrap_or(otherwise)
}

pub(super) unsafe extern "C" fn take(tick: *mut ReflowTick, port: u32, taken: *mut ReflowMessage) -> bool {
    let take = |attempt: &mut Attempt| {
        let Some((_, message)) = attempt.inputs.iter_mut().find(|(at, _)| u32::from(*at) == port) else {
            return false;
        };
        let message = std::mem::replace(message, Message::Flow);
        // SAFETY: the ABI says that there is room for a message.
        unsafe { taken.write(message::give(message)) };
        true
    };
    // SAFETY: the ABI says that the tick is the caller's.
    unsafe { with(tick, false, take) }
}

pub(super) unsafe extern "C" fn emit(tick: *mut ReflowTick, port: u32, message: ReflowMessage) {
    // SAFETY: the ABI says that the tick is the caller's and the message handed over.
    unsafe {
        let message = message::receive(message);
        with(tick, (), |attempt| {
            if let Ok(port) = u16::try_from(port) {
                attempt.emit(port, message);
            }
        });
    }
}

pub(super) unsafe extern "C" fn send(tick: *mut ReflowTick, port: u32, message: ReflowMessage) {
    // SAFETY: the ABI says that the tick is the caller's and the message handed over.
    unsafe {
        let message = message::receive(message);
        with(tick, (), |attempt| {
            if let Ok(port) = u16::try_from(port) {
                attempt.sent.push((port, message));
            }
        });
    }
}

pub(super) unsafe extern "C" fn send_now(tick: *mut ReflowTick, port: u32, message: ReflowMessage) -> ReflowStatus {
    guard(REFLOW_INVALID, || {
        // SAFETY: the ABI says that the tick is the caller's and the message handed over; the node outlives the tick.
        let (tick, message) = unsafe { (look(tick), message::receive(message)) };
        let Some(HostTick { head, attempt: head_attempt, way: Way::Blocking { is_abandoned, .. }, .. }) = tick else {
            return REFLOW_INVALID;
        };
        let head_attempt = *head_attempt;
        if is_abandoned.load(Ordering::Acquire) {
            return REFLOW_CLOSED;
        }
        // SAFETY: as above.
        let node = unsafe { &*head.node.cast::<HostNode>() };
        let abandoned = || is_abandoned.load(Ordering::Acquire);
        // SAFETY: the attempt lives as long as the tick.
        let (origin, sequence) = unsafe { ((*head_attempt).origin.clone(), (*head_attempt).sequence) };
        let Ok(port) = u16::try_from(port) else { return REFLOW_INVALID };
        let packets = [(port, message)].into_iter().collect();
        send_blocking(&node.handle, packets, origin.as_ref(), Caller::Tick { sequence }, REFLOW_FOREVER, abandoned)
    })
}

pub(super) unsafe extern "C" fn poll_send(tick: *mut ReflowTick, port: u32, message: ReflowMessage) -> ReflowStatus {
    guard(REFLOW_INVALID, || {
        // SAFETY: the ABI says that the tick is the caller's and the message handed over.
        let (tick, message) = unsafe { (look(tick), message::receive(message)) };
        let Some(HostTick { way: Way::Async { tick, waker: Some(waker), sending }, .. }) = tick else {
            return REFLOW_INVALID;
        };
        if sending.is_none() {
            // SAFETY: the tick of the runtime lives as long as the call, and this is its thread.
            let Ok(started) = unsafe { &**tick }.sending(port as usize, message) else { return REFLOW_CLOSED };
            *sending = Some(started);
        }
        let Some(started) = sending else { return REFLOW_INVALID };
        let polled = started.poll(&mut Context::from_waker(waker));
        if polled.is_ready() {
            *sending = None;
        }
        match polled {
            Poll::Pending => REFLOW_PENDING,
            Poll::Ready(Ok(())) => REFLOW_OK,
            Poll::Ready(Err(_)) => REFLOW_CLOSED,
        }
    })
}

pub(super) unsafe extern "C" fn fail(tick: *mut ReflowTick, failure: *const ReflowFailure) {
    guard((), || {
        // SAFETY: the ABI says that tick and failure are valid for the call, and the failure begins with its size.
        let (tick, failure) = unsafe { (look(tick), sized(failure, size_of::<ReflowFailure>())) };
        let (Some(tick), Some(told)) = (tick, failure) else { return };
        // SAFETY: as above, so its texts are too.
        let (text, reason) = unsafe { (foreign::text(told.message), foreign::text(told.reason)) };
        let mut failure = Failure::new(&*tick.node().secrets.mask(text));
        if !reason.is_empty() {
            failure = failure.with_reason(&*reason);
        }
        if told.permanent >= 0 {
            failure = failure.with_permanent(told.permanent > 0);
        }
        tick.failure = Some(failure);
    });
}

pub(super) unsafe extern "C" fn finish(tick: *mut ReflowTick) {
    // SAFETY: the ABI says that the tick is the caller's.
    unsafe { with(tick, (), |attempt| attempt.finish = true) };
}

pub(super) unsafe extern "C" fn sequence(tick: *mut ReflowTick) -> u64 {
    // SAFETY: the ABI says that the tick is the caller's.
    unsafe { with(tick, 0, |attempt| attempt.sequence) }
}

pub(super) unsafe extern "C" fn attempt(tick: *mut ReflowTick) -> u32 {
    // SAFETY: the ABI says that the tick is the caller's.
    unsafe { with(tick, 0, |attempt| attempt.number) }
}

pub(super) unsafe extern "C" fn waker(tick: *mut ReflowTick) -> ReflowWaker {
    let nobody = ReflowWaker { data: ptr::null_mut(), wake: None, drop: None };
    // SAFETY: the ABI says that the tick is the caller's.
    match unsafe { look(tick) } {
        Some(HostTick { way: Way::Async { waker: Some(waker), .. }, .. }) => {
            guard(nobody, || waker::into_raw(waker.clone()))
        }
        _ => nobody,
    }
}

pub(super) unsafe extern "C" fn wake_after(_tick: *mut ReflowTick, milliseconds: u64, waker: ReflowWaker) {
    // SAFETY: the ABI says that the waker is handed over.
    let waker = unsafe { waker::from_raw(waker) };
    guard((), || match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                waker.wake();
            });
        }
        // Not on a thread of the runtime: nothing could count the time, and nobody may wait for ever.
        Err(_) => waker.wake(),
    });
}

pub(super) unsafe extern "C" fn background(tick: *mut ReflowTick) -> *mut ReflowNode {
    guard(ptr::null_mut(), || {
        // SAFETY: the ABI says that the tick is the caller's.
        let Some(tick) = (unsafe { look(tick) }) else { return ptr::null_mut() };
        let secrets = &tick.node().secrets.clone();
        let node = match &mut tick.way {
            // While something is being sent, that borrows the tick.
            Way::Async { sending: Some(_), .. } => None,
            // SAFETY: the tick lives as long as the call.
            Way::Sync { tick } | Way::Async { tick, .. } => HostNode::background(unsafe { &**tick }, secrets),
            Way::Blocking { requests, .. } => {
                let (reply, answer) = std::sync::mpsc::sync_channel(1);
                requests.send(reply).ok().and_then(|()| answer.recv().ok()).flatten()
            }
        };
        node.map_or(ptr::null_mut(), HostNode::give)
    })
}
