//! Reading JSON text (RFC 8259) without losing anything: what a [`Value`] cannot hold is an error.

use std::borrow::Cow;
use std::sync::Arc;

use crate::value::{MAX_DEPTH, Object, Value};

/// Why a text is not JSON, or says more than a [`Value`] can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line} column {column}")]
pub struct JsonError {
    /// What is wrong.
    pub problem: JsonProblem,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1; at the end of the text the last one.
    pub column: usize,
}

/// What can be wrong with JSON text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonProblem {
    /// The text ends too early.
    #[error("EOF while parsing {0}")]
    End(&'static str),
    /// Something else has to stand here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A member that does not begin with a text.
    #[error("key must be a string")]
    Key,
    /// Something behind the document.
    #[error("trailing characters")]
    Trailing,
    /// A number that no float can hold.
    #[error("number out of range: {0}")]
    OutOfRange(String),
    /// A whole number that would be rounded.
    #[error("the whole number {0} has more than 64 bits; write it as a string, or as a float with `.0` behind it")]
    LongInteger(String),
    /// A number written in another way than JSON's.
    #[error("invalid number")]
    Number,
    /// An escape that JSON does not have.
    #[error("invalid escape")]
    Escape,
    /// Half of a character outside of the basic plane, without its other half.
    #[error("lone surrogate \\u{0:04x}, which is no character")]
    Surrogate(u16),
    /// A control character that must be escaped.
    #[error("control character (\\u0000-\\u001F) found while parsing a string")]
    Control,
    /// Too many lists and objects inside of each other.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

impl Value {
    /// Reads JSON text; a byte order mark before it is skipped, and of equal keys the last counts.
    ///
    /// # Errors
    /// When it is not JSON, when it is nested deeper than [`MAX_DEPTH`], and when a value would be another one than is written there:
    /// whole numbers of more than 64 bits, numbers beyond the floats, lone surrogates.
    ///
    /// # Examples
    /// ```
    /// use reflow_message::Value;
    ///
    /// assert_eq!(Value::from_json("[1, 2.0]"), Ok(Value::array([Value::Integer(1), Value::Float(2.0)])));
    /// assert!(Value::from_json("123456789012345678901234567890").is_err());
    /// ```
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader { text, at: 0 };
        reader.document().map_err(|problem| reader.error(problem))
    }

    /// Reads JSON out of bytes: UTF-8, or UTF-16 or UTF-32 by their first bytes. Bytes that are no characters there count as U+FFFD.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_json_bytes(bytes: &[u8]) -> Result<Self, JsonError> {
        Self::from_json(&decoded(bytes))
    }
}

/// The text of JSON in one of the encodings of Unicode. A document begins with two characters of ASCII unless it is very
/// short, so that where its zero bytes are tells the encoding (RFC 4627, section 3).
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |width: usize, is_big: bool| -> String {
        let units = bytes.chunks(width).map(|unit| {
            let fold = |code: u32, byte: &u8| code << 8 | u32::from(*byte);
            if is_big { unit.iter().fold(0, fold) } else { unit.iter().rev().fold(0, fold) }
        });
        match width {
            2 => char::decode_utf16(units.map(|unit| unit as u16)).map(|c| c.unwrap_or('\u{fffd}')).collect(),
            _ => units.map(|unit| char::from_u32(unit).unwrap_or('\u{fffd}')).collect(),
        }
    };
    Cow::Owned(match bytes {
        [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, 1..=0x7f, ..] => wide(4, true),
        [0xff, 0xfe, 0, 0, ..] | [1..=0x7f, 0, 0, 0, ..] => wide(4, false),
        [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] => wide(2, true),
        [0xff, 0xfe, ..] | [1..=0x7f, 0, ..] => wide(2, false),
        _ => return String::from_utf8_lossy(bytes),
    })
}

/// A list or object that is not closed yet.
enum Open {
    Array(Vec<Value>),
    /// The members so far, and the key of the next one.
    Object(Object, Arc<str>),
}

