//! `Bytes`: immutable bytes, shared with the runtime.

use std::fmt;
use std::ops::Deref;

use crate::message::Message;

/// Bytes by reference: cloning shares them, sending them copies nothing.
#[derive(Clone)]
pub struct Bytes {
    message: Message,
    ptr: *const u8,
    len: usize,
}

// SAFETY: the bytes belong to the message, which may be used from any thread, and never change.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// The bytes of `message`, if it holds any.
    pub(crate) fn of(message: Message) -> Option<Self> {
        let (ptr, len) = message.as_bytes().map(|bytes| (bytes.as_ptr(), bytes.len()))?;
        Some(Self { message, ptr, len })
    }

    pub(crate) fn into_message(self) -> Message {
        self.message
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: they are the message's, which lives as long as this, and stay where they are.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        let (ptr, len) = (bytes.as_ptr(), bytes.len());
        // A vector's bytes stay where they are when the vector moves into its box.
        Self { message: Message::bytes_of(bytes), ptr, len }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} bytes)", self.len)
    }
}
