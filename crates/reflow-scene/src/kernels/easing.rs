//! Easing: how a value gets from a start to an end, as a function of the progress from 0 to 1.
//!
//! The curves are those of Robert Penner (*Programming Macromedia Flash MX*, 2002), with the constants that easings.net
//! lists; Bézier curves and steps are those of CSS.

use std::f64::consts::PI;

/// How far back goes what overshoots.
const BACK: f64 = 1.70158;

/// A way from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Easing {
    /// Evenly.
    Linear,
    /// A curve, on one side or on both.
    Curve(Curve, Side),
    /// A cubic Bézier curve from (0, 0) to (1, 1) with these two control points.
    Bezier([f64; 4]),
    /// A spring of this stiffness, damping and mass.
    Spring([f64; 3]),
    /// So many steps.
    Steps(u64),
}

/// The shape of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// t to the power of this.
    Power(i32),
    /// A power of 2.
    Exponential,
    /// Goes back first.
    Back,
    /// Bounces.
    Bounce,
    /// Swings.
    Elastic,
    /// A part of a sine.
    Sine,
    /// A part of a circle.
    Circle,
}

/// Where a curve is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At the start.
    In,
    /// At the end.
    Out,
    /// At both.
    Both,
}

impl Easing {
    /// The easing of a name such as `easeInQuad` or `cubicBezier(0.2, 0, 0, 1)`; what is none is linear.
    pub fn parse(name: &str) -> Self {
        match name {
            "linear" => Self::Linear,
            "easeIn" => Self::Curve(Curve::Power(3), Side::In),
            "easeOut" => Self::Curve(Curve::Power(3), Side::Out),
            "easeInOut" => Self::Curve(Curve::Power(3), Side::Both),
            "ease" => Self::Bezier([0.25, 0.1, 0.25, 1.0]),
            "ease-in" => Self::Bezier([0.42, 0.0, 1.0, 1.0]),
            "ease-out" => Self::Bezier([0.0, 0.0, 0.58, 1.0]),
            "ease-in-out" => Self::Bezier([0.42, 0.0, 0.58, 1.0]),
            "materialStandard" => Self::Bezier([0.2, 0.0, 0.0, 1.0]),
            "materialDecelerate" => Self::Bezier([0.0, 0.0, 0.0, 1.0]),
            "materialAccelerate" => Self::Bezier([0.3, 0.0, 1.0, 1.0]),
            _ => Self::curve(name).or_else(|| Self::call(name)).unwrap_or(Self::Linear),
        }
    }

    /// `easeInOutQuad`, `backIn` and their like.
    fn curve(name: &str) -> Option<Self> {
        let sides = [("InOut", Side::Both), ("In", Side::In), ("Out", Side::Out)];
        if let Some(rest) = name.strip_prefix("ease") {
            let (word, side) = sides.iter().find_map(|(prefix, side)| Some((rest.strip_prefix(prefix)?, *side)))?;
            let curve = match word {
                "Quad" => Curve::Power(2),
                "Cubic" => Curve::Power(3),
                "Quart" => Curve::Power(4),
                "Expo" => Curve::Exponential,
                "Back" => Curve::Back,
                "Bounce" => Curve::Bounce,
                "Elastic" => Curve::Elastic,
                "Sine" => Curve::Sine,
                "Circ" => Curve::Circle,
                _ => return None,
            };
            return Some(Self::Curve(curve, side));
        }
        let (word, side) = sides.iter().find_map(|(suffix, side)| Some((name.strip_suffix(suffix)?, *side)))?;
        let curve = match word {
            "back" => Curve::Back,
            "bounce" => Curve::Bounce,
            "elastic" => Curve::Elastic,
            _ => return None,
        };
        Some(Self::Curve(curve, side))
    }

    /// `cubicBezier(…)`, `spring(…)`, `steps(…)`.
    fn call(name: &str) -> Option<Self> {
        let (function, rest) = name.split_once('(')?;
        let inside = rest.strip_suffix(')')?;
        let numbers = || inside.split(',').map(|part| part.trim().parse::<f64>().ok().filter(|n| n.is_finite()));
        match function {
            "cubicBezier" => {
                let points: Vec<f64> = numbers().collect::<Option<_>>()?;
                Some(Self::Bezier(points.try_into().ok()?))
            }
            "spring" => {
                let given: Vec<_> = numbers().collect();
                let part = |at: usize, default| given.get(at).copied().flatten().unwrap_or(default);
                let spring = [part(0, 300.0), part(1, 20.0), part(2, 1.0)];
                (spring[0] > 0.0 && spring[1] >= 0.0 && spring[2] > 0.0).then_some(Self::Spring(spring))
            }
            "steps" => Some(Self::Steps(inside.trim().parse().unwrap_or(1))),
            _ => None,
        }
    }

