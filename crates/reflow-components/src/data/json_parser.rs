//! `tpl_json_parser`.

use crate::path::Path;
use crate::prelude::*;
use crate::read;

/// Parses JSON text and picks one value of it.
///
/// The document, or the value at `path`, leaves by `output` as kind Object, whatever JSON it is: 3.5 arrives as Object 3.5.
/// Bytes are read as UTF-8, or as UTF-16 or UTF-32 where they begin so; bad bytes count as U+FFFD. A byte order mark is skipped,
/// and of equal keys the last counts. What would become another value is refused: whole numbers of more than 64 bits, numbers
/// beyond the range of floats, half of a surrogate pair.
///
/// A path is names separated by points, with indexes in brackets: `data.users[1].name`, `[0].x`, `a[0][-1]` (negative indexes
/// count from the end), `["a b"].c`, and `$.a` where `$` is the document; `a.0` is another way to write `a[0]`. Where nothing is at the path, `default` is sent, or an
/// Error when `strict` is set.
///
/// # Errors
///
/// Nothing but an Error leaves for text that is not JSON (`JSON parse error: …`, with line and column), for other kinds of
/// messages (`Expected String or Bytes on input port`), for a malformed path (`Invalid path: …`), and for a missing value under
/// `strict` (`Nothing at path: …`).
#[derive(Component)]
#[component(id = "tpl_json_parser", title = "JSON Parser", category = "data", prepare)]
#[inport(input: Text, required, "JSON text, as String or Bytes.")]
#[outport(output: Any, "The document, or the value at the path.")]
#[outport(error: ErrorText, "Why there is none.")]
#[example(
    config = r#"{"path": "users[-1].name"}"#,
    steps = r#"[{"input": "{\"users\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}"}]"#,
    outputs = r#"[{"output": [{"type": "Object", "data": "b"}]}]"#
)]
pub(super) struct JsonParser {
    /// Where the value is; the whole document when left out.
    #[config(lenient)]
    path: String,
    /// What is sent when nothing is at the path.
    #[config]
    default: Value,
    /// Report an error when nothing is at the path.
    #[config(lenient)]
    strict: bool,
    #[state]
    compiled: Option<Path>,
}

impl JsonParser {
    fn prepare(&mut self) {
        self.compiled = Path::parse(&self.path);
    }
}

impl Actor for JsonParser {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else { return Ok(()) };
        let Some(path) = &self.compiled else {
            let text = format!("Invalid path: {}", self.path);
            return tick.report(Self::OUT_ERROR, text);
        };
        let document = match &message {
            Message::Bytes(bytes) => Value::from_json_bytes(bytes),
            other => match read::text(other) {
                Some(text) => Value::from_json(text),
                None => return tick.report(Self::OUT_ERROR, "Expected String or Bytes on input port"),
            },
        };
        let document = match document {
            Ok(document) => document,
            Err(error) => return tick.report(Self::OUT_ERROR, format!("JSON parse error: {error}")),
        };
        match path.get(&document) {
            Some(value) => tick.emit(Self::OUT_OUTPUT, Message::object(value.clone())),
            None if self.strict => {
                let text = format!("Nothing at path: {}", self.path);
                return tick.report(Self::OUT_ERROR, text);
            }
            None => tick.emit(Self::OUT_OUTPUT, Message::object(self.default.clone())),
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
    fn a_missing_value_is_the_default_or_an_error() {
        let step = || [json!({"input": "{\"a\": 1}"})];
        let outputs = run::<JsonParser>(json!({"path": "b", "default": 7}), step());
        assert_eq!(outputs, [json!({"output": [{"type": "Object", "data": 7}]})]);
        let outputs = run::<JsonParser>(json!({"path": "b", "strict": true}), step());
        assert_eq!(outputs, [json!({"error": [{"type": "Error", "data": "Nothing at path: b"}]})]);
        let outputs = run::<JsonParser>(json!({"path": "a["}), step());
        assert_eq!(outputs, [json!({"error": [{"type": "Error", "data": "Invalid path: a["}]})]);
    }

    #[test]
    fn hostile_documents() {
        for (text, reason) in [
            ("[".repeat(100_000), "nested more than 512 levels deep at line 1 column 513"),
            (String::new(), "EOF while parsing a value"),
            ("1e999".to_string(), "number out of range"),
            ("[1] 2".to_string(), "trailing characters"),
            ("{\"n\": 18446744073709551616}".to_string(), "more than 64 bits"),
            (r#"["\ud83d"]"#.to_string(), "lone surrogate"),
        ] {
            let outputs = run::<JsonParser>(json!({}), [json!({"input": text})]);
            let error = outputs[0]["error"][0]["data"].as_str().unwrap().to_string();
            assert!(error.starts_with("JSON parse error: ") && error.contains(reason), "{error}");
        }
        let bytes = json!({"input": {"type": "Bytes", "data": [34, 255, 34]}});
        assert_eq!(
            run::<JsonParser>(json!({}), [bytes]),
            [json!({"output": [{"type": "Object", "data": "\u{fffd}"}]})]
        );
    }
}
