//! Shapes: what they are, and how they are painted.

use reflow_geometry::kernels::{curve, raster};
use reflow_pack_sdk::prelude::*;
use tiny_skia::{Path, PathBuilder, Stroke, Transform};

use super::canvas::{Canvas, Color};

/// A shape.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    outline: Outline,
    /// Left, top, width, height.
    bounds: [f32; 4],
    color: Color,
    radius: f32,
    pub(super) z: f32,
    shadow: Option<Shadow>,
    border: Option<(f32, Color)>,
}

#[derive(Clone, Debug)]
enum Outline {
    /// A rectangle with round corners.
    Rect,
    Circle,
    /// The picture layer in a rectangle.
    Image,
    /// Anything else.
    Path(Path),
}

#[derive(Clone, Debug)]
struct Shadow {
    x: f32,
    y: f32,
    blur: f32,
    color: Color,
}

/// The picture layer.
pub(super) struct Layer {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

/// Where a shape is in this frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    pub(super) x: Option<f32>,
    pub(super) y: Option<f32>,
    pub(super) scale: f32,
    /// Degrees, clockwise on screen.
    pub(super) rotation: f32,
    pub(super) opacity: f32,
}

impl Pose {
    /// Whether there is anything to see.
    pub(super) fn is_seen(&self) -> bool {
        self.scale >= 0.001 && self.opacity >= 0.01
    }
}

fn number(value: Option<&Value>) -> Option<f32> {
    value.and_then(Value::as_number).map(|number| number as f32).filter(|number| number.is_finite())
}

/// The numbers of a list, those that are missing being the default's.
pub(super) fn list<const N: usize>(value: Option<&Value>, default: [f32; N]) -> [f32; N] {
    let mut numbers = default;
    let items = value.and_then(Value::as_array).unwrap_or_default();
    for (number_at, item) in numbers.iter_mut().zip(items) {
        *number_at = number(Some(item)).unwrap_or(*number_at);
    }
    numbers
}

fn point(value: &Value) -> Option<(f32, f32)> {
    Some((number(value.at(0).or_else(|| value.get("x")))?, number(value.at(1).or_else(|| value.get("y")))?))
}

impl Shape {
    /// Reads a shape.
    ///
    /// # Errors
    /// What is no shape.
    pub(super) fn read(value: &Value, at: usize) -> Result<Self, String> {
        if value.as_object().is_none() {
            return Err(format!("shape {at} is an object, found {}", value.kind()));
        }
        let word = value.get("type").and_then(Value::as_str).unwrap_or("rect");
        let mut bounds = list(value.get("bounds"), [0.0, 0.0, 100.0, 100.0]);
        let points: Vec<(f32, f32)> =
            value.get("points").and_then(Value::as_array).unwrap_or_default().iter().filter_map(point).collect();
        let outline = match word {
            "rect" => Outline::Rect,
            "circle" => Outline::Circle,
            "image" => Outline::Image,
            "line" | "polygon" => {
                let ends = ["from", "to"].map(|name| value.get(name).and_then(point));
                let points = if let [Some(from), Some(to)] = ends { vec![from, to] } else { points };
                let wrong = || format!("shape {at}: a {word} has `points`, a list of [x, y]");
                let path = polygon(&points, word == "polygon").ok_or_else(wrong)?;
                let stroke = Stroke { width: number(value.get("width")).unwrap_or(1.0).max(0.01), ..Stroke::default() };
                Outline::Path(if word == "line" { path.stroke(&stroke, 1.0).ok_or_else(wrong)? } else { path })
            }
            "path" => {
                let text = value.get("d").or_else(|| value.get("path")).and_then(Value::as_str).unwrap_or_default();
                let path = curve::parse(text).map_err(|error| format!("shape {at}: {error}"))?;
                Outline::Path(
                    raster::outline(&path).ok_or_else(|| format!("shape {at}: the path has nothing to draw"))?,
                )
            }
            other => {
                return Err(format!(
                    "shape {at}: the type `{other}` is none of rect, circle, image, line, polygon, path"
                ));
            }
        };
        if let Outline::Path(path) = &outline {
            let rect = path.bounds();
            bounds = [rect.left(), rect.top(), rect.width(), rect.height()];
        }
        let white = [1.0, 1.0, 1.0, 1.0];
        let shadow = value.get("shadow").filter(|shadow| shadow.as_object().is_some()).map(|shadow| Shadow {
            x: number(shadow.get("x")).unwrap_or(0.0),
            y: number(shadow.get("y")).unwrap_or(0.0),
            blur: number(shadow.get("blur")).unwrap_or(10.0).max(0.0),
            color: list(shadow.get("color"), [0.0, 0.0, 0.0, 0.5]),
        });
        let border = value.get("border").filter(|border| border.as_object().is_some());
        Ok(Self {
            outline,
            bounds,
            color: list(value.get("color"), white),
            radius: number(value.get("cornerRadius")).unwrap_or(0.0).max(0.0),
            z: number(value.get("z")).unwrap_or(10.0 * at as f32),
            shadow,
            border: border.map(|border| (number(border.get("width")).unwrap_or(1.0), list(border.get("color"), white))),
        })
    }

