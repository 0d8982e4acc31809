//! `tpl_vector_rasterize`.

use std::collections::BTreeMap;

use kurbo::BezPath;
use reflow_component::config::{Choice as _, words_schema};
use reflow_component::declare::{Shape, Shaped};
use reflow_component::prelude::*;

use super::color::{bytes, color};
use super::{closed, typed};
use crate::kernels::curve::parse;
use crate::kernels::raster::{Cap, Drawing, Join, Line, Placement};

/// Draws a path as pixels.
///
/// A path is remembered and draws nothing by itself; every other packet draws a picture of the last one. Numbers on `x`, `y`, `scale`
/// and `rotation`, and members of an object on `transform`, are remembered and count instead of the config, and so are objects on
/// `fill` and `stroke`. The path is scaled, then turned, then moved. The inside is told by the non-zero rule, and the stroke lies
/// over the fill.
///
/// A colour is `#rgb`, `#rrggbb`, `#rrggbbaa`, or a list of numbers from 0 to 1. Pixels are red, green, blue and straight alpha, rows
/// from top to bottom.
#[derive(Component)]
#[component(id = "tpl_vector_rasterize", title = "Vector Rasterize", category = "2d", heavy)]
#[inport(path: Text, "The path data.")]
#[inport(fill: JsonObject, "How the inside is filled.")]
#[inport(stroke: JsonObject, "How the line is drawn.")]
#[inport(transform: JsonObject, "Numbers for `x`, `y`, `scale` and `rotation`.")]
#[inport(tick: Any, "Whatever comes asks for a picture.")]
#[inport(x: Float, "How far along x.")]
#[inport(y: Float, "How far along y.")]
#[inport(scale: Float, "How much larger.")]
#[inport(rotation: Float, "By how many degrees, clockwise.")]
#[outport(image: Bytes, "The pixels.")]
#[outport(metadata: JsonObject, "Width, height, the format, and whether there is a fill and a stroke.")]
#[outport(error: ErrorText, "Why there is no picture.")]
#[example(
    config = r##"{"width": 2, "height": 1, "fill": {"color": "#f00"}}"##,
    steps = r#"[{"path": "M0,0 h1 v1 h-1 z"}, {"tick": 1}]"#,
    outputs = r#"[{}, {"image": [{"data": [255, 0, 0, 255, 0, 0, 0, 0], "type": "Bytes"}], "metadata": [{"format": "rgba", "hasFill": true, "hasStroke": false, "height": 1, "width": 2}]}]"#
)]
pub(super) struct VectorRasterize {
    /// Pixels in a row.
    #[config(default = 512, lenient)]
    width: u32,
    /// Rows.
    #[config(default = 512, lenient)]
    height: u32,
    /// Whether edges are smooth.
    #[config(key = "antiAlias", default = true, lenient)]
    smooth: bool,
    /// The colour behind the path: red, green, blue and alpha from 0 to 255.
    #[config(default = vec![0.into(); 4], lenient)]
    background: Vec<Value>,
    /// How the inside is filled: its `color`. Not at all when it is left out.
    #[config]
    fill: Shaped<Fill>,
    /// How the line is drawn: `color`, `width`, `cap` (butt, round, square), `join` (miter, round, bevel), `dashArray` and
    /// `dashOffset`. Not at all when it is left out.
    #[config]
    stroke: Shaped<Stroke>,
    /// Numbers for `x`, `y`, `scale` and `rotation`.
    #[config]
    transform: Shaped<Transform>,
    /// Other names for members of `transform` packets.
    #[config(key = "transformMap", lenient)]
    names: BTreeMap<String, String>,
    #[state]
    path: Option<BezPath>,
    #[state]
    numbers: BTreeMap<&'static str, f64>,
    #[state]
    new_fill: Option<Value>,
    #[state]
    new_stroke: Option<Value>,
}

/// What `fill` looks like.
struct Fill;

impl Shape for Fill {
    fn schema() -> Value {
        closed([("color", Value::object::<&str, Value>([]))])
    }
}

/// What `stroke` looks like.
struct Stroke;

impl Shape for Stroke {
    fn schema() -> Value {
        closed([
            ("color", Value::object::<&str, Value>([])),
            ("width", typed("number")),
            ("cap", words_schema::<CapWord>("examples")),
            ("join", words_schema::<JoinWord>("examples")),
            ("dashArray", typed("array")),
            ("dashOffset", typed("number")),
        ])
    }
}

#[derive(Choice, Clone, Copy)]
enum CapWord {
    /// At the end.
    Butt,
    /// In a half circle.
    Round,
    /// Half of the width further out.
    Square,
}

#[derive(Choice, Clone, Copy)]
enum JoinWord {
    /// In a point.
    Miter,
    /// In an arc.
    Round,
    /// Cut off.
    Bevel,
}

/// What `transform` looks like.
struct Transform;

impl Shape for Transform {
    fn schema() -> Value {
        closed(NAMES.map(|name| (name, typed("number"))))
    }
}

const NAMES: [&str; 4] = ["x", "y", "scale", "rotation"];

