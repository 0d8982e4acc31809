//! `tpl_quat_slerp`.

use reflow_component::vector::{dot, normalized, zip};

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Turns evenly from one rotation to another.
///
/// Spherical interpolation along the shorter way (Shoemake, *Animating Rotation with Quaternion Curves*, 1985): with d =
/// a·b, negated together with `b` when it is negative, and θ = acos d: (sin((1-t)θ)·a + sin(tθ)·b) / sin θ; where d is above
/// 0.9995, the normalized straight line between them. `t` is not clamped; anything but a number counts as 0.5. `a` and `b`
/// are used as they are, unless `normalize` is set.
#[derive(Component)]
#[component(id = "tpl_quat_slerp", title = "Quaternion Slerp", category = "quaternion", firing = all)]
#[inport(a: Quaternion, required, "The rotation at t = 0.")]
#[inport(b: Quaternion, required, "The rotation at t = 1.")]
#[inport(t: Number, required, "How far to turn.")]
#[outport(result: Quaternion, "The rotation between them.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 0, "y": 0, "z": 0, "w": 1}, "b": {"x": 0, "y": 0, "z": 1, "w": 0}, "t": 1}]"#,
    outputs = r#"[{"result": [{"x": 0.0, "y": 0.0, "z": 1.0, "w": 0.0}]}]"#
)]
pub(super) struct QuatSlerp {
    /// Whether `a` and `b` are scaled to length 1 first.
    #[config(lenient)]
    normalize: bool,
}

impl Actor for QuatSlerp {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (mut a, mut b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        let t = tick.read(Self::IN_T).unwrap_or(0.5);
        if self.normalize {
            (a, b) = (normalized(a).unwrap_or_default(), normalized(b).unwrap_or_default());
        }
        let mut cosine = dot(a, b);
        if cosine < 0.0 {
            (b, cosine) = (b.map(|part| -part), -cosine);
        }
        let result = if cosine > 0.9995 {
            let line = zip(a, b, |a, b| a + (b - a) * t);
            normalized(line).unwrap_or(line)
        } else {
            let angle = cosine.clamp(-1.0, 1.0).acos();
            let (from, to) = (((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin());
            zip(a, b, |a, b| from * a + to * b)
        };
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn next_to_each_other_it_goes_straight() {
        let outputs = run::<QuatSlerp>(json!({}), [json!({"a": [0, 0, 0, 1], "b": [0, 0, 0, 1], "t": 0.3})]);
        assert_eq!(outputs, [json!({"result": [{"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}]})]);
    }
}
