//! A picture of a field: what its shader would draw, on the CPU.

use std::num::NonZero;

use glam::{FloatExt, Vec2, Vec3};

use super::super::picture::Picture;
use super::evaluate::Evaluator;
use super::surface::surfaces_of;
use super::tree::{Material, Settings, Tree};

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// There is nothing in the tree.
    #[error("an empty field cannot be drawn")]
    Empty,
    /// A field from outside that is not there.
    #[error("the field refers to `{0}`, which nobody supplies")]
    Reference(String),
    /// Too many pixels, or none.
    #[error("a picture of {0} × {1} pixels: there must be some, and at most {MAX_PIXELS}")]
    Size(u32, u32),
}

/// The most pixels of a picture.
const MAX_PIXELS: u64 = 1 << 26;
/// The most steps of a ray.
const MAX_STEPS: u32 = 4096;

/// Draws a field as the settings say, with the materials of the tree, on `threads` threads. Shades that are written in WGSL do
/// not count here.
///
/// # Errors
/// [`PreviewError`].
pub fn preview(tree: &Tree, settings: &Settings, threads: NonZero<usize>) -> Result<Picture, PreviewError> {
    let (width, height) = (settings.width, settings.height);
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PreviewError::Size(width, height));
    }
    let field = Evaluator::new(tree).map_err(|name| match name {
        Some(name) => PreviewError::Reference(name.into()),
        None => PreviewError::Empty,
    })?;
    let Some(root) = tree.root() else { return Err(PreviewError::Empty) };
    let (materials, labels) = surfaces_of(tree, root);
    let light = settings.light_dir.try_normalize().unwrap_or(Vec3::ZERO);
    let view = View { field, settings, light, pace: 1.0 / tree.stretch(), materials, labels };
    let row = width as usize * 4;
    let mut pixels = vec![255; row * height as usize];
    let share = (height as usize).div_ceil(threads.get()) * row;
    std::thread::scope(|scope| {
        for (band, pixels) in pixels.chunks_mut(share).enumerate() {
            let view = &view;
            scope.spawn(move || {
                for (at, pixels) in pixels.chunks_mut(row).enumerate() {
                    view.draw_row((band * share / row + at) as u32, pixels);
                }
            });
        }
    });
    Ok(Picture { width, height, pixels })
}

struct View<'a> {
    field: Evaluator<'a>,
    settings: &'a Settings,
    light: Vec3,
    /// Rays go this share of the distance in a step.
    pace: f32,
    materials: Vec<Material>,
    labels: Vec<i32>,
}

/// Where a ray has hit.
struct Hit {
    pixel: usize,
    point: Vec3,
    direction: Vec3,
}

