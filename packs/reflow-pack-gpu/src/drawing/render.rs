//! `tpl_gpu_2d_render`.

use std::collections::{BTreeMap, HashMap};

use reflow_pack_sdk::prelude::*;

use super::canvas::Canvas;
use super::shape::{Layer, Pose, Shape, list};
use super::text::TextLine;
use crate::backend::{Backend, CPU};
use crate::image_format::ImageFormat;

/// Draws shapes, text and a picture, moved by values, frame by frame.
///
/// `primitives` brings shapes: `{shapes: […]}`, a list, or one shape with its `index`; a shape whose `type` is null goes. Numbers by name come on `values` and
/// `data`, pixels (RGBA) for the picture layer on `data`, with `data_metadata` (`width` and `height`) or a guess for their size. All of it is remembered. A picture leaves for
/// every packet on `tick` and `values`, and pixels on `data`; of those three ports only the newest packet counts.
///
/// A shape is `{type: "rect" | "circle" | "image" | "line" | "polygon" | "path", bounds: [x, y, w, h], color: [r, g, b, a], cornerRadius, z, shadow: {x, y, blur, color}, border:
/// {width, color}}`; a line and a polygon have `points` (a line a `width`), a path has `d` as in SVG. The values `s<N>_x`, `s<N>_y` (the middle), `s<N>_scale`, `s<N>_rotation` (degrees) and
/// `s<N>_opacity` move shape N. All shadows are below all shapes; within each, `z` counts (10·N where none is given), then N. Edges are smooth over a pixel, a
/// shadow is a blur of half its `blur`, a border lies inside the edge.
///
/// A text is `{content, x, y, size: 48, color, tracking: 6, center, z: 0.5, font}`: its baseline is 0.78·size below `y`; `c<i>_scale`, `c<i>_opacity` and `c<i>_y` move its letters. It is set with the font
/// that comes along, or the file `font`. Colours go into the picture as they are, alpha is straight.
///
/// Without shapes and text the picture layer fills the picture; without anything nothing leaves. `metadata` is `{width, height, primitiveCount, format, adapter}`.
///
/// # Errors
///
/// On `error`: a shape or text that is none, a font that cannot be read, a size that cannot be drawn.
#[derive(Component)]
#[component(id = "tpl_gpu_2d_render", title = "GPU 2D Render", category = "2d", heavy)]
#[inport(primitives: Any, "Shapes.")]
#[inport(tick: Any, latest, "Draws.")]
#[inport(values: Any, latest, "Numbers by name; draws.")]
#[inport(data: Any, latest, "Numbers by name, or the pixels of the picture layer, which draw.")]
#[inport(data_metadata: Any, "The size of the picture layer.")]
#[inport(atlas: Any, "Taken and not needed: letters are drawn from the outlines of the font.")]
#[inport(metrics: Any, "As `atlas`.")]
#[inport(atlas_size: Any, "As `atlas`.")]
#[outport(image: Bytes, "The picture.")]
#[outport(metadata: JsonObject, "What is known of the picture.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct Render2d {
    /// Columns.
    #[config(default = 800, unit = "pixels")]
    width: u32,
    /// Rows.
    #[config(default = 450, unit = "pixels")]
    height: u32,
    /// Red, green, blue and alpha behind everything.
    #[config(default = vec![0.02, 0.01, 0.07, 1.0])]
    background: Vec<f64>,
    /// Taken as it is: edges are smooth in any case.
    #[config(default = 4)]
    #[allow(dead_code, reason = "a key of stored graphs")]
    msaa: u32,
    /// Shapes, when none came.
    #[config]
    shapes: Vec<Value>,
    /// Texts.
    #[config]
    text: Vec<Value>,
    /// Taken as it is: pictures leave as bytes, not as places in a pool that programs share.
    #[config(key = "framePool")]
    #[allow(dead_code, reason = "a key of stored graphs")]
    frame_pool: Option<String>,
    /// How the picture leaves.
    #[config(default = ImageFormat::Rgba8)]
    format: ImageFormat,
    /// Taken as it is: the processor draws, also where there is a GPU.
    #[config(default = Backend::Auto)]
    #[allow(dead_code, reason = "a key that nodes of this pack have in common")]
    backend: Backend,
    #[state]
    kept: BTreeMap<usize, Shape>,
    #[state]
    has_shapes: bool,
    #[state]
    values: HashMap<String, f32>,
    #[state]
    layer: Option<Layer>,
    #[state]
    layer_size: Option<(usize, usize)>,
}

