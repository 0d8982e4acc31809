//! `tpl_lsystem`.

use reflow_component::prelude::*;

use crate::kernels::floats::write_f64;
use crate::kernels::lsystem::{rewrite, rules, walk};

/// Rewrites a text by rules and walks a turtle over it.
///
/// Every character that has a rule is replaced, `iterations` times. The turtle starts at the origin and looks up, where y
/// grows. `F` and `G` draw a step, `f` and `g` go without drawing, `+` turns left and `-` right, `|` turns around, `[`
/// remembers where the turtle is, `]` goes back there. A text grows to 16 MiB at most.
#[derive(Component)]
#[component(id = "tpl_lsystem", title = "L-System", category = "procedural", heavy, open_ports)]
#[inport(axiom: Text, "The text to begin with, instead of the configured one.")]
#[outport(output: Text, "The text in the end.")]
#[outport(points: Bytes, "The points the turtle drew to or went back to: 64-bit floats, x and y in turn.")]
#[outport(segments: Bytes, "The lines it drew: 64-bit floats, from x, y to x, y.")]
#[outport(metadata: JsonObject, "The length of the text in bytes, the number of points, iterations and angle.")]
#[outport(error: ErrorText, "Why there is no text.")]
#[example(
    config = r#"{"axiom": "A", "rules": "A=AB; B=A", "iterations": 4}"#,
    steps = r#"[{"axiom": "A"}]"#,
    outputs = r#"[{"metadata": [{"angle": 25.0, "iterations": 4, "pointCount": 1, "stringLength": 8}], "output": ["ABAABABA"], "points": [{"data": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "type": "Bytes"}], "segments": [{"data": [], "type": "Bytes"}]}]"#
)]
pub(super) struct LSystem {
    /// The text to begin with.
    #[config(default = "F".to_string(), lenient)]
    axiom: String,
    /// What becomes of a character: `X=replacement`, separated by `;`.
    #[config(default = "F=F+F-F-FF+F+F-F".to_string(), lenient)]
    rules: String,
    /// How often the text is rewritten.
    #[config(default = 4, range = 1..=8, lenient)]
    iterations: u32,
    /// How far the turtle turns.
    #[config(default = 25.0, unit = "degrees", lenient)]
    angle: f64,
    /// How long a step is.
    #[config(key = "stepLength", default = 1.0, lenient)]
    step: f64,
}

impl Actor for LSystem {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let axiom = tick.read(Self::IN_AXIOM);
        let text = match rewrite(axiom.as_deref().unwrap_or(&self.axiom), &rules(&self.rules), self.iterations) {
            Ok(text) => text,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let walk = walk(&text, self.angle, self.step);
        if walk.points.iter().chain(&walk.segments).any(|part| !part.is_finite()) {
            let text = format!("Steps of {:e} lead beyond all numbers", self.step);
            return tick.report(Self::OUT_ERROR, text);
        }
        let metadata = Value::object([
            ("stringLength", Value::from(text.len())),
            ("pointCount", (walk.points.len() / 2).into()),
            ("iterations", self.iterations.into()),
            ("angle", self.angle.into()),
        ]);
        tick.write(Self::OUT_OUTPUT, text);
        tick.write(Self::OUT_POINTS, write_f64(&walk.points));
        tick.write(Self::OUT_SEGMENTS, write_f64(&walk.segments));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn growth_without_bound_is_told() {
        // Rules that grow fast: each round takes its time in a build for debugging.
        let rules = format!("F={}", "F".repeat(32));
        let outputs = run::<LSystem>(json!({"rules": rules, "iterations": 4_000_000_000_u32}), [json!({"go": 1})]);
        let text = "After 5 iterations the string is longer than 16777216 characters";
        assert_eq!(outputs[0]["error"][0]["data"], text);
    }

    #[test]
    fn a_walk_to_infinity_is_told() {
        let outputs = run::<LSystem>(json!({"axiom": "FF", "rules": "", "stepLength": 1e308}), [json!({"go": 1})]);
        assert_eq!(outputs[0]["error"][0]["data"], "Steps of 1e308 lead beyond all numbers");
    }
}
