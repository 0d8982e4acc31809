//! `tpl_fbx_import`.

use reflow_component::declare::{Config, Declare};
use reflow_component::prelude::*;

use super::{Imported, rig};
use crate::kernels::floats::write_f32;
use crate::kernels::mesh::fbx::scene::INFLUENCES;
use crate::kernels::mesh::fbx::tree::read;
use crate::kernels::mesh::fbx::{FbxError, Scene};

/// Reads FBX of bytes, from version 7.4 on: a mesh, its bones, how they move, and an embedded picture.
///
/// Polygons become fans, and normals that are missing are those of the faces. Units and axes stay as they are in the file unless
/// `applyTransforms` is set: then the mesh stands where its model does, in metres and y up. Texture coordinates are kept when there is
/// a picture, too. Everything is sent, even when there are no bones and no animation.
#[derive(Component)]
#[component(id = "tpl_fbx_import", title = "FBX Import", category = "mesh-io", heavy)]
#[inport("file_data": Bytes, required, "The file.")]
#[outport(mesh: Bytes, "Three vertices for every triangle, of 32-bit floats: position, normal, and texture coordinates when there is a picture.")]
#[outport(skeleton: JsonObject, "The bones, with the matrix of each by columns.")]
#[outport("inverse_bind_matrices": Bytes, "16 floats of 32 bits for each bone, by columns.")]
#[outport(clip: JsonObject, "The animation: what bones do over time.")]
#[outport(skin: Bytes, "For every vertex, four pairs of a bone (16 bits) and a weight (32-bit float).")]
#[outport("skin_descriptor": JsonObject, "The counts of `skin`.")]
#[outport(metadata: JsonObject, "Counts, names and the layout.")]
#[outport(texture: Bytes, "The embedded picture: the one called diffuse, or else the first.")]
#[outport(error: ErrorText, "Why nothing was read.")]
#[example(
    steps = r#"[{"file_data": {"type": "Bytes", "data": [1]}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "FBX import failed: the header is none of FBX"}]}]"#
)]
pub(super) struct FbxImport {
    /// Whether all meshes are read, as one; weights are those of all of them.
    #[config(key = "allMeshes", default = false, lenient)]
    all: bool,
    /// Whether meshes are put where their models are, in metres and y up.
    #[config(key = "applyTransforms", default = false, lenient)]
    placed: bool,
}

/// What a file has.
struct Parts {
    mesh: Vec<u8>,
    skeleton: Value,
    matrices: Vec<u8>,
    clip: Value,
    skin: Vec<u8>,
    descriptor: Value,
    metadata: Value,
    texture: Option<Vec<u8>>,
}

impl Actor for FbxImport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(file) = tick.read(Self::IN_FILE_DATA) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on file_data port");
        };
        let parts = match self.read(&file) {
            Ok(parts) => parts,
            Err(error) => return tick.report(Self::OUT_ERROR, format!("FBX import failed: {error}")),
        };
        tick.write(Self::OUT_MESH, parts.mesh);
        tick.write(Self::OUT_SKELETON, parts.skeleton);
        tick.write(Self::OUT_INVERSE_BIND_MATRICES, parts.matrices);
        tick.write(Self::OUT_CLIP, parts.clip);
        tick.write(Self::OUT_SKIN, parts.skin);
        tick.write(Self::OUT_SKIN_DESCRIPTOR, parts.descriptor);
        tick.write(Self::OUT_METADATA, parts.metadata);
        if let Some(texture) = parts.texture {
            tick.write(Self::OUT_TEXTURE, texture);
        }
        Ok(())
    }
}

/// The mesh of a file, read with the keys of this component in another one's config.
pub(super) fn import(bytes: &[u8], config: &Value) -> Result<Imported, String> {
    let reader = FbxImport::configure(&mut Config::new(config));
    let parts = reader.read(bytes).map_err(|error| format!("FBX import failed: {error}"))?;
    Ok(Imported { mesh: parts.mesh, metadata: parts.metadata, warning: None })
}

/// All that a file has, read with the keys of this component in another one's config.
pub(super) fn scene(bytes: &[u8], config: &Value) -> Result<super::gltf_import::Scene, String> {
    let reader = FbxImport::configure(&mut Config::new(config));
    let parts = reader.read(bytes).map_err(|error| format!("FBX import failed: {error}"))?;
    let metadata = parts.metadata.as_object().cloned().unwrap_or_default();
    Ok(super::gltf_import::Scene {
        mesh: Some(parts.mesh),
        skeleton: Some(parts.skeleton),
        matrices: Some(parts.matrices),
        clip: Some(parts.clip),
        skin: Some((parts.skin, parts.descriptor)),
        metadata: metadata.into_iter().collect(),
        warning: None,
    })
}

impl FbxImport {
    fn read(&self, bytes: &[u8]) -> Result<Parts, FbxError> {
        let scene = Scene::new(read(bytes)?)?;
        let geometries = scene.geometries(self.all)?;
        let picture = scene.picture().filter(|_| geometries.iter().any(|(_, geometry)| geometry.has_uv()));
        let soup = scene.triangles(&geometries, picture.is_some(), self.placed);
        let bones = scene.bones();
        let tracks = scene.tracks();
        let weights = |(id, geometry): &(i64, _)| scene.weights(*id, geometry, self.placed);
        let skin: Vec<u8> = geometries.iter().flat_map(weights).collect();
        let corners = soup.vertex_count();
        let points: usize = geometries.iter().map(|(_, geometry)| geometry.point_count()).sum();
        let clip = Value::object([
            ("name", Value::from(scene.take().unwrap_or_else(|| "mixamo_clip".to_string()))),
            ("duration", rig::duration(&tracks).into()),
            ("boneCount", bones.len().into()),
            ("channels", rig::channels(&tracks)),
        ]);
        let descriptor = Value::object([
            ("vertexCount", Value::from(corners)),
            ("maxInfluences", INFLUENCES.into()),
            ("boneCount", bones.len().into()),
        ]);
        let metadata = Value::object([
            ("format", Value::from("fbx")),
            ("vertices", points.into()),
            ("triangleVertices", corners.into()),
            ("bones", bones.len().into()),
            ("boneNames", Value::array(bones.iter().map(|bone| bone.name.as_str()))),
            ("stride", soup.layout.stride.into()),
            ("hasTexture", picture.is_some().into()),
        ]);
        Ok(Parts {
            mesh: soup.to_bytes(),
            skeleton: Value::object([("boneCount", Value::from(bones.len())), ("bones", rig::bones(&bones))]),
            matrices: write_f32(scene.inverse_binds().as_flattened()),
            clip,
            skin,
            descriptor,
            metadata,
            texture: picture.map(<[u8]>::to_vec),
        })
    }
}
