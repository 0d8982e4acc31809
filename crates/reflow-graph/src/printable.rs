//! Text that is safe to show.

use std::borrow::Cow;
use std::fmt::Write;

/// Text as it may be shown to people: whatever could command a terminal or turn letters around is written as `\u001b`.
///
/// That is control characters other than line feeds and tabs (so neither ESC nor its one-byte forms in C1), line and
/// paragraph separators, and the marks that change the direction of writing. What is JSON stays the same JSON.
///
/// ```
/// assert_eq!(reflow_graph::printable("a\u{1b}[2J\u{202e}b\n"), "a\\u001b[2J\\u202eb\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe)
}

/// The same for text that must stay in its line: line feeds and tabs are written out too.
///
/// ```
/// assert_eq!(reflow_graph::printable_line("a\nb"), "a\\u000ab");
/// ```
pub fn printable_line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unsafe(c) || matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, is_unsafe: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&is_unsafe) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(first);
    let mut safe = clean.to_owned();
    for c in rest.chars() {
        if is_unsafe(c) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_commands_a_terminal_is_left() {
        let all: String = (0..=0x2100).filter_map(char::from_u32).collect();
        let shown = printable(&all);
        assert!(shown.chars().all(|c| !is_unsafe(c)));
        assert!(!printable_line(&all).contains(['\n', '\t', '\r']));
        assert_eq!(printable("\u{7}\r\u{7f}\u{9b}"), r"\u0007\u000d\u007f\u009b");
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        for text in ["", "Grüße, 世界 👩‍👩‍👧", "two\nlines\tand a tab"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"a\u{9b}\u{202e}": "\u{1b}\u{7f}"});
        let read: serde_json::Value = serde_json::from_str(&printable(&value.to_string())).expect("is JSON");
        assert_eq!(read, value);
    }
}
