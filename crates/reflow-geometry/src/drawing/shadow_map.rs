//! `tpl_shadow_map`.

use glam::Vec3;
use reflow_component::prelude::*;

use crate::kernels::floats::{f32_at, write_f32};
use crate::kernels::layout::vertex_count;
use crate::kernels::mesh::soup::floats_at;
use crate::kernels::shadow::View;

/// The largest side of a map.
const LARGEST_SIDE: u32 = 8192;

/// What a light takes.
const LIGHT: usize = 64;

/// The most lights that are looked at.
const MOST_LIGHTS: usize = 16;

/// Where the light shines to when there is none.
const DIRECTION: [f32; 3] = [0.577, 0.577, -0.577];

/// Measures how far a mesh is from a directional light.
///
/// The light looks at the origin from `far` / 2 away, at a box of twice `orthoSize` on a side. A depth is from 0, at `near`, to 1, at
/// `far` or where nothing is. The first directional light that casts shadows counts; without one the light shines along
/// (0.577, 0.577, -0.577).
#[derive(Component)]
#[component(id = "tpl_shadow_map", title = "Shadow Map", category = "2d", firing = required(meshes), heavy)]
#[inport(meshes: Bytes, required, "Three vertices for every triangle, of 32-bit floats: position first.")]
#[inport(lights: Bytes, "Lights of 64 bytes each.")]
#[inport("light_count": Integer, "How many of them count.")]
#[outport("shadow_map": Bytes, "The depths: 32-bit floats, row by row from the top.")]
#[outport("shadow_matrix": Bytes, "What takes a point to the map: 16 floats of 32 bits, by columns.")]
#[outport(metadata: JsonObject, "The size of the map, and the bias.")]
#[outport(error: ErrorText, "Why there is no map.")]
#[example(
    config = r#"{"resolution": 1}"#,
    steps = r#"[{"meshes": {"type": "Bytes", "data": []}}]"#,
    outputs = r#"[{"metadata": [{"bias": 0.005, "resolution": 1}], "shadow_map": [{"data": [0, 0, 128, 63], "type": "Bytes"}], "shadow_matrix": [{"data": [34, 93, 185, 58, 42, 10, 86, 186, 181, 108, 151, 57, 0, 0, 0, 0, 0, 0, 0, 0, 42, 10, 214, 58, 181, 108, 151, 57, 0, 0, 0, 0, 34, 93, 185, 58, 42, 10, 86, 58, 181, 108, 151, 185, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 128, 58, 223, 255, 62, 0, 0, 128, 63], "type": "Bytes"}]}]"#
)]
pub(super) struct ShadowMap {
    /// Depths in a row, and rows.
    #[config(default = 1024, lenient)]
    resolution: u32,
    /// What a shader adds to a depth; a note for the metadata.
    #[config(default = 0.005, lenient)]
    bias: f64,
    /// Half of the width of the box that the light sees.
    #[config(key = "orthoSize", default = 500.0, lenient)]
    half: f64,
    /// Where the box begins, from the light.
    #[config(default = 1.0, lenient)]
    near: f64,
    /// Where the box ends, from the light.
    #[config(default = 2000.0, lenient)]
    far: f64,
    /// What a vertex takes; when it is left out 32 if that fits the mesh, else 24.
    #[config(unit = "bytes", lenient)]
    stride: Option<u32>,
}

