//! `tpl_cv_image_to_tensor`.

use half::f16;
use reflow_pack_sdk::prelude::*;

use crate::frame::{Format, Frame};
use crate::media::{Data, with_field};
use crate::tensor::{Dtype, Tensor};

/// Turns a video frame into a dense tensor.
///
/// The value of an element is `byte * scale + offset` (f32 and f16), or the byte itself (u8). Channel *c* of the tensor is channel
/// min(*c*, last) of the frame, so grey repeats and further channels are dropped; BGRA is put in the order of RGB first. The shape is
/// `[1, H, W, C]` or `[1, C, H, W]`; the metadata is that of the frame, with `layout`, `sourceWidth` and `sourceHeight` in its fields.
///
/// A frame is a media packet (see the guide), JSON of one, or a stream of raw pixels, which is read to its end. Frames of floats are taken as
/// they are: `scale` is 1 for them where it is not given.
///
/// # Errors
///
/// On `error`: no frame, fewer bytes than its size says, a stream without width and height.
#[derive(Component)]
#[component(id = "tpl_cv_image_to_tensor", title = "Image to Tensor", category = "cv", blocking)]
#[inport(frame: Any, required, "The frame.")]
#[outport(tensor: Bytes, "The tensor.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct ImageToTensor {
    /// Type of the elements: `f32`, `f16` or `u8`.
    #[config(default = "f32".to_string(), lenient)]
    dtype: String,
    /// Order in memory: `nhwc` or `nchw`.
    #[config(default = "nhwc".to_string(), lenient)]
    layout: String,
    /// Channels of the tensor, from 1 to 4; as many as the frame has, at most 3, when not given.
    #[config(lenient)]
    channels: Option<u64>,
    /// What the tensor is called.
    #[config(default = "image".to_string(), lenient)]
    name: String,
    /// What a byte is multiplied by; 1/255 when not given.
    #[config(lenient)]
    scale: Option<f64>,
    /// What is added after that.
    #[config(lenient)]
    offset: f64,
    /// The order of the channels: `rgb`, `bgr` or `gray` (BT.601 weights).
    #[config(key = "colorOrder", default = "rgb".to_string(), lenient)]
    color_order: String,
}

impl Actor for ImageToTensor {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let frame = Frame::read(tick.take(Self::IN_FRAME), &tick.node().clone());
        match frame {
            Ok(frame) => {
                tick.emit(Self::OUT_TENSOR, self.tensor(&frame).to_message());
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl ImageToTensor {
    fn tensor(&self, frame: &Frame) -> Tensor {
        let dtype = match self.dtype.to_ascii_lowercase().as_str() {
            "u8" | "uint8" => Dtype::U8,
            "f16" | "float16" => Dtype::F16,
            _ => Dtype::F32,
        };
        let is_planar = self.layout.eq_ignore_ascii_case("nchw");
        let order = self.color_order.to_ascii_lowercase();
        let is_gray = matches!(order.as_str(), "gray" | "grey");
        let default_channels = if is_gray { 1 } else { frame.format.channels().min(3) };
        let channels = self.channels.map_or(default_channels, |channels| channels.clamp(1, 4) as usize);
        let default_scale = if frame.format.is_float() { 1.0 } else { 1.0 / 255.0 };
        let (scale, offset) = (self.scale.map_or(default_scale, |scale| scale as f32), self.offset as f32);

        let places = places(frame, &order);
        let mut values = vec![0.0_f32; frame.width * frame.height * channels];
        let plane = frame.width * frame.height;
        for y in 0..frame.height {
            for x in 0..frame.width {
                let pixel = frame.pixel(x, y);
                let at = y * frame.width + x;
                for channel in 0..channels {
                    let value = if is_gray {
                        gray(frame, pixel)
                    } else {
                        sample(frame, pixel, places[channel.min(frame.format.channels() - 1)])
                    };
                    values[if is_planar { channel * plane + at } else { at * channels + channel }] = value;
                }
            }
        }
        let data: Vec<u8> = match dtype {
            Dtype::U8 => {
                let whole = if frame.format.is_float() { 255.0 } else { 1.0 };
                values.iter().map(|value| (value * whole).round().clamp(0.0, 255.0) as u8).collect()
            }
            Dtype::F16 => {
                let halves = values.iter().map(|value| f16::from_f32(value * scale + offset).to_le_bytes());
                halves.collect::<Vec<_>>().into_flattened()
            }
            _ => {
                let floats = values.iter().map(|value| (value * scale + offset).to_le_bytes());
                floats.collect::<Vec<_>>().into_flattened()
            }
        };
        let (width, height) = (frame.width as i64, frame.height as i64);
        let layout = if is_planar { "nchw" } else { "nhwc" };
        let metadata = with_field(&frame.metadata, "layout", layout);
        let metadata = with_field(&with_field(&metadata, "sourceWidth", width), "sourceHeight", height);
        let dims = if is_planar {
            vec![1, channels, frame.height, frame.width]
        } else {
            vec![1, frame.height, frame.width, channels]
        };
        Tensor { name: Some(self.name.clone()), dtype, dims, metadata, data: Data::Own(data) }
    }
}

/// Where the channels of a pixel are, in the order that is asked for.
fn places(frame: &Frame, order: &str) -> [usize; 4] {
    let is_swapped = (frame.format == Format::Bgra8) != (order == "bgr" && frame.format.channels() > 1);
    if is_swapped { [2, 1, 0, 3] } else { [0, 1, 2, 3] }
}

fn sample(frame: &Frame, pixel: &[u8], channel: usize) -> f32 {
    if frame.format.is_float() {
        let (numbers, _) = pixel.as_chunks();
        numbers.get(channel).map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
    } else {
        pixel.get(channel).map_or(0.0, |byte| f32::from(*byte))
    }
}

fn gray(frame: &Frame, pixel: &[u8]) -> f32 {
    if frame.format.channels() == 1 {
        return sample(frame, pixel, 0);
    }
    let [red, green, blue, _] = places(frame, "rgb");
    0.299 * sample(frame, pixel, red) + 0.587 * sample(frame, pixel, green) + 0.114 * sample(frame, pixel, blue)
}
