//! Wavefront OBJ.

use std::fmt::Write;

use super::soup::{Corner, Soup, Triangles};

/// The name of what has none.
const UNNAMED: &str = "unnamed_object";

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Obj {
    /// Its triangles; polygons are fans.
    pub soup: Soup,
    /// The names of its objects and groups; at least one.
    pub models: Vec<String>,
}

/// What is kept of a file beside positions and normals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Texture coordinates.
    pub uv: bool,
    /// Colours of vertices.
    pub color: bool,
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjError {
    /// It is no text.
    #[error("OBJ is not valid UTF-8")]
    Encoding,
    /// A line that cannot be understood.
    #[error("OBJ line {line}: expected {expected}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A face names what the file does not have.
    #[error("OBJ: a face has {what} {index}, but there are {count}")]
    Index {
        /// A vertex, a normal, or texture coordinates.
        what: &'static str,
        /// As written, or counted from the front.
        index: i64,
        /// How many there are.
        count: usize,
    },
}

/// Numbers of a vertex, its texture coordinates and its normal, from 0; below 0 where there is none.
type Reference = [i64; 3];

#[derive(Default)]
struct Lists {
    positions: Vec<[f32; 3]>,
    colors: Vec<[f32; 3]>,
    uv: Vec<[f32; 2]>,
    normals: Vec<[f32; 3]>,
}

/// Reads a file.
///
/// # Errors
/// When a line or an index makes no sense.
pub fn read(bytes: &[u8], keep: Keep) -> Result<Obj, ObjError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ObjError::Encoding)?;
    let (mut lists, mut faces) = (Lists::default(), Vec::new());
    let (mut models, mut name, mut begun) = (Vec::new(), UNNAMED, 0);
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim_ascii_start();
        let (keyword, rest) = content.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((content, ""));
        let wrong = |expected| ObjError::Line { line, expected };
        // A name may have such a sign; numbers end before it.
        let values = rest.split('#').next().unwrap_or_default();
        match keyword {
            "v" => {
                let mut numbers = [1.0; 6];
                let count = read_numbers(values, &mut numbers).ok_or(wrong("numbers"))?;
                if count < 3 {
                    return Err(wrong("three numbers"));
                }
                let [x, y, z, red, green, blue] = numbers;
                lists.positions.push([x, y, z]);
                if keep.color {
                    lists.colors.push(if count == 6 { [red, green, blue] } else { [1.0; 3] });
                }
            }
            "vn" => {
                let mut normal = [0.0; 3];
                read_numbers(values, &mut normal).filter(|count| *count == 3).ok_or(wrong("three numbers"))?;
                lists.normals.push(normal);
            }
            "vt" => {
                let mut uv = [0.0; 2];
                read_numbers(values, &mut uv).filter(|count| *count > 0).ok_or(wrong("numbers"))?;
                lists.uv.push(uv);
            }
            "f" => read_face(values, &lists, &mut faces).ok_or(wrong("indices such as 1, 1/2, 1//3 or 1/2/3"))?,
            "o" | "g" => {
                if faces.len() > begun {
                    models.push(name.to_string());
                    begun = faces.len();
                }
                name = Some(rest.trim()).filter(|name| !name.is_empty()).unwrap_or(UNNAMED);
            }
            _ => {}
        }
    }
    models.push(name.to_string());
    let mut soup = Soup::new(keep.uv, keep.color);
    soup.floats.reserve_exact(faces.len() * 3 * soup.layout.stride / 4);
    for [a, b, c] in faces {
        soup.push([lists.corner(a)?, lists.corner(b)?, lists.corner(c)?]);
    }
    Ok(Obj { soup, models })
}

/// Reads as many numbers as fit, and gives their count; `None` when one is none.
fn read_numbers(text: &str, numbers: &mut [f32]) -> Option<usize> {
    let mut count = 0;
    for (number, word) in numbers.iter_mut().zip(text.split_ascii_whitespace()) {
        *number = word.parse().ok()?;
        count += 1;
    }
    Some(count)
}

