//! Segments: consecutive messages of a stream in one row, see `schema.sql`.

use reflow_message::{put_number, take_number};

/// A segment holds about so much at most.
pub(crate) const ROOM: usize = 128 << 10;
const POSITION_BITS: u32 = 40;

/// The id of the row that begins with this message.
pub(crate) fn id(stream: i64, position: u64) -> i64 {
    (stream << POSITION_BITS) | (position as i64 & ((1 << POSITION_BITS) - 1))
}

/// The position in the id of a row.
pub(crate) fn position(id: i64) -> u64 {
    (id & ((1 << POSITION_BITS) - 1)) as u64
}

/// A segment that is being made.
#[derive(Default)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) data: Vec<u8>,
}

impl Segment {
    /// Whether a message at this position goes on where it ends.
    pub(crate) fn takes(&self, position: u64) -> bool {
        self.count == 0 || (position == self.first + self.count && self.data.len() < ROOM)
    }

    pub(crate) fn push(&mut self, position: u64, origin: u64, is_file: bool, bytes: &[u8]) {
        if self.count == 0 {
            self.first = position;
        }
        self.count += 1;
        put_number((bytes.len() as u64) << 1 | u64::from(is_file), &mut self.data);
        put_number(origin, &mut self.data);
        self.data.extend_from_slice(bytes);
    }
}

/// A message in a segment.
pub(crate) struct Entry<'a> {
    pub(crate) position: u64,
    pub(crate) origin: u64,
    pub(crate) is_file: bool,
    pub(crate) bytes: &'a [u8],
}

/// The messages of a segment; ends early where it is damaged.
pub(crate) fn entries(first: u64, mut data: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    (first..).map_while(move |position| {
        if data.is_empty() {
            return None;
        }
        let head = take_number(&mut data)?;
        let origin = take_number(&mut data)?;
        let (bytes, rest) = data.split_at_checked((head >> 1) as usize)?;
        data = rest;
        Some(Entry { position, origin, is_file: head & 1 == 1, bytes })
    })
}

/// Writes positions beyond `upto` as distances.
pub(crate) fn distances(upto: u64, beyond: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut last = upto;
    for position in beyond {
        put_number(position - last, &mut bytes);
        last = position;
    }
    bytes
}

/// Reads what [`distances`] wrote.
pub(crate) fn positions(upto: u64, mut bytes: &[u8]) -> Vec<u64> {
    let mut last = upto;
    let next = || {
        let distance = take_number(&mut bytes)?;
        last = last.checked_add(distance)?;
        Some(last)
    };
    std::iter::from_fn(next).collect()
}
