//! What a config says in vain, found by its JSON Schema: words that are none of a list, keys that nobody asked for, values of
//! another kind, on every level below the keys themselves.

use reflow_message::Value;

use crate::config::{expected, is_slip};

/// Members of nested objects that are notes of a tool or a person.
const NOTES: [&str; 6] = ["id", "name", "label", "title", "description", "comment"];

/// How many words or keys a text lists.
const LISTED: usize = 24;

/// How many slips are told of one config.
const MOST: usize = 32;

/// Looks at the value of a config key, and below it when it is a list or an object. Of a plain value only words are judged: whoever
/// reads the key tells what else is wrong with it, and has done so when `is_told`. Where the key is `lenient`, a value of another kind
/// counts as the default.
pub fn findings(key: &str, value: &Value, schema: &Value, is_told: bool, lenient: bool) -> Vec<String> {
    let mut lint = Lint { found: Vec::new(), lenient };
    lint.value(&mut key.to_string(), value, schema, true);
    // What is said of the value itself has been said already.
    let itself = format!("config `{key}`:");
    lint.found.retain(|text| !(is_told && text.starts_with(&itself)));
    lint.found
}

struct Lint {
    found: Vec<String>,
    lenient: bool,
}

impl Lint {
    // Recursion goes no deeper than the schema.
    fn value(&mut self, path: &mut String, value: &Value, schema: &Value, is_key: bool) {
        // Null is another way to leave something out.
        if self.found.len() >= MOST || value.is_null() {
            return;
        }
        let Some(schema) = alternative(schema, value) else {
            self.kind(path, value, schema);
            return;
        };
        let is_structured =
            ["items", "properties", "additionalProperties"].iter().any(|part| schema.get(part).is_some());
        if (!is_key || is_structured) && !fits(schema, value) {
            self.kind(path, value, schema);
            return;
        }
        match value {
            // A closed list at the top is told by who reads it.
            Value::String(word) if !is_key || schema.get("enum").is_none() => self.word(path, word, schema),
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    self.each(path, items.iter().enumerate().map(|(at, item)| (format!("[{at}]"), item, schema)));
                }
            }
            Value::Object(_) => self.object(path, value, schema),
            _ => {}
        }
    }

    /// Tells of a value of another kind.
    fn kind(&mut self, path: &str, value: &Value, schema: &Value) {
        let counts = if self.lenient { "; the default counts" } else { "" };
        self.tell(path, expected(&kinds(schema), value) + counts);
    }

    fn each<'a>(&mut self, path: &mut String, parts: impl Iterator<Item = (String, &'a Value, &'a Value)>) {
        for (step, part, schema) in parts {
            let length = path.len();
            path.push_str(&step);
            self.value(path, part, schema, false);
            path.truncate(length);
        }
    }

    fn word(&mut self, path: &str, word: &str, schema: &Value) {
        let Some(words) = schema.get("x-options").and_then(Value::as_object) else { return };
        let synonyms = schema.get("x-synonyms").and_then(Value::as_array).unwrap_or_default();
        if !words.contains_key(word) && !synonyms.iter().any(|synonym| synonym.as_str() == Some(word)) {
            self.tell(path, not_a_word(word, &words_of(schema)));
        }
    }

    fn object(&mut self, path: &mut String, value: &Value, schema: &Value) {
        let members = value.as_object().into_iter().flatten();
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        let known: Vec<&str> =
            properties.into_iter().flatten().flat_map(|(key, property)| names(key, property)).collect();
        let mut parts = Vec::new();
        for (key, member) in members {
            let property = properties
                .into_iter()
                .flatten()
                .find(|(name, property)| names(name, property).any(|name| name == &**key));
            let own = property.map(|(_, property)| property);
            let free = others.filter(|others| others.as_object().is_some());
            let is_note = key.starts_with('_') || key.starts_with("x-");
            if own.is_none() && !is_note && self.is_misspelt(path, key, &known) {
                continue;
            }
            if let Some(schema) = own.or(free) {
                parts.push((format!(".{key}"), member, schema));
            } else if !known.is_empty() && others.is_some() && !is_note && !NOTES.contains(&&**key) {
                self.tell(&format!("{path}.{key}"), format!("no such key; there are {}", listed(&known)));
            }
        }
        self.each(path, parts.into_iter());
    }

    /// Tells of a key that looks like one of those that there are.
    fn is_misspelt(&mut self, path: &str, key: &str, known: &[&str]) -> bool {
        let Some(meant) = known.iter().find(|known| **known != key && is_slip(key, known)) else { return false };
        self.tell(&format!("{path}.{key}"), format!("no such key; did you mean `{meant}`?"));
        true
    }

    fn tell(&mut self, path: &str, text: impl std::fmt::Display) {
        self.found.push(format!("config `{path}`: {text}"));
    }
}

/// The part of a schema that is meant for a value: itself, or the first of its alternatives of that kind.
fn alternative<'a>(schema: &'a Value, value: &Value) -> Option<&'a Value> {
    match schema.get("anyOf").and_then(Value::as_array) {
        Some(alternatives) => alternatives.iter().find(|alternative| fits(alternative, value)),
        None => Some(schema),
    }
}

