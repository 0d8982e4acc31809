//! `Buffer`: immutable bytes passed by reference, whoever owns them.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Something that owns bytes: a `Vec<u8>`, a `bytes::Bytes`, a host's own object.
///
/// The bytes must not change while the owner lives.
pub trait BufferOwner: Any + Send + Sync {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

impl BufferOwner for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl BufferOwner for bytes::Bytes {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// Bytes by reference: cloning shares the owner.
#[derive(Clone)]
pub struct Buffer(Arc<dyn BufferOwner>);

impl Buffer {
    /// Takes `owner` in as it is; nothing is copied.
    pub fn new(owner: impl BufferOwner) -> Self {
        Self(Arc::new(owner))
    }

    /// The owner, if it is a `T`: how a host gets its own object back.
    pub fn owner<T: BufferOwner>(&self) -> Option<&T> {
        (&*self.0 as &dyn Any).downcast_ref()
    }

    /// The same bytes as a `bytes::Bytes`, sharing the owner.
    pub fn to_bytes(&self) -> bytes::Bytes {
        self.owner::<bytes::Bytes>().cloned().unwrap_or_else(|| bytes::Bytes::from_owner(self.clone()))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<bytes::Bytes> for Buffer {
    fn from(bytes: bytes::Bytes) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for Buffer {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharing_keeps_the_address_and_the_owner() {
        let bytes = bytes::Bytes::from(vec![1, 2, 3]);
        let address = bytes.as_ptr();
        let buffer = Buffer::from(bytes).clone();
        assert_eq!(buffer.as_ptr(), address);
        assert_eq!(buffer.to_bytes().as_ptr(), address);
        assert!(buffer.owner::<Vec<u8>>().is_none());
        let vector = Buffer::from(vec![9_u8; 4]);
        assert_eq!(vector.to_bytes().as_ptr(), vector.as_ptr());
    }
}
