//! Plain and graded surfaces.

use super::tone::{encoded, linear};

/// RGBA.
pub type Colour = [u8; 4];

/// What a surface looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Surface {
    /// One colour.
    Solid(Colour),
    /// From one colour to another along a direction.
    Linear {
        /// The colours.
        colours: [Colour; 2],
        /// The direction in degrees: 0 is from left to right, 90 from top to bottom.
        angle: f64,
    },
    /// From one colour in the middle to another outside.
    Radial {
        /// The colours.
        colours: [Colour; 2],
        /// The middle, in fractions of the size.
        center: [f64; 2],
        /// Where the second colour is reached, as a fraction of the size.
        radius: f64,
    },
}

/// How colours between two others are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixing {
    /// Byte by byte.
    Srgb,
    /// As evenly as people see it (B. Ottosson, *Oklab*, 2020).
    Oklab,
}

/// The pixels of a surface.
pub fn surface(surface: Surface, width: usize, height: usize, mixing: Mixing) -> Vec<u8> {
    let (colours, place): (_, Box<dyn Fn(f64, f64) -> f64>) = match surface {
        Surface::Solid(colour) => return colour.repeat(width * height),
        Surface::Linear { colours, angle } => {
            let (sin, cos) = angle.to_radians().sin_cos();
            (colours, Box::new(move |x, y| (x - 0.5) * cos + (y - 0.5) * sin + 0.5))
        }
        Surface::Radial { colours, center: [cx, cy], radius } => {
            (colours, Box::new(move |x, y| (x - cx).hypot(y - cy) / radius))
        }
    };
    let mix = |t: f64| match mixing {
        Mixing::Srgb => between(colours, t),
        Mixing::Oklab => evenly_between(colours, t),
    };
    let at = |x: usize, y: usize| mix(place(x as f64 / width as f64, y as f64 / height as f64).clamp(0.0, 1.0));
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| at(x, y)).collect()
}

fn between([from, to]: [Colour; 2], t: f64) -> Colour {
    let channel = |at: usize| f64::from(from[at]) + (f64::from(to[at]) - f64::from(from[at])) * t;
    std::array::from_fn(|at| channel(at) as u8)
}

fn evenly_between([from, to]: [Colour; 2], t: f64) -> Colour {
    let (start, end) = (oklab(from), oklab(to));
    let [r, g, b] = from_oklab(std::array::from_fn(|at| start[at] + (end[at] - start[at]) * t as f32));
    [r, g, b, between([from, to], t)[3]]
}

type Matrix = [[f32; 3]; 3];

/// The answers of the eye's cones, of light.
const CONES: Matrix = [
    [0.412_221_47, 0.536_332_54, 0.051_445_995],
    [0.211_903_5, 0.680_699_5, 0.107_396_96],
    [0.088_302_46, 0.281_718_85, 0.629_978_7],
];
/// Lightness, green to red and blue to yellow, of the cube roots of those.
const OPPONENTS: Matrix = [
    [0.210_454_26, 0.793_617_8, -0.004_072_047],
    [1.977_998_5, -2.428_592_2, 0.450_593_7],
    [0.025_904_037, 0.782_771_77, -0.808_675_77],
];
const FROM_OPPONENTS: Matrix =
    [[1.0, 0.396_337_78, 0.215_803_76], [1.0, -0.105_561_346, -0.063_854_17], [1.0, -0.089_484_18, -1.291_485_5]];
const FROM_CONES: Matrix = [
    [4.076_741_7, -3.307_711_6, 0.230_969_94],
    [-1.268_438, 2.609_757_4, -0.341_319_38],
    [-0.004_196_086_3, -0.703_418_6, 1.707_614_7],
];

fn product(matrix: Matrix, vector: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(factor, part)| factor * part).sum())
}

fn oklab([r, g, b, _]: Colour) -> [f32; 3] {
    let light = [r, g, b].map(|byte| linear(f32::from(byte) / 255.0));
    product(OPPONENTS, product(CONES, light).map(f32::cbrt))
}

fn from_oklab(colour: [f32; 3]) -> [u8; 3] {
    let light = product(FROM_CONES, product(FROM_OPPONENTS, colour).map(|root| root.powi(3)));
    light.map(|light| (encoded(light.clamp(0.0, 1.0)) * 255.0).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gradient_goes_from_one_colour_to_the_other() {
        let colours = [[0, 100, 200, 255], [200, 100, 0, 255]];
        let row = surface(Surface::Linear { colours, angle: 0.0 }, 5, 1, Mixing::Srgb);
        let reds: Vec<u8> = row.chunks(4).map(|pixel| pixel[0]).collect();
        assert_eq!(reds, [0, 40, 80, 120, 160]);
        let middle = surface(Surface::Radial { colours, center: [0.5, 0.5], radius: 0.5 }, 2, 2, Mixing::Srgb);
        assert_eq!(middle[12..], colours[0]);
        assert_eq!(middle[..4], colours[1]);
    }

    proptest! {
        #[test]
        fn both_mixings_keep_the_ends(from: [u8; 4], to: [u8; 4]) {
            prop_assert_eq!(between([from, to], 0.0), from);
            prop_assert_eq!(between([from, to], 1.0), to);
            for (mixed, wanted) in evenly_between([from, to], 1.0).iter().zip(to) {
                prop_assert!(mixed.abs_diff(wanted) <= 1);
            }
        }
    }
}
