//! What a pack does when the process ends.

use std::ffi::c_void;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::host::host;

type Last = Box<dyn FnOnce() + Send>;

/// Calls a function when the process ends in order, unless this is dropped before: for what must not outlive the process, such as
/// a child of it. A process that is killed calls nothing.
#[must_use = "dropped, it calls nothing"]
pub struct AtExit {
    number: u64,
    last: *mut Last,
}

// SAFETY: the function may be called from any thread, and dropping this is a call of the runtime.
unsafe impl Send for AtExit {}
// SAFETY: there is nothing to do with a reference.
unsafe impl Sync for AtExit {}

impl AtExit {
    /// Calls `last` at the end of the process, on the thread that ends it. It must not wait for long.
    pub fn new(last: impl FnOnce() + Send + 'static) -> Self {
        let last: *mut Last = Box::into_raw(Box::new(Box::new(last)));
        // SAFETY: the box stays where it is until it is called or forgotten.
        let number = unsafe { (host().exit_call)(call, last.cast()) };
        Self { number, last }
    }
}

unsafe extern "C" fn call(data: *mut c_void) {
    // SAFETY: made by `AtExit::new`; the runtime calls this once.
    let last = unsafe { Box::from_raw(data.cast::<Last>()) };
    // Nobody is left to be told about a panic.
    let _ = catch_unwind(AssertUnwindSafe(last));
}

impl Drop for AtExit {
    fn drop(&mut self) {
        // SAFETY: the number is ours; when it was forgotten in time the box is ours again.
        unsafe {
            if (host().exit_forget)(self.number) {
                drop(Box::from_raw(self.last));
            }
        }
    }
}

impl fmt::Debug for AtExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AtExit({})", self.number)
    }
}
