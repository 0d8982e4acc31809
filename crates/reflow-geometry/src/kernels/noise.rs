//! Noise in the plane.
//!
//! Gradient noise after Perlin (*An Image Synthesizer*, 1985), simplex noise after Gustavson (*Simplex noise demystified*,
//! 2005), cellular noise after Worley (1996), ridges after Musgrave (*Texturing and Modeling*, 3rd edition, 504). The hashes are
//! those that saved projects depend on, changed nowhere but at negative coordinates, where they left their range.

/// Adds up layers of a noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Octaves {
    /// How many layers there are.
    pub count: u32,
    /// By how much each is finer than the one before.
    pub lacunarity: f64,
    /// By how much each is weaker than the one before.
    pub persistence: f64,
}

impl Octaves {
    /// The weighted mean of the layers.
    pub fn mean(self, noise: impl Fn(f64, f64) -> f64, x: f64, y: f64) -> f64 {
        let (mut sum, mut total, mut frequency, mut amplitude) = (0.0, 0.0, 1.0, 1.0);
        for _ in 0..self.count {
            sum += amplitude * noise(x * frequency, y * frequency);
            total += amplitude;
            frequency *= self.lacunarity;
            amplitude *= self.persistence;
        }
        sum / total
    }

    /// Ridges: layers of folded noise, each weighted by the one before.
    pub fn ridges(self, x: f64, y: f64) -> f64 {
        let (mut sum, mut weight, mut frequency, mut amplitude) = (0.0, 1.0, 1.0, 1.0);
        for _ in 0..self.count {
            let fold = 1.0 - perlin(x * frequency, y * frequency).abs();
            let signal = fold * fold * weight;
            weight = (signal * 2.0).clamp(0.0, 1.0);
            sum += signal * amplitude;
            frequency *= self.lacunarity;
            amplitude *= self.persistence;
        }
        sum
    }
}

/// Gradient noise, from -1 to 1.
pub fn perlin(x: f64, y: f64) -> f64 {
    let (x, cell_x) = split(x);
    let (y, cell_y) = split(y);
    let corner = |dx: i64, dy: i64| {
        let (fx, fy) = (x - dx as f64, y - dy as f64);
        match lattice(cell_x.wrapping_add(dx), cell_y.wrapping_add(dy)) & 3 {
            0 => fx + fy,
            1 => fy - fx,
            2 => fx - fy,
            _ => -fx - fy,
        }
    };
    let (u, v) = (fade(x), fade(y));
    lerp(lerp(corner(0, 0), corner(1, 0), u), lerp(corner(0, 1), corner(1, 1), u), v)
}

/// Simplex noise, from -1 to 1.
pub fn simplex(x: f64, y: f64) -> f64 {
    const GRADIENTS: [[f64; 2]; 8] = [
        [1.0, 0.0],
        [-1.0, 0.0],
        [0.0, 1.0],
        [0.0, -1.0],
        [0.707, 0.707],
        [-0.707, 0.707],
        [0.707, -0.707],
        [-0.707, -0.707],
    ];
    let skew = (x + y) * ((3.0_f64.sqrt() - 1.0) / 2.0);
    let unskew = (3.0 - 3.0_f64.sqrt()) / 6.0;
    let (i, j) = ((x + skew).floor(), (y + skew).floor());
    let (x0, y0) = (x - (i - (i + j) * unskew), y - (j - (i + j) * unskew));
    let (i1, j1) = if x0 > y0 { (1.0, 0.0) } else { (0.0, 1.0) };
    let corner = |di: f64, dj: f64, shift: f64| {
        let (dx, dy) = (x0 - di + shift, y0 - dj + shift);
        let falloff = (0.5 - dx * dx - dy * dy).max(0.0);
        let [gx, gy] = GRADIENTS[(hash(i + di, j + dj, 0.0) * 8.0) as usize % 8];
        falloff.powi(4) * (gx * dx + gy * dy)
    };
    70.0 * (corner(0.0, 0.0, 0.0) + corner(i1, j1, unskew) + corner(1.0, 1.0, 2.0 * unskew))
}

