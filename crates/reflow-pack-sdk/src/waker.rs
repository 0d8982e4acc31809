//! Wakers over the boundary, both ways.

use std::ffi::c_void;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::abi::ReflowWaker;

/// A waker of the runtime in Rust's shape.
struct Foreign(ReflowWaker);

// SAFETY: the ABI says that a waker may be woken and given back from any thread.
unsafe impl Send for Foreign {}
// SAFETY: as above.
unsafe impl Sync for Foreign {}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(wake) = self.0.wake {
            // SAFETY: the waker is ours and not given back yet.
            unsafe { wake(self.0.data) };
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if let Some(drop) = self.0.drop {
            // SAFETY: we own it and give it back once.
            unsafe { drop(self.0.data) };
        }
    }
}

/// The waker that the other side handed over, in Rust's shape.
///
/// # Safety
/// `waker` is owned by the caller and as the ABI says.
pub unsafe fn from_raw(waker: ReflowWaker) -> Waker {
    Arc::new(Foreign(waker)).into()
}

/// `waker` for the other side, owned by it.
pub fn into_raw(waker: Waker) -> ReflowWaker {
    unsafe extern "C" fn wake(data: *mut c_void) {
        // SAFETY: `data` is the box made below, alive until `drop`.
        unsafe { (*data.cast::<Waker>()).wake_by_ref() };
    }
    unsafe extern "C" fn drop(data: *mut c_void) {
        // SAFETY: made by `Box::into_raw` below, and given back once.
        std::mem::drop(unsafe { Box::from_raw(data.cast::<Waker>()) });
    }
    ReflowWaker { data: Box::into_raw(Box::new(waker)).cast(), wake: Some(wake), drop: Some(drop) }
}
