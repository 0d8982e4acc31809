//! The headers of an answer: what a handler may say, and what is the server's to say.

use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use reflow_runtime::Value;

/// Headers that speak of one connection and not of the answer (RFC 9110, 7.6.1; RFC 2616, 13.5.1), and those that say where an
/// answer ends.
const OF_CONNECTION: [&str; 12] = [
    "connection",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// The headers that a handler gave for an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Given {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Names that were left out, and why.
    pub(super) ignored: Vec<(String, &'static str)>,
}

/// What `value`, an object, says of an answer whose type is `content_type` if it says nothing else. A list stands for a
/// header that comes several times.
pub(super) fn headers(value: Option<&Value>, content_type: &str) -> Given {
    let mut given = Given::default();
    let members = || value.and_then(Value::as_object).into_iter().flatten();
    // `connection` may name more headers that are its own.
    let named: Vec<String> = members()
        .filter(|(name, _)| name.eq_ignore_ascii_case(CONNECTION.as_str()))
        .filter_map(|(_, value)| value.as_str())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_lowercase()))
        .collect();
    for (text, value) in members() {
        let Ok(name) = HeaderName::try_from(&**text) else {
            given.ignored.push((text.to_string(), "is no name of a header"));
            continue;
        };
        if OF_CONNECTION.contains(&name.as_str()) || named.iter().any(|named| named == name.as_str()) {
            given.ignored.push((name.to_string(), "is for the server to say"));
            continue;
        }
        let values = match value {
            Value::Null => &[],
            Value::Array(items) => &**items,
            other => std::slice::from_ref(other),
        };
        for value in values {
            let text = value.as_str().map_or_else(|| value.to_json_string(), str::to_string);
            match HeaderValue::try_from(text) {
                Ok(value) => given.headers.push((name.clone(), value)),
                Err(_) => given.ignored.push((name.to_string(), "has a value that no header can have")),
            }
        }
    }
    if !given.headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
        match HeaderValue::try_from(content_type) {
            Ok(value) => given.headers.push((CONTENT_TYPE, value)),
            Err(_) => given.ignored.push(("content-type".into(), "has a value that no header can have")),
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(value: serde_json::Value) -> (Vec<String>, Vec<String>) {
        let given = headers(Some(&value.into()), "text/plain");
        let line = |(name, value): &(HeaderName, HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        (given.headers.iter().map(line).collect(), given.ignored.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn where_an_answer_ends_is_for_the_server_to_say() {
        let upstream = json!({
            "Content-Length": "5", "TRANSFER-ENCODING": "chunked", "Connection": "x-hop, close", "X-Hop": "1", "te": "trailers",
            "Keep-Alive": "timeout=5", "Upgrade": "h2c", "Trailer": "x", "proxy-connection": "close", "etag": "e",
            "Proxy-Authorization": "Basic c2VjcmV0",
        });
        let (headers, ignored) = lines(upstream);
        assert_eq!(headers, ["etag: e", "content-type: text/plain"]);
        assert_eq!(ignored.len(), 10);
    }

    #[test]
    fn nothing_breaks_an_answer_apart() {
        let (headers, ignored) = lines(json!({
            "a\r\nset-cookie: x": "1", "": "2", "b": "1\r\n\r\nHTTP/1.1 200 OK", "c": "\u{0}", "d e": "3", "f": "4\n",
            "content-type": "text/html",
        }));
        assert_eq!(headers, ["content-type: text/html"]);
        assert_eq!(ignored.len(), 6);
        assert_eq!(super::headers(None, "a\nb").headers, []);
    }

    #[test]
    fn a_list_is_a_header_that_comes_several_times() {
        let (headers, _) = lines(json!({"Set-Cookie": ["a=1", "b=2"], "x-n": 5, "x-null": null}));
        assert_eq!(headers, ["set-cookie: a=1", "set-cookie: b=2", "x-n: 5", "content-type: text/plain"]);
    }
}