impl View<'_> {
    fn draw_row(&self, y: u32, pixels: &mut [u8]) {
        let directions = self.directions(y);
        let mut colors: Vec<Vec3> = directions.iter().map(|direction| self.backdrop(*direction)).collect();
        let hits = self.march(&directions);
        let points: Vec<Vec3> = hits.iter().map(|hit| hit.point).collect();
        let normals = self.field.normals(&points, self.settings.epsilon);
        let lit = self.shadows(&points, &normals);
        let open = self.openness(&points, &normals);
        for (hit, ((normal, lit), open)) in hits.iter().zip(normals.iter().zip(lit).zip(open)) {
            colors[hit.pixel] = self.shade(hit, *normal, lit, open);
        }
        for (pixel, color) in pixels.chunks_exact_mut(4).zip(colors) {
            let shown = tone_map(color.max(Vec3::ZERO)).powf(1.0 / 2.2) * 255.0;
            for (byte, value) in pixel.iter_mut().zip(shown.to_array()) {
                *byte = value.round() as u8;
            }
        }
    }

    /// The directions of the rays of a row.
    fn directions(&self, y: u32) -> Vec<Vec3> {
        let settings = self.settings;
        let extent = Vec2::new(settings.width as f32, settings.height as f32);
        let forward = (settings.camera_target - settings.camera_pos).try_normalize().unwrap_or(Vec3::NEG_Z);
        let upward = if forward.y.abs() > 0.999 { Vec3::Z } else { Vec3::Y };
        let right = forward.cross(upward).normalize();
        let up = right.cross(forward);
        let focal = 0.5 / (settings.fov.clamp(1.0, 179.0).to_radians() * 0.5).tan();
        let ray = |x: u32| {
            let pixel = Vec2::new(x as f32 + 0.5, extent.y - y as f32 - 0.5);
            let at = (pixel - 0.5 * extent) / extent.y;
            (at.x * right + at.y * up + focal * forward).normalize()
        };
        (0..settings.width).map(ray).collect()
    }

    /// Where rays from the camera hit.
    fn march(&self, directions: &[Vec3]) -> Vec<Hit> {
        let origin = self.settings.camera_pos;
        let mut hits = Vec::new();
        let mut rays: Vec<(usize, f32)> = (0..directions.len()).map(|pixel| (pixel, 0.0)).collect();
        let (mut points, mut distances) = (Vec::new(), Vec::new());
        for _ in 0..self.settings.max_steps.min(MAX_STEPS) {
            points.clear();
            points.extend(rays.iter().map(|(pixel, way)| origin + directions[*pixel] * *way));
            distances.resize(points.len(), 0.0);
            self.field.distances(&points, &mut distances);
            let mut at = 0;
            rays.retain_mut(|(pixel, way)| {
                let (point, distance) = (points[at], distances[at]);
                at += 1;
                if distance < self.settings.epsilon {
                    hits.push(Hit { pixel: *pixel, point, direction: directions[*pixel] });
                    return false;
                }
                *way += distance * self.pace;
                *way <= self.settings.max_dist
            });
            if rays.is_empty() {
                break;
            }
        }
        hits
    }

    /// How much light gets to points.
    fn shadows(&self, points: &[Vec3], normals: &[Vec3]) -> Vec<f32> {
        let mut light = vec![1.0_f32; points.len()];
        if !self.settings.soft_shadows {
            return light;
        }
        let mut rays: Vec<(usize, f32)> = (0..points.len()).map(|at| (at, 0.02)).collect();
        let (mut places, mut distances) = (Vec::new(), Vec::new());
        for _ in 0..64 {
            places.clear();
            places.extend(rays.iter().map(|(at, way)| points[*at] + normals[*at] * 0.01 + self.light * *way));
            distances.resize(places.len(), 0.0);
            self.field.distances(&places, &mut distances);
            let mut found = distances.iter();
            rays.retain_mut(|(at, way)| {
                let distance = found.next().copied().unwrap_or(0.0);
                if distance < self.settings.epsilon {
                    light[*at] = 0.0;
                    return false;
                }
                light[*at] = light[*at].min(self.settings.shadow_k * distance / *way);
                *way += distance.clamp(0.01, 0.2);
                true
            });
        }
        light.iter().map(|light| light.clamp(0.0, 1.0)).collect()
    }

    /// How open points are to light from everywhere.
    fn openness(&self, points: &[Vec3], normals: &[Vec3]) -> Vec<f32> {
        if !self.settings.ao {
            return vec![1.0; points.len()];
        }
        let mut hidden = vec![0.0_f32; points.len()];
        let mut distances = vec![0.0; points.len()];
        let mut weight = 1.0;
        for step in 0..5_u8 {
            let height = 0.01 + 0.12 * f32::from(step);
            let above: Vec<Vec3> = points.iter().zip(normals).map(|(point, normal)| point + normal * height).collect();
            self.field.distances(&above, &mut distances);
            hidden.iter_mut().zip(&distances).for_each(|(hidden, distance)| *hidden += (height - distance) * weight);
            weight *= 0.95;
        }
        hidden.iter().map(|hidden| (1.0 - 3.0 * hidden).clamp(0.0, 1.0)).collect()
    }

    fn shade(&self, hit: &Hit, n: Vec3, lit: f32, open: f32) -> Vec3 {
        let label = self.field.label(hit.point, &self.labels);
        let surface = &self.materials[usize::try_from(label).unwrap_or(0)];
        let settings = self.settings;
        let v = -hit.direction;
        let h = (self.light + v + Vec3::new(0.0, 1e-7, 0.0)).normalize_or_zero();
        let diffuse = n.dot(self.light).max(0.0) * lit;
        let shine = 64.0_f32.lerp(4.0, surface.roughness);
        let specular = 0.5 * n.dot(h).max(0.0).powf(shine) * lit;
        let rim = 0.3 * (1.0 - n.dot(v).max(0.0)).powi(3);
        let tint = Vec3::ONE.lerp(surface.color, surface.metallic);
        let base = surface.color * (settings.ambient + diffuse * settings.light_color) * (1.0 - 0.5 * surface.metallic);
        (base + specular * tint * settings.light_color) * open + rim * tint * settings.light_color + surface.emission
    }

    fn backdrop(&self, direction: Vec3) -> Vec3 {
        let color = self.settings.background;
        if direction.y < 0.0 {
            return color * 0.5_f32.lerp(1.0, (8.0 * direction.y).exp());
        }
        (color * 1.2).lerp(color * 0.7, direction.y.clamp(0.0, 1.0))
    }
}

