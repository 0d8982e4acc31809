//! Media packets: a JSON header and raw bytes in one Bytes message.
//!
//! A number of 32 bits (little endian) says how long the header is; behind it stand `{"kind": …, "version": 1, "payload": …, "byteLen": …}` and
//! as many bytes as that says. The header is filled up with spaces, so that the bytes begin at a multiple of 64.

use reflow_pack_sdk::Value;

/// Where data begins, in multiples of this.
const ALIGNMENT: usize = 64;

/// A packet that was taken apart.
#[derive(Debug, PartialEq)]
pub(crate) struct Packet<'a> {
    pub(crate) kind: String,
    pub(crate) payload: Value,
    pub(crate) data: &'a [u8],
}

/// Puts a packet together.
pub(crate) fn encode(kind: &str, payload: Value, data: &[u8]) -> Vec<u8> {
    let header = Value::object([
        ("kind", Value::from(kind)),
        ("version", 1_i64.into()),
        ("payload", payload),
        ("byteLen", (data.len() as i64).into()),
    ])
    .to_json_string();
    let length = (4 + header.len()).next_multiple_of(ALIGNMENT) - 4;
    let mut packet = Vec::with_capacity(4 + length + data.len());
    packet.extend_from_slice(&(length as u32).to_le_bytes());
    packet.extend_from_slice(header.as_bytes());
    packet.resize(4 + length, b' ');
    packet.extend_from_slice(data);
    packet
}

/// Takes a packet apart.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn decode(packet: &[u8]) -> Result<Packet<'_>, String> {
    let (length, rest) = packet
        .split_first_chunk::<4>()
        .ok_or_else(|| format!("a media packet has at least 4 bytes, this one has {}", packet.len()))?;
    let length = u32::from_le_bytes(*length) as usize;
    let (header, data) = rest
        .split_at_checked(length)
        .ok_or_else(|| format!("the header of a media packet goes past its end: {length} bytes of {}", rest.len()))?;
    let header: Value =
        serde_json::from_slice(header).map_err(|error| format!("the header of a media packet is no JSON: {error}"))?;
    let member = |name: &str| header.get(name).ok_or_else(|| format!("the header of a media packet has no `{name}`"));
    let version = member("version")?;
    if version.as_integer() != Some(1) {
        return Err(format!(
            "media packets of version 1 are read, this one is of version {}",
            version.to_json_string()
        ));
    }
    let kind = member("kind")?.as_str().ok_or("the kind of a media packet is a text")?.to_string();
    let size = member("byteLen")?.as_integer();
    if size != Some(data.len() as i64) {
        let told = member("byteLen")?.to_json_string();
        return Err(format!("a media packet says that it has {told} bytes, and has {}", data.len()));
    }
    Ok(Packet { kind, payload: member("payload")?.clone(), data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packets_come_back(kind in "[a-z-]{1,20}", name in ".{0,80}", data in prop::collection::vec(any::<u8>(), 0..200)) {
            let payload = Value::object([("name", name.as_str())]);
            let packet = encode(&kind, payload.clone(), &data);
            let found = decode(&packet).unwrap();
            prop_assert_eq!((packet.len() - data.len()) % 64, 0);
            prop_assert_eq!(found, Packet { kind, payload, data: &data });
        }

        #[test]
        fn anything_is_refused_or_read(packet in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&packet);
        }

        #[test]
        fn damaged_packets_are_refused_or_read(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let mut packet = encode("tensor", Value::object([("a", 1_i64)]), &[1, 2, 3, 4]);
            let at = at.index(packet.len());
            packet[at] = byte;
            let _ = decode(&packet[..cut.index(packet.len() + 1)]);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let packet = |header: &str, data: &[u8]| {
            let mut packet = (header.len() as u32).to_le_bytes().to_vec();
            packet.extend_from_slice(header.as_bytes());
            packet.extend_from_slice(data);
            packet
        };
        let good = r#"{"kind":"tensor","version":1,"payload":{},"byteLen":2}"#;
        assert!(decode(&packet(good, &[1, 2])).is_ok());
        for (bytes, said) in [
            (vec![1, 2, 3], "at least 4"),
            (vec![9, 0, 0, 0, 1], "past its end"),
            (packet("{", &[]), "no JSON"),
            (packet(good, &[1]), "says that it has 2 bytes, and has 1"),
            (packet(r#"{"kind":"tensor","version":2,"payload":{},"byteLen":0}"#, &[]), "version 2"),
            (packet(r#"{"kind":"tensor","version":1,"byteLen":0}"#, &[]), "no `payload`"),
            (packet("[]", &[]), "no `version`"),
        ] {
            let error = decode(&bytes).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
