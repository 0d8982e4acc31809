//! How wide text will be in a font that is not known here.

use crate::printable_line;

/// Width in pixels at a font size: rather too much than too little.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// Width of bold text.
pub(crate) fn bold_width(text: &str, size: f64) -> f64 {
    1.12 * text_width(text, size)
}

/// Widths in ems of a wide sans serif.
fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.34,
        'f' | 'r' | 't' | 'I' | '(' | ')' | '[' | ']' | '-' | '/' | '"' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.98,
        'A'..='Z' | '0'..='9' | '_' | '=' | '+' | '<' | '>' | '~' => 0.68,
        ' '..='~' => 0.62,
        // East Asian and symbols are full width; the rest is not, but accents and such are few.
        _ => 1.0,
    }
}

/// Text that is safe to show, cut to a number of characters, with an ellipsis in place of the rest.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    let text = printable_line(text);
    if text.chars().count() <= longest {
        return text.into_owned();
    }
    let mut short: String = text.chars().take(longest.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The same cut in the middle, for ids that differ at the end.
pub(crate) fn shortened_middle(text: &str, longest: usize) -> String {
    let text = printable_line(text);
    let count = text.chars().count();
    if count <= longest {
        return text.into_owned();
    }
    let tail = (longest - 1) / 2;
    let head = longest - 1 - tail;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_where_it_tells_least() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened_middle("pipeline/stage_17", 9), "pipe…e_17");
        assert_eq!(shortened_middle("short", 9), "short");
        assert!(text_width("mmm", 10.0) > text_width("iii", 10.0));
    }
}
