//! `tpl_regex_matcher`.

use std::time::{Duration, Instant};

use regex::{Regex, RegexBuilder};
use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::syntax;

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
/// back-references. The pattern is compiled once. The time for one match is linear in the length of the text whatever the pattern; all
/// matches of `global` together take time for 64 looks at each character or are refused, as more than a million of them are.
///
/// # Errors
///
/// Nothing but an Error leaves when the input is no text (`Expected String on input port`) and for every packet when the pattern
/// cannot be read (`Invalid pattern: …`); and with `global` for texts whose matches take too long or are too many (`The pattern …`).
#[derive(Component)]
#[component(id = "tpl_regex_matcher", title = "Regex Matcher", category = "data", prepare)]
#[inport(input: Text, required, "The text to search.")]
#[outport(matched: Boolean, "Whether the pattern was found.")]
#[outport(matches: List, "What was found.")]
#[outport(groups: JsonObject, "What the groups of the pattern matched first.")]
#[outport(error: ErrorText, "Why nothing could be searched.")]
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
    #[state]
    watch: Option<Watch>,
}

/// How often each byte of a text may be looked at for all matches together.
const LOOKS: usize = 64;

/// Looks that are free.
const FREE_LOOKS: usize = 1 << 22;

/// How long all matches may take where looks cannot be counted.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most matches that are listed.
const MOST: usize = 1_000_000;

/// The same pattern in a form that tells how far a search had to look: a match may be short and yet be known only at the end of the
/// text, which makes the time for all of them quadratic.
struct Watch {
    automaton: DFA,
    cache: Cache,
}

impl Watch {
    /// How many bytes a search from `at` on looks at; `None` where this form cannot follow (a `\b` next to letters beyond ASCII).
    fn looks(&mut self, text: &str, at: usize) -> Option<usize> {
        let before = self.cache.search_total_len();
        let found = self.automaton.try_search_fwd(&mut self.cache, &Input::new(text).range(at..));
        let after = self.cache.search_total_len();
        found.ok()?;
        // A full cache begins to count anew.
        Some(after.checked_sub(before).unwrap_or(after))
    }
}

impl RegexMatcher {
    fn prepare(&mut self) {
        let mut builder = RegexBuilder::new(&self.pattern);
        let mut syntax = syntax::Config::new();
        let mut unknown = None;
        for flag in self.flags.chars() {
            match flag {
                'i' => syntax = syntax.case_insensitive(true),
                'm' => syntax = syntax.multi_line(true),
                's' => syntax = syntax.dot_matches_new_line(true),
                'x' => syntax = syntax.ignore_whitespace(true),
                'g' => self.global = true,
                'u' => {}
                other => unknown = Some(format!("there is no flag `{other}`, only i, m, s, x and g")),
            }
        }
        builder
            .case_insensitive(syntax.get_case_insensitive())
            .multi_line(syntax.get_multi_line())
            .dot_matches_new_line(syntax.get_dot_matches_new_line())
            .ignore_whitespace(syntax.get_ignore_whitespace());
        let built = builder.build().map_err(|error| {
            // The crate draws the place over several lines; the reason is on the last one.
            let text = error.to_string();
            text.rsplit_once("error: ").map_or(text.as_str(), |(_, reason)| reason).trim().to_string()
        });
        self.regex = unknown.map_or(built, Err);
        if self.global && self.regex.is_ok() {
            let config = DFA::config().unicode_word_boundary(true);
            let automaton = DFA::builder().configure(config).syntax(syntax).build(&self.pattern);
            self.watch = automaton.ok().map(|automaton| Watch { cache: automaton.create_cache(), automaton });
        }
    }
}

/// All matches, or why they are not listed.
fn all_matches(regex: &Regex, mut watch: Option<&mut Watch>, text: &str, most: usize) -> Result<Value, &'static str> {
    let mut left = text.len().saturating_mul(LOOKS).saturating_add(FREE_LOOKS);
    let started = Instant::now();
    let mut found = Vec::new();
    let mut matches = regex.find_iter(text);
    let mut at = 0;
    loop {
        match watch.as_mut().and_then(|watch| watch.looks(text, at)) {
            Some(looks) => left = left.checked_sub(looks).ok_or("The pattern takes too long on this text")?,
            None if started.elapsed() > PATIENCE => return Err("The pattern takes too long on this text"),
            None => {}
        }
        let Some(next) = matches.next() else { return Ok(found.into()) };
        if found.len() >= most {
            return Err("The pattern matches more than a million times");
        }
        at = next.end();
        found.push(Value::object([("index", Value::from(next.start())), ("match", next.as_str().into())]));
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
        let matches = if self.global {
            match all_matches(regex, self.watch.as_mut(), text, MOST) {
                Ok(matches) => matches,
                Err(reason) => return tick.report(Self::OUT_ERROR, reason),
            }
        } else {
            Value::array([&first[0]])
        };
        tick.emit(Self::OUT_MATCHED, true);
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

    #[test]
    fn all_matches_take_linear_time_or_are_refused() {
        let config = |pattern: &str| json!({"pattern": pattern, "global": true});
        let error = |pattern: &str, text: &str| {
            run::<RegexMatcher>(config(pattern), [json!({"input": text})])[0]["error"][0]["data"].clone()
        };
        let upper = "A".repeat(100_000);
        for pattern in [".*[^A-Z]|[A-Z]", "A+?(A*b)?", "(A*é)?A"] {
            assert_eq!(error(pattern, &upper), "The pattern takes too long on this text", "{pattern}");
        }
        let found = all_matches(&Regex::new("").unwrap(), None, &upper, 100_000);
        assert_eq!(found.err(), Some("The pattern matches more than a million times"));
        // Many matches are no harm by themselves, nor are letters and word boundaries beyond ASCII.
        let count = |pattern: &str, text: &str| {
            let outputs = run::<RegexMatcher>(config(pattern), [json!({"input": text})]);
            outputs[0]["matches"][0]["data"].as_array().map(Vec::len)
        };
        assert_eq!(count("A", &upper), Some(100_000));
        assert_eq!(count(r"\b\w+\b", &"été à la plage ".repeat(5_000)), Some(20_000));
        assert_eq!(count("(?i)[^,]+,?", &"a,bc,".repeat(20_000)), Some(40_000));
        assert_eq!(count("", "éa"), Some(3));
    }
}
