//! `tpl_character_controller`.

use reflow_component::prelude::*;

use crate::database::bad_input;
use crate::values::{float_or, object, truth_or, xyz};

/// Turns movement input into position, heading and an animation state.
///
/// A step of `dt` seconds turns the character towards the direction of the newest input, at most `turnSpeed` degrees a second, moves
/// it where it then heads, and lets it fall; input below 0.1 moves nothing. A root movement is added once. The state and whether it
/// is on the ground are those before the step. Headings are from -180 to 180 degrees.
#[derive(Component)]
#[component(id = "tpl_character_controller", title = "Character Controller", category = "animation")]
#[inport(input: JsonObject, "What is wanted, `{moveX, moveY, run, jump}`.")]
#[inport(dt: Float, required, "A step of so many seconds; 1/30 for what is no number.")]
#[inport(root_delta: JsonObject, "A movement of the root bone, `{x, y, z}`.")]
#[outport(state: Text, "`idle`, `walk`, `run` or `jump`.")]
#[outport(position: JsonObject, "Where it is.")]
#[outport(rotation: JsonObject, "How it is turned, in degrees.")]
#[outport(velocity: JsonObject, "How fast it goes.")]
#[outport(metadata: JsonObject, "The state, the speed, and whether it is on the ground.")]
#[example(
    config = r#"{"walkSpeed": 2}"#,
    steps = r#"[{"input": {"moveY": 1}}, {"dt": 0.5}]"#,
    outputs = r#"[{}, {"state": ["walk"], "position": [{"x": 0.0, "y": 0.0, "z": 1.0}], "rotation": [{"x": 0.0, "y": 0.0, "z": 0.0}], "velocity": [{"x": 0.0, "y": 0.0, "z": 2.0}], "metadata": [{"state": "walk", "speed": 2.0, "grounded": true}]}]"#
)]
pub(super) struct CharacterController {
    /// How fast it walks, in units a second.
    #[config(key = "walkSpeed", default = 150.0, lenient)]
    walk_speed: f64,
    /// How fast it runs.
    #[config(key = "runSpeed", default = 350.0, lenient)]
    run_speed: f64,
    /// How fast it turns, in degrees a second.
    #[config(key = "turnSpeed", default = 180.0, lenient)]
    turn_speed: f64,
    /// The acceleration upward, in units a second squared.
    #[config(default = -980.0, lenient)]
    gravity: f64,
    /// How fast it leaves the ground.
    #[config(key = "jumpForce", default = 400.0, lenient)]
    jump_force: f64,
    /// Where the ground is.
    #[config(key = "groundHeight", default = 0.0, lenient)]
    ground: f64,
    #[state]
    input: Option<Value>,
    #[state]
    root: [f32; 3],
    #[state]
    place: Option<[f32; 3]>,
    #[state]
    yaw: f32,
    #[state]
    fall: f32,
}

/// Input weaker than this moves nothing.
const DEAD_ZONE: f32 = 0.1;
/// How far from the ground is still on it.
const NEAR_GROUND: f32 = 0.01;

/// An angle from -180 to 180 degrees.
fn wrapped(degrees: f32) -> f32 {
    (degrees + 180.0).rem_euclid(360.0) - 180.0
}

impl Actor for CharacterController {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.input = tick.read(Self::IN_INPUT).or_else(|| self.input.take());
        if let Some(delta) = tick.read(Self::IN_ROOT_DELTA) {
            self.root = ["x", "y", "z"].map(|axis| float_or(&delta, axis, 0.0));
        }
        if tick.input(Self::IN_DT).is_none() {
            return Ok(());
        }
        let dt = tick.read(Self::IN_DT).unwrap_or(1.0 / 30.0) as f32;
        if !dt.is_finite() {
            return Err(bad_input(format!("dt is no number of seconds: {dt}")));
        }
        let empty = Value::Null;
        let input = self.input.as_ref().unwrap_or(&empty);
        let (move_x, move_y) = (float_or(input, "moveX", 0.0), float_or(input, "moveY", 0.0));
        let ground = self.ground as f32;
        let [mut x, mut y, mut z] = self.place.unwrap_or([0.0, ground, 0.0]);
        let grounded = y <= ground + NEAR_GROUND;
        let [root_x, root_y, root_z] = std::mem::take(&mut self.root);
        (x, y, z) = (x + root_x, y + root_y, z + root_z);

        let strength = move_x.hypot(move_y).min(1.0);
        let is_moving = strength > DEAD_ZONE;
        let is_running = truth_or(input, "run", false);
        let full = if is_running { self.run_speed } else { self.walk_speed } as f32;
        let speed = if is_moving { full * strength } else { 0.0 };
        let state = match (grounded, is_moving, is_running) {
            (false, ..) => "jump",
            (true, true, true) => "run",
            (true, true, false) => "walk",
            (true, false, _) => "idle",
        };
        if is_moving {
            // Of f64s: a speed that is no f32 turns at once, and not at all in no time.
            let most = (self.turn_speed * f64::from(dt)).abs() as f32;
            let turn = wrapped(move_x.atan2(move_y).to_degrees() - self.yaw);
            self.yaw = wrapped(self.yaw + turn.clamp(-most, most));
        }
        let (sin, cos) = self.yaw.to_radians().sin_cos();
        (x, z) = (x + sin * speed * dt, z + cos * speed * dt);
        if grounded && truth_or(input, "jump", false) {
            self.fall = self.jump_force as f32;
        }
        self.fall += self.gravity as f32 * dt;
        y += self.fall * dt;
        if y < ground {
            (y, self.fall) = (ground, 0.0);
        }
        if ![x, y, z, self.yaw, self.fall].iter().all(|part| part.is_finite()) {
            self.fall = 0.0;
            return Err(bad_input("the step leads nowhere"));
        }
        self.place = Some([x, y, z]);

        tick.write(Self::OUT_STATE, state);
        tick.write(Self::OUT_POSITION, xyz([x, y, z]));
        tick.write(Self::OUT_ROTATION, xyz([0.0, self.yaw, 0.0]));
        tick.write(Self::OUT_VELOCITY, xyz([sin * speed, self.fall, cos * speed]));
        let metadata = [("state", state.into()), ("speed", speed.into()), ("grounded", grounded.into())];
        tick.write(Self::OUT_METADATA, object(metadata));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn root_movements_are_added_once_and_input_replaces_input() {
        let steps = [
            json!({"root_delta": {"x": 1}}),
            json!({"dt": 0.0}),
            json!({"dt": 0.0}),
            json!({"input": {"moveY": 1}}),
            json!({"input": {"moveX": 0.05}}),
            json!({"dt": 1.0}),
        ];
        let outputs = run::<CharacterController>(json!({}), steps);
        assert_eq!(outputs[2]["position"][0]["x"], 1.0);
        assert_eq!((&outputs[5]["state"][0], &outputs[5]["position"][0]["z"]), (&json!("idle"), &json!(0.0)));
    }

    #[test]
    fn turns_may_be_as_fast_as_numbers_go() {
        let steps = [json!({"input": {"moveX": 1}}), json!({"dt": 0}), json!({"dt": 0.1})];
        let outputs = run::<CharacterController>(json!({"turnSpeed": 1e300}), steps);
        assert_eq!((&outputs[1]["rotation"][0]["y"], &outputs[2]["rotation"][0]["y"]), (&json!(0.0), &json!(90.0)));
    }
}
