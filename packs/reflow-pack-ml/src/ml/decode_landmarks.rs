//! `tpl_ml_decode_landmarks`.

use reflow_pack_sdk::prelude::*;

use super::decode_detections::{floats, size};
use crate::detection::Letterbox;
use crate::media::{field, object, with_field};
use crate::roi::Rect;

/// Reads landmarks out of a flat tensor.
///
/// Rows of `values_per_landmark` values: x and y, within 0 and 1 unless `clamp` is false; `z` from the third column, or `z_index`; visibility and
/// presence from their columns. A last row of two values at least counts. The metadata is the tensor's, with `valuesPerLandmark` in its fields.
///
/// Where a model gives pixels of its input, as hand landmarks from 0 to 224, `inputSize` (or `scale`) says what to divide by; `z` is divided
/// by the width. With the newest region on `roi`, landmarks are taken from the cut back to the whole frame; with `unletterbox`
/// they are taken from the letterbox in the tensor's metadata back to the picture that was put into it before that.
///
/// # Errors
///
/// On `error`: no tensor of floats, an index behind the row, a region that is none.
#[derive(Component)]
#[component(id = "tpl_ml_decode_landmarks", title = "Decode Landmarks", category = "ml", per_node, firing = required(tensor))]
#[inport(tensor: Any, required, "Rows of landmarks.")]
#[inport(roi: Any, "The region that the tensor was made of.")]
#[outport(landmarks: JsonObject, "The landmarks.")]
#[outport(error: ErrorText, "Why there are none.")]
pub(crate) struct DecodeLandmarks {
    /// Length of a row.
    #[config(default = 3, lenient)]
    values_per_landmark: u64,
    /// Landmarks at most; all when not given.
    #[config(lenient)]
    max_landmarks: Option<u64>,
    /// Column of the visibility.
    #[config(lenient)]
    visibility_index: Option<u64>,
    /// Column of the presence.
    #[config(lenient)]
    presence_index: Option<u64>,
    /// Column of z; the third one when not given.
    #[config(alias = "zIndex")]
    z_index: Option<u64>,
    /// Width and height of the input, where values are its pixels; one number for both.
    #[config(key = "inputSize")]
    input_size: Option<Value>,
    /// What values are divided by, in place of `inputSize`.
    #[config]
    scale: Option<f64>,
    /// Whether x and y stay within 0 and 1.
    #[config(default = true)]
    clamp: bool,
    /// Whether visibility and presence are logits.
    #[config]
    sigmoid: bool,
    /// Names of the landmarks, in order.
    #[config]
    names: Vec<String>,
    /// Whether landmarks are taken back from the letterbox.
    #[config]
    unletterbox: bool,
}

impl Actor for DecodeLandmarks {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.decode(tick) {
            Ok(set) => {
                tick.write(Self::OUT_LANDMARKS, set);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl DecodeLandmarks {
    /// A port that is connected is waited for once.
    fn firing(&self, connected: &[&str]) -> Firing {
        let other = vec!["roi".into()];
        let is_connected = connected.contains(&"roi");
        let (latest, optional) = if is_connected { (other, Vec::new()) } else { (Vec::new(), other) };
        Firing::All { latest, optional }
    }

    fn decode(&self, tick: &Tick<'_>) -> Result<Value, String> {
        let (tensor, values) = floats(tick.input(Self::IN_TENSOR))?;
        let roi = tick.input(Self::IN_ROI).map(|message| object(Some(message), "a region of interest")).transpose()?;
        let rect = roi.as_ref().map(Rect::read).transpose()?;
        let letterbox = if self.unletterbox {
            let letterbox = field(&tensor.metadata, "letterbox").and_then(Letterbox::read);
            Some(letterbox.ok_or(
                "config `unletterbox`: the tensor's metadata does not say how the frame was put into a letterbox",
            )?)
        } else {
            None
        };
        let aspect = field(&tensor.metadata, "cropRoi").and_then(|crop| {
            let side = |name| crop.get(name).and_then(Value::as_number).filter(|side| *side > 0.0);
            let rect = rect.filter(|rect| rect.width > 0.0 && rect.height > 0.0)?;
            // Columns over rows of the whole frame.
            Some(side("width")? / rect.width * rect.height / side("height")?)
        });
        let width = self.values_per_landmark.max(2) as usize;
        for (column, what) in [
            (self.visibility_index, "visibility_index"),
            (self.presence_index, "presence_index"),
            (self.z_index, "z_index"),
        ] {
            if column.is_some_and(|column| column as usize >= width) {
                return Err(format!(
                    "config `{what}`: column {} is not in a row of {width} values",
                    column.unwrap_or_default()
                ));
            }
        }
        let (across, down) = match self.scale.filter(|scale| *scale != 0.0) {
            Some(scale) => (scale, scale),
            None => size(self.input_size.as_ref())?.unwrap_or((1.0, 1.0)),
        };
        let most = self.max_landmarks.map_or(usize::MAX, |most| most as usize);
        let mut landmarks = Vec::new();
        for (at, row) in values.chunks(width).filter(|row| row.len() >= 2).take(most).enumerate() {
            let column = |at: usize| row.get(at).map(|value| f64::from(*value));
            let (mut x, mut y) = (f64::from(row[0]) / across, f64::from(row[1]) / down);
            if let Some(letterbox) = &letterbox {
                (x, y) = letterbox.map(x, y);
            }
            if let Some(rect) = rect {
                (x, y) = whole(rect, x, y, aspect.unwrap_or(1.0));
            }
            let bounded = |value: f64| if self.clamp { value.clamp(0.0, 1.0) } else { value };
            let mut members = vec![("x", Value::from(bounded(x))), ("y", bounded(y).into())];
            if let Some(z) = column(self.z_index.map_or(2, |column| column as usize)) {
                members.push(("z", (z / across * rect.map_or(1.0, |rect| rect.width)).into()));
            }
            for (index, name) in [(self.visibility_index, "visibility"), (self.presence_index, "presence")] {
                if let Some(value) = index.and_then(|index| column(index as usize)) {
                    let value = if self.sigmoid { 1.0 / (1.0 + (-value.clamp(-100.0, 100.0)).exp()) } else { value };
                    members.push((name, value.into()));
                }
            }
            if let Some(name) = self.names.get(at) {
                members.push(("name", name.as_str().into()));
            }
            landmarks.push(Value::object(members));
        }
        let metadata = with_field(&tensor.metadata, "valuesPerLandmark", width as i64);
        Ok(Value::object([("landmarks", Value::from(landmarks)), ("metadata", metadata)]))
    }
}

/// A place in a region as a place in the frame.
fn whole(rect: Rect, x: f64, y: f64, aspect: f64) -> (f64, f64) {
    let (dx, dy) = ((x - 0.5) * rect.width * aspect, (y - 0.5) * rect.height);
    let (sin, cos) = rect.rotation.sin_cos();
    (rect.center_x + (dx * cos - dy * sin) / aspect, rect.center_y + dx * sin + dy * cos)
}
