//! `tpl_ml_decode_detections`.

use reflow_pack_sdk::prelude::*;

use crate::detection::{Detection, Letterbox};
use crate::media::{field, object};
use crate::tensor::Tensor;

/// Reads boxes and scores out of a flat tensor.
///
/// Rows of `values_per_detection` values; a short last one is skipped. A row counts when its score reaches `threshold`: its box is `[x, y, w,
/// h]` in parts of the frame, within 0 and 1. Where nothing counts and `fallback_detection` holds, one box in the middle is
/// invented (`metadata` `{fallback: true}`); that hides failures, so set it to false outside demonstrations. Detections leave by score, the
/// best one first.
///
/// Models differ, and the config says how: `format` of the boxes; `classes` columns of class scores, with `labels`; `sigmoid` over scores; scores in a
/// tensor of their own on `scores`; `anchors` as SSD and BlazePalm detectors need them, given as `[[cx, cy, w, h], …]` or as the strides they are laid
/// out by; `keypoints` behind the box; `inputSize` where the values are pixels of the input; `nms` `{iou, perClass}` against overlaps. The
/// letterbox in the tensor's metadata, or on `transform`, takes boxes back to the frame with `unletterbox`.
///
/// # Errors
///
/// On `error`: no tensor of floats, fewer than four `bbox_indices`, an index behind the row, scores or anchors that are not as many as rows.
#[derive(Component)]
#[component(id = "tpl_ml_decode_detections", title = "Decode Detections", category = "ml", per_node, firing = required(tensor))]
#[inport(tensor: Any, required, "Rows of boxes.")]
#[inport(scores: Any, "Scores, where they are not in the rows.")]
#[inport(transform: Any, "How the frame was put into a letterbox.")]
#[outport(detections: JsonObject, "What was found.")]
#[outport(error: ErrorText, "Why nothing can be said.")]
pub(crate) struct DecodeDetections {
    /// The least score.
    #[config(default = 0.3, lenient)]
    threshold: f64,
    /// Length of a row.
    #[config(default = 5, lenient)]
    values_per_detection: u64,
    /// Column of the score.
    #[config(default = 4, lenient)]
    score_index: u64,
    /// Columns of x, y, w, h.
    #[config(default = vec![0.0, 1.0, 2.0, 3.0])]
    bbox_indices: Vec<f64>,
    /// Rows that are looked at; all when not given.
    #[config(lenient)]
    max_detections: Option<u64>,
    /// Whether a box is invented when nothing counts.
    #[config(default = true, alias = "fallbackDetection", lenient)]
    fallback_detection: bool,
    /// What the four values of a box are.
    #[config(default = BoxFormat::Xywh)]
    format: BoxFormat,
    /// Columns of class scores, from this one on: `{start, count}`; the best one is the class.
    #[config]
    classes: Option<Value>,
    /// Names of the classes, by number.
    #[config]
    labels: Vec<String>,
    /// Whether scores are logits.
    #[config]
    sigmoid: bool,
    /// Anchors, `[[cx, cy, w, h], …]` in parts of the input, or `{inputSize, strides, perCell, offset}`.
    #[config]
    anchors: Option<Value>,
    /// Keypoints behind the box: `{start, count}` of pairs.
    #[config]
    keypoints: Option<Value>,
    /// Width and height of the input, where values are its pixels; one number for both.
    #[config(key = "inputSize")]
    input_size: Option<Value>,
    /// Keeps the best of boxes that overlap: `{iou, perClass}`, or true.
    #[config]
    nms: Option<Value>,
    /// Whether boxes are taken back from the letterbox to the frame.
    #[config]
    unletterbox: bool,
}

/// What the four values of a box are.
#[derive(Clone, Copy, PartialEq, Choice)]
enum BoxFormat {
    /// Left, top, width, height.
    Xywh,
    /// Centre, width, height.
    Cxcywh,
    /// Left, top, right, bottom.
    Xyxy,
    /// Top, left, bottom, right.
    Yxyx,
}

/// A detection with the number of its class.
struct Found {
    detection: Detection,
    class: Option<i64>,
}

