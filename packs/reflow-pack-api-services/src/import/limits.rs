//! How much of a document is read. A larger one is refused with a reason.

/// Bytes of a document.
pub(crate) const MOST_BYTES: u64 = 64 << 20;
/// Lists and objects inside of each other.
pub(super) const MOST_LEVELS: usize = 100;
/// Values of a YAML document.
pub(super) const MOST_VALUES: usize = 2_000_000;
/// Operations of a document.
pub(super) const MOST_OPERATIONS: usize = 50_000;
/// References that lead to references.
pub(super) const MOST_REFERENCES: usize = 100;
/// Files that a document consists of.
pub(super) const MOST_FILES: usize = 1_000;
/// Parameters of one operation, and members of one body.
pub(super) const MOST_PARAMETERS: usize = 900;
/// Schemas that are looked at for the members of one body.
pub(super) const MOST_SCHEMAS: usize = 2_000;

use serde_json::Value;

/// Whether lists and objects go deeper than is read.
pub(super) fn is_too_deep(value: &Value) -> bool {
    // Not by recursion: that is what this guards.
    let mut left = vec![(value, 0_usize)];
    while let Some((value, level)) = left.pop() {
        if level > MOST_LEVELS {
            return true;
        }
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(members) => left.extend(members.values().map(|member| (member, level + 1))),
            _ => {}
        }
    }
    false
}
