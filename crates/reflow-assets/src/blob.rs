//! Binary content in files: where it lies, and its compression.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::entry::{AssetType, Entry};

/// Shorter content is not compressed.
const SHORTEST_COMPRESSED: usize = 256;

/// No LZ4 block grows by more than this factor, so that a length which claims more is a lie.
const LARGEST_EXPANSION: u64 = 255;

/// The file of the content with this hash; `None` for what is no hash, which a manifest from elsewhere may hold.
pub(crate) fn path(folder: &Path, hash: &str) -> Option<PathBuf> {
    let is_hash = hash.len() >= 2 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| folder.join("blobs").join(&hash[..2]).join(hash))
}

/// Content as it is stored, and whether that is compressed.
pub(crate) fn encode(content: &[u8], asset_type: AssetType) -> (Cow<'_, [u8]>, bool) {
    let is_media = matches!(asset_type, AssetType::Texture | AssetType::Audio | AssetType::Video);
    if !is_media && content.len() >= SHORTEST_COMPRESSED && u32::try_from(content.len()).is_ok() {
        let packed = lz4_flex::block::compress_prepend_size(content);
        if packed.len() < content.len() {
            return (Cow::Owned(packed), true);
        }
    }
    (Cow::Borrowed(content), false)
}

/// The content that was stored. Other writers have stored content once and recorded it twice, compressed and not; the lengths
/// tell what it is.
pub(crate) fn decode(stored: Vec<u8>, entry: &Entry) -> Result<Vec<u8>, String> {
    let is_plain = |stored: &[u8]| match entry.raw_size {
        0 => !entry.compressed && stored.len() as u64 == entry.size,
        length => stored.len() as u64 == length,
    };
    if !entry.compressed && is_plain(&stored) {
        return Ok(stored);
    }
    let fits = |content: &Vec<u8>| entry.raw_size == 0 || content.len() as u64 == entry.raw_size;
    match unpack(&stored).filter(fits) {
        Some(content) => Ok(content),
        None if is_plain(&stored) => Ok(stored),
        None => Err(format!("{} bytes that are not the {} bytes stored", stored.len(), entry.raw_size.max(entry.size))),
    }
}

/// The content of an LZ4 block behind its length.
fn unpack(stored: &[u8]) -> Option<Vec<u8>> {
    let (length, block) = stored.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    if u64::from(length) > LARGEST_EXPANSION * block.len() as u64 {
        return None;
    }
    let content = lz4_flex::block::decompress(block, length as usize).ok()?;
    (content.len() == length as usize).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(compressed: bool, size: usize, raw_size: usize) -> Entry {
        Entry {
            id: "a:mesh".into(),
            name: "a".into(),
            asset_type: AssetType::Mesh,
            hash: "".into(),
            size: size as u64,
            metadata: reflow_message::Value::Null,
            tags: Vec::new(),
            created_at: "".into(),
            updated_at: "".into(),
            inline: None,
            compressed,
            raw_size: raw_size as u64,
            unknown: reflow_message::Object::new(),
        }
    }

    proptest! {
        #[test]
        fn content_comes_back_whatever_the_entry_says_of_compression(
            content in prop::collection::vec(0..4_u8, 0..2000), wrong in any::<bool>()
        ) {
            let (stored, compressed) = encode(&content, AssetType::Mesh);
            let entry = entry(compressed ^ (wrong && !content.is_empty()), stored.len(), content.len());
            prop_assert_eq!(decode(stored.to_vec(), &entry), Ok(content));
        }

        #[test]
        fn any_bytes_are_content_or_an_error(stored in prop::collection::vec(any::<u8>(), 0..300), raw in 0..600_usize) {
            let _ = decode(stored.clone(), &entry(true, stored.len(), raw));
        }
    }

    #[test]
    fn lengths_that_lie_take_no_memory() {
        let mut stored = u32::MAX.to_le_bytes().to_vec();
        stored.extend([0; 16]);
        assert!(decode(stored, &entry(true, 20, 0)).is_err());
    }

    #[test]
    fn media_is_never_compressed() {
        let content = vec![7; 4096];
        assert!(encode(&content, AssetType::Mesh).1);
        assert!(!encode(&content, AssetType::Audio).1);
        assert!(!encode(&content[..255], AssetType::Mesh).1);
    }

    #[test]
    fn only_hashes_have_files() {
        assert_eq!(path(Path::new("db"), "../../etc"), None);
        assert_eq!(path(Path::new("db"), "aB12"), Some(PathBuf::from("db/blobs/aB/aB12")));
    }
}