/// Reads a polygon as a fan of triangles. Indices below 0 count from the end of what was read so far.
fn read_face(text: &str, lists: &Lists, faces: &mut Vec<[Reference; 3]>) -> Option<()> {
    let counts = [lists.positions.len(), lists.uv.len(), lists.normals.len()];
    let mut fan: Option<(Reference, Reference)> = None;
    let mut first = None;
    for word in text.split_ascii_whitespace() {
        let mut reference = [-1; 3];
        for (place, (part, count)) in word.splitn(3, '/').zip(counts).enumerate() {
            if part.is_empty() && place > 0 {
                continue;
            }
            let index: i64 = part.parse().ok()?;
            reference[place] = match index {
                0 => return None,
                index if index < 0 => Some(count as i64 + index).filter(|index| *index >= 0)?,
                index => index - 1,
            };
        }
        match (first, &mut fan) {
            (None, _) => first = Some(reference),
            (Some(first), None) => fan = Some((first, reference)),
            (_, Some((first, last))) => {
                faces.push([*first, *last, reference]);
                *last = reference;
            }
        }
    }
    Some(())
}

impl Lists {
    fn corner(&self, [position, uv, normal]: Reference) -> Result<Corner, ObjError> {
        let place = usize::try_from(position).unwrap_or(usize::MAX);
        Ok(Corner {
            position: found("vertex", &self.positions, position)?.unwrap_or_default(),
            normal: found("normal", &self.normals, normal)?.unwrap_or_default(),
            uv: found("texture coordinates", &self.uv, uv)?.unwrap_or_default(),
            color: self.colors.get(place).copied().unwrap_or([1.0; 3]),
        })
    }
}

fn found<T: Copy>(what: &'static str, list: &[T], index: i64) -> Result<Option<T>, ObjError> {
    let Ok(place) = usize::try_from(index) else { return Ok(None) };
    let item = list.get(place).copied();
    item.map(Some).ok_or(ObjError::Index { what, index: index + 1, count: list.len() })
}

