//! `tpl_sdf_scale`.

use reflow_component::prelude::*;

use super::{Sdf, shape, transform, vector};

/// Scales a shape, alike on all axes or on each by its own factor.
///
/// The distance is that of the shape at p / s times the smallest factor: a safe bound where the factors differ. A negative
/// factor counts as its absolute value, and none is below 0.0001.
#[derive(Component)]
#[component(id = "tpl_sdf_scale", title = "Scale", category = "sdf")]
#[inport(sdf: Sdf, required, "The shape.")]
#[outport(sdf: Sdf, "The scaled shape.")]
#[outport(error: ErrorText, "Why there is no node.")]
#[example(
    config = r#"{"factor": 2, "factorY": 0.5}"#,
    steps = r#"[{"sdf": {"type": "primitive", "primitive": "sphere", "radius": 1}}]"#,
    outputs = r#"[{"sdf": [{"type": "transform", "transform": "scale", "factor": [2.0, 0.5, 2.0], "child": {"type": "primitive", "primitive": "sphere", "radius": 1.0, "material": null}}]}]"#
)]
pub(super) struct Scale {
    /// The factor of every axis that has no own one.
    #[config(lenient)]
    factor: Option<f64>,
    /// The factor along x; `factor`, or else 1, when it is left out.
    #[config(key = "factorX", lenient)]
    x: Option<f64>,
    /// Along y.
    #[config(key = "factorY", lenient)]
    y: Option<f64>,
    /// Along z.
    #[config(key = "factorZ", lenient)]
    z: Option<f64>,
}

impl Actor for Scale {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let factor = [self.x, self.y, self.z].map(|own| own.or(self.factor).unwrap_or(1.0));
        match shape("sdf", tick.input(Self::IN_SDF)) {
            Ok(child) => tick.write(Self::OUT_SDF, transform("scale", [("factor", vector(factor))], child)),
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        }
        Ok(())
    }
}
