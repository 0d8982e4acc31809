//! `tpl_sprite_animation`.

use reflow_component::prelude::*;

use crate::database::bad_input;
use crate::values::{count, object};

/// Turns time or ticks into a frame index of a sprite sheet.
///
/// The frames from `startFrame` to `endFrame` are shown in turn, `fps` of them a second; with `pingpong`, those between come again
/// backward. A number on `time` asks for the frame then; any packet on `tick` counts on by one frame. An Object on `sprite`
/// describes another sprite by the same keys, which then count before the config, and starts from the beginning.
#[derive(Component)]
#[component(id = "tpl_sprite_animation", title = "Sprite Animation", category = "animation")]
#[inport(tick: Flow, "The next frame.")]
#[inport(time: Float, "The time, in seconds.")]
#[inport(sprite: JsonObject, "Another sprite.")]
#[outport(frame: Integer, "The index of the frame.")]
#[outport(progress: Float, "How far it is, from 0 to 1.")]
#[outport(completed: Flow, "That the last frame is reached, once, without `loop`.")]
#[outport(metadata: JsonObject, "The frame, the number of frames in turn, the progress and the time.")]
#[example(
    config = r#"{"frameCount": 3, "fps": 4}"#,
    steps = r#"[{"time": 0.5}]"#,
    outputs = r#"[{"frame": [2], "progress": [0.6666666666666666], "metadata": [{"frame": 2, "sequenceLength": 3, "progress": 0.6666666666666666, "time": 0.5}]}]"#
)]
pub(super) struct SpriteAnimation {
    #[config(whole)]
    config: Value,
    /// Frames on the sheet.
    #[config(key = "frameCount", default = 4, lenient)]
    #[expect(dead_code, reason = "read from the whole config, which a sprite overrides")]
    frame_count: u32,
    /// Frames in a second.
    #[config(default = 12.0, lenient)]
    #[expect(dead_code, reason = "as above")]
    fps: f64,
    /// The first frame.
    #[config(key = "startFrame", default = 0, lenient)]
    #[expect(dead_code, reason = "as above")]
    start_frame: u32,
    /// The last frame; the last one on the sheet when it is left out.
    #[config(key = "endFrame", lenient)]
    #[expect(dead_code, reason = "as above")]
    end_frame: Option<u32>,
    /// Begin again after the last frame.
    #[config(key = "loop", default = true, lenient)]
    #[expect(dead_code, reason = "as above")]
    is_looped: bool,
    /// Go forth and back.
    #[config(lenient)]
    #[expect(dead_code, reason = "as above")]
    pingpong: bool,
    /// Whether the first tick shows the first frame rather than the second.
    #[config(key = "startAtZero", lenient)]
    starts_at_zero: bool,
    #[state]
    sprite: Option<Value>,
    #[state]
    ticks: u64,
    #[state]
    is_completed: bool,
}

/// A sprite as its keys describe it.
struct Sprite {
    start: u64,
    end: u64,
    fps: f64,
    is_looped: bool,
    pingpong: bool,
}

impl Sprite {
    fn of(given: impl Fn(&str) -> Option<Value>) -> Result<Self, String> {
        let whole = |key: &str| given(key).as_ref().and_then(count);
        let truth = |key: &str| given(key).and_then(|value| value.as_boolean());
        let frames = whole("frameCount").unwrap_or(4);
        let start = whole("startFrame").unwrap_or(0);
        let end = whole("endFrame").unwrap_or(frames.saturating_sub(1));
        let fps = given("fps").and_then(|value| value.as_number()).unwrap_or(12.0);
        if end < start {
            return Err(format!("the last frame, {end}, is before the first, {start}"));
        }
        if !(fps.is_finite() && fps > 0.0) {
            return Err(format!("{fps} frames in a second show nothing"));
        }
        Ok(Self {
            start,
            end,
            fps,
            is_looped: truth("loop").unwrap_or(true),
            pingpong: truth("pingpong").unwrap_or(false),
        })
    }

    fn forth(&self) -> u64 {
        (self.end - self.start).saturating_add(1)
    }

    /// How many frames are shown in turn.
    fn length(&self) -> u64 {
        let forth = self.forth();
        if self.pingpong && forth > 2 { forth.saturating_mul(2) - 2 } else { forth }
    }

    /// The frame at a position in turn.
    fn frame(&self, position: u64) -> u64 {
        let forth = self.forth();
        if position < forth { self.start + position } else { self.start + (self.length() - position) }
    }
}

impl SpriteAnimation {
    fn sprite(&self) -> Result<Sprite, String> {
        Sprite::of(|key| {
            let over = self.sprite.as_ref().and_then(|sprite| sprite.get(key));
            over.or_else(|| self.config.get(key)).cloned()
        })
    }
}

impl Actor for SpriteAnimation {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(sprite) = tick.read(Self::IN_SPRITE) {
            (self.sprite, self.ticks, self.is_completed) = (Some(sprite), 0, false);
            return Ok(());
        }
        let sprite = self.sprite().map_err(bad_input)?;
        let (length, fps) = (sprite.length(), sprite.fps);
        let duration = length as f64 / fps;
        let time = tick.read(Self::IN_TIME);
        let (position, time) = if let Some(time) = time {
            if !time.is_finite() {
                return Err(bad_input(format!("{time} is no time")));
            }
            let time = if sprite.is_looped { time.rem_euclid(duration) } else { time.clamp(0.0, duration) };
            ((time / (1.0 / fps)).floor() as u64, time)
        } else {
            // Whole frames: no time in between is rounded to one of them.
            let shown = if self.starts_at_zero { self.ticks } else { self.ticks + 1 };
            self.ticks += 1;
            let shown = if sprite.is_looped { shown % length } else { shown.min(length) };
            (shown, shown as f64 / fps)
        };
        let frame = sprite.frame(position.min(length - 1));
        let progress = time / duration;
        let is_over = !sprite.is_looped && progress >= 1.0;
        if is_over && !std::mem::replace(&mut self.is_completed, is_over) {
            tick.write(Self::OUT_COMPLETED, ());
        }
        let metadata = object([
            ("frame", frame.into()),
            ("sequenceLength", length.into()),
            ("progress", progress.into()),
            ("time", time.into()),
        ]);
        tick.write(Self::OUT_FRAME, i64::try_from(frame).unwrap_or(i64::MAX));
        tick.write(Self::OUT_PROGRESS, progress);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::{failures, run};
    use serde_json::json;

    #[test]
    fn forth_and_back() {
        let config = json!({"frameCount": 4, "pingpong": true, "startAtZero": true});
        let outputs = run::<SpriteAnimation>(config, vec![json!({"tick": {"type": "Flow"}}); 8]);
        let frames: Vec<_> = outputs.iter().map(|step| step["frame"][0].as_i64().unwrap()).collect();
        assert_eq!(frames, [0, 1, 2, 3, 2, 1, 0, 1]);
    }

    #[test]
    fn sprites_that_show_nothing_are_told() {
        let tick = json!({"tick": {"type": "Flow"}});
        for config in [json!({"startFrame": 5, "endFrame": 2}), json!({"fps": 0}), json!({"fps": -1})] {
            assert_eq!(failures::<SpriteAnimation>(config, &tick).len(), 1);
        }
    }
}
