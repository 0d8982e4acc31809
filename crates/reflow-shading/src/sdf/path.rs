//! `tpl_sdf_path`.

use reflow_component::prelude::*;
use reflow_component::table::Language as _;

use super::{Sdf, primitive, vector};
use crate::kernels::path::{PathError, along, length, polyline, sample};

/// A tube along a curve that is written as SVG path data.
///
/// All commands of SVG are understood, with absolute and relative coordinates; subpaths are joined, and `Z` goes back to the
/// beginning. The tube has its corners at `segments` places of the curve that are evenly far along it, and the radii of the
/// profile are spread over them in the same way.
#[derive(Component)]
#[component(id = "tpl_sdf_path", title = "SDF Path", category = "sdf", open_ports)]
#[inport(trigger: Any, "Whatever comes asks for the node.")]
#[outport(sdf: Sdf, "The tube.")]
#[outport(metadata: JsonObject, "`segments`, the number of its corners, and `pathLength`, its length.")]
#[outport(error: ErrorText, "Why there is no tube.")]
#[example(
    config = r#"{"path": "M 0,0 h 2", "segments": 3, "profile": [0.5, 1.5], "smoothness": 0}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"sdf": [{"type": "primitive", "primitive": "tubePath", "points": [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], "radii": [0.5, 1.0, 1.5], "k": 0.0, "material": null}], "metadata": [{"segments": 3, "pathLength": 2.0}]}]"#
)]
pub(super) struct SdfPath {
    /// The curve.
    #[config(default = "M 0,0 L 5,0".to_string(), lenient)]
    path: String,
    /// Radii at places evenly far along the curve. What is no number is skipped; 0.1 everywhere when there is none.
    #[config(default = Value::array([0.1]).into())]
    profile: Shaped<Numbers>,
    /// Corners of the tube.
    #[config(default = 16, max = 65536, range = 2.0..=256.0, lenient)]
    segments: u32,
    /// Carried along as `k`; the distance does not depend on it.
    #[config(default = 0.1, lenient)]
    smoothness: f64,
    /// Where the curve lies.
    #[config(default = Plane::Xz, lenient)]
    plane: Plane,
}

#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum Plane {
    /// At y = 0.
    #[choice("xz", ..)]
    Xz,
    /// At z = 0.
    Xy,
    /// At x = 0.
    Yz,
}

impl SdfPath {
    fn node(&self) -> Result<(Nested, Value), PathError> {
        let points = sample(&polyline(&self.path)?, self.segments as usize)?;
        let profile = self.profile.as_array().unwrap_or_default().iter();
        let profile: Vec<f64> = profile.filter_map(Value::as_number).filter(|radius| radius.is_finite()).collect();
        let last = (points.len() - 1) as f64;
        let radii = (0..points.len()).map(|at| along(&profile, at as f64 / last, 0.1));
        let place = |x, y| match self.plane {
            Plane::Xz => [x, 0.0, y],
            Plane::Xy => [x, y, 0.0],
            Plane::Yz => [0.0, x, y],
        };
        let fields = [
            ("points", Value::array(points.iter().map(|point| vector(place(point.x, point.y))))),
            ("radii", vector(radii)),
            ("k", Sdf::number(self.smoothness)),
        ];
        let facts = [("segments", points.len().into()), ("pathLength", Sdf::number(length(&points)))];
        Ok((primitive("tubePath", fields), Value::object::<_, Value>(facts)))
    }
}

impl Actor for SdfPath {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.node() {
            Ok((node, facts)) => {
                tick.write(Self::OUT_SDF, node);
                tick.write(Self::OUT_METADATA, facts);
                Ok(())
            }
            Err(error) => {
                if let PathError::Empty(Some(cause)) = &error {
                    tick.node().log("warning", format!("config `path`: {cause}"));
                }
                tick.report(Self::OUT_ERROR, error.to_string())
            }
        }
    }
}
