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
                let width = if word == "line" { stroke.width } else { 0.0 };
                if !raster::is_drawable(&path, Transform::identity(), width) {
                    return Err(format!("shape {at}: it is too large to be drawn"));
                }
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
    ///
    /// # Errors
    /// When a path leaves the numbers there are.
    pub(super) fn paint(&self, canvas: &mut Canvas, pose: Pose, layer: Option<&Layer>) -> Result<(), String> {
        let (x, y) = self.center(pose);
        let color = faded(self.color, pose.opacity);
        if let Outline::Path(path) = &self.outline {
            let [left, top, width, height] = self.bounds;
            let transform = Transform::from_translate(-left - width / 2.0, -top - height / 2.0)
                .post_scale(pose.scale, pose.scale)
                .post_rotate(pose.rotation)
                .post_translate(x, y);
            canvas.fill(path, transform, color)?;
            if let Some((width, color)) = self.border {
                let stroke = Stroke { width: width.max(0.01), ..Stroke::default() };
                if !raster::is_drawable(path, transform, stroke.width) {
                    return Err("its border is too wide to be drawn".to_string());
                }
                if let Some(line) = path.stroke(&stroke, 1.0) {
                    canvas.fill(&line, transform, faded(color, pose.opacity))?;
                }
            }
            return Ok(());
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
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tiny_skia::{FillRule, Mask, Rect};

    const SIDE: usize = 96;

    fn shape(text: &str) -> Shape {
        Shape::read(&serde_json::from_str(text).unwrap(), 0).unwrap()
    }

    fn still() -> Pose {
        Pose { x: None, y: None, scale: 1.0, rotation: 0.0, opacity: 1.0 }
    }

    /// How much of each pixel a white shape on black covers.
    fn painted(shape: &Shape, pose: Pose) -> Vec<u8> {
        let mut canvas = Canvas::new(SIDE, SIDE, [0.0, 0.0, 0.0, 1.0]);
        shape.paint_shadow(&mut canvas, pose);
        shape.paint(&mut canvas, pose, None).unwrap();
        canvas.finish().as_chunks::<4>().0.iter().map(|pixel| pixel[0]).collect()
    }

    /// The same by tiny-skia.
    fn filled(path: &Path, transform: Transform) -> Vec<u8> {
        let mut mask = Mask::new(SIDE as u32, SIDE as u32).unwrap();
        mask.fill_path(path, FillRule::EvenOdd, true, transform);
        mask.take()
    }

    fn round_rect(left: f32, top: f32, width: f32, height: f32, radius: f32) -> Path {
        let (right, bottom) = (left + width, top + height);
        // How far the handles of a quarter of a circle are from its corner.
        let handle = radius * (1.0 - 0.552_284_8);
        let mut builder = PathBuilder::new();
        builder.move_to(left + radius, top);
        builder.line_to(right - radius, top);
        builder.cubic_to(right - handle, top, right, top + handle, right, top + radius);
        builder.line_to(right, bottom - radius);
        builder.cubic_to(right, bottom - handle, right - handle, bottom, right - radius, bottom);
        builder.line_to(left + radius, bottom);
        builder.cubic_to(left + handle, bottom, left, bottom - handle, left, bottom - radius);
        builder.line_to(left, top + radius);
        builder.cubic_to(left, top + handle, left + handle, top, left + radius, top);
        builder.close();
        builder.finish().unwrap()
    }

    fn rect(left: f32, top: f32, width: f32, height: f32) -> Path {
        PathBuilder::from_rect(Rect::from_xywh(left, top, width, height).unwrap())
    }

    /// The furthest that two pictures are apart, away from the edges of the second.
    fn apart(ours: &[u8], theirs: &[u8]) -> u8 {
        let is_even = |x: usize, y: usize| {
            let around = (y - 1..=y + 1).flat_map(|row| (x - 1..=x + 1).map(move |column| row * SIDE + column));
            around.into_iter().all(|at| theirs[at] == theirs[y * SIDE + x])
        };
        let inner = (1..SIDE - 1).flat_map(|y| (1..SIDE - 1).map(move |x| (x, y)));
        let of_pixel = |(x, y): (usize, usize)| ours[y * SIDE + x].abs_diff(theirs[y * SIDE + x]);
        inner.filter(|(x, y)| is_even(*x, *y)).map(of_pixel).max().unwrap()
    }

    #[test]
    fn every_shape_is_where_tiny_skia_has_it() {
        let whole = Transform::identity();
        let turned = Pose { x: Some(50.0), y: Some(44.0), scale: 1.5, rotation: 30.0, opacity: 1.0 };
        let place = Transform::from_translate(-24.0, -18.0).post_scale(1.5, 1.5).post_rotate(30.0);
        let place = place.post_translate(50.0, 44.0);
        let (plain, round) = (rect(10.0, 8.0, 28.0, 20.0), round_rect(10.0, 8.0, 28.0, 20.0, 6.0));
        let circle = PathBuilder::from_circle(24.0, 18.0, 10.0).unwrap();
        let line = polygon(&[(12.0, 10.0), (36.0, 26.0)], false).unwrap();
        let line = line.stroke(&Stroke { width: 5.0, ..Stroke::default() }, 1.0).unwrap();
        let triangle = polygon(&[(10.0, 8.0), (38.0, 8.0), (24.0, 28.0)], true).unwrap();
        for (text, theirs) in [
            (r#"{"bounds": [10, 8, 28, 20]}"#, &plain),
            (r#"{"bounds": [10, 8, 28, 20], "cornerRadius": 6}"#, &round),
            (r#"{"type": "circle", "bounds": [10, 8, 28, 20]}"#, &circle),
            (r#"{"type": "line", "points": [[12, 10], [36, 26]], "width": 5}"#, &line),
            (r#"{"type": "polygon", "points": [[10, 8], [38, 8], [24, 28]]}"#, &triangle),
            (r#"{"type": "path", "d": "M10,8 H38 L24,28 Z"}"#, &triangle),
        ] {
            let ours = shape(text);
            for (pose, transform) in [(still(), whole), (turned, place)] {
                // Shapes turn around the middle of their bounds.
                let far = apart(&painted(&ours, pose), &filled(theirs, transform));
                assert!(far <= 2, "{text} {pose:?}: {far}");
            }
        }
    }

    #[test]
    fn a_border_lies_inside_the_edge() {
        let ours =
            shape(r#"{"bounds": [10, 8, 40, 30], "cornerRadius": 8, "color": [0, 0, 0, 1], "border": {"width": 4}}"#);
        let mut band = PathBuilder::new();
        band.push_path(&round_rect(10.0, 8.0, 40.0, 30.0, 8.0));
        band.push_path(&round_rect(14.0, 12.0, 32.0, 22.0, 4.0));
        let far = apart(&painted(&ours, still()), &filled(&band.finish().unwrap(), Transform::identity()));
        assert!(far <= 2, "{far}");
    }

    /// A picture blurred along both axes.
    fn blurred_by(mask: &[u8], sigma: f32) -> Vec<f32> {
        let reach = (4.0 * sigma).ceil() as isize;
        let weight = |at: isize| (-0.5 * (at as f32 / sigma).powi(2)).exp();
        let sum: f32 = (-reach..=reach).map(weight).sum();
        let along = |from: &[f32], step: (isize, isize)| -> Vec<f32> {
            let place = |at: isize, side: isize| usize::try_from(at).ok().filter(|_| at < side);
            let one = |x: isize, y: isize| {
                let read = |at: isize| {
                    let (x, y) = (place(x + at * step.0, SIDE as isize)?, place(y + at * step.1, SIDE as isize)?);
                    Some(from[y * SIDE + x] * weight(at) / sum)
                };
                (-reach..=reach).filter_map(read).sum()
            };
            (0..SIDE as isize).flat_map(|y| (0..SIDE as isize).map(move |x| (x, y))).map(|(x, y)| one(x, y)).collect()
        };
        let mask: Vec<f32> = mask.iter().map(|part| f32::from(*part)).collect();
        along(&along(&mask, (1, 0)), (0, 1))
    }

    #[test]
    fn a_shadow_is_a_blur_of_the_shape() {
        for (text, path) in [
            (r#"{"bounds": [24, 28, 44, 30], "SHADOW"}"#, rect(29.0, 30.0, 44.0, 30.0)),
            (r#"{"bounds": [24, 28, 44, 30], "cornerRadius": 10, "SHADOW"}"#, round_rect(29.0, 30.0, 44.0, 30.0, 10.0)),
        ] {
            let shadow = r#""shadow": {"x": 5, "y": 2, "blur": 12, "color": [1, 1, 1, 1]}, "color": [1, 1, 1, 0]"#;
            let ours = painted(&shape(&text.replace(r#""SHADOW""#, shadow)), still());
            let theirs = blurred_by(&filled(&path, Transform::identity()), 6.0);
            let far = ours.iter().zip(&theirs).map(|(ours, theirs)| (f32::from(*ours) - theirs).abs());
            let far = far.fold(0.0, f32::max);
            assert!(far <= 2.0, "{text}: {far}");
        }
    }

    #[test]
    fn what_leaves_the_numbers_is_told() {
        let read = |text: &str| Shape::read(&serde_json::from_str(text).unwrap(), 3).map(|_| ());
        for text in [
            r#"{"type": "polygon", "points": [[0, 0], [1e30, 0], [0, 1e30]]}"#,
            r#"{"type": "line", "points": [[0, 0], [5, 5]], "width": 1e30}"#,
        ] {
            assert_eq!(read(text), Err("shape 3: it is too large to be drawn".to_string()));
        }
        let bordered = shape(r#"{"type": "polygon", "points": [[0, 0], [9, 0], [0, 9]], "border": {"width": 1e30}}"#);
        let plain = shape(r#"{"type": "polygon", "points": [[0, 0], [9, 0], [0, 9]]}"#);
        let mut canvas = Canvas::new(SIDE, SIDE, [0.0; 4]);
        assert!(bordered.paint(&mut canvas, still(), None).is_err());
        assert!(plain.paint(&mut canvas, Pose { scale: 1e30, ..still() }, None).is_err());
        assert!(plain.paint(&mut canvas, Pose { x: Some(f32::NAN), ..still() }, None).is_err());
        // Beside the picture is not too far.
        assert!(plain.paint(&mut canvas, Pose { x: Some(5000.0), ..still() }, None).is_ok());
    }

    fn any_kind() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["rect", "circle", "image", "line", "polygon", "path"])
    }

    proptest! {
        #[test]
        fn no_number_makes_it_panic(
            kind in any_kind(), numbers in prop::array::uniform6(any::<f32>()), pose in prop::array::uniform4(any::<f32>()),
        ) {
            let [a, b, c, d, e, f] = numbers.map(|number| Value::from(f64::from(number)));
            let value = Value::object([
                ("type", Value::from(kind)),
                ("bounds", Value::array([a.clone(), b.clone(), c.clone(), d.clone()])),
                ("points", Value::array([Value::array([a.clone(), b.clone()]), Value::array([c, d.clone()])])),
                ("d", "M1,1 C9,1 30,20 5,40 Z".into()),
                ("cornerRadius", e.clone()),
                ("width", e.clone()),
                ("border", Value::object([("width", f.clone())])),
                ("shadow", Value::object([("x", a), ("y", b), ("blur", f)])),
            ]);
            let Ok(shape) = Shape::read(&value, 0) else { return Ok(()) };
            let layer = Layer { width: 2, height: 1, pixels: vec![255; 8] };
            let mut canvas = Canvas::new(16, 12, [0.0, 0.0, 0.0, 1.0]);
            let [x, y, scale, rotation] = pose;
            let pose = Pose { x: Some(x), y: Some(y), scale, rotation, opacity: 1.0 };
            shape.paint_shadow(&mut canvas, pose);
            let _ = shape.paint(&mut canvas, pose, Some(&layer));
            // Nothing is painted that is no number: what was opaque stays so.
            prop_assert!(canvas.finish().as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255));
        }
    }
}