    /// The value at progress `t`, which is clamped to 0..1 first.
    pub fn at(self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        let value = match self {
            Self::Linear | Self::Steps(0) => t,
            Self::Curve(curve, side) => curve.at(side, t),
            Self::Bezier(points) => bezier(points, t),
            Self::Spring(spring) => self::spring(spring, t),
            Self::Steps(n) => ((t * n as f64).floor() / n as f64).clamp(0.0, 1.0),
        };
        // Parameters without measure.
        if value.is_nan() { t } else { value }
    }
}

/// The value of the easing called `name` at progress `t`.
pub fn ease(name: &str, t: f64) -> f64 {
    Easing::parse(name).at(t)
}

impl Curve {
    fn at(self, side: Side, t: f64) -> f64 {
        match (self, side) {
            (Self::Back, Side::Both) => {
                let s = BACK * 1.525;
                if t < 0.5 {
                    let u = 2.0 * t;
                    u * u * ((s + 1.0) * u - s) / 2.0
                } else {
                    let u = 2.0 * t - 2.0;
                    u * u * ((s + 1.0) * u + s) / 2.0 + 1.0
                }
            }
            (Self::Elastic | Self::Exponential, _) if t == 0.0 || t == 1.0 => t,
            (Self::Elastic, Side::Both) => {
                let wave = ((20.0 * t - 11.125) * 2.0 * PI / 4.5).sin();
                if t < 0.5 {
                    -((20.0 * t - 10.0).exp2() * wave) / 2.0
                } else {
                    (-20.0 * t + 10.0).exp2() * wave / 2.0 + 1.0
                }
            }
            (_, Side::In) => self.start(t),
            (_, Side::Out) => 1.0 - self.start(1.0 - t),
            (_, Side::Both) if t < 0.5 => self.start(2.0 * t) / 2.0,
            (_, Side::Both) => 1.0 - self.start(2.0 - 2.0 * t) / 2.0,
        }
    }

    /// The curve that is slow at the start. Mirrored it is the one that is slow at the end.
    fn start(self, t: f64) -> f64 {
        match self {
            Self::Power(exponent) => t.powi(exponent),
            Self::Exponential => {
                if t == 0.0 {
                    0.0
                } else {
                    (10.0 * (t - 1.0)).exp2()
                }
            }
            Self::Back => t * t * ((BACK + 1.0) * t - BACK),
            Self::Bounce => 1.0 - bounce(1.0 - t),
            Self::Elastic => -(10.0 * t - 10.0).exp2() * ((10.0 * t - 10.75) * 2.0 * PI / 3.0).sin(),
            Self::Sine => 1.0 - (PI * t / 2.0).cos(),
            Self::Circle => 1.0 - (1.0 - t * t).max(0.0).sqrt(),
        }
    }
}

fn bounce(t: f64) -> f64 {
    const STEEPNESS: f64 = 7.5625;
    const SPAN: f64 = 2.75;
    let (shift, height) = match t * SPAN {
        x if x < 1.0 => (0.0, 0.0),
        x if x < 2.0 => (1.5, 0.75),
        x if x < 2.5 => (2.25, 0.9375),
        _ => (2.625, 0.984_375),
    };
    let u = t - shift / SPAN;
    STEEPNESS * u * u + height
}

/// Finds the parameter whose x is `t` by Newton's method, and gives its y.
fn bezier([x1, y1, x2, y2]: [f64; 4], t: f64) -> f64 {
    let at = |p1: f64, p2: f64, s: f64| {
        let r = 1.0 - s;
        3.0 * r * r * s * p1 + 3.0 * r * s * s * p2 + s * s * s
    };
    let slope = |s: f64| {
        let r = 1.0 - s;
        3.0 * r * r * x1 + 6.0 * r * s * (x2 - x1) + 3.0 * s * s * (1.0 - x2)
    };
    let mut s = t;
    for _ in 0..8 {
        let slope = slope(s);
        if slope.abs() < 1e-12 {
            break;
        }
        s = (s - (at(x1, x2, s) - t) / slope).clamp(0.0, 1.0);
    }
    at(y1, y2, s)
}

