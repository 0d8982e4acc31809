//! `tpl_vec3_reflect`.

use reflow_component::vector::{dot, normalized, zip};

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Mirrors a direction at a surface.
///
/// `result` = incident - 2·(incident·normal)·normal. The normal is used as it is, unless `normalize` is set.
#[derive(Component)]
#[component(id = "tpl_vec3_reflect", title = "Reflect", category = "vector", firing = all)]
#[inport(incident: Vec3, required, "The direction that arrives.")]
#[inport(normal: Vec3, required, "The surface's normal.")]
#[outport(result: Vec3, "The result.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"incident": {"x": 1, "y": -1, "z": 0}, "normal": {"x": 0, "y": 1, "z": 0}}]"#,
    outputs = r#"[{"result": [{"x": 1.0, "y": 1.0, "z": 0.0}]}]"#
)]
pub(super) struct Vec3Reflect {
    /// Whether the normal is scaled to length 1 first.
    #[config(lenient)]
    normalize: bool,
}

impl Actor for Vec3Reflect {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (incident, mut normal) = (tick.value(Self::IN_INCIDENT), tick.value(Self::IN_NORMAL));
        if self.normalize {
            normal = normalized(normal).unwrap_or_default();
        }
        let twice = 2.0 * dot(incident, normal);
        tick.write_finite(
            Self::OUT_RESULT,
            Self::OUT_ERROR,
            zip(incident, normal, |incident, normal| incident - twice * normal),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn a_longer_normal_counts_as_it_is() {
        let outputs = run::<Vec3Reflect>(json!({}), [json!({"incident": [1, -1, 0], "normal": [0, 2, 0]})]);
        assert_eq!(outputs, [json!({"result": [{"x": 1.0, "y": 7.0, "z": 0.0}]})]);
    }

    #[test]
    fn unless_it_is_normalized() {
        let outputs =
            run::<Vec3Reflect>(json!({"normalize": true}), [json!({"incident": [1, -1, 0], "normal": [0, 2, 0]})]);
        assert_eq!(outputs, [json!({"result": [{"x": 1.0, "y": 1.0, "z": 0.0}]})]);
    }
}
