//! Blending two images (W3C, *Compositing and Blending Level 1*; the modes that are not there as painting programs have them).

use std::sync::OnceLock;

/// How the colours of two layers come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the formulas below say it")]
pub enum Mode {
    Normal,
    Multiply,
    Screen,
    Overlay,
    Add,
    SoftLight,
    HardLight,
    Difference,
    Exclusion,
    ColorDodge,
    ColorBurn,
    Darken,
    Lighten,
    Subtract,
    Divide,
}

impl Mode {
    /// What a channel of the base and one of the overlay come to, each from 0 to 1.
    pub fn mix(self, b: f32, f: f32) -> f32 {
        match self {
            Self::Normal => f,
            Self::Multiply => b * f,
            Self::Screen => 1.0 - (1.0 - b) * (1.0 - f),
            Self::Overlay => Self::HardLight.mix(f, b),
            Self::Add => (b + f).min(1.0),
            Self::SoftLight if f <= 0.5 => b - (1.0 - 2.0 * f) * b * (1.0 - b),
            Self::SoftLight => {
                let root = if b <= 0.25 { ((16.0 * b - 12.0) * b + 4.0) * b } else { b.sqrt() };
                b + (2.0 * f - 1.0) * (root - b)
            }
            Self::HardLight if f < 0.5 => 2.0 * b * f,
            Self::HardLight => 1.0 - 2.0 * (1.0 - b) * (1.0 - f),
            Self::Difference => (b - f).abs(),
            Self::Exclusion => b + f - 2.0 * b * f,
            Self::ColorDodge if f >= 1.0 => 1.0,
            Self::ColorDodge => (b / (1.0 - f)).min(1.0),
            Self::ColorBurn if f <= 0.0 => 0.0,
            Self::ColorBurn => 1.0 - ((1.0 - b) / f).min(1.0),
            Self::Darken => b.min(f),
            Self::Lighten => b.max(f),
            Self::Subtract => (b - f).max(0.0),
            Self::Divide if f <= 0.0 => 1.0,
            Self::Divide => (b / f).min(1.0),
        }
    }
}

/// A mode and how opaque the overlay is.
pub struct Blend {
    mode: Mode,
    /// What the bytes of the base (rows) and the overlay come to, once a picture is large enough to be worth it.
    table: OnceLock<Box<[u8]>>,
    opacity: f32,
    /// Whether the overlay mixes with the base only as far as there is a base.
    is_weighted: bool,
}

/// Pictures with fewer pixels have fewer pairs of bytes than the table.
const WORTH_A_TABLE: usize = 1 << 14;

impl Blend {
    /// Blends with a mode. `is_weighted` is the formula of the W3C; without it a transparent base darkens the result all the same.
    pub fn new(mode: Mode, opacity: f32, is_weighted: bool) -> Self {
        Self { mode, table: OnceLock::new(), opacity, is_weighted }
    }

    /// Lays RGBA pixels over others, as many as there are of both.
    pub fn apply(&self, base: &mut [u8], overlay: &[u8]) {
        let (base, overlay) = (base.as_chunks_mut::<4>().0, overlay.as_chunks::<4>().0);
        if self.mode == Mode::Normal {
            self.lay(base, overlay, |_, f| f);
        } else if self.table.get().is_some() || base.len().min(overlay.len()) >= WORTH_A_TABLE {
            let pair = |at: usize| self.mixed((at / 256) as u8, (at % 256) as u8);
            let table = self.table.get_or_init(|| (0..1 << 16).map(pair).collect());
            self.lay(base, overlay, |b, f| table[usize::from(b) << 8 | usize::from(f)]);
        } else {
            self.lay(base, overlay, |b, f| self.mixed(b, f));
        }
    }

    /// What a byte of the base and one of the overlay come to.
    fn mixed(&self, b: u8, f: u8) -> u8 {
        let mixed = self.mode.mix(f32::from(b) / 255.0, f32::from(f) / 255.0);
        (mixed * 255.0).clamp(0.0, 255.0).round() as u8
    }

    #[inline]
    fn lay(&self, base: &mut [[u8; 4]], overlay: &[[u8; 4]], mix: impl Fn(u8, u8) -> u8) {
        for (base, overlay) in base.iter_mut().zip(overlay) {
            *base = self.pixel(*base, *overlay, &mix);
        }
    }

