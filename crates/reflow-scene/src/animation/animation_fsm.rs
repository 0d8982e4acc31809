//! `tpl_animation_fsm`.

use std::collections::BTreeMap;
use std::sync::Arc;

use glam::Mat4;
use reflow_component::kind::payload;
use reflow_component::prelude::*;

use super::poses::{MOST, Poses, blend};
use crate::database::bad_input;
use crate::kinds::Pose;
use crate::values::{count, number_or, object};

/// Selects one of up to eight input poses by named state and cross-fades on state changes.
///
/// Poses and the last event are kept; a step of `dt` seconds changes the state if the event asks for another one, lets the fade
/// go on, and sends the pose. A fade that is interrupted does not jump: the next one starts from the pose that was shown.
/// Where `states` lists states, an event that names another one is told as an Error, and the state stays.
#[derive(Component)]
#[component(id = "tpl_animation_fsm", title = "Animation State Machine", category = "animation")]
#[inport(input_0: Pose, "A pose.")]
#[inport(input_1: Pose, "A pose.")]
#[inport(input_2: Pose, "A pose.")]
#[inport(input_3: Pose, "A pose.")]
#[inport(input_4: Pose, "A pose.")]
#[inport(input_5: Pose, "A pose.")]
#[inport(input_6: Pose, "A pose.")]
#[inport(input_7: Pose, "A pose.")]
#[inport(event: Any, "The state to go to: a text, or an object with it under `target`.")]
#[inport(dt: Float, required, "A step of so many seconds; 1/30 for what is no number.")]
#[outport(bone_transforms: Pose, "The pose.")]
#[outport(state: Text, "The state.")]
#[outport(changed: JsonObject, "A change of the state, `{from, to}`, when there is one.")]
#[outport(metadata: JsonObject, "The state, whether it fades, and how far the fade is.")]
#[outport(error: ErrorText, "A state that there is not.")]
#[example(
    steps = r#"[{"input_0": {"type": "Bytes", "data": []}}, {"dt": 0.5}]"#,
    outputs = r#"[{}, {"bone_transforms": [{"type": "Bytes", "data": []}], "state": ["idle"], "metadata": [{"state": "idle", "blending": false, "blendProgress": 1.0}]}]"#
)]
pub(super) struct AnimationFsm {
    /// The first state.
    #[config(default = "idle".into(), lenient)]
    initial: Arc<str>,
    /// The inport of each state, `{NAME: {input: NUMBER}}`.
    #[config(lenient)]
    states: BTreeMap<String, Value>,
    /// How long fades are, `{"FROM->TO": {duration}}`, or `*` for any state; 0.3 seconds when it says nothing.
    #[config(lenient)]
    transitions: BTreeMap<String, Value>,
    #[state]
    poses: Poses,
    #[state]
    wanted: Option<Arc<str>>,
    #[state]
    current: Option<Arc<str>>,
    #[state]
    from: Option<Start>,
    #[state]
    shown: Option<Vec<Mat4>>,
    #[state]
    time: f64,
    #[state]
    length: f64,
}

/// What a fade starts from.
enum Start {
    /// The pose of a state, as it goes on.
    State(Arc<str>),
    /// The pose that was shown when another fade was interrupted.
    Shown(Vec<Mat4>),
}

/// How long fades are that nothing is said of.
const FADE: f64 = 0.3;

impl AnimationFsm {
    fn keep(&mut self, tick: &Tick<'_>) {
        if let Some(event) = tick.input(Self::IN_EVENT) {
            let target = match payload(event) {
                Some(value @ Value::Object(_)) => value.get("target").and_then(Value::as_str).map(Into::into),
                _ => event.as_text().map(Into::into),
            };
            self.wanted = target.filter(|target: &Arc<str>| !target.is_empty()).or_else(|| self.wanted.take());
        }
        let given = (0..MOST).find_map(|port| Some((port, Pose::read(tick.input(port)?)?)));
        if let Some((port, pose)) = given {
            self.poses.keep(port, pose);
        }
    }

    fn fade(&self, from: &str, to: &str) -> f64 {
        let found = [format!("{from}->{to}"), format!("*->{to}")].iter().find_map(|key| self.transitions.get(key));
        found.map_or(FADE, |transition| number_or(transition, "duration", FADE))
    }

    fn input(&self, state: &str) -> usize {
        let input = self.states.get(state).and_then(|state| count(state.get("input")?));
        input.and_then(|input| usize::try_from(input).ok()).unwrap_or(0)
    }
}

impl Actor for AnimationFsm {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.input(Self::IN_DT).is_none() {
            self.keep(tick);
            return Ok(());
        }
        let dt = tick.read(Self::IN_DT).unwrap_or(1.0 / 30.0);
        if !dt.is_finite() {
            return Err(bad_input(format!("dt is no number of seconds: {dt}")));
        }
        let mut current = self.current.take().unwrap_or_else(|| Arc::clone(&self.initial));
        let mut problem = None;
        if let Some(target) = self.wanted.take().filter(|target| *target != current) {
            if self.states.is_empty() || self.states.contains_key(&*target) {
                let is_interrupted = self.from.is_some() && self.time < self.length;
                let shown = self.shown.clone().filter(|_| is_interrupted);
                self.from = Some(shown.map_or_else(|| Start::State(Arc::clone(&current)), Start::Shown));
                (self.time, self.length) = (0.0, self.fade(&current, &target));
                let change = [("from", Value::String(current)), ("to", Value::String(Arc::clone(&target)))];
                tick.write(Self::OUT_CHANGED, object(change));
                current = target;
            } else {
                problem = Some(format!("there is no state `{target}`"));
            }
        }
        self.current = Some(Arc::clone(&current));
        self.time += dt;
        let is_fading = self.time < self.length;
        let progress = if self.length > 0.0 { (self.time / self.length).clamp(0.0, 1.0) } else { 1.0 };
        if let Some(pose) = self.poses.at(self.input(&current)) {
            let from = self.from.as_ref().filter(|_| is_fading).and_then(|from| match from {
                Start::State(state) => self.poses.at(self.input(state)),
                Start::Shown(pose) => Some(pose),
            });
            let mut mixed = from.map_or_else(Vec::new, |from| blend(from, pose, progress as f32));
            // Bones that the fade does not start from are there at once.
            mixed.extend_from_slice(&pose[mixed.len()..]);
            let pose = mixed;
            self.shown = Some(pose.clone());
            let metadata = [
                ("state", Value::String(Arc::clone(&current))),
                ("blending", is_fading.into()),
                ("blendProgress", progress.into()),
            ];
            // Sent rather than emitted: an event that names no state is no reason to stand still for a step.
            tick.send(Self::OUT_BONE_TRANSFORMS, Pose::make(pose));
            tick.send(Self::OUT_METADATA, Message::object(object(metadata)));
            tick.send(Self::OUT_STATE, Message::String(current));
        }
        problem.map_or(Ok(()), |text| tick.report(Self::OUT_ERROR, text))
    }
}
