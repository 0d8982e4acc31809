//! What must not be told: values that a config schema marks, and texts that a pack names.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use parking_lot::RwLock;
use reflow_runtime::Value;

/// What stands in the place of a secret.
const MASK: &str = "***";
/// A shorter text is no secret: it would be found in every other word.
const SHORTEST: usize = 4;

/// The secrets of one node, shared by everything that can tell something about it.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    pub(crate) fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let secrets = Self::default();
        texts.into_iter().for_each(|text| secrets.add(&text));
        secrets
    }

    /// Adds a text in every form that it is likely to be told in.
    pub(crate) fn add(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST {
            return;
        }
        let json = Value::from(secret).to_json_string();
        let forms = [secret.to_string(), json.trim_matches('"').to_string(), percent(secret)];
        let mut known = self.0.write();
        for form in forms {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first: what is a part of another must not leave the rest of it.
        known.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text without secrets.
    pub(crate) fn mask<'a>(&self, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        let mut text = text.into();
        for secret in &*self.0.read() {
            if text.contains(&**secret) {
                text = Cow::Owned(text.replace(&**secret, MASK));
            }
        }
        text
    }

    /// The value without secrets in its texts and keys.
    pub(crate) fn mask_value(&self, value: Value) -> Value {
        if self.0.read().is_empty() { value } else { self.masked(&value) }
    }

    fn masked(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(&*self.mask(&**text)),
            Value::Array(items) => Value::array(items.iter().map(|item| self.masked(item))),
            Value::Object(members) => {
                Value::object(members.iter().map(|(key, value)| (self.mask(&**key).into_owned(), self.masked(value))))
            }
            other => other.clone(),
        }
    }
}

fn percent(text: &str) -> String {
    let mut coded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            coded.push(byte.into());
        } else {
            let _ = write!(coded, "%{byte:02X}");
        }
    }
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_secret_is_told() {
        let secrets = Secrets::new(["s3 cr\"t+/".to_string(), "ab".to_string(), "s3 cr\"t+/ and more".to_string()]);
        for text in ["a s3 cr\"t+/ b", "a s3%20cr%22t%2B%2F b", r#"a s3 cr\"t+/ b"#, "a s3 cr\"t+/ and more b"] {
            assert_eq!(secrets.mask(text), "a *** b", "{text}");
        }
        assert_eq!(secrets.mask("abc"), "abc");
        let value = Value::object([("s3 cr\"t+/", Value::array(["x s3 cr\"t+/"]))]);
        assert_eq!(secrets.mask_value(value), Value::object([("***", Value::array(["x ***"]))]));
    }
}