/// The curve of film (Narkowicz, "ACES Filmic Tone Mapping Curve", 2015).
fn tone_map(x: Vec3) -> Vec3 {
    ((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)).clamp(Vec3::ZERO, Vec3::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(text: &str, settings: &Settings) -> Picture {
        let tree = Tree::read(&serde_json::from_str(text).unwrap()).unwrap();
        preview(&tree, settings, NonZero::new(2).unwrap()).unwrap()
    }

    fn small() -> Settings {
        let camera_pos = Vec3::new(0.0, 0.0, 4.0);
        Settings { width: 24, height: 16, camera_pos, light_dir: Vec3::Z, ..Settings::default() }
    }

    fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 4] {
        let at = ((y * picture.width + x) * 4) as usize;
        picture.pixels[at..at + 4].try_into().unwrap()
    }

    #[test]
    fn a_red_ball_is_red_in_the_middle_and_not_at_the_edge() {
        let ball = r#"{"type":"primitive","primitive":"sphere","radius":1,"material":{"color":[1,0,0]}}"#;
        let picture = picture(ball, &Settings { soft_shadows: true, ..small() });
        let [red, green, _, alpha] = pixel(&picture, 12, 8);
        assert!(red > 200 && u32::from(red) > u32::from(green) + 50 && alpha == 255, "{red} {green}");
        assert!(pixel(&picture, 0, 0)[0] < 100);
    }

    #[test]
    fn left_is_left_and_up_is_up() {
        let ball = |x: f32, y: f32| {
            format!(
                r#"{{"type":"transform","transform":"translate","offset":[{x},{y},0],"child":{{"type":"primitive","primitive":"sphere","radius":0.4,"material":{{"emission":[9,9,9]}}}}}}"#
            )
        };
        let left = picture(&ball(-1.0, 0.0), &small());
        assert!(pixel(&left, 7, 8)[0] > 250 && pixel(&left, 17, 8)[0] < 100);
        let high = picture(&ball(0.0, 1.0), &small());
        assert!(pixel(&high, 12, 3)[0] > 250 && pixel(&high, 12, 12)[0] < 100);
    }

    #[test]
    fn pictures_without_an_end_are_refused() {
        let tree = Tree::read(&serde_json::from_str(r#"{"type":"ref","name":"x"}"#).unwrap()).unwrap();
        let one = NonZero::<usize>::MIN;
        assert_eq!(preview(&tree, &small(), one), Err(PreviewError::Reference("x".into())));
        assert_eq!(preview(&Tree::default(), &small(), one), Err(PreviewError::Empty));
        let huge = Settings { width: u32::MAX, height: u32::MAX, ..small() };
        assert_eq!(preview(&tree, &huge, one), Err(PreviewError::Size(u32::MAX, u32::MAX)));
    }
}
