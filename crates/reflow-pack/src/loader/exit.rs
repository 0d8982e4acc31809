//! What packs want done when the process ends.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::foreign::guard;

type Callback = unsafe extern "C" fn(data: *mut c_void);

struct Noted {
    callback: Callback,
    data: *mut c_void,
    /// The process that noted it: a forked child has nothing to end.
    process: u32,
}

// SAFETY: the ABI says that the callback may be called with its data from any thread.
unsafe impl Send for Noted {}

static NOTED: Mutex<BTreeMap<u64, Noted>> = Mutex::new(BTreeMap::new());

unsafe extern "C" {
    fn atexit(callback: extern "C" fn()) -> c_int;
}

/// Calls everything that is noted, the newest first; each may forget others.
extern "C" fn at_exit() {
    guard((), || {
        loop {
            let last = NOTED.lock().pop_last();
            let Some((_, noted)) = last else { break };
            if noted.process == std::process::id() {
                // SAFETY: the ABI says that it may be called once, with this.
                unsafe { (noted.callback)(noted.data) };
            }
        }
    });
}

pub(super) unsafe extern "C" fn call(callback: Callback, data: *mut c_void) -> u64 {
    static REGISTERED: Once = Once::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    guard(0, || {
        REGISTERED.call_once(|| {
            // SAFETY: the function never unwinds. Where there is no room for it, nothing is called at the end.
            let _ = unsafe { atexit(at_exit) };
        });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NOTED.lock().insert(number, Noted { callback, data, process: std::process::id() });
        number
    })
}

pub(super) unsafe extern "C" fn forget(number: u64) -> bool {
    guard(false, || NOTED.lock().remove(&number).is_some())
}
