//! The compact form of messages: what a store keeps. Kinds and plain values survive, and values of a host in its own form.

use std::sync::{Arc, OnceLock};

use crate::buffer::Buffer;
use crate::host::HostValueError;
use crate::message::{AnyValue, Message};
use crate::value::{MAX_DEPTH, Value};

/// Makes a message of the bytes that [`HostValue::packed`](crate::HostValue::packed) or
/// [`HostObject::packed`](crate::HostObject::packed) gave.
pub type Unpacker = fn(&[u8]) -> Result<Message, HostValueError>;

static UNPACKER: OnceLock<Unpacker> = OnceLock::new();

/// Says how values of the host of this process are read back. The first one counts.
pub fn set_unpacker(unpacker: Unpacker) {
    let _ = UNPACKER.set(unpacker);
}

/// Why packed bytes could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// They end in the middle, or hold what no message holds.
    #[error("the stored message is damaged")]
    Damaged,
    /// They are a value of a host that this process does not have.
    #[error("the stored message is a Python value, and this process has no Python")]
    NoHost,
    /// The host could not read its value.
    #[error("the stored value cannot be read: {0}")]
    Host(#[from] HostValueError),
}

const FLOW: u8 = 0;
const BOOLEAN: u8 = 1;
const INTEGER: u8 = 2;
const FLOAT: u8 = 3;
const STRING: u8 = 4;
const OBJECT: u8 = 5;
const ARRAY: u8 = 6;
const BYTES: u8 = 7;
const ERROR: u8 = 8;
const OPTIONAL: u8 = 9;
const EVENT: u8 = 10;
const ENCODED: u8 = 11;
const ANY: u8 = 12;
const HOST: u8 = 13;
const WIRE: u8 = 14;

impl Message {
    /// Appends the compact form of the message.
    ///
    /// # Errors
    /// [`HostValueError`] when it is a value of a host that has none.
    pub fn pack(&self, out: &mut Vec<u8>) -> Result<(), HostValueError> {
        match self {
            Self::Flow => out.push(FLOW),
            Self::Boolean(value) => out.extend([BOOLEAN, u8::from(*value)]),
            Self::Integer(value) => {
                out.push(INTEGER);
                out.extend(value.to_le_bytes());
            }
            Self::Float(value) => {
                out.push(FLOAT);
                out.extend(value.to_bits().to_le_bytes());
            }
            Self::String(text) => tagged(STRING, text.as_bytes(), out),
            Self::Error(text) => tagged(ERROR, text.as_bytes(), out),
            Self::Bytes(bytes) => tagged(BYTES, bytes, out),
            Self::Encoded(bytes) => tagged(ENCODED, bytes, out),
            Self::Object(value) => pack_tagged(OBJECT, value, out),
            Self::Array(items) => pack_tagged(ARRAY, &Value::Array(items.clone()), out),
            Self::Event(value) => pack_tagged(EVENT, value, out),
            Self::Any(AnyValue::Value(value)) => pack_tagged(ANY, value, out),
            Self::Optional(value) => match value {
                Some(value) => {
                    out.extend([OPTIONAL, 1]);
                    pack_value(value, out);
                }
                None => out.extend([OPTIONAL, 0]),
            },
            Self::Any(AnyValue::Host(object)) => tagged(HOST, &object.packed()?, out),
            Self::Host(value) => match value.packed()? {
                Some(bytes) => tagged(HOST, &bytes, out),
                None => value.message()?.pack(out)?,
            },
            other => pack_tagged(WIRE, &other.to_wire(), out),
        }
        Ok(())
    }

    /// Reads what [`pack`](Self::pack) wrote.
    ///
    /// # Errors
    /// [`UnpackError`] says why it cannot be read.
    pub fn unpack(bytes: &[u8]) -> Result<Self, UnpackError> {
        let mut reader = Reader(bytes);
        let message = match reader.byte()? {
            FLOW => Self::Flow,
            BOOLEAN => Self::Boolean(reader.byte()? != 0),
            INTEGER => Self::Integer(i64::from_le_bytes(reader.eight()?)),
            FLOAT => Self::Float(f64::from_bits(u64::from_le_bytes(reader.eight()?))),
            STRING => Self::String(reader.text()?),
            ERROR => Self::Error(reader.text()?),
            BYTES => Self::Bytes(Buffer::from(reader.slice()?.to_vec())),
            ENCODED => Self::Encoded(Buffer::from(reader.slice()?.to_vec())),
            OBJECT => Self::Object(reader.value(0)?),
            ARRAY => match reader.value(0)? {
                Value::Array(items) => Self::Array(items),
                _ => return Err(UnpackError::Damaged),
            },
            EVENT => Self::Event(Box::new(reader.value(0)?)),
            ANY => Self::Any(AnyValue::Value(Box::new(reader.value(0)?))),
            OPTIONAL => match reader.byte()? {
                0 => Self::Optional(None),
                _ => Self::Optional(Some(Box::new(reader.value(0)?))),
            },
            HOST => UNPACKER.get().ok_or(UnpackError::NoHost)?(reader.slice()?)?,
            WIRE => Self::from_wire(&reader.value(0)?).map_err(|_| UnpackError::Damaged)?,
            _ => return Err(UnpackError::Damaged),
        };
        if reader.0.is_empty() { Ok(message) } else { Err(UnpackError::Damaged) }
    }

