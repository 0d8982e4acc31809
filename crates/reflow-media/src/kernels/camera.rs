//! Pictures as cameras give them, made RGBA.

use std::borrow::Cow;

use super::pixel::bytes_of;

/// How the pixels of a camera are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Two pixels in four bytes: brightness, blue, brightness, red.
    Yuyv,
    /// Two pixels in four bytes: blue, brightness, red, brightness.
    Uyvy,
    /// The brightness of all pixels, then blue and red of four each.
    Nv12,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Brightness.
    Grey,
    /// A JPEG file.
    Jpeg,
}

impl Pixels {
    /// What four letters stand for (`linux/videodev2.h`).
    pub fn of(code: [u8; 4]) -> Option<Self> {
        Some(match &code {
            b"YUYV" => Self::Yuyv,
            b"UYVY" => Self::Uyvy,
            b"NV12" => Self::Nv12,
            b"RGB3" => Self::Rgb,
            b"BGR3" => Self::Bgr,
            b"GREY" => Self::Grey,
            b"MJPG" | b"JPEG" => Self::Jpeg,
            _ => return None,
        })
    }

    /// Bytes of a row without gaps, where there are rows.
    fn row(self, width: usize) -> usize {
        match self {
            Self::Yuyv | Self::Uyvy => width.div_ceil(2) * 4,
            Self::Nv12 => width.next_multiple_of(2),
            Self::Rgb | Self::Bgr => width * 3,
            Self::Grey => width,
            Self::Jpeg => 0,
        }
    }
}

/// The size of pictures, and how they are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// How pixels are written.
    pub pixels: Pixels,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from a row to the next, or 0 where there are no gaps.
    pub row: usize,
    /// Whether brightness goes from 0 to 255, and not from 16 to 235.
    pub is_full_range: bool,
}

/// Makes a picture RGBA, except for a JPEG file.
///
/// # Errors
/// When there are too few bytes.
pub fn to_rgba(layout: &Layout, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let Layout { pixels, width, height, .. } = *layout;
    let row = layout.row.max(pixels.row(width));
    let wrong = || format!("{} bytes are no {width} × {height} pixels", bytes.len());
    let size = bytes_of(width, height, 4).ok_or_else(wrong)?;
    let rows = if pixels == Pixels::Nv12 { height + height.div_ceil(2) } else { height };
    // The last row need have no gap behind it.
    let needed = (rows.max(1) - 1).checked_mul(row).and_then(|before| before.checked_add(pixels.row(width)));
    if needed.is_none_or(|needed| bytes.len() < needed) {
        return Err(wrong());
    }
    let (brightness, colours) = bytes.split_at((height * row).min(bytes.len()));
    let colour = Matrix::new(layout.is_full_range);
    let mut out = vec![0; size];
    for (y, to) in out.chunks_exact_mut((width * 4).max(1)).enumerate() {
        let from = &brightness[y * row..];
        match pixels {
            Pixels::Yuyv => pairs(from, to, &colour, |[y1, u, y2, v]| ([y1, y2], u, v)),
            Pixels::Uyvy => pairs(from, to, &colour, |[u, y1, v, y2]| ([y1, y2], u, v)),
            Pixels::Nv12 => {
                let shared = &colours[y / 2 * row..];
                let luma = from[..width].chunks(2);
                for ((luma, uv), to) in luma.zip(shared.as_chunks::<2>().0).zip(to.chunks_mut(8)) {
                    colour.pair([luma[0], luma[luma.len() - 1]], uv[0], uv[1], to);
                }
            }
            Pixels::Rgb => each(from.as_chunks().0, to, |[r, g, b]: [u8; 3]| [r, g, b, 255]),
            Pixels::Bgr => each(from.as_chunks().0, to, |[b, g, r]: [u8; 3]| [r, g, b, 255]),
            Pixels::Grey => each(from.as_chunks().0, to, |[grey]: [u8; 1]| [grey, grey, grey, 255]),
            Pixels::Jpeg => return Err("it is a JPEG file".to_string()),
        }
    }
    Ok(out)
}

fn each<const N: usize>(from: &[[u8; N]], to: &mut [u8], make: impl Fn([u8; N]) -> [u8; 4]) {
    for (from, to) in from.iter().zip(to.as_chunks_mut::<4>().0) {
        *to = make(*from);
    }
}

fn pairs(from: &[u8], to: &mut [u8], colour: &Matrix, split: impl Fn([u8; 4]) -> ([u8; 2], u8, u8)) {
    for (from, to) in from.as_chunks::<4>().0.iter().zip(to.chunks_mut(8)) {
        let (luma, u, v) = split(*from);
        colour.pair(luma, u, v, to);
    }
}

