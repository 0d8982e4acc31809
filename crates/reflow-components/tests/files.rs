//! Files that were cut, changed and made up, for everything that reads files: an error or what can be read, no panic and no end of memory.

#[path = "support/files.rs"]
mod files;

use proptest::prelude::*;
use reflow_geometry::kernels::mesh::{gltf, obj, soup::Triangles, stl};
use reflow_geometry::kernels::text::font::SANS;
use reflow_media::files::picture::{Format, Picture, encode};
use reflow_media::files::wav;

/// Good files, small ones.
fn good() -> Vec<Vec<u8>> {
    let pixels = (0..6 * 5 * 4).map(|at| (at * 37 % 251) as u8).collect();
    let picture = Picture { width: 6, height: 5, channels: 4, pixels };
    let numbers: Vec<u8> = (0..36_u16).flat_map(|at| (f32::from(at * 7 % 11) - 5.0).to_le_bytes()).collect();
    let triangles = Triangles::new(&numbers, 24).unwrap();
    let sdf = r#"{"type":"operation","op":"union","left":{"type":"primitive","primitive":"sphere","radius":1},
        "right":{"type":"transform","transform":"rotate","angles":[1,2,3],"child":{"type":"primitive","primitive":"box","size":[1,2,3]}}}"#;
    let ply = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nelement face 1\n\
         property list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n";
    vec![
        encode(&picture, Format::Png).unwrap(),
        encode(&picture, Format::Jpeg(80)).unwrap(),
        encode(&picture, Format::WebP).unwrap(),
        wav::file(&numbers, 8000, 2),
        stl::write(&triangles).unwrap(),
        obj::write(&triangles, "thing"),
        gltf::write::write(&triangles, "thing").unwrap(),
        ply.into(),
        SANS[..4000].to_vec(),
        sdf.into(),
        br#"{"type":"mathOp","op":"add","a":{"type":"constFloat","c":1},"b":{"type":"noiseTexture","scale":{"type":"time"}}}"#.to_vec(),
        include_bytes!("../../../tests/catalog/sounds/tone.ogg").to_vec(),
        include_bytes!("../../../tests/catalog/sounds/tone.flac").to_vec(),
    ]
}

/// A good file, or bytes that are none, with some bytes changed and the end cut off.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let base = prop_oneof![8 => prop::sample::select(good()), 1 => prop::collection::vec(any::<u8>(), 0..300)];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (base, changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(mut file, changes, end, is_cut)| {
        for (at, byte) in changes {
            if !file.is_empty() {
                let at = at.index(file.len());
                file[at] = byte;
            }
        }
        if is_cut {
            file.truncate(end.index(file.len() + 1));
        }
        file
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn damaged_files_are_read_or_refused(file in damaged()) {
        for (_, read) in files::KINDS {
            read(&file);
        }
    }
}
