//! Why there is no good answer.

use reflow_pack_sdk::{Failure, Value};

use crate::mask::Secrets;
use crate::model::Operation;
use crate::response::Answer;

/// What leaves by `error`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal {
    /// `http`, `transport`, `timeout`, `missing_parameter`, `invalid_parameter`, `missing_credential`, `auth`, `too_large`, `decode`.
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    /// The parameters or credentials that it is about.
    pub(crate) parameters: Vec<String>,
    /// The answer, if one came.
    pub(crate) answer: Option<Box<Answer>>,
    pub(crate) attempts: u32,
    /// Whether another attempt may end better.
    pub(crate) is_passing: bool,
    /// Whether nothing of the request has left.
    pub(crate) is_unsent: bool,
}

impl Refusal {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), ..Self::default() }
    }

    pub(crate) fn missing_parameters(parameters: Vec<String>) -> Self {
        let names: Vec<_> = parameters.iter().map(|name| format!("`{name}`")).collect();
        let message =
            format!("the parameters {} are missing: connect them, or give them in the config", names.join(", "));
        Self { parameters, ..Self::new("missing_parameter", message) }
    }

    pub(crate) fn invalid(message: impl Into<String>, parameters: Vec<String>) -> Self {
        Self { parameters, ..Self::new("invalid_parameter", message) }
    }

    /// The object for `error`.
    pub(crate) fn describe(&self, operation: &Operation, secrets: &Secrets) -> Value {
        let mut members: Vec<(&str, Value)> = vec![
            ("kind", self.kind.into()),
            ("message", secrets.text(&self.message).into()),
            ("method", operation.method.as_str().into()),
            ("path", operation.path.as_str().into()),
            ("attempts", i64::from(self.attempts).into()),
        ];
        if !self.parameters.is_empty() {
            members.push(("parameters", Value::array(self.parameters.iter().map(String::as_str))));
        }
        if let Some(answer) = &self.answer {
            members.push(("status", i64::from(answer.status).into()));
            members.push(("headers", secrets.value(answer.headers.clone())));
            members.push(("body", secrets.value(answer.body.clone())));
        }
        Value::object(members)
    }

    /// The failure of the tick, where nobody hears the error.
    pub(crate) fn failure(&self, operation: &Operation, secrets: &Secrets) -> Failure {
        let text = format!("{} {}: {}", operation.method, operation.path, self.message);
        Failure::new(secrets.text(&text)).with_reason(self.kind).with_permanent(!self.is_passing)
    }
}
