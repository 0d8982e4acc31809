//! The sequence parameter set of H.264, as far as the size of the picture goes (ITU-T H.264, 7.3.2.1).
//!
//! The encoder takes pictures of at least 16 × 16 pixels; what a smaller one really measures is written afterwards.

/// `nal` with a frame cropping that leaves the upper left `width` × `height` pixels (even numbers). `None` when it is no parameter set
/// that can be read, or the picture is smaller than that.
pub(crate) fn cropped(nal: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    let (header, payload) = nal.split_first()?;
    let bytes = without_escapes(payload);
    let mut input = Bits { bytes: &bytes, at: 0 };
    let mut output = Writer::default();
    let profile = input.copy(8, &mut output)?;
    input.copy(16, &mut output)?;
    input.copy_ue(&mut output)?;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
        // Only 4:2:0 without scaling lists, which is what the encoder writes.
        (input.copy_ue(&mut output)? == 1).then_some(())?;
        input.copy_ue(&mut output)?;
        input.copy_ue(&mut output)?;
        input.copy(1, &mut output)?;
        (input.copy(1, &mut output)? == 0).then_some(())?;
    }
    input.copy_ue(&mut output)?;
    match input.copy_ue(&mut output)? {
        0 => {
            input.copy_ue(&mut output)?;
        }
        2 => {}
        _ => return None,
    }
    input.copy_ue(&mut output)?;
    input.copy(1, &mut output)?;
    let columns = (input.copy_ue(&mut output)? + 1) * 16;
    let rows = (input.copy_ue(&mut output)? + 1) * 16;
    (input.copy(1, &mut output)? == 1).then_some(())?;
    input.copy(1, &mut output)?;
    if input.take(1)? == 1 {
        for _ in 0..4 {
            input.take_ue()?;
        }
    }
    let (right, bottom) = (columns.checked_sub(width)? / 2, rows.checked_sub(height)? / 2);
    output.put(u32::from(right > 0 || bottom > 0), 1);
    if right > 0 || bottom > 0 {
        [0, right, 0, bottom].into_iter().for_each(|offset| output.put_ue(offset));
    }
    // The rest as it is, up to the stop bit.
    let end = bytes.len() * 8 - 1 - bytes.last()?.trailing_zeros() as usize;
    while input.at < end {
        input.copy(1, &mut output)?;
    }
    output.put(1, 1);
    Some(std::iter::once(*header).chain(with_escapes(&output.finish())).collect())
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn take_ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        (zeros < 16).then_some(())?;
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    fn copy(&mut self, count: u32, output: &mut Writer) -> Option<u32> {
        let value = self.take(count)?;
        output.put(value, count);
        Some(value)
    }

    fn copy_ue(&mut self, output: &mut Writer) -> Option<u32> {
        let value = self.take_ue()?;
        output.put_ue(value);
        Some(value)
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// Bits in the last byte, 0 when it is full.
    used: u32,
}

impl Writer {
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.used);
            }
            self.used = (self.used + 1) % 8;
        }
    }

    fn put_ue(&mut self, value: u32) {
        let bits = (value + 1).ilog2();
        self.put(0, bits);
        self.put(value + 1, bits + 1);
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Without the bytes that keep start codes out.
fn without_escapes(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for byte in payload {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        bytes.push(*byte);
    }
    bytes
}

fn with_escapes(payload: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(payload.len() + 4);
    let mut zeros = 0;
    for byte in payload {
        if zeros >= 2 && *byte <= 3 {
            escaped.push(3);
            zeros = 0;
        }
        escaped.push(*byte);
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn escapes_come_off_again(payload in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(3), any::<u8>()], 0..64)) {
            let escaped = with_escapes(&payload);
            prop_assert!(!escaped.windows(3).any(|window| window[..2] == [0, 0] && window[2] < 3));
            prop_assert_eq!(without_escapes(&escaped), payload);
        }

        #[test]
        fn anything_else_is_refused_quietly(nal in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = cropped(&nal, 2, 2);
        }
    }
}