    /// The message as people may see it, where reading it back would run code of a host: those are described.
    pub fn peek(bytes: &[u8]) -> Result<Value, UnpackError> {
        match bytes.first() {
            Some(&HOST) => Ok(format!("<Python value of {} bytes>", bytes.len()).into()),
            _ => Self::unpack(bytes).map(|message| message.to_value()),
        }
    }
}

impl Value {
    /// Appends the compact form of the value.
    pub fn pack(&self, out: &mut Vec<u8>) {
        pack_value(self, out);
    }

    /// Reads what [`pack`](Self::pack) wrote.
    ///
    /// # Errors
    /// [`UnpackError::Damaged`].
    pub fn unpack(bytes: &[u8]) -> Result<Self, UnpackError> {
        let mut reader = Reader(bytes);
        let value = reader.value(0)?;
        if reader.0.is_empty() { Ok(value) } else { Err(UnpackError::Damaged) }
    }
}

fn tagged(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 6);
    out.push(kind);
    put_bytes(bytes, out);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a number in groups of seven bits, the lowest first.
pub fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number off the front of the bytes that [`put_number`] wrote.
pub fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn pack_tagged(kind: u8, value: &Value, out: &mut Vec<u8>) {
    out.push(kind);
    pack_value(value, out);
}

// Values are no deeper than MAX_DEPTH, which fits a small stack.
fn pack_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::Boolean(value) => out.push(1 + u8::from(*value)),
        Value::Integer(value) => {
            out.push(3);
            // The sign goes to the lowest bit, so that small numbers are short.
            put_number(((value << 1) ^ (value >> 63)) as u64, out);
        }
        Value::Unsigned(value) => {
            out.push(4);
            put_number(*value, out);
        }
        Value::Float(value) => {
            out.push(5);
            out.extend(value.to_bits().to_le_bytes());
        }
        Value::String(text) => tagged(6, text.as_bytes(), out),
        Value::Array(items) => {
            out.push(7);
            put_number(items.len() as u64, out);
            items.iter().for_each(|item| pack_value(item, out));
        }
        Value::Object(members) => {
            out.push(8);
            put_number(members.len() as u64, out);
            for (key, value) in &**members {
                put_bytes(key.as_bytes(), out);
                pack_value(value, out);
            }
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, UnpackError> {
        let (first, rest) = self.0.split_first().ok_or(UnpackError::Damaged)?;
        self.0 = rest;
        Ok(*first)
    }

    fn eight(&mut self) -> Result<[u8; 8], UnpackError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(UnpackError::Damaged)?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<u64, UnpackError> {
        take_number(&mut self.0).ok_or(UnpackError::Damaged)
    }

    fn slice(&mut self) -> Result<&'a [u8], UnpackError> {
        let len = usize::try_from(self.number()?).map_err(|_| UnpackError::Damaged)?;
        let (head, rest) = self.0.split_at_checked(len).ok_or(UnpackError::Damaged)?;
        self.0 = rest;
        Ok(head)
    }

    fn text(&mut self) -> Result<Arc<str>, UnpackError> {
        std::str::from_utf8(self.slice()?).map(Into::into).map_err(|_| UnpackError::Damaged)
    }

    fn value(&mut self, depth: usize) -> Result<Value, UnpackError> {
        if depth > MAX_DEPTH {
            return Err(UnpackError::Damaged);
        }
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => Value::Boolean(false),
            2 => Value::Boolean(true),
            3 => {
                let number = self.number()?;
                Value::Integer((number >> 1) as i64 ^ -((number & 1) as i64))
            }
            4 => Value::Unsigned(self.number()?),
            5 => Value::Float(f64::from_bits(u64::from_le_bytes(self.eight()?))),
            6 => Value::String(self.text()?),
            7 => {
                let count = self.number()?;
                (0..count).map(|_| self.value(depth + 1)).collect::<Result<Vec<_>, _>>()?.into()
            }
            8 => {
                let count = self.number()?;
                let member = |reader: &mut Self| Ok((reader.text()?, reader.value(depth + 1)?));
                let members = (0..count).map(|_| member(self)).collect::<Result<Vec<_>, UnpackError>>()?;
                Value::object(members)
            }
            _ => return Err(UnpackError::Damaged),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            ((1_u64 << 63)..).prop_map(Value::Unsigned),
            any::<f64>().prop_map(Value::Float),
            ".{0,12}".prop_map(|text| Value::String(text.into())),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".{0,6}", inner), 0..6).prop_map(Value::object),
            ]
        })
    }

    fn packed(message: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        message.pack(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn messages_survive(value in any_value()) {
            for message in [
                Message::from_value(value.clone()),
                Message::Object(value.clone()),
                Message::Event(Box::new(value.clone())),
                Message::Any(AnyValue::Value(Box::new(value.clone()))),
                Message::Optional(Some(Box::new(value.clone()))),
            ] {
                let bytes = packed(&message);
                // NaN is not equal to itself, but its bits are.
                prop_assert_eq!(packed(&Message::unpack(&bytes).unwrap()), bytes);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Message::unpack(&bytes);
        }
    }

    #[test]
    fn every_kind_survives() {
        let bytes = Buffer::from(vec![1_u8, 2, 3]);
        for message in [
            Message::Flow,
            Message::Bytes(bytes.clone()),
            Message::Encoded(bytes),
            Message::error("bad"),
            Message::Optional(None),
            Message::RemoteReference(Arc::new(crate::RemoteReference {
                network_id: "n".into(),
                actor_id: "a".into(),
                port: "p".into(),
            })),
        ] {
            assert_eq!(Message::unpack(&packed(&message)).unwrap(), message);
        }
    }
}
