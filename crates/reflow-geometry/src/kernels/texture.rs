//! Pictures that vertices are coloured from.

/// A decoded picture of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texture {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

/// How a colour is taken from between the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// The nearest pixel.
    Nearest,
    /// Blended from the four pixels around.
    Linear,
}

impl Texture {
    /// A picture of these pixels, row by row from the top; `None` unless there are as many as the size says, and at least one.
    pub fn new(width: usize, height: usize, pixels: Vec<[u8; 3]>) -> Option<Self> {
        let fits = !pixels.is_empty() && width.checked_mul(height) == Some(pixels.len());
        fits.then_some(Self { width, height, pixels })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The colour at a place: the picture reaches from 0 to 1, is repeated beyond, and v = 0 is its top.
    pub fn sample(&self, u: f32, v: f32, sampling: Sampling) -> [f32; 3] {
        let (x, y) = (wrap(u) * self.width as f32, wrap(v) * self.height as f32);
        match sampling {
            Sampling::Nearest => self.pixel(x as usize, y as usize).map(|part| f32::from(part) / 255.0),
            Sampling::Linear => {
                let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
                let (s, t) = (x - 0.5 - left, y - 0.5 - top);
                let column = |step: f32| (left + step).rem_euclid(self.width as f32) as usize;
                let row = |step: f32| (top + step).rem_euclid(self.height as f32) as usize;
                let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(dx, dy)| {
                    let weight = (if dx == 0.0 { 1.0 - s } else { s }) * (if dy == 0.0 { 1.0 - t } else { t });
                    (self.pixel(column(dx), row(dy)), weight / 255.0)
                });
                std::array::from_fn(|part| corners.iter().map(|(pixel, weight)| f32::from(pixel[part]) * weight).sum())
            }
        }
    }

    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        self.pixels[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }
}

/// Where in its repetition a coordinate is.
fn wrap(part: f32) -> f32 {
    part - part.floor()
}

/// Appends a colour to each vertex: projected along the three axes, and blended by the normal.
pub fn triplanar(
    mesh: &[u8],
    stride: usize,
    texture: &Texture,
    (scale, sharpness): (f32, f32),
    sampling: Sampling,
) -> Vec<u8> {
    painted(mesh, stride, |vertex| {
        let [x, y, z] = [0, 4, 8].map(|offset| super::floats::f32_at(vertex, offset) * scale);
        let normal =
            if stride >= 24 { [12, 16, 20].map(|at| super::floats::f32_at(vertex, at)) } else { [0.0, 1.0, 0.0] };
        let weights = normal.map(|part| part.abs().powf(sharpness));
        let sum: f32 = weights.iter().sum();
        let weights = if sum > 0.0 { weights.map(|weight| weight / sum) } else { weights };
        let sides = [(y, z), (x, z), (x, y)].map(|(u, v)| texture.sample(u, v, sampling));
        std::array::from_fn(|part| (0..3).map(|side| weights[side] * sides[side][part]).sum())
    })
}

/// Appends to each vertex the colour at its texture coordinates, which stand at the byte `offset`.
pub fn mapped(mesh: &[u8], stride: usize, offset: usize, texture: &Texture, sampling: Sampling) -> Vec<u8> {
    painted(mesh, stride, |vertex| {
        let [u, v] = [offset, offset + 4].map(|at| super::floats::f32_at(vertex, at));
        texture.sample(u, v, sampling)
    })
}

/// Each whole vertex with a colour behind it.
fn painted(mesh: &[u8], stride: usize, color: impl Fn(&[u8]) -> [f32; 3]) -> Vec<u8> {
    let mut painted = Vec::with_capacity(mesh.len() / stride * (stride + 12));
    for vertex in mesh.chunks_exact(stride) {
        painted.extend(vertex);
        painted.extend(color(vertex).iter().flat_map(|part| part.to_le_bytes()));
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checker() -> Texture {
        Texture::new(2, 2, vec![[255, 0, 0], [0, 255, 0], [0, 0, 255], [255; 3]]).unwrap()
    }

    #[test]
    fn sizes_must_fit() {
        assert_eq!(Texture::new(2, 2, vec![[0; 3]; 3]), None);
        assert_eq!(Texture::new(0, 0, vec![]), None);
    }

    #[test]
    fn negative_coordinates_repeat_and_do_not_mirror() {
        let texture = checker();
        for sampling in [Sampling::Nearest, Sampling::Linear] {
            assert_eq!(texture.sample(-0.75, 0.25, sampling), texture.sample(0.25, 0.25, sampling));
        }
    }

    #[test]
    fn between_pixels_colours_are_blended() {
        assert_eq!(checker().sample(0.5, 0.25, Sampling::Linear), [0.5, 0.5, 0.0]);
        assert_eq!(checker().sample(0.25, 0.25, Sampling::Linear), [1.0, 0.0, 0.0]);
    }

    proptest! {
        #[test]
        fn colours_stay_in_range_wherever_they_are_taken(u in any::<f32>(), v in any::<f32>()) {
            for sampling in [Sampling::Nearest, Sampling::Linear] {
                let color = checker().sample(u, v, sampling);
                prop_assert!(!(u.is_finite() && v.is_finite()) || color.iter().all(|part| (-1e-6..=1.000_001).contains(part)));
            }
        }
    }
}