/// The most pixels of a picture.
const MOST_PIXELS: u64 = 1 << 26;
/// The most shapes.
const MOST_SHAPES: usize = 1 << 20;

impl Actor for Render2d {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.keep(tick).and_then(|draws| if draws { self.draw(tick) } else { Ok(()) }) {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl Render2d {
    /// Remembers what came; whether it draws.
    fn keep(&mut self, tick: &Tick<'_>) -> Result<bool, String> {
        let mut draws = tick.input(Self::IN_TICK).is_some();
        if let Some(message) = tick.input(Self::IN_PRIMITIVES) {
            let value = message
                .as_value()
                .ok_or_else(|| format!("expected shapes on `primitives`, found {:?}", message.kind()))?;
            self.take_shapes(&value)?;
        }
        if let Some(message) = tick.input(Self::IN_VALUES) {
            draws = true;
            self.take_values("values", message)?;
        }
        if let Some(told) = tick.input(Self::IN_DATA_METADATA).and_then(Message::as_value) {
            let side = |name| {
                told.get(name)
                    .and_then(Value::as_integer)
                    .and_then(|side| usize::try_from(side).ok())
                    .filter(|side| *side > 0)
            };
            self.layer_size = side("width").zip(side("height"));
        }
        if let Some(message) = tick.input(Self::IN_DATA) {
            match message.as_bytes() {
                Some(bytes) => {
                    draws = true;
                    let pixels = bytes.to_vec();
                    let is_known = |(width, height): &(usize, usize)| {
                        width.checked_mul(*height).and_then(|count| count.checked_mul(4)) == Some(pixels.len())
                    };
                    self.layer = match self.layer_size.filter(is_known) {
                        Some((width, height)) => Some(Layer { width, height, pixels }),
                        None => {
                            let length = pixels.len();
                            let layer = Layer::guessed(pixels, (self.width as usize, self.height as usize));
                            Some(layer.ok_or_else(|| format!("{length} bytes on `data` are no pixels of four bytes"))?)
                        }
                    };
                }
                None => self.take_values("data", message)?,
            }
        }
        Ok(draws)
    }

    fn take_values(&mut self, port: &str, message: &Message) -> Result<(), String> {
        let values = message.as_value().filter(|values| !values.is_null());
        let Some(values) = values else { return Ok(()) };
        let named = values.as_object().ok_or_else(|| {
            let pool = if port == "data" { "; places in a pool that programs share are not known here" } else { "" };
            format!("expected numbers by name on `{port}`, found {:?}{pool}", message.kind())
        })?;
        for (name, value) in named.iter() {
            if let Some(number) = value.as_number() {
                self.values.insert(name.to_string(), number as f32);
            }
        }
        Ok(())
    }

    fn take_shapes(&mut self, value: &Value) -> Result<(), String> {
        let many = value.as_array().or_else(|| value.get("shapes").and_then(Value::as_array));
        if let Some(many) = many {
            let shapes = many.iter().enumerate().map(|(at, shape)| Ok((place(shape, at)?, Shape::read(shape, at)?)));
            self.kept = shapes.collect::<Result<_, String>>()?;
            self.has_shapes = true;
            return Ok(());
        }
        let next = self.kept.last_key_value().map_or(0, |(at, _)| at + 1);
        let at = place(value, next)?;
        self.has_shapes = true;
        if value.get("type").is_some_and(Value::is_null) {
            self.kept.remove(&at);
        } else {
            self.kept.insert(at, Shape::read(value, at)?);
        }
        Ok(())
    }

