//! `tpl_sdf_stamp_compose`.

use reflow_component::prelude::*;
use reflow_component::table::Language as _;

use super::{Sdf, nested, node, shape, transform, vector};
use crate::kernels::sdf::Tree;

/// Combines a shape with a list of small ones, one after the other.
///
/// A stamp is `{"shape": …, "op": …}` with the fields of its shape, any primitive of the SDF language (`sphere` with `radius`,
/// `ellipsoid` with `radii`, `roundBox` with `size` and `radius`, `roundBoxShell` with `thickness` too, and so on), and one of
/// the operations `union`, `difference`, `intersection`, `smoothUnion`, `smoothDifference` and `smoothIntersection`. `smoothness`
/// (0.05) is the blend radius of the smooth ones. A stamp is turned by `angles` (degrees), then moved by `offset`. It may bring a
/// `material`, or a `slot`.
#[derive(Component)]
#[component(id = "tpl_sdf_stamp_compose", title = "Stamp Compose", category = "sdf", prepare)]
#[inport(sdf: Sdf, required, "The shape to begin with.")]
#[outport(sdf: Sdf, "The shape with all stamps.")]
#[outport(error: ErrorText, "Why there is no node.")]
#[example(
    config = r#"{"stamps": [{"shape": "sphere", "radius": 0.5, "op": "difference", "offset": [1, 0, 0]}]}"#,
    steps = r#"[{"sdf": {"type": "primitive", "primitive": "sphere", "radius": 1}}]"#,
    outputs = r#"[{"sdf": [{"type": "operation", "op": "difference", "left": {"type": "primitive", "primitive": "sphere", "radius": 1.0, "material": null}, "right": {"type": "transform", "transform": "translate", "offset": [1.0, 0.0, 0.0], "child": {"type": "primitive", "primitive": "sphere", "radius": 0.5, "material": null}}}]}]"#
)]
pub(super) struct StampCompose {
    /// The stamps, in order.
    #[config(default = Value::array::<Value>([]).into())]
    stamps: Shaped<Stamps>,
    #[state(Ok(Vec::new()))]
    read: Result<Vec<Stamp>, String>,
}

struct Stamps;

impl Shape for Stamps {
    fn schema() -> Value {
        let stamp =
            [("shape", "string"), ("op", "string"), ("smoothness", "number"), ("offset", "array"), ("angles", "array")];
        let members = Value::object(stamp.map(|(key, kind)| (key, Value::object([("type", kind)]))));
        let items = Value::object([("type", "object".into()), ("properties", members)]);
        Value::object([("type", "array".into()), ("items", items)])
    }
}

