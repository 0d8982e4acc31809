//! The test picture.

/// Picture number `number` as RGBA pixels: two ramps that move, and squares that change their colour.
pub fn test_picture(width: usize, height: usize, number: u64) -> Vec<u8> {
    let shift = (number % 255) as usize;
    let mut pixels = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        let green = (y * 255 / height + 2 * shift) % 255;
        for x in 0..width {
            let red = (x * 255 / width + shift) % 255;
            let is_even = ((x / 32 + y / 32) as u64 + number % 2).is_multiple_of(2);
            pixels.extend([red as u8, green as u8, if is_even { 210 } else { 90 }, 255]);
        }
    }
    pixels
}