    fn pose(&self, at: usize) -> Pose {
        let value = |what: &str| self.values.get(&format!("s{at}_{what}")).copied();
        Pose {
            x: value("x"),
            y: value("y"),
            scale: value("scale").unwrap_or(1.0),
            rotation: value("rotation").unwrap_or(0.0),
            opacity: value("opacity").unwrap_or(1.0),
        }
    }

    fn draw(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(format!(
                "a picture of {width} × {height} pixels: there must be some, and at most {MOST_PIXELS}"
            ));
        }
        if !self.has_shapes && self.kept.is_empty() {
            let shapes =
                self.shapes.iter().enumerate().map(|(at, shape)| Ok((place(shape, at)?, Shape::read(shape, at)?)));
            self.kept = shapes.collect::<Result<_, String>>()?;
        }
        let texts =
            self.text.iter().enumerate().map(|(at, text)| TextLine::read(text, at)).collect::<Result<Vec<_>, _>>()?;
        let mut shapes: Vec<(usize, &Shape, Pose)> =
            self.kept.iter().map(|(at, shape)| (*at, shape, self.pose(*at))).collect();
        shapes.retain(|(_, _, pose)| pose.is_seen());
        shapes.sort_by(|a, b| a.1.z.total_cmp(&b.1.z).then(a.0.cmp(&b.0)));
        let whole = Value::object([
            ("type", Value::from("image")),
            ("bounds", Value::array([0, 0, i64::from(width), i64::from(height)])),
        ]);
        let whole = Shape::read(&whole, 0)?;
        if self.kept.is_empty() && texts.is_empty() {
            if self.layer.is_none() {
                return Ok(());
            }
            shapes.push((0, &whole, Pose { x: None, y: None, scale: 1.0, rotation: 0.0, opacity: 1.0 }));
        }
        let background: Vec<Value> = self.background.iter().map(|part| Value::from(*part)).collect();
        let mut canvas = Canvas::new(width as usize, height as usize, list(Some(&background.into()), [0.0; 4]));
        shapes.iter().for_each(|(_, shape, pose)| shape.paint_shadow(&mut canvas, *pose));
        // Text goes among the shapes by its own depth.
        let mut waiting: Vec<&TextLine> = texts.iter().collect();
        waiting.sort_by(|a, b| b.z.total_cmp(&a.z));
        let value = |name: &str| self.values.get(name).copied();
        for (at, shape, pose) in &shapes {
            while let Some(text) = waiting.pop_if(|text| text.z < shape.z) {
                text.paint(&mut canvas, value)?;
            }
            shape.paint(&mut canvas, *pose, self.layer.as_ref()).map_err(|why| format!("shape {at}: {why}"))?;
        }
        while let Some(text) = waiting.pop() {
            text.paint(&mut canvas, value)?;
        }
        let metadata = Value::object([
            ("width", Value::from(i64::from(width))),
            ("height", i64::from(height).into()),
            ("primitiveCount", ((shapes.len() + texts.len()) as i64).into()),
            ("format", self.format.word().into()),
            ("adapter", CPU.into()),
        ]);
        tick.emit(Self::OUT_IMAGE, Message::bytes(self.format.encode(canvas.finish(), width, height)?));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

/// The number of a shape.
fn place(shape: &Value, otherwise: usize) -> Result<usize, String> {
    match shape.get("index") {
        None | Some(Value::Null) => Ok(otherwise),
        Some(index) => index
            .as_integer()
            .and_then(|index| usize::try_from(index).ok())
            .filter(|index| *index < MOST_SHAPES)
            .ok_or_else(|| format!("the index of a shape is a whole number from 0, found {}", index.to_json_string())),
    }
}
