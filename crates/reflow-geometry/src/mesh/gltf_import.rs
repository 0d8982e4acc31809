//! `tpl_gltf_import`.

use reflow_component::declare::{Config, Declare};
use reflow_component::prelude::*;

use super::{Imported, rig};
use crate::kernels::floats::write_f32;
use crate::kernels::mesh::gltf::clip::Track;
use crate::kernels::mesh::gltf::mesh::{Choice as Meshes, Instance};
use crate::kernels::mesh::gltf::skin::{Bone, MOST_INFLUENCES};
use crate::kernels::mesh::gltf::{File, GltfError};

/// Reads glTF 2.0: a mesh, its bones, and how they move.
///
/// Buffers have to be in the file: GLB, or JSON with data URIs. Only what the file has is sent. The primitives of the mesh stand one
/// behind the other; where one of them has colours, those without are white. Points and lines are left out.
#[derive(Component)]
#[component(id = "tpl_gltf_import", title = "glTF Import", category = "mesh-io", heavy)]
#[inport("file_data": Bytes, required, "The file.")]
#[outport(mesh: Bytes, "Three vertices for every triangle, of 32-bit floats: position, normal, then texture coordinates when they are asked for, then a colour when there is one.")]
#[outport(skeleton: JsonObject, "The bones, with the matrix of each by columns.")]
#[outport("inverse_bind_matrices": Bytes, "16 floats of 32 bits for each bone, by columns.")]
#[outport(clip: JsonObject, "The animation: what bones do over time.")]
#[outport(skin: Bytes, "For every vertex of `mesh`, pairs of a bone (16 bits) and a weight (32-bit float); of the skinned mesh alone, when that is not in `mesh`.")]
#[outport("skin_descriptor": JsonObject, "The counts of `skin`.")]
#[outport(metadata: JsonObject, "Counts, names and the layout.")]
#[outport(error: ErrorText, "Why nothing was read.")]
#[example(
    steps = r#"[{"file_data": "x"}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Expected Bytes on file_data port"}]}]"#
)]
pub(super) struct GltfImport {
    /// Which mesh is read.
    #[config(key = "meshIndex", default = 0, lenient)]
    mesh: u32,
    /// Which skin is read.
    #[config(key = "skinIndex", default = 0, lenient)]
    skin: u32,
    /// Which animation is read.
    #[config(key = "animationIndex", default = 0, lenient)]
    animation: u32,
    /// How many bones a vertex follows.
    #[config(key = "maxInfluences", default = 4, min = 1, max = MOST_INFLUENCES, lenient)]
    influences: u32,
    /// A name for the metadata.
    #[config(default = "imported".to_string(), lenient)]
    name: String,
    /// Whether meshes are put where their nodes are.
    #[config(key = "applyTransforms", default = false, lenient)]
    placed: bool,
    /// Whether all meshes are read, as one.
    #[config(key = "allMeshes", default = false, lenient)]
    all: bool,
    /// Whether texture coordinates are kept.
    #[config(key = "keepUv", default = false, lenient)]
    uv: bool,
    /// Whether the metadata lists the materials.
    #[config(default = false, lenient)]
    materials: bool,
}

impl Actor for GltfImport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(file) = tick.read(Self::IN_FILE_DATA) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on file_data port");
        };
        match self.read(&file) {
            Ok(scene) => {
                scene.send(tick);
                Ok(())
            }
            Err(error) => tick.report(Self::OUT_ERROR, error.to_string()),
        }
    }
}

/// The mesh of a file, read with the keys of this component in another one's config.
pub(super) fn import(bytes: &[u8], config: &Value) -> Result<Imported, String> {
    let scene = scene(bytes, config)?;
    let mesh = scene.mesh.ok_or("glTF: the file has no mesh")?;
    Ok(Imported { mesh, metadata: Value::object(scene.metadata), warning: None })
}

/// All that a file has, read with the keys of this component in another one's config.
pub(super) fn scene(bytes: &[u8], config: &Value) -> Result<Scene, String> {
    GltfImport::configure(&mut Config::new(config)).read(bytes).map_err(|error| error.to_string())
}

/// What a file has.
#[derive(Default)]
pub(super) struct Scene {
    pub(super) mesh: Option<Vec<u8>>,
    pub(super) skeleton: Option<Value>,
    pub(super) matrices: Option<Vec<u8>>,
    pub(super) clip: Option<Value>,
    pub(super) skin: Option<(Vec<u8>, Value)>,
    pub(super) metadata: Vec<(std::sync::Arc<str>, Value)>,
    pub(super) warning: Option<&'static str>,
}

