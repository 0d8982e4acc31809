//! Reading a node's config, with errors that name the key, what was found and what would be right.

use std::collections::BTreeMap;
use std::sync::Arc;

use reflow_message::Value;

use crate::lint::{not_a_word, one_of};

/// Keys beside a config that the runtime reads.
const OF_THE_RUNTIME: [&str; 3] = ["env_vars", "firing", "policy"];

/// How a key of a config is read.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The key.
    pub name: &'static str,
    /// Other names for it; the first that is there counts, and null only where no other is.
    pub aliases: &'static [&'static str],
    /// Smallest number allowed.
    pub min: Option<f64>,
    /// Largest number allowed.
    pub max: Option<f64>,
    /// Whether the key must be there.
    pub required: bool,
    /// Whether a value that does not fit means the default. Such a value is a warning, not a problem.
    pub lenient: bool,
}

/// A value that a config key can have.
pub trait ConfigValue: Sized {
    /// Whether `null` is a value of its own rather than another way to leave the key out.
    const TAKES_NULL: bool = false;

    /// Reads the value.
    ///
    /// # Errors
    /// What was expected, and what was found: `expected a number, found "x"`.
    fn read(value: &Value) -> Result<Self, String>;

    /// The value as JSON, for schemas and documentation.
    fn to_value(&self) -> Value;

    /// The JSON Schema of such values.
    fn schema() -> Value;
}

/// An enum whose variants are words in a config. Derived.
pub trait Choice: Sized + 'static {
    /// The words, and what each means.
    const OPTIONS: &'static [(&'static str, &'static str)];

    /// Other words for some of them.
    const SYNONYMS: &'static [&'static str];

    /// Whether every other word means something too.
    const IS_OPEN: bool;

    /// The variant for a word or a synonym.
    fn from_word(word: &str) -> Option<Self>;

    /// The word for this variant.
    fn word(&self) -> &'static str;
}

/// A config that is being read, and what turned out to be wrong with it.
#[derive(Debug)]
pub struct Config<'a> {
    given: &'a Value,
    /// Keys that somebody asked for.
    known: Vec<&'static str>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Config<'a> {
    /// Begins to read `config`; null is an empty one.
    pub fn new(config: &'a Value) -> Self {
        let mut this = Self { given: config, known: Vec::new(), problems: Vec::new(), warnings: Vec::new() };
        if !config.is_null() && config.as_object().is_none() {
            this.problems.push(format!("config: expected an object, found {}", brief(config)));
        }
        this
    }

    /// Reads one key. What cannot be read is remembered as a problem, and the default is given.
    pub fn read<T: ConfigValue>(&mut self, rule: &Rule, default: impl FnOnce() -> T) -> T {
        let Some((name, value)) = self.find(rule, T::TAKES_NULL) else { return default() };
        T::read(value).and_then(|read| rule.check(value).map(|()| read)).unwrap_or_else(|problem| {
            self.refuse(rule, name, &problem);
            default()
        })
    }

    /// What is given for a key, under whichever of its names.
    fn find(&mut self, rule: &Rule, takes_null: bool) -> Option<(&'static str, &'a Value)> {
        self.known.push(rule.name);
        self.known.extend(rule.aliases);
        let names = std::iter::once(&rule.name).chain(rule.aliases);
        let mut given = names.filter_map(|name| Some((*name, self.given.get(name)?)));
        let null = given.clone().next().filter(|_| takes_null);
        let found = given.find(|(_, value)| !value.is_null()).or(null);
        if found.is_none() && rule.required {
            self.problems.push(format!("config `{}`: is required", rule.name));
        }
        found
    }

    /// Remembers what is wrong with what was given for a key.
    fn refuse(&mut self, rule: &Rule, name: &str, problem: &str) {
        let text = format!("config `{name}`: {problem}");
        if rule.lenient {
            self.warnings.push(text + "; the default counts");
        } else {
            self.problems.push(text);
        }
    }

    /// The config as it stands, for components whose keys are not known beforehand.
    pub fn whole(&mut self) -> Value {
        if self.given.is_null() { Value::object::<&str, Value>([]) } else { self.given.clone() }
    }

    /// Adds the problem that a look at the config as a whole has found.
    pub fn accept(&mut self, verdict: impl Verdict) {
        self.problems.extend(verdict.problem().map(|problem| format!("config: {problem}")));
    }

    /// Whether no problem was found so far.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// Problems, and things that are ignored: values that do not fit a lenient key, and keys that nobody asked for but that
    /// look like one that somebody did. (Other keys are somebody else's: editors keep positions and labels there.)
    pub fn finish(mut self) -> (Vec<String>, Vec<String>) {
        if let Some(members) = self.given.as_object() {
            let unknown = members.keys().filter(|key| {
                !key.starts_with('_') && !OF_THE_RUNTIME.contains(&&***key) && !self.known.contains(&&***key)
            });
            let slips = unknown.filter_map(|key| {
                let meant = self.known.iter().find(|known| !members.contains_key(**known) && is_slip(key, known))?;
                Some(format!("config `{key}`: no such key; did you mean `{meant}`?"))
            });
            self.warnings.extend(slips);
        }
        (self.problems, self.warnings)
    }
}

