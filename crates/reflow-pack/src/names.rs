//! Names that may become paths.

/// The longest entry name.
const LONGEST: usize = 240;

/// What is wrong with `name` as the name of a file inside of a bundle, if anything is.
///
/// Right is a relative path with forward slashes, without empty, `.` or `..` parts, and without characters that any
/// operating system gives a meaning to.
pub(crate) fn problem_with_entry(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > LONGEST {
        return Some(format!("its name has {} bytes; from 1 to {LONGEST} are right", name.len()));
    }
    if name.starts_with('/') {
        return Some("it is an absolute path, which would leave the pack's directory".into());
    }
    if let Some(bad) =
        name.chars().find(|&c| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|'))
    {
        return Some(format!("its name holds {bad:?}, which is not portable and could leave the pack's directory"));
    }
    let bad = name
        .split('/')
        .find(|part| part.is_empty() || part.starts_with("..") || *part == "." || part.ends_with(['.', ' ']));
    bad.map(|part| format!("the part {part:?} of its path could leave the pack's directory"))
}

/// What is wrong with `name` as the name of a pack, if anything is.
pub(crate) fn problem_with_pack(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_right = (1..=128).contains(&name.len())
        && name.chars().all(fits)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.contains("..");
    (!is_right)
        .then(|| format!("the name {name:?} is not 1 to 128 letters, digits, `.`, `-` and `_` (`acme.words` is)"))
}

/// What is wrong with `id` as the id of a template, if anything is.
pub(crate) fn problem_with_template(id: &str) -> Option<String> {
    let is_wrong = id.is_empty() || id.len() > 200 || id.contains(|c: char| c.is_control() || c.is_whitespace());
    is_wrong.then(|| format!("the template id {id:?} is not 1 to 200 characters without spaces"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_names_pass() {
        for name in ["lib/x86_64-unknown-linux-gnu/liba.so", "python/acme/__init__.py", "a"] {
            assert_eq!(problem_with_entry(name), None, "{name}");
        }
        for name in
            ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "./a", "a\\b", "c:a", "a\0b", "a/..", "a. /b", "nul:"]
        {
            assert!(problem_with_entry(name).is_some(), "{name:?}");
        }
        assert!(problem_with_entry(&"a".repeat(300)).is_some());
        assert_eq!(problem_with_pack("reflow.pack.sql"), None);
        for name in ["", ".hidden", "a/b", "a..b", "a b"] {
            assert!(problem_with_pack(name).is_some(), "{name:?}");
        }
    }
}