    #[inline]
    fn pixel(&self, base: [u8; 4], overlay: [u8; 4], mix: impl Fn(u8, u8) -> u8) -> [u8; 4] {
        let (below, above) = (f32::from(base[3]) / 255.0, f32::from(overlay[3]) / 255.0 * self.opacity);
        let alpha = above + below * (1.0 - above);
        if alpha < 1e-6 {
            return [0; 4];
        }
        let colour = |channel: usize| {
            let (b, f) = (base[channel], overlay[channel]);
            let (b, f, mixed) = (f32::from(b), f32::from(f), f32::from(mix(b, f)));
            let value = if self.is_weighted {
                (above * ((1.0 - below) * f + below * mixed) + (1.0 - above) * below * b) / alpha
            } else {
                b * (1.0 - above) + mixed * above
            };
            value.clamp(0.0, 255.0).round() as u8
        };
        [colour(0), colour(1), colour(2), (alpha * 255.0).clamp(0.0, 255.0).round() as u8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Mode; 15] = [
        Mode::Normal,
        Mode::Multiply,
        Mode::Screen,
        Mode::Overlay,
        Mode::Add,
        Mode::SoftLight,
        Mode::HardLight,
        Mode::Difference,
        Mode::Exclusion,
        Mode::ColorDodge,
        Mode::ColorBurn,
        Mode::Darken,
        Mode::Lighten,
        Mode::Subtract,
        Mode::Divide,
    ];

    proptest! {
        #[test]
        fn every_mode_stays_in_range(mode in 0..15_usize, b in 0.0..=1.0_f32, f in 0.0..=1.0_f32) {
            let mixed = ALL[mode].mix(b, f);
            prop_assert!((-1e-6..=1.0 + 1e-6).contains(&mixed), "{:?} {mixed}", ALL[mode]);
        }

        #[test]
        fn an_invisible_overlay_changes_nothing(mode in 0..15_usize, base: [u8; 4], overlay: [u8; 3], is_weighted: bool) {
            let mut changed = base;
            Blend::new(ALL[mode], 1.0, is_weighted).apply(&mut changed, &[overlay[0], overlay[1], overlay[2], 0]);
            prop_assert_eq!(changed, if base[3] == 0 { [0; 4] } else { base });
        }

        #[test]
        fn over_nothing_there_is_the_overlay(mode in 0..15_usize, base: [u8; 3], overlay: [u8; 4]) {
            let mut changed = [base[0], base[1], base[2], 0];
            Blend::new(ALL[mode], 1.0, true).apply(&mut changed, &overlay);
            prop_assert_eq!(changed, if overlay[3] == 0 { [0; 4] } else { overlay });
        }

        #[test]
        fn modes_that_do_not_care_for_order_do_not(b in 0.0..=1.0_f32, f in 0.0..=1.0_f32) {
            for mode in [Mode::Multiply, Mode::Screen, Mode::Add, Mode::Difference, Mode::Exclusion, Mode::Darken, Mode::Lighten] {
                prop_assert!((mode.mix(b, f) - mode.mix(f, b)).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn large_pictures_are_blended_like_small_ones() {
        let bytes = |count: usize, by: usize| (0..count * 4).map(|at| (at * by % 251) as u8).collect::<Vec<u8>>();
        let (base, overlay) = (bytes(WORTH_A_TABLE, 7), bytes(WORTH_A_TABLE, 13));
        for mode in ALL {
            let (mut whole, mut parts) = (base.clone(), base.clone());
            Blend::new(mode, 0.7, false).apply(&mut whole, &overlay);
            let small = Blend::new(mode, 0.7, false);
            parts.chunks_mut(400).zip(overlay.chunks(400)).for_each(|(base, overlay)| small.apply(base, overlay));
            assert_eq!(whole, parts, "{mode:?}");
        }
    }

    #[test]
    fn only_what_both_have_is_blended() {
        let mut base = [10, 20, 30, 255, 1, 2, 3, 4];
        Blend::new(Mode::Multiply, 1.0, false).apply(&mut base, &[255, 255, 255, 255]);
        assert_eq!(base, [10, 20, 30, 255, 1, 2, 3, 4]);
    }
}