impl Scene {
    fn send(self, tick: &mut Tick<'_>) {
        if let Some(mesh) = self.mesh {
            tick.write(GltfImport::OUT_MESH, mesh);
        }
        if let Some(skeleton) = self.skeleton {
            tick.write(GltfImport::OUT_SKELETON, skeleton);
        }
        if let Some(matrices) = self.matrices {
            tick.write(GltfImport::OUT_INVERSE_BIND_MATRICES, matrices);
        }
        if let Some(clip) = self.clip {
            tick.write(GltfImport::OUT_CLIP, clip);
        }
        if let Some((skin, descriptor)) = self.skin {
            tick.write(GltfImport::OUT_SKIN, skin);
            tick.write(GltfImport::OUT_SKIN_DESCRIPTOR, descriptor);
        }
        tick.write(GltfImport::OUT_METADATA, Value::object(self.metadata));
    }
}

/// What an animation without a name is called.
const UNNAMED: &str = "animation";

/// The one of this number; `None` where the file has nothing of the kind.
fn chosen<'a, T>(what: &'static str, index: u32, all: &'a [T]) -> Result<Option<&'a T>, GltfError> {
    match all.get(index as usize) {
        None if !all.is_empty() => Err(GltfError::Missing { what, index: index as usize }),
        found => Ok(found),
    }
}

impl GltfImport {
    fn read(&self, bytes: &[u8]) -> Result<Scene, GltfError> {
        let file = File::read(bytes)?;
        let document = &file.document;
        let mut scene = Scene::default();
        let meshes = Meshes { mesh: self.mesh as usize, all: self.all, placed: self.placed, uv: self.uv };
        let instances = file.instances(meshes)?;
        self.read_mesh(&file, &instances, &mut scene)?;
        let skin = chosen("skin", self.skin, &document.skins)?;
        if let Some(skin) = skin {
            let bones = file.bones(skin)?;
            let name = skin.name.as_deref().unwrap_or("skeleton");
            scene.skeleton = Some(skeleton(name, &bones));
            if let Some(index) = skin.inverse_bind_matrices {
                scene.matrices = Some(write_f32(&file.numbers(index, &[16], false)?.numbers));
            }
            let index = self.skin as usize;
            if let Some(skinned) = file.skinned(index) {
                let most = self.influences as usize;
                // Vertex for vertex those of the mesh that is sent, when it is one that the skin bends.
                let is_sent = instances.iter().any(|instance| file.is_bent(instance, index));
                let weights =
                    file.weights(if is_sent { &instances } else { std::slice::from_ref(&skinned) }, index, most)?;
                let descriptor = Value::object([
                    ("vertexCount", Value::from(weights.len() / (most * 6))),
                    ("maxInfluences", most.into()),
                    ("boneCount", bones.len().into()),
                ]);
                scene.skin = Some((weights, descriptor));
            }
            scene.metadata.push(("boneCount".into(), bones.len().into()));
            scene.metadata.push(("skeletonName".into(), name.into()));
        }
        if let Some(animation) = chosen("animation", self.animation, &document.animations)? {
            let tracks = file.tracks(animation, skin)?;
            scene.clip = Some(clip(animation.name.as_deref().unwrap_or(UNNAMED), &tracks));
        }
        let names = document.animations.iter().map(|animation| animation.name.as_deref().unwrap_or(UNNAMED));
        let facts = [
            ("name", Value::from(self.name.as_str())),
            ("format", "gltf".into()),
            ("meshCount", document.meshes.len().into()),
            ("skinCount", document.skins.len().into()),
            ("animationCount", document.animations.len().into()),
            ("animationNames", Value::array(names)),
        ];
        scene.metadata.extend(facts.map(|(key, value)| (key.into(), value)));
        if self.materials {
            scene.metadata.push(("materials".into(), materials(&file)));
        }
        Ok(scene)
    }

