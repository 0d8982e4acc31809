//! `tpl_shader_compiler`.

use std::hash::Hasher as _;

use reflow_component::prelude::*;

use super::Shader;
use crate::kernels::sdf;
use crate::kernels::shader::{MeshMaterial, Tree, mesh_material, sdf_shade};
use crate::kernels::validate::validate;

/// A shader as WGSL: for meshes, and as the shade of a distance field.
///
/// `material` has the keys `vertexWgsl` (entry point `vs_main`), `fragmentWgsl` (`fs_main`), `vertexStride`, `textureSlots` (each with
/// `binding`, `asset_id` and `label`; the sampler of a texture is bound 100 places later) and `pipelineHash`, a number below 2^53
/// that is the same for the same shaders. Vertices are position and normal, then texture coordinates and colour where they
/// are used. `shade` defines the functions `NAME_probe` and `NAME` for `tpl_sdf_scene`, NAME being `shadeName`. What is
/// no surface is shown as it is. The shaders were checked by a WGSL compiler.
#[derive(Component)]
#[component(id = "tpl_shader_compiler", title = "Shader Compiler", category = "shader", heavy)]
#[inport(shader: Shader, required, "The root.")]
#[outport(material: JsonObject, "What draws a mesh.")]
#[outport(wgsl: Text, "The fragment shader for meshes.")]
#[outport(shade: Text, "The shade for distance fields.")]
#[outport(error: ErrorText, "Why there is no shader.")]
#[example(
    steps = r#"[{"shader": {"type": "fresnel"}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Shader IR parse error: root: missing field `ior`"}]}]"#
)]
pub(super) struct Compiler {
    /// The name of the shade function.
    #[config(key = "shadeName", default = "shade".to_string(), lenient)]
    name: String,
}

impl Actor for Compiler {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(node) = tick.read(Self::IN_SHADER) else {
            return tick.report(Self::OUT_ERROR, "No shader on shader");
        };
        let tree = match Tree::read_nested(&node) {
            Ok(tree) => tree,
            Err(error) => return tick.report(Self::OUT_ERROR, format!("Shader IR parse error: {error}")),
        };
        let material = mesh_material(&tree);
        for (what, wgsl) in [("vertex", &material.vertex_wgsl), ("fragment", &material.fragment_wgsl)] {
            if let Err(error) = validate(wgsl) {
                return tick.report(Self::OUT_ERROR, format!("the {what} shader is no valid WGSL: {error}"));
            }
        }
        // Sent, not emitted: a bad name does not hold the material back.
        tick.send(Self::OUT_MATERIAL, Message::Object(written(&material)));
        tick.send(Self::OUT_WGSL, Message::from(material.fragment_wgsl));
        match shade(&tree, &self.name) {
            Ok(shade) => tick.send(Self::OUT_SHADE, Message::from(shade)),
            Err(problem) => return tick.report(Self::OUT_ERROR, format!("config `shadeName`: {problem}")),
        }
        Ok(())
    }
}

/// The shade, checked in a scene.
fn shade(tree: &Tree, name: &str) -> Result<String, String> {
    let shade = sdf_shade(tree, name).map_err(|error| error.to_string())?;
    let mut ball = sdf::Tree::default();
    let material = sdf::Material { slot: Some("shade".into()), ..sdf::Material::default() };
    ball.push(sdf::Node::Primitive { primitive: sdf::Primitive::Sphere { radius: 1.0 }, material: Some(material) });
    // A shade called `shade` is one for everything, others are for a slot.
    let whole = if name == "shade" {
        sdf::Shade::Text(shade.clone())
    } else {
        sdf::Shade::Slots(vec![(name.into(), shade.clone())])
    };
    let scene = sdf::compile(&ball, &sdf::Settings::default(), &whole).map_err(|error| error.to_string())?;
    validate(&scene).map_err(|error| format!("the shade is no valid WGSL: {error}"))?;
    Ok(shade)
}

fn written(material: &MeshMaterial) -> Value {
    let slot = |slot: &crate::kernels::shader::TextureSlot| {
        let members = [
            ("binding", slot.binding.into()),
            ("asset_id", slot.asset_id.as_str().into()),
            ("label", "diffuse".into()),
        ];
        Value::object::<_, Value>(members)
    };
    Value::object::<_, Value>([
        ("vertexWgsl", material.vertex_wgsl.as_str().into()),
        ("fragmentWgsl", material.fragment_wgsl.as_str().into()),
        ("vertexStride", material.vertex_stride.into()),
        ("textureSlots", Value::array(material.texture_slots.iter().map(slot))),
        ("pipelineHash", hash(material).into()),
    ])
}

/// FNV-1a, cut to what a JSON number holds.
fn hash(material: &MeshMaterial) -> i64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    hasher.write(material.vertex_wgsl.as_bytes());
    hasher.write(&[0]);
    hasher.write(material.fragment_wgsl.as_bytes());
    (hasher.finish() >> 11).cast_signed()
}

struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_value_and_a_surface_compile() {
        let color = json!({"type": "constVec3", "c": [1, 0, 0]});
        let outputs = run::<Compiler>(json!({"shadeName": "gold"}), [json!({"shader": color})]);
        let output = &outputs[0];
        assert!(output.get("error").is_none(), "{output}");
        assert_eq!(output["material"][0]["fragmentWgsl"], output["wgsl"][0]);
        assert!(output["shade"][0].as_str().unwrap().contains("fn gold_probe("));
        assert!(output["material"][0]["pipelineHash"].as_u64().unwrap() < 1 << 53);
    }

    #[test]
    fn what_is_no_shader_is_told() {
        let outputs = run::<Compiler>(json!({}), [json!({"shader": 5})]);
        assert_eq!(outputs[0], json!({"error": [{"type": "Error", "data": "No shader on shader"}]}));
    }

    #[test]
    fn a_bad_name_holds_back_the_shade_alone() {
        for (name, problem) in [
            ("a b", "`a b` is no name"),
            ("", "`` is no name"),
            ("calc_normal", "the shade is no valid WGSL"),
            ("f32", "the shade is no valid WGSL"),
            ("target", "the shade is no valid WGSL"),
        ] {
            let outputs = run::<Compiler>(json!({"shadeName": name}), [json!({"shader": {"type": "time"}})]);
            let told = outputs[0]["error"][0]["data"].as_str().unwrap();
            assert!(told.starts_with(&format!("config `shadeName`: {problem}")), "{name}: {told}");
            assert!(outputs[0].get("material").is_some() && outputs[0].get("shade").is_none());
        }
    }
}
