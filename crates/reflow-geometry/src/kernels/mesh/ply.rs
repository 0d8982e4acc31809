//! Stanford PLY, text and bytes of either order.

use super::soup::{Corner, Soup};

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlyError {
    /// It is no PLY, or one that says nothing of its data.
    #[error("PLY header: {0}")]
    Header(&'static str),
    /// The data end before they should.
    #[error("PLY ends in the middle of its data")]
    Truncated,
    /// What should be a number is none.
    #[error("PLY: a number is malformed")]
    Number,
    /// A face names what the file does not have.
    #[error("PLY: a face has vertex {index}, but there are {count}")]
    Index {
        /// As written.
        index: f64,
        /// How many there are.
        count: usize,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Text,
    LittleEndian,
    BigEndian,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

struct Property {
    name: String,
    scalar: Scalar,
    /// The kind of the count, of a list.
    count: Option<Scalar>,
}

struct Element {
    name: String,
    count: u64,
    properties: Vec<Property>,
}

/// Reads a file: its triangles, and polygons as fans.
///
/// # Errors
/// When it is cut or malformed.
pub fn read(bytes: &[u8]) -> Result<Soup, PlyError> {
    let (encoding, elements, data) = header(bytes)?;
    let mut data = Data { bytes: data, encoding };
    let (mut vertices, mut faces): (Vec<Corner>, Vec<[f64; 3]>) = (Vec::new(), Vec::new());
    let (mut has_uv, mut has_color) = (false, false);
    for element in elements {
        // An element without properties takes nothing, however many there are said to be.
        if element.properties.is_empty() {
            continue;
        }
        let has = |names: &[&str]| element.properties.iter().any(|property| names.contains(&&*property.name));
        if element.name == "vertex" {
            has_uv = has(&U) && has(&V);
            has_color = has(&["red", "r"]);
        }
        for _ in 0..element.count {
            let mut corner = Corner::default();
            for property in &element.properties {
                let Some(count) = property.count else {
                    let number = data.number(property.scalar)?;
                    if element.name == "vertex" {
                        set(&mut corner, property, number as f32);
                    }
                    continue;
                };
                let count = data.number(count)?;
                let is_polygon = element.name == "face" && matches!(&*property.name, "vertex_indices" | "vertex_index");
                data.list(count, property.scalar, is_polygon.then_some(&mut faces))?;
            }
            if element.name == "vertex" {
                vertices.push(corner);
            }
        }
    }
    let mut soup = Soup::new(has_uv, has_color);
    for face in faces {
        let mut corners = [Corner::default(); 3];
        for (corner, index) in corners.iter_mut().zip(face) {
            let found = if index >= 0.0 { vertices.get(index as usize) } else { None };
            *corner = *found.ok_or(PlyError::Index { index, count: vertices.len() })?;
        }
        soup.push(corners);
    }
    Ok(soup)
}

const U: [&str; 4] = ["u", "s", "texture_u", "texture_s"];
const V: [&str; 4] = ["v", "t", "texture_v", "texture_t"];

fn set(corner: &mut Corner, property: &Property, number: f32) {
    // Colours are bytes, or floats from 0 to 1.
    let tint = match property.scalar {
        Scalar::F32 | Scalar::F64 => number,
        Scalar::U16 | Scalar::I16 => number / 65_535.0,
        _ => number / 255.0,
    };
    match &*property.name {
        "x" => corner.position[0] = number,
        "y" => corner.position[1] = number,
        "z" => corner.position[2] = number,
        "nx" => corner.normal[0] = number,
        "ny" => corner.normal[1] = number,
        "nz" => corner.normal[2] = number,
        "red" | "r" => corner.color[0] = tint,
        "green" | "g" => corner.color[1] = tint,
        "blue" | "b" => corner.color[2] = tint,
        name if U.contains(&name) => corner.uv[0] = number,
        name if V.contains(&name) => corner.uv[1] = number,
        _ => {}
    }
}

fn header(bytes: &[u8]) -> Result<(Encoding, Vec<Element>, &[u8]), PlyError> {
    let (mut encoding, mut elements, mut rest): (_, Vec<Element>, _) = (None, Vec::new(), bytes);
    for number in 0.. {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(PlyError::Header("it does not end"))?;
        let line = std::str::from_utf8(&rest[..end]).map_err(|_| PlyError::Header("it is no text"))?;
        rest = &rest[end + 1..];
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["ply"] if number == 0 => {}
            _ if number == 0 => return Err(PlyError::Header("it does not begin with `ply`")),
            ["format", "ascii", ..] => encoding = Some(Encoding::Text),
            ["format", "binary_little_endian", ..] => encoding = Some(Encoding::LittleEndian),
            ["format", "binary_big_endian", ..] => encoding = Some(Encoding::BigEndian),
            ["element", name, count] => {
                let count = count.parse().map_err(|_| PlyError::Header("an element has no count"))?;
                elements.push(Element { name: name.to_string(), count, properties: Vec::new() });
            }
            ["property", "list", count, kind, name] => {
                let property = Property { name: name.into(), scalar: scalar(kind)?, count: Some(scalar(count)?) };
                elements.last_mut().ok_or(PlyError::Header("a property of no element"))?.properties.push(property);
            }
            ["property", kind, name] => {
                let property = Property { name: name.into(), scalar: scalar(kind)?, count: None };
                elements.last_mut().ok_or(PlyError::Header("a property of no element"))?.properties.push(property);
            }
            ["end_header"] => break,
            _ => {}
        }
    }
    Ok((encoding.ok_or(PlyError::Header("it names no format"))?, elements, rest))
}

fn scalar(word: &str) -> Result<Scalar, PlyError> {
    Ok(match word {
        "char" | "int8" => Scalar::I8,
        "uchar" | "uint8" => Scalar::U8,
        "short" | "int16" => Scalar::I16,
        "ushort" | "uint16" => Scalar::U16,
        "int" | "int32" => Scalar::I32,
        "uint" | "uint32" => Scalar::U32,
        "float" | "float32" => Scalar::F32,
        "double" | "float64" => Scalar::F64,
        _ => return Err(PlyError::Header("a property is of no known kind")),
    })
}

struct Data<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

impl Data<'_> {
    fn number(&mut self, scalar: Scalar) -> Result<f64, PlyError> {
        if self.encoding == Encoding::Text {
            let rest = self.bytes.trim_ascii_start();
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            self.bytes = after;
            if word.is_empty() {
                return Err(PlyError::Truncated);
            }
            return std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).ok_or(PlyError::Number);
        }
        Ok(match scalar {
            Scalar::I8 => i8::from_le_bytes(self.take()?).into(),
            Scalar::U8 => u8::from_le_bytes(self.take()?).into(),
            Scalar::I16 => i16::from_le_bytes(self.take()?).into(),
            Scalar::U16 => u16::from_le_bytes(self.take()?).into(),
            Scalar::I32 => i32::from_le_bytes(self.take()?).into(),
            Scalar::U32 => u32::from_le_bytes(self.take()?).into(),
            Scalar::F32 => f32::from_le_bytes(self.take()?).into(),
            Scalar::F64 => f64::from_le_bytes(self.take()?),
        })
    }

    /// The next bytes in little-endian order.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PlyError> {
        let (bytes, rest) = self.bytes.split_first_chunk::<N>().ok_or(PlyError::Truncated)?;
        self.bytes = rest;
        let mut bytes = *bytes;
        if self.encoding == Encoding::BigEndian {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// Reads a list, whose numbers are a polygon when there is a place for its triangles.
    fn list(&mut self, count: f64, scalar: Scalar, mut faces: Option<&mut Vec<[f64; 3]>>) -> Result<(), PlyError> {
        let (mut first, mut last) = (0.0, 0.0);
        let mut read = 0.0;
        while read < count {
            let number = self.number(scalar)?;
            if read == 0.0 {
                first = number;
            } else if read >= 2.0
                && let Some(faces) = &mut faces
            {
                faces.push([first, last, number]);
            }
            last = number;
            read += 1.0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "ply\nformat FORMAT 1.0\ncomment made by hand\nelement vertex 4\nproperty float x\nproperty float y\n\
        property float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nelement face 1\n\
        property list uchar int vertex_indices\nend_header\n";

    fn text() -> String {
        HEADER.replace("FORMAT", "ascii") + "0 0 0 255 0 0\n1 0 0 255 0 0\n1 1 0 255 0 0\n0 1 0 255 0 0\n4 0 1 2 3\n"
    }

    fn bytes(order: &str) -> Vec<u8> {
        let mut file = HEADER.replace("FORMAT", order).into_bytes();
        let four = |bytes: [u8; 4]| {
            if order == "binary_big_endian" { [bytes[3], bytes[2], bytes[1], bytes[0]] } else { bytes }
        };
        for [x, y] in [[0.0_f32, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]] {
            file.extend([x, y, 0.0].map(|part| four(part.to_le_bytes())).as_flattened());
            file.extend([255, 0, 0]);
        }
        file.push(4);
        file.extend([0, 1, 2, 3_i32].map(|index| four(index.to_le_bytes())).as_flattened());
        file
    }

    #[test]
    fn all_three_encodings_are_one_mesh() {
        let soup = read(text().as_bytes()).unwrap();
        assert_eq!((soup.layout.stride, soup.vertex_count()), (36, 6));
        assert_eq!(soup.floats[..9], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(read(&bytes("binary_little_endian")).unwrap(), soup);
        assert_eq!(read(&bytes("binary_big_endian")).unwrap(), soup);
    }

    #[test]
    fn lies_are_found_out_without_believing_them() {
        let many = text().replace("element vertex 4", "element vertex 18446744073709551615");
        assert!(read(many.as_bytes()).is_err());
        let empty = "ply\nformat ascii 1.0\nelement nothing 18446744073709551615\nend_header\n";
        assert_eq!(read(empty.as_bytes()).unwrap().vertex_count(), 0);
        let far = text().replace("4 0 1 2 3", "3 0 1 4");
        assert_eq!(read(far.as_bytes()), Err(PlyError::Index { index: 4.0, count: 4 }));
    }

    proptest! {
        #[test]
        fn cut_and_changed_files_are_read_or_told(cut in 0..400_usize, at in 0..400_usize, byte in any::<u8>()) {
            for mut file in [text().into_bytes(), bytes("binary_little_endian"), bytes("binary_big_endian")] {
                if let Some(place) = file.get_mut(at) {
                    *place = byte;
                }
                let _ = read(&file);
                file.truncate(cut);
                let _ = read(&file);
            }
        }
    }
}
