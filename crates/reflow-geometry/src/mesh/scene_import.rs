//! `tpl_scene_import`.

use reflow_component::kind::OneOf;
use reflow_component::prelude::*;

use super::gltf_import::Scene;
use super::{fbx_import, gltf_import, read, warn};
use crate::kernels::mesh::gltf::skin::MOST_INFLUENCES;
use crate::kernels::mesh::obj::Keep;
use crate::kernels::mesh::sniff::{self, Format};

/// Detects glTF/GLB, FBX, OBJ, STL or PLY and extracts mesh, skeleton, clip and skin.
///
/// The format is told by what is in the file. glTF and FBX have more than a mesh; buffers of glTF have to be in the file. The keys of
/// the components for these formats count here too, `applyTransforms` for example. Only what the file has is sent.
///
/// # Errors
///
/// Nothing but an Error leaves for a format that is none of these, and for a file that cannot be read.
#[derive(Component)]
#[component(id = "tpl_scene_import", title = "Scene Import", category = "scene", heavy)]
#[inport("file_data": Either<Bytes, Text>, required, "The file.")]
#[outport(mesh: Bytes, "Three vertices for every triangle, of 32-bit floats: position, normal, then what the format has.")]
#[outport(skeleton: JsonObject, "The bones, with the matrix of each by columns.")]
#[outport("inverse_bind_matrices": Bytes, "16 floats of 32 bits for each bone, by columns.")]
#[outport(clip: JsonObject, "The animation: what bones do over time.")]
#[outport(skin: Bytes, "For every vertex of `mesh`, pairs of a bone (16 bits) and a weight (32-bit float); of the skinned mesh alone, when that is not in `mesh`.")]
#[outport("skin_descriptor": JsonObject, "The counts of `skin`.")]
#[outport(metadata: JsonObject, "The format, counts, names and the layout.")]
#[outport(error: ErrorText, "Why nothing was read, or no face.")]
#[example(
    steps = r#"[{"file_data": {"type": "Bytes", "data": [1, 2]}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Unknown or unsupported format for scene import"}]}]"#
)]
pub(super) struct SceneImport {
    /// Which mesh of glTF is read.
    #[config(key = "meshIndex", default = 0, lenient)]
    #[expect(dead_code, reason = "read with the config of the component for glTF")]
    mesh: u32,
    /// Which skin of glTF is read.
    #[config(key = "skinIndex", default = 0, lenient)]
    #[expect(dead_code, reason = "read with the config of the component for glTF")]
    skin: u32,
    /// Which animation of glTF is read.
    #[config(key = "animationIndex", default = 0, lenient)]
    #[expect(dead_code, reason = "read with the config of the component for glTF")]
    animation: u32,
    /// How many bones a vertex follows.
    #[config(key = "maxInfluences", default = 4, min = 1, max = MOST_INFLUENCES, lenient)]
    #[expect(dead_code, reason = "read with the config of the component for glTF")]
    influences: u32,
    /// A name for the metadata of glTF.
    #[config(default = "imported".to_string(), lenient)]
    #[expect(dead_code, reason = "read with the config of the component for glTF")]
    name: String,
    #[config(whole)]
    config: Value,
}

impl SceneImport {
    fn import(&self, bytes: &[u8]) -> Result<Scene, String> {
        let format = sniff::format(bytes).ok_or("Unknown or unsupported format for scene import")?;
        let imported = match format {
            Format::Glb | Format::Gltf => return gltf_import::scene(bytes, &self.config),
            Format::Stl => read::stl(bytes, false)?,
            Format::Obj => read::obj(bytes, Keep::default())?,
            Format::Ply => read::ply(bytes)?,
            Format::Fbx => return fbx_import::scene(bytes, &self.config),
        };
        let metadata = imported.metadata.as_object().cloned().unwrap_or_default();
        let (mesh, metadata) = (Some(imported.mesh), metadata.into_iter().collect());
        Ok(Scene { mesh, metadata, warning: imported.warning, ..Scene::default() })
    }
}

impl Actor for SceneImport {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let imported = match tick.read(Self::IN_FILE_DATA) {
            Some(OneOf::First(bytes)) => self.import(&bytes),
            Some(OneOf::Second(text)) => self.import(text.as_bytes()),
            None => Err("Expected Bytes on file_data port".to_string()),
        };
        let scene = match imported {
            Ok(scene) => scene,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        warn(tick, Self::OUT_ERROR, scene.warning);
        if let Some(mesh) = scene.mesh {
            tick.write(Self::OUT_MESH, mesh);
        }
        if let Some(skeleton) = scene.skeleton {
            tick.write(Self::OUT_SKELETON, skeleton);
        }
        if let Some(matrices) = scene.matrices {
            tick.write(Self::OUT_INVERSE_BIND_MATRICES, matrices);
        }
        if let Some(clip) = scene.clip {
            tick.write(Self::OUT_CLIP, clip);
        }
        if let Some((skin, descriptor)) = scene.skin {
            tick.write(Self::OUT_SKIN, skin);
            tick.write(Self::OUT_SKIN_DESCRIPTOR, descriptor);
        }
        tick.write(Self::OUT_METADATA, Value::object(scene.metadata));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn obj_without_faces_is_told() {
        let outputs = run::<SceneImport>(json!({}), [json!({"file_data": "v 0 0 0\n"})]);
        assert_eq!(outputs[0]["error"][0]["data"], "OBJ has no faces");
        assert_eq!(outputs[0]["metadata"][0]["vertexCount"], 0);
    }
}
