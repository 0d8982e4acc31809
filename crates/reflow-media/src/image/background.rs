//! `tpl_background`.

use reflow_component::config::{Config, ConfigValue, expected, whole_number};
use reflow_component::declare::Declare;
use reflow_component::prelude::*;

use crate::kernels::background::{Colour, Mixing, Surface, surface};
use crate::kernels::pixel::bytes_of;

/// Makes a plain or graded RGBA image.
///
/// Any packet asks for one. An object on `params` counts before the config for that image. With *x* and *y* the upper left corner of a pixel
/// as a fraction of the size, a `linearGradient` goes from `from` to `to` with (*x* - 0.5) cos `angle` + (*y* - 0.5) sin `angle` + 0.5, and
/// a `radialGradient` with the distance from `center` by `radius`; each is kept between 0 and 1, and colours are cut to whole bytes. Parts of
/// colours that are missing or no whole numbers are those of the default; others are kept between 0 and 255. `metadata` is `{width, height,
/// type}`.
///
/// # Errors
///
/// A size of 0 or of more than 512 MiB, and a `radius` that is not above 0.
#[derive(Component)]
#[component(id = "tpl_background", title = "Background", category = "2d", heavy)]
#[inport(tick: Any, "Asks for an image.")]
#[inport(params: JsonObject, "What counts before the config this time; asks, too.")]
#[outport(image: Bytes, "The pixels.")]
#[outport(metadata: JsonObject, "Width, height and type.")]
#[outport(error: ErrorText, "Why there is no image.")]
#[example(
    config = r#"{"type": "linearGradient", "width": 2, "height": 1, "angle": 0, "to": [100, 100, 100, 255]}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"image": [{"type": "Bytes", "data": [0, 0, 0, 255, 50, 50, 50, 255]}], "metadata": [{"width": 2, "height": 1, "type": "linearGradient"}]}]"#
)]
pub(super) struct Background {
    /// What it looks like. Any other word means `solid`.
    #[config(key = "type", default = Kind::Solid.into(), lenient)]
    kind: Word<Kind>,
    /// Pixels in a row.
    #[config(default = 1280, unit = "pixels", lenient)]
    width: u64,
    /// Rows.
    #[config(default = 720, unit = "pixels", lenient)]
    height: u64,
    /// The colour of a `solid`.
    #[config(default = Parts::of(BLACK), lenient)]
    color: Parts,
    /// The first colour of a gradient: black for a linear one, white for a radial one.
    #[config(lenient)]
    from: Option<Parts>,
    /// The last colour: white for a linear one, black for a radial one.
    #[config(lenient)]
    to: Option<Parts>,
    /// Where a linear gradient leads: 0 is from left to right, 90 from top to bottom.
    #[config(default = 90.0, unit = "°", lenient)]
    angle: f64,
    /// The middle of a radial gradient, in fractions of the size.
    #[config(default = Value::array(CENTER).into(), lenient)]
    center: Shaped<Numbers>,
    /// Where a radial gradient ends, as a fraction of the size.
    #[config(default = 0.8, lenient)]
    radius: f64,
    /// How the colours of a gradient are found.
    #[config]
    mixing: Steps,
    #[config(whole)]
    config: Value,
}

pub(super) const BLACK: Colour = [0, 0, 0, 255];
const WHITE: Colour = [255; 4];
const CENTER: [f64; 2] = [0.5; 2];

/// What an image looks like.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum Kind {
    /// One colour.
    Solid,
    /// From one colour to another along a direction.
    #[choice("linearGradient")]
    Linear,
    /// From one colour in the middle to another around it.
    #[choice("radialGradient")]
    Radial,
}

/// How the colours of a gradient are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Steps {
    /// Byte by byte.
    #[default]
    Srgb,
    /// As evenly as people see it.
    Oklab,
}

/// The parts of a colour, as far as they are given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts([Option<u8>; 4]);

impl Parts {
    pub(super) fn of(colour: Colour) -> Self {
        Self(colour.map(Some))
    }

    pub(super) fn or(self, default: Colour) -> Colour {
        std::array::from_fn(|at| self.0[at].unwrap_or(default[at]))
    }
}

impl ConfigValue for Parts {
    fn read(value: &Value) -> Result<Self, String> {
        let parts = value.as_array().ok_or_else(|| expected("a list of 4 whole numbers", value))?;
        let part = |at: usize| parts.get(at).and_then(whole_number).map(|part| part.clamp(0, 255) as u8);
        Ok(Self(std::array::from_fn(part)))
    }

    fn to_value(&self) -> Value {
        Value::array(self.0.map(|part| part.map_or(Value::Null, |part| i64::from(part).into())))
    }

    fn schema() -> Value {
        let part = Value::object([("type", Value::from("integer")), ("minimum", 0.into()), ("maximum", 255.into())]);
        Value::object([("type", Value::from("array")), ("items", part), ("minItems", 3.into()), ("maxItems", 4.into())])
    }
}

impl Background {
    fn image(&self) -> Result<(Vec<u8>, Value), String> {
        let side = |side: u64| usize::try_from(side).unwrap_or(usize::MAX);
        let (width, height) = (side(self.width), side(self.height));
        if bytes_of(width, height, 4).is_none_or(|bytes| bytes == 0) {
            return Err(format!("there is no image of {width} × {height} pixels"));
        }
        let colours = |from, to| {
            let given = |parts: Option<Parts>, default| parts.map_or(default, |parts| parts.or(default));
            [given(self.from, from), given(self.to, to)]
        };
        let looks = match self.kind.meaning("type").unwrap_or(Kind::Solid) {
            Kind::Solid => Surface::Solid(self.color.or(BLACK)),
            Kind::Linear => Surface::Linear { colours: colours(BLACK, WHITE), angle: self.angle },
            Kind::Radial if self.radius <= 0.0 => return Err(format!("`radius` must be above 0, not {}", self.radius)),
            Kind::Radial => {
                Surface::Radial { colours: colours(WHITE, BLACK), center: self.center.or(CENTER), radius: self.radius }
            }
        };
        let mixing = if self.mixing == Steps::Oklab { Mixing::Oklab } else { Mixing::Srgb };
        let metadata = [("width", width.into()), ("height", height.into()), ("type", Value::from(self.kind.text()))];
        Ok((surface(looks, width, height, mixing), Value::object(metadata)))
    }
}

impl Actor for Background {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let params = tick.read(Self::IN_PARAMS);
        let made = match params.filter(|params| params.as_object().is_some_and(|members| !members.is_empty())) {
            None => self.image(),
            Some(params) => {
                let merged = self.config.merged_with(&params);
                let mut config = Config::new(&merged);
                let changed = Self::configure(&mut config);
                match config.finish().0.first() {
                    Some(problem) => Err(problem.clone()),
                    None => changed.image(),
                }
            }
        };
        match made {
            Ok((image, metadata)) => {
                tick.write(Self::OUT_IMAGE, image);
                tick.write(Self::OUT_METADATA, metadata);
                Ok(())
            }
            Err(text) => tick.report(Self::OUT_ERROR, text),
        }
    }
}
