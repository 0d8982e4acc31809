//! Layers of pixels over each other.
//!
//! The separable blend modes of *Compositing and Blending Level 1* (W3C, 2015) and of picture editors. Alpha is straight.

/// How a colour is mixed with the one behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blend {
    /// It covers it.
    Normal,
    /// Their product.
    Multiply,
    /// The product of their inverses, inverted.
    Screen,
    /// Multiply where it is dark behind, screen where it is light.
    Overlay,
    /// Their sum.
    Add,
    /// A mild hard light.
    SoftLight,
    /// Multiply where the layer is dark, screen where it is light.
    HardLight,
    /// How far they are apart.
    Difference,
    /// A mild difference.
    Exclusion,
    /// The colour behind, divided by the inverse.
    ColorDodge,
    /// The inverse of the colour behind, divided, inverted.
    ColorBurn,
    /// The darker one.
    Darken,
    /// The lighter one.
    Lighten,
    /// What is left of the colour behind.
    Subtract,
    /// Their quotient.
    Divide,
}

impl Blend {
    /// The mode of this name, in any letter case and whatever stands between its words; `Normal` when there is none.
    pub fn of_name(name: &str) -> Self {
        let name: String = name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
        match name.to_lowercase().as_str() {
            "multiply" => Self::Multiply,
            "screen" => Self::Screen,
            "overlay" => Self::Overlay,
            "add" | "lineardodge" => Self::Add,
            "softlight" => Self::SoftLight,
            "hardlight" => Self::HardLight,
            "difference" => Self::Difference,
            "exclusion" => Self::Exclusion,
            "colordodge" => Self::ColorDodge,
            "colorburn" => Self::ColorBurn,
            "darken" => Self::Darken,
            "lighten" => Self::Lighten,
            "subtract" | "linearburn" => Self::Subtract,
            "divide" => Self::Divide,
            _ => Self::Normal,
        }
    }

    /// The mix of a part of the colour behind with that of a layer, from 0 to 1.
    pub fn mix(self, behind: f32, layer: f32) -> f32 {
        let hard = |test: f32| {
            if test < 0.5 { 2.0 * behind * layer } else { 1.0 - 2.0 * (1.0 - behind) * (1.0 - layer) }
        };
        match self {
            Self::Normal => layer,
            Self::Multiply => behind * layer,
            Self::Screen => 1.0 - (1.0 - behind) * (1.0 - layer),
            Self::Overlay => hard(behind),
            Self::HardLight => hard(layer),
            Self::Add => (behind + layer).min(1.0),
            Self::SoftLight if layer <= 0.5 => behind - (1.0 - 2.0 * layer) * behind * (1.0 - behind),
            Self::SoftLight => {
                let light =
                    if behind <= 0.25 { ((16.0 * behind - 12.0) * behind + 4.0) * behind } else { behind.sqrt() };
                behind + (2.0 * layer - 1.0) * (light - behind)
            }
            Self::Difference => (behind - layer).abs(),
            Self::Exclusion => behind + layer - 2.0 * behind * layer,
            Self::ColorDodge if layer >= 1.0 => 1.0,
            Self::ColorDodge => (behind / (1.0 - layer)).min(1.0),
            Self::ColorBurn if layer <= 0.0 => 0.0,
            Self::ColorBurn => 1.0 - ((1.0 - behind) / layer).min(1.0),
            Self::Darken => behind.min(layer),
            Self::Lighten => behind.max(layer),
            Self::Subtract => (behind - layer).max(0.0),
            Self::Divide if layer <= 0.0 => 1.0,
            Self::Divide => (behind / layer).min(1.0),
        }
    }
}

/// Puts a layer over a picture, pixel by pixel, as long as both have any.
pub fn over(picture: &mut [u8], layer: &[u8], blend: Blend, opacity: f32) {
    for (below, above) in picture.as_chunks_mut::<4>().0.iter_mut().zip(layer.as_chunks::<4>().0) {
        let [behind, front] = [*below, *above].map(|pixel| pixel.map(|part| f32::from(part) / 255.0));
        let alpha = front[3] * opacity;
        let covered = alpha + behind[3] * (1.0 - alpha);
        if covered < 1e-6 {
            *below = [0; 4];
            continue;
        }
        let part = |index: usize| {
            let mixed = blend.mix(behind[index], front[index]);
            behind[index] * (1.0 - alpha) + mixed * alpha
        };
        *below = [part(0), part(1), part(2), covered].map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [&str; 15] = [
        "normal",
        "multiply",
        "screen",
        "overlay",
        "add",
        "soft-light",
        "HardLight",
        "difference",
        "exclusion",
        "color_dodge",
        "color burn",
        "darken",
        "lighten",
        "subtract",
        "divide",
    ];

    proptest! {
        #[test]
        fn mixes_stay_in_range(behind in 0.0..=1.0_f32, layer in 0.0..=1.0_f32) {
            for name in ALL {
                let mixed = Blend::of_name(name).mix(behind, layer);
                prop_assert!((-1e-6..=1.000_001).contains(&mixed), "{name} {mixed}");
            }
        }

        #[test]
        fn a_layer_that_is_not_there_changes_nothing(pixel in any::<[u8; 4]>(), layer in any::<[u8; 4]>()) {
            prop_assume!(pixel[3] > 0);
            for name in ALL {
                let mut picture = pixel;
                over(&mut picture, &layer, Blend::of_name(name), 0.0);
                prop_assert_eq!(picture, pixel);
            }
        }
    }

    #[test]
    fn an_opaque_layer_covers() {
        let mut picture = [1, 2, 3, 255];
        over(&mut picture, &[9, 8, 7, 255], Blend::Normal, 1.0);
        assert_eq!(picture, [9, 8, 7, 255]);
    }
}
