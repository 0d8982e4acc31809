//! Which format a file has, by what is in it.

use super::stl;

/// A format of meshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// glTF in one file of bytes.
    Glb,
    /// glTF as JSON.
    Gltf,
    /// STL, bytes or text.
    Stl,
    /// Wavefront OBJ.
    Obj,
    /// Stanford PLY.
    Ply,
    /// FBX as bytes.
    Fbx,
}

/// What FBX begins with.
pub const FBX_MAGIC: &[u8] = b"Kaydara FBX Binary  \0";

/// How many triangles a file of bytes is believed to have.
const MOST_TRIANGLES: u64 = 50_000_000;

/// How many lines are looked at.
const LINES: usize = 64;

/// What lines of OBJ begin with.
const KEYWORDS: [&str; 19] = [
    "v",
    "vt",
    "vn",
    "vp",
    "f",
    "l",
    "p",
    "o",
    "g",
    "s",
    "mtllib",
    "usemtl",
    "usemap",
    "maplib",
    "lod",
    "cstype",
    "deg",
    "shadow_obj",
    "trace_obj",
];

/// The format of a file; `None` when it is none that is known.
pub fn format(bytes: &[u8]) -> Option<Format> {
    let text = bytes.trim_ascii_start();
    let has = |word: &[u8]| bytes.windows(word.len()).take(1 << 16).any(|window| window == word);
    if bytes.starts_with(b"glTF") {
        Some(Format::Glb)
    } else if text.starts_with(b"{") && (has(b"\"asset\"") || has(b"\"scenes\"")) {
        Some(Format::Gltf)
    } else if bytes.starts_with(FBX_MAGIC) {
        Some(Format::Fbx)
    } else if bytes.starts_with(b"ply\n") || bytes.starts_with(b"ply\r") {
        Some(Format::Ply)
    } else if is_obj(bytes) {
        Some(Format::Obj)
    } else {
        let expected = stl::expected(bytes).filter(|expected| *expected > 84 && *expected < 84 + 50 * MOST_TRIANGLES);
        let fits = expected.is_some_and(|expected| expected <= bytes.len() as u64);
        (fits || stl::is_text(bytes)).then_some(Format::Stl)
    }
}

fn is_obj(bytes: &[u8]) -> bool {
    let head = bytes.get(..128).unwrap_or(bytes);
    let begins = std::str::from_utf8(head).is_ok_and(|head| {
        let head = head.trim_start();
        ["v ", "# ", "o "].iter().any(|start| head.starts_with(start))
    });
    begins || {
        let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
        let mut lines = lines.filter(|line| !line.is_empty()).take(LINES).peekable();
        lines.peek().is_some() && lines.all(is_obj_line)
    }
}

fn is_obj_line(line: &[u8]) -> bool {
    let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    word.starts_with(b"#") || KEYWORDS.iter().any(|keyword| keyword.as_bytes() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_what_is_in_them() {
        let glb = [b"glTF".as_slice(), &[0; 100]].concat();
        let stl = [&[0; 80][..], &1_u32.to_le_bytes(), &[0; 50]].concat();
        for (bytes, expected) in [
            (&glb[..], Some(Format::Glb)),
            (b" {\"asset\": {}}", Some(Format::Gltf)),
            (FBX_MAGIC, Some(Format::Fbx)),
            (b"ply\nformat ascii 1.0\n", Some(Format::Ply)),
            (b"o a\nv 0 0 0\n", Some(Format::Obj)),
            (b"mtllib a.mtl\r\n\r\nvn 0 0 1\r\n", Some(Format::Obj)),
            (b"#\nusemtl x\n", Some(Format::Obj)),
            (&stl, Some(Format::Stl)),
            (b"solid a\nfacet normal 0 0 1\n", Some(Format::Stl)),
            (b"abc", None),
            (b"v0", None),
            (b"{}", None),
            (b"", None),
        ] {
            assert_eq!(format(bytes), expected, "{bytes:?}");
        }
    }
}