/// The way of a damped spring that is let go at 0 and comes to rest at 1, after `t` seconds.
fn spring([stiffness, damping, mass]: [f64; 3], t: f64) -> f64 {
    let w = (stiffness / mass).sqrt();
    let z = damping / (2.0 * (stiffness * mass).sqrt());
    if (z - 1.0).abs() < 1e-6 {
        1.0 - (1.0 + w * t) * (-w * t).exp()
    } else if z < 1.0 {
        let wd = w * (1.0 - z * z).sqrt();
        1.0 - (-z * w * t).exp() * ((wd * t).cos() + z * w / wd * (wd * t).sin())
    } else {
        let root = (z * z - 1.0).sqrt();
        let (s1, s2) = (-w * (z - root), -w * (z + root));
        1.0 - s1 / (s1 - s2) * (s2 * t).exp() + s2 / (s1 - s2) * (s1 * t).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 38] = [
        "linear",
        "easeInQuad",
        "easeOutQuad",
        "easeInOutQuad",
        "easeIn",
        "easeOut",
        "easeInOut",
        "easeInQuart",
        "easeOutQuart",
        "easeInOutQuart",
        "easeInExpo",
        "easeOutExpo",
        "easeInOutExpo",
        "backIn",
        "backOut",
        "backInOut",
        "bounceIn",
        "bounceOut",
        "bounceInOut",
        "elasticIn",
        "elasticOut",
        "elasticInOut",
        "easeInSine",
        "easeOutSine",
        "easeInOutSine",
        "easeInCirc",
        "easeOutCirc",
        "easeInOutCirc",
        "ease",
        "ease-in",
        "ease-out",
        "ease-in-out",
        "materialStandard",
        "materialDecelerate",
        "materialAccelerate",
        "steps(5)",
        "cubicBezier(0.1, 0.9, 0.9, 0.1)",
        "easeInOutElastic",
    ];

    #[test]
    fn easings_start_at_0_and_end_at_1() {
        for name in NAMES {
            assert!(ease(name, -1.0).abs() < 1e-9, "{name}");
            assert!((ease(name, 2.0) - 1.0).abs() < 1e-9, "{name}");
        }
    }

    #[test]
    fn names_are_what_they_say() {
        for (name, t, value) in [
            ("easeInQuad", 0.5, 0.25),
            ("easeOutCubic", 0.5, 0.875),
            ("easeInOutQuart", 0.25, 8.0 / 256.0),
            ("easeOutExpo", 0.5, 1.0 - 2.0_f64.powi(-5)),
            ("easeInOutExpo", 0.25, 2.0_f64.powi(-5) / 2.0),
            ("backIn", 0.5, 0.25 * (2.70158 * 0.5 - 1.70158)),
            ("bounceOut", 0.5, 0.765_625),
            ("easeInCirc", 0.6, 0.2),
            ("easeInSine", 1.0 / 3.0, 1.0 - (PI / 6.0).cos()),
            ("steps(4)", 0.7, 0.5),
            ("steps(x)", 0.7, 0.0),
            ("steps(0)", 0.7, 0.7),
            ("nonsense", 0.7, 0.7),
            ("EaseIn", 0.7, 0.7),
            ("cubicBezier(1, 2, 3)", 0.7, 0.7),
            ("spring(1, 2, 0)", 0.7, 0.7),
        ] {
            assert!((ease(name, t) - value).abs() < 1e-12, "{name} at {t} is {}", ease(name, t));
        }
        let shown = 1.0
            - (-10.0_f64 * 0.2).exp()
                * ((200.0_f64.sqrt() * 0.2).cos() + 10.0 / 200.0_f64.sqrt() * (200.0_f64.sqrt() * 0.2).sin());
        assert!((ease("spring()", 0.2) - shown).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn monotone_easings_never_go_back(index in 0..12_usize, t in 0.0..1.0_f64, step in 0.0..0.5_f64) {
            let name = NAMES[index];
            prop_assert!(ease(name, t + step) >= ease(name, t) - 1e-12);
        }

        #[test]
        fn whatever_the_name_the_value_is_a_number(name in "(cubicBezier|spring|steps)\\([-0-9., e]{0,20}\\)", t in 0.0..1.0_f64) {
            prop_assert!(!ease(&name, t).is_nan());
        }
    }
}
