//! `tpl_cv_resize_letterbox`.

use reflow_pack_sdk::prelude::*;

use crate::frame::{Format, Frame};
use crate::media::with_field;

/// Resizes a frame to a fixed size keeping its proportions, centred on a filled background.
///
/// The scale is min(`width`/w, `height`/h); the resized picture has round(w·scale) by round(h·scale) pixels, within 1 and the target; what is
/// left is split evenly, the odd pixel going to the right and the bottom. `transform` is `{scale, resizedWidth, resizedHeight, padX, padY,
/// sourceWidth, sourceHeight}`, and stands in the metadata of the frame as `fields.letterbox` too, by which later nodes map back.
///
/// # Errors
///
/// On `error`: no frame, fewer bytes than its size says, a width or height of 0.
#[derive(Component)]
#[component(id = "tpl_cv_resize_letterbox", title = "Resize Letterbox", category = "cv", blocking)]
#[inport(frame: Any, required, "The frame.")]
#[outport(frame: Bytes, "The frame, resized.")]
#[outport(transform: JsonObject, "How it was resized.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct Letterbox {
    /// Columns of the result; those of the frame when not given.
    #[config(lenient)]
    width: Option<u64>,
    /// Rows of the result; those of the frame when not given.
    #[config(lenient)]
    height: Option<u64>,
    /// The byte of the border, in every channel.
    #[config(lenient)]
    fill: u64,
    /// How pixels are found.
    #[config(default = Filter::Nearest, lenient)]
    filter: Filter,
}

/// How pixels are found.
#[derive(Clone, Copy, PartialEq, Choice)]
enum Filter {
    /// The pixel at the place.
    Nearest,
    /// Between the four pixels around the place.
    Bilinear,
    /// The mean of what a pixel covers.
    Area,
}

/// A picture may have this many pixels at most.
const MOST: u64 = 1 << 28;

