//! Colours in configs and messages.

use reflow_component::prelude::Value;

/// Red, green, blue and alpha of a colour: `#rgb`, `#rrggbb` or `#rrggbbaa`, or a list of numbers from 0 to 1. What is
/// malformed or missing is black; an alpha that is missing is 1.
pub(super) fn color(value: Option<&Value>) -> [u8; 4] {
    match value {
        Some(Value::String(text)) => hexadecimal(text),
        Some(Value::Array(parts)) => {
            let part = |index: usize, default: f64| {
                let part = parts.get(index).and_then(Value::as_number).unwrap_or(default);
                (part.clamp(0.0, 1.0) * 255.0).round() as u8
            };
            [part(0, 0.0), part(1, 0.0), part(2, 0.0), part(3, 1.0)]
        }
        _ => [0, 0, 0, 255],
    }
}

fn hexadecimal(text: &str) -> [u8; 4] {
    let digits: Vec<u8> = text.trim_start_matches('#').chars().map(digit).collect();
    let pair = |at: usize| digits[at] * 16 + digits[at + 1];
    match digits.len() {
        3 => [digits[0] * 17, digits[1] * 17, digits[2] * 17, 255],
        6 => [pair(0), pair(2), pair(4), 255],
        8 => [pair(0), pair(2), pair(4), pair(6)],
        _ => [0, 0, 0, 255],
    }
}

fn digit(digit: char) -> u8 {
    digit.to_digit(16).map_or(0, |digit| digit as u8)
}

/// Parts of a colour from 0 to 255, with 255 for an alpha that is missing.
pub(super) fn bytes(parts: &[Value]) -> [u8; 4] {
    let part = |index: usize| parts.get(index).and_then(Value::as_number);
    let byte = |index: usize, default: f64| part(index).unwrap_or(default).clamp(0.0, 255.0) as u8;
    [byte(0, 0.0), byte(1, 0.0), byte(2, 0.0), byte(3, 255.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_in_every_form() {
        for (text, expected) in [
            ("#f80", [255, 136, 0, 255]),
            ("#102030", [16, 32, 48, 255]),
            ("#10203040", [16, 32, 48, 64]),
            ("#zz0000", [0, 0, 0, 255]),
            ("#ab", [0, 0, 0, 255]),
            ("", [0, 0, 0, 255]),
        ] {
            assert_eq!(color(Some(&text.into())), expected, "{text}");
        }
        assert_eq!(color(Some(&Value::array([1.0, 0.5, f64::NAN]))), [255, 128, 0, 255]);
        assert_eq!(color(Some(&Value::array([2.0, -1.0, 0.0, 0.5]))), [255, 0, 0, 128]);
        assert_eq!(color(None), [0, 0, 0, 255]);
        assert_eq!(bytes(&[300.into(), (-1).into(), 20.into()]), [255, 0, 20, 255]);
    }
}
