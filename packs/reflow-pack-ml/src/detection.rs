//! Detections: boxes with a score.

use reflow_pack_sdk::prelude::*;

/// A box with a score, in parts of the frame.
#[derive(Clone, Debug)]
pub(crate) struct Detection {
    /// Left, top, width, height.
    pub(crate) bbox: [f64; 4],
    pub(crate) score: f64,
    pub(crate) keypoints: Option<Value>,
    /// Everything, as it came.
    whole: Value,
}

impl Detection {
    pub(crate) fn new(bbox: [f64; 4], score: f64, more: Value) -> Self {
        Self { bbox, score, keypoints: more.get("keypoints").cloned(), whole: more }
    }

    pub(crate) fn to_value(&self) -> Value {
        let own = Value::object([("bbox", Value::array(self.bbox)), ("score", self.score.into())]);
        let whole = if self.whole.as_object().is_some() { own.merged_with(&self.whole).merged_with(&own) } else { own };
        match &self.keypoints {
            Some(points) => whole.merged_with(&Value::object([("keypoints", points.clone())])),
            None => whole,
        }
    }

    /// Takes the detection from the letterbox to the frame it was made of.
    pub(crate) fn map(&mut self, letterbox: &Letterbox) {
        let [x, y, width, height] = self.bbox;
        let (left, top) = letterbox.map(x, y);
        let (right, bottom) = letterbox.map(x + width, y + height);
        self.bbox = [left, top, (right - left).max(0.0), (bottom - top).max(0.0)];
        if let Some(points) = self.keypoints.as_ref().and_then(Value::as_array) {
            let mapped = points.iter().map(|point| {
                let part = |name, index| point.get(name).or_else(|| point.at(index)).and_then(Value::as_number);
                let (Some(x), Some(y)) = (part("x", 0), part("y", 1)) else { return point.clone() };
                let (x, y) = letterbox.map(x, y);
                match point {
                    Value::Array(_) => Value::array([x, y]),
                    _ => point.merged_with(&Value::object([("x", x), ("y", y)])),
                }
            });
            self.keypoints = Some(Value::array(mapped));
        }
    }
}

/// The detections of a set.
///
/// # Errors
/// What is no detection.
pub(crate) fn read(set: &Value) -> Result<Vec<Detection>, String> {
    let list =
        set.get("detections").and_then(Value::as_array).ok_or("a set of detections has `detections`, an array")?;
    list.iter()
        .enumerate()
        .map(|(at, detection)| {
            let bbox = detection.get("bbox").and_then(Value::as_array).unwrap_or_default();
            let numbers: Vec<f64> =
                bbox.iter().filter_map(Value::as_number).filter(|number| number.is_finite()).collect();
            let bbox = <[f64; 4]>::try_from(numbers).map_err(|_| format!("detection {at} has `bbox`, [x, y, w, h]"))?;
            let score = detection.get("score").and_then(Value::as_number);
            let score =
                score.filter(|score| !score.is_nan()).ok_or_else(|| format!("detection {at} has `score`, a number"))?;
            Ok(Detection::new(bbox, score, detection.clone()))
        })
        .collect()
}

/// How a frame was put into a letterbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letterbox {
    scale: (f64, f64),
    offset: (f64, f64),
}

impl Letterbox {
    /// What `tpl_cv_resize_letterbox` says; `None` where the sizes are not known.
    pub(crate) fn read(transform: &Value) -> Option<Self> {
        let number = |name: &str| transform.get(name).and_then(Value::as_number).filter(|number| number.is_finite());
        let resized = (number("resizedWidth")?, number("resizedHeight")?);
        let pad = (number("padX")?, number("padY")?);
        // Without a word on the size of the letterbox its border is even.
        let width = number("width").unwrap_or(resized.0 + 2.0 * pad.0);
        let height = number("height").unwrap_or(resized.1 + 2.0 * pad.1);
        (resized.0 > 0.0 && resized.1 > 0.0).then(|| Self {
            scale: (width / resized.0, height / resized.1),
            offset: (pad.0 / resized.0, pad.1 / resized.1),
        })
    }

    /// A place in the letterbox as a place in the frame.
    pub(crate) fn map(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |at: f64, scale: f64, offset: f64| (at * scale - offset).clamp(0.0, 1.0);
        (part(x, self.scale.0, self.offset.0), part(y, self.scale.1, self.offset.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_come_back_from_a_letterbox() {
        // 200 × 100 in 100 × 100: the picture takes the rows from 25 to 75.
        let transform = r#"{"scale": 0.5, "resizedWidth": 100, "resizedHeight": 50, "padX": 0, "padY": 25}"#;
        let letterbox = Letterbox::read(&serde_json::from_str(transform).unwrap()).unwrap();
        let mut detection = Detection::new([0.0, 0.25, 1.0, 0.5], 1.0, Value::Null);
        detection.map(&letterbox);
        assert_eq!(detection.bbox, [0.0, 0.0, 1.0, 1.0]);
        let mut detection = Detection::new([0.25, 0.5, 0.25, 0.25], 1.0, Value::Null);
        detection.map(&letterbox);
        assert_eq!(detection.bbox, [0.25, 0.5, 0.25, 0.5]);
    }
}
