//! What came back.

use encoding_rs::Encoding;
use reflow_pack_sdk::{Message, Value};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap, SET_COOKIE};

use crate::client::detail;
use crate::error::Refusal;
use crate::mask::Secrets;
use crate::model::is_json;

/// An answer whose body was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Value,
    /// JSON, or text; null for anything else.
    pub(crate) body: Value,
    /// What is neither JSON nor text.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The headers as they came.
    pub(crate) raw_headers: HeaderMap,
}

impl Answer {
    /// The object for `response`.
    pub(crate) fn describe(&self, secrets: &Secrets) -> Value {
        Value::object([
            ("status", i64::from(self.status).into()),
            ("headers", secrets.value(self.headers.clone())),
            ("body", secrets.value(self.body.clone())),
        ])
    }

    /// The packet for `data`.
    pub(crate) fn data(&self, secrets: &Secrets) -> Message {
        match &self.bytes {
            Some(bytes) => Message::bytes(secrets.bytes(bytes.clone())),
            None => Message::from_value(&secrets.value(self.body.clone())),
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.status >= 400
    }
}

/// Status and headers of an answer.
pub(crate) fn head(response: &Response) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: described(response.headers()),
        raw_headers: response.headers().clone(),
        ..Answer::default()
    }
}

/// Reads an answer to its end.
pub(crate) async fn read(mut response: Response, most: usize) -> Result<Answer, Refusal> {
    let mut answer = head(&response);
    let too_large = || {
        Refusal::new(
            "too_large",
            format!("the answer has more than {most} bytes; `maxResponseBytes` says how many it may have"),
        )
    };
    if response.content_length().is_some_and(|length| length > most as u64) && answer.status != 204 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > most {
                    return Err(too_large());
                }
            }
            Ok(None) => break,
            Err(error) => {
                let kind = if error.is_decode() && !is_cut(&error) { "decode" } else { "transport" };
                let text = format!("the answer broke off: {}", detail(&error));
                return Err(Refusal { is_passing: true, answer: Some(Box::new(answer)), ..Refusal::new(kind, text) });
            }
        }
    }
    let content_type = content_type(&answer.raw_headers);
    decode(&mut answer, bytes, &content_type)?;
    Ok(answer)
}

/// Whether an answer ended before it was complete, rather than being wrong.
fn is_cut(error: &reqwest::Error) -> bool {
    let text = detail(error);
    ["incomplete", "closed", "reset", "eof", "end of file"].iter().any(|word| text.to_lowercase().contains(word))
}

pub(crate) fn content_type(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_string()
}

fn decode(answer: &mut Answer, bytes: Vec<u8>, content_type: &str) -> Result<(), Refusal> {
    if bytes.is_empty() {
        return Ok(());
    }
    if is_json(content_type) {
        let decoded = serde_json::from_slice::<serde_json::Value>(&bytes).or_else(|error| {
            // It may have a byte order mark, or another charset than JSON has.
            serde_json::from_str(&text(&bytes, content_type)).map_err(|_| error)
        });
        match decoded {
            Ok(value) => answer.body = Value::from(&value),
            Err(error) => {
                answer.body = text(&bytes, content_type).into();
                // An error stays the error that it is, whatever its body is.
                if answer.status < 400 {
                    let text = format!("the answer says that it is JSON, and is not: {error}");
                    return Err(Refusal { answer: Some(Box::new(answer.clone())), ..Refusal::new("decode", text) });
                }
            }
        }
    } else if is_text(content_type) {
        answer.body = text(&bytes, content_type).into();
    } else if content_type.is_empty() {
        match (serde_json::from_slice::<serde_json::Value>(&bytes), std::str::from_utf8(&bytes)) {
            (Ok(value), _) => answer.body = Value::from(&value),
            (_, Ok(text)) => answer.body = text.into(),
            _ => answer.bytes = Some(bytes),
        }
    } else {
        answer.bytes = Some(bytes);
    }
    Ok(())
}

fn is_text(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    lower.starts_with("text/")
        || ["xml", "javascript", "charset=", "yaml", "x-www-form-urlencoded", "x-ndjson", "graphql"]
            .iter()
            .any(|word| lower.contains(word))
}

fn text(bytes: &[u8], content_type: &str) -> String {
    let label = content_type.split(';').filter_map(|part| part.trim().strip_prefix("charset=")).next();
    let encoding = label.and_then(|label| Encoding::for_label(label.trim_matches('"').as_bytes()));
    encoding.unwrap_or(encoding_rs::UTF_8).decode(bytes).0.into_owned()
}

/// Headers by name; one that came several times is joined as if it had come once, except cookies, which cannot be.
fn described(headers: &HeaderMap) -> Value {
    Value::object(headers.keys().map(|name| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        let value = if *name == SET_COOKIE { Value::array(values) } else { values.join(", ").into() };
        (name.as_str().to_string(), value)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_whatever_it_is_written_in() {
        let utf16: Vec<u8> = "\u{feff}{\"a\": \"\u{e4}\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, content_type) in [
            ("{\"a\": \"\u{e4}\"}".as_bytes().to_vec(), "application/json"),
            ("\u{feff}{\"a\": \"\u{e4}\"}".as_bytes().to_vec(), "application/json"),
            (b"{\"a\": \"\xe4\"}".to_vec(), "application/json; charset=iso-8859-1"),
            (utf16, "application/problem+json"),
        ] {
            let mut answer = Answer::default();
            decode(&mut answer, bytes, content_type).unwrap();
            assert_eq!(answer.body, Value::object([("a", "\u{e4}")]), "{content_type}");
        }
        let wrong = decode(&mut Answer::default(), b"[1".to_vec(), "application/json").unwrap_err();
        assert_eq!(wrong.kind, "decode");
    }
}