    /// Half sides and corner radius.
    fn half(&self) -> (f32, f32, f32) {
        let [_, _, width, height] = self.bounds;
        match self.outline {
            Outline::Circle => {
                let half = width.min(height) / 2.0;
                (half, half, half)
            }
            _ => (width / 2.0, height / 2.0, self.radius.min(width / 2.0).min(height / 2.0).max(0.0)),
        }
    }

    fn center(&self, pose: Pose) -> (f32, f32) {
        let [left, top, width, height] = self.bounds;
        (pose.x.unwrap_or(left + width / 2.0), pose.y.unwrap_or(top + height / 2.0))
    }

    /// Paints the shadow.
    pub(super) fn paint_shadow(&self, canvas: &mut Canvas, pose: Pose) {
        let Some(shadow) = &self.shadow else { return };
        let (half_width, half_height, radius) = self.half();
        let (x, y) = self.center(pose);
        let (x, y) = (x + shadow.x, y + shadow.y);
        let sigma = (shadow.blur / 2.0).max(0.01);
        let place = Place::new((x, y), pose);
        let reach = ((half_width + 3.0 * sigma).hypot(half_height + 3.0 * sigma)) * pose.scale + 1.0;
        let color = faded(shadow.color, pose.opacity);
        let (columns, rows) = canvas.within([x - reach, y - reach, x + reach, y + reach]);
        for row in rows {
            for column in columns.clone() {
                let (u, v) = place.local(column, row);
                canvas.over(column, row, color, blurred((u, v), (half_width, half_height), radius, sigma));
            }
        }
    }

    /// Paints the shape and its border.
    pub(super) fn paint(&self, canvas: &mut Canvas, pose: Pose, layer: Option<&Layer>) {
        let (x, y) = self.center(pose);
        let color = faded(self.color, pose.opacity);
        if let Outline::Path(path) = &self.outline {
            let [left, top, width, height] = self.bounds;
            let transform = Transform::from_translate(-left - width / 2.0, -top - height / 2.0)
                .post_scale(pose.scale, pose.scale)
                .post_rotate(pose.rotation)
                .post_translate(x, y);
            canvas.fill(path, transform, color);
            if let Some((width, color)) = self.border {
                let stroke = Stroke { width: width.max(0.01), ..Stroke::default() };
                if let Some(line) = path.stroke(&stroke, 1.0) {
                    canvas.fill(&line, transform, faded(color, pose.opacity));
                }
            }
            return;
        }
        let (half_width, half_height, radius) = self.half();
        let place = Place::new((x, y), pose);
        let reach = half_width.hypot(half_height) * pose.scale + 1.0;
        let (columns, rows) = canvas.within([x - reach, y - reach, x + reach, y + reach]);
        for row in rows {
            for column in columns.clone() {
                let (u, v) = place.local(column, row);
                // In pixels of the screen.
                let distance = rounded((u, v), (half_width, half_height), radius) * pose.scale;
                let inside = covered(distance);
                if inside <= 0.0 {
                    continue;
                }
                let fill = match (&self.outline, layer) {
                    (Outline::Image, Some(layer)) => {
                        let texel = layer.sample((u / half_width + 1.0) / 2.0, (v / half_height + 1.0) / 2.0);
                        [0, 1, 2, 3].map(|part: usize| texel[part] * color[part])
                    }
                    (Outline::Image, None) => [0.0; 4],
                    _ => color,
                };
                canvas.over(column, row, fill, inside);
                if let Some((width, border)) = self.border {
                    let band = inside.min(1.0 - covered(distance + width * pose.scale));
                    canvas.over(column, row, faded(border, pose.opacity), band);
                }
            }
        }
    }
}

fn polygon(points: &[(f32, f32)], is_closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    builder.move_to(first.0, first.1);
    rest.iter().for_each(|(x, y)| builder.line_to(*x, *y));
    if is_closed {
        builder.close();
    }
    builder.finish()
}

fn faded([r, g, b, a]: Color, opacity: f32) -> Color {
    [r, g, b, a * opacity.clamp(0.0, 1.0)]
}