impl Actor for Letterbox {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let frame = Frame::read(tick.take(Self::IN_FRAME), &tick.node().clone());
        match frame.and_then(|frame| self.resize(&frame)) {
            Ok((frame, transform)) => {
                tick.emit(Self::OUT_FRAME, frame.to_message());
                tick.write(Self::OUT_TRANSFORM, transform);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl Letterbox {
    fn resize(&self, frame: &Frame) -> Result<(Frame, Value), String> {
        let target = (self.width.unwrap_or(frame.width as u64), self.height.unwrap_or(frame.height as u64));
        if target.0 == 0 || target.1 == 0 {
            return Err(format!(
                "config `width` and `height`: expected whole numbers from 1, found {} × {}",
                target.0, target.1
            ));
        }
        if target.0.saturating_mul(target.1) > MOST {
            return Err(format!(
                "config `width` and `height`: {} × {} pixels are too many, {MOST} may be",
                target.0, target.1
            ));
        }
        let target = (target.0 as usize, target.1 as usize);
        let source = (frame.width, frame.height);
        let scale = (target.0 as f64 / source.0 as f64).min(target.1 as f64 / source.1 as f64);
        let resized = |side: usize, most: usize| ((side as f64 * scale).round() as usize).clamp(1, most);
        let resized = (resized(source.0, target.0), resized(source.1, target.1));
        let pad = ((target.0 - resized.0) / 2, (target.1 - resized.1) / 2);
        let size = frame.format.pixel();
        let mut data = vec![self.fill.min(255) as u8; target.0 * target.1 * size];
        for y in 0..resized.1 {
            let start = ((y + pad.1) * target.0 + pad.0) * size;
            let row = &mut data[start..start + resized.0 * size];
            for (x, pixel) in row.chunks_exact_mut(size).enumerate() {
                match self.filter {
                    Filter::Nearest => {
                        let place = |at: usize, side: usize| ((at as f64 / scale).floor() as usize).min(side - 1);
                        pixel.copy_from_slice(frame.pixel(place(x, source.0), place(y, source.1)));
                    }
                    Filter::Bilinear => {
                        let place =
                            |at: usize, side: usize, from: usize| (at as f64 + 0.5) * from as f64 / side as f64 - 0.5;
                        blend(frame, place(x, resized.0, source.0), place(y, resized.1, source.1), pixel);
                    }
                    Filter::Area => {
                        let span = |at: usize, side: usize, from: usize| {
                            let edge = |at: usize| at as f64 * from as f64 / side as f64;
                            (edge(at), edge(at + 1))
                        };
                        mean(frame, span(x, resized.0, source.0), span(y, resized.1, source.1), pixel);
                    }
                }
            }
        }
        let number = |value: usize| Value::from(value as i64);
        let transform = Value::object([
            ("scale", Value::from(scale)),
            ("resizedWidth", number(resized.0)),
            ("resizedHeight", number(resized.1)),
            ("padX", number(pad.0)),
            ("padY", number(pad.1)),
            ("sourceWidth", number(source.0)),
            ("sourceHeight", number(source.1)),
            ("width", number(target.0)),
            ("height", number(target.1)),
        ]);
        let metadata = with_field(&frame.metadata, "letterbox", transform.clone());
        Ok((Frame::new(target.0, target.1, frame.format.clone(), metadata, data), transform))
    }
}

/// Reads a pixel as numbers.
fn numbers(format: &Format, pixel: &[u8]) -> [f32; 4] {
    let mut out = [0.0; 4];
    if format.is_float() {
        out.iter_mut().zip(pixel.as_chunks().0).for_each(|(out, bytes)| *out = f32::from_le_bytes(*bytes));
    } else {
        out.iter_mut().zip(pixel).for_each(|(out, byte)| *out = f32::from(*byte));
    }
    out
}

fn put(format: &Format, values: [f32; 4], pixel: &mut [u8]) {
    if format.is_float() {
        pixel.as_chunks_mut().0.iter_mut().zip(values).for_each(|(bytes, value)| *bytes = value.to_le_bytes());
    } else {
        pixel.iter_mut().zip(values).for_each(|(byte, value)| *byte = value.round().clamp(0.0, 255.0) as u8);
    }
}

/// The value between the four pixels around a place.
pub(super) fn blend(frame: &Frame, x: f64, y: f64, pixel: &mut [u8]) {
    let (x, y) = (x.clamp(0.0, (frame.width - 1) as f64), y.clamp(0.0, (frame.height - 1) as f64));
    let (left, top) = (x.floor() as usize, y.floor() as usize);
    let (right, bottom) = ((left + 1).min(frame.width - 1), (top + 1).min(frame.height - 1));
    let (fx, fy) = ((x - left as f64) as f32, (y - top as f64) as f32);
    let read = |x, y| numbers(&frame.format, frame.pixel(x, y));
    let (a, b, c, d) = (read(left, top), read(right, top), read(left, bottom), read(right, bottom));
    let mix = |at: usize| {
        let (upper, lower) = (a[at] + (b[at] - a[at]) * fx, c[at] + (d[at] - c[at]) * fx);
        upper + (lower - upper) * fy
    };
    put(&frame.format, [mix(0), mix(1), mix(2), mix(3)], pixel);
}

/// The mean of what is in a rectangle, parts of pixels by their part.
fn mean(frame: &Frame, x: (f64, f64), y: (f64, f64), pixel: &mut [u8]) {
    let (mut sum, mut weight) = ([0.0_f64; 4], 0.0);
    let range = |(from, to): (f64, f64), side: usize| from.floor() as usize..(to.ceil() as usize).min(side);
    let part = |at: usize, (from, to): (f64, f64)| ((at + 1) as f64).min(to) - (at as f64).max(from);
    for row in range(y, frame.height) {
        for column in range(x, frame.width) {
            let share = part(row, y) * part(column, x);
            let values = numbers(&frame.format, frame.pixel(column, row));
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value) * share);
            weight += share;
        }
    }
    put(&frame.format, sum.map(|sum| (sum / weight) as f32), pixel);
}