/// Whether a key is another one with one letter amiss, two in long ones, or swapped, or in another letter case or with other
/// signs between its words. Keys that differ in their numbers are different ones.
pub(crate) fn is_slip(key: &str, known: &str) -> bool {
    if key.len().abs_diff(known.len()) > 4 {
        return false;
    }
    let folded = |key: &str| key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if folded(key) == folded(known) {
        return true;
    }
    let without_digits = |key: &str| key.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    if key.contains(|c: char| c.is_ascii_digit()) && without_digits(key) == without_digits(known) {
        return false;
    }
    let allowed = match key.len() {
        0..3 => return false,
        3..6 => 1,
        _ => 2,
    };
    strsim::osa_distance(key, known) <= allowed
}

impl Rule {
    fn check(&self, value: &Value) -> Result<(), String> {
        let Some(number) = value.as_number() else { return Ok(()) };
        match (self.min, self.max) {
            (Some(min), Some(max)) if !(min..=max).contains(&number) => {
                Err(format!("expected a number from {min} to {max}, found {}", brief(value)))
            }
            (Some(min), None) if number < min || number.is_nan() => {
                Err(format!("expected a number of at least {min}, found {}", brief(value)))
            }
            (None, Some(max)) if number > max || number.is_nan() => {
                Err(format!("expected a number of at most {max}, found {}", brief(value)))
            }
            _ => Ok(()),
        }
    }
}

/// What a look at a config as a whole comes to: nothing, or a result.
pub trait Verdict {
    /// What is wrong.
    fn problem(self) -> Option<String>;
}

impl Verdict for () {
    fn problem(self) -> Option<String> {
        None
    }
}

impl Verdict for Result<(), String> {
    fn problem(self) -> Option<String> {
        self.err()
    }
}

/// Reads a [`Choice`].
///
/// # Errors
/// The words there are.
pub fn read_choice<T: Choice>(value: &Value) -> Result<T, String> {
    value.as_str().and_then(T::from_word).ok_or_else(|| {
        let words: Vec<_> = T::OPTIONS.iter().map(|(word, _)| *word).collect();
        match value {
            Value::String(word) => not_a_word(word, &words),
            other => expected(&one_of(&words), other),
        }
    })
}

/// The JSON Schema of a [`Choice`]; `x-options` says what each word means, and `x-synonyms` which others do.
pub fn choice_schema<T: Choice>() -> Value {
    words_schema::<T>(if T::IS_OPEN { "examples" } else { "enum" })
}

