//! Any bytes as a file of each kind that the catalog reads: what it holds, or why it holds nothing, soon.

use reflow_component::prelude::Value;
use reflow_geometry::kernels::mesh::{fbx, gltf, obj, ply, sniff, stl};
use reflow_geometry::kernels::text::font;
use reflow_media::files::{picture, sound::SoundReader};
use reflow_shading::kernels::{sdf, shader};

/// A kind of file, and how it is read.
type Kind = (&'static str, fn(&[u8]));

pub(crate) const KINDS: [Kind; 10] = [
    ("picture", |bytes| {
        let _ = (picture::size(bytes), picture::decode(bytes));
    }),
    ("animation", |bytes| {
        let mut left = 16;
        let _ = picture::animation(bytes.to_vec(), |_, _| {
            left -= 1;
            left > 0
        });
    }),
    ("sound", |bytes| {
        let Ok(mut reader) = SoundReader::open(bytes.to_vec(), None) else { return };
        for _ in 0..64 {
            let Ok(Some(_)) = reader.read() else { break };
        }
    }),
    ("stl", |bytes| {
        if let Ok(mut soup) = stl::read(bytes) {
            stl::smooth(&mut soup);
        }
    }),
    ("obj", |bytes| {
        let _ = (sniff::format(bytes), obj::read(bytes, obj::Keep::default()));
    }),
    ("ply", |bytes| {
        let _ = ply::read(bytes);
    }),
    ("gltf", |bytes| {
        let _ = gltf_file(bytes);
    }),
    ("fbx", |bytes| {
        let _ = fbx_file(bytes);
    }),
    ("font", |bytes| {
        if let Ok(face) = font::read(bytes) {
            let _ = (font::family(&face), (0..8).map(|glyph| font::draw(&face, glyph, 20.0)).collect::<Vec<_>>());
        }
    }),
    ("json", |bytes| {
        let Ok(value) = Value::from_json_bytes(bytes) else { return };
        if let Ok(tree) = sdf::Tree::read(&value) {
            let _ = sdf::compile(&tree, &sdf::Settings::default(), &sdf::Shade::BuiltIn);
        }
        if let Ok(tree) = shader::Tree::read(&value) {
            let _ = shader::mesh_material(&tree);
        }
    }),
];

fn gltf_file(bytes: &[u8]) -> Result<(), gltf::GltfError> {
    let file = gltf::File::read(bytes)?;
    for mesh in 0..file.document.meshes.len().min(4) {
        let instances = [gltf::mesh::Instance { mesh, place: None }];
        let _ = file.triangles(&instances, true);
        let _ = file.weights(&instances, 0, 4);
    }
    for skin in file.document.skins.iter().take(4) {
        let _ = file.bones(skin);
        for animation in file.document.animations.iter().take(4) {
            let _ = file.tracks(animation, Some(skin));
        }
    }
    Ok(())
}

fn fbx_file(bytes: &[u8]) -> Result<(), fbx::FbxError> {
    let scene = fbx::Scene::new(fbx::tree::read(bytes)?)?;
    let geometries = scene.geometries(true)?;
    let _ = (
        scene.triangles(&geometries, true, true),
        scene.bones(),
        scene.tracks(),
        scene.inverse_binds(),
        scene.picture(),
    );
    for (id, geometry) in geometries.iter().take(4) {
        let _ = scene.weights(*id, geometry, true);
    }
    Ok(())
}

/// The first byte says which kind, the others are the file.
#[allow(dead_code, reason = "only the fuzzer comes this way")]
pub(crate) fn run(bytes: &[u8]) {
    if let Some((kind, file)) = bytes.split_first() {
        KINDS[usize::from(*kind) % KINDS.len()].1(file);
    }
}