/// From brightness and two differences of colour to colours, by ITU-R BT.601, in steps of 2⁻¹⁶.
struct Matrix {
    black: i32,
    luma: i32,
    red: i32,
    green: [i32; 2],
    blue: i32,
}

impl Matrix {
    fn new(is_full_range: bool) -> Self {
        let (black, luma, chroma) = if is_full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let step = |factor: f64| (factor * 65_536.0).round() as i32;
        Self {
            black,
            luma: step(luma),
            red: step(1.402 * chroma),
            green: [step(-0.344_136 * chroma), step(-0.714_136 * chroma)],
            blue: step(1.772 * chroma),
        }
    }

    /// Two pixels with one colour, or the first of them.
    #[inline]
    fn pair(&self, luma: [u8; 2], u: u8, v: u8, to: &mut [u8]) {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let [red, green, blue] = [self.red * v, self.green[0] * u + self.green[1] * v, self.blue * u];
        for (luma, to) in luma.into_iter().zip(to.as_chunks_mut::<4>().0) {
            let grey = (i32::from(luma) - self.black) * self.luma + (1 << 15);
            let byte = |colour: i32| ((grey + colour) >> 16).clamp(0, 255) as u8;
            *to = [byte(red), byte(green), byte(blue), 255];
        }
    }
}

/// The Huffman tables of the JPEG standard (ITU-T T.81, K.3), as a segment of a file: those of brightness and of colour, each for the
/// lowest frequency and for the others.
const TABLES: &[u8] = b"\xff\xc4\x01\xa2\
    \x00\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\
    \x0b\
    \x10\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\
    \x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\
    \x16\x17\x18\x19\x1a\x25\x26\x27\x28\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\x54\
    \x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\
    \x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\
    \xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\
    \xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\
    \x01\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\
    \x0b\
    \x11\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\
    \x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\
    \x34\xe1\x25\xf1\x17\x18\x19\x1a\x26\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49\x4a\x53\
    \x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\
    \x87\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\
    \xb8\xb9\xba\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5\xe6\xe7\xe8\
    \xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa";

/// A JPEG file with the Huffman tables that cameras leave out, which are those of the standard.
pub fn with_tables(file: &[u8]) -> Cow<'_, [u8]> {
    let mut place = 2;
    // Segments, up to the one that the picture follows.
    while let Some([0xff, marker, high, low]) = file.get(place..place + 4) {
        match marker {
            0xc4 => return file.into(),
            0xda => return [&file[..place], TABLES, &file[place..]].concat().into(),
            _ => place += 2 + usize::from(u16::from_be_bytes([*high, *low])),
        }
    }
    file.into()
}

/// What a capture is to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Pictures a second.
    pub fps: u64,
}

/// What a camera can give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// How pixels are written, by its four letters.
    pub code: [u8; 4],
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Pictures a second, where that is known.
    pub fps: Option<f64>,
}

