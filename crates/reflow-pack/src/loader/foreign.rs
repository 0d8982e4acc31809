//! What comes from the other side: texts, bytes, structs that may be shorter than ours, panics of our own.

use std::borrow::Cow;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use reflow_pack_sdk::abi::{ReflowBytes, ReflowStr};
use reflow_runtime::BufferOwner;

/// Keeps a panic of our own on our side of the boundary.
#[inline]
pub(super) fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// The bytes that a pack lends for a call.
///
/// # Safety
/// `ptr` is null or points to `len` bytes that stay as they are for `'a`.
pub(super) unsafe fn bytes<'a>(ptr: *const u8, len: usize) -> &'a [u8] {
    if ptr.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: as this function demands.
    unsafe { std::slice::from_raw_parts(ptr, len) }
}

/// The text that a pack lends for a call. What is not UTF-8 in it is replaced.
///
/// # Safety
/// As [`bytes`].
pub(super) unsafe fn text<'a>(text: ReflowStr) -> Cow<'a, str> {
    // SAFETY: as this function demands.
    String::from_utf8_lossy(unsafe { bytes(text.ptr.cast(), text.len) })
}

/// Our text, lent.
pub(super) fn lend(text: &str) -> ReflowStr {
    ReflowStr { ptr: text.as_ptr().cast(), len: text.len() }
}

/// A copy of a struct that begins with its size, as the pack knows it. What its minor version does not have is zero,
/// which is null for pointers and functions. `None` when it is shorter than in any version.
///
/// # Safety
/// `source` points to a struct of the ABI that begins with its size as a `u32`, and zero is valid for every field.
pub(super) unsafe fn sized<T>(source: *const T, shortest: usize) -> Option<T> {
    if source.is_null() {
        return None;
    }
    // SAFETY: as this function demands; no more is read than the pack has.
    unsafe {
        let size = source.cast::<u32>().read() as usize;
        if size < shortest {
            return None;
        }
        let mut copy = MaybeUninit::<T>::zeroed();
        std::ptr::copy_nonoverlapping(source.cast::<u8>(), copy.as_mut_ptr().cast(), size.min(size_of::<T>()));
        Some(copy.assume_init())
    }
}

/// Bytes that a pack owns.
pub(super) struct ForeignBytes {
    bytes: ReflowBytes,
    owner: *mut c_void,
    release: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the ABI says that the bytes do not change, and that `release` may be called from any thread.
unsafe impl Send for ForeignBytes {}
// SAFETY: as above.
unsafe impl Sync for ForeignBytes {}

impl ForeignBytes {
    /// # Safety
    /// The bytes are valid and stay as they are until `release(owner)`, which is called once.
    pub(super) unsafe fn new(
        bytes: ReflowBytes,
        owner: *mut c_void,
        release: unsafe extern "C" fn(*mut c_void),
    ) -> Self {
        Self { bytes, owner, release }
    }
}

impl BufferOwner for ForeignBytes {
    fn bytes(&self) -> &[u8] {
        // SAFETY: as `new` demands.
        unsafe { bytes(self.bytes.ptr, self.bytes.len) }
    }
}

impl Drop for ForeignBytes {
    fn drop(&mut self) {
        // SAFETY: as `new` demands.
        unsafe { (self.release)(self.owner) };
    }
}
