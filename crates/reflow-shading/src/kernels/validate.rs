//! Whether WGSL is valid: what [naga](https://github.com/gfx-rs/wgpu/tree/trunk/naga), the compiler of wgpu and Firefox, says.

use naga::front::wgsl;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

/// The longest message that is passed on.
const LONGEST: usize = 2_000;
/// The compiler recurses over the operators of an expression; these fit its stack.
const MOST_OPERATORS: usize = 4_000;
/// That stack.
const STACK: usize = 256 << 20;

/// The longest foreign text.
const LONGEST_FOREIGN: usize = 1 << 20;

/// Checks a text that contains a part by somebody else. Expressions in it that would overflow the compiler's stack are refused
/// before the compiler sees them.
///
/// # Errors
/// What is wrong, and where.
pub fn validate_with(text: &str, foreign: &str) -> Result<(), Invalid> {
    if foreign.len() > LONGEST_FOREIGN {
        return Err(Invalid(format!("{} bytes of WGSL are too many, there may be {LONGEST_FOREIGN}", foreign.len())));
    }
    if longest_expression(foreign) > MOST_OPERATORS {
        return Err(Invalid(format!("an expression has more than {MOST_OPERATORS} operators")));
    }
    // A chain of them is nested, too.
    if foreign.matches("else").count() > MOST_OPERATORS {
        return Err(Invalid(format!("there are more than {MOST_OPERATORS} `else`")));
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || validate(text));
        let thread = thread.map_err(|error| Invalid(format!("no thread to check it: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(Invalid("the compiler has failed on it".into())))
    })
}

/// Checks text whose expressions are short.
///
/// # Errors
/// What is wrong, and where.
pub fn validate(text: &str) -> Result<(), Invalid> {
    let module = wgsl::parse_str(text).map_err(|error| Invalid(brief(&error.emit_to_string(text))))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    match validator.validate(&module) {
        Ok(_) => Ok(()),
        Err(error) => Err(Invalid(brief(&error.emit_to_string(text)))),
    }
}

fn brief(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// The most operators between two signs that end a statement. Comments do not end one.
fn longest_expression(text: &str) -> usize {
    let (mut most, mut count, mut nested) = (0, 0, 0_usize);
    let mut in_line = false;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\n', _) if in_line => in_line = false,
            _ if in_line => {}
            (b'/', Some(b'/')) if nested == 0 => in_line = true,
            (b'/', Some(b'*')) => {
                bytes.next();
                nested += 1;
            }
            (b'*', Some(b'/')) if nested > 0 => {
                bytes.next();
                nested -= 1;
            }
            _ if nested > 0 => {}
            (b';' | b'{' | b'}', _) => count = 0,
            (b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'!' | b'~' | b'<' | b'>' | b'=' | b'[', _) => {
                count += 1;
            }
            (b'.', Some(next)) if !next.is_ascii_digit() => count += 1,
            _ => {}
        }
        most = most.max(count);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(validate("fn f() -> f32 { return 1.0; }"), Ok(()));
        let error = validate("fn f() -> f32 { return true; }").unwrap_err().to_string();
        assert!(error.contains("f32"), "{error}");
        assert!(validate_with("fn f(", "fn f(").is_err());
    }

    #[test]
    fn expressions_without_end_are_refused() {
        for tower in ["1+".repeat(200_000), "1 /*;*/+".repeat(200_000), "-".repeat(200_000), "a.x".repeat(200_000)] {
            let text = format!("fn f() -> i32 {{ return {tower}1; }}");
            assert!(validate_with(&text, &text).is_err());
        }
        for tower in ["(".repeat(200_000), "f(".repeat(200_000), "{".repeat(200_000), "array<".repeat(3_000)] {
            let text = format!("fn f() -> i32 {{ return {tower}1; }}");
            assert!(validate_with(&text, &text).is_err());
        }
        let body = |statement: &str, times| format!("fn f(x: bool) {{ {} }}", statement.repeat(times));
        assert!(validate_with("", &body("if x {} else ", 50_000)).is_err());
        let chain = format!("{} {{}} }}", body("if x {} else ", 3_990).trim_end_matches('}'));
        assert_eq!(validate_with(&chain, &chain), Ok(()));
        // Long texts of other kinds reach the compiler, and it has an answer.
        let lines = |line: fn(u32) -> String| (1..20_000).map(line).collect::<Vec<_>>().concat();
        let structs = lines(|at| format!("struct S{at} {{ a: S{} }}\n", at - 1));
        let aliases = lines(|at| format!("alias T{at} = T{};\n", at - 1));
        let constants = lines(|at| format!("const c{at} = c{} + 1;\n", at - 1));
        let functions = lines(|at| format!("fn f{at}() {{ f{}(); }}\n", at - 1));
        let blocks = body("loop { break; }", 20_000);
        for text in [structs, aliases, constants, functions, blocks] {
            let _ = validate_with(&text, &text);
        }
        let sum = format!("fn f() -> i32 {{ return {}1; }}", "1+".repeat(3_900));
        assert_eq!(validate_with(&sum, &sum), Ok(()));
    }
}
