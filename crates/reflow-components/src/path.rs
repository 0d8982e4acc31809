//! `Path`: where in a document a value is, `data.users[1].name` for example.

use std::sync::Arc;

use reflow_runtime::{Object, Value};

use crate::config::ConfigValue;

/// The way to a value in a document.
///
/// Steps are separated by points; a step is a member name, with indexes in brackets behind it. A negative index counts from
/// the end, a name in brackets and quotes may hold any characters, and a `$` in front stands for the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Member(Arc<str>),
    Item(i64),
}

impl Path {
    /// Reads a path; `None` when it is malformed. Empty text is the path to the whole document.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = match text.strip_prefix('$') {
            Some(after) if after.is_empty() || after.starts_with(['.', '[']) => {
                after.strip_prefix('.').unwrap_or(after)
            }
            _ => text,
        };
        let mut steps = Vec::new();
        if rest.is_empty() {
            return Some(Self(steps));
        }
        loop {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.contains(']') {
                return None;
            }
            if !name.is_empty() || !after.starts_with('[') {
                steps.push(Step::Member(name.into()));
            }
            rest = after;
            while let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracket(inside)?;
                steps.push(step);
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(next) => rest = next,
                None if rest.is_empty() => return Some(Self(steps)),
                None => return None,
            }
        }
    }

    /// The value there, if there is one.
    pub(crate) fn get<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, step| match step {
            // `a.0` is another way to write `a[0]`.
            Step::Member(name) if value.as_array().is_some() => value.as_array()?.get(name.parse::<usize>().ok()?),
            Step::Member(name) => value.get(name),
            Step::Item(index) => {
                let items = value.as_array()?;
                let index = if *index < 0 { index.checked_add(items.len() as i64)? } else { *index };
                items.get(usize::try_from(index).ok()?)
            }
        })
    }

    /// The document with the value there replaced, or removed with `None`. Objects on the way are made where nothing is;
    /// where something else stands in the way, or an item is not there, the document comes back as it is.
    pub(crate) fn set(&self, document: &Value, value: Option<Value>) -> Value {
        replaced(&self.0, document, value).unwrap_or_else(|| document.clone())
    }
}

fn bracket(inside: &str) -> Option<(Step, &str)> {
    if let Some(quote) = inside.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (name, after) = inside[1..].split_once(quote)?;
        return Some((Step::Member(name.into()), after.strip_prefix(']')?));
    }
    let (digits, after) = inside.split_once(']')?;
    let is_number = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|byte| byte.is_ascii_digit());
    Some((Step::Item(if is_number { digits.parse().ok()? } else { return None }), after))
}

fn replaced(steps: &[Step], document: &Value, value: Option<Value>) -> Option<Value> {
    let Some((step, below)) = steps.split_first() else { return value };
    match step {
        Step::Member(name) => {
            let mut members = match document {
                Value::Object(members) => Object::clone(members),
                Value::Null => Object::new(),
                _ => return None,
            };
            if below.is_empty() && value.is_none() {
                members.remove(name);
            } else {
                let inner = members.get(name).unwrap_or(&Value::Null);
                let inner = replaced(below, inner, value)?;
                members.insert(Arc::clone(name), inner);
            }
            Some(members.into())
        }
        Step::Item(index) => {
            let mut items = document.as_array()?.to_vec();
            let index = if *index < 0 { index.checked_add(items.len() as i64)? } else { *index };
            let index = usize::try_from(index).ok().filter(|index| *index < items.len())?;
            if below.is_empty() && value.is_none() {
                items.remove(index);
            } else {
                items[index] = replaced(below, &items[index], value)?;
            }
            Some(items.into())
        }
    }
}

/// A member that a config names: the member of exactly that name, else the value at the path of that spelling.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Field {
    name: Arc<str>,
    path: Option<Path>,
}

impl Field {
    pub(crate) fn new(name: &str) -> Self {
        let path = name.contains(['.', '[']).then(|| Path::parse(name)).flatten();
        Self { name: name.into(), path }
    }