impl Actor for DecodeDetections {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.decode(tick) {
            Ok(set) => {
                tick.write(Self::OUT_DETECTIONS, set);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

pub(super) fn floats(message: Option<&Message>) -> Result<(Tensor, Vec<f32>), String> {
    let tensor = Tensor::read(message)?;
    if !matches!(tensor.dtype, crate::tensor::Dtype::F32 | crate::tensor::Dtype::F16) {
        return Err(format!("expected a tensor of f32, found one of {}", tensor.dtype.word()));
    }
    if tensor.data.len() % tensor.dtype.size() != 0 {
        return Err(format!("{} bytes are no whole number of {} values", tensor.data.len(), tensor.dtype.word()));
    }
    let values = tensor.floats().unwrap_or_default();
    Ok((tensor, values))
}

fn logistic(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// The two numbers of `{start, count}`.
fn span(value: &Value, what: &str) -> Result<(usize, usize), String> {
    let number =
        |name: &str| value.get(name).and_then(Value::as_integer).and_then(|number| usize::try_from(number).ok());
    // Both are within a row, so that larger numbers are wrong in any case, and sums of these are whole.
    let number = |name: &str| number(name).filter(|number| *number <= 1 << 24);
    match (number("start"), number("count")) {
        (Some(start), Some(count)) => Ok((start, count)),
        _ => Err(format!("config `{what}`: expected {{start, count}}, found {}", value.to_json_string())),
    }
}

/// Width and height, of a list or one number.
pub(super) fn size(value: Option<&Value>) -> Result<Option<(f64, f64)>, String> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let pair = match value.as_number() {
        Some(side) => Some((side, side)),
        None => value.at(0).and_then(Value::as_number).zip(value.at(1).and_then(Value::as_number)),
    };
    pair.filter(|(width, height)| *width > 0.0 && *height > 0.0).map(Some).ok_or_else(|| {
        format!("config `inputSize`: expected a number or [width, height], found {}", value.to_json_string())
    })
}

/// More anchors than any detector has.
const MOST_ANCHORS: usize = 1 << 22;

/// Anchors as they are given, or laid out by strides.
fn anchors(value: &Value) -> Result<Vec<[f64; 4]>, String> {
    let wrong =
        || "config `anchors`: expected [[cx, cy, w, h], …] or {inputSize, strides, perCell, offset}".to_string();
    if let Some(list) = value.as_array() {
        return list
            .iter()
            .map(|anchor| {
                let numbers: Vec<f64> =
                    anchor.as_array().unwrap_or_default().iter().filter_map(Value::as_number).collect();
                match numbers[..] {
                    [x, y] => Ok([x, y, 1.0, 1.0]),
                    [x, y, w, h] => Ok([x, y, w, h]),
                    _ => Err(wrong()),
                }
            })
            .collect();
    }
    let (width, height) = size(value.get("inputSize"))?.ok_or_else(wrong)?;
    let strides = value.get("strides").and_then(Value::as_array).ok_or_else(wrong)?;
    let per_cell = value.get("perCell").and_then(Value::as_integer).unwrap_or(2).clamp(1, 64);
    let offset = value.get("offset").and_then(Value::as_number).unwrap_or(0.5);
    let mut laid_out = Vec::new();
    // Layers of the same stride share their cells, as in the detectors of MediaPipe.
    for layers in strides.chunk_by(|a, b| a == b) {
        let stride = layers.first().and_then(Value::as_number).filter(|stride| *stride >= 1.0).ok_or_else(wrong)?;
        let (columns, rows) = ((width / stride).ceil() as usize, (height / stride).ceil() as usize);
        let more = columns.saturating_mul(rows).saturating_mul(layers.len() * per_cell as usize);
        if laid_out.len().saturating_add(more) > MOST_ANCHORS {
            return Err(format!("config `anchors`: more than {MOST_ANCHORS} of them, which no model has"));
        }
        for row in 0..rows {
            for column in 0..columns {
                let anchor = [(column as f64 + offset) / columns as f64, (row as f64 + offset) / rows as f64, 1.0, 1.0];
                laid_out.extend(std::iter::repeat_n(anchor, layers.len() * per_cell as usize));
            }
        }
    }
    Ok(laid_out)
}

impl DecodeDetections {
    fn firing(&self, connected: &[&str]) -> Firing {
        let mut optional = Vec::new();
        let mut latest = Vec::new();
        if !connected.contains(&"scores") {
            optional.push("scores".into());
        }
        if connected.contains(&"transform") {
            latest.push("transform".into())
        } else {
            optional.push("transform".into())
        }
        Firing::All { latest, optional }
    }

    fn decode(&self, tick: &Tick<'_>) -> Result<Value, String> {
        let (tensor, values) = floats(tick.input(Self::IN_TENSOR))?;
        let scores =
            tick.input(Self::IN_SCORES).map(|message| floats(Some(message)).map(|(_, values)| values)).transpose()?;
        let mut found = self.rows(&values, scores.as_deref())?;
        found.sort_by(|a, b| b.detection.score.total_cmp(&a.detection.score));
        if let Some(nms) = self.nms.as_ref().filter(|nms| nms.as_boolean() != Some(false) && !nms.is_null()) {
            found = suppressed(found, nms);
        }
        if self.unletterbox {
            let wired =
                tick.input(Self::IN_TRANSFORM).map(|message| object(Some(message), "a transform")).transpose()?;
            let letterbox = wired.as_ref().or(field(&tensor.metadata, "letterbox")).and_then(Letterbox::read);
            let letterbox = letterbox.ok_or("config `unletterbox`: neither the tensor's metadata nor `transform` says how the frame was put into a letterbox")?;
            found.iter_mut().for_each(|found| found.detection.map(&letterbox));
        }
        let mut list: Vec<Value> = found.iter().map(|found| found.detection.to_value()).collect();
        if list.is_empty() && self.fallback_detection {
            let best = scores.as_deref().unwrap_or(&values).iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let score = if best.is_finite() { f64::from(best).clamp(0.0, 1.0) } else { 0.0 };
            let more = Value::object([("metadata", Value::object([("fallback", true)]))]);
            list.push(Detection::new([0.25, 0.25, 0.5, 0.5], score, more).to_value());
        }
        Ok(Value::object([("detections", Value::from(list)), ("metadata", tensor.metadata)]))
    }

    fn rows(&self, values: &[f32], scores: Option<&[f32]>) -> Result<Vec<Found>, String> {
        let width =
            self.values_per_detection.max(if scores.is_some() || self.classes.is_some() { 4 } else { 5 }) as usize;
        let columns: Vec<usize> = self.bbox_indices.iter().take(4).map(|column| *column as usize).collect();
        let columns = <[usize; 4]>::try_from(columns)
            .map_err(|_| format!("config `bbox_indices`: expected four columns, found {}", self.bbox_indices.len()))?;
        let score_column = self.score_index as usize;
        let within = |column: usize, what: &str| {
            if column < width {
                Ok(())
            } else {
                Err(format!("config `{what}`: column {column} is not in a row of {width} values"))
            }
        };
        columns.iter().try_for_each(|column| within(*column, "bbox_indices"))?;
        let classes =
            self.classes.as_ref().filter(|value| !value.is_null()).map(|value| span(value, "classes")).transpose()?;
        if let Some((start, count)) = classes
            && scores.is_none()
        {
            within((start + count).saturating_sub(1), "classes")?;
        }
        if scores.is_none() && classes.is_none() {
            within(score_column, "score_index")?;
        }
        let keypoints = self
            .keypoints
            .as_ref()
            .filter(|value| !value.is_null())
            .map(|value| span(value, "keypoints"))
            .transpose()?;
        if let Some((start, count)) = keypoints
            && count > 0
        {
            within(start + 2 * count - 1, "keypoints")?;
        }
        let input = size(self.input_size.as_ref())?;
        let anchors = self.anchors.as_ref().filter(|value| !value.is_null()).map(anchors).transpose()?;
        let rows = values.len() / width;
        let per_row = match scores {
            Some(scores) if rows > 0 && !scores.is_empty() && scores.len() % rows == 0 => scores.len() / rows,
            Some(scores) if rows > 0 => return Err(format!("{} scores do not fit {rows} rows of boxes", scores.len())),
            _ => 1,
        };
        if let Some(anchors) = &anchors
            && anchors.len() != rows
        {
            return Err(format!("{} anchors do not fit {rows} rows of boxes", anchors.len()));
        }
        let most = self.max_detections.map_or(rows, |most| most as usize);
        let mut found = Vec::new();
        for (at, row) in values.chunks_exact(width).take(most).enumerate() {
            let best = |values: &[f32]| {
                let numbered = values.iter().copied().enumerate().filter(|(_, value)| !value.is_nan());
                numbered.max_by(|a, b| a.1.total_cmp(&b.1)).map_or((0, f32::NEG_INFINITY), |best| best)
            };
            let (class, score) = match (scores, classes) {
                (Some(scores), _) => {
                    let (class, score) = best(&scores[at * per_row..(at + 1) * per_row]);
                    ((per_row > 1).then_some(class as i64), score)
                }
                (None, Some((start, count))) => {
                    let (class, score) = best(&row[start..start + count]);
                    let objectness = if self.has_objectness(start) { row[score_column] } else { 1.0 };
                    (Some(class as i64), score * objectness)
                }
                (None, None) => (None, row[score_column]),
            };
            let score = if self.sigmoid { logistic(f64::from(score).clamp(-100.0, 100.0)) } else { f64::from(score) };
            if score.is_nan() || score < self.threshold {
                continue;
            }
            let numbers = columns.map(|column| f64::from(row[column]));
            if numbers.iter().any(|number| !number.is_finite()) {
                continue;
            }
            let place = |x: f64, y: f64| {
                let (x, y) = input.map_or((x, y), |(width, height)| (x / width, y / height));
                match &anchors {
                    Some(anchors) => {
                        let [cx, cy, w, h] = anchors[at];
                        (x * w + cx, y * h + cy)
                    }
                    None => (x, y),
                }
            };
            let extent = |w: f64, h: f64| {
                let (w, h) = input.map_or((w, h), |(width, height)| (w / width, h / height));
                anchors.as_ref().map_or((w, h), |anchors| (w * anchors[at][2], h * anchors[at][3]))
            };
            let [a, b, c, d] = numbers;
            let corners = |left: f64, top: f64, right: f64, bottom: f64| {
                let ((left, top), (right, bottom)) = (place(left, top), place(right, bottom));
                [left, top, right - left, bottom - top]
            };
            let bbox = match self.format {
                BoxFormat::Xywh => {
                    let ((x, y), (w, h)) = (place(a, b), extent(c.abs(), d.abs()));
                    [x, y, w, h]
                }
                BoxFormat::Cxcywh => {
                    let ((x, y), (w, h)) = (place(a, b), extent(c.abs(), d.abs()));
                    [x - w / 2.0, y - h / 2.0, w, h]
                }
                BoxFormat::Xyxy => corners(a, b, c, d),
                BoxFormat::Yxyx => corners(b, a, d, c),
            };
            let bbox = bbox.map(|part| part.clamp(0.0, 1.0));
            let mut more = Vec::new();
            if let Some(class) = class {
                more.push(("categoryId", Value::from(class)));
                if let Some(label) = usize::try_from(class).ok().and_then(|class| self.labels.get(class)) {
                    more.push(("label", label.as_str().into()));
                }
            } else if let Some(label) = self.labels.first() {
                more.push(("label", label.as_str().into()));
            }
            if let Some((start, count)) = keypoints {
                let points = (0..count).map(|point| {
                    let (x, y) = place(f64::from(row[start + 2 * point]), f64::from(row[start + 2 * point + 1]));
                    Value::object([("x", x), ("y", y)])
                });
                more.push(("keypoints", Value::array(points)));
            }
            found.push(Found { detection: Detection::new(bbox, score, Value::object(more)), class });
        }
        Ok(found)
    }

    /// Whether the score column stands beside the classes, as how sure it is that there is anything.
    fn has_objectness(&self, start: usize) -> bool {
        let score = self.score_index as usize;
        score < start && !self.bbox_indices.iter().any(|column| *column as usize == score)
    }
}

/// The best of boxes that overlap.
fn suppressed(found: Vec<Found>, nms: &Value) -> Vec<Found> {
    let most = nms.get("iou").and_then(Value::as_number).unwrap_or(0.45);
    let per_class = nms.get("perClass").and_then(Value::as_boolean).unwrap_or(false);
    let mut kept: Vec<Found> = Vec::new();
    for candidate in found {
        let overlaps = |other: &Found| {
            (!per_class || other.class == candidate.class) && iou(other.detection.bbox, candidate.detection.bbox) > most
        };
        if !kept.iter().any(overlaps) {
            kept.push(candidate);
        }
    }
    kept
}

/// What two boxes have in common, as a part of both together.
fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let side = |a: f64, a_size: f64, b: f64, b_size: f64| ((a + a_size).min(b + b_size) - a.max(b)).max(0.0);
    let common = side(a[0], a[2], b[0], b[2]) * side(a[1], a[3], b[1], b[3]);
    let both = a[2] * a[3] + b[2] * b[3] - common;
    if both > 0.0 { common / both } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(config: &str, values: &[f32], scores: Option<&[f32]>) -> Vec<([f64; 4], f64, Option<i64>)> {
        let config: Value = serde_json::from_str(config).unwrap();
        let mut config = reflow_pack_sdk::declare::Config::new(&config);
        let node = <DecodeDetections as reflow_pack_sdk::declare::Declare>::configure(&mut config);
        let found = node.rows(values, scores).unwrap();
        let round = |number: f64| (number * 1e4).round() / 1e4;
        found
            .into_iter()
            .map(|found| (found.detection.bbox.map(round), round(found.detection.score), found.class))
            .collect()
    }

    #[test]
    fn numbers_that_cannot_be_meant_are_told() {
        let most = i64::MAX;
        for (config, said) in [
            (format!(r#"{{"keypoints": {{"start": {most}, "count": {most}}}}}"#), "keypoints"),
            (format!(r#"{{"classes": {{"start": {most}, "count": {most}}}}}"#), "classes"),
            (r#"{"anchors": {"inputSize": 4096, "strides": [1, 1, 1], "perCell": 64}}"#.into(), "anchors"),
            (r#"{"anchors": {"inputSize": 1e300, "strides": [1]}}"#.into(), "anchors"),
        ] {
            let config: Value = serde_json::from_str(&config).unwrap();
            let mut config = reflow_pack_sdk::declare::Config::new(&config);
            let node = <DecodeDetections as reflow_pack_sdk::declare::Declare>::configure(&mut config);
            let why = node.rows(&[0.5; 10], None).map(drop).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }

    #[test]
    fn boxes_of_each_format_are_the_same() {
        for (format, values) in [
            ("xywh", [0.1, 0.2, 0.3, 0.4, 0.9]),
            ("cxcywh", [0.25, 0.4, 0.3, 0.4, 0.9]),
            ("xyxy", [0.1, 0.2, 0.4, 0.6, 0.9]),
            ("yxyx", [0.2, 0.1, 0.6, 0.4, 0.9]),
        ] {
            let found = decoded(&format!(r#"{{"format": "{format}"}}"#), &values, None);
            assert_eq!(found, [([0.1, 0.2, 0.3, 0.4], 0.9, None)], "{format}");
        }
    }

    #[test]
    fn anchors_lie_in_their_cells() {
        let palm: Value =
            serde_json::from_str(r#"{"inputSize": 192, "strides": [8, 16, 16, 16], "perCell": 2}"#).unwrap();
        let palm = anchors(&palm).unwrap();
        assert_eq!(palm.len(), 2016);
        assert_eq!(palm[0], [0.5 / 24.0, 0.5 / 24.0, 1.0, 1.0]);
        assert_eq!(palm[2015], [11.5 / 12.0, 11.5 / 12.0, 1.0, 1.0]);
        // Pixels of the input, from the anchor; scores are logits of a tensor of their own.
        let config = r#"{"format": "cxcywh", "anchors": [[0.5, 0.5], [0.1, 0.1]], "inputSize": 100, "sigmoid": true,
                         "values_per_detection": 4}"#;
        let found = decoded(config, &[10.0, 0.0, 20.0, 20.0, 0.0, 0.0, 1.0, 1.0], Some(&[2.0, -5.0]));
        assert_eq!(found, [([0.5, 0.4, 0.2, 0.2], 0.8808, None)]);
    }

    #[test]
    fn the_best_class_counts() {
        let config = r#"{"values_per_detection": 6, "classes": {"start": 4, "count": 2}, "labels": ["cat", "dog"]}"#;
        let found = decoded(config, &[0.0, 0.0, 0.5, 0.5, 0.2, 0.7], None);
        assert_eq!(found, [([0.0, 0.0, 0.5, 0.5], 0.7, Some(1))]);
    }
}
