//! What must not be told: credentials, tokens, and the forms that they take on their way.

use std::sync::{Arc, RwLock};

use reflow_pack_sdk::Value;

use crate::request::encode;

const MASK: &str = "***";
/// A shorter text is no secret: it would be found in every other word.
const SHORTEST: usize = 4;

/// The secrets of one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// Adds a text in every form that it may be told in.
    pub(crate) fn add(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST {
            return;
        }
        let mut forms = vec![secret.to_string(), encode(secret, false), Value::from(secret).to_json_string()];
        if let Some(json) = forms.last_mut() {
            *json = json.trim_matches('"').to_string();
        }
        let Ok(mut known) = self.0.write() else { return };
        for form in forms {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first: what is a part of another must not leave the rest of it.
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// All of them, for the runtime to keep too.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.read().map(|known| known.clone()).unwrap_or_default()
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_string();
        for secret in self.all() {
            if text.contains(&secret) {
                text = text.replace(&secret, MASK);
            }
        }
        text
    }

    /// The value without secrets in its texts and keys.
    pub(crate) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) if self.is_in(&text) => Value::from(self.text(&text)),
            Value::Array(items) => Value::array(items.iter().map(|item| self.value(item.clone()))),
            Value::Object(members) => {
                Value::object(members.iter().map(|(key, value)| (self.text(key), self.value(value.clone()))))
            }
            other => other,
        }
    }

    fn is_in(&self, text: &str) -> bool {
        self.0.read().is_ok_and(|known| known.iter().any(|secret| text.contains(secret.as_str())))
    }

    /// Bytes without secrets, as many as before: what has a size keeps it.
    pub(crate) fn bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for secret in self.all() {
            let secret = secret.as_bytes();
            let mut at = 0;
            while let Some(found) = find(&bytes[at..], secret) {
                bytes[at + found..at + found + secret.len()].fill(b'*');
                at += found + secret.len();
            }
        }
        bytes
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == first) {
        at += found;
        if bytes[at..].starts_with(part) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_masked_everywhere() {
        let secrets = Secrets::default();
        secrets.add("top/secret");
        secrets.add("abc");
        let value = Value::object([("url", Value::from("http://h/?k=top%2Fsecret")), ("top/secret", 1_i64.into())]);
        assert_eq!(
            secrets.value(value),
            Value::object([("url", Value::from("http://h/?k=***")), ("***", 1_i64.into())])
        );
        assert_eq!(secrets.bytes(b"x top/secret top/secre".to_vec()), b"x ********** top/secre");
        assert_eq!(secrets.text("abc"), "abc");
    }
}
