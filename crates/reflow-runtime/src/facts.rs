//! `Facts`: what a node tells about itself to whoever asks.

use std::sync::Arc;

use parking_lot::Mutex;
use reflow_message::{Object, Value};

use crate::failure::LONGEST_WORD;

/// Facts of a node, and the bytes of them all beside one.
const MOST_FACTS: usize = 1024;
const MOST_BYTES: u64 = 32 << 20;

/// The facts of one node by name.
#[derive(Debug, Default)]
pub(crate) struct Facts(Mutex<Object>);

impl Facts {
    /// Keeps a fact, in place of an earlier one of its name.
    pub(crate) fn put(&self, name: &str, value: Value) -> Result<Arc<str>, String> {
        if name.len() > LONGEST_WORD {
            return Err(format!("a fact's name has at most {LONGEST_WORD} bytes, and this one {}", name.len()));
        }
        let mut facts = self.0.lock();
        let others = || facts.iter().filter(|(known, _)| &***known != name);
        let count = others().count();
        let bytes = others().fold(value.bytes(), |sum, (_, other)| sum.saturating_add(other.bytes()));
        if count > 0 && (count >= MOST_FACTS || bytes > MOST_BYTES) {
            return Err(format!(
                "a node keeps at most {MOST_FACTS} facts, and {} MiB of them beside one: there is no room for another",
                MOST_BYTES >> 20
            ));
        }
        let name = Arc::from(name);
        let before = facts.insert(Arc::clone(&name), value);
        drop(facts);
        drop(before);
        Ok(name)
    }

    /// Keeps a fact of the runtime, which is no matter of room.
    pub(crate) fn put_own(&self, name: &str, value: Value) -> Arc<str> {
        let name = Arc::from(name);
        let before = self.0.lock().insert(Arc::clone(&name), value);
        drop(before);
        name
    }

    /// All of them.
    pub(crate) fn all(&self) -> Object {
        self.0.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_facts_and_so_large_ones() {
        let facts = Facts::default();
        let text = |mib: usize| Value::from("x".repeat(mib << 20));
        assert!(facts.put(&"n".repeat(LONGEST_WORD + 1), Value::Null).unwrap_err().contains("1024 bytes"));
        facts.put("large", text(40)).unwrap();
        assert!(facts.put("other", Value::Null).unwrap_err().contains("32 MiB"));
        // In place of itself.
        facts.put("large", text(20)).unwrap();
        facts.put("other", text(10)).unwrap();
        assert!(facts.put("third", text(10)).is_err());
        facts.put("large", Value::Null).unwrap();
        for at in 2..MOST_FACTS {
            facts.put(&format!("fact{at}"), Value::Null).unwrap();
        }
        assert!(facts.put("more", Value::Null).unwrap_err().contains("1024 facts"));
        facts.put("fact7", 7.into()).unwrap();
        assert_eq!(facts.all().len(), MOST_FACTS);
    }
}
