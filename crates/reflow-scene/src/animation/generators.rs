//! The motion generators of clips, as a config describes them.

use reflow_message::Value;

use crate::kernels::motions::{Axis, Motion, Plane};
use crate::values::{number_or, text_or, truth_or};

/// The generators.
pub(super) const NAMES: [&str; 11] =
    ["wave", "bounce", "twist", "pendulum", "spring", "breathe", "sway", "orbit", "spiral", "figure8", "tremble"];

/// The generators that may walk on the way.
pub(super) const WALKERS: [&str; 4] = ["wave", "bounce", "twist", "figure8"];

/// The motion of a name and a config.
pub(super) fn motion(name: &str, config: &Value) -> Option<Motion> {
    let number =
        |key: &str, default: f64| Some(number_or(config, key, default)).filter(|n| n.is_finite()).unwrap_or(default);
    let axis = |key: &str, default: &str| Axis::of(text_or(config, key, default));
    let truth = |key: &str, default| truth_or(config, key, default);
    Some(match name {
        "wave" => Motion::Wave {
            speed: number("speed", 0.6),
            amplitude: number("amplitude", 0.15),
            wave_length: number("waveLength", 0.5),
            axis: axis("rotationAxis", "y"),
        },
        "bounce" => Motion::Bounce {
            height: number("height", 1.0),
            gravity: number("gravity", 9.8),
            restitution: number("restitution", 0.7).clamp(0.0, 1.0),
            squash: number("squash", 0.0),
            phase: number("phaseOffset", 0.0),
            axis: axis("axis", "y"),
        },
        "twist" => Motion::Twist {
            speed: number("speed", 1.0),
            angle: number("maxAngle", std::f64::consts::TAU),
            is_progressive: truth("progressive", true),
            oscillates: truth("oscillate", false),
            axis: axis("axis", "y"),
        },
        "pendulum" => Motion::Pendulum {
            angle: number("initialAngle", 0.5),
            damping: number("damping", 0.3),
            frequency: number("frequency", 1.5),
            cascade: number("cascade", 0.0),
            axis: axis("axis", "z"),
        },
        "spring" => Motion::Spring {
            stiffness: number("stiffness", 10.0),
            damping: number("damping", 2.0),
            displacement: number("initialDisplacement", 0.3),
            moves: text_or(config, "property", "rotation") == "position",
            axis: axis("axis", "x"),
        },
        "breathe" => Motion::Breathe {
            rate: number("rate", 0.25),
            amount: number("scaleAmount", 0.05),
            asymmetry: number("asymmetry", 0.6).clamp(0.01, 0.99),
            axis: Some(text_or(config, "axis", "y")).filter(|word| *word != "all").map(Axis::of),
        },
        "sway" => Motion::Sway {
            strength: number("windStrength", 0.2),
            frequency: number("windFrequency", 0.8),
            gust_frequency: number("gustFrequency", 0.15),
            gust: number("gustStrength", 0.4),
            turbulence: number("turbulence", 0.3),
            axis: axis("axis", "z"),
            second: axis("secondaryAxis", "x"),
            second_strength: number("secondaryStrength", 0.3),
        },
        "orbit" => Motion::Orbit {
            speed: number("speed", 1.0),
            radius: number("radius", 1.0),
            radius_y: number("radiusY", 0.0),
            tilt: number("tilt", 0.0),
            spin: number("spinSpeed", 0.0),
            phase: number("phaseOffset", 0.0),
            axis: axis("axis", "y"),
        },
        "spiral" => Motion::Spiral {
            speed: number("speed", 1.0),
            radius: number("radius", 0.5),
            rise: number("rise", 1.0),
            shrink: number("shrink", 0.0),
            axis: axis("axis", "y"),
        },
        "figure8" => Motion::Figure8 {
            speed: number("speed", 0.5),
            scale: [number("scaleX", 1.0), number("scaleY", 0.5)],
            ratio: [number("ratioX", 1.0), number("ratioY", 2.0)],
            phase: number("phaseOffset", 0.0),
            plane: match text_or(config, "plane", "xz") {
                "xy" => Plane::Xy,
                "yz" => Plane::Yz,
                _ => Plane::Xz,
            },
        },
        "tremble" => {
            let axes = text_or(config, "axes", "xyz");
            Motion::Tremble {
                intensity: number("intensity", 0.03),
                frequency: number("frequency", 15.0),
                decay: number("decay", 0.0),
                axes: ['x', 'y', 'z'].map(|axis| axes.contains(axis)),
                position: number("positionIntensity", 0.0),
            }
        }
        _ => return None,
    })
}
