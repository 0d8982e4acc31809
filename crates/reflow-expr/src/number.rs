//! Numbers to text and back, the way JavaScript writes them.

/// The shortest text that reads back as `number`.
pub(crate) fn to_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    if number == 0.0 {
        return "0".into();
    }
    if (1e-6..1e21).contains(&number.abs()) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

/// `number` with exactly `places` digits after the point; ties go away from zero, as `toFixed` asks for.
pub(crate) fn to_fixed(number: f64, places: usize) -> String {
    if !number.is_finite() || number.abs() >= 1e21 {
        return to_text(number);
    }
    // A tie has one binary digit more than the places can show, so it is exact in one decimal digit more.
    let scaled = number.abs() * 2_f64.powi(places as i32 + 1);
    let longer = format!("{:.*}", places + 1, number.abs());
    let digits = if scaled.fract() == 0.0 && longer.ends_with('5') {
        let kept = longer[..longer.len() - 1].trim_end_matches('.');
        increment(kept)
    } else {
        format!("{:.places$}", number.abs())
    };
    if number < 0.0 { format!("-{digits}") } else { digits }
}

/// Decimal digits plus one in the last place.
fn increment(digits: &str) -> String {
    let mut out: Vec<u8> = digits.bytes().collect();
    for digit in out.iter_mut().rev() {
        match *digit {
            b'.' => {}
            b'9' => *digit = b'0',
            _ => {
                *digit += 1;
                return String::from_utf8_lossy(&out).into_owned();
            }
        }
    }
    format!("1{}", String::from_utf8_lossy(&out))
}

/// `number` in another radix from 2 to 36.
pub(crate) fn to_radix(number: f64, radix: u32) -> String {
    if radix == 10 || !number.is_finite() {
        return to_text(number);
    }
    let base = f64::from(radix);
    let digit = |value: f64| char::from_digit(value as u32, radix).unwrap_or('0');
    let mut whole = number.abs().trunc();
    let mut digits = Vec::new();
    while whole >= 1.0 {
        digits.push(digit(whole % base));
        whole = (whole / base).trunc();
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if number < 0.0 {
        digits.push('-');
    }
    let mut text: String = digits.into_iter().rev().collect();
    let mut fraction = number.abs().fract();
    if fraction > 0.0 {
        text.push('.');
        for _ in 0..52 {
            fraction *= base;
            text.push(digit(fraction.trunc()));
            fraction = fraction.fract();
            if fraction == 0.0 {
                break;
            }
        }
    }
    text
}

/// The number that whole digits of `radix` stand for; `None` without digits.
pub(crate) fn from_digits(digits: &str, radix: u32) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |sum, c| Some(sum * f64::from(radix) + f64::from(c.to_digit(radix)?)))
}

/// `Number(text)`: all of the text must be a number; blank text is 0.
pub(crate) fn from_text(text: &str) -> f64 {
    let text = text.trim();
    let radix = match text.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0o" | "0O") => 8,
        Some("0b" | "0B") => 2,
        _ => 10,
    };
    if radix != 10 {
        return from_digits(&text[2..], radix).unwrap_or(f64::NAN);
    }
    if text.is_empty() {
        return 0.0;
    }
    let length = decimal_prefix(text);
    if length == text.len() { parse_decimal(text) } else { f64::NAN }
}

/// `parseFloat`: the longest beginning that is a number.
pub(crate) fn parse_float(text: &str) -> f64 {
    let text = text.trim_start();
    match decimal_prefix(text) {
        0 => f64::NAN,
        length => parse_decimal(&text[..length]),
    }
}

/// `parseInt`: the longest beginning that is a whole number in `radix` (0: 10, or 16 after `0x`).
pub(crate) fn parse_int(text: &str, radix: i32) -> f64 {
    let text = text.trim_start();
    let (sign, mut text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let radix = match (radix, hexadecimal) {
        (0 | 16, Some(rest)) => {
            text = rest;
            16
        }
        (0, None) => 10,
        (2..=36, _) => radix as u32,
        _ => return f64::NAN,
    };
    let length = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    let digits = &text[..length];
    // Reading decimal digits with the float parser rounds once instead of at every digit.
    let value = if radix == 10 { digits.parse().ok() } else { from_digits(digits, radix) };
    value.map_or(f64::NAN, |value: f64| sign * value)
}

fn parse_decimal(text: &str) -> f64 {
    match text.trim_start_matches(['+', '-']) {
        "Infinity" if text.starts_with('-') => f64::NEG_INFINITY,
        "Infinity" => f64::INFINITY,
        _ => text.parse().unwrap_or(f64::NAN),
    }
}

/// How many bytes at the beginning of `text` are a decimal number or `Infinity`.
fn decimal_prefix(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let start = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    if text[start..].starts_with("Infinity") {
        return start + "Infinity".len();
    }
    let mut end = digits(start);
    let mut count = end - start;
    if bytes.get(end) == Some(&b'.') {
        let fraction_end = digits(end + 1);
        count += fraction_end - end - 1;
        end = fraction_end;
    }
    if count == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let first = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let last = digits(first);
        if last > first {
            end = last;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e20, "100000000000000000000"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(to_text(number), text);
        }
    }

    #[test]
    fn fixed_digits_round_exact_ties_away_from_zero() {
        for (number, places, text) in [
            (2.5, 0, "3"),
            (0.5, 0, "1"),
            (1.5, 0, "2"),
            (-2.5, 0, "-3"),
            (1.005, 2, "1.00"),
            (1.25, 1, "1.3"),
            (9.5, 0, "10"),
            (99.995, 2, "100.00"),
            (99.9951, 2, "100.00"),
            (3.0, 2, "3.00"),
            (1e21, 2, "1e+21"),
        ] {
            assert_eq!(to_fixed(number, places), text, "{number} {places}");
        }
    }

    #[test]
    fn text_is_read_whole_or_from_its_beginning() {
        assert_eq!(from_text(" 12.5e1 "), 125.0);
        assert_eq!(from_text(""), 0.0);
        assert_eq!(from_text("0xff"), 255.0);
        assert!(from_text("12px").is_nan());
        assert!(from_text("inf").is_nan());
        assert!(from_text("nan").is_nan());
        assert_eq!(from_text("-Infinity"), f64::NEG_INFINITY);
        assert_eq!(parse_float("3.25abc"), 3.25);
        assert_eq!(parse_float(".5."), 0.5);
        assert!(parse_float("abc").is_nan());
        assert_eq!(parse_int("  -42px", 0), -42.0);
        assert_eq!(parse_int("0x1F", 0), 31.0);
        assert_eq!(parse_int("101", 2), 5.0);
        assert!(parse_int("9", 2).is_nan());
        assert!(parse_int("5", 1).is_nan());
    }

    #[test]
    fn another_radix() {
        assert_eq!(to_radix(255.0, 16), "ff");
        assert_eq!(to_radix(-5.5, 2), "-101.1");
        assert_eq!(to_radix(0.0, 36), "0");
    }
}
