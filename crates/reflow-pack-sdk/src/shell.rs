//! The C functions around an [`Actor`].

use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::{REFLOW_OK, ReflowActor, ReflowActorTable, ReflowStatus, ReflowStr, ReflowTick, ReflowValue};
use crate::actor::{Actor, Signal};
use crate::failure::Failure;
use crate::host::borrowed;
use crate::tick::Tick;
use crate::value;

/// The functions around an `A` whose style is `STYLE`.
pub(crate) struct Shell<A, const STYLE: u32>(PhantomData<A>);

/// What `data` is the box of.
struct Data<A> {
    actor: A,
    /// Whether `setup` was called, so that `teardown` has something to tear down.
    was_set_up: bool,
}

impl<A: Actor, const STYLE: u32> Shell<A, STYLE> {
    const TABLE: ReflowActorTable = ReflowActorTable {
        size: size_of::<ReflowActorTable>() as u32,
        style: STYLE,
        setup: Some(setup::<A>),
        run: Some(run::<A>),
        finalize: None,
        resume: None,
        cancel: None,
        destroy: Some(destroy::<A>),
        on_signal: Some(on_signal::<A>),
    };

    const FINALIZING: ReflowActorTable = ReflowActorTable { finalize: Some(finalize::<A>), ..Self::TABLE };

    pub(crate) fn wrap(actor: A) -> ReflowActor {
        let table: &'static ReflowActorTable =
            if actor.has_finalize() { const { &Self::FINALIZING } } else { const { &Self::TABLE } };
        ReflowActor { data: Box::into_raw(Box::new(Data { actor, was_set_up: false })).cast(), table }
    }
}

/// Calls into the actor; a failure or panic is told to the tick.
///
/// # Safety
/// `data` is the box of a `Data<A>` that nobody else uses meanwhile, and `raw` is alive.
#[inline]
unsafe fn call<A>(
    data: *mut c_void,
    raw: *mut ReflowTick,
    method: impl FnOnce(&mut A, &mut Tick<'_>) -> Result<(), Failure>,
) -> ReflowStatus {
    let result = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: as this function demands.
        unsafe { method(&mut (*data.cast::<Data<A>>()).actor, &mut Tick::new(raw)) }
    }));
    match result {
        Ok(Ok(())) => REFLOW_OK,
        Ok(Err(failure)) => Tick::fail(raw, &failure),
        Err(payload) => Tick::fail(raw, &Failure::from_panic(&*payload)),
    }
}

unsafe extern "C" fn setup<A: Actor>(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus {
    // SAFETY: the ABI promises what `call` demands.
    unsafe {
        (*data.cast::<Data<A>>()).was_set_up = true;
        call::<A>(data, tick, A::setup)
    }
}

unsafe extern "C" fn run<A: Actor>(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus {
    // SAFETY: the ABI promises what `call` demands.
    unsafe { call::<A>(data, tick, A::run) }
}

unsafe extern "C" fn finalize<A: Actor>(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus {
    // SAFETY: the ABI promises what `call` demands.
    unsafe { call::<A>(data, tick, A::finalize) }
}

unsafe extern "C" fn on_signal<A: Actor>(
    data: *mut c_void,
    tick: *mut ReflowTick,
    kind: ReflowStr,
    value: *const ReflowValue,
) -> ReflowStatus {
    // SAFETY: the ABI promises what `call` demands, and lends kind and value for the call.
    unsafe {
        call::<A>(data, tick, |actor, tick| {
            let signal = Signal { kind: borrowed(kind).unwrap_or_default().to_string(), data: value::from_raw(value) };
            actor.on_signal(tick, &signal)
        })
    }
}

unsafe extern "C" fn destroy<A: Actor>(data: *mut c_void) {
    // SAFETY: made by `wrap`, and given back once.
    let mut data = unsafe { Box::from_raw(data.cast::<Data<A>>()) };
    // Nobody is left to be told about a panic.
    if data.was_set_up {
        let _ = catch_unwind(AssertUnwindSafe(|| data.actor.teardown()));
    }
    let _ = catch_unwind(AssertUnwindSafe(|| drop(data)));
}