    /// Whether it has no name, which many components take for the whole.
    pub(crate) fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    pub(crate) fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.get(&self.name).or_else(|| self.path.as_ref()?.get(value))
    }

    /// `value` with the member set, or removed with `None`.
    pub(crate) fn set(&self, value: &Value, new: Option<Value>) -> Value {
        match &self.path {
            Some(path) if value.get(&self.name).is_none() => path.set(value, new),
            _ => Path(vec![Step::Member(Arc::clone(&self.name))]).set(value, new),
        }
    }
}

impl ConfigValue for Field {
    fn read(value: &Value) -> Result<Self, String> {
        String::read(value).map(|name| Self::new(&name))
    }

    fn to_value(&self) -> Value {
        Value::String(Arc::clone(&self.name))
    }

    fn schema() -> Value {
        String::schema()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(path: &str, document: &str) -> Option<String> {
        let document: Value = serde_json::from_str(document).unwrap();
        Path::parse(path)?.get(&document).map(Value::to_json_string)
    }

    #[test]
    fn members_and_items() {
        let document = r#"{"a": [[1, 2], {"b c": 3, "": 4}], "$x": 5}"#;
        for (path, found) in [
            ("a[0][1]", Some("2")),
            ("a[-1][\"b c\"]", Some("3")),
            ("a[1].b c", Some("3")),
            ("a[1].", Some("4")),
            ("$.a[0][0]", Some("1")),
            ("$['a'][0][0]", Some("1")),
            ("$x", Some("5")),
            ("a[2]", None),
            ("a[-3]", None),
            ("a.1.b c", Some("3")),
            ("a.b", None),
            ("[0]", None),
        ] {
            assert_eq!(at(path, document).as_deref(), found, "{path}");
        }
        assert_eq!(at("", "7").as_deref(), Some("7"));
        assert_eq!(at("$", "7").as_deref(), Some("7"));
    }

    #[test]
    fn malformed_paths_are_refused() {
        for path in ["a[", "a[x]", "a]", "a[0]b", "a[]", "a['x]", "a[1.5]", "[-]", "a[99999999999999999999]"] {
            assert_eq!(Path::parse(path), None, "{path}");
        }
    }

    #[test]
    fn setting_makes_objects_on_the_way_and_spares_everything_else() {
        let document: Value = serde_json::from_str(r#"{"a": {"b": 1}, "list": [1, 2], "x.y": 0}"#).unwrap();
        let set =
            |name: &str, value: Option<i64>| Field::new(name).set(&document, value.map(Value::from)).to_json_string();
        assert_eq!(set("a.c.d", Some(2)), r#"{"a":{"b":1,"c":{"d":2}},"list":[1,2],"x.y":0}"#);
        assert_eq!(set("list[-1]", Some(9)), r#"{"a":{"b":1},"list":[1,9],"x.y":0}"#);
        assert_eq!(set("x.y", Some(7)), r#"{"a":{"b":1},"list":[1,2],"x.y":7}"#);
        assert_eq!(set("a.b.c", Some(2)), document.to_json_string());
        assert_eq!(set("a.b", None), r#"{"a":{},"list":[1,2],"x.y":0}"#);
        assert_eq!(set("list[0]", None), r#"{"a":{"b":1},"list":[2],"x.y":0}"#);
        assert_eq!(set("list[5]", None), document.to_json_string());
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_not(text in "[a$.\\[\\]0-9\"' -]{0,12}") {
            if let Some(path) = Path::parse(&text) {
                let document: Value = serde_json::from_str(r#"{"a": [1, {"a": 2}], "": [3]}"#).unwrap();
                let _ = path.get(&document);
                let changed = path.set(&document, Some(Value::Integer(8)));
                if changed != document {
                    prop_assert_eq!(path.get(&changed), Some(&Value::Integer(8)));
                }
            }
        }
    }
}
