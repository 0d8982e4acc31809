//! A compiled material: shaders that `tpl_shader_compiler` has written.

use reflow_pack_sdk::prelude::*;
use reflow_shading::kernels::validate::validate_with;

/// A material, checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Material {
    pub(crate) vertex: String,
    pub(crate) fragment: String,
    /// Where its textures are bound; the sampler of each is bound [`TO_SAMPLER`] places later.
    pub(crate) textures: Vec<u32>,
}

/// From a texture to its sampler.
pub(crate) const TO_SAMPLER: u32 = 100;

/// The most textures of a material.
const MOST_TEXTURES: usize = 16;

impl Material {
    /// Reads `{vertexWgsl, fragmentWgsl, textureSlots: [{binding}]}`.
    ///
    /// # Errors
    /// What is missing, or what is wrong with its WGSL.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let text = |name: &str| {
            let text = value.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            let text = text.ok_or_else(|| format!("a compiled material has `{name}`, a text of WGSL"))?;
            validate_with(text, text).map_err(|error| format!("`{name}` of the material: {error}"))?;
            Ok::<_, String>(text.to_string())
        };
        let slots = value.get("textureSlots").and_then(Value::as_array).unwrap_or_default();
        let binding = |slot: &Value| {
            let binding = slot.get("binding").and_then(Value::as_integer);
            binding.and_then(|binding| u32::try_from(binding).ok()).filter(|binding| (2..TO_SAMPLER).contains(binding))
        };
        let textures: Option<Vec<u32>> = slots.iter().map(binding).collect();
        let textures = textures.filter(|textures| textures.len() <= MOST_TEXTURES).ok_or_else(|| {
            format!("`textureSlots` of a material are at most {MOST_TEXTURES}, each with a `binding` from 2 to 99")
        })?;
        Ok(Self { vertex: text("vertexWgsl")?, fragment: text("fragmentWgsl")?, textures })
    }
}
