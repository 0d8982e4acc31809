//! `tpl_sdf_inf_repeat`.

use reflow_component::prelude::*;

use super::{Sdf, primitive, shape, transform, vector};

/// Repeats a shape without an end.
///
/// The shape that comes in on `sdf` is asked at p - round(p / spacing) spacing. Without one it is the distance to the nearest
/// point of the lattice, |p - round(p / spacing) spacing|: never negative, so round it (`tpl_sdf_round`) to see balls. An axis
/// whose spacing is 0 does not repeat.
#[derive(Component)]
#[component(id = "tpl_sdf_inf_repeat", title = "SDF Infinite Repeat", category = "sdf", open_ports)]
#[inport(trigger: Any, "Whatever comes asks for the node.")]
#[inport(sdf: Sdf, "The shape to repeat.")]
#[outport(sdf: Sdf, "The shape.")]
#[outport(error: ErrorText, "Why there is no node.")]
#[example(
    config = r#"{"spacingY": 0}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"sdf": [{"type": "primitive", "primitive": "infRepeat", "spacing": [2.0, 0.0, 2.0], "material": null}]}]"#
)]
pub(super) struct InfRepeat {
    /// Pitch along x.
    #[config(key = "spacingX", default = 2.0, lenient)]
    x: f64,
    /// Along y.
    #[config(key = "spacingY", default = 2.0, lenient)]
    y: f64,
    /// Along z.
    #[config(key = "spacingZ", default = 2.0, lenient)]
    z: f64,
    /// The last shape.
    #[state]
    child: Option<Nested>,
}

impl Actor for InfRepeat {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(message) = tick.input(Self::IN_SDF) {
            match shape("sdf", Some(message)) {
                Ok(child) => self.child = Some(child),
                Err(problem) => return tick.report(Self::OUT_ERROR, problem),
            }
        }
        let spacing = ("spacing", vector([self.x, self.y, self.z]));
        let node = match &self.child {
            Some(child) => {
                let count = ("count", Value::array([u32::MAX; 3]));
                transform("repeat", [spacing, count], child.clone())
            }
            None if tick.node().connected_inports().iter().any(|port| **port == *"sdf") => return Ok(()),
            None => primitive("infRepeat", [spacing]),
        };
        tick.write(Self::OUT_SDF, node);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn a_shape_is_repeated() {
        let ball = json!({"type": "primitive", "primitive": "sphere", "radius": 1});
        let outputs = run::<InfRepeat>(json!({}), [json!({"sdf": ball})]);
        assert_eq!(outputs[0]["sdf"][0]["transform"], "repeat");
        assert_eq!(outputs[0]["sdf"][0]["child"]["radius"], 1.0);
    }
}
