//! `Policy`: what a node does when an attempt fails.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cache::CachePolicy;
use crate::failure::Failure;

/// What a node does when an attempt fails. The keys are those of `policy` in a node's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// All tries, the first included; at least 1.
    pub attempts: u32,
    /// Wait before the second try, in milliseconds.
    pub delay_ms: u64,
    /// Factor from each wait to the next; at least 1.
    pub multiplier: f64,
    /// Longest wait, in milliseconds.
    pub max_delay_ms: Option<u64>,
    /// Part of each wait that is left to chance, from 0 to 1.
    pub jitter: f64,
    /// Longest time for one try, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Whether a try that took too long is tried again.
    pub retry_on_timeout: bool,
    /// Reasons that are not tried again.
    pub permanent: Vec<String>,
    /// Ticks of the node that may run at once; at least 1.
    pub concurrency: usize,
    /// Whether the outputs of ticks that run at once leave in the order of the ticks.
    pub ordered: bool,
    /// What follows when the last try has failed.
    pub on_error: OnError,
    /// Whether and how the results of its ticks are kept, to be given again for the same inputs.
    pub cache: Option<CachePolicy>,
}

/// What follows when the last try has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The packets are given up; the node goes on with the next ones.
    #[default]
    Continue,
    /// The whole run is stopped.
    Stop,
    /// The error and the packets leave by the outport `error`; the node goes on.
    Route,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: 1,
            delay_ms: 0,
            multiplier: 1.0,
            max_delay_ms: None,
            jitter: 0.0,
            timeout_ms: None,
            retry_on_timeout: true,
            permanent: Vec::new(),
            concurrency: 1,
            ordered: true,
            on_error: OnError::Continue,
            cache: None,
        }
    }
}

impl Policy {
    /// Reads a policy out of JSON-shaped data; null is the default policy.
    ///
    /// # Errors
    /// A text that names the key, what was found and what would be right.
    pub fn from_value(value: &crate::Value) -> Result<Self, String> {
        if value.is_null() {
            return Ok(Self::default());
        }
        let Some(members) = value.as_object() else {
            return Err(format!("policy: expected an object, got {}", value.kind()));
        };
        for (key, member) in members {
            // One key at a time, so that a problem can name its key.
            let alone = crate::Value::object([(Arc::clone(key), member.clone())]);
            reflow_message::from_value::<Self>(&alone).map_err(|error| format!("policy: `{key}`: {error}"))?;
        }
        let policy: Self = reflow_message::from_value(value).map_err(|error| format!("policy: {error}"))?;
        let wrong = |key: &str, rule: &str| Err(format!("policy: `{key}` must be {rule}"));
        if policy.attempts == 0 {
            return wrong("attempts", "at least 1 (it counts all tries, the first included)");
        }
        if policy.concurrency == 0 {
            return wrong("concurrency", "at least 1");
        }
        if !(policy.multiplier >= 1.0 && policy.multiplier.is_finite()) {
            return wrong("multiplier", "a number of at least 1");
        }
        if !(0.0..=1.0).contains(&policy.jitter) {
            return wrong("jitter", "from 0 to 1");
        }
        if policy.timeout_ms == Some(0) {
            return wrong("timeout_ms", "at least 1, or null for no limit");
        }
        if policy.cache.as_ref().and_then(|cache| cache.ttl_s).is_some_and(|ttl| ttl.is_nan() || ttl < 0.0) {
            return wrong("cache", "an object whose `ttl_s` is a number of at least 0, or null for no limit");
        }
        Ok(policy)
    }

    /// Whether a failed attempt of this number is followed by another.
    pub fn retries(&self, number: u32, failure: &Failure) -> bool {
        if number >= self.attempts {
            return false;
        }
        if let Some(permanent) = failure.permanent {
            return !permanent;
        }
        if &*failure.reason == TIMEOUT && !self.retry_on_timeout {
            return false;
        }
        !self.permanent.iter().any(|reason| **reason == *failure.reason)
    }

    /// The wait after the failed attempt of this number: `delay_ms × multiplier^(number - 1)`, capped, less a random part
    /// of at most `jitter`. `chance` is from 0 to 1.
    pub fn delay(&self, number: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = self.delay_ms as f64 * self.multiplier.powi(exponent);
        let capped = full.min(self.max_delay_ms.map_or(f64::MAX, |cap| cap as f64)).min(MAX_DELAY_MS);
        Duration::from_secs_f64(capped * (1.0 - self.jitter * chance) / 1000.0)
    }

    /// Whether the packets of a tick are needed after its first try.
    pub(crate) fn holds_packets(&self) -> bool {
        self.attempts > 1 || self.on_error == OnError::Route
    }
}

/// The reason of a failure that is a passed deadline.
pub const TIMEOUT: &str = "timeout";

/// A year: keeps waits within what clocks can add.
const MAX_DELAY_MS: f64 = 365.0 * 24.0 * 3600.0 * 1000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn policy(json: &str) -> Result<Policy, String> {
        Policy::from_value(&serde_json::from_str::<Value>(json).unwrap())
    }

    #[test]
    fn waits_grow_and_are_capped() {
        let policy = policy(r#"{"attempts":9,"delay_ms":100,"multiplier":3,"max_delay_ms":500}"#).unwrap();
        let waits: Vec<_> = (1..5).map(|number| policy.delay(number, 0.0).as_millis()).collect();
        assert_eq!(waits, [100, 300, 500, 500]);
        assert!(policy.delay(u32::MAX, 1.0) <= Duration::from_millis(500));
    }

    #[test]
    fn only_some_failures_are_tried_again() {
        let policy = policy(r#"{"attempts":3,"permanent":["bad"],"retry_on_timeout":false}"#).unwrap();
        assert!(policy.retries(1, &Failure::new("x")));
        assert!(!policy.retries(3, &Failure::new("x")));
        assert!(!policy.retries(1, &Failure::new("x").with_reason("bad")));
        assert!(!policy.retries(1, &Failure::new("x").with_reason(TIMEOUT)));
        assert!(!policy.retries(1, &Failure::new("x").with_permanent(true)));
        assert!(policy.retries(1, &Failure::new("x").with_reason("bad").with_permanent(false)));
    }

    #[test]
    fn mistakes_are_named() {
        for (json, word) in [
            (r#"{"attempt":3}"#, "attempt"),
            (r#"{"attempts":0}"#, "attempts"),
            (r#"{"jitter":2}"#, "jitter"),
            (r#"{"on_error":"explode"}"#, "explode"),
            (r#"{"multiplier":0.5}"#, "multiplier"),
            ("5", "policy"),
        ] {
            let error = policy(json).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
