//! `Rechunk`: a connection that cuts lists into pieces of one size.

use std::sync::Arc;

use parking_lot::Mutex;
use reflow_message::{Message, Object, Value};

/// How a connection cuts the lists that go over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rechunk {
    /// How many items a piece has.
    pub size: usize,
    /// The member of each packet that is the list; the packet itself is it if there is none.
    pub key: Option<Arc<str>>,
    /// Whether pieces are filled over several packets.
    pub across: bool,
}

impl Rechunk {
    /// Reads `{"size": n, "key": "rows", "across": false}`.
    ///
    /// # Errors
    /// A text that says what is wrong with it.
    pub(crate) fn from_json(value: &serde_json::Value) -> Result<Self, String> {
        let expected = "rechunk: expected an object such as {\"size\": 10, \"key\": \"rows\", \"across\": false}";
        let Some(members) = value.as_object() else { return Err(format!("{expected}, got {value}")) };
        if let Some(key) = members.keys().find(|key| !["size", "key", "across"].contains(&&***key)) {
            return Err(format!("{expected}; there is no key `{key}`"));
        }
        let size = members.get("size").and_then(serde_json::Value::as_u64).filter(|size| *size >= 1);
        let Some(size) = size else { return Err(format!("{expected}; `size` is a whole number of at least 1")) };
        let key = match members.get("key") {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(key)) => Some(key.as_str().into()),
            Some(other) => return Err(format!("{expected}; `key` is text, not {other}")),
        };
        let across = match members.get("across") {
            None | Some(serde_json::Value::Null) => false,
            Some(serde_json::Value::Bool(across)) => *across,
            Some(other) => return Err(format!("{expected}; `across` is true or false, not {other}")),
        };
        Ok(Self { size: size as usize, key, across })
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        let mut map = serde_json::Map::new();
        map.insert("size".into(), self.size.into());
        if let Some(key) = &self.key {
            map.insert("key".into(), (&**key).into());
        }
        if self.across {
            map.insert("across".into(), true.into());
        }
        map.into()
    }

    /// The list in a packet, and the packet around it.
    fn list(&self, message: &Message) -> Option<(Vec<Value>, Option<Object>)> {
        let value = message.as_value()?;
        match &self.key {
            None => Some((value.as_array()?.to_vec(), None)),
            Some(key) => Some((value.get(key)?.as_array()?.to_vec(), value.as_object().cloned())),
        }
    }

    fn piece(&self, items: Vec<Value>, around: Option<&Object>) -> Message {
        let Some(key) = &self.key else { return Message::Array(items.into()) };
        let mut members = around.cloned().unwrap_or_default();
        members.insert(Arc::clone(key), Value::Array(items.into()));
        Message::Object(Value::Object(members.into()))
    }
}

/// A connection that cuts lists, of a node that sends over it.
#[derive(Debug)]
pub(crate) struct Rechunker {
    /// The outport that packets leave by.
    pub(crate) from: u16,
    /// The place of the pieces among the outports.
    pub(crate) to: u16,
    rule: Rechunk,
    rest: Mutex<Vec<Value>>,
}

impl Rechunker {
    pub(crate) fn new(from: u16, to: u16, rule: Rechunk) -> Self {
        Self { from, to, rule, rest: Mutex::default() }
    }

    /// The pieces that a packet makes, and what is left over now, where that is another than before.
    pub(crate) fn cut(&self, message: &Message) -> (Vec<Message>, Option<Value>) {
        let rule = &self.rule;
        let Some((items, around)) = rule.list(message) else { return (vec![message.clone()], None) };
        if !rule.across {
            let pieces = items.chunks(rule.size).map(|items| rule.piece(items.to_vec(), around.as_ref()));
            return (pieces.collect(), None);
        }
        let mut rest = self.rest.lock();
        rest.extend(items);
        let mut pieces = Vec::new();
        while rest.len() >= rule.size {
            let after = rest.split_off(rule.size);
            pieces.push(rule.piece(std::mem::replace(&mut *rest, after), None));
        }
        (pieces, Some(Value::Array(rest.clone().into())))
    }

    /// Puts what was left over back, from a journal.
    pub(crate) fn restore(&self, rest: &Value) {
        *self.rest.lock() = rest.as_array().unwrap_or_default().to_vec();
    }

    /// The last piece, if something is left over.
    pub(crate) fn last(&self) -> Option<Message> {
        let rest = std::mem::take(&mut *self.rest.lock());
        (!rest.is_empty()).then(|| self.rule.piece(rest, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(across: bool, key: Option<&str>) -> Rechunker {
        Rechunker::new(0, 1, Rechunk { size: 4, key: key.map(Into::into), across })
    }

    fn sizes(pieces: &[Message]) -> Vec<usize> {
        let list = |message: &Message| match message {
            Message::Array(items) => items.len(),
            other => other.to_value().get("rows").and_then(|rows| rows.as_array().map(<[_]>::len)).unwrap_or(0),
        };
        pieces.iter().map(list).collect()
    }

    #[test]
    fn lists_are_cut_one_by_one_or_across() {
        let ten = Message::from_value(Value::array(0..10));
        assert_eq!(sizes(&rule(false, None).cut(&ten).0), [4, 4, 2]);
        let across = rule(true, None);
        assert_eq!(sizes(&across.cut(&ten).0), [4, 4]);
        assert_eq!(sizes(&across.cut(&ten).0), [4, 4, 4]);
        assert!(across.last().is_none());
        let table = Message::Object(Value::object([("rows", Value::array(0..5)), ("name", "t".into())]));
        let pieces = rule(false, Some("rows")).cut(&table).0;
        assert_eq!(sizes(&pieces), [4, 1]);
        assert_eq!(pieces[1].to_value().get("name"), Some(&"t".into()));
        assert_eq!(rule(false, Some("rows")).cut(&Message::Integer(1)).0, [Message::Integer(1)]);
        assert!(Rechunk::from_json(&serde_json::json!({"size": 0})).unwrap_err().contains("at least 1"));
    }
}
