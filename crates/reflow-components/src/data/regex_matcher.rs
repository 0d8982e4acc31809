//! `tpl_regex_matcher`.

use regex::{Regex, RegexBuilder};

use crate::prelude::*;
use crate::read;

/// Finds a pattern in text.
///
/// `matched` says for each text whether the pattern is in it. If so, `matches` is a list with the text of the first match; with
/// `global` it is a list of all matches that do not overlap, `{"index": …, "match": …}`, the index counting bytes of the UTF-8
/// text. When the pattern has groups, `groups` is an object with what each of them matched first: under its name if it has one,
/// else under its number; null when it took no part.
///
/// The syntax is that of the [`regex`](https://docs.rs/regex/latest/regex/#syntax) crate: Perl's without look-around and
/// back-references, so that the time is linear in the length of the text whatever the pattern. The pattern is compiled once.
///
/// # Errors
///
/// Nothing but an Error leaves when the input is no text (`Expected String on input port`) and for every packet when the pattern
/// cannot be read (`Invalid pattern: …`).
#[derive(Component)]
#[component(id = "tpl_regex_matcher", title = "Regex Matcher", category = "data", prepare)]
#[inport(input: string, required, "The text to search.")]
#[outport(matched: boolean, "Whether the pattern was found.")]
#[outport(matches: array, "What was found.")]
#[outport(groups: object, "What the groups of the pattern matched first.")]
#[outport(error: error, "Why nothing could be searched.")]
#[example(
    config = r#"{"pattern": "(?<key>\\w+)=(\\d+)"}"#,
    steps = r#"[{"input": "a=1, b=2"}]"#,
    outputs = r#"[{"matched": [true], "matches": [{"type": "Object", "data": ["a=1"]}], "groups": [{"key": "a", "2": "1"}]}]"#
)]
#[example(
    config = r#"{"pattern": "x", "global": true, "flags": "i"}"#,
    steps = r#"[{"input": "éXx"}]"#,
    outputs = r#"[{"matched": [true],
        "matches": [{"type": "Object", "data": [{"index": 2, "match": "X"}, {"index": 3, "match": "x"}]}]}]"#
)]
pub(super) struct RegexMatcher {
    /// The regular expression.
    #[config(default = ".*".to_string(), lenient)]
    pattern: String,
    /// Report every match with its position.
    #[config(lenient)]
    global: bool,
    /// Any of `i` (ignore case), `m` (`^` and `$` match at lines), `s` (`.` matches line ends), `x` (blanks and comments in
    /// the pattern mean nothing) and `g` (as `global`).
    #[config(lenient)]
    flags: String,
    #[state(Err(String::new()))]
    regex: Result<Regex, String>,
}

impl RegexMatcher {
    fn prepare(&mut self) {
        let mut builder = RegexBuilder::new(&self.pattern);
        let mut unknown = None;
        for flag in self.flags.chars() {
            match flag {
                'i' => drop(builder.case_insensitive(true)),
                'm' => drop(builder.multi_line(true)),
                's' => drop(builder.dot_matches_new_line(true)),
                'x' => drop(builder.ignore_whitespace(true)),
                'g' => self.global = true,
                'u' => {}
                other => unknown = Some(format!("there is no flag `{other}`, only i, m, s, x and g")),
            }
        }
        let built = builder.build().map_err(|error| {
            // The crate draws the place over several lines; the reason is on the last one.
            let text = error.to_string();
            text.rsplit_once("error: ").map_or(text.as_str(), |(_, reason)| reason).trim().to_string()
        });
        self.regex = unknown.map_or(built, Err);
    }

    fn all_matches(regex: &Regex, text: &str) -> Value {
        let item = |found: regex::Match<'_>| {
            Value::object([("index", Value::from(found.start())), ("match", found.as_str().into())])
        };
        Value::array(regex.find_iter(text).map(item))
    }
}

impl Actor for RegexMatcher {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else { return Ok(()) };
        let text = match &message {
            Message::String(text) => text,
            other => match read::payload(other) {
                Some(Value::String(text)) => text,
                _ => return tick.report(Self::OUT_ERROR, "Expected String on input port"),
            },
        };
        let regex = match &self.regex {
            Ok(regex) => regex,
            Err(reason) => {
                let text = format!("Invalid pattern: {reason}");
                return tick.report(Self::OUT_ERROR, text);
            }
        };
        let Some(first) = regex.captures(text) else {
            tick.emit(Self::OUT_MATCHED, false);
            return Ok(());
        };
        tick.emit(Self::OUT_MATCHED, true);
        let matches = if self.global { Self::all_matches(regex, text) } else { Value::array([&first[0]]) };
        tick.emit(Self::OUT_MATCHES, Message::object(matches));
        if first.len() > 1 {
            let names = regex.capture_names().enumerate().skip(1);
            let member = |(number, name): (usize, Option<&str>)| {
                let found = first.get(number).map(|found| found.as_str());
                (name.map_or_else(|| number.to_string(), str::to_string), Value::from(found))
            };
            tick.emit(Self::OUT_GROUPS, Message::object(Value::object(names.map(member))));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn what_is_wrong_with_a_pattern_is_told_for_every_packet() {
        for (config, reason) in [
            (json!({"pattern": "a(b"}), "Invalid pattern: unclosed group"),
            (json!({"pattern": "a", "flags": "q"}), "Invalid pattern: there is no flag `q`, only i, m, s, x and g"),
            (json!({"pattern": "(?=a)"}), "look-around"),
            (json!({"pattern": "a{1000}{1000}{1000}"}), "Invalid pattern: Compiled regex exceeds size limit"),
        ] {
            let outputs = run::<RegexMatcher>(config, [json!({"input": "a"})]);
            let text = outputs[0]["error"][0]["data"].as_str().unwrap();
            assert!(text.contains(reason), "{text}");
        }
    }

    #[test]
    fn groups_that_took_no_part_are_null() {
        let outputs =
            run::<RegexMatcher>(json!({"pattern": "(a)|(b)"}), [json!({"input": "b"}), json!({"input": "c"})]);
        assert_eq!(outputs[0]["groups"], json!([{"1": null, "2": "b"}]));
        assert_eq!(outputs[1], json!({"matched": [false]}));
    }

    #[test]
    fn hostile_patterns_take_linear_time() {
        let text = "a".repeat(30_000);
        let outputs = run::<RegexMatcher>(json!({"pattern": "(a+)+$b"}), [json!({"input": text})]);
        assert_eq!(outputs[0], json!({"matched": [false]}));
    }
}
