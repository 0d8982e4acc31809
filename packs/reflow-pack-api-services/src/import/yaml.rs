//! YAML as JSON-shaped data, within bounds: aliases that multiply are an error, not an attack.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use super::limits::{MOST_LEVELS, MOST_VALUES};

/// Reads the first document of a YAML text.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| format!("it is no YAML: {error}"))?;
        let done = builder.take(event).map_err(|problem| format!("line {}: {problem}", span.start.line()))?;
        if done {
            break;
        }
    }
    builder.whole.ok_or_else(|| "it is empty".into())
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    /// What anchors name, with the number of values in it.
    anchors: HashMap<usize, (Value, usize)>,
    whole: Option<Value>,
    values: usize,
}

struct Open {
    anchor: usize,
    /// Values before it.
    before: usize,
    children: Children,
}

enum Children {
    Items(Vec<Value>),
    /// The members so far, and the key of the next one.
    Members(Map<String, Value>, Option<String>),
}

impl Builder {
    /// Takes an event; `true` when the document is complete.
    fn take(&mut self, event: Event<'_>) -> Result<bool, String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                let value = if is_text { Value::from(text.into_owned()) } else { plain(&text) };
                self.count(1)?;
                self.remember(anchor, &value, 1);
                self.put(value)?;
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, Children::Items(Vec::new()))?,
            Event::MappingStart(anchor, _) => self.open(anchor, Children::Members(Map::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Err("an end without a beginning".into()) };
                let value = match open.children {
                    Children::Items(items) => Value::Array(items),
                    Children::Members(members, _) => Value::Object(members),
                };
                let size = self.values - open.before;
                self.remember(open.anchor, &value, size);
                self.put(value)?;
            }
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err("an alias that names what contains it, or nothing".into());
                };
                self.count(size)?;
                self.put(value)?;
            }
            Event::DocumentEnd => return Ok(self.whole.is_some()),
            _ => {}
        }
        Ok(false)
    }

    fn count(&mut self, more: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(more);
        if self.values > MOST_VALUES {
            return Err(format!("more than {MOST_VALUES} values, aliases counted as often as they are used"));
        }
        Ok(())
    }

    fn open(&mut self, anchor: usize, children: Children) -> Result<(), String> {
        if self.open.len() >= MOST_LEVELS {
            return Err(format!("more than {MOST_LEVELS} levels"));
        }
        self.open.push(Open { anchor, before: self.values, children });
        self.count(1)
    }

    fn remember(&mut self, anchor: usize, value: &Value, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
    }

    fn put(&mut self, value: Value) -> Result<(), String> {
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.whole = Some(value),
            Some(Children::Items(items)) => items.push(value),
            Some(Children::Members(members, key)) => match key.take() {
                None => *key = Some(key_of(value)?),
                // `<<: *other` takes the members of another object over, or of several, of which the first one counts.
                Some(name) if name == "<<" && is_merged(&value) => {
                    let others = match value {
                        Value::Array(others) => others,
                        other => vec![other],
                    };
                    for (key, value) in others.into_iter().filter_map(of_object).flatten() {
                        members.entry(key).or_insert(value);
                    }
                }
                Some(name) => {
                    members.insert(name, value);
                }
            },
        }
        Ok(())
    }
}

/// Whether `<<` takes this over: an object, or a list of such.
fn is_merged(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_object))
}

fn of_object(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(members) = value { Some(members) } else { None }
}

fn key_of(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Ok("null".into()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err("a key that is a list or an object".into()),
    }
}

/// A scalar without quotes, by the core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return text.into();
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return i64::from_str_radix(hexadecimal, 16).map_or_else(|_| text.into(), Value::from);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).map_or_else(|_| text.into(), Value::from);
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = text.strip_prefix('+').unwrap_or(text);
        let number = whole.parse::<i64>().map(Number::from).or_else(|_| whole.parse::<u64>().map(Number::from));
        return number.map_or_else(|_| text.into(), Value::Number);
    }
    let is_float = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let number = text.parse::<f64>().ok().filter(|_| is_float).and_then(Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_reads_as_json_does() {
        let text = "a: 1\nb: [x, 'y', \"z\", true, ~, 1.5, 2024-01-01, 1.0.0, 0x10, .5, +3]\n200:\n  c: &one {d: e}\nf: *one\ng:\n  <<: *one\n  h: |\n    two\n    lines\ni:\n  <<: [*one, {d: x, k: 1}]\n  d: own\n";
        let expected = serde_json::json!({
            "a": 1, "b": ["x", "y", "z", true, null, 1.5, "2024-01-01", "1.0.0", 16, 0.5, 3], "200": {"c": {"d": "e"}},
            "f": {"d": "e"}, "g": {"d": "e", "h": "two\nlines\n"}, "i": {"d": "own", "k": 1},
        });
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("{\"a\": [1, {}]}").unwrap(), serde_json::json!({"a": [1, {}]}));
    }

    #[test]
    fn what_is_out_of_bounds_is_an_error() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let previous = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{previous}]\n");
        }
        assert!(parse(&bomb).unwrap_err().contains("values"));
        assert!(parse(&"[".repeat(5000)).is_err());
        assert!(parse("a: &a [*a]").unwrap_err().contains("alias"));
        assert!(parse("a: b: c").is_err());
        assert!(parse("").is_err());
    }
}
