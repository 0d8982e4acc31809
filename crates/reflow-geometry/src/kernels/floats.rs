//! Numbers in bytes, little-endian. What is less than a number at the end is left out.

/// 32-bit floats.
pub fn read_f32(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}

/// 64-bit floats.
pub fn read_f64(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
}

/// The bytes of 32-bit floats.
pub fn write_f32(numbers: &[f32]) -> Vec<u8> {
    write(numbers, f32::to_le_bytes)
}

/// The bytes of 64-bit floats.
pub fn write_f64(numbers: &[f64]) -> Vec<u8> {
    write(numbers, f64::to_le_bytes)
}

/// The bytes of 32-bit whole numbers.
pub fn write_u32(numbers: &[u32]) -> Vec<u8> {
    write(numbers, u32::to_le_bytes)
}

/// Compiles to a copy where numbers are little-endian.
fn write<T: Copy, const N: usize>(numbers: &[T], bytes_of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = vec![0; numbers.len() * N];
    for (target, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
        *target = bytes_of(*number);
    }
    bytes
}

/// The 32-bit float at an offset in bytes; 0 beyond the end.
pub fn f32_at(bytes: &[u8], offset: usize) -> f32 {
    let number = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    number.map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
}
