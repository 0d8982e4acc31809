//! `Failure`: why a tick did not succeed.

use std::fmt;
use std::sync::Arc;

/// The longest text of a failure in bytes. Exceptions like to quote what they were given, and a thousand failures are kept.
const LONGEST_MESSAGE: usize = 4 << 10;
/// The same for a traceback, and for one line of it.
const LONGEST_TRACEBACK: usize = 32 << 10;
const LONGEST_LINE: usize = 1 << 10;
/// The same for a word that stands for something: a reason, a level, the name of a port or of a fact.
pub(crate) const LONGEST_WORD: usize = 1 << 10;

/// Why an attempt failed, as its actor tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, for people.
    pub message: Arc<str>,
    /// A short stable word for programs (an exception's class name, `timeout`, `panic`, or what the actor said);
    /// a node's policy can name it under `permanent`.
    pub reason: Arc<str>,
    /// Whether another attempt is pointless; `None` leaves that to the node's policy.
    pub permanent: Option<bool>,
    /// Where it went wrong, as the host prints it.
    pub traceback: Option<Arc<str>>,
}

impl Failure {
    /// A failure with the reason `failed`.
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Self {
            message: shortened(message.into(), LONGEST_MESSAGE),
            reason: "failed".into(),
            permanent: None,
            traceback: None,
        }
    }

    /// The same with the place where it went wrong.
    #[must_use]
    pub fn with_traceback(mut self, text: &str) -> Self {
        let mut lines = String::with_capacity(text.len().min(LONGEST_TRACEBACK));
        for line in text.split_inclusive('\n') {
            if line.len() > LONGEST_LINE {
                lines.push_str(&shortened(line.trim_end().into(), LONGEST_LINE));
                lines.push('\n');
            } else {
                lines.push_str(line);
            }
        }
        self.traceback = Some(shortened(lines.into(), LONGEST_TRACEBACK));
        self
    }

    /// The same with another reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Arc<str>>) -> Self {
        self.reason = shortened(reason.into(), LONGEST_WORD);
        self
    }

    /// The same, marked as not worth (or worth) another attempt whatever the policy says.
    #[must_use]
    pub fn with_permanent(mut self, permanent: bool) -> Self {
        self.permanent = Some(permanent);
        self
    }

    /// The failure that a caught panic stands for.
    pub(crate) fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a text".into());
        Self::new(format!("the actor panicked: {text}")).with_reason("panic")
    }
}

/// A text of at most about `most` bytes, which says how long it was.
pub(crate) fn shortened(text: Arc<str>, most: usize) -> Arc<str> {
    if text.len() <= most {
        return text;
    }
    let end = text.floor_char_boundary(most);
    format!("{}… ({} bytes in all)", &text[..end], text.len()).into()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_kept_short() {
        let failure = Failure::new("é".repeat(1 << 20)).with_traceback(&format!("{}\nlast\n", "x".repeat(1 << 20)));
        assert!(failure.message.ends_with("… (2097152 bytes in all)") && failure.message.len() < 5000);
        let traceback = failure.traceback.unwrap();
        assert!(traceback.contains("… (1048576 bytes in all)\nlast\n") && traceback.len() < 2000);
        assert_eq!(&*Failure::new("short").message, "short");
        let failure = Failure::new("short").with_reason("x".repeat(1 << 20));
        assert!(failure.reason.ends_with("… (1048576 bytes in all)") && failure.reason.len() < 1100);
    }
}
