//! The hash that names content.

use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

/// 32 hex digits of content: SipHash-1-3 without a key, of its length and itself, and of its length twice and itself.
pub fn content_hash(content: &[u8]) -> Arc<str> {
    let length = (content.len() as u64).to_le_bytes();
    let sip = |lengths: usize| {
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        (0..lengths).for_each(|_| hasher.write(&length));
        hasher.write(content);
        hasher.finish()
    };
    format!("{:016x}{:016x}", sip(1), sip(2)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        assert_eq!(&*content_hash(b"hello"), "875d2e6a522e4e9ca5801116c8a638d9");
        let bytes: Vec<u8> = (0..4).flat_map(|_| 0..=255_u8).collect();
        assert_eq!(&*content_hash(&bytes), "20f477026c51eba768ae63b157bfc563");
    }
}