/// Writes triangles; vertices that are equal are written once. The name loses what would break its line.
pub fn write(triangles: &Triangles<'_>, name: &str) -> Vec<u8> {
    let name: String = name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
    let layout = triangles.layout;
    let count = triangles.vertex_count();
    let mut text = String::with_capacity(count * 32);
    let _ = write!(text, "# {count} vertices of {} triangles, by offbit-reflow\no {name}\n", count / 3);
    let indices = match layout.color {
        Some(color) => {
            let colored = Colored { triangles, color };
            let (vertices, indices) = colored.distinct();
            vertices.iter().for_each(|vertex| line(&mut text, "v", vertex));
            indices
        }
        None => distinct_lines::<3>(&mut text, triangles, "v", Some(0)),
    };
    let uv = distinct_lines::<2>(&mut text, triangles, "vt", layout.uv);
    let normals = distinct_lines::<3>(&mut text, triangles, "vn", layout.has_normal.then_some(12));
    let _ = writeln!(text, "g {name}");
    for triangle in 0..count / 3 {
        text.push('f');
        for at in triangle * 3..triangle * 3 + 3 {
            let number = |list: &[u32]| list.get(at).map_or(0, |index| index + 1);
            let vertex = number(&indices);
            let _ = match (uv.is_empty(), normals.is_empty()) {
                (true, true) => write!(text, " {vertex}"),
                (false, true) => write!(text, " {vertex}/{}", number(&uv)),
                (true, false) => write!(text, " {vertex}//{}", number(&normals)),
                (false, false) => write!(text, " {vertex}/{}/{}", number(&uv), number(&normals)),
            };
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// A mesh whose vertices differ in colour as well.
struct Colored<'a> {
    triangles: &'a Triangles<'a>,
    color: usize,
}

impl Colored<'_> {
    fn distinct(&self) -> (Vec<[f32; 6]>, Vec<u32>) {
        let (positions, places) = self.triangles.distinct::<3>(0);
        let (colors, tints) = self.triangles.distinct::<3>(self.color);
        let mut seen = rustc_hash::FxHashMap::default();
        let mut vertices = Vec::new();
        let indices = places.iter().zip(&tints).map(|(place, tint)| {
            *seen.entry((*place, *tint)).or_insert_with(|| {
                let ([x, y, z], [r, g, b]) = (positions[*place as usize], colors[*tint as usize]);
                vertices.push([x, y, z, r, g, b]);
                vertices.len() as u32 - 1
            })
        });
        let indices = indices.collect();
        (vertices, indices)
    }
}

/// Writes a line for each distinct part at `offset`, and gives which of them each vertex has.
fn distinct_lines<const N: usize>(
    text: &mut String,
    triangles: &Triangles<'_>,
    keyword: &str,
    offset: Option<usize>,
) -> Vec<u32> {
    let Some(offset) = offset else { return Vec::new() };
    let (values, indices) = triangles.distinct::<N>(offset);
    values.iter().for_each(|value| line(text, keyword, value));
    indices
}

fn line(text: &mut String, keyword: &str, numbers: &[f32]) {
    text.push_str(keyword);
    for number in numbers {
        let _ = write!(text, " {number}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::floats::write_f32;
    use proptest::prelude::*;

    fn plain(text: &str) -> Result<Obj, ObjError> {
        read(text.as_bytes(), Keep::default())
    }

    #[test]
    fn groups_split_where_there_are_faces_before_them() {
        let obj = plain("o a\ng b\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\ng c\nf -3 -2 -1\ng\n").unwrap();
        assert_eq!(obj.models, ["b", "c", UNNAMED]);
        assert_eq!(obj.soup.vertex_count(), 6);
        assert_eq!(plain("v 0 0 0\n").unwrap().models, [UNNAMED]);
    }

    #[test]
    fn comments_stand_behind_everything() {
        let obj = plain(
            "# a\nv 0 0 0 # first\nv 1 0 0#second\nv 0 1 0 1 # w\nvn 0 0 1 # up\nvt 0 # u\nf 1//1 2//1 3//1 # face\n",
        );
        let obj = obj.unwrap();
        assert_eq!(obj.soup.floats[..12], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn lines_without_sense_are_told() {
        let triangle = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
        for (text, error) in [
            ("v 0 0\n", "OBJ line 1: expected three numbers"),
            ("v 0 x 0\n", "OBJ line 1: expected numbers"),
            ("f 1 2 0\n", "OBJ line 4: expected indices such as 1, 1/2, 1//3 or 1/2/3"),
            ("f 1 2 -4\n", "OBJ line 4: expected indices such as 1, 1/2, 1//3 or 1/2/3"),
            ("f 1 2 4\n", "OBJ: a face has vertex 4, but there are 3"),
            ("f 1//1 2//1 3//1\n", "OBJ: a face has normal 1, but there are 0"),
        ] {
            let before = if text.starts_with('f') { triangle } else { "" };
            assert_eq!(plain(&(before.to_string() + text)).unwrap_err().to_string(), error);
        }
        assert_eq!(read(&[0xff], Keep::default()), Err(ObjError::Encoding));
    }

    #[test]
    fn equal_vertices_are_written_once() {
        let quad = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        let mesh: Vec<f32> = quad.iter().flat_map(|[x, y]| [*x, *y, 0.0, 0.0, 0.0, 1.0, *x, *y]).collect();
        let bytes = write_f32(&mesh);
        let file = write(&Triangles::new(&bytes, 32).unwrap(), "a\nb");
        let text = String::from_utf8(file).unwrap();
        assert!(text.contains("o a_b\n") && text.ends_with("f 1/1/1 2/2/1 3/3/1\nf 1/1/1 3/3/1 4/4/1\n"), "{text}");
        let read = read(text.as_bytes(), Keep { uv: true, color: false }).unwrap();
        assert_eq!(read.soup.floats, mesh);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            numbers in prop::collection::vec(prop_oneof![-1e3..1e3_f32, Just(0.5)], 0..200),
            stride in prop::sample::select(vec![12_usize, 24, 32, 36, 44]),
        ) {
            let bytes = write_f32(&numbers);
            let triangles = Triangles::new(&bytes, stride).unwrap();
            let keep = Keep { uv: triangles.layout.uv.is_some(), color: triangles.layout.color.is_some() };
            let read = read(&write(&triangles, "x"), keep).unwrap();
            let whole = triangles.bytes.len() / 4;
            if stride > 12 {
                prop_assert_eq!(&read.soup.floats[..], &numbers[..whole]);
            } else {
                prop_assert_eq!(read.soup.vertex_count() * 3, whole);
            }
        }

        #[test]
        fn any_text_is_a_file_or_an_error(text in "([vfog#]|vn|vt| |\n|/|-|[0-9]|[.]){0,80}", bytes in any::<Vec<u8>>()) {
            let _ = plain(&text);
            let _ = read(&bytes, Keep { uv: true, color: true });
        }
    }
}
