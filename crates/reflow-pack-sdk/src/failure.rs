//! `Failure`: why a tick did not succeed.

use std::any::Any;
use std::fmt;

/// Why an attempt failed, as its actor tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, for people.
    pub message: String,
    /// A short stable word for programs; a node's policy can name it under `permanent`.
    pub reason: String,
    /// Whether another attempt is pointless; `None` leaves that to the node's policy.
    pub permanent: Option<bool>,
}

impl Failure {
    /// A failure with the reason `failed`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), reason: "failed".into(), permanent: None }
    }

    /// The same with another reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
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
    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        Self::new(format!("the actor panicked: {}", panic_text(payload))).with_reason("panic")
    }
}

/// What a caught panic says.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".into())
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
