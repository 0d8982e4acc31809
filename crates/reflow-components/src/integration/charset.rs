//! Text in bytes that came with a media type.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use reflow_runtime::Value;

/// The encoding that a media type names: `text/plain; charset=iso-8859-1`.
fn named(media_type: &str) -> Option<&'static Encoding> {
    media_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| Encoding::for_label(value.trim().trim_matches(['"', '\'']).as_bytes())).flatten()
    })
}

/// The encoding of the text that `bytes` may be, and the bytes after the mark that stands before it. Such a mark says more than
/// the media type, and without both text is UTF-8. Where nothing says that this is text, two bytes are no such mark.
fn encoding<'a>(bytes: &'a [u8], media_type: &str) -> (&'static Encoding, &'a [u8]) {
    match Encoding::for_bom(bytes) {
        Some((encoding, length)) if encoding == UTF_8 || !media_type.is_empty() => (encoding, &bytes[length..]),
        _ => (named(media_type).unwrap_or(UTF_8), bytes),
    }
}

/// The text that `bytes` are; `None` when they are none.
pub(super) fn text<'a>(bytes: &'a [u8], media_type: &str) -> Option<Cow<'a, str>> {
    let (encoding, bytes) = encoding(bytes, media_type);
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

/// The value that `bytes` are as JSON, in the encoding that the media type names, or else in that which it has by the look of it.
pub(super) fn json(bytes: &[u8], media_type: &str) -> Result<Value, String> {
    let value = match named(media_type).filter(|encoding| *encoding != UTF_8).and_then(|_| text(bytes, media_type)) {
        Some(text) => Value::from_json(&text),
        None => Value::from_json_bytes(bytes),
    };
    value.map_err(|error| error.to_string())
}

/// The text that `bytes` are, with a mark for everything that is none.
pub(super) fn text_lossy<'a>(bytes: &'a [u8], media_type: &str) -> Cow<'a, str> {
    let (encoding, bytes) = encoding(bytes, media_type);
    encoding.decode_without_bom_handling(bytes).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_it_was_written() {
        assert_eq!(text("é".as_bytes(), "").unwrap(), "é");
        assert_eq!(text(b"\xef\xbb\xbfa", "text/plain; charset=latin1").unwrap(), "a");
        assert_eq!(text(b"\xff\xfea\0", "text/plain").unwrap(), "a");
        assert_eq!(text(b"\xff\xfea\0", ""), None);
        assert_eq!(text(b"\xe9", "text/html;x=y; Charset=\"ISO-8859-1\"").unwrap(), "é");
        assert_eq!(text(b"\x82\xa0", "text/plain;charset=Shift_JIS").unwrap(), "あ");
        assert_eq!(text(b"\xe9", "text/plain; charset=nothing"), None);
        assert_eq!(text_lossy(b"\xe9", ""), "\u{fffd}");
    }
}
