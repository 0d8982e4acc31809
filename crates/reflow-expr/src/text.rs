//! Text by UTF-16 units, the way JavaScript counts it. Half of a surrogate pair becomes U+FFFD.

use std::cmp::Ordering;

/// How many UTF-16 units `text` has.
pub(crate) fn length(text: &str) -> usize {
    // One for each byte that begins a character, and one more for those that take four bytes.
    text.bytes().map(|byte| usize::from(!(0x80..0xc0).contains(&byte)) + usize::from(byte >= 0xf0)).sum()
}

/// The units from `start` to before `end`, both at most the length.
pub(crate) fn slice(text: &str, start: usize, end: usize) -> String {
    if start >= end {
        return String::new();
    }
    if text.is_ascii() {
        return text.get(start..end.min(text.len())).unwrap_or_default().to_owned();
    }
    let units: Vec<u16> = text.encode_utf16().skip(start).take(end - start).collect();
    String::from_utf16_lossy(&units)
}

/// The unit at `index`, as text.
pub(crate) fn unit_at(text: &str, index: usize) -> Option<String> {
    unit(text, index).map(|unit| String::from_utf16_lossy(&[unit]))
}

/// The unit at `index`.
pub(crate) fn unit(text: &str, index: usize) -> Option<u16> {
    if text.is_ascii() { text.as_bytes().get(index).copied().map(u16::from) } else { text.encode_utf16().nth(index) }
}

/// The byte at which unit `index` begins; the end when there is none.
pub(crate) fn byte_of(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= index {
            return at;
        }
        units += c.len_utf16();
    }
    text.len()
}

/// The unit that begins at byte `at`, which is a character boundary.
pub(crate) fn unit_of(text: &str, at: usize) -> usize {
    length(&text[..at])
}

/// Order by UTF-16 units.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    if left.is_ascii() || right.is_ascii() { left.cmp(right) } else { left.encode_utf16().cmp(right.encode_utf16()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_utf_16() {
        for text in ["", "ascii", "é", "€", "😀a😀", "\u{10ffff}\u{ffff}\u{7ff}\u{80}"] {
            assert_eq!(length(text), text.encode_utf16().count(), "{text}");
        }
    }
}
