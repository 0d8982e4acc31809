//! `tpl_shape_2d`.

use kurbo::BezPath;
use reflow_component::declare::{Config, Declare};
use reflow_component::prelude::*;

use crate::kernels::curve::{measure, parse, to_text};
use crate::kernels::shapes::{ellipse, line, polygon, rectangle};

/// The most corners of a polygon or a star.
const MOST_CORNERS: u32 = 100_000;

/// Makes a shape in the plane, as path data of SVG.
///
/// y points down. `bounds` is the smallest box around the shape: left, top, width and height. A shape without any line has no
/// size. Members of an object on `params` count instead of the config, for this shape only.
#[derive(Component)]
#[component(id = "tpl_shape_2d", title = "Shape 2D", category = "2d", open_ports)]
#[inport(params: JsonObject, "Config keys for this shape.")]
#[outport(path: Text, "The path data: absolute commands, separated by blanks.")]
#[outport(metadata: JsonObject, "The kind of shape, its bounds and length, the number of commands, whether it is closed; and colour, shadow, border, index and corner radius when they are set.")]
#[outport(error: ErrorText, "Why there is no shape.")]
#[example(
    config = r#"{"width": 20, "height": 10, "cx": 10, "cy": 5}"#,
    steps = r#"[{"params": {"color": "red"}}]"#,
    outputs = r#"[{"metadata": [{"bounds": [0.0, 0.0, 20.0, 10.0], "closed": true, "color": "red", "height": 10.0, "length": 60.0, "segments": 5, "type": "rect", "width": 20.0}], "path": ["M0,0 L20,0 L20,10 L0,10 Z"]}]"#
)]
pub(super) struct Shape2d {
    /// The kind of shape.
    #[config(default = Kind::Rect.into(), lenient)]
    shape: Word<Kind>,
    /// x of its centre; neither of a line nor of a path.
    #[config(default = 0.0, lenient)]
    cx: f64,
    /// y of its centre.
    #[config(default = 0.0, lenient)]
    cy: f64,
    /// Of a rectangle.
    #[config(default = 100.0, lenient)]
    width: f64,
    /// Of a rectangle.
    #[config(default = 100.0, lenient)]
    height: f64,
    /// Of a rectangle, half of its shorter side at most.
    #[config(key = "cornerRadius", default = 0.0, lenient)]
    corner_radius: f64,
    /// Half of the width of an ellipse.
    #[config(default = 50.0, lenient)]
    rx: f64,
    /// Half of the height of an ellipse.
    #[config(default = 50.0, lenient)]
    ry: f64,
    /// Of a circle or a polygon.
    #[config(default = 50.0, lenient)]
    radius: f64,
    /// Corners of a polygon.
    #[config(default = 6, lenient)]
    sides: u32,
    /// Of the points of a star.
    #[config(key = "outerRadius", default = 50.0, lenient)]
    outer_radius: f64,
    /// Of the corners between the points of a star.
    #[config(key = "innerRadius", default = 25.0, lenient)]
    inner_radius: f64,
    /// Points of a star.
    #[config(default = 5, lenient)]
    points: u32,
    /// Where a line begins.
    #[config(default = 0.0, lenient)]
    x1: f64,
    /// Where a line begins.
    #[config(default = 0.0, lenient)]
    y1: f64,
    /// Where a line ends.
    #[config(default = 100.0, lenient)]
    x2: f64,
    /// Where a line ends.
    #[config(default = 100.0, lenient)]
    y2: f64,
    /// The path data of a path.
    #[config(default = "M0,0".to_string(), lenient)]
    d: String,
    /// A note for the metadata.
    #[config]
    color: Value,
    /// A note for the metadata.
    #[config]
    shadow: Value,
    /// A note for the metadata.
    #[config]
    border: Value,
    /// A note for the metadata.
    #[config]
    index: Value,
    #[config(whole)]
    config: Value,
}

#[derive(Choice, Clone, Copy)]
enum Kind {
    /// A rectangle.
    Rect,
    /// An ellipse.
    Ellipse,
    /// A circle.
    Circle,
    /// A regular polygon, a corner on top.
    Polygon,
    /// A star, a point on top.
    Star,
    /// A line.
    Line,
    /// Path data.
    Path,
}