/// The distance to the nearest point, of which there is one in each cell.
pub fn worley(x: f64, y: f64) -> f64 {
    let (cell_x, cell_y) = (x.floor(), y.floor());
    let mut nearest = f64::INFINITY;
    for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (f64::from(dx), f64::from(dy)))) {
        let (ix, iy) = (cell_x + dx, cell_y + dy);
        let (px, py) = (ix + hash(ix, iy, 0.0), iy + hash(ix, iy, 1.0));
        nearest = nearest.min((px - x).powi(2) + (py - y).powi(2));
    }
    nearest.sqrt()
}

/// Blended values at the corners of a cubic lattice, from 0 to 1.
pub fn value(x: f64, y: f64, z: f64) -> f64 {
    let (i, j, k) = (x.floor(), y.floor(), z.floor());
    let (u, v, w) = (fade(x - i), fade(y - j), fade(z - k));
    let row = |dy: f64, dz: f64| lerp(hash(i, j + dy, k + dz), hash(i + 1.0, j + dy, k + dz), u);
    let plane = |dz: f64| lerp(row(0.0, dz), row(1.0, dz), v);
    lerp(plane(0.0), plane(1.0), w)
}

/// A value from 0 to 1 that depends on nothing but the cell and the seed.
pub fn white(x: u32, y: u32, seed: f64) -> f64 {
    let cell = (u64::from(x) << 32 | u64::from(y)).wrapping_add(mix(seed.to_bits()));
    (mix(cell) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood, 2014).
pub(crate) fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// Two bits that choose the gradient at a corner.
fn lattice(x: i64, y: i64) -> u64 {
    let sum = x.wrapping_mul(374_761_393).wrapping_add(y.wrapping_mul(668_265_263)) as u64;
    sum.wrapping_mul(1_274_126_177) >> 30
}

/// A value from 0 to 1 for a corner.
fn hash(a: f64, b: f64, c: f64) -> f64 {
    let [a, b, c] = [a, b, c].map(|part| fract(part * 0.1031));
    let s = a * (b + 19.19) + b * (c + 19.19) + c * (a + 19.19);
    fract((a + s + b + s) * (c + s))
}

/// What is above the whole number below.
fn fract(x: f64) -> f64 {
    x - x.floor()
}

/// Where in its cell a coordinate is, and the cell.
fn split(x: f64) -> (f64, i64) {
    (fract(x), x.floor() as i64)
}

fn fade(t: f64) -> f64 {
    t * t * (3.0 - 2.0 * t)
}

fn lerp(a: f64, b: f64, t: f64) -> f64 {
    a + (b - a) * t
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn noise_stays_in_its_range_on_both_sides_of_zero(x in -1e4..1e4_f64, y in -1e4..1e4_f64) {
            prop_assert!(perlin(x, y).abs() <= 1.0);
            prop_assert!(simplex(x, y).abs() <= 1.01);
            prop_assert!((0.0..=1.0).contains(&value(x, y, 0.0)));
            prop_assert!((0.0..=2.0_f64.sqrt()).contains(&worley(x, y)));
            let octaves = Octaves { count: 5, lacunarity: 2.0, persistence: 0.5 };
            prop_assert!(octaves.mean(perlin, x, y).abs() <= 1.0);
            prop_assert!((0.0..2.0).contains(&octaves.ridges(x, y)));
        }

        #[test]
        fn noise_has_no_jumps(x in -100.0..100.0_f64, y in -100.0..100.0_f64) {
            for noise in [perlin, simplex, worley, |x, y| value(x, y, 0.0)] {
                prop_assert!((noise(x, y) - noise(x + 1e-6, y - 1e-6)).abs() < 1e-4);
            }
        }

        #[test]
        fn no_number_makes_it_panic(x in any::<f64>(), y in any::<f64>()) {
            let _ = (perlin(x, y), simplex(x, y), worley(x, y), value(x, y, x));
        }
    }

    #[test]
    fn white_noise_is_uniform_and_repeats() {
        let values: Vec<f64> = (0..100).flat_map(|y| (0..100).map(move |x| white(x, y, 7.5))).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.002, "{mean} {variance}");
        assert_eq!(values[1234], white(34, 12, 7.5));
        assert_ne!(white(1, 2, 0.0), white(1, 2, 1.0));
        assert_ne!(white(1, 2, 0.0), white(2, 1, 0.0));
    }
}
