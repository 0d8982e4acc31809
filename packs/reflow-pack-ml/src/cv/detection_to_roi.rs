//! `tpl_cv_detection_to_roi`.

use reflow_pack_sdk::prelude::*;

use crate::detection::{self, Detection, Letterbox};
use crate::media::{metadata, object, with_field};
use crate::roi::Rect;

/// Makes a region of interest around the best detection.
///
/// The best one has the highest score, the last of equal ones. Its box becomes `rect`: the centre within the frame, width and height
/// `scale` times as large, from 0.01 to 1; with `square` both are the larger one, in pixels where `sourceSize` or `aspect` says how
/// wide the frame is, else in parts of it. `score` and the metadata follow, with the detection as `fields.sourceDetection`. Where
/// there is no detection the region is the whole frame, unless `fallback_center` is false.
///
/// With `all` there is a region for each detection that is good enough, one after the other. A packet on `transform` (of
/// `tpl_cv_resize_letterbox`) is remembered and maps boxes from the letterbox back to the frame it was made of.
///
/// # Errors
///
/// On `error`: no detections in the packet's sense, and none at all while `fallback_center` is false.
#[derive(Component)]
#[component(id = "tpl_cv_detection_to_roi", title = "Detection to ROI", category = "cv", per_node, firing = required(detections))]
#[inport(detections: Any, required, "The detections.")]
#[inport(transform: Any, "How the frame was put into a letterbox.")]
#[outport(roi: JsonObject, "The region.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct DetectionToRoi {
    /// How much larger the region is than the box.
    #[config(default = 1.8, lenient)]
    scale: f64,
    /// Whether both sides are as the larger one.
    #[config(default = true, lenient)]
    square: bool,
    /// Whether the region is the whole frame when there is no detection.
    #[config(default = true, alias = "fallbackCenter", lenient)]
    fallback_center: bool,
    /// The least score of a detection that counts.
    #[config(key = "minScore", lenient)]
    min_score: Option<f64>,
    /// Whether there is a region for each detection.
    #[config(lenient)]
    all: bool,
    /// Width over height of the frame, for `square` in pixels.
    #[config(lenient)]
    aspect: Option<f64>,
    /// Width and height of the frame in pixels.
    #[config(key = "sourceSize", lenient)]
    source_size: Vec<f64>,
    /// Two keypoints, by number: the region is turned so that the second one is straight above the first.
    #[config(key = "keypointRotation", lenient)]
    keypoint_rotation: Vec<f64>,
    /// How far the region moves to the right, in its own widths.
    #[config(key = "shiftX", lenient)]
    shift_x: f64,
    /// How far it moves down, in its own heights.
    #[config(key = "shiftY", lenient)]
    shift_y: f64,
}

impl Actor for DetectionToRoi {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.regions(tick) {
            Ok(regions) => {
                regions.into_iter().for_each(|region| tick.send(Self::OUT_ROI, Message::object(region)));
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl DetectionToRoi {
    /// A port that is connected is waited for once.
    fn firing(&self, connected: &[&str]) -> Firing {
        let other = vec!["transform".into()];
        let is_connected = connected.contains(&"transform");
        let (latest, optional) = if is_connected { (other, Vec::new()) } else { (Vec::new(), other) };
        Firing::All { latest, optional }
    }

    fn regions(&self, tick: &Tick<'_>) -> Result<Vec<Value>, String> {
        let set = object(tick.input(Self::IN_DETECTIONS), "a set of detections")?;
        let mut detections = detection::read(&set)?;
        let transform =
            tick.input(Self::IN_TRANSFORM).map(|message| object(Some(message), "a transform")).transpose()?;
        if let Some(letterbox) = transform.as_ref().and_then(Letterbox::read) {
            detections.iter_mut().for_each(|detection| detection.map(&letterbox));
        }
        detections.retain(|detection| self.min_score.is_none_or(|least| detection.score >= least));
        let metadata = metadata(&set);
        let size = self.size(&metadata, transform.as_ref());
        if self.all && !detections.is_empty() {
            return Ok(detections.iter().map(|detection| self.region(detection, &metadata, size)).collect());
        }
        let better = |best: Option<Detection>, next: Detection| match best {
            Some(best) if best.score > next.score => Some(best),
            _ => Some(next),
        };
        match detections.into_iter().fold(None, better) {
            Some(best) => Ok(vec![self.region(&best, &metadata, size)]),
            None if self.fallback_center => {
                Ok(vec![Value::object([("rect", Rect::WHOLE.to_value()), ("metadata", metadata)])])
            }
            None => Err("there is no detection to make a region of".to_string()),
        }
    }

    /// The size of the frame, as far as somebody says so.
    fn size(&self, metadata: &Value, transform: Option<&Value>) -> Option<(f64, f64)> {
        if let [width, height] = self.source_size[..] {
            return Some((width, height));
        }
        if let Some(aspect) = self.aspect {
            return Some((aspect, 1.0));
        }
        let read =
            |value: &Value| Some((value.get("sourceWidth")?.as_number()?, value.get("sourceHeight")?.as_number()?));
        let list = |value: &Value| Some((value.at(0)?.as_number()?, value.at(1)?.as_number()?));
        transform.and_then(read).or_else(|| metadata.get("sourceSize").and_then(list))
    }

    fn region(&self, detection: &Detection, metadata: &Value, size: Option<(f64, f64)>) -> Value {
        let [x, y, width, height] = detection.bbox;
        let (frame_width, frame_height) = size.filter(|(w, h)| *w > 0.0 && *h > 0.0).unwrap_or((1.0, 1.0));
        let rotation = self.rotation(detection, frame_width / frame_height);
        let bounded = |side: f64| (side * self.scale).clamp(0.01, 1.0);
        let (mut wide, mut high) = (bounded(width), bounded(height));
        if self.square {
            let side = (wide * frame_width).max(high * frame_height);
            (wide, high) = ((side / frame_width).min(1.0), (side / frame_height).min(1.0));
        }
        let (sin, cos) = rotation.sin_cos();
        let (shift_x, shift_y) = (self.shift_x * wide, self.shift_y * high);
        let rect = Rect {
            center_x: (x + width / 2.0 + shift_x * cos - shift_y * sin).clamp(0.0, 1.0),
            center_y: (y + height / 2.0 + shift_x * sin + shift_y * cos).clamp(0.0, 1.0),
            width: wide,
            height: high,
            rotation,
        };
        let mut members = vec![("rect", rect.to_value()), ("score", detection.score.into())];
        if let Some((width, height)) = size.filter(|(width, _)| *width > 1.0) {
            members.push(("sourceSize", Value::array([width as i64, height as i64])));
        }
        members.push(("metadata", with_field(metadata, "sourceDetection", detection.to_value())));
        Value::object(members)
    }

    fn rotation(&self, detection: &Detection, aspect: f64) -> f64 {
        let [from, to] = self.keypoint_rotation[..] else { return 0.0 };
        let point = |at: f64| {
            let point = detection.keypoints.as_ref()?.at(at as usize)?;
            let part = |name, index| point.get(name).or_else(|| point.at(index)).and_then(Value::as_number);
            Some((part("x", 0)?, part("y", 1)?))
        };
        let (Some(from), Some(to)) = (point(from), point(to)) else { return 0.0 };
        let (dx, dy) = ((to.0 - from.0) * aspect, to.1 - from.1);
        // Straight up is no rotation.
        let angle = std::f64::consts::FRAC_PI_2 - (-dy).atan2(dx);
        angle - std::f64::consts::TAU * ((angle + std::f64::consts::PI) / std::f64::consts::TAU).floor()
    }
}