/// The place of the mode that comes nearest to a wish, of those whose pixels can be read: first by its size, then by its rate, then by what it
/// takes to read it.
pub fn choose(modes: &[Mode], wish: &Wish) -> Option<usize> {
    let rank = |mode: &Mode| {
        let size = mode.width.abs_diff(wish.width) + mode.height.abs_diff(wish.height);
        // Nearly as many are as many; more are no gain.
        let missing = mode.fps.map_or(0.0, |fps| (wish.fps as f64 - fps - 0.5).max(0.0));
        let work = u8::from(Pixels::of(mode.code) == Some(Pixels::Jpeg))
            + u8::from(Pixels::of(mode.code) == Some(Pixels::Grey)) * 2;
        (size, missing, work)
    };
    let readable = modes.iter().enumerate().filter(|(_, mode)| Pixels::of(mode.code).is_some());
    let (place, _) = readable.min_by(|(_, one), (_, other)| {
        let ((size, missing, work), others) = (rank(one), rank(other));
        size.cmp(&others.0).then(missing.total_cmp(&others.1)).then(work.cmp(&others.2))
    })?;
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// BT.601 as it is written down, in real numbers.
    fn formula([y, u, v]: [u8; 3], is_full_range: bool) -> [f64; 3] {
        let (black, luma, chroma) = if is_full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
        let y = (f64::from(y) - black) / luma;
        let [u, v] = [u, v].map(|byte| (f64::from(byte) - 128.0) / chroma);
        let (kr, kb) = (0.299, 0.114);
        let (red, blue) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
        let green = (y - kr * red - kb * blue) / (1.0 - kr - kb);
        [red, green, blue].map(|colour| (colour * 255.0).clamp(0.0, 255.0))
    }

    fn layout(pixels: Pixels, width: usize, height: usize, row: usize) -> Layout {
        Layout { pixels, width, height, row, is_full_range: false }
    }

    proptest! {
        #[test]
        fn every_way_of_writing_gives_the_colours_of_the_formula(
            width in 1..9_usize, height in 1..6_usize, gap in 0..5_usize, is_full_range: bool, bytes in prop::collection::vec(any::<u8>(), 400),
        ) {
            for pixels in [Pixels::Yuyv, Pixels::Uyvy, Pixels::Nv12, Pixels::Rgb, Pixels::Bgr, Pixels::Grey] {
                let row = pixels.row(width) + gap;
                let layout = Layout { pixels, width, height, row, is_full_range };
                let rgba = to_rgba(&layout, &bytes).unwrap();
                prop_assert_eq!(rgba.len(), width * height * 4);
                for y in 0..height {
                    for x in 0..width {
                        let at = |offset: usize| bytes[y * row + offset];
                        let (pair, shared) = (x / 2 * 4, (height + y / 2) * row + x / 2 * 2);
                        let expected = match pixels {
                            Pixels::Yuyv => formula([at(x * 2), at(pair + 1), at(pair + 3)], is_full_range),
                            Pixels::Uyvy => formula([at(x * 2 + 1), at(pair), at(pair + 2)], is_full_range),
                            Pixels::Nv12 => formula([at(x), bytes[shared], bytes[shared + 1]], is_full_range),
                            Pixels::Rgb => [0, 1, 2].map(|channel| f64::from(at(x * 3 + channel))),
                            Pixels::Bgr => [2, 1, 0].map(|channel| f64::from(at(x * 3 + channel))),
                            _ => [f64::from(at(x)); 3],
                        };
                        let pixel = &rgba[(y * width + x) * 4..][..4];
                        for (byte, expected) in pixel.iter().zip(expected) {
                            prop_assert!((f64::from(*byte) - expected).abs() < 0.502, "{pixels:?} {pixel:?} {expected}");
                        }
                        prop_assert_eq!(pixel[3], 255);
                    }
                }
            }
        }

        #[test]
        fn any_size_and_any_bytes_are_a_picture_or_an_error(
            width in 0..6_usize, height in 0..6_usize, row in 0..20_usize, bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            prop_assert!(with_tables(&bytes).starts_with(&bytes[..bytes.len().min(2)]));
            for pixels in [Pixels::Yuyv, Pixels::Uyvy, Pixels::Nv12, Pixels::Rgb, Pixels::Bgr, Pixels::Grey, Pixels::Jpeg] {
                if let Ok(rgba) = to_rgba(&layout(pixels, width, height, row), &bytes) {
                    prop_assert_eq!(rgba.len(), width * height * 4);
                }
            }
        }
    }

    #[test]
    fn too_few_bytes_are_told() {
        let short = to_rgba(&layout(Pixels::Yuyv, 4, 2, 0), &[0; 15]);
        assert_eq!(short, Err("15 bytes are no 4 × 2 pixels".into()));
        assert!(to_rgba(&layout(Pixels::Yuyv, 4, 2, 100), &[0; 108]).is_ok(), "no gap behind the last row");
        assert!(to_rgba(&layout(Pixels::Grey, usize::MAX, 2, 0), &[0; 15]).is_err());
    }

    #[test]
    fn tables_are_added_where_there_are_none() {
        let start = [0xff, 0xd8, 0xff, 0xe0, 0, 3, 7];
        let scan = [0xff, 0xda, 0, 2, 1, 2, 3];
        let bare = [&start[..], &scan].concat();
        assert_eq!(*with_tables(&bare), [&start, TABLES, &scan].concat());
        let whole = [&start[..], TABLES, &scan].concat();
        assert_eq!(*with_tables(&whole), whole);
        assert_eq!(*with_tables(&bare[..6]), bare[..6], "a file that ends too early");
    }

    #[test]
    fn the_mode_nearest_to_a_wish_is_chosen() {
        let mode = |code: &[u8; 4], width, height, fps| Mode { code: *code, width, height, fps: Some(fps) };
        let modes = [
            mode(b"YUYV", 640, 480, 30.0),
            mode(b"YUYV", 1280, 720, 10.0),
            mode(b"MJPG", 640, 480, 30.0),
            mode(b"MJPG", 1280, 720, 29.97),
            mode(b"H264", 1280, 720, 60.0),
        ];
        let chosen = |width, height, fps| choose(&modes, &Wish { width, height, fps });
        assert_eq!(chosen(640, 480, 30), Some(0), "what is no file is read faster");
        assert_eq!(chosen(1280, 720, 30), Some(3), "fast enough");
        assert_eq!(chosen(1280, 720, 10), Some(1));
        assert_eq!(chosen(1920, 1080, 60), Some(3));
        assert_eq!(choose(&modes[4..], &Wish { width: 1280, height: 720, fps: 60 }), None, "nobody here reads that");
    }
}
