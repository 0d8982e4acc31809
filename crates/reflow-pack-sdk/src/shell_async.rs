//! The C functions around an [`AsyncActor`].

use std::ffi::c_void;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::abi::{
    REFLOW_ASYNC, REFLOW_INVALID, REFLOW_OK, REFLOW_PENDING, ReflowActor, ReflowActorTable, ReflowStatus, ReflowStr,
    ReflowTick, ReflowValue,
};
use crate::actor::{AsyncActor, Signal};
use crate::failure::Failure;
use crate::host::{borrowed, host};
use crate::tick::Tick;
use crate::value;
use crate::waker;

type Call = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// An actor and the call that it is in the middle of; `data` is the box of this.
pub(crate) struct AsyncShell<A> {
    /// Borrows `actor`, so it is dropped first.
    call: Option<Call>,
    actor: Box<A>,
    /// Whether `setup` was called, so that `teardown` has something to tear down.
    was_set_up: bool,
}

impl<A: AsyncActor> AsyncShell<A> {
    const TABLE: ReflowActorTable = ReflowActorTable {
        size: size_of::<ReflowActorTable>() as u32,
        style: REFLOW_ASYNC,
        setup: Some(setup::<A>),
        run: Some(run::<A>),
        finalize: None,
        resume: Some(resume::<A>),
        cancel: Some(cancel::<A>),
        destroy: Some(destroy::<A>),
        on_signal: Some(on_signal::<A>),
    };

    const FINALIZING: ReflowActorTable = ReflowActorTable { finalize: Some(finalize::<A>), ..Self::TABLE };

    pub(crate) fn wrap(actor: A) -> ReflowActor {
        let table: &'static ReflowActorTable =
            if actor.has_finalize() { const { &Self::FINALIZING } } else { const { &Self::TABLE } };
        let shell = Box::new(Self { call: None, actor: Box::new(actor), was_set_up: false });
        ReflowActor { data: Box::into_raw(shell).cast(), table }
    }
}

/// Starts a call and polls it once.
///
/// # Safety
/// `data` is the box of an `AsyncShell<A>` that nobody else uses meanwhile; `raw` is alive, at the same place, until the
/// call has ended or is cancelled.
unsafe fn start<A: AsyncActor>(data: *mut c_void, raw: *mut ReflowTick, method: impl Method<A>) -> ReflowStatus {
    let made = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the call borrows the actor's box and the tick, which outlive it: it is dropped when it ends, in
        // `cancel` or in `destroy`, and nothing else touches the actor until then.
        unsafe {
            let shell = &mut *data.cast::<AsyncShell<A>>();
            shell.call = None;
            let actor: &'static mut A = &mut *std::ptr::from_mut(&mut *shell.actor);
            shell.call = Some(method.call(actor, Tick::new(raw)));
        }
    }));
    match made {
        // SAFETY: as this function demands.
        Ok(()) => unsafe { resume::<A>(data, raw) },
        Err(payload) => Tick::fail(raw, &Failure::from_panic(&*payload)),
    }
}

/// One of the methods of an async actor, as a boxed future that owns its tick.
trait Method<A> {
    fn call(self, actor: &'static mut A, tick: Tick<'static>) -> Call;
}

struct Setup;
struct Run;
struct Finalize;

impl<A: AsyncActor> Method<A> for Setup {
    fn call(self, actor: &'static mut A, mut tick: Tick<'static>) -> Call {
        Box::pin(async move { actor.setup(&mut tick).await })
    }
}

impl<A: AsyncActor> Method<A> for Run {
    fn call(self, actor: &'static mut A, mut tick: Tick<'static>) -> Call {
        Box::pin(async move { actor.run(&mut tick).await })
    }
}

impl<A: AsyncActor> Method<A> for Finalize {
    fn call(self, actor: &'static mut A, mut tick: Tick<'static>) -> Call {
        Box::pin(async move { actor.finalize(&mut tick).await })
    }
}

impl<A: AsyncActor> Method<A> for Signal {
    fn call(self, actor: &'static mut A, mut tick: Tick<'static>) -> Call {
        Box::pin(async move { actor.on_signal(&mut tick, &self).await })
    }
}

unsafe extern "C" fn setup<A: AsyncActor>(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus {
    // SAFETY: the ABI promises what `start` demands.
    unsafe {
        (*data.cast::<AsyncShell<A>>()).was_set_up = true;
        start::<A>(data, tick, Setup)
    }
}

unsafe extern "C" fn run<A: AsyncActor>(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus {
    // SAFETY: the ABI promises what `start` demands.
    unsafe { start::<A>(data, tick, Run) }
}

unsafe extern "C" fn finalize<A: AsyncActor>(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus {
    // SAFETY: the ABI promises what `start` demands.
    unsafe { start::<A>(data, tick, Finalize) }
}

unsafe extern "C" fn on_signal<A: AsyncActor>(
    data: *mut c_void,
    tick: *mut ReflowTick,
    kind: ReflowStr,
    value: *const ReflowValue,
) -> ReflowStatus {
    // SAFETY: the ABI promises what `start` demands, and lends kind and value for the call.
    unsafe {
        let kind = borrowed(kind).unwrap_or_default().to_string();
        start::<A>(data, tick, Signal { kind, data: value::from_raw(value) })
    }
}

unsafe extern "C" fn resume<A: AsyncActor>(data: *mut c_void, raw: *mut ReflowTick) -> ReflowStatus {
    let polled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the ABI promises what `start` demands.
        unsafe {
            let shell = &mut *data.cast::<AsyncShell<A>>();
            let waker = waker::from_raw((host().tick_waker)(raw));
            let call = shell.call.as_mut()?;
            let polled = call.as_mut().poll(&mut Context::from_waker(&waker));
            if polled.is_ready() {
                shell.call = None;
            }
            Some(polled)
        }
    }));
    match polled {
        Ok(Some(Poll::Pending)) => REFLOW_PENDING,
        Ok(Some(Poll::Ready(Ok(())))) => REFLOW_OK,
        Ok(Some(Poll::Ready(Err(failure)))) => Tick::fail(raw, &failure),
        Ok(None) => REFLOW_INVALID,
        Err(payload) => {
            // SAFETY: the ABI promises that nobody else uses the actor.
            unsafe { cancel::<A>(data) };
            Tick::fail(raw, &Failure::from_panic(&*payload))
        }
    }
}

unsafe extern "C" fn cancel<A: AsyncActor>(data: *mut c_void) {
    // SAFETY: the ABI promises that nobody else uses the actor.
    let call = unsafe { (*data.cast::<AsyncShell<A>>()).call.take() };
    // Nobody is left to be told about a panic.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(call)));
}

unsafe extern "C" fn destroy<A: AsyncActor>(data: *mut c_void) {
    // SAFETY: made by `wrap`, and given back once.
    let mut shell = unsafe { Box::from_raw(data.cast::<AsyncShell<A>>()) };
    let call = shell.call.take();
    let _ = catch_unwind(AssertUnwindSafe(|| drop(call)));
    if shell.was_set_up {
        let _ = catch_unwind(AssertUnwindSafe(|| shell.actor.teardown()));
    }
    let _ = catch_unwind(AssertUnwindSafe(|| drop(shell)));
}