/// From the screen to a shape.
struct Place {
    x: f32,
    y: f32,
    sin: f32,
    cos: f32,
    scale: f32,
}

impl Place {
    fn new((x, y): (f32, f32), pose: Pose) -> Self {
        let (sin, cos) = pose.rotation.to_radians().sin_cos();
        Self { x, y, sin, cos, scale: pose.scale.max(1e-6) }
    }

    /// The middle of a pixel, from the middle of the shape.
    fn local(&self, column: usize, row: usize) -> (f32, f32) {
        let (dx, dy) = (column as f32 + 0.5 - self.x, row as f32 + 0.5 - self.y);
        ((dx * self.cos + dy * self.sin) / self.scale, (dy * self.cos - dx * self.sin) / self.scale)
    }
}

/// The distance to a rectangle with round corners, negative inside.
fn rounded((u, v): (f32, f32), (half_width, half_height): (f32, f32), radius: f32) -> f32 {
    let (x, y) = (u.abs() - half_width + radius, v.abs() - half_height + radius);
    x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - radius
}

/// How much of a pixel is covered at a distance from the edge: a smooth step one pixel wide.
fn covered(distance: f32) -> f32 {
    let t = (0.5 - distance).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The error function (Abramowitz and Stegun, 7.1.26).
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let sum =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    (1.0 - sum * (-x * x).exp()).copysign(x)
}

/// How much of the blur around a place lies in a rectangle with round corners: exact along x, summed up along y.
fn blurred((u, v): (f32, f32), (half_width, half_height): (f32, f32), radius: f32, sigma: f32) -> f32 {
    const STEPS: usize = 12;
    let part = |x: f32| 0.5 + 0.5 * erf(x / (sigma * std::f32::consts::SQRT_2));
    if radius <= 0.0 {
        return (part(u + half_width) - part(u - half_width)) * (part(v + half_height) - part(v - half_height));
    }
    let (low, high) = ((v - 3.0 * sigma).max(-half_height), (v + 3.0 * sigma).min(half_height));
    if high <= low {
        return 0.0;
    }
    let step = (high - low) / STEPS as f32;
    let mut sum = 0.0;
    for at in 0..STEPS {
        let y = low + (at as f32 + 0.5) * step;
        let over = (y.abs() - half_height + radius).max(0.0).min(radius);
        let half = half_width - radius + (radius * radius - over * over).sqrt();
        let weight = part(v - y + step / 2.0) - part(v - y - step / 2.0);
        sum += weight * (part(u + half) - part(u - half));
    }
    sum
}

impl Layer {
    /// The colour at a place from 0 to 1, between pixels.
    fn sample(&self, u: f32, v: f32) -> Color {
        let x = (u * self.width as f32 - 0.5).clamp(0.0, (self.width - 1) as f32);
        let y = (v * self.height as f32 - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x.floor() as usize, y.floor() as usize);
        let (fx, fy) = (x - left as f32, y - top as f32);
        let read = |x: usize, y: usize| {
            let at = (y.min(self.height - 1) * self.width + x.min(self.width - 1)) * 4;
            let pixel = self.pixels.get(at..at + 4).unwrap_or(&[0; 4]);
            [0, 1, 2, 3].map(|part: usize| f32::from(pixel[part]) / 255.0)
        };
        let (a, b, c, d) = (read(left, top), read(left + 1, top), read(left, top + 1), read(left + 1, top + 1));
        [0, 1, 2, 3].map(|part: usize| {
            let (upper, lower) = (a[part] + (b[part] - a[part]) * fx, c[part] + (d[part] - c[part]) * fx);
            upper + (lower - upper) * fy
        })
    }

    /// A layer of pixels whose size nobody says: that of the viewport if it fits, else of a usual shape.
    pub(super) fn guessed(pixels: Vec<u8>, viewport: (usize, usize)) -> Option<Self> {
        let count = pixels.len() / 4;
        if count == 0 || !pixels.len().is_multiple_of(4) {
            return None;
        }
        let (width, height) = if viewport.0 * viewport.1 == count {
            viewport
        } else {
            let usual = [(16, 9), (4, 3), (3, 2), (1, 1)].into_iter().find_map(|(across, down)| {
                let unit = ((count as f64 / f64::from(across * down)).sqrt()).round() as usize;
                let size = (unit * across as usize, unit * down as usize);
                (size.0 * size.1 == count).then_some(size)
            });
            usual.unwrap_or_else(|| {
                let side = (count as f64).sqrt() as usize;
                let height = (1..=side).rev().find(|height| count.is_multiple_of(*height)).unwrap_or(1);
                (count / height, height)
            })
        };
        Some(Self { width, height, pixels })
    }
}
