//! `tpl_animation_clip`.

use reflow_component::kind::payload;
use reflow_component::prelude::*;

use super::generators::{NAMES, WALKERS, motion};
use super::parameters::Parameters;
use crate::database::bad_input;
use crate::kernels::clips::{Locomotion, Track, sample, times};
use crate::kernels::motions::{Axis, Envelope};
use crate::values::{count, number_or, object, text_or, vector};

/// Builds a keyframe clip per bone, from explicit channels or from one of eleven motion generators.
///
/// Any packet asks for it. Without `type`, channels come from an Object's `channels`, or, for other packets, from the config; each
/// is `{boneIndex, property, interpolation, times, values}`, `property` being `position`, `rotation` (quaternions) or `scale`. With
/// `type`, a generator moves bones 0 to `boneCount` - 1, sampled `fps` times a second and at the end: `wave`, `bounce`,
/// `twist`, `pendulum`, `spring`, `breathe`, `sway`, `orbit`, `spiral`, `figure8` or `tremble`. The table of the config says of each key which
/// of them it is for, with its default there. `amplitudeCurve` makes it stronger for some bones: `uniform`, `tailHeavy`, `headHeavy`, `bellCurve`,
/// `inverse`. `locomotion`, `{axis, speed, startPosition}`, lets bone 0 go on its way
/// beside the motions wave, bounce, twist and figure8.
///
/// # Errors
///
/// The tick fails for an unknown `type`, channels whose times do not ascend or are not as many as the values, and clips that would
/// have too many samples.
#[derive(Component)]
#[component(id = "tpl_animation_clip", title = "Animation Clip", category = "animation", heavy)]
#[inport(clip_data: Any, "Asks for the clip, or gives its channels.")]
#[outport(clip: JsonObject, "The clip.")]
#[outport(metadata: JsonObject, "The name, the duration and the number of channels.")]
#[example(
    config = r#"{"channels": [{"property": "position", "times": [0], "values": [[1, 2, 3]]}]}"#,
    steps = r#"[{"clip_data": {"type": "Flow"}}]"#,
    outputs = r#"[{"clip": [{"name": "clip", "duration": 1.0, "channelCount": 1, "channels": [{"boneIndex": 0, "property": "position", "interpolation": "linear", "times": [0], "values": [[1, 2, 3]]}]}], "metadata": [{"name": "clip", "duration": 1.0, "channelCount": 1}]}]"#
)]
pub(super) struct AnimationClip {
    /// What it is called.
    #[config(default = "clip".to_string(), lenient)]
    name: String,
    /// How long it is.
    #[config(default = 1.0, unit = "s", lenient)]
    duration: f64,
    /// Samples in a second, for generators.
    #[config(default = 30.into())]
    fps: Value,
    /// The channels.
    #[config(lenient)]
    channels: Vec<Value>,
    /// The generator.
    #[config(key = "type", lenient)]
    generator: Option<String>,
    /// How many bones a generator moves.
    #[config(key = "boneCount", default = 1.into())]
    bone_count: Value,
    /// For which bones a generator is strong.
    #[config(key = "amplitudeCurve", default = "uniform".to_string(), lenient)]
    envelope: String,
    /// A way that bone 0 goes beside the motion, `{axis, speed, startPosition}`.
    #[config()]
    locomotion: Value,
    #[config(group)]
    parameters: Parameters,
}

/// A clip has no more samples than this.
const MOST: f64 = 5e6;

impl AnimationClip {
    fn generate(&self, name: &str) -> Result<Vec<Value>, String> {
        let motion = motion(name, &self.parameters.0).ok_or_else(|| {
            format!(
                "there is no generator `{}`; there are {}",
                name.chars().take(40).collect::<String>(),
                NAMES.join(", ")
            )
        })?;
        let (fps, bones) = (count(&self.fps).unwrap_or(30), count(&self.bone_count).unwrap_or(1));
        if self.duration.max(0.0) * fps as f64 * bones as f64 > MOST || bones as f64 > MOST {
            return Err(format!(
                "{bones} bones for {} seconds with {fps} samples a second are too many samples",
                self.duration
            ));
        }
        let times = times(self.duration, fps as f64);
        let locomotion = (WALKERS.contains(&name) && self.locomotion.as_object().is_some()).then(|| Locomotion {
            axis: match text_or(&self.locomotion, "axis", "x") {
                "y" | "Y" => Axis::Y,
                "z" | "Z" => Axis::Z,
                _ => Axis::X,
            },
            speed: number_or(&self.locomotion, "speed", 0.3),
            start: vector(self.locomotion.get("startPosition"), [0.0; 3]),
        });
        let tracks = sample(&motion, bones as usize, Envelope::of(&self.envelope), &times, locomotion);
        let times = Value::array(times);
        Ok(tracks.into_iter().map(|track| generated(track, &times)).collect())
    }

    /// The channels that a packet gives, or those of the config.
    fn explicit(&self, message: Option<&Message>) -> Result<Vec<Value>, String> {
        let given =
            message.and_then(payload).map(|value| value.get("channels").and_then(Value::as_array).unwrap_or_default());
        given.unwrap_or(&self.channels).iter().enumerate().map(|(at, channel)| explicit(at, channel)).collect()
    }
}

fn generated(track: Track, times: &Value) -> Value {
    object([
        ("boneIndex", track.bone.into()),
        ("property", track.property.into()),
        ("interpolation", "linear".into()),
        ("times", times.clone()),
        ("values", Value::array(track.values.into_iter().map(Value::array))),
    ])
}

/// A channel with its defaults.
fn explicit(at: usize, channel: &Value) -> Result<Value, String> {
    let part = |key: &str, default: Value| channel.get(key).cloned().unwrap_or(default);
    let list = |key: &str| part(key, Value::array::<Value>([]));
    let (times, values) = (list("times"), list("values"));
    let numbers: Option<Vec<f64>> = times.as_array().and_then(|times| times.iter().map(Value::as_number).collect());
    let numbers = numbers.ok_or_else(|| format!("channel {at}: `times` is no list of numbers"))?;
    if numbers.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(format!("channel {at}: the times do not ascend"));
    }
    let interpolation = part("interpolation", "linear".into());
    let keys = values.as_array().map_or(0, <[Value]>::len);
    let is_cubic =
        interpolation.as_str().is_some_and(|word| word.eq_ignore_ascii_case("cubicspline") || word == "cubic");
    let needed = numbers.len() * if is_cubic { 3 } else { 1 };
    if keys != needed {
        return Err(format!(
            "channel {at}: {needed} values are needed for {} times, and there are {keys}",
            numbers.len()
        ));
    }
    Ok(object([
        ("boneIndex", part("boneIndex", 0.into())),
        ("property", part("property", "rotation".into())),
        ("interpolation", interpolation),
        ("times", times),
        ("values", values),
    ]))
}

impl Actor for AnimationClip {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let channels = match &self.generator {
            Some(name) => self.generate(name),
            None => self.explicit(tick.input(Self::IN_CLIP_DATA)),
        };
        let channels = channels.map_err(bad_input)?;
        let name = || Value::from(self.name.as_str());
        let number = Value::from(channels.len());
        let metadata = [("name", name()), ("duration", self.duration.into()), ("channelCount", number.clone())];
        tick.write(Self::OUT_METADATA, object(metadata));
        let clip = object([
            ("name", name()),
            ("duration", self.duration.into()),
            ("channelCount", number),
            ("channels", channels.into()),
        ]);
        tick.write(Self::OUT_CLIP, clip);
        Ok(())
    }
}
