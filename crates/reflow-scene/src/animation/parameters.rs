//! The config keys of the motion generators.
//!
//! Most have another default for each generator, so that they are a table here and are read, all of them together, where a generator
//! is made (`generators.rs`).

use reflow_component::declare::{Config, ConfigGroup, ConfigValue, Key, Rule};
use reflow_component::prelude::*;

/// What generators are told, as the config has it.
pub(super) struct Parameters(pub(super) Value);

/// A number: its key, its unit, and which generators it is for, with their defaults.
type Number = (&'static str, &'static str, &'static str);

const NUMBERS: &[Number] = &[
    ("speed", "", "Cycles a second: wave (0.6), twist (1), orbit (1), spiral (1), figure8 (0.5)."),
    ("amplitude", "rad", "The angle of a wave (0.15)."),
    ("waveLength", "rad", "How much later a wave is from bone to bone (0.5)."),
    ("height", "", "How high the first bounce is (1)."),
    ("gravity", "", "What pulls a bounce down (9.8)."),
    ("restitution", "", "How much of its speed a bounce keeps, from 0 to 1 (0.7)."),
    ("squash", "", "How much a bounce is squeezed on the ground (0)."),
    ("phaseOffset", "", "How much later each bone is: seconds for bounce, radians for orbit and figure8 (0)."),
    ("maxAngle", "rad", "How far a twist goes (a whole turn)."),
    ("initialAngle", "rad", "Where a pendulum starts (0.5)."),
    ("damping", "", "How fast it comes to rest: pendulum (0.3), spring (2)."),
    ("frequency", "Hz", "How fast it goes: pendulum (1.5), tremble (15)."),
    ("cascade", "rad", "How much later a pendulum is from bone to bone (0)."),
    ("stiffness", "", "How stiff a spring is (10)."),
    ("initialDisplacement", "", "Where a spring starts (0.3)."),
    ("rate", "Hz", "How often it breathes (0.25)."),
    ("scaleAmount", "", "How much it grows when it breathes (0.05)."),
    ("asymmetry", "", "The part of a breath that goes in, from 0.01 to 0.99 (0.6)."),
    ("windStrength", "rad", "How far it sways (0.2)."),
    ("windFrequency", "Hz", "How fast it sways (0.8)."),
    ("gustFrequency", "Hz", "How often there are gusts (0.15)."),
    ("gustStrength", "", "How strong they are (0.4)."),
    ("turbulence", "", "How uneven swaying is (0.3)."),
    ("secondaryStrength", "", "How much it sways the other way (0.3)."),
    ("radius", "", "How far out: orbit (1), spiral (0.5)."),
    ("radiusY", "", "The other half-axis of an orbit, where it is above 0 (0)."),
    ("tilt", "rad", "How an orbit is tilted (0)."),
    ("spinSpeed", "", "Turns a second of what is in an orbit (0)."),
    ("rise", "", "How much higher a spiral is with every turn (1)."),
    ("shrink", "", "How much narrower (0)."),
    ("scaleX", "", "The width of a figure8 (1)."),
    ("scaleY", "", "Its height (0.5)."),
    ("ratioX", "", "How often a figure8 goes from side to side (1)."),
    ("ratioY", "", "How often up and down (2)."),
    ("intensity", "rad", "How much it trembles (0.03)."),
    ("decay", "1/s", "How fast trembling fades (0)."),
    ("positionIntensity", "", "How much its place trembles (0)."),
];

const TRUTHS: &[(&str, &str)] = &[
    ("progressive", "Whether a twist grows along the bones (true)."),
    ("oscillate", "Whether a twist goes back and forth (false)."),
];

/// A word: its key, the words there are if they are few, and what it says.
type Named = (&'static str, &'static [&'static str], &'static str);

const AXES: &[&str] = &["x", "y", "z"];

const WORDS: &[Named] = &[
    ("rotationAxis", AXES, "The axis of a wave (y)."),
    (
        "axis",
        &["x", "y", "z", "all"],
        "The axis: bounce, twist, breathe (or all), orbit and spiral (y), pendulum and sway (z), spring (x).",
    ),
    ("property", &["rotation", "position"], "What a spring moves (rotation)."),
    ("secondaryAxis", AXES, "The other axis of swaying (x)."),
    ("plane", &["xy", "xz", "yz"], "Where a figure8 lies (xz)."),
    ("axes", &[], "The letters of the axes about which it trembles (xyz)."),
];

fn key(name: &'static str, unit: &'static str, summary: &'static str, schema: Value) -> Key {
    Key { rule: rule(name), range: None, unit, summary, default: None, schema }
}

fn rule(name: &'static str) -> Rule {
    Rule { name, aliases: &[], min: None, max: None, required: false, lenient: true }
}

impl ConfigGroup for Parameters {
    fn keys() -> Vec<Key> {
        let numbers = NUMBERS.iter().map(|(name, unit, summary)| key(name, unit, summary, f64::schema()));
        let truths = TRUTHS.iter().map(|(name, summary)| key(name, "", summary, bool::schema()));
        let words = WORDS.iter().map(|(name, words, summary)| {
            let examples = ("examples", Value::array(words.iter().copied()));
            let schema = [("type", "string".into())].into_iter().chain((!words.is_empty()).then_some(examples));
            key(name, "", summary, Value::object(schema))
        });
        numbers.chain(truths).chain(words).collect()
    }

    fn read(config: &mut Config<'_>) -> Self {
        // Read for what there is to say of them; each generator has defaults of its own.
        for (name, ..) in NUMBERS {
            config.read::<Option<f64>>(&rule(name), || None);
        }
        for (name, _) in TRUTHS {
            config.read::<Option<bool>>(&rule(name), || None);
        }
        for (name, ..) in WORDS {
            config.read::<Option<String>>(&rule(name), || None);
        }
        Self(config.whole())
    }
}
