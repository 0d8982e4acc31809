//! `tpl_cv_tensor_crop_roi`.

use reflow_pack_sdk::prelude::*;

use super::letterbox::blend;
use crate::frame::Frame;
use crate::media::{self, Data, field, with_field};
use crate::roi::{self, Rect};
use crate::tensor::Tensor;

/// Cuts the region of interest out of a frame.
///
/// The region is in parts of the frame. The cut goes from floor((cx − w/2)·W) to ceil((cx + w/2)·W), within the frame, and likewise for the
/// rows. With `rotate` the rectangle is turned by its `rotation` (radians) and sampled between pixels; what lies outside repeats the
/// edge. The metadata is the frame's, with what only the region has, and `fields.cropRoi` `{x, y, width, height}` in pixels.
///
/// A tensor is cut as a picture too, by its layout; its packet leaves by `frame` and stays a tensor.
///
/// # Errors
///
/// On `error`: no frame, no region, fewer bytes than the frame's size says, nothing of the region within the frame.
#[derive(Component)]
#[component(id = "tpl_cv_tensor_crop_roi", title = "Crop to ROI", category = "cv", blocking, firing = all)]
#[inport(frame: Any, required, "The frame.")]
#[inport(roi: Any, required, "The region.")]
#[outport(frame: Bytes, "What is in the region.")]
#[outport(error: ErrorText, "Why there is nothing.")]
pub(crate) struct CropRoi {
    /// Whether the rotation of the region counts.
    #[config(lenient)]
    rotate: bool,
}