/// How far a text has been read.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

type Read<T> = Result<T, JsonProblem>;

impl Reader<'_> {
    // A loop with a stack of its own: the depth of the text is not that of calls.
    fn document(&mut self) -> Read<Value> {
        let mut open: Vec<Open> = Vec::new();
        'value: loop {
            let first = self.next().ok_or(JsonProblem::End("a value"))?;
            let mut value = match first {
                b'[' | b'{' => {
                    if open.len() >= MAX_DEPTH {
                        return Err(JsonProblem::TooDeep);
                    }
                    self.at += 1;
                    match (first, self.next()) {
                        (b'[', Some(b']')) => {
                            self.at += 1;
                            Vec::new().into()
                        }
                        (b'[', Some(_)) => {
                            open.push(Open::Array(Vec::new()));
                            continue 'value;
                        }
                        (b'[', None) => return Err(JsonProblem::End("a list")),
                        (_, Some(b'}')) => {
                            self.at += 1;
                            Object::new().into()
                        }
                        _ => {
                            open.push(Open::Object(Object::new(), self.key()?));
                            continue 'value;
                        }
                    }
                }
                b'"' => Value::String(self.string()?),
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word("true", Value::Boolean(true))?,
                b'f' => self.word("false", Value::Boolean(false))?,
                b'n' => self.word("null", Value::Null)?,
                _ => return Err(JsonProblem::Expected("value")),
            };
            // A complete value closes whatever ends behind it.
            loop {
                let Some(last) = open.pop() else {
                    return if self.next().is_none() { Ok(value) } else { Err(JsonProblem::Trailing) };
                };
                let next = self.next();
                match last {
                    Open::Array(mut items) => {
                        items.push(value);
                        value = match next {
                            Some(b',') => {
                                self.at += 1;
                                open.push(Open::Array(items));
                                continue 'value;
                            }
                            Some(b']') => items.into(),
                            Some(_) => return Err(JsonProblem::Expected("`,` or `]`")),
                            None => return Err(JsonProblem::End("a list")),
                        };
                    }
                    Open::Object(mut members, key) => {
                        members.insert(key, value);
                        value = match next {
                            Some(b',') => {
                                self.at += 1;
                                open.push(Open::Object(members, self.key()?));
                                continue 'value;
                            }
                            Some(b'}') => members.into(),
                            Some(_) => return Err(JsonProblem::Expected("`,` or `}`")),
                            None => return Err(JsonProblem::End("an object")),
                        };
                    }
                }
                self.at += 1;
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no blank, which is left where it is.
    fn next(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    /// The key of a member, and the colon behind it.
    fn key(&mut self) -> Read<Arc<str>> {
        match self.next() {
            Some(b'"') => {}
            Some(_) => return Err(JsonProblem::Key),
            None => return Err(JsonProblem::End("an object")),
        }
        let key = self.string()?;
        match self.next() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(JsonProblem::Expected("`:`")),
            None => return Err(JsonProblem::End("an object")),
        }
        Ok(key)
    }

    fn word(&mut self, word: &'static str, value: Value) -> Read<Value> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(JsonProblem::Expected("`true`, `false` or `null`"))
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        match self.byte() {
            _ if self.at > start => Ok(()),
            None => Err(JsonProblem::End("a value")),
            Some(_) => Err(JsonProblem::Number),
        }
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
            if self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(JsonProblem::Number);
            }
        } else {
            self.digits()?;
        }
        let mut is_whole = true;
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            is_whole = false;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
            is_whole = false;
        }
        let text = &self.text[start..self.at];
        // The sign of a zero is kept; only floats have one.
        if is_whole && text != "-0" {
            let narrow = text.parse().map(Value::Integer);
            return narrow
                .or_else(|_| text.parse().map(Value::Unsigned))
                .map_err(|_| JsonProblem::LongInteger(shortened(text)));
        }
        text.parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Value::Float)
            .ok_or_else(|| JsonProblem::OutOfRange(shortened(text)))
    }

    fn string(&mut self) -> Read<Arc<str>> {
        self.at += 1;
        let mut start = self.at;
        let mut made = String::new();
        loop {
            match self.byte() {
                None => return Err(JsonProblem::End("a string")),
                Some(b'"') => {
                    let rest = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(if made.is_empty() { rest.into() } else { (made + rest).into() });
                }
                Some(b'\\') => {
                    made.push_str(&self.text[start..self.at]);
                    made.push(self.escape()?);
                    start = self.at;
                }
                Some(0..0x20) => return Err(JsonProblem::Control),
                Some(_) => self.at += 1,
            }
        }
    }

    /// The character that an escape stands for.
    fn escape(&mut self) -> Read<char> {
        self.at += 1;
        let letter = self.byte().ok_or(JsonProblem::End("a string"))?;
        let character = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(JsonProblem::Escape),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode(&mut self) -> Read<char> {
        let first = self.unit()?;
        let is_high = (0xd800..0xdc00).contains(&first);
        if !is_high || !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            return char::from_u32(first.into()).ok_or(JsonProblem::Surrogate(first));
        }
        self.at += 1;
        let second = self.unit()?;
        match char::decode_utf16([first, second]).next() {
            Some(Ok(character)) if !matches!(second, 0..0xdc00 | 0xe000..) => Ok(character),
            _ => Err(JsonProblem::Surrogate(first)),
        }
    }

    /// Four hexadecimal digits behind a `u`.
    fn unit(&mut self) -> Read<u16> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).ok_or(JsonProblem::End("a string"))?;
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        let unit = digits.iter().try_fold(0, |unit, byte| Some(unit << 4 | digit(byte)?)).ok_or(JsonProblem::Escape)?;
        self.at += 5;
        Ok(unit as u16)
    }

    fn error(&self, problem: JsonProblem) -> JsonError {
        let mut end = self.text.len().min(self.at + 1);
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').filter(|at| at + 1 < end).map_or(0, |at| at + 1);
        let line = before[..line_start].matches('\n').count() + 1;
        JsonError { problem, line, column: before[line_start..].chars().count() }
    }
}