/// The JSON Schema of a word, with the words of a [`Choice`] as `examples` or as an `enum`.
pub fn words_schema<T: Choice>(list: &'static str) -> Value {
    let words = Value::array(T::OPTIONS.iter().map(|(word, _)| *word));
    let meanings = Value::object(T::OPTIONS.iter().copied());
    let mut schema = vec![("type", "string".into()), (list, words), ("x-options", meanings)];
    if !T::SYNONYMS.is_empty() {
        schema.push(("x-synonyms", Value::array(T::SYNONYMS.iter().copied())));
    }
    Value::object(schema)
}

/// A value in a length that fits an error message.
pub fn brief(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(members) => format!("an object of {} keys", members.len()),
        Value::String(text) if text.chars().count() > 40 => {
            format!("\"{}…\"", text.chars().take(40).collect::<String>())
        }
        Value::Float(number) if !number.is_finite() => number.to_string(),
        other => other.to_json_string(),
    }
}

/// What is said of a value of the wrong kind: `expected a number, found "x"`.
pub fn expected(what: &str, found: &Value) -> String {
    format!("expected {what}, found {}", brief(found))
}

fn typed(kind: &str) -> Value {
    Value::object([("type", kind)])
}

/// A whole number, written with or without a fraction of zero.
pub fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        // 2^63 and beyond are not `i64`s; a float has no value between the last one below and 2^63.
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

impl ConfigValue for bool {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_boolean().ok_or_else(|| expected("true or false", value))
    }

    fn to_value(&self) -> Value {
        (*self).into()
    }

    fn schema() -> Value {
        typed("boolean")
    }
}

impl ConfigValue for f64 {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_number().filter(|number| number.is_finite()).ok_or_else(|| expected("a number", value))
    }

    fn to_value(&self) -> Value {
        (*self).into()
    }

    fn schema() -> Value {
        typed("number")
    }
}

macro_rules! whole_numbers {
    ($($kind:ty),+) => {
        $(impl ConfigValue for $kind {
            fn read(value: &Value) -> Result<Self, String> {
                let number = whole_number(value).ok_or_else(|| expected("a whole number", value))?;
                Self::try_from(number)
                    .map_err(|_| expected(&format!("a whole number from {} to {}", Self::MIN, Self::MAX), value))
            }

            fn to_value(&self) -> Value {
                i64::try_from(*self).map_or(Value::Null, Value::Integer)
            }

            fn schema() -> Value {
                let mut schema = vec![("type", Value::from("integer"))];
                if Self::MIN == 0 {
                    schema.push(("minimum", 0.into()));
                }
                Value::object(schema)
            }
        })+
    };
}

whole_numbers!(i32, i64, u8, u16, u32, u64, usize);

impl ConfigValue for String {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_str().map(Into::into).ok_or_else(|| expected("a string", value))
    }

    fn to_value(&self) -> Value {
        self.as_str().into()
    }

    fn schema() -> Value {
        typed("string")
    }
}

impl ConfigValue for Arc<str> {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_str().map(Into::into).ok_or_else(|| expected("a string", value))
    }

    fn to_value(&self) -> Value {
        Value::String(Self::clone(self))
    }

    fn schema() -> Value {
        typed("string")
    }
}

impl ConfigValue for Value {
    const TAKES_NULL: bool = true;

    fn read(value: &Value) -> Result<Self, String> {
        Ok(value.clone())
    }

    fn to_value(&self) -> Value {
        self.clone()
    }

    fn schema() -> Value {
        Self::object::<&str, Self>([])
    }
}

impl<T: ConfigValue> ConfigValue for Option<T> {
    const TAKES_NULL: bool = T::TAKES_NULL;

    fn read(value: &Value) -> Result<Self, String> {
        T::read(value).map(Some)
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn schema() -> Value {
        T::schema()
    }
}

impl<T: ConfigValue> ConfigValue for Vec<T> {
    fn read(value: &Value) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(|| expected("a list", value))?;
        let read = |(index, item)| T::read(item).map_err(|problem| format!("item {index}: {problem}"));
        items.iter().enumerate().map(read).collect()
    }

