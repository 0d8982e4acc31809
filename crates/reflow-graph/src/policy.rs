//! The shape of what the runtime reads from metadata: a node's policy, a connection's capacity.

use serde_json::Value;

use crate::Problem;
use crate::suggest::did_you_mean;

/// What a policy key takes.
enum Rule {
    /// A whole number of at least one.
    Count,
    /// A number of at least this.
    AtLeast(f64),
    /// A number above zero.
    Positive,
    /// A number from 0 to 1.
    Fraction,
    Boolean,
    Strings,
    OneOf(&'static [&'static str]),
    /// `ttl_s`, a number of at least zero, and `key`, a path or several.
    Cache,
}

const POLICY: &[(&str, Rule)] = &[
    ("attempts", Rule::Count),
    ("cache", Rule::Cache),
    ("concurrency", Rule::Count),
    ("delay_ms", Rule::AtLeast(0.0)),
    ("jitter", Rule::Fraction),
    ("max_delay_ms", Rule::AtLeast(0.0)),
    ("multiplier", Rule::AtLeast(1.0)),
    ("on_error", Rule::OneOf(&["continue", "stop", "route"])),
    ("ordered", Rule::Boolean),
    ("permanent", Rule::Strings),
    ("retry_on_timeout", Rule::Boolean),
    ("timeout_ms", Rule::Positive),
];

impl Rule {
    fn accepts(&self, value: &Value) -> bool {
        let number = value.as_f64();
        match self {
            Self::Count => value.as_u64().is_some_and(|count| count >= 1),
            Self::AtLeast(least) => number.is_some_and(|number| number >= *least),
            Self::Positive => number.is_some_and(|number| number > 0.0),
            Self::Fraction => number.is_some_and(|number| (0.0..=1.0).contains(&number)),
            Self::Boolean => value.is_boolean(),
            Self::Strings => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Cache => value.as_object().is_some_and(|cache| {
                cache.iter().all(|(key, value)| match key.as_str() {
                    "ttl_s" => value.is_null() || Self::AtLeast(0.0).accepts(value),
                    "key" => value.is_null() || value.is_string() || Self::Strings.accepts(value),
                    _ => false,
                })
            }),
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::Count => "a whole number of at least 1".to_owned(),
            Self::AtLeast(least) => format!("a number of at least {least}"),
            Self::Positive => "a number above 0".to_owned(),
            Self::Fraction => "a number from 0 to 1".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Strings => "a list of strings".to_owned(),
            Self::Cache => "null, or an object with `ttl_s` (a number) and `key` (a path, or several)".to_owned(),
            Self::OneOf(words) => format!("one of `{}`", words.join("`, `")),
        }
    }

    fn hint(&self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::OneOf(words), Value::String(word)) => did_you_mean(word, words.iter().copied()),
            _ => None,
        }
    }
}

/// What is wrong with a node's `policy`. Null is no policy and fine.
pub fn policy_problems(policy: &Value) -> Vec<Problem> {
    let map = match policy {
        Value::Null => return Vec::new(),
        Value::Object(map) => map,
        other => return vec![Problem::new(format!("`policy` must be an object, not {}", shown(other)))],
    };
    let mut problems = Vec::new();
    for (key, value) in map {
        match POLICY.iter().find(|(known, _)| known == key) {
            None => {
                let known = || POLICY.iter().map(|(known, _)| *known);
                let problem = Problem::new(format!("`policy` has no key `{key}`"));
                let all = || format!("there are `{}`", known().collect::<Vec<_>>().join("`, `"));
                problems.push(problem.with_hint(Some(did_you_mean(key, known()).unwrap_or_else(all))));
            }
            // No limit, or no cache.
            Some(("cache" | "max_delay_ms" | "timeout_ms", _)) if value.is_null() => {}
            Some((_, rule)) if !rule.accepts(value) => {
                let message = format!("`policy.{key}` must be {}, not {}", rule.expected(), shown(value));
                problems.push(Problem::new(message).with_hint(rule.hint(value)));
            }
            Some(_) => {}
        }
    }
    problems
}

/// What is wrong with a connection's `capacity`. Null means the network's default and is fine.
pub fn capacity_problems(capacity: &Value) -> Vec<Problem> {
    if capacity.is_null() || Rule::Count.accepts(capacity) {
        return Vec::new();
    }
    vec![Problem::new(format!("`capacity` must be {}, not {}", Rule::Count.expected(), shown(capacity)))]
}

/// What is wrong with a connection's `overflow`. Null means that producers wait and is fine.
pub fn overflow_problems(overflow: &Value) -> Vec<Problem> {
    let rule = Rule::OneOf(&["wait", "newest", "oldest", "error"]);
    if overflow.is_null() || rule.accepts(overflow) {
        return Vec::new();
    }
    let message = format!("`overflow` must be {}, not {}", rule.expected(), shown(overflow));
    vec![Problem::new(message).with_hint(rule.hint(overflow))]
}

/// A value as a message shows it: whole if short.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 40;
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.len() > LONGEST => "a long string".to_owned(),
        scalar => format!("`{scalar}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_full_policy_is_fine() {
        let policy = json!({
            "attempts": 3, "delay_ms": 100, "multiplier": 2.0, "max_delay_ms": 5e3, "jitter": 0.5, "timeout_ms": 1000,
            "retry_on_timeout": false, "permanent": ["ValueError"], "concurrency": 4, "ordered": false, "on_error": "route",
            "cache": {"ttl_s": 60, "key": "id"},
        });
        assert_eq!(policy_problems(&policy), []);
        assert_eq!(policy.as_object().map(serde_json::Map::len), Some(POLICY.len()));
        assert_eq!(policy_problems(&Value::Null), []);
    }

    #[test]
    fn each_mistake_is_named() {
        let problems = policy_problems(
            &json!({"attempts": 0, "atempts": 1, "jitter": 2, "on_error": "contine", "permanent": "x", "retries": 3}),
        );
        let text: Vec<_> = problems.iter().map(|problem| (problem.message.as_str(), problem.hint.as_deref())).collect();
        assert_eq!(
            text,
            [
                ("`policy` has no key `atempts`", Some("did you mean `attempts`?")),
                ("`policy.attempts` must be a whole number of at least 1, not `0`", None),
                ("`policy.jitter` must be a number from 0 to 1, not `2`", None),
                (
                    "`policy.on_error` must be one of `continue`, `stop`, `route`, not `\"contine\"`",
                    Some("did you mean `continue`?")
                ),
                ("`policy.permanent` must be a list of strings, not `\"x\"`", None),
                (
                    "`policy` has no key `retries`",
                    Some(
                        "there are `attempts`, `cache`, `concurrency`, `delay_ms`, `jitter`, `max_delay_ms`, `multiplier`, \
                         `on_error`, `ordered`, `permanent`, `retry_on_timeout`, `timeout_ms`"
                    )
                ),
            ]
        );
        assert_eq!(policy_problems(&json!(3)).len(), 1);
        assert_eq!(capacity_problems(&json!(0)).len(), 1);
        assert_eq!(capacity_problems(&json!(1.5)).len(), 1);
        assert_eq!(capacity_problems(&json!(16)), []);
    }
}
