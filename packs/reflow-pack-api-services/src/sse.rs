//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), as they come.

/// Bytes of one event that are kept.
const MOST_BYTES: usize = 16 << 20;

/// Cuts bytes into events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// Whether the last byte was a carriage return, which ends a line together with a line feed.
    after_return: bool,
    is_begun: bool,
}

impl Events {
    /// Takes bytes, and gives the data of every event that is complete.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let mut events = Vec::new();
        for byte in bytes {
            let follows = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if follows => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > MOST_BYTES {
                return Err(format!("an event of the answer has more than {MOST_BYTES} bytes"));
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.is_begun, true) && line.starts_with("\u{feff}".as_bytes()) {
            line.drain(..3);
        }
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return std::mem::replace(&mut self.has_data, false).then_some(data);
        }
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (&line[..], &[][..]),
        };
        if name == b"data" {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.has_data = true;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_wherever_the_bytes_are() {
        let text = "\u{feff}: hello\r\ndata: a\r\ndata:b\r\n\r\nevent: x\rdata: {\"c\":1}\r\rid: 1\n\ndata\n\ndata: unfinished";
        let expected: Vec<Vec<u8>> = vec![b"a\nb".to_vec(), b"{\"c\":1}".to_vec(), b"".to_vec()];
        for size in [1, 2, 3, 7, 1000] {
            let mut events = Events::default();
            let found: Vec<_> = text.as_bytes().chunks(size).flat_map(|chunk| events.take(chunk).unwrap()).collect();
            assert_eq!(found, expected, "{size}");
        }
    }
}
