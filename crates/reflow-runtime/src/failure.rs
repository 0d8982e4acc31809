//! `Failure`: why a tick did not succeed.

use std::fmt;
use std::sync::Arc;

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
        Self { message: message.into(), reason: "failed".into(), permanent: None, traceback: None }
    }

    /// The same with another reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<Arc<str>>) -> Self {
        self.reason = reason.into();
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