    fn to_value(&self) -> Value {
        Value::array(self.iter().map(T::to_value))
    }

    fn schema() -> Value {
        Value::object([("type", "array".into()), ("items", T::schema())])
    }
}

impl<T: ConfigValue> ConfigValue for BTreeMap<String, T> {
    fn read(value: &Value) -> Result<Self, String> {
        let members = value.as_object().ok_or_else(|| expected("an object", value))?;
        let read = |(key, item): (&Arc<str>, &Value)| match T::read(item) {
            Ok(item) => Ok((key.to_string(), item)),
            Err(problem) => Err(format!("`{key}`: {problem}")),
        };
        members.iter().map(read).collect()
    }

    fn to_value(&self) -> Value {
        Value::object(self.iter().map(|(key, item)| (key.as_str(), item.to_value())))
    }

    fn schema() -> Value {
        Value::object([("type", "object".into()), ("additionalProperties", T::schema())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    const RULE: Rule =
        Rule { name: "size", aliases: &["width"], min: Some(1.0), max: Some(9.0), required: false, lenient: false };

    #[test]
    fn problems_name_the_key_what_was_found_and_what_would_be_right() {
        for (config, problem) in [
            (r#"{"size": "x"}"#, "config `size`: expected a whole number, found \"x\""),
            (r#"{"width": 12}"#, "config `width`: expected a number from 1 to 9, found 12"),
            (r#"{"size": -1}"#, "config `size`: expected a whole number from 0 to 4294967295, found -1"),
            (r"[1]", "config: expected an object, found an array of 1 items"),
        ] {
            let config = value(config);
            let mut config = Config::new(&config);
            assert_eq!(config.read::<u32>(&RULE, || 5), 5);
            assert_eq!(config.finish().0, [problem]);
        }
    }

    #[test]
    fn aliases_lenience_and_unknown_keys() {
        let config = value(r#"{"width": 2.0, "colour": 1, "siez": 1, "_size": 1}"#);
        let mut config = Config::new(&config);
        assert_eq!(config.read::<u32>(&RULE, || 5), 2);
        assert_eq!(config.finish(), (vec![], vec!["config `siez`: no such key; did you mean `size`?".to_string()]));
        let config = value(r#"{"size": "x"}"#);
        let mut config = Config::new(&config);
        assert_eq!(config.read::<u32>(&Rule { lenient: true, ..RULE }, || 5), 5);
        assert!(config.is_sound());
        let warning = "config `size`: expected a whole number, found \"x\"; the default counts";
        assert_eq!(config.finish().1, [warning]);
    }

    #[test]
    fn null_counts_where_nothing_else_is() {
        for (config, found) in [
            (r#"{"size": null, "width": 1}"#, "1"),
            (r#"{"size": false, "width": 1}"#, "false"),
            (r#"{"width": null}"#, "null"),
            ("{}", "7"),
        ] {
            let config = value(config);
            let read = Config::new(&config).read::<Value>(&RULE, || value("7"));
            assert_eq!(read.to_json_string(), found);
        }
    }

    #[test]
    fn nested_values_say_where() {
        assert_eq!(Vec::<f64>::read(&value("[1, true]")).unwrap_err(), "item 1: expected a number, found true");
        let read = BTreeMap::<String, bool>::read(&value(r#"{"a": 1}"#));
        assert_eq!(read.unwrap_err(), "`a`: expected true or false, found 1");
        assert_eq!(Option::<f64>::read(&value("2")), Ok(Some(2.0)));
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        assert_eq!(i64::read(&value("3.0")), Ok(3));
        assert!(i64::read(&value("3.5")).is_err());
        assert!(i64::read(&value("1e300")).is_err());
        assert!(i64::read(&Value::Float(f64::NAN)).is_err());
    }
}