impl Actor for ShadowMap {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(mesh) = tick.read(Self::IN_MESHES) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on meshes port");
        };
        let (lights, count) = (tick.read(Self::IN_LIGHTS), tick.read(Self::IN_LIGHT_COUNT));
        if lights.is_none() && tick.input(Self::IN_LIGHTS).is_some() {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on lights port");
        }
        let lights = lights.as_deref().unwrap_or_default();
        if !lights.len().is_multiple_of(LIGHT) {
            let text = format!("{} bytes are no whole number of lights of {LIGHT} bytes", lights.len());
            return tick.report(Self::OUT_ERROR, text);
        }
        let count = count.map_or(MOST_LIGHTS, |count| count.clamp(0, 16) as usize);
        let guessed = if mesh.len().is_multiple_of(32) { 32 } else { 24 };
        let stride = self.stride.map_or(guessed, |stride| stride as usize);
        if let Err(problem) = self.check(mesh.len(), stride) {
            return tick.report(Self::OUT_ERROR, problem);
        }
        let view = View {
            direction: direction(lights, count),
            half: self.half as f32,
            near: self.near as f32,
            far: self.far as f32,
        };
        let matrix = view.matrix();
        if !matrix.is_finite() {
            return tick.report(Self::OUT_ERROR, "The light sees nothing: `orthoSize`, `near` and `far` make no box");
        }
        let triangles = mesh.chunks_exact(stride * 3);
        let corners = triangles.map(|bytes| [0, 1, 2].map(|corner| floats_at(bytes, corner * stride)));
        let map = view.depths(corners, self.resolution as usize);
        let metadata = Value::object([("resolution", Value::from(self.resolution)), ("bias", self.bias.into())]);
        tick.write(Self::OUT_SHADOW_MAP, write_f32(&map));
        tick.write(Self::OUT_SHADOW_MATRIX, write_f32(&matrix.to_cols_array()));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

impl ShadowMap {
    fn check(&self, length: usize, stride: usize) -> Result<(), String> {
        if !(1..=LARGEST_SIDE).contains(&self.resolution) {
            return Err(format!("A map of {0} × {0} is empty or too large (at most {LARGEST_SIDE})", self.resolution));
        }
        vertex_count(length, stride, 12).map(|_| ()).map_err(|error| error.to_string())
    }
}

/// Where the first directional light shines to that casts shadows.
fn direction(lights: &[u8], count: usize) -> Vec3 {
    let mut lights = lights.chunks_exact(LIGHT).take(count.min(MOST_LIGHTS));
    // Position, kind, direction, intensity, colour, range, two cosines, whether it casts shadows.
    let found = lights.find(|light| f32_at(light, 12) == 0.0 && f32_at(light, 56) > 0.5);
    Vec3::from(found.map_or(DIRECTION, |light| floats_at(light, 16)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn the_light_that_casts_shadows_counts() {
        let mut light = [0.0_f32; 16];
        light[4..7].copy_from_slice(&[0.0, -1.0, 0.0]);
        let dark = write_f32(&light);
        light[14] = 1.0;
        let casting = write_f32(&light);
        assert_eq!(direction(&dark, 16), Vec3::from(DIRECTION));
        assert_eq!(direction(&[dark.clone(), casting.clone()].concat(), 16), Vec3::NEG_Y);
        assert_eq!(direction(&[dark, casting].concat(), 1), Vec3::from(DIRECTION));
    }

    #[test]
    fn lights_that_are_none_are_told() {
        for (lights, text) in [
            (json!(5), "Expected Bytes on lights port"),
            (json!({"type": "Bytes", "data": vec![0; 65]}), "65 bytes are no whole number of lights of 64 bytes"),
        ] {
            let inputs = json!({"meshes": {"type": "Bytes", "data": vec![0; 72]}, "lights": lights});
            assert_eq!(run::<ShadowMap>(json!({"resolution": 1}), [inputs])[0]["error"][0]["data"], text);
        }
    }

    #[test]
    fn maps_without_sense_are_told() {
        let mesh = json!({"meshes": {"type": "Bytes", "data": vec![0; 25]}});
        for (config, text) in [
            (json!({"resolution": 0}), "A map of 0 × 0 is empty or too large (at most 8192)"),
            (json!({"resolution": 8}), "25 bytes are no whole number of vertices of 24 bytes"),
            (
                json!({"resolution": 8, "stride": 25, "orthoSize": 0}),
                "The light sees nothing: `orthoSize`, `near` and `far` make no box",
            ),
        ] {
            assert_eq!(run::<ShadowMap>(config, [mesh.clone()])[0]["error"][0]["data"], text);
        }
    }
}
