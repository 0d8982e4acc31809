//! `tpl_sdf_tube_path`.

use reflow_component::prelude::*;
use reflow_component::table::Language as _;

use super::{Sdf, primitive, vector};

/// A tube along a polyline with a radius at each corner.
///
/// The distance is that to the nearest point of the polyline, less the radius there: it goes from corner to corner by the share
/// of the whole length. Corners without a radius, and radii without a corner, are left out; with fewer than two the distance is
/// 999 everywhere.
#[derive(Component)]
#[component(id = "tpl_sdf_tube_path", title = "SDF Tube Path", category = "sdf", open_ports)]
#[inport(trigger: Any, "Whatever comes asks for the node.")]
#[outport(sdf: Sdf, "The shape.")]
#[outport(error: ErrorText, "Why there is no node.")]
#[example(
    config = r#"{"points": [[0, 0, 0], [1, 2, 3]], "radii": [0.5, 0.25], "smoothness": 0}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"sdf": [{"type": "primitive", "primitive": "tubePath", "points": [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], "radii": [0.5, 0.25], "k": 0.0, "material": null}]}]"#
)]
pub(super) struct TubePath {
    /// The corners, each `[x, y, z]`.
    #[config]
    points: Shaped<Points>,
    /// The radius at each corner.
    #[config]
    radii: Shaped<Numbers>,
    /// Carried along as `k`; the distance does not depend on it.
    #[config(default = 0.1, lenient)]
    smoothness: f64,
}

struct Points;

impl Shape for Points {
    fn schema() -> Value {
        Vec::<Vec<f64>>::schema()
    }
}

impl TubePath {
    fn node(&self) -> Result<Nested, String> {
        let list = |key: &str, value: &Value| {
            if value.is_null() { Err(format!("config `{key}`: is required")) } else { Ok(()) }
        };
        list("points", &self.points)?;
        list("radii", &self.radii)?;
        let points: Vec<Vec<f64>> = Vec::read(&self.points).map_err(|problem| format!("config `points`: {problem}"))?;
        if let Some(at) = points.iter().position(|point| point.len() != 3) {
            return Err(format!("config `points`: item {at}: expected 3 numbers, found {}", points[at].len()));
        }
        let radii: Vec<f64> = Vec::read(&self.radii).map_err(|problem| format!("config `radii`: {problem}"))?;
        let points = Value::array(points.into_iter().map(vector));
        let fields = [("points", points), ("radii", vector(radii)), ("k", Sdf::number(self.smoothness))];
        Ok(primitive("tubePath", fields))
    }
}

impl Actor for TubePath {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.node() {
            Ok(node) => tick.write(Self::OUT_SDF, node),
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        let error = |config| run::<TubePath>(config, [json!({"trigger": 1})])[0]["error"][0]["data"].clone();
        assert_eq!(error(json!({"points": [[0, 0, 0]]})), "config `radii`: is required");
        let short = error(json!({"points": [[0, 0, 0], [1, 2]], "radii": []}));
        assert_eq!(short, "config `points`: item 1: expected 3 numbers, found 2");
        let word = error(json!({"points": [], "radii": [1, "x"]}));
        assert_eq!(word, "config `radii`: item 1: expected a number, found \"x\"");
    }
}
