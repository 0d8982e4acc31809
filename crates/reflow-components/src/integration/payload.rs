//! The payload of triggers: a text with places to fill in.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::rfc3339;
use crate::prelude::*;

/// The message that a payload text stands for: JSON as kind Object, other text as String.
pub(super) fn payload(template: &str, time: Timestamp, count: u64, schedule: &str) -> Message {
    let text = template
        .replace("${timestamp}", &rfc3339(&time.to_zoned_datetime(TimeZone::UTC)))
        .replace("${executionCount}", &count.to_string())
        .replace("${schedule}", schedule);
    match Value::from_json(&text) {
        Ok(value) => Message::object(value),
        Err(_) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_an_object_and_other_text_a_string() {
        let time: Timestamp = "2024-01-01T00:00:00.250Z".parse().unwrap();
        let text = r#"{"t": "${timestamp}", "n": ${executionCount}}"#;
        let expected = r#"{"n":3,"t":"2024-01-01T00:00:00.250+00:00"}"#;
        assert_eq!(payload(text, time, 3, ""), Message::object(serde_json::from_str::<Value>(expected).unwrap()));
        assert_eq!(payload("at ${schedule}", time, 3, "* * * * *"), Message::string("at * * * * *"));
        assert_eq!(payload("${other}", time, 3, ""), Message::string("${other}"));
    }
}
