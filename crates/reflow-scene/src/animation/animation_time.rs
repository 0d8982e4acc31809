//! `tpl_animation_time`.

use reflow_component::prelude::*;

use crate::database::bad_input;

/// Counts triggers and turns them into seconds.
///
/// Every packet on `trigger` is a frame: `time` is frame · speed / fps, so that no error adds up however long it runs. A number of
/// seconds on `dt` is a frame as long as that. With `duration` above 0 the time starts again after it.
#[derive(Component)]
#[component(id = "tpl_animation_time", title = "Animation Clock", category = "animation")]
#[inport(trigger: Flow, "A frame.")]
#[inport(dt: Float, "A frame of so many seconds.")]
#[outport(time: Float, "The time, in seconds.")]
#[outport(frame_number: Integer, "The number of the frame.")]
#[example(
    config = r#"{"fps": 4}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}, {"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"time": [0.25], "frame_number": [1]}, {"time": [0.5], "frame_number": [2]}]"#
)]
pub(super) struct AnimationTime {
    /// Frames in a second.
    #[config(default = 30.0, lenient)]
    fps: f64,
    /// How fast the time goes; it may go backward.
    #[config(default = 1.0, lenient)]
    speed: f64,
    /// How long until the time starts again; 0 for never.
    #[config(default = 0.0, unit = "s", lenient)]
    duration: f64,
    /// Whether the first frame is at 0 rather than one frame later.
    #[config(key = "startAtZero", lenient)]
    starts_at_zero: bool,
    /// Tell listeners how far it is, on the first three frames and every sixth.
    #[config(key = "logProgress", lenient)]
    logs: bool,
    /// Frames of a fixed length, and seconds beside them.
    #[state]
    frames: i64,
    #[state]
    beside: f64,
    #[state]
    number: i64,
}

impl Actor for AnimationTime {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if self.fps == 0.0 {
            return Err(bad_input("fps is 0"));
        }
        let dt = tick.read(Self::IN_DT);
        if tick.input(Self::IN_DT).is_some() && !dt.is_some_and(f64::is_finite) {
            return Err(bad_input("dt is no number of seconds"));
        }
        let is_first = std::mem::take(&mut self.starts_at_zero);
        if !is_first {
            match dt {
                Some(dt) => self.beside += dt,
                None => self.frames += 1,
            }
            self.number += 1;
        }
        let time = (self.frames as f64 / self.fps + self.beside) * self.speed;
        let time = if self.duration > 0.0 { time.rem_euclid(self.duration) } else { time };
        if self.logs && (self.number <= 3 || self.number % 6 == 0) {
            tick.node().log("info", format!("frame {} at {time:.3} s", self.number));
        }
        tick.write(Self::OUT_TIME, time);
        tick.write(Self::OUT_FRAME_NUMBER, self.number);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn no_error_adds_up() {
        let steps = vec![json!({"trigger": {"type": "Flow"}}); 1000];
        let outputs = run::<AnimationTime>(json!({"fps": 10}), steps);
        assert_eq!(outputs[999]["time"], json!([100.0]));
    }

    #[test]
    fn clocks_wrap_and_start_where_they_should() {
        let frame = json!({"trigger": {"type": "Flow"}});
        let outputs = run::<AnimationTime>(
            json!({"fps": 2, "duration": 0.75, "startAtZero": true}),
            [frame.clone(), frame.clone(), frame, json!({"dt": 0.125})],
        );
        let times: Vec<_> = outputs.iter().map(|step| step["time"][0].clone()).collect();
        assert_eq!(times, [json!(0.0), json!(0.5), json!(0.25), json!(0.375)]);
    }
}