/// One stamp: the members of its operation, and its shape in place.
struct Stamp {
    operation: Vec<(&'static str, Value)>,
    shape: Nested,
}

const OPERATIONS: [&str; 6] =
    ["union", "difference", "intersection", "smoothUnion", "smoothDifference", "smoothIntersection"];

impl Stamp {
    fn read(stamp: &Value) -> Result<Self, String> {
        let members = stamp.as_object().ok_or_else(|| format!("expected an object, found {}", stamp.kind()))?;
        let word = |key: &str| match stamp.get(key).map(Value::as_str) {
            Some(Some(word)) => Ok(word),
            Some(None) => Err(format!("`{key}`: expected a text")),
            None => Err(format!("missing field `{key}`")),
        };
        let op = word("op")?;
        let op = OPERATIONS.into_iter().find(|known| *known == op).ok_or_else(|| {
            let op: String = op.chars().take(40).collect();
            format!("unknown op `{op}`; there are {}", OPERATIONS.join(", "))
        })?;
        let mut operation = vec![("type", "operation".into()), ("op", op.into())];
        if op.starts_with("smooth") {
            operation.push(("k", Sdf::number(number(stamp, "smoothness")?.unwrap_or(0.05))));
        }
        let slot = stamp.get("slot").filter(|slot| !slot.is_null());
        let mut material = stamp.get("material").cloned().unwrap_or_default();
        if let Some(slot) = slot {
            let slot = Value::object([("slot", slot.clone())]);
            material = if material.is_null() { slot } else { material.merged_with(&slot) };
        }
        let own = [("type", "primitive".into()), ("primitive", word("shape")?.into()), ("material", material)];
        let own = own.map(|(key, value)| (key.into(), value));
        let node: Value =
            members.iter().map(|(key, value)| (key.clone(), value.clone())).chain(own).collect::<Object>().into();
        let tree = Tree::read(&node).map_err(|error| error.to_string())?;
        let mut shape = nested(tree.to_value()).ok_or("there is no shape")?;
        for (name, key) in [("rotate", "angles"), ("translate", "offset")] {
            let by = triple(stamp, key)?;
            if by != [0.0; 3] {
                shape = transform(name, [(key, vector(by))], shape);
            }
        }
        Ok(Self { operation, shape })
    }
}

fn number(stamp: &Value, key: &str) -> Result<Option<f64>, String> {
    let value = stamp.get(key).filter(|value| !value.is_null());
    value.map(|value| f64::read(value).map_err(|problem| format!("`{key}`: {problem}"))).transpose()
}

fn triple(stamp: &Value, key: &str) -> Result<[f64; 3], String> {
    let Some(value) = stamp.get(key).filter(|value| !value.is_null()) else { return Ok([0.0; 3]) };
    let numbers = Vec::<f64>::read(value).ok().and_then(|numbers| numbers.try_into().ok());
    numbers.ok_or_else(|| format!("`{key}`: expected a list of 3 numbers"))
}

impl StampCompose {
    fn prepare(&mut self) {
        let stamps = match self.stamps.as_array() {
            Some(stamps) => stamps.iter().enumerate(),
            None if self.stamps.is_null() => return,
            None => {
                self.read = Err(format!("config `stamps`: expected a list, found {}", self.stamps.kind()));
                return;
            }
        };
        let read = |(at, stamp)| Stamp::read(stamp).map_err(|problem| format!("stamp {at}: {problem}"));
        self.read = stamps.map(read).collect();
    }

    fn compose(&self, shape: Nested) -> Result<Nested, String> {
        let around = |shape, stamp: &Stamp| {
            node(stamp.operation.iter().cloned(), vec![("left", shape), ("right", stamp.shape.clone())])
        };
        Ok(self.read.as_ref()?.iter().fold(shape, around))
    }
}

impl Actor for StampCompose {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match shape("sdf", tick.input(Self::IN_SDF)).and_then(|shape| self.compose(shape)) {
            Ok(composed) => tick.write(Self::OUT_SDF, composed),
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

    fn outputs(stamps: serde_json::Value) -> serde_json::Value {
        let ball = json!({"type": "primitive", "primitive": "sphere", "radius": 1});
        run::<StampCompose>(json!({"stamps": stamps}), [json!({"sdf": ball})])[0].clone()
    }

    #[test]
    fn a_bad_stamp_is_told_with_its_index() {
        let good = json!({"shape": "sphere", "radius": 1, "op": "union"});
        for (stamp, problem) in [
            (json!(5), "stamp 1: expected an object, found number"),
            (json!({"shape": "cube", "op": "union"}), "stamp 1: root: unknown primitive `cube`"),
            (json!({"shape": "sphere", "op": "union"}), "stamp 1: root: missing field `radius`"),
            (json!({"shape": "sphere", "radius": 1}), "stamp 1: missing field `op`"),
            (json!({"shape": "sphere", "radius": 1, "op": "xor"}), "stamp 1: unknown op `xor`"),
            (
                json!({"shape": "sphere", "radius": 1, "op": "union", "offset": [1]}),
                "stamp 1: `offset`: expected a list of 3 numbers",
            ),
        ] {
            let found = outputs(json!([good, stamp]));
            assert!(found["error"][0]["data"].as_str().unwrap().starts_with(problem), "{found}");
        }
    }

    #[test]
    fn any_primitive_is_a_stamp_and_may_bring_a_surface() {
        let found =
            outputs(json!([{"shape": "torus", "major_radius": 1, "minor_radius": 0.5, "op": "union", "slot": "gold"}]));
        assert_eq!(found["sdf"][0]["right"]["material"]["slot"], "gold");
    }
}
