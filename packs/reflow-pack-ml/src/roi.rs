//! Regions of interest.

use reflow_pack_sdk::prelude::*;

use crate::media;

/// A rectangle, in parts of the frame, turned by an angle in radians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) center_x: f64,
    pub(crate) center_y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) rotation: f64,
}

impl Rect {
    /// The whole frame.
    pub(crate) const WHOLE: Self = Self { center_x: 0.5, center_y: 0.5, width: 1.0, height: 1.0, rotation: 0.0 };

    pub(crate) fn read(roi: &Value) -> Result<Self, String> {
        let Some(rect) = roi.get("rect").filter(|rect| !rect.is_null()) else { return Ok(Self::WHOLE) };
        let side = |name: &str, otherwise: f64| match rect.get(name) {
            None | Some(Value::Null) => Ok(otherwise),
            Some(value) => value
                .as_number()
                .filter(|number| number.is_finite())
                .ok_or_else(|| format!("`rect.{name}` of a region is a number, found {}", value.to_json_string())),
        };
        Ok(Self {
            center_x: side("centerX", 0.5)?,
            center_y: side("centerY", 0.5)?,
            width: side("width", 1.0)?,
            height: side("height", 1.0)?,
            rotation: side("rotation", 0.0)?,
        })
    }

    pub(crate) fn to_value(self) -> Value {
        Value::object([
            ("centerX", self.center_x),
            ("centerY", self.center_y),
            ("width", self.width),
            ("height", self.height),
            ("rotation", self.rotation),
        ])
    }
}

/// A region as it came.
pub(crate) fn read(message: Option<&Message>) -> Result<Value, String> {
    media::object(message, "a region of interest")
}
