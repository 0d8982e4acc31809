//! Reading and writing `GraphExport` JSON.
//!
//! Reading goes twice over bad input: first without keeping track of the path, which is fast, and on failure again with
//! it, so that the message says where. Depth is measured beforehand and without recursion; deep input is an error.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, GraphExport, Result};

/// Nesting above which JSON is refused, counting objects and lists.
pub const MAX_DEPTH: usize = 256;

impl GraphExport {
    /// Reads JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`] if it is not JSON, [`Error::Shape`] with path, expected and found if it is no graph,
    /// [`Error::TooDeep`].
    pub fn from_json(text: &str) -> Result<Self> {
        from_json(text).map(Self::with_ids_from_keys)
    }

    /// Reads a JSON value.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] with path, expected and found; [`Error::TooDeep`].
    pub fn from_value(value: &Value) -> Result<Self> {
        from_value(value).map(Self::with_ids_from_keys)
    }

    /// The graph as compact JSON text.
    ///
    /// # Panics
    ///
    /// Never: every part of an export is JSON already.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("keys are strings and values are JSON")
    }

    /// The graph as a JSON value.
    ///
    /// # Panics
    ///
    /// Never: every part of an export is JSON already.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("keys are strings and values are JSON")
    }

    /// The key of a process is its id, whatever the `id` inside says. They share one string.
    fn with_ids_from_keys(mut self) -> Self {
        for (key, process) in &mut self.processes {
            process.id = key.clone();
        }
        self
    }
}

/// Reads any of the crate's types from JSON text.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    scan(text)?;
    let read = || {
        let mut reader = serde_json::Deserializer::from_str(text);
        reader.disable_recursion_limit();
        reader
    };
    let mut reader = read();
    if let Ok(value) = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)) {
        return Ok(value);
    }
    let mut reader = read();
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() { Error::Shape { path, message: strip_position(&error) } } else { syntax(text, &error) }
    })?;
    reader.end().map_err(|error| syntax(text, &error))?;
    Ok(value)
}

/// Reads any of the crate's types from a JSON value.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T> {
    if value_depth_exceeds(value, MAX_DEPTH) {
        return Err(Error::TooDeep { limit: MAX_DEPTH });
    }
    if let Ok(read) = T::deserialize(value) {
        return Ok(read);
    }
    serde_path_to_error::deserialize(value)
        .map_err(|error| Error::Shape { path: error.path().to_string(), message: strip_position(error.inner()) })
}

fn syntax(text: &str, error: &serde_json::Error) -> Error {
    let mut message = strip_position(error);
    if text.to_ascii_lowercase().ends_with(".json") && !text.contains(['{', '\n']) {
        message += "; this is the name of a file, and its text is wanted";
    }
    Error::Syntax { message, line: error.line(), column: error.column() }
}

/// The message of a JSON error without its trailing " at line … column …".
fn strip_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Looks through JSON text for what reading would not tell: brackets that are nested too deeply, and whole numbers that would be
/// rounded.
fn scan(text: &str) -> Result<()> {
    let mut depth = 0_usize;
    let (mut in_string, mut escaped) = (false, false);
    let mut digits = 0..0;
    for (at, byte) in text.bytes().chain([b' ']).enumerate() {
        if !in_string && (byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')) {
            digits = if digits.is_empty() { at..at + 1 } else { digits.start..at + 1 };
            continue;
        }
        // A shorter number fits anyway.
        if digits.len() >= 19 {
            check_whole(text, digits.clone())?;
        }
        digits = 0..0;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Error::TooDeep { limit: MAX_DEPTH });
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn check_whole(text: &str, digits: std::ops::Range<usize>) -> Result<()> {
    let number = &text[digits.clone()];
    let is_whole = number.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    if !is_whole || number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return Ok(());
    }
    let line_start = text[..digits.start].rfind('\n').map_or(0, |at| at + 1);
    let shown = number.get(..40).map_or_else(|| number.to_string(), |start| format!("{start}…"));
    Err(Error::Syntax {
        message: format!("the whole number {shown} has more than 64 bits"),
        line: text[..line_start].matches('\n').count() + 1,
        column: text[line_start..digits.start].chars().count() + 1,
    })
}

