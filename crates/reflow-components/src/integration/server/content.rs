//! What a request says, as messages.

use bytes::Bytes;
use hyper::header::{COOKIE, HeaderMap};
use reflow_runtime::{Message, Value};

use crate::integration::charset;

/// Headers by name, in lower case; one that came several times is joined as if it had come once (RFC 9110, 5.3).
pub(super) fn headers(headers: &HeaderMap) -> Value {
    Value::object(headers.keys().map(|name| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (name.as_str(), Value::from(values.join(if name == COOKIE { "; " } else { ", " })))
    }))
}

/// The members of a query; of those with one name the last.
pub(super) fn query(query: &str) -> Value {
    // The host has no meaning; it makes the query a part of a complete URL, which the parser asks for.
    let url = reqwest::Url::parse(&format!("http://localhost/?{query}"));
    Value::object(
        url.iter().flat_map(|url| url.query_pairs()).map(|(key, value)| (key.into_owned(), value.into_owned())),
    )
}

/// JSON as kind Object, other text as String, anything else as Bytes; nothing at all as an empty Object.
pub(super) fn body(bytes: &Bytes, content_type: &str) -> Message {
    if bytes.is_empty() {
        return Message::object(Value::object::<&str, Value>([]));
    }
    let lower = content_type.to_ascii_lowercase();
    let is_json = lower.contains("json");
    let is_text = is_json || lower.is_empty() || lower.starts_with("text/") || lower.contains("urlencoded");
    if let Some(value) = is_json.then(|| charset::json(bytes, content_type).ok()).flatten() {
        return Message::object(value);
    }
    match charset::text(bytes, content_type).filter(|_| is_text) {
        Some(text) => Message::string(&*text),
        None => bytes.clone().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_by_their_type() {
        let body = |bytes: &'static [u8], content_type| super::body(&Bytes::from_static(bytes), content_type);
        let empty = || Value::object::<&str, Value>([]);
        assert_eq!(body(b"", "text/plain"), Message::object(empty()));
        assert_eq!(body(b"{}", "application/json"), Message::object(empty()));
        assert_eq!(body(b"\xef\xbb\xbf{}", "application/vnd.x+JSON"), Message::object(empty()));
        assert_eq!(body(b"{", "application/json"), Message::string("{"));
        assert_eq!(body(b"caf\xe9", "text/plain; charset=iso-8859-1"), Message::string("caf\u{e9}"));
        assert_eq!(body(b"a=1", "application/x-www-form-urlencoded"), Message::string("a=1"));
        assert_eq!(body(b"\xff\x00", "text/plain"), Message::bytes(vec![0xff_u8, 0]));
        assert_eq!(body(b"text", "application/octet-stream"), Message::bytes(b"text".to_vec()));
    }

    #[test]
    fn repeated_headers_are_joined() {
        let mut map = HeaderMap::new();
        for (name, value) in [("accept", "a"), ("accept", "b"), ("cookie", "c=1"), ("cookie", "d=2")] {
            map.append(name, value.parse().unwrap());
        }
        assert_eq!(headers(&map).to_json_string(), r#"{"accept":"a, b","cookie":"c=1; d=2"}"#);
    }
}
