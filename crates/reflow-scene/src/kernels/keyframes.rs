//! Values between keyframes.

use reflow_message::Value;

use super::easing::ease;

/// The value of a list of keyframes `{time, value, easing}` at a time, in seconds; the list is in ascending order.
///
/// Before the first and from the last one on, theirs is the value. Between two, the easing of the first of them leads from one
/// to the other.
pub fn evaluate(keyframes: &[Value], time: f64) -> Option<Value> {
    let value = |keyframe: &Value| keyframe.get("value").cloned().unwrap_or_default();
    let (first, last) = (keyframes.first()?, keyframes.last()?);
    if keyframes.len() == 1 || time < time_of(first) {
        return Some(value(first));
    }
    if time >= time_of(last) {
        return Some(value(last));
    }
    let pair = keyframes.windows(2).find(|pair| (time_of(&pair[0])..time_of(&pair[1])).contains(&time));
    let Some([a, b]) = pair else { return Some(value(last)) };
    let (start, end) = (time_of(a), time_of(b));
    let progress = (time - start) / (end - start);
    let eased = ease(a.get("easing").and_then(Value::as_str).unwrap_or("linear"), progress);
    let null = Value::Null;
    Some(between(a.get("value").unwrap_or(&null), b.get("value").unwrap_or(&null), eased))
}

/// When a keyframe is, in seconds.
pub fn time_of(keyframe: &Value) -> f64 {
    keyframe.get("time").and_then(Value::as_number).unwrap_or(0.0)
}

/// The value on the way from `a` to `b`: numbers and lists of equal length part by part; anything else changes in the middle.
fn between(a: &Value, b: &Value, t: f64) -> Value {
    let mix = |a: f64, b: f64| a + (b - a) * t;
    if let (Some(a), Some(b)) = (a.as_number(), b.as_number()) {
        return mix(a, b).into();
    }
    match (a.as_array(), b.as_array()) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            let number = |value: &Value| value.as_number().unwrap_or(0.0);
            Value::array(a.iter().zip(b).map(|(a, b)| mix(number(a), number(b))))
        }
        _ if t < 0.5 => a.clone(),
        _ => b.clone(),
    }
}

/// The value of a tween on the way from `from` to `to`: numbers, lists of equal length and objects part by part; anything else
/// is `to`.
pub fn tween(from: &Value, to: &Value, t: f64) -> Value {
    if let (Some(from), Some(to)) = (from.as_number(), to.as_number()) {
        return (from + (to - from) * t).into();
    }
    match (from, to) {
        (Value::Array(from), Value::Array(to)) if from.len() == to.len() => {
            Value::array(from.iter().zip(to.iter()).map(|(from, to)| tween(from, to, t)))
        }
        (Value::Object(from), Value::Object(to)) => Value::object(from.iter().map(|(key, from)| {
            let value = to.get(key).map_or_else(|| from.clone(), |to| tween(from, to, t));
            (std::sync::Arc::clone(key), value)
        })),
        _ => to.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(json: &str, time: f64) -> String {
        evaluate(Value::from_json(json).unwrap().as_array().unwrap(), time)
            .map_or("none".into(), |v| v.to_json_string())
    }

    #[test]
    fn values_hold_at_the_ends_and_go_in_between() {
        let list =
            r#"[{"time": 1, "value": 2, "easing": "easeInQuad"}, {"time": 3, "value": 6}, {"time": 4, "value": 7}]"#;
        for (time, value) in
            [(0.0, "2"), (1.0, "2.0"), (2.0, "3.0"), (3.5, "6.5"), (4.0, "7"), (9.0, "7"), (f64::NAN, "7")]
        {
            assert_eq!(at(list, time), value, "at {time}");
        }
        assert_eq!(at("[]", 0.0), "none");
        assert_eq!(at(r#"[{"value": [1]}]"#, 5.0), "[1]");
    }

    #[test]
    fn lists_go_part_by_part_and_other_things_change_in_the_middle() {
        let list = |a: &str, b: &str| format!(r#"[{{"time": 0, "value": {a}}}, {{"time": 1, "value": {b}}}]"#);
        assert_eq!(at(&list("[0, true]", "[2, 4]"), 0.25), "[0.5,1.0]");
        assert_eq!(at(&list("[0]", "[2, 4]"), 0.25), "[0]");
        assert_eq!(at(&list("\"a\"", "null"), 0.5), "null");
    }

    #[test]
    fn tweens_go_key_by_key() {
        let value = |json| Value::from_json(json).unwrap();
        let tweened =
            tween(&value(r#"{"a": 0, "b": [0, 4], "c": 1}"#), &value(r#"{"a": 2, "b": [2, 0], "d": 1}"#), 0.5);
        assert_eq!(tweened.to_json_string(), r#"{"a":1.0,"b":[1.0,2.0],"c":1}"#);
        assert_eq!(tween(&value("\"a\""), &value("3"), 0.1), value("3"));
    }
}