impl Actor for CropRoi {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match self.crop(tick) {
            Ok(message) => {
                tick.emit(Self::OUT_FRAME, message);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl CropRoi {
    fn crop(&self, tick: &mut Tick<'_>) -> Result<Message, String> {
        let roi = roi::read(tick.input(Self::IN_ROI))?;
        let message = tick.take(Self::IN_FRAME).ok_or("expected a frame, found nothing")?;
        if message.kind() != Kind::StreamHandle
            && let Ok((payload, data)) = media::read(&message, "tensor")
            && payload.get("dtype").is_some()
        {
            let tensor = Tensor::of(&payload, data)?;
            return crop_tensor(&tensor, &roi).map(|tensor| tensor.to_message());
        }
        let frame = Frame::read(Some(message), &tick.node().clone())?;
        self.crop_frame(&frame, &roi).map(|frame| frame.to_message())
    }

    fn crop_frame(&self, frame: &Frame, roi: &Value) -> Result<Frame, String> {
        let rect = Rect::read(roi)?;
        if self.rotate && rect.rotation != 0.0 {
            return turned(frame, rect, roi);
        }
        let Cut { x, y, width, height } = Cut::of(rect, frame.width, frame.height)?;
        let size = frame.format.pixel();
        let rows = (y..y + height).flat_map(|row| &frame.row(row)[x * size..(x + width) * size]);
        let data = rows.copied().collect();
        let metadata = told(&frame.metadata, roi, [x, y, width, height]);
        Ok(Frame::new(width, height, frame.format.clone(), metadata, data))
    }
}

/// A rectangle of pixels.
struct Cut {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Cut {
    fn of(rect: Rect, width: usize, height: usize) -> Result<Self, String> {
        let span = |center: f64, size: f64, side: usize| {
            let from = ((center - size / 2.0) * side as f64).floor().max(0.0);
            let to = ((center + size / 2.0) * side as f64).ceil().min(side as f64);
            (to > from).then_some((from as usize, to as usize))
        };
        let (columns, rows) = (span(rect.center_x, rect.width, width), span(rect.center_y, rect.height, height));
        let (Some((left, right)), Some((top, bottom))) = (columns, rows) else {
            return Err(format!("nothing of the region {} is within the frame", rect.to_value().to_json_string()));
        };
        Ok(Self { x: left, y: top, width: right - left, height: bottom - top })
    }
}

fn told(metadata: &Value, roi: &Value, [x, y, width, height]: [usize; 4]) -> Value {
    let region = media::metadata(roi);
    let merged = region.merged_with(metadata);
    let fields = |of: &Value| {
        of.get("fields")
            .cloned()
            .filter(|fields| fields.as_object().is_some())
            .unwrap_or_else(|| Value::Object(Object::new().into()))
    };
    let merged = merged.merged_with(&Value::object([("fields", fields(&region).merged_with(&fields(metadata)))]));
    let crop = Value::object(
        [("x", x), ("y", y), ("width", width), ("height", height)].map(|(name, value)| (name, value as i64)),
    );
    with_field(&merged, "cropRoi", crop)
}

/// The rectangle, turned upright.
fn turned(frame: &Frame, rect: Rect, roi: &Value) -> Result<Frame, String> {
    let (full_width, full_height) = (frame.width as f64, frame.height as f64);
    let side = |part: f64, whole: f64| (part * whole).round().clamp(1.0, 4.0 * whole) as usize;
    let (width, height) = (side(rect.width, full_width), side(rect.height, full_height));
    let (center_x, center_y) = (rect.center_x * full_width, rect.center_y * full_height);
    let (sin, cos) = rect.rotation.sin_cos();
    let reach = ((width * width + height * height) as f64).sqrt() / 2.0;
    if center_x + reach < 0.0
        || center_y + reach < 0.0
        || center_x - reach > full_width
        || center_y - reach > full_height
    {
        return Err(format!("nothing of the region {} is within the frame", rect.to_value().to_json_string()));
    }
    let size = frame.format.pixel();
    let mut data = vec![0; width * height * size];
    for (at, pixel) in data.chunks_exact_mut(size).enumerate() {
        let dx = (at % width) as f64 + 0.5 - width as f64 / 2.0;
        let dy = (at / width) as f64 + 0.5 - height as f64 / 2.0;
        blend(frame, center_x + dx * cos - dy * sin - 0.5, center_y + dx * sin + dy * cos - 0.5, pixel);
    }
    let corner = |center: f64, side: usize| (center - side as f64 / 2.0).max(0.0) as usize;
    let metadata = told(&frame.metadata, roi, [corner(center_x, width), corner(center_y, height), width, height]);
    let metadata = with_field(&metadata, "cropRotation", rect.rotation);
    Ok(Frame::new(width, height, frame.format.clone(), metadata, data))
}

fn crop_tensor(tensor: &Tensor, roi: &Value) -> Result<Tensor, String> {
    let is_planar = field(&tensor.metadata, "layout").and_then(Value::as_str) == Some("nchw");
    let &[1, a, b, c] = &tensor.dims[..] else {
        return Err(format!(
            "a tensor that is cut has the shape [1, H, W, C] or [1, C, H, W], found {:?}",
            tensor.dims
        ));
    };
    let (height, width, channels) = if is_planar { (b, c, a) } else { (a, b, c) };
    if tensor.expected() != Some(tensor.data.len()) || tensor.data.is_empty() {
        return Err(format!("the data of the tensor does not fill its shape {:?}", tensor.dims));
    }
    let cut = Cut::of(Rect::read(roi)?, width, height)?;
    let size = tensor.dtype.size();
    let element = |row: usize, column: usize, channel: usize| {
        let at = if is_planar {
            (channel * height + row) * width + column
        } else {
            (row * width + column) * channels + channel
        };
        &tensor.data[at * size..(at + 1) * size]
    };
    let (rows, columns) = (cut.y..cut.y + cut.height, cut.x..cut.x + cut.width);
    let mut data = Vec::with_capacity(cut.width * cut.height * channels * size);
    if is_planar {
        for channel in 0..channels {
            for row in rows.clone() {
                columns.clone().for_each(|column| data.extend_from_slice(element(row, column, channel)));
            }
        }
    } else {
        for row in rows {
            for column in columns.clone() {
                (0..channels).for_each(|channel| data.extend_from_slice(element(row, column, channel)));
            }
        }
    }
    let dims =
        if is_planar { vec![1, channels, cut.height, cut.width] } else { vec![1, cut.height, cut.width, channels] };
    let metadata = told(&tensor.metadata, roi, [cut.x, cut.y, cut.width, cut.height]);
    Ok(Tensor { name: tensor.name.clone(), dtype: tensor.dtype, dims, metadata, data: Data::Own(data) })
}