/// A number in a length that fits a message.
fn shortened(digits: &str) -> String {
    if digits.len() > 40 { format!("{}…", &digits[..40]) } else { digits.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Value {
        Value::from_json(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> String {
        Value::from_json(text).expect_err(text).to_string()
    }

    #[test]
    fn values_of_every_kind() {
        assert_eq!(read(" [] "), Value::array::<Value>([]));
        assert_eq!(read("{}"), Value::object::<&str, Value>([]));
        assert_eq!(read("-9223372036854775808"), Value::Integer(i64::MIN));
        assert_eq!(read("18446744073709551615"), Value::Unsigned(u64::MAX));
        assert_eq!(read("1.0"), Value::Float(1.0));
        assert_eq!(read("1E+2"), Value::Float(100.0));
        assert_eq!(read("1e-999"), Value::Float(0.0));
        assert!(matches!(read("-0"), Value::Float(zero) if zero.is_sign_negative()));
        assert_eq!(read(r#""\ud83d\ude00\u00e9\n\/é""#), "😀é\n/é".into());
        assert_eq!(
            read(r#"{"a": 1, "b": [true, false, null], "a": {"c": 2}}"#).to_json_string(),
            r#"{"a":{"c":2},"b":[true,false,null]}"#
        );
        assert_eq!(read("\u{feff}[1]"), Value::array([1]));
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (text, problem) in [
            ("123456789012345678901234567890", "the whole number 123456789012345678901234567890 has more than 64 bits"),
            ("-9223372036854775809", "more than 64 bits"),
            ("[18446744073709551616]", "more than 64 bits"),
            ("1e400", "number out of range: 1e400"),
            ("-1e999999999999", "number out of range"),
            (r#""\ud83d""#, "lone surrogate \\ud83d"),
            (r#""\ude00\ud83d""#, "lone surrogate \\ude00"),
            (r#""\ud83dx""#, "lone surrogate"),
            (r#""\ud83d\n""#, "lone surrogate"),
            (r#""\ud83d\u0041""#, "lone surrogate"),
            (r#"{"\udfff": 1}"#, "lone surrogate"),
        ] {
            assert!(refused(text).contains(problem), "{text}: {}", refused(text));
        }
        assert!(refused(&"9".repeat(100_000)).len() < 200);
    }

    #[test]
    fn what_is_wrong_and_where() {
        for (text, message) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("[1,", "EOF while parsing a value at line 1 column 3"),
            ("[1", "EOF while parsing a list at line 1 column 2"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            ("{\"a\"", "EOF while parsing an object at line 1 column 4"),
            ("\"a", "EOF while parsing a string at line 1 column 2"),
            ("{a", "key must be a string at line 1 column 2"),
            ("{\"a\": 1,}", "key must be a string at line 1 column 9"),
            ("[1] 2", "trailing characters at line 1 column 5"),
            ("[1,]", "expected value at line 1 column 4"),
            ("[1 2]", "expected `,` or `]` at line 1 column 4"),
            ("{\"a\" 1}", "expected `:` at line 1 column 6"),
            ("é\n", "expected value at line 1 column 1"),
            ("[\n\n  nul]", "expected `true`, `false` or `null` at line 3 column 3"),
            ("01", "invalid number at line 1 column 2"),
            ("1.", "EOF while parsing a value at line 1 column 2"),
            ("-x", "invalid number at line 1 column 2"),
            ("NaN", "expected value at line 1 column 1"),
            ("\"\u{1}\"", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 2"),
            (r#""\x""#, "invalid escape at line 1 column 3"),
            (r#""\u00g0""#, "invalid escape at line 1 column 3"),
        ] {
            assert_eq!(refused(text), message, "{text}");
        }
    }

    #[test]
    fn depth_is_limited_and_takes_no_stack() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let small = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || {
            let read = Value::from_json(&nested(MAX_DEPTH));
            let is_read = read.is_ok();
            std::mem::forget(read);
            is_read
                && refused(&nested(MAX_DEPTH + 1)).starts_with("nested more than")
                && refused(&"{\"a\":".repeat(1_000_000)).starts_with("nested")
        });
        assert!(small.unwrap().join().unwrap());
    }

    #[test]
    fn bytes_in_every_encoding_of_unicode() {
        let text = "{\"é\": \"😀\"}";
        let utf16: Vec<u16> = text.encode_utf16().collect();
        let big = |mark: &[u8]| [mark, &utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>()].concat();
        let little =
            |mark: &[u8]| [mark, &utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()].concat();
        let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            big(&[]),
            big(&[0xfe, 0xff]),
            little(&[]),
            little(&[0xff, 0xfe]),
            utf32.clone(),
            [&[0xff, 0xfe, 0, 0], &utf32[..]].concat(),
        ] {
            assert_eq!(Value::from_json_bytes(&bytes), Ok(read(text)), "{bytes:?}");
        }
        assert_eq!(Value::from_json_bytes(&[b'"', 255, b'"']), Ok("\u{fffd}".into()));
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde(text in r#"[\[\]{}",:\\0-9eE.+\-truefalsn \nué]{0,24}"#) {
            let ours = Value::from_json(&text);
            match serde_json::from_str::<Value>(&text) {
                Ok(theirs) => match ours {
                    Ok(ours) => prop_assert_eq!(ours.to_json_string(), theirs.to_json_string()),
                    Err(error) => prop_assert!(matches!(error.problem, JsonProblem::LongInteger(_)), "{}", error),
                },
                Err(_) => prop_assert!(ours.is_err(), "{:?}", ours),
            }
        }

        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 0..9), text in ".*", key in ".*") {
            let value = Value::object([(key, Value::array([Value::array(numbers), text.into()]))]);
            prop_assert_eq!(Value::from_json(&value.to_json_string()), Ok(value.clone()));
        }
    }
}
