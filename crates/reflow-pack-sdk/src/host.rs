//! The runtime's table of functions, for the rest of this crate.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::{ReflowBytes, ReflowHost, ReflowStr};

static HOST: AtomicPtr<ReflowHost> = AtomicPtr::new(ptr::null_mut());

/// Remembers the table; the entry point does so before anything else.
pub(crate) fn set(host: *const ReflowHost) {
    HOST.store(host.cast_mut(), Ordering::Release);
}

/// The table.
///
/// # Panics
/// When no runtime has loaded this pack: messages and values with data exist only inside one.
#[inline]
pub(crate) fn host() -> &'static ReflowHost {
    let host = HOST.load(Ordering::Acquire);
    assert!(!host.is_null(), "no runtime has loaded this pack, so there is nobody to hold its messages");
    // SAFETY: set once by the entry point with a table that lives as long as the process.
    unsafe { &*host }
}

/// The text on the C side, borrowed.
pub(crate) fn text(text: &str) -> ReflowStr {
    ReflowStr { ptr: text.as_ptr().cast(), len: text.len() }
}

/// The bytes on the C side, borrowed.
pub(crate) fn bytes(bytes: &[u8]) -> ReflowBytes {
    ReflowBytes { ptr: bytes.as_ptr(), len: bytes.len() }
}

/// The text that the runtime lends; `None` for a null pointer.
///
/// # Safety
/// The runtime says that it is valid for `'a`, and its texts are UTF-8.
pub(crate) unsafe fn borrowed<'a>(text: ReflowStr) -> Option<&'a str> {
    if text.ptr.is_null() {
        return None;
    }
    // SAFETY: as this function demands.
    Some(unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(text.ptr.cast(), text.len)) })
}
