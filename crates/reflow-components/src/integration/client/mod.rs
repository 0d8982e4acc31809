//! `tpl_http_request`, and what its requests go through.

mod body;
mod redirect;
mod request;
mod retry;
mod secret;
mod trust;

pub(super) use request::HttpRequest;

use std::error::Error;

/// Why an attempt brought no answer.
struct Lost {
    text: String,
    /// Whether another attempt may bring one.
    is_passing: bool,
}

impl Lost {
    /// What another attempt would not change.
    fn for_good(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_passing: false }
    }
}

impl From<reqwest::Error> for Lost {
    fn from(error: reqwest::Error) -> Self {
        Self { text: detail(&error), is_passing: !error.is_builder() && !error.is_redirect() }
    }
}

/// An error with all of its causes; the address is told elsewhere.
fn detail(error: &reqwest::Error) -> String {
    let mut text = match (error.is_builder(), error.is_timeout()) {
        (true, _) => "the request cannot be made".to_string(),
        (_, true) => "no answer in time".to_string(),
        _ => "no answer".to_string(),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