fn value_depth_exceeds(value: &Value, limit: usize) -> bool {
    let mut open = vec![(value, 1)];
    while let Some((value, depth)) = open.pop() {
        let is_container = value.is_array() || value.is_object();
        if is_container && depth > limit {
            return true;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(map) => open.extend(map.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_empty_graph_is_written_exactly_so() {
        assert_eq!(
            GraphExport::new("", false).to_json(),
            r#"{"caseSensitive":false,"properties":{"name":""},"inports":{},"outports":{},"groups":[],"processes":{},"connections":[]}"#
        );
    }

    #[test]
    fn the_name_of_a_file_is_told_from_its_text() {
        let error = |text| GraphExport::from_json(text).expect_err("is no graph").to_string();
        assert_eq!(
            error("graphs/first.json"),
            "not JSON: expected value; this is the name of a file, and its text is wanted (line 1, column 1)"
        );
        assert_eq!(error("graph"), "not JSON: expected value (line 1, column 1)");
    }

    #[test]
    fn hand_written_json_needs_little() {
        let export = GraphExport::from_value(&json!({
            "caseSensitive": true, "properties": {},
            "processes": {"a": {"component": "x"}},
            "connections": [{"from": {"nodeId": "", "portId": ""}, "to": {"nodeId": "a", "portId": "in"}}],
        }))
        .expect("reads");
        assert_eq!(export.processes["a"].id, "a");
        assert!(export.connections[0].is_initial(), "a blank `from` makes an initial, also of null");
        assert_eq!(export.name(), "");
    }

    #[test]
    fn unknown_keys_survive_on_every_level() {
        let edge = json!({"nodeId": "a", "portId": "p", "portName": "", "expose": false, "portType": {"type": "array", "value": {"type": "object", "value": "T"}},
            "index": null, "data": null, "metadata": null, "x-edge": [1, 2.0]});
        let value = json!({
            "caseSensitive": false, "properties": {"name": "n", "z": 1}, "inports": {"i": edge}, "outports": {},
            "groups": [{"id": "g", "nodes": ["a"], "metadata": null, "x": {}}],
            "processes": {"a": {"id": "a", "component": "c", "metadata": {}, "x": null}},
            "connections": [{"from": edge, "to": edge, "metadata": {}, "data": null, "x": "y"}],
            "graphDependencies": [{"graphName": "g", "required": true, "x": 1}], "futureKey": {"deep": [true]},
        });
        assert_eq!(GraphExport::from_value(&value).expect("reads").to_value(), value);
        let text = value.to_string();
        assert_eq!(GraphExport::from_json(&text).expect("reads").to_value(), value);
    }

    #[test]
    fn errors_say_where_what_and_what_instead() {
        let message = |value: Value| GraphExport::from_value(&value).expect_err("refuses").to_string();
        assert_eq!(message(json!({"caseSensitive": true})), "at `.`: missing field `properties`");
        let mut value = json!({"caseSensitive": true, "properties": {}, "connections": [{"from": {"nodeId": "a", "portId": 3}, "to": {}}]});
        assert_eq!(
            message(value.clone()),
            "at `connections[0].from.portId`: invalid type: integer `3`, expected a string"
        );
        value["connections"][0]["from"]["portId"] = json!("p");
        assert_eq!(message(value.clone()), "at `connections[0].to`: missing field `nodeId`");
        let text = value.to_string();
        assert_eq!(GraphExport::from_json(&text).expect_err("refuses").to_string(), message(value));
        let syntax = GraphExport::from_json("{\"caseSensitive\": tru}").expect_err("refuses");
        assert!(matches!(syntax, Error::Syntax { line: 1, .. }), "{syntax}");
        assert!(GraphExport::from_json("").is_err());
    }

    #[test]
    fn whole_numbers_are_exact_or_refused() {
        let graph =
            |number: &str| format!("\u{feff}{{\"caseSensitive\": true,\n \"properties\": {{\"é\": {number}}}}}");
        for number in
            ["18446744073709551615", "-9223372036854775808", "1.8446744073709551616e19", "\"18446744073709551616\""]
        {
            assert!(GraphExport::from_json(&graph(number)).is_ok(), "{number}");
        }
        for number in ["18446744073709551616", "-9223372036854775809", &"9".repeat(1000)] {
            let error = GraphExport::from_json(&graph(number)).expect_err(number);
            assert!(matches!(error, Error::Syntax { line: 2, column: 22, .. }), "{error:?}");
            assert!(error.to_string().contains("has more than 64 bits") && error.to_string().len() < 200, "{error}");
        }
    }

    #[test]
    fn deep_json_is_refused_not_overflowed() {
        let deep = |levels: usize| {
            let body = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
            format!(r#"{{"caseSensitive":true,"properties":{{}},"x":{body}}}"#)
        };
        assert!(GraphExport::from_json(&deep(200)).is_ok());
        assert!(matches!(GraphExport::from_json(&deep(MAX_DEPTH)), Err(Error::TooDeep { .. })));
        assert!(matches!(GraphExport::from_json(&"[".repeat(1_000_000)), Err(Error::TooDeep { .. })));
        let mut port_type = String::new();
        for _ in 0..120 {
            port_type.push_str(r#"{"value":"#);
        }
        port_type.push_str(r#"{"type":"any"}"#);
        for _ in 0..120 {
            port_type.push_str(r#","type":"array"}"#);
        }
        let text = format!(
            r#"{{"caseSensitive":true,"properties":{{}},"inports":{{"a":{{"nodeId":"","portId":"","portType":{port_type}}}}}}}"#
        );
        assert!(GraphExport::from_json(&text).is_ok());
    }
}
