//! `tpl_sdf_material`.

use reflow_component::prelude::*;
use reflow_component::table::Language as _;

use super::{Sdf, node, shape, vector};

/// Gives a shape a surface.
///
/// Where shapes meet, a point has the surface of the nearest one; a surface inside of the shape goes before this one. A `slot`
/// names a shade of its own, which the scene gets through `tpl_sdf_shade_slot`.
#[derive(Component)]
#[component(id = "tpl_sdf_material", title = "SDF Material", category = "sdf")]
#[inport(sdf: Sdf, required, "The shape.")]
#[outport(sdf: Sdf, "The shape with its surface.")]
#[outport(error: ErrorText, "Why there is no node.")]
#[example(
    config = r#"{"slot": "ice", "colorR": 0.5, "colorG": 0.5, "colorB": 1, "metallic": 1}"#,
    steps = r#"[{"sdf": {"type": "primitive", "primitive": "sphere", "radius": 1}}]"#,
    outputs = r#"[{"sdf": [{"type": "material", "material": {"slot": "ice", "color": [0.5, 0.5, 1.0], "roughness": 0.5, "metallic": 1.0, "emission": [0.0, 0.0, 0.0], "ior": 1.5}, "child": {"type": "primitive", "primitive": "sphere", "radius": 1.0, "material": null}}]}]"#
)]
pub(super) struct SdfMaterial {
    /// Red of the colour, linear.
    #[config(key = "colorR", default = 0.8, range = 0.0..=1.0, lenient)]
    red: f64,
    /// Green.
    #[config(key = "colorG", default = 0.8, range = 0.0..=1.0, lenient)]
    green: f64,
    /// Blue.
    #[config(key = "colorB", default = 0.8, range = 0.0..=1.0, lenient)]
    blue: f64,
    /// From 0, a mirror, to 1.
    #[config(default = 0.5, range = 0.0..=1.0, lenient)]
    roughness: f64,
    /// From 0 to 1.
    #[config(default = 0.0, range = 0.0..=1.0, lenient)]
    metallic: f64,
    /// The shade slot that draws it.
    #[config(lenient)]
    slot: Option<String>,
    /// Red of the light that it sends out.
    #[config(key = "emissionR", default = 0.0, lenient)]
    emission_red: f64,
    /// Green.
    #[config(key = "emissionG", default = 0.0, lenient)]
    emission_green: f64,
    /// Blue.
    #[config(key = "emissionB", default = 0.0, lenient)]
    emission_blue: f64,
    /// Index of refraction.
    #[config(default = 1.5, range = 1.0..=3.0, lenient)]
    ior: f64,
}

impl SdfMaterial {
    fn material(&self) -> Value {
        let members = [
            ("color", vector([self.red, self.green, self.blue])),
            ("roughness", Sdf::number(self.roughness)),
            ("metallic", Sdf::number(self.metallic)),
            ("emission", vector([self.emission_red, self.emission_green, self.emission_blue])),
            ("ior", Sdf::number(self.ior)),
        ];
        let slot = self.slot.as_deref().map(|slot| ("slot", slot.into()));
        Value::object(members.into_iter().chain(slot))
    }
}

impl Actor for SdfMaterial {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let child = match shape("sdf", tick.input(Self::IN_SDF)) {
            Ok(child) => child,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        let own = [("type", "material".into()), ("material", self.material())];
        tick.write(Self::OUT_SDF, node(own, vec![("child", child)]));
        Ok(())
    }
}
