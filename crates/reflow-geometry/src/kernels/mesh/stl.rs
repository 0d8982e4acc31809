//! STL: triangles with a normal each, as bytes or as text.

use rustc_hash::FxHashMap;

use super::soup::{Corner, Soup, Triangles, WriteError, face_normal};

/// What is in front of the triangles: a label, and their number.
const HEADER: usize = 84;

/// What a triangle takes.
const TRIANGLE: usize = 50;

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StlError {
    /// Not even a header.
    #[error("STL file too small")]
    TooSmall,
    /// Fewer triangles than it says.
    #[error("STL truncated: expected {expected} bytes, got {found}")]
    Truncated {
        /// What the number of triangles takes.
        expected: u64,
        /// The length of the file.
        found: usize,
    },
    /// A text that is none.
    #[error("STL line {line}: expected {expected}")]
    Text {
        /// Counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
}

/// Reads a file, text or bytes. Normals get the length 1; a normal that is zero is computed.
///
/// # Errors
/// When it is cut or malformed.
pub fn read(bytes: &[u8]) -> Result<Soup, StlError> {
    if is_text(bytes) { read_text(&String::from_utf8_lossy(bytes)) } else { read_bytes(bytes) }
}

/// Whether a file is text. Many with bytes begin with `solid` as well.
pub fn is_text(bytes: &[u8]) -> bool {
    let begins = bytes.trim_ascii_start().starts_with(b"solid");
    let fits = expected(bytes).is_some_and(|expected| expected == bytes.len() as u64);
    let head = &bytes[..bytes.len().min(1024)];
    let has_word = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    begins && !fits && (has_word(b"facet") || has_word(b"endsolid"))
}

/// The length that a header promises.
pub fn expected(bytes: &[u8]) -> Option<u64> {
    let count = bytes.get(80..84)?.first_chunk()?;
    Some(HEADER as u64 + TRIANGLE as u64 * u64::from(u32::from_le_bytes(*count)))
}

fn read_bytes(bytes: &[u8]) -> Result<Soup, StlError> {
    let expected = expected(bytes).ok_or(StlError::TooSmall)?;
    if (bytes.len() as u64) < expected {
        return Err(StlError::Truncated { expected, found: bytes.len() });
    }
    let triangles = &bytes[HEADER..expected as usize];
    let mut soup = Soup::new(false, false);
    soup.floats.reserve_exact(triangles.len() / TRIANGLE * 18);
    for triangle in triangles.as_chunks::<TRIANGLE>().0 {
        let numbers: [f32; 12] = super::soup::floats_at(triangle, 0);
        let part = |at: usize| [numbers[at], numbers[at + 1], numbers[at + 2]];
        push(&mut soup, part(0), [part(3), part(6), part(9)]);
    }
    Ok(soup)
}

fn read_text(text: &str) -> Result<Soup, StlError> {
    let mut soup = Soup::new(false, false);
    let (mut normal, mut corners) = ([0.0; 3], Vec::new());
    for (line, words) in (1..).zip(text.lines().map(str::split_ascii_whitespace)) {
        let mut words = words;
        match words.next().unwrap_or_default() {
            "facet" => {
                words.next();
                normal = numbers(words).unwrap_or_default();
                corners.clear();
            }
            "vertex" => corners.push(numbers(words).ok_or(StlError::Text { line, expected: "three numbers" })?),
            "endfacet" => match corners[..] {
                [a, b, c] => push(&mut soup, normal, [a, b, c]),
                _ => return Err(StlError::Text { line, expected: "three vertices before this" }),
            },
            _ => {}
        }
    }
    Ok(soup)
}

fn numbers<'a>(words: impl Iterator<Item = &'a str>) -> Option<[f32; 3]> {
    let numbers: Vec<f32> = words.take(3).map_while(|word| word.parse().ok()).collect();
    numbers.try_into().ok()
}

