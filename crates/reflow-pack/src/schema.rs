//! Checking a config against the part of JSON Schema that templates use.
//!
//! `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `minimum`, `maximum`, `minLength`,
//! `maxLength`, `minItems`, `maxItems`, `anyOf` and `oneOf` (any one). Other words are for people and other tools.

use reflow_runtime::Value;

/// Everything that is wrong with `config`, one text a problem.
pub(crate) fn problems(schema: &Value, config: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    // A node without a config has an empty one.
    let empty = Value::Object(reflow_runtime::SharedObject::default());
    check(schema, if config.is_null() { &empty } else { config }, "config", &mut problems);
    problems
}

/// The values that the schema says are secret (`writeOnly`), as texts.
pub(crate) fn secrets(schema: &Value, config: &Value) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let is_secret = |schema: &Value| schema.get("writeOnly") == Some(&Value::Boolean(true));
    let secret = properties.into_iter().flatten().filter(|(_, schema)| is_secret(schema));
    let mut texts = Vec::new();
    secret.filter_map(|(key, _)| config.get(key)).for_each(|value| collect(value, &mut texts));
    texts
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Null | Value::Boolean(_) => {}
        Value::String(text) => texts.push(text.to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.iter().for_each(|(_, member)| collect(member, texts)),
        number => texts.push(number.to_json_string()),
    }
}

fn check(schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    if let Some(types) = schema.get("type") {
        let types: Vec<&str> = types.as_array().map_or_else(
            || types.as_str().into_iter().collect(),
            |types| types.iter().filter_map(Value::as_str).collect(),
        );
        if !types.is_empty() && !types.iter().any(|name| is_a(value, name)) {
            problems.push(format!("{at}: expected {}, got {value}", types.join(" or ")));
            return;
        }
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<_> = allowed.iter().map(Value::to_json_string).collect();
        problems.push(format!("{at}: expected one of {}, got {value}", allowed.join(", ")));
    }
    if let Some(only) = schema.get("const").filter(|only| *only != value) {
        problems.push(format!("{at}: expected {only}, got {value}"));
    }
    for word in ["anyOf", "oneOf"] {
        let Some(choices) = schema.get(word).and_then(Value::as_array) else { continue };
        let fits = |choice: &Value| {
            let mut inner = Vec::new();
            check(choice, value, at, &mut inner);
            inner.is_empty()
        };
        if !choices.iter().any(fits) {
            problems.push(format!("{at}: {value} fits none of the {} forms that it may have", choices.len()));
        }
    }
    check_bounds(schema, value, at, problems);
    check_members(schema, value, at, problems);
    if let (Some(items), Some(schema)) = (value.as_array(), schema.get("items")) {
        for (index, item) in items.iter().enumerate() {
            check(schema, item, &format!("{at}[{index}]"), problems);
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "integer" => match value {
            Value::Integer(_) | Value::Unsigned(_) => true,
            Value::Float(number) => number.fract() == 0.0,
            _ => false,
        },
        name => value.kind() == name,
    }
}

fn check_bounds(schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    let measured = match value {
        Value::String(text) => Some((text.chars().count() as f64, "minLength", "maxLength", " characters")),
        Value::Array(items) => Some((items.len() as f64, "minItems", "maxItems", " items")),
        value => value.as_number().map(|number| (number, "minimum", "maximum", "")),
    };
    let Some((measure, low, high, unit)) = measured else { return };
    let bound = |word| schema.get(word).and_then(Value::as_number);
    if let Some(low) = bound(low).filter(|low| measure < *low) {
        problems.push(format!("{at}: expected at least {low}{unit}, got {value}"));
    }
    if let Some(high) = bound(high).filter(|high| measure > *high) {
        problems.push(format!("{at}: expected at most {high}{unit}, got {value}"));
    }
}

fn check_members(schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    let Some(members) = value.as_object() else { return };
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(key) {
            problems.push(format!("{at}: `{key}` is missing"));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, member) in members {
        let inner = format!("{at}.{key}");
        match (properties.and_then(|properties| properties.get(key)), schema.get("additionalProperties")) {
            (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => check(schema, member, &inner, problems),
            (None, Some(Value::Boolean(false))) => {
                let known: Vec<_> = properties.into_iter().flat_map(|known| known.keys()).map(|key| &**key).collect();
                problems.push(format!("{inner}: there is no such key; there are {}", known.join(", ")));
            }
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &str, config: &str) -> Vec<String> {
        let read = |json| serde_json::from_str::<Value>(json).unwrap();
        problems(&read(schema), &read(config))
    }

    #[test]
    fn each_word_is_checked_and_the_key_is_named() {
        let schema = r#"{"type":"object","required":["a"],"additionalProperties":false,"properties":{
            "a":{"type":"integer","minimum":1,"maximum":3},"b":{"enum":["x","y"]},"c":{"type":"array","items":{"type":"string","minLength":2}},
            "d":{"anyOf":[{"type":"null"},{"const":7}]}}}"#;
        assert!(check(schema, r#"{"a":2,"b":"x","c":["ab"],"d":7}"#).is_empty());
        for (config, part) in [
            ("null", "`a` is missing"),
            (r#"{"a":0}"#, "config.a: expected at least 1"),
            (r#"{"a":4}"#, "at most 3"),
            (r#"{"a":"1"}"#, "expected integer"),
            (r#"{"a":1,"b":"z"}"#, "one of \"x\", \"y\""),
            (r#"{"a":1,"c":["a"]}"#, "config.c[0]: expected at least 2 characters"),
            (r#"{"a":1,"e":1}"#, "no such key"),
            (r#"{"a":1,"d":8}"#, "fits none"),
            ("[]", "expected object"),
        ] {
            let found = check(schema, config);
            assert!(found.len() == 1 && found[0].contains(part), "{config}: {found:?}");
        }
        assert!(check("null", r#"{"anything":1}"#).is_empty());
    }

    #[test]
    fn secrets_are_what_the_schema_says() {
        let read = |json| serde_json::from_str::<Value>(json).unwrap();
        let schema = read(r#"{"properties":{"key":{"writeOnly":true},"keys":{"writeOnly":true},"plain":{}}}"#);
        let config = read(r#"{"key":"abc","keys":{"a":["b",12],"c":null},"plain":"p"}"#);
        assert_eq!(secrets(&schema, &config), ["abc", "b", "12"]);
    }
}