impl Actor for VectorRasterize {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut draws = tick.input(Self::IN_TICK).is_some();
        if let Some(text) = tick.read(Self::IN_PATH) {
            match parse(&text) {
                // Nothing asks for nothing.
                Ok(path) => self.path = Some(path).filter(|_| !text.trim().is_empty()),
                Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
            }
        }
        let ports = [Self::IN_X, Self::IN_Y, Self::IN_SCALE, Self::IN_ROTATION];
        for (name, port) in NAMES.into_iter().zip(ports) {
            draws |= tick.input(port).is_some();
            self.remember(name, tick.read(port));
        }
        if let Some(transform) = tick.read(Self::IN_TRANSFORM) {
            draws = true;
            for (key, value) in transform.as_object().into_iter().flatten() {
                self.remember(
                    self.names.get(&**key).map_or(&**key, String::as_str).to_string().as_str(),
                    value.as_number(),
                );
            }
        }
        for (port, place) in [(Self::IN_FILL, &mut self.new_fill), (Self::IN_STROKE, &mut self.new_stroke)] {
            if let Some(value) = tick.read(port) {
                *place = Some(value);
                draws = true;
            }
        }
        match &self.path {
            Some(path) if draws => self.draw(path, tick),
            _ => Ok(()),
        }
    }
}

impl VectorRasterize {
    fn remember(&mut self, name: &str, number: Option<f64>) {
        let known = NAMES.into_iter().find(|known| *known == name);
        self.numbers.extend(known.zip(number));
    }

    fn draw(&self, path: &BezPath, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if path.segments().next().is_none() {
            return tick.report(Self::OUT_ERROR, "The path has nothing to draw");
        }
        let fill = self.new_fill.as_ref().or(Some(&*self.fill)).filter(|fill| fill.as_object().is_some());
        let stroke = self.new_stroke.as_ref().or(Some(&*self.stroke)).filter(|stroke| stroke.as_object().is_some());
        let drawing = Drawing {
            size: (self.width, self.height),
            background: bytes(&self.background),
            fill: fill.map(|fill| color(fill.get("color"))),
            line: stroke.map(line),
            placement: self.placement(),
            smooth: self.smooth,
        };
        let pixels = match drawing.draw(path) {
            Ok(pixels) => pixels,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let metadata = Value::object([
            ("width", Value::from(self.width)),
            ("height", self.height.into()),
            ("format", "rgba".into()),
            ("hasFill", drawing.fill.is_some().into()),
            ("hasStroke", drawing.line.is_some().into()),
        ]);
        tick.write(Self::OUT_IMAGE, pixels);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    fn placement(&self) -> Placement {
        let number = |name: &str, default: f64| {
            let configured = || self.transform.get(name).and_then(Value::as_number);
            self.numbers.get(name).copied().or_else(configured).unwrap_or(default)
        };
        Placement {
            x: number("x", 0.0),
            y: number("y", 0.0),
            scale: number("scale", 1.0),
            rotation: number("rotation", 0.0),
        }
    }
}

fn line(stroke: &Value) -> Line {
    let number = |key: &str| stroke.get(key).and_then(Value::as_number).map(|number| number as f32);
    let word = |key: &str| stroke.get(key).and_then(Value::as_str).unwrap_or_default();
    let dashes = stroke.get("dashArray").and_then(Value::as_array).unwrap_or_default();
    Line {
        color: color(stroke.get("color")),
        width: number("width").unwrap_or(1.0),
        cap: match CapWord::from_word(word("cap")) {
            None | Some(CapWord::Butt) => Cap::Butt,
            Some(CapWord::Round) => Cap::Round,
            Some(CapWord::Square) => Cap::Square,
        },
        join: match JoinWord::from_word(word("join")) {
            None | Some(JoinWord::Miter) => Join::Miter,
            Some(JoinWord::Round) => Join::Round,
            Some(JoinWord::Bevel) => Join::Bevel,
        },
        dashes: dashes.iter().filter_map(Value::as_number).map(|dash| dash as f32).collect(),
        dash_offset: number("dashOffset").unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn fills_that_arrive_are_remembered_and_drawn() {
        let steps =
            [json!({"path": "M0,0 h1 v1 h-1 z"}), json!({"fill": {"color": "#0f0"}}), json!({"transform": {"tx": 5}})];
        let config = json!({"width": 1, "height": 1, "transformMap": {"tx": "x"}});
        let outputs = run::<VectorRasterize>(config, steps);
        assert_eq!(outputs[0], json!({}));
        assert_eq!(outputs[1]["image"][0]["data"], json!([0, 255, 0, 255]));
        assert_eq!(outputs[2]["image"][0]["data"], json!([0, 0, 0, 0]));
    }

    #[test]
    fn a_slip_in_the_words_of_a_stroke_is_told() {
        let config: serde_json::Value = json!({"stroke": {"cap": "rounded", "join": "bevel"}});
        let entry = reflow_component::Entry::of::<VectorRasterize>();
        let told = entry.warnings(&Value::from(config));
        let text = "config `stroke.cap`: expected one of \"butt\", \"round\", \"square\", found \"rounded\" (did you mean \"round\"?)";
        assert_eq!(told, [text]);
    }

    #[test]
    fn what_cannot_be_drawn_is_told() {
        for (config, path, text) in [
            (json!({"width": 0}), "M0,0 h1", "A picture of 0 × 512 pixels is empty"),
            (json!({}), "M0,0", "The path has nothing to draw"),
        ] {
            let outputs = run::<VectorRasterize>(config, [json!({"path": path, "tick": 1})]);
            assert_eq!(outputs[0]["error"][0]["data"], text);
        }
    }
}