fn push(soup: &mut Soup, normal: [f32; 3], corners: [[f32; 3]; 3]) {
    let length = glam::Vec3::from(normal).length();
    // A normal without a length is left to be computed.
    let normal = if length.is_normal() { normal.map(|part| part / length) } else { [0.0; 3] };
    soup.push(corners.map(|position| Corner { position, normal, ..Corner::default() }));
}

/// Gives corners at the same place, to four decimals, the mean of their normals.
pub fn smooth(soup: &mut Soup) {
    let key = |position: &[f32]| [0, 1, 2].map(|axis| (position[axis] * 10_000.0) as i64);
    let mut sums: FxHashMap<[i64; 3], glam::Vec3> = FxHashMap::default();
    let (vertices, _) = soup.floats.as_chunks_mut::<6>();
    for vertex in &*vertices {
        *sums.entry(key(vertex)).or_default() += glam::Vec3::from_slice(&vertex[3..]);
    }
    for vertex in vertices {
        let sum = sums.get(&key(vertex)).copied().unwrap_or_default();
        if sum.length() >= 1e-6 {
            vertex[3..].copy_from_slice(&sum.normalize().to_array());
        }
    }
}

/// Writes triangles with the normals of their faces, (0, 1, 0) for those without an area.
///
/// # Errors
/// When there are more than a file can have.
pub fn write(triangles: &Triangles<'_>) -> Result<Vec<u8>, WriteError> {
    let count = u32::try_from(triangles.vertex_count() / 3).map_err(|_| WriteError::TooLarge)?;
    let mut file = Vec::with_capacity(HEADER + TRIANGLE * count as usize);
    file.extend(b"Triangles by offbit-reflow");
    file.resize(80, 0);
    file.extend(count.to_le_bytes());
    for corners in triangles.corners() {
        let normal = face_normal(corners).unwrap_or([0.0, 1.0, 0.0]);
        for number in normal.iter().chain(corners.as_flattened()) {
            file.extend(number.to_le_bytes());
        }
        file.extend([0, 0]);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::floats::write_f32;
    use proptest::prelude::*;

    const TEXT: &str = "solid x\n facet normal 0 0 2\n  outer loop\n   vertex 0 0 0\n   vertex 1 0 0\n   vertex 0 1e0 0\n  \
                        endloop\n endfacet\nendsolid x\n";

    fn soup(numbers: &[f32]) -> Vec<u8> {
        let vertices = numbers.as_chunks::<3>().0.iter();
        write_f32(&vertices.flat_map(|[x, y, z]| [*x, *y, *z, 0.0, 0.0, 1.0]).collect::<Vec<_>>())
    }

    #[test]
    fn text_is_read_as_bytes_are() {
        let read_text = read(TEXT.as_bytes()).unwrap();
        let bytes = soup(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let file = write(&Triangles::new(&bytes, 24).unwrap()).unwrap();
        assert_eq!(read(&file).unwrap(), read_text);
        assert_eq!(read_text.to_bytes(), bytes);
        let cut = &TEXT.as_bytes()[..TEXT.find("   vertex 0 1").unwrap()];
        assert!(read(&[cut, b"\nendfacet"].concat()).is_err());
    }

    #[test]
    fn a_binary_file_may_begin_with_solid() {
        let bytes = soup(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let mut file = write(&Triangles::new(&bytes, 24).unwrap()).unwrap();
        file[..11].copy_from_slice(b"solid facet");
        assert_eq!(read(&file).unwrap().vertex_count(), 3);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec(-1e3..1e3_f32, 0..90)) {
            let numbers = &numbers[..numbers.len() / 9 * 9];
            let file = write(&Triangles::new(&soup(numbers), 24).unwrap()).unwrap();
            let read = read(&file).unwrap();
            let found: Vec<f32> = read.floats.as_chunks::<6>().0.iter().flat_map(|vertex| vertex[..3].to_vec()).collect();
            prop_assert_eq!(&found[..], numbers);
        }

        #[test]
        fn any_bytes_are_a_file_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), length in 0..84_usize) {
            let _ = read(&bytes);
            let mut text = TEXT.as_bytes().to_vec();
            text.truncate(length);
            text.extend(bytes);
            let _ = read(&text);
        }
    }
}