impl Actor for Shape2d {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let made = match tick.read(Self::IN_PARAMS) {
            Some(params) => Self::configure(&mut Config::new(&self.config.merged_with(&params))).make(),
            None => self.make(),
        };
        match made {
            Ok((path, metadata)) => {
                tick.write(Self::OUT_PATH, path);
                tick.write(Self::OUT_METADATA, metadata);
                Ok(())
            }
            Err(problem) => tick.report(Self::OUT_ERROR, problem),
        }
    }
}

impl Shape2d {
    /// The path and what is said of it.
    fn make(&self) -> Result<(String, Value), String> {
        let path = self.path()?;
        let extent = measure(&path);
        let segments = path.elements().len();
        let is_closed = path.elements().last() == Some(&kurbo::PathEl::ClosePath);
        let facts = [
            ("type", Value::from(self.shape.text())),
            ("bounds", Value::array(extent.bounds)),
            ("width", extent.bounds[2].into()),
            ("height", extent.bounds[3].into()),
            ("length", extent.length.into()),
            ("segments", segments.into()),
            ("closed", is_closed.into()),
        ];
        let radius = self.config.get("cornerRadius").unwrap_or(&Value::Null);
        let notes = [
            ("color", &self.color),
            ("shadow", &self.shadow),
            ("border", &self.border),
            ("index", &self.index),
            ("cornerRadius", radius),
        ];
        let notes = notes.into_iter().filter(|(_, note)| !note.is_null()).map(|(key, note)| (key, note.clone()));
        Ok((to_text(&path), Value::object(facts.into_iter().chain(notes))))
    }

    fn path(&self) -> Result<BezPath, String> {
        let center = [self.cx, self.cy];
        let corners = |count: u32| match count {
            count if count > MOST_CORNERS => Err(format!("{count} corners are too many (at most {MOST_CORNERS})")),
            count => Ok(count as usize),
        };
        Ok(match self.shape.meaning("shape") {
            Ok(Kind::Rect) => rectangle(center, self.width, self.height, self.corner_radius),
            Ok(Kind::Ellipse) => ellipse(center, self.rx, self.ry),
            Ok(Kind::Circle) => ellipse(center, self.radius, self.radius),
            Ok(Kind::Polygon) => polygon(center, &[self.radius], corners(self.sides)?),
            Ok(Kind::Star) if self.points < 2 => BezPath::new(),
            Ok(Kind::Star) => {
                let radii = [self.outer_radius, self.inner_radius];
                polygon(center, &radii, corners(self.points.saturating_mul(2))?)
            }
            Ok(Kind::Line) => line([self.x1, self.y1], [self.x2, self.y2]),
            Ok(Kind::Path) => parse(&self.d).map_err(|error| error.to_string())?,
            // What is no shape is a rectangle at the origin.
            Err(_) => rectangle([50.0, 50.0], 100.0, 100.0, 0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn bounds_are_those_of_the_shape() {
        let bounds = |config: serde_json::Value| {
            let outputs = run::<Shape2d>(config, [json!({"go": 1})]);
            outputs[0]["metadata"][0]["bounds"].clone()
        };
        assert_eq!(bounds(json!({"shape": "line", "x1": 5, "y1": 6, "x2": 3, "y2": 9})), json!([3.0, 6.0, 2.0, 3.0]));
        // The control points of the curve are further out than the curve.
        assert_eq!(bounds(json!({"shape": "path", "d": "M0,0 Q5,10 10,0"})), json!([0.0, 0.0, 10.0, 5.0]));
        assert_eq!(bounds(json!({"shape": "polygon", "sides": 2})), json!([0.0, 0.0, 0.0, 0.0]));
        assert_eq!(bounds(json!({"shape": "blob", "cx": 9})), json!([0.0, 0.0, 100.0, 100.0]));
    }

    #[test]
    fn what_is_no_shape_is_told() {
        let outputs = run::<Shape2d>(json!({"shape": "star", "points": 4_000_000_000_u32}), [json!({"go": 1})]);
        assert_eq!(outputs[0]["error"][0]["data"], "4294967295 corners are too many (at most 100000)");
    }
}