    fn read_mesh(&self, file: &File<'_>, instances: &[Instance], scene: &mut Scene) -> Result<(), GltfError> {
        if file.document.meshes.is_empty() {
            return Ok(());
        }
        let soup = file.triangles(instances, self.uv)?;
        let first = file.document.meshes.get(if self.all { 0 } else { self.mesh as usize });
        let name = first.and_then(|mesh| mesh.name.as_deref()).unwrap_or("mesh");
        let count = soup.vertex_count();
        let facts = [
            ("meshName", Value::from(name)),
            ("vertexCount", count.into()),
            ("triangleCount", (count / 3).into()),
            ("stride", soup.layout.stride.into()),
            ("hasColors", soup.layout.color.is_some().into()),
        ];
        scene.metadata.extend(facts.map(|(key, value)| (key.into(), value)));
        scene.mesh = Some(soup.to_bytes());
        Ok(())
    }
}

fn skeleton(name: &str, bones: &[Bone]) -> Value {
    Value::object([("name", Value::from(name)), ("boneCount", bones.len().into()), ("bones", rig::bones(bones))])
}

fn clip(name: &str, tracks: &[Track]) -> Value {
    Value::object([
        ("name", Value::from(name)),
        ("duration", rig::duration(tracks).into()),
        ("channelCount", tracks.len().into()),
        ("channels", rig::channels(tracks)),
    ])
}

fn materials(file: &File<'_>) -> Value {
    let list = file.document.materials.iter().map(|material| {
        Value::object([
            ("name", Value::from(material.name.as_deref())),
            ("pbrMetallicRoughness", material.pbr_metallic_roughness.as_ref().map(Value::from).into()),
        ])
    });
    Value::array(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use reflow_component::testing::run;
    use serde_json::{Value as Json, json};

    /// Two meshes of one triangle each. The second one is bent by a skin, a bone for each vertex, and stands where it is mirrored.
    fn file() -> Json {
        let positions = write_f32(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let joints = [0_u8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];
        let weights = write_f32(&[1.0, 0.0, 0.0, 0.0].repeat(3));
        let data = base64::engine::general_purpose::STANDARD.encode([&positions[..], &joints, &weights].concat());
        let text = json!({
            "asset": {"version": "2.0"},
            "scenes": [{"nodes": [0, 1]}],
            "nodes": [{"mesh": 0}, {"mesh": 1, "skin": 0, "scale": [-1, 1, 1]}, {}, {}, {}],
            "meshes": [
                {"primitives": [{"attributes": {"POSITION": 0}}]},
                {"primitives": [{"attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}}]},
            ],
            "skins": [{"joints": [2, 3, 4]}],
            "accessors": [
                {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
                {"bufferView": 1, "componentType": 5121, "count": 3, "type": "VEC4"},
                {"bufferView": 2, "componentType": 5126, "count": 3, "type": "VEC4"},
            ],
            "bufferViews": [
                {"buffer": 0, "byteLength": 36},
                {"buffer": 0, "byteOffset": 36, "byteLength": 12},
                {"buffer": 0, "byteOffset": 48, "byteLength": 48},
            ],
            "buffers": [{"byteLength": 96, "uri": format!("data:;base64,{data}")}],
        });
        json!({"type": "Bytes", "data": text.to_string().into_bytes()})
    }

    /// The first bone of every vertex, or none.
    fn bones(config: Json) -> Vec<Option<u64>> {
        let outputs = run::<GltfImport>(config, [json!({"file_data": file()})]);
        let skin = outputs[0]["skin"][0]["data"].as_array().unwrap();
        assert_eq!(outputs[0]["skin_descriptor"][0]["vertexCount"], skin.len() / 24);
        skin.chunks(24).map(|bytes| (bytes[5] != 0).then(|| bytes[0].as_u64().unwrap())).collect()
    }

    #[test]
    fn a_number_that_the_file_does_not_have_is_told() {
        let told = |config| run::<GltfImport>(config, [json!({"file_data": file()})])[0]["error"][0]["data"].clone();
        assert_eq!(told(json!({"meshIndex": 2})), "glTF: there is no mesh 2");
        assert_eq!(told(json!({"skinIndex": 1})), "glTF: there is no skin 1");
        // The file has no animation at all, so that there is none to choose from.
        assert_eq!(told(json!({"animationIndex": 1})), Json::Null);
    }

    #[test]
    fn a_skin_has_the_vertices_of_the_mesh_in_its_order() {
        let bent = [Some(0), Some(1), Some(2)];
        assert_eq!(bones(json!({"meshIndex": 1})), bent);
        assert_eq!(bones(json!({"meshIndex": 1, "applyTransforms": true})), [Some(0), Some(2), Some(1)]);
        assert_eq!(bones(json!({"allMeshes": true})), [[None; 3], bent].concat());
        assert_eq!(bones(json!({})), bent);
    }
}