/// Whether a value is of the kind that a schema asks for.
fn fits(schema: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "integer" => crate::config::whole_number(value).is_some(),
        kind => kind == value.kind(),
    };
    match schema.get("type") {
        Some(Value::String(kind)) => is(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// The kinds of a schema and of its alternatives, in words.
fn kinds(schema: &Value) -> String {
    let alternatives = schema.get("anyOf").and_then(Value::as_array).unwrap_or(std::slice::from_ref(schema));
    let kinds = alternatives.iter().filter_map(|alternative| alternative.get("type")).flat_map(|kind| match kind {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect::<Vec<_>>(),
    });
    let article = |kind| match kind {
        "array" => "a list",
        "object" => "an object",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "string" => "a text",
        other => other,
    };
    kinds.map(article).collect::<Vec<_>>().join(" or ")
}

/// A property's name and the other ones for it.
fn names<'a>(name: &'a str, property: &'a Value) -> impl Iterator<Item = &'a str> {
    let aliases = property.get("x-aliases").and_then(Value::as_array).unwrap_or_default();
    std::iter::once(name).chain(aliases.iter().filter_map(Value::as_str))
}

/// The words of a schema, in their order.
fn words_of(schema: &Value) -> Vec<&str> {
    let words = ["enum", "examples"].iter().find_map(|list| schema.get(list)?.as_array());
    words.unwrap_or_default().iter().filter_map(Value::as_str).collect()
}

/// `expected one of "AND", "OR", found "ADN" (did you mean "AND"?)`.
pub(crate) fn not_a_word(word: &str, words: &[&str]) -> String {
    let meant = nearest(word, words).map_or_else(String::new, |meant| format!(" (did you mean \"{meant}\"?)"));
    expected(&one_of(words), &word.into()) + &meant
}

/// `one of "AND", "OR"`.
pub(crate) fn one_of(words: &[&str]) -> String {
    let shown: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("one of {}", shown.join(", "))
}

/// The candidate that a word most likely means.
fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // A longer word is none of them with a letter amiss, and comparing would take its time.
    if word.len() > 64 {
        return None;
    }
    let folded = word.to_lowercase();
    let distance = |candidate: &str| strsim::osa_distance(&folded, &candidate.to_lowercase());
    let close =
        candidates.iter().map(|candidate| (distance(candidate), *candidate)).min_by_key(|(distance, _)| *distance);
    let close =
        close.filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4).map(|(_, candidate)| candidate);
    let begins = |candidate: &&&str| {
        let candidate = candidate.to_lowercase();
        folded.len() > 2 && (candidate.contains(&folded) || (candidate.len() > 2 && folded.contains(&candidate)))
    };
    close.or_else(|| candidates.iter().find(begins).copied())
}

fn listed(keys: &[&str]) -> String {
    let shown: Vec<String> = keys.iter().take(LISTED).map(|key| format!("`{key}`")).collect();
    shown.join(", ") + if keys.len() > LISTED { ", …" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(schema: serde_json::Value, value: serde_json::Value) -> Vec<String> {
        findings("k", &value.into(), &schema.into(), false, false)
    }

    #[test]
    fn words_below_and_open_words() {
        let words = json!({"type": "string", "examples": ["sum", "max"], "x-options": {"sum": "", "max": ""}, "x-synonyms": ["total"]});
        assert_eq!(
            found(words.clone(), json!("summ")),
            ["config `k`: expected one of \"sum\", \"max\", found \"summ\" (did you mean \"sum\"?)"]
        );
        assert_eq!(found(words.clone(), json!("total")), [""; 0]);
        assert_eq!(
            found(words.clone(), json!("elephants")),
            ["config `k`: expected one of \"sum\", \"max\", found \"elephants\""]
        );
        let list = json!({"type": "array", "items": words});
        assert_eq!(
            found(list, json!(["sum", "MAX", 5])),
            [
                "config `k[1]`: expected one of \"sum\", \"max\", found \"MAX\" (did you mean \"max\"?)",
                "config `k[2]`: expected a text, found 5",
            ]
        );
    }

    #[test]
    fn keys_of_closed_and_open_objects() {
        let properties = json!({"sortField": {"type": "string"}, "deep": {"type": "object", "properties": {"a": {}}, "additionalProperties": false}});
        let closed = json!({"type": "object", "properties": properties, "additionalProperties": false});
        assert_eq!(
            found(closed.clone(), json!({"sortfield": "x", "id": 1, "_note": 1, "colour": 1, "deep": {"b": 1}})),
            [
                "config `k.colour`: no such key; there are `deep`, `sortField`",
                "config `k.sortfield`: no such key; did you mean `sortField`?",
                "config `k.deep.b`: no such key; there are `a`",
            ]
        );
        assert_eq!(found(closed.clone(), json!({"sortField": 1})), ["config `k.sortField`: expected a text, found 1"]);
        let open =
            json!({"type": "object", "properties": {"Content-Type": {}}, "additionalProperties": {"type": "string"}});
        assert_eq!(
            found(open, json!({"Content-Typ": "x", "X-Mine": "y", "X-Yours": 1})),
            [
                "config `k.Content-Typ`: no such key; did you mean `Content-Type`?",
                "config `k.X-Yours`: expected a text, found 1",
            ]
        );
    }

    #[test]
    fn alternatives_are_chosen_by_kind() {
        let one = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": false});
        let schema = json!({"anyOf": [one, {"type": "array", "items": one}]});
        assert_eq!(
            found(schema.clone(), json!([{"a": 1}, {"a": 1.5}])),
            ["config `k[1].a`: expected a whole number, found 1.5"]
        );
        assert_eq!(found(schema, json!(5)), ["config `k`: expected an object or a list, found 5"]);
    }

    #[test]
    fn hostile_configs_are_told_briefly() {
        let schema = json!({"type": "array", "items": {"type": "string", "examples": ["a"], "x-options": {"a": ""}}});
        let long = "x".repeat(1_000_000);
        let texts = found(schema, json!(vec![long; 1000]));
        assert_eq!(texts.len(), MOST);
        assert!(texts.iter().all(|text| text.len() < 200));
    }
}
